"""What a service keeps: one SQLite file in WAL mode, which several processes share. Answers that passed, votes, and if asked a log.

A row counts as kept once its transaction has ended: it then survives the end of the process, however that comes (WAL with
synchronous=NORMAL: sqlite.org/wal.html, "Performance Considerations"; only a loss of power may take the last rows, and never the file).
"""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from kubestill.ground.errors import UserError
from kubestill.serving.answer import Answer
from kubestill.serving.api import Vote
from kubestill.serving.packing import pack, unpack

FILE = "state.db"
BUSY_SECONDS = 5.0  # how long a write waits for another process's
PAUSE_SECONDS = 0.01  # before a file that is locked is tried again
MAX_ANSWER_BYTES = 1 << 20  # a larger answer is not kept
SWEPT = 64  # answers that go at a time where there is no room
CHOICES = ("first", "second", "tie", "neither")

# Each takes the file from the version before it; a file remembers its version as PRAGMA user_version. New ones are added at the end.
MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE answers (key TEXT PRIMARY KEY, made REAL NOT NULL, packed BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX answers_made ON answers (made, key);
    """,
    """
    CREATE TABLE votes (number INTEGER PRIMARY KEY, made REAL NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL,
        request_digest TEXT NOT NULL, choice TEXT NOT NULL);
    CREATE INDEX votes_pair ON votes (first, second, choice);
    """,
    """
    CREATE TABLE log (number INTEGER PRIMARY KEY, made REAL NOT NULL, record TEXT NOT NULL);
    CREATE INDEX log_made ON log (made);
    """,
    # The bytes of all answers, kept by the file itself so that processes agree on them.
    """
    CREATE TABLE room (only INTEGER PRIMARY KEY CHECK (only = 1), bytes INTEGER NOT NULL);
    INSERT INTO room SELECT 1, coalesce(sum(length(packed)), 0) FROM answers;
    CREATE TRIGGER answer_comes AFTER INSERT ON answers BEGIN UPDATE room SET bytes = bytes + length(new.packed); END;
    CREATE TRIGGER answer_goes AFTER DELETE ON answers BEGIN UPDATE room SET bytes = bytes - length(old.packed); END;
    """,
)


@dataclass(frozen=True)
class Keeping:
    """How much is kept, and how long."""

    answer_seconds: float
    answer_bytes: int
    log_seconds: float
    log_rows: int = 100_000


class State:
    """The state of a workspace's service; may be used from many threads. `failures` counts what could not be read or written.

    Of the cache and the log nothing depends: where the disk is full or the file busy, the request goes on without them.
    """

    def __init__(self, folder: Path, keeping: Keeping, now: Callable[[], float] = time.time) -> None:
        """Open the file, and bring it to the newest version.

        Raises:
            UserError: it cannot be written, is no such file, or a later kubestill has made it.
        """
        self.path, self.keeping, self._now, self._lock, self.failures = folder / FILE, keeping, now, Lock(), 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            _write_ahead(self._base)
            self._base.execute("PRAGMA synchronous = NORMAL")
            migrate(self._base, str(self.path))
        except OSError as error:
            raise UserError(str(folder), f"cannot be written ({error.strerror})", "give another folder of state") from None
        except sqlite3.Error as error:
            raise UserError(str(self.path), f"cannot be used ({error})", "give another folder of state, or move the file away") from None

    def find(self, key: str) -> Answer | None:
        """Return the answer that is kept under a key, unless it is too old or cannot be read."""
        found = None
        with self._forgiven():
            oldest = self._now() - self.keeping.answer_seconds
            found = self._base.execute("SELECT packed FROM answers WHERE key = ? AND made > ?", (key, oldest)).fetchone()
        return unpack(found[0]) if found else None

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer; what is too old goes, and the oldest where there is no room."""
        packed = pack(answer)
        if len(packed) > min(MAX_ANSWER_BYTES, self.keeping.answer_bytes):
            return
        with self._forgiven(), self._written():
            self._base.execute("DELETE FROM answers WHERE key = ? OR made <= ?", (key, self._now() - self.keeping.answer_seconds))
            self._base.execute("INSERT INTO answers VALUES (?, ?, ?)", (key, self._now(), packed))
            while self._base.execute("SELECT bytes FROM room").fetchone()[0] > self.keeping.answer_bytes:
                oldest = "SELECT key FROM answers WHERE key != ? ORDER BY made, key LIMIT ?"
                self._base.execute(f"DELETE FROM answers WHERE key IN ({oldest})", (key, SWEPT))

    def vote(self, vote: Vote) -> None:
        """Keep a vote.

        Raises:
            UserError: it names no choice, or it cannot be written.
        """
        if vote.choice not in CHOICES:
            raise UserError("choice", f"found {vote.choice[:40]!r}", f"one of {', '.join(CHOICES)}")
        row = (self._now(), vote.first, vote.second, vote.request_digest, vote.choice)
        try:
            with self._lock, self._written():
                self._base.execute("INSERT INTO votes (made, first, second, request_digest, choice) VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise UserError(str(self.path), f"the vote cannot be kept ({error})", "make room, or try again") from None

    def votes(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """Return how often each choice was made, by pair of models in the order of their names; "first" is the first of the pair."""
        turned = {"first": "second", "second": "first"}
        found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(CHOICES, 0))
        with self._forgiven():
            rows = self._base.execute("SELECT first, second, choice, count(*) FROM votes GROUP BY first, second, choice").fetchall()
            for first, second, choice, count in rows:
                pair, told = ((first, second), choice) if first <= second else ((second, first), turned.get(choice, choice))
                found[pair][told] += count
        return dict(found)

    def log(self, record: str) -> None:
        """Keep a line of the log, which must be redacted; what is too old goes, and the oldest where there are too many."""
        with self._forgiven(), self._written():
            row = self._base.execute("INSERT INTO log (made, record) VALUES (?, ?)", (self._now(), record))
            many = (row.lastrowid or 0) - self.keeping.log_rows
            self._base.execute("DELETE FROM log WHERE number <= ? OR made <= ?", (many, self._now() - self.keeping.log_seconds))

    def logged(self, most: int = 100) -> list[str]:
        """Return the newest lines of the log, newest first."""
        with self._lock:
            return [row[0] for row in self._base.execute("SELECT record FROM log ORDER BY number DESC LIMIT ?", (most,))]

    def ready(self) -> str:
        """Return why nothing can be written; "" where it can."""
        try:
            with self._lock:
                self._base.execute("BEGIN IMMEDIATE")
                self._base.execute("ROLLBACK")
        except sqlite3.Error as error:
            return f"{self.path}: {error}"
        return ""

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """Hold the file alone among threads; what the file refuses is counted."""
        try:
            with self._lock:
                yield
        except sqlite3.Error:
            self.failures += 1

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Write all or nothing."""
        with transaction(self._base):
            yield


def _write_ahead(base: sqlite3.Connection) -> None:
    """Turn to WAL mode. Where another process does the same now SQLite refuses at once, whatever the timeout: so it is tried again here.

    Raises:
        sqlite3.Error: it is no such file, or stays locked.
    """
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            base.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:  # the low byte: others say more of it
                raise
        time.sleep(PAUSE_SECONDS)


@contextmanager
def transaction(base: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing; waits for other writers from its start, since a reader cannot become one later (SQLITE_BUSY)."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
        base.execute("COMMIT")
    finally:
        if base.in_transaction:  # it came to no end
            base.execute("ROLLBACK")


def migrate(base: sqlite3.Connection, where: str) -> None:
    """Bring a file to the newest version, each step whole or not at all; processes that start together take turns.

    Raises:
        UserError: a later kubestill has made it.
        sqlite3.Error: it is no such file, or cannot be written.
    """
    while True:
        with transaction(base):
            version = int(base.execute("PRAGMA user_version").fetchone()[0])
            if version > len(MIGRATIONS):
                raise UserError(where, f"its version is {version}, this kubestill knows {len(MIGRATIONS)}", "use the newer kubestill")
            if version == len(MIGRATIONS):
                return
            for statement in _statements(MIGRATIONS[version]):
                base.execute(statement)
            base.execute(f"PRAGMA user_version = {version + 1}")


def _statements(text: str) -> Iterator[str]:
    """Cut a migration into statements (`executescript` would end the transaction)."""
    statement = ""
    for part in text.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement) and statement.strip(" \n;"):
            yield statement
            statement = ""
