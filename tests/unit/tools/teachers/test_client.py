"""What a buyer makes of one thing that goes wrong at a time."""

import json
import sqlite3

import pytest

from kubestill.ground.errors import UserError
from kubestill.tools.teachers.budget import Cost
from kubestill.tools.teachers.client import Buyer
from kubestill.tools.teachers.ledger import Ledger, Outcome, Result
from kubestill.tools.teachers.questions import question_key
from kubestill.tools.teachers.replies import Arrived, read_reply
from support.fake_teacher import BUSY, KEY, KINDS, MALFORMED, FakeTeacher, buy, questions, teacher

pytest.importorskip("httpx", reason="pip install 'kubestill[http]'")


class Script(FakeTeacher):
    """Spoils the first replies in a given way, and no other."""

    def __init__(self, *kinds, **settings):
        super().__init__(**settings)
        self.script = list(kinds)

    def _fault(self, never):
        return self.script.pop(0) if self.script else ""


def outcomes(ledger):
    base = sqlite3.connect(ledger)
    try:
        return base.execute("SELECT outcome, reason, prompt_tokens + reply_tokens FROM results ORDER BY number").fetchall()
    finally:
        base.close()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "duplicate"])
def test_every_fault_is_an_outcome_and_the_question_is_answered_after(tmp_path, kind):
    ledger = tmp_path / "ledger.sqlite"
    with Script(kind).serving() as server:
        assert buy(ledger, server.url, 1) == {"calls": 1 + (kind in BUSY + MALFORMED), "stopped": "", "widest": 1, "unrecorded": 0}
    rows = outcomes(ledger)
    assert rows[-1][0] == Outcome.ANSWERED
    assert [row[0] for row in rows[:-1]] == ["busy"] * (kind in BUSY) + ["malformed"] * (kind in MALFORMED)
    assert all(row[1] for row in rows[:-1])
    refused = kind[:3].isdecimal()
    assert all((row[2] == 0) is refused for row in rows[:-1])  # whatever may have been written is paid
    assert len(server.asked) == 1 + (kind in MALFORMED)  # a busy server is asked under the same idempotency key


def test_a_repeated_reply_answers_its_own_question_only(tmp_path):
    with FakeTeacher(0.0).serving() as server, Ledger(tmp_path / "l") as ledger:
        asked = questions(3)
        keys = [question_key(question.body(teacher(server.url))) for question in asked]
        for key, question in zip(keys, asked, strict=True):
            number, _ = ledger.send(key, question.body(teacher(server.url)), Cost(1, 1, 1))
            kept = ledger.record(number, key, Result(Outcome.ANSWERED, Cost(), "", '{"echo": "x"}', "the same id"))
            assert kept.outcome is (Outcome.ANSWERED if key == keys[0] else Outcome.MALFORMED)
        assert [ledger.standing(key).answer for key in keys] == ['{"echo": "x"}', None, None]


def test_the_ledger_forgets_nothing_and_holds_one_answer_a_question(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        body = questions(1)[0].body(teacher("http://a/v1"))
        for number in range(2):
            sent, idempotency = ledger.send("k", body, Cost(5, 5, 5))
            assert idempotency == "k-0"
            answer = Result(Outcome.ANSWERED, Cost(), "", "{}", f"id {number}")
            if number:
                with pytest.raises(sqlite3.IntegrityError):
                    ledger.record(sent, "k", answer)
            else:
                ledger.record(sent, "k", answer)
    base = sqlite3.connect(tmp_path / "l")
    for statement in ("UPDATE results SET text = ''", "DELETE FROM sent", "DELETE FROM questions", "UPDATE closed SET reason = ''"):
        base.execute("INSERT INTO closed VALUES (NULL, 'k', 'r', 'l', 'now')")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            base.execute(statement)
    base.close()


def test_what_a_killed_run_sent_counts_as_spent_and_is_asked_once_more(tmp_path):
    path = tmp_path / "l"
    with FakeTeacher(0.0).serving() as server:
        one, body = teacher(server.url), questions(1)[0].body(teacher(server.url))
        key = question_key(body)
        for run in range(2):
            with Ledger(path) as ledger:
                assert ledger.unrecorded == (run > 0) and ledger.spent("fake-1") == Cost(100 * run, 10 * run, 7 * run)
                assert ledger.send(key, body, Cost(100, 10, 7))[1] == f"{key}-0"
        with Ledger(path) as ledger, Buyer(one, ledger, KEY) as buyer:  # two runs were killed: it may have been paid twice
            (bought,) = buyer.buy(questions(1))
            assert (bought.value, bought.reason, buyer.calls) == (None, "sent, unknown", 0)
            account = ledger.account([key])
            assert (account.calls, account.unknown, account.used) == (2, 2, Cost(200, 20, 14))
        assert buy(path, server.url, 1, unknown_again=2)["calls"] == 1  # other limits open it again


def test_one_process_at_a_time_and_nothing_but_a_ledger(tmp_path):
    with Ledger(tmp_path / "l"), pytest.raises(UserError, match="another process is buying"):
        Ledger(tmp_path / "l")
    (tmp_path / "text").write_text("no database, but long enough to be looked at" * 50)
    with pytest.raises(UserError, match="cannot be used as a ledger"):
        Ledger(tmp_path / "text")
    foreign = sqlite3.connect(tmp_path / "foreign")
    foreign.execute("CREATE TABLE mine (x)")
    foreign.close()
    with pytest.raises(UserError, match="tables of another program"):
        Ledger(tmp_path / "foreign")


@pytest.mark.parametrize(("status", "told"), [(401, "set key_variable"), (403, "set"), (404, "mend the teacher's file"), (402, "set")])
def test_a_server_that_refuses_us_ends_the_run_without_the_key_in_its_words(tmp_path, status, told):
    with Script(str(status)).serving() as server:
        stopped = refused(tmp_path, server, status)
    assert f"answers {status}" in stopped and told in stopped and KEY not in stopped and "***" in stopped


def refused(tmp_path, server, status, count=1):
    import support.fake_teacher as fake

    kinds, fake.BUSY = fake.BUSY, (*fake.BUSY, str(status))
    server.script = [str(status)] * 100
    try:
        return buy(tmp_path / "l", server.url, count)["stopped"]
    finally:
        fake.BUSY = kinds


def test_one_question_that_is_refused_is_given_up_and_many_of_them_end_the_run(tmp_path):
    with Script().serving() as server:
        assert refused(tmp_path, server, 400) == ""
        assert buy(tmp_path / "l", server.url, 1)["calls"] == 0 and server.received == 1
        assert "answers 400" in refused(tmp_path, server, 400, 60) and server.received < 30


def test_nobody_there_is_told_soon_and_a_server_that_stays_busy_ends_the_run_with_its_questions_open(tmp_path):
    with FakeTeacher(0.0).serving() as server:
        pass
    assert f"{server.url}: nobody listens, after 2 retries" in buy(tmp_path / "l", server.url, 5)["stopped"]
    with Script(*["503"] * 50).serving() as server:
        assert "status 503, after 3 retries; run: curl" in buy(tmp_path / "l", server.url, 5, retries=3)["stopped"]
        server.script.clear()
        assert buy(tmp_path / "l", server.url, 5)["stopped"] == "" and sum(server.good.values()) == 5


def test_a_long_wait_ends_the_run(tmp_path):
    class Long(Script):
        async def _turn_away(self, writer, kind, body):
            writer.write(b"HTTP/1.1 429 No\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n")
            return True

    with Long("429").serving() as server:
        assert "asks to wait 86,400 s" in buy(tmp_path / "l", server.url, 3)["stopped"]


def test_the_pace_grows_where_the_server_keeps_up(tmp_path):
    with FakeTeacher(0.0).serving() as server:
        assert buy(tmp_path / "l", server.url, 40, concurrent=5)["widest"] == 5 and server.widest <= 5


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"echo": "\\ud800"}', '{"echo": ' + "9" * 5000 + "}", "null", "[]", '{"echo": "a"} trailing', '{"echo": NaN}'],
)
def test_strange_contents_are_malformed(content):
    reply = {"id": "a", "model": "fake-1", "choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    one = teacher("http://a/v1")
    result = read_reply(Arrived("application/json", json.dumps(reply).encode()), questions(1)[0], one, Cost(9, 9, 9))
    assert result.outcome is Outcome.MALFORMED and result.used == Cost(9, 9, 9) and len(result.reason) < 200


def test_a_key_that_a_reply_repeats_goes_no_further(tmp_path):
    with FakeTeacher(0.0, say=lambda body: json.dumps({"echo": KEY})).serving() as server:
        told = buy(tmp_path / "l", server.url, 1, malformed=2)
        assert told["calls"] == 2 and {row[1] for row in outcomes(tmp_path / "l")} == {"repeats the key"}
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.iterdir())
