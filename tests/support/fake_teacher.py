"""A teacher on loopback with faults of 25 kinds, a process that buys from it and is killed, and the proof over what both wrote down."""

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from kubestill.ground.errors import KubestillError
from kubestill.tools.teachers.client import Buyer
from kubestill.tools.teachers.ledger import Ledger
from kubestill.tools.teachers.questions import Question, question_key
from kubestill.tools.teachers.settings import Limits, Prices, Teacher

SCHEMA = {"type": "object", "properties": {"echo": {"type": "string"}}, "required": ["echo"], "additionalProperties": False}
KEY = "sk-a-very-secret-key"
BUSY = ("429", "429 seconds", "429 date", "500", "502", "503", "504", "timeout", "reset")
MALFORMED = (
    *("half", "no json", "wrong schema", "no choices", "null content", "duplicate", "html", "error body", "huge"),
    *("not utf-8", "wrong model", "wrong id", "length", "empty"),
)
HARMLESS = ("slow", "no usage")
KINDS = BUSY + MALFORMED + HARMLESS
TIMEOUT_SECONDS = 0.4
# A duplicate repeats the last but one reply on its connection. That one was recorded, since its reader lives and has asked twice since; of
# a reply that a kill lost nobody could know the duplicate.
LAST_BUT_ONE = 2


def teacher(url, **limits):
    told = {"concurrent": 16, "timeout_seconds": TIMEOUT_SECONDS, "first_wait_seconds": 0.005, "retries": 12, "malformed": 9, "money": 1e6}
    prices = Prices(prompt_per_million=2.0, reply_per_million=6.0)
    return Teacher(url=url, model="fake-1", max_reply_tokens=64, prices=prices, limits=Limits(**told | limits))


def questions(count):
    """Every hundredth is one that no reply to can be used."""
    return [Question((("user", f"{'never' if n % 100 == 7 else 'echo'} {n} {'x' * (n % 50)}"),), SCHEMA) for n in range(count)]


class FakeTeacher:
    """The server, in a thread of its own; what it counts it counts itself."""

    def __init__(self, share=0.3, seed=1, max_reply_tokens=64, say=None):
        """`say` returns the content of a reply to a body; without it the question is echoed."""
        self.share, self.random, self.most = share, random.Random(seed), max_reply_tokens
        self.say = say or (lambda body: json.dumps({"echo": body["messages"][0]["content"]}))
        self.asked, self.good, self.faults = Counter(), Counter(), Counter()  # by idempotency key, by key, by kind
        self.received = self.prompt_tokens = self.reply_tokens = self.here = self.widest = 0
        self.authorized = Counter()
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def serving(self):
        started = threading.Event()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(started),), daemon=True)
        thread.start()
        started.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._over.set)
            thread.join(10)
            self._loop.close()

    @property
    def tokens(self):
        return self.prompt_tokens + self.reply_tokens

    async def _serve(self, started):
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        started.set()
        await self._over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _connection(self, reader, writer):
        try:
            delivered = []
            while await self._one(reader, writer, delivered):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer, delivered):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.received += 1
        self.asked[headers["idempotency-key"]] += 1
        self.authorized[headers.get("authorization")] += 1
        self.here += 1
        self.widest = max(self.widest, self.here)
        try:
            return await self._answer(writer, body, headers["idempotency-key"].split("-")[0], delivered)
        finally:
            self.here -= 1

    def _fault(self, never):
        if never:
            return self.random.choice([kind for kind in MALFORMED if kind != "duplicate"])
        return self.random.choice(KINDS) if self.random.random() < self.share else ""

    async def _answer(self, writer, body, key, delivered):
        text = body["messages"][0]["content"]
        kind = self._fault(text.startswith("never"))
        if kind == "duplicate" and len(delivered) < LAST_BUT_ONE:
            kind = ""
        self.faults[kind] += bool(kind)
        if kind in BUSY:
            return await self._turn_away(writer, kind, body)
        usage = self._bill(body)
        await asyncio.sleep(0.06 if kind == "slow" else 0.001)
        reply = {
            "id": f"chatcmpl-{self.received}-{self.random.randrange(1 << 60)}",
            "model": body["model"] + "-2026-01-01",
            "choices": [{"message": {"role": "assistant", "content": self.say(body)}, "finish_reason": "stop"}],
            "usage": usage,
        }
        content, kind_of_content = self._spoil(kind, delivered[-LAST_BUT_ONE] if kind == "duplicate" else reply)
        if not kind or kind in HARMLESS:
            self.good[key] += 1
            delivered.append(reply)
        length = len(content) + (100 if kind == "half" else 0)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind_of_content}\r\nContent-Length: {length}\r\n\r\n".encode() + content)
        await writer.drain()
        return kind not in ("half", "huge")

    def _bill(self, body):
        """What the replies cost by the server's own count: it never asks what became of them."""
        usage = {"prompt_tokens": len(json.dumps(body)) // 3, "completion_tokens": self.random.randint(5, self.most)}
        self.prompt_tokens += usage["prompt_tokens"]
        self.reply_tokens += usage["completion_tokens"]
        return usage

    async def _turn_away(self, writer, kind, body):
        if kind == "timeout":
            self._bill(body)
            await asyncio.sleep(2 * TIMEOUT_SECONDS)
            return False
        if kind == "reset":
            self._bill(body)
            writer.transport.abort()
            return False
        date = format_datetime(datetime.now(UTC), usegmt=True)
        after = {"429 seconds": "Retry-After: 0\r\n", "429 date": f"Retry-After: {date}\r\n"}.get(kind, "")
        told = json.dumps({"error": {"message": f"{kind}, and your key is {KEY}"}}).encode()
        writer.write(f"HTTP/1.1 {kind[:3]} No\r\n{after}Content-Length: {len(told)}\r\n\r\n".encode() + told)
        await writer.drain()
        return True

    def _spoil(self, kind, reply):
        choice = reply["choices"][0]
        if kind == "wrong schema":
            choice["message"]["content"] = self.random.choice(('{"eco": "x"}', '{"echo": 5}', '["echo"]', '{"echo": "a", "more": 1}'))
        if kind == "null content":
            choice["message"]["content"] = None
        if kind == "no json":
            choice["message"]["content"] = self.random.choice(("Sure! Here it is", '{"echo": "x"', '```json\n{"echo": "x"}\n```'))
        if kind == "length":
            choice["finish_reason"] = "length"
        if kind == "no choices":
            reply["choices"] = []
        if kind == "wrong model":
            reply["model"] = "another"
        if kind == "wrong id":
            reply["id"] = 17
        if kind == "no usage":
            del reply["usage"]
        content = json.dumps(reply).encode()
        spoiled = {
            "half": content[: len(content) // 2],
            "html": b"<html>hello</html>",
            "error body": b'{"error": {"message": "overloaded"}}',
            "huge": b" " * (2 << 20) + content,
            "not utf-8": content.replace(b"echo", b"\xff\xfe"),
            "empty": b"",
        }
        return spoiled.get(kind, content), "text/html" if kind == "html" else "application/json; charset=utf-8"


def buy(ledger, url, count, **limits):
    """Buy in this process; return how many questions were sent and what stopped it."""
    with Ledger(Path(ledger)) as book, Buyer(teacher(url, **limits), book, KEY) as buyer:
        stopped = ""
        try:
            buyer.buy(questions(count))
        except KubestillError as error:
            stopped = str(error)
        return {"calls": buyer.calls, "stopped": stopped, "widest": buyer.pace.widest, "unrecorded": book.unrecorded}


def buy_and_be_killed(server, ledger, count, kills, seed=2, **limits):
    """Buy in processes of their own, of which `kills` are killed at random moments; return what the last one said."""
    rng, killed = random.Random(seed), 0
    while True:
        process = subprocess.Popen(
            [sys.executable, __file__, str(ledger), server.url, str(count), json.dumps(limits)], stdout=subprocess.PIPE
        )
        if killed < kills:
            share = max(1, round(1.5 * count / kills))
            target = server.received + rng.randint(1, share)
            while server.received < target and process.poll() is None:
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.01))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
        out, _ = process.communicate()
        if process.returncode == 0:
            return json.loads(out), killed
        assert process.returncode == -signal.SIGKILL, process.returncode


def proven(server, ledger, count):
    """Hold what the server counted against what the ledger says; return the figures."""
    base = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    wanted = {question_key(q.body(teacher(server.url))): q.messages[0][1] for q in questions(count)}
    answers = dict(base.execute("SELECT key, text FROM results WHERE outcome = 'answered'"))
    closed = dict(base.execute("SELECT key, reason FROM closed"))
    sent = Counter(dict(base.execute("SELECT idempotency, count(*) FROM sent GROUP BY idempotency")))
    doubtful = "outcome = 'unknown' OR reason = 'timeout' OR reason LIKE 'connection lost%'"
    unknown = Counter(dict(base.execute(f"SELECT key, count(*) FROM results WHERE {doubtful} GROUP BY key")))
    (spent,) = base.execute("SELECT total(prompt_tokens) + total(reply_tokens) FROM results").fetchone()
    outcomes = dict(base.execute("SELECT outcome, count(*) FROM results GROUP BY outcome"))
    reasons = dict(base.execute("SELECT reason, count(*) FROM results WHERE reason <> '' GROUP BY reason"))
    assert all(json.loads(text) == {"echo": wanted[key]} for key, text in answers.items())  # none malformed, none of another question
    assert not any(wanted[key].startswith("never") for key in answers)
    lost = {key for key, reason in closed.items() if reason == "sent, unknown" and key not in answers}
    assert {key for key, text in wanted.items() if text.startswith("echo")} - answers.keys() == {
        key for key in lost if wanted[key].startswith("echo")
    }
    assert all(number <= sent[key] for key, number in server.asked.items())  # nothing was sent that was not written down before
    assert all(number <= (key in answers) + unknown[key] for key, number in server.good.items())  # none bought twice, as far as is known
    assert server.tokens <= spent
    base.close()
    secret = KEY.encode()
    assert not any(secret in path.read_bytes() for path in ledger.parent.glob(ledger.name + "*"))
    return {
        "questions": count,
        "answered": len(answers),
        "unanswerable": sum(reason == "malformed" for key, reason in closed.items() if key not in answers),
        "sent, unknown twice": len(lost),
        "sent, unknown": outcomes.get("unknown", 0),
        "paid twice, known by the server alone": sum(number > 1 for number in server.good.values()),
        "sendings": sum(sent.values()),
        "requests at the server": server.received,
        "tokens by the server": server.tokens,
        "tokens by the ledger": int(spent),
        "outcomes": outcomes,
        "reasons": reasons,
        "faults": dict(server.faults),
    }


if __name__ == "__main__":
    print(json.dumps(buy(sys.argv[1], sys.argv[2], int(sys.argv[3]), **json.loads(sys.argv[4]))))
