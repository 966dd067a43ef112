"""A teacher behind a server: it answers the requests of the mix itself, and says how likely each of its tokens was.

Chat completions give log-probabilities of what the server writes, never of a given answer. So what is learned of such a teacher are its own
answers: those that pass every check become a mix of their own (`train-00000.jsonl`), with the signals of their tokens beside. The server's
tokens are texts; training aligns them with the student's by the bytes that both write. Replies are kept, so that a cut run asks on.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_records, write_text
from kubestill.ground.settings import read_settings
from kubestill.ground.shards import Record, Shard, ShardWork, read_shards, run_shards
from kubestill.ground.stage import Done, Job, Tally
from kubestill.stages.capture.account import perplexities
from kubestill.stages.capture.stage import CaptureWhat
from kubestill.tools.engines.openai_http import PATH, OpenAIHttpEngine
from kubestill.tools.engines.posting import Poster
from kubestill.tools.modeling.encoding import shards_of
from kubestill.tools.signals import LESSON, RANGE, Form, Header, Top, pack, text_hash, write_header, write_shard

AT_ONCE = 64  # requests of a shard: what a cut run asks again at most
STEM = "replies"
WORDS = "words.json"  # the server's tokens by number, as Latin-1 texts of their bytes
MOST_TOP = 20  # OpenAI's limit of top_logprobs

# A token of a reply: the bytes it writes as Latin-1 text, its log-probability, and the same of the likeliest ones in its place.
Token = tuple[str, float, list[tuple[str, float]]]


@dataclass(frozen=True)
class Asking:
    """Makes the replies of a shard of requests."""

    poster: Poster
    model: str
    what: CaptureWhat
    concurrent: int
    domain: Any
    mix: Path

    def __call__(self, index: int) -> Shard:
        """Ask the requests of shard `index`; a record holds the line of the mix, the answer and its tokens."""
        lines = range(index * AT_ONCE, min((index + 1) * AT_ONCE, _count(self.mix, self.what)))
        samples = [Sample.from_record(record) for record in islice(_records(self.mix), lines.start, lines.stop)]
        self.poster.begin()
        with ThreadPoolExecutor(self.concurrent) as pool:
            futures = [pool.submit(self._reply, sample) for sample in samples]
            try:
                replies = [future.result() for future in futures]
            finally:  # after an error the others are not waited for
                self.poster.give_up()
                for future in futures:
                    future.cancel()
        shard = Shard([], [], Tally())
        for line, sample, (text, tokens, reason) in zip(lines, samples, replies, strict=True):
            if not reason and self.what.passed and not self.domain.judge(text, sample.intents, sample.skill).passed:
                reason = "not passed"
            record: Record = {"line": line, "answer": text}
            if reason:
                shard.tally.drop(reason)
                shard.rejects.append(record | {"reason": reason})
            else:
                shard.tally.keep()
                shard.records.append(record | {"tokens": tokens})
        return shard

    def _reply(self, sample: Sample) -> tuple[str, list[Token], str]:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": sample.request}],
            "max_tokens": self.what.max_tokens,
            "temperature": 0.0,
            "logprobs": True,
            "top_logprobs": min(self.what.top_k, MOST_TOP),
            "stream": False,
        }
        return read_reply(self.poster.post(PATH, body), self.poster.url)


def read_reply(found: Any, where: str) -> tuple[str, list[Token], str]:
    """Return the text of a chat completion, its tokens, and why it cannot be learned from; a last token of no text is the end.

    Raises:
        UserError: it is none, or it has no log-probabilities.
    """
    try:
        choice = found["choices"][0]
        text, told = choice["message"]["content"] or "", choice.get("logprobs") or {}
        rows = told.get("content") if isinstance(told, dict) else None
        if not isinstance(text, str):
            raise TypeError
        tokens = [_token(row) for row in rows or ()]
    except (LookupError, TypeError, AttributeError, ValueError):
        raise UserError(where, "answers what is no chat completion with log-probabilities", "look at the url (it ends in /v1)") from None
    if text and not tokens:
        raise UserError(where, "returns no log-probabilities", "name a server that takes logprobs and top_logprobs")
    if choice.get("finish_reason") == "length":
        return text, tokens, "cut"
    spelled = text.encode("utf-8", "replace").decode("latin-1")
    pieces = [piece for piece, _, _ in tokens]
    if tokens and "".join(pieces) != spelled and "".join(pieces[:-1]) == spelled:
        tokens[-1] = ("", *tokens[-1][1:])
        pieces[-1] = ""
    return text, tokens, "" if text and "".join(pieces) == spelled else "tokens do not spell it"


def _token(row: dict[str, Any]) -> Token:
    top = [(_piece(other), _log(other)) for other in row.get("top_logprobs") or ()]
    return _piece(row), _log(row), top


def _piece(row: dict[str, Any]) -> str:
    """Return a token's bytes as Latin-1 text; a server that tells no bytes tells the text."""
    told = row.get("bytes")
    return (bytes(told) if told is not None else row["token"].encode("utf-8", "replace")).decode("latin-1")


def _log(row: dict[str, Any]) -> float:
    return min(0.0, max(float(row["logprob"]), -1e4))  # servers write -9999 for what is beyond them


def capture_served(job: Job) -> Done:
    """Ask the server, and make its answers a mix with signals.

    Raises:
        UserError: the server refuses, tells no log-probabilities, or gives no answer that can be learned from.
        Unavailable: there is no server.
    """
    mix = job.inputs["mix"].path
    with Poster(job.what.base_url, read_settings().api_key) as poster:
        model = OpenAIHttpEngine(poster, job.what.model).model
        asking = Asking(poster, model, job.what, job.how.concurrent, job.domain, mix)
        work = ShardWork(job.out, STEM, -(-_count(mix, job.what) // AT_ONCE), asking)
        tally = run_shards(work, 1, job.progress).tally
    if not tally.kept:
        raise UserError(job.what.base_url, f"none of {tally.came} answers can be learned from: {tally.dropped}", "ask another model")
    return Done(tally, _seal(job, model))


def _seal(job: Job, model: str) -> dict[str, Any]:
    """Write the answers as a mix and their tokens as signals; return the figures."""
    replies, mix = list(read_shards(job.out, STEM)), job.inputs["mix"].path
    write_records(job.out / "train-00000.jsonl", _taught(replies, mix, model))
    numbers: dict[str, int] = {}
    for reply in replies:
        for _, _, top in reply["tokens"]:
            for piece, _ in top:
                numbers.setdefault(piece, len(numbers))
    write_text(job.out / WORDS, json.dumps(list(numbers)) + "\n")
    kept = max((len(top) for reply in replies for _, _, top in reply["tokens"]), default=0)
    form = Form(max(1, len(numbers)), max(1, kept), job.what.codec)
    tokens = [token for reply in replies for token in reply["tokens"]]
    width = np.array([len(piece) for piece, _, _ in tokens])
    records = pack(form, _top(tokens, form.kept, numbers), np.array([log for _, log, _ in tokens], np.float32), width)
    lessons = np.zeros(len(replies), LESSON)
    for number, reply in enumerate(replies):
        spelled = text_hash(piece.encode("latin-1") for piece, _, _ in reply["tokens"])
        lessons[number] = (number, len(reply["tokens"]), spelled)
    write_shard(job.out, 0, records, lessons, {"tokens": len(tokens)})
    by = perplexities(job.out, job.out, form, 1)
    write_header(job.out, Header({"name": model, "url": job.what.base_url}, form, {"encoded": ""}, (len(tokens),), by))
    figures = {"tokens": len(tokens), "bytes_per_token": form.bytes_per_token, "perplexity": by["skill"]}
    return {"model": model, **figures}


def _top(tokens: Sequence[Token], kept: int, numbers: dict[str, int]) -> Top:
    ids, logs = np.zeros((len(tokens), kept), np.int64), np.full((len(tokens), kept), -RANGE, np.float32)
    for place, (_, _, top) in enumerate(tokens):
        for slot, (piece, log) in enumerate(top):
            ids[place, slot], logs[place, slot] = numbers[piece], log
    mass = np.exp(logs.astype(np.float64)).sum(1)
    return Top(ids, logs, np.log(np.maximum(1 - mass, np.exp(-RANGE))).astype(np.float32))


def _taught(replies: Sequence[Record], mix: Path, model: str) -> Iterator[Record]:
    """Yield the samples of the mix that were answered, with the teacher's answers in place of theirs."""
    answers = {reply["line"]: reply["answer"] for reply in replies}
    for line, record in enumerate(_records(mix)):
        if line in answers:
            sample = Sample.from_record(record)
            yield replace(sample, answer=answers[line], source={**sample.source, "teacher": model}).to_record()


def _records(mix: Path) -> Iterator[Record]:
    return (record for shard in shards_of(mix) for record in read_records(shard))


def _count(mix: Path, what: CaptureWhat) -> int:
    total = sum(1 for _ in _records(mix))
    return min(total, what.requests) if what.requests else total
