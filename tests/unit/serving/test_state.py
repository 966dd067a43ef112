"""What a service keeps: answers come back as they were, old ones go, several processes share the file, and a kill takes nothing."""

import sqlite3
import subprocess
import sys
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.serving.answer import Answer, Change
from kubestill.serving.api import Vote
from kubestill.serving.packing import pack, unpack
from kubestill.serving.state import FILE, MIGRATIONS, Keeping, State
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Removed, Reply

FINDING = Finding("K8S022", "spec.x", "unknown field", Tier.SCHEMA, 3, 5, "warning", "correct it")
VERDICT = Verdict(
    (Result("A", Tier.FORM, Outcome.PASS), Result("B", Tier.SCHEMA, Outcome.PASS, (FINDING,)), Result("C", Tier.RULES, Outcome.SKIP))
)
REPLY = Reply("kind: Pod ‹ü›\n", 3, 5, notes="kind: Pod", forced=2, drafted=1, removed=(Removed("a", 0.5, "b", 1),), unused=("x",))
ANSWER = Answer(REPLY, VERDICT, 0.25, True, True, replace(REPLY, text="draft"), Change("-a\n+b", False, ("look",)), "student", True)
KEEPING = Keeping(answer_seconds=100.0, answer_bytes=1 << 20, log_seconds=100.0, log_rows=5)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, KEEPING, Clock())


@pytest.mark.parametrize("answer", [ANSWER, Answer(Reply("", 0, 0), Verdict()), replace(ANSWER, draft=None, change=None)])
def test_an_answer_comes_back_as_it_was(answer: Answer) -> None:
    assert unpack(pack(answer)) == answer


@pytest.mark.parametrize("packed", [b"", b"\x00" * 40, pack(ANSWER)[:-9], zlib.compress(b"[]"), zlib.compress(b"{}")])
def test_what_is_no_answer_is_none(packed: bytes) -> None:
    assert unpack(packed) is None


def test_answers_are_kept_for_their_time(state: State) -> None:
    state.keep("a", ANSWER)
    assert state.find("a") == ANSWER and state.find("b") is None
    state._now.now += 99  # type: ignore[attr-defined]
    assert state.find("a") == ANSWER
    state._now.now += 2  # type: ignore[attr-defined]
    assert state.find("a") is None and state.failures == 0
    state.keep("b", ANSWER)
    assert rows(state, "SELECT key FROM answers") == [("b",)]


def test_the_oldest_go_where_there_is_no_room_and_the_room_is_counted_rightly(tmp_path: Path) -> None:
    size = len(pack(ANSWER))
    state = State(tmp_path, replace(KEEPING, answer_bytes=100 * size), Clock())
    for number in range(400):
        state._now.now += 0.001  # type: ignore[attr-defined]
        state.keep(f"{number % 250}", ANSWER)
        ((told,),) = rows(state, "SELECT bytes FROM room")
        ((counted,),) = rows(state, "SELECT coalesce(sum(length(packed)), 0) FROM answers")
        assert told == counted <= 100 * size
    assert state.find("149") == ANSWER and state.find("10") is None
    state.keep("long", replace(ANSWER, by="".join(map(chr, range(0x4E00, 0x4E00 + 20_000)))))  # alone larger than the room: not kept
    assert state.find("long") is None and state.find("149") == ANSWER


def test_votes_are_counted_by_pair_whichever_stood_first(state: State) -> None:
    for first, second, choice in (("a", "b", "first"), ("b", "a", "first"), ("b", "a", "second"), ("a", "b", "tie"), ("b", "a", "neither")):
        state.vote(Vote(first, second, "digest", choice))
    assert state.votes() == {("a", "b"): {"first": 2, "second": 1, "tie": 1, "neither": 1}}
    with pytest.raises(UserError, match="found 'both'"):
        state.vote(Vote("a", "b", "digest", "both"))


def test_the_log_holds_the_newest_lines(state: State) -> None:
    for number in range(9):
        state.log(f"{number}")
    assert state.logged() == ["8", "7", "6", "5", "4"]


def rows(state: State, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(state.path) as base:
        found = base.execute(query).fetchall()
    base.close()
    return found


def at_version(folder: Path, version: int) -> None:
    """Write a file as the kubestill of that version left it: by SQLite's own script, not by our code."""
    base = sqlite3.connect(folder / FILE)
    for migration in MIGRATIONS[:version]:
        base.executescript(migration)
    base.execute(f"PRAGMA user_version = {version}")
    if version >= 1:
        base.execute("INSERT INTO answers (key, made, packed) VALUES ('old', 950.0, ?)", (pack(ANSWER),))
    if version >= 2:
        base.execute("INSERT INTO votes (made, first, second, request_digest, choice) VALUES (1.0, 'a', 'b', 'd', 'first')")
    base.commit()
    base.close()


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_every_version_of_the_file_becomes_the_newest_and_loses_nothing(tmp_path: Path, version: int) -> None:
    at_version(tmp_path, version)
    state = State(tmp_path, KEEPING, Clock())
    assert rows(state, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert state.find("old") == (ANSWER if version else None)
    assert state.votes() == ({("a", "b"): {"first": 1, "second": 0, "tie": 0, "neither": 0}} if version >= 2 else {})
    assert rows(state, "SELECT bytes = (SELECT coalesce(sum(length(packed)), 0) FROM answers) FROM room") == [(1,)]
    fresh = tmp_path / "fresh"
    State(fresh, KEEPING).close()
    tables = "SELECT name, sql FROM sqlite_master ORDER BY name"
    assert rows(state, tables) == rows(State(fresh, KEEPING), tables)


def test_a_migration_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_version(tmp_path, 1)
    broken = [*MIGRATIONS[:1], "CREATE TABLE one (x); CREATE TABLE one (x);"]
    monkeypatch.setattr("kubestill.serving.state.MIGRATIONS", broken)
    with pytest.raises(UserError, match="cannot be used"):
        State(tmp_path, KEEPING)
    monkeypatch.undo()
    assert State(tmp_path, KEEPING, Clock()).find("old") == ANSWER


@pytest.mark.parametrize(("content", "told"), [(b"no database at all" * 99, "cannot be used"), (None, "this kubestill knows")])
def test_a_strange_file_is_one_message(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is None:
        at_version(tmp_path, 2)
        with sqlite3.connect(tmp_path / FILE) as base:
            base.execute("PRAGMA user_version = 99")
        base.close()
    else:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(UserError, match=told):
        State(tmp_path, KEEPING)


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        State(tmp_path / "file" / "state", KEEPING)


def test_a_new_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # before WAL: SQLite refuses to turn to it at once, whatever the timeout
    ended = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    ended.start()
    State(tmp_path, KEEPING).close()
    ended.join()
    other.close()


def test_many_threads_and_another_connection_share_the_file(state: State) -> None:
    other = State(state.path.parent, KEEPING, Clock())

    def work(mine: State, name: str) -> None:
        for number in range(20):
            mine.keep(f"{name}{number}", ANSWER)
            assert mine.find(f"{name}{number}") == ANSWER
            mine.vote(Vote(name, "z", "d", "first"))

    threads = [threading.Thread(target=work, args=(one, name)) for one, name in ((state, "a"), (state, "b"), (other, "c"), (other, "d"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.failures == other.failures == 0
    assert {pair[0]: counts["first"] for pair, counts in other.votes().items()} == dict.fromkeys("abcd", 20)


def test_a_file_that_refuses_loses_no_request(state: State) -> None:
    state._base.close()
    assert state.find("a") is None
    state.keep("a", ANSWER)
    state.log("line")
    assert state.failures == 3 and "closed" in state.ready()


# Imports once, then starts two writers at a time, each of which says what it has kept, and kills them: twenty kills.
KILLER = """
import os, signal, sys
from pathlib import Path
from kubestill.serving.answer import Answer
from kubestill.serving.api import Vote
from kubestill.serving.state import Keeping, State
from kubestill.tools.checks.api import Verdict
from kubestill.tools.engines.api import Reply

def write(name, said):
    state, number = State(Path(sys.argv[1]), Keeping(1e9, 1 << 16, 1e9)), 0
    while True:
        key = f"{name}-{number}"
        state.vote(Vote(key, "z", "d", "first"))
        os.write(said, f"{key}\\n".encode())
        state.keep(key, Answer(Reply(key * 50, 1, 1), Verdict()))
        state.log(key)
        number += 1

def start(name):
    heard, said = os.pipe()
    if not (child := os.fork()):
        write(name, said)
    os.close(said)
    return child, os.fdopen(heard)

for turn in range(10):
    writers = [start(f"{turn}{name}") for name in "ab"]
    for place, (child, heard) in enumerate(writers):
        told = [heard.readline() for _ in range(1 + (3 * turn + place) % 11)]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("".join((*told, *heard)), end="")
"""


def test_a_kill_under_load_takes_nothing_that_was_kept(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLER, str(tmp_path)], capture_output=True, text=True, check=True)
    told = done.stdout.split()
    state = State(tmp_path, KEEPING)
    assert rows(state, "PRAGMA integrity_check") == [("ok",)]
    assert len(told) >= 100 and set(told) <= {first for (first, _), counts in state.votes().items() if counts["first"] == 1}
    assert rows(state, "SELECT bytes = (SELECT sum(length(packed)) FROM answers) FROM room") == [(1,)]
    assert state.ready() == ""
