"""The book of purchases: append-only, in SQLite. A question is written down before it is sent, and what became of it after.

A process that ends in between leaves a question of which nobody knows whether it was answered: the next one to open the ledger writes
that down, and what was reserved counts as spent. What was answered is never bought again: an index of the database holds that.
"""

import contextlib
import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.tools.teachers.budget import Cost

VERSION = 1  # of the tables; SQLite's user_version
TABLES = """
CREATE TABLE questions (key TEXT PRIMARY KEY, model TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sent (
  number INTEGER PRIMARY KEY, key TEXT NOT NULL REFERENCES questions, road TEXT NOT NULL, idempotency TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, reply_tokens INTEGER NOT NULL, money_micro INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE results (
  number INTEGER PRIMARY KEY REFERENCES sent, key TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, text TEXT NOT NULL,
  reply_id TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, reply_tokens INTEGER NOT NULL, money_micro INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE closed (number INTEGER PRIMARY KEY, key TEXT NOT NULL, reason TEXT NOT NULL, limits TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX sent_by_key ON sent (key);
CREATE INDEX results_by_key ON results (key);
CREATE INDEX closed_by_key ON closed (key);
CREATE UNIQUE INDEX answered_once ON results (key) WHERE outcome = 'answered';
CREATE UNIQUE INDEX a_reply_answers_once ON results (reply_id) WHERE outcome = 'answered' AND reply_id <> '';
"""
FOREVER = "CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
NOTHING = Cost()
LIVE, BATCH = "live", "batch"  # how a question was sent
SENT = (
    "SELECT s.number, s.prompt_tokens, s.reply_tokens, s.money_micro FROM sent s LEFT JOIN results r USING (number) WHERE r.number IS NULL"
)


class Outcome(StrEnum):
    """What became of a question that was sent."""

    ANSWERED = "answered"
    MALFORMED = "malformed"  # a reply came, or half of one, that cannot be used
    BUSY = "busy"  # no reply: the server was too busy, out of reach or too slow
    REFUSED = "refused"  # the server will not answer this one
    UNKNOWN = "unknown"  # sent by a run that ended before it could record more


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one sending. `text` is the reply's content where it is of use; `used` is what it cost, as far as is known."""

    outcome: Outcome
    used: Cost
    reason: str = ""
    text: str = ""
    reply_id: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand with a question: `answer` None means that it is not answered."""

    answer: str | None
    malformed: int
    unknown: int
    waiting: bool  # in a batch file whose results have not been read
    closed: Mapping[str, str]  # why it was given up, by the limits that were in force


@dataclass(frozen=True, slots=True)
class Account:
    """What questions cost over all runs: `retries` are sendings beyond the first, `unknown` those that a killed run did not record."""

    calls: int = 0
    answered: int = 0
    retries: int = 0
    unknown: int = 0
    reserved_tokens: int = 0
    used: Cost = NOTHING


class Ledger:
    """One file, one process at a time. A context manager.

    Raises:
        UserError: another process buys here, or the file is no ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_name(path.name + ".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise UserError(str(path), "another process is buying with this ledger", "wait for it") from None
        try:
            self._base = sqlite3.connect(path, isolation_level=None)
            self._open()
        except (sqlite3.DatabaseError, UserError) as error:
            self._lock.close()
            found = error.found if isinstance(error, UserError) else str(error)
            raise UserError(str(path), f"cannot be used as a ledger: {found}", "give another path, or move that file away") from None
        self.unrecorded = self._record_unknown(LIVE)

    def _open(self) -> None:
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = FULL")  # what is written down stays so even where the power goes
        self._base.execute("PRAGMA foreign_keys = ON")
        (found,) = self._base.execute("PRAGMA user_version").fetchone()
        if found == 0:
            if self._base.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise UserError(str(self.path), "it holds tables of another program")
            with self._whole():
                for statement in TABLES.split(";\n"):
                    self._base.execute(statement)
                for table in ("questions", "sent", "results", "closed"):
                    for verb in ("UPDATE", "DELETE"):
                        self._base.execute(FOREVER.format(table=table, verb=verb))
                self._base.execute(f"PRAGMA user_version = {VERSION}")
        elif found != VERSION:
            raise UserError(str(self.path), f"it is of version {found}, known is {VERSION}")

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """All of the statements inside, or none."""
        self._base.execute("BEGIN IMMEDIATE")
        with self._base:  # commits, or rolls back where something is raised
            yield

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others buy."""
        self._base.close()
        self._lock.close()

    def send(self, key: str, body: Mapping[str, Any], reserved: Cost, road: str = LIVE) -> tuple[int, str]:
        """Write down that a question is about to be sent; return its number and the idempotency key to send with it.

        The idempotency key stays until a reply came that was of no use: a server that knows such keys then charges once.
        """
        (spoiled,) = self._base.execute("SELECT count(*) FROM results WHERE key = ? AND outcome = 'malformed'", (key,)).fetchone()
        idempotency = f"{key}-{spoiled}"
        with self._whole():
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            self._base.execute("INSERT OR IGNORE INTO questions VALUES (?, ?, ?)", (key, body["model"], text))
            row = (key, road, idempotency, reserved.prompt_tokens, reserved.reply_tokens, reserved.money_micro, _now())
            number = self._base.execute("INSERT INTO sent VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
        return int(number or 0), idempotency

    def record(self, number: int, key: str, result: Result) -> Result:
        """Write down what became of a sending; a reply that answers another question already is malformed."""
        try:
            self._record(number, key, result)
        except sqlite3.IntegrityError as error:
            if "reply_id" not in str(error):
                raise
            result = Result(Outcome.MALFORMED, result.used, "duplicate of another reply")
            self._record(number, key, result)
        return result

    def _record(self, number: int, key: str, result: Result) -> None:
        used = result.used
        row = (number, key, result.outcome, result.reason, result.text, result.reply_id)
        self._base.execute(
            "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, used.prompt_tokens, used.reply_tokens, used.money_micro, _now()),
        )

    def give_up(self, key: str, reason: str, limits: str) -> None:
        """Write down that a question will not be asked again under these limits."""
        self._base.execute("INSERT INTO closed VALUES (NULL, ?, ?, ?, ?)", (key, reason, limits, _now()))

    def abandon_batches(self) -> int:
        """Write down that no results of batch files will be read any more: what they ask counts as sent, unknown. Return how many."""
        return self._record_unknown(BATCH)

    def _record_unknown(self, road: str) -> int:
        rows = self._base.execute(SENT.replace("SELECT", "SELECT s.key,") + " AND s.road = ?", (road,)).fetchall()
        with self._whole():
            for key, number, *reserved in rows:
                self._record(number, key, Result(Outcome.UNKNOWN, Cost(*reserved), "not recorded by the run that sent it"))
        return len(rows)

    def waiting(self, key: str) -> tuple[int, Cost] | None:
        """Return the number of the sending whose result has not come, and what is reserved for it."""
        row = self._base.execute(SENT + " AND s.key = ?", (key,)).fetchone()
        return (row[0], Cost(*row[1:])) if row else None

    def standing(self, key: str) -> Standing:
        """Return how things stand with a question."""
        answer, malformed, unknown = None, 0, 0
        for outcome, text in self._base.execute("SELECT outcome, text FROM results WHERE key = ?", (key,)):
            answer = text if outcome == Outcome.ANSWERED else answer
            malformed += outcome == Outcome.MALFORMED
            unknown += outcome == Outcome.UNKNOWN
        closed = dict(self._base.execute("SELECT limits, reason FROM closed WHERE key = ?", (key,)))
        return Standing(answer, malformed, unknown, self.waiting(key) is not None, closed)

    def spent(self, model: str) -> Cost:
        """Return what was ever spent on a model; what stands in batch files counts as spent."""
        used = "SELECT r.prompt_tokens, r.reply_tokens, r.money_micro FROM results r JOIN questions q USING (key) WHERE q.model = ?"
        open_ones = (
            SENT.replace("SELECT s.number,", "SELECT").replace(" WHERE", " JOIN questions q ON q.key = s.key WHERE") + " AND q.model = ?"
        )
        total = Cost()
        for query in (used, open_ones):
            sums = f"SELECT total(prompt_tokens), total(reply_tokens), total(money_micro) FROM ({query})"
            total += Cost(*(int(number) for number in self._base.execute(sums, (model,)).fetchone()))
        return total

    def account(self, keys: Iterable[str]) -> Account:
        """Return what the questions of these names cost, over all runs."""
        found = Account()
        for key in dict.fromkeys(keys):
            reserved = self._base.execute("SELECT prompt_tokens + reply_tokens FROM sent WHERE key = ?", (key,)).fetchall()
            rows = self._base.execute(
                "SELECT outcome, prompt_tokens, reply_tokens, money_micro FROM results WHERE key = ?", (key,)
            ).fetchall()
            outcomes = [row[0] for row in rows]
            found = Account(
                found.calls + len(reserved),
                found.answered + outcomes.count(Outcome.ANSWERED),
                found.retries + max(0, len(reserved) - 1),
                found.unknown + outcomes.count(Outcome.UNKNOWN),
                found.reserved_tokens + sum(row[0] for row in reserved),
                sum((Cost(*row[1:]) for row in rows), found.used),
            )
        return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
