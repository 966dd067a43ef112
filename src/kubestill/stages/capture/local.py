"""A teacher in a folder, asked about the very tokens that training learns from: every labelled token of every lesson.

N labelled tokens of a batch, K kept words of V.
"""

import json
import multiprocessing
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.fingerprint import digest
from kubestill.ground.records import write_text
from kubestill.ground.stage import Done, Job, Tally
from kubestill.stages.capture.account import perplexities, summed
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import ENCODED, Encoded, Encoding, Limits, encode_mix, laid, shards_of
from kubestill.tools.signals import LESSON, Form, Header, Records, Top, pack, shard_figures, text_hash, unpack, write_header, write_shard

if TYPE_CHECKING:
    import torch

    from kubestill.tools.modeling.teacher import Teacher

SHARD_TOKENS = 200_000  # labelled tokens of a shard: some ten MB, and what a cut run loses at most
TALLY = "tally.json"
TEXTS = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat.json")  # for students from nothing


@dataclass(frozen=True)
class Work:
    """What a process needs to make shards; picklable. `cuts` are the first lesson of each shard, and the end."""

    teacher: Path
    out: Path
    form: Form
    batch_tokens: int
    cuts: tuple[int, ...]

    def todo(self) -> list[int]:
        """Return the shards that are not done."""
        return [number for number in range(len(self.cuts) - 1) if shard_figures(self.out, number) is None]


def capture(job: Job, processes: int) -> Done:
    """Encode the mix in the teacher's words, ask the teacher, and seal what it said.

    Raises:
        UserError: the folder is no teacher's, or nothing of the mix fits.
    """
    folder = find_base(job.what.teacher)
    encoded, tally = _encode(job, folder, processes)
    vocabulary = len(_pieces(folder))
    form = Form(vocabulary, min(job.what.top_k, vocabulary), job.what.codec)
    work = Work(folder, job.out, form, job.how.batch_tokens, _cuts(encoded.labels))
    begun, fresh = time.monotonic(), 0
    done = [shard_figures(job.out, number) for number in range(len(work.cuts) - 1)]
    seen, total = sum(found["tokens"] for found in done if found), int(encoded.labels.sum())
    for figures in _made(work, processes):
        fresh += figures["tokens"]
        rate = round(fresh / max(time.monotonic() - begun, 1e-9))
        job.progress.step(seen + fresh, total, "tokens", tokens_per_second=rate)
    told = [found for number in range(len(work.cuts) - 1) if (found := shard_figures(job.out, number)) is not None]
    by = perplexities(job.out, job.inputs["mix"].path, form, len(told))
    lessons = {"encoded": encoded.digest(), **identity(job.out), **asdict(_limits(job))}
    teacher = {"name": job.what.teacher, "digest": digest(folder)}
    write_header(job.out, Header(teacher, form, lessons, tuple(found["tokens"] for found in told), by))
    shutil.rmtree(job.out / ENCODED)
    return Done(tally, summed(told, form) | {"perplexity": by["skill"]})


def identity(folder: Path) -> dict[str, str]:
    """Return the digests of the tokenizer and of the chat format in a folder."""
    names = {"tokenizer": "tokenizer.json", "chat": "chat.json"}
    return {name: digest(folder / file) if (folder / file).exists() else "" for name, file in names.items()}


def _limits(job: Job) -> Limits:
    return Limits(job.what.max_tokens, job.what.answers, job.what.hidden)


def _encode(job: Job, folder: Path, processes: int) -> tuple[Encoded, Tally]:
    """Encode the mix as training does, once."""
    place = job.out / ENCODED
    if (place / TALLY).exists():
        return Encoded.load(place), Tally(**json.loads((place / TALLY).read_text()))
    mix = job.inputs["mix"].path
    for name in TEXTS:
        if (folder / name).exists():
            shutil.copyfile(folder / name, job.out / name)
    job.progress.say("encoding the mix in the teacher's words")
    encoded, tally = encode_mix(Encoding(folder, Sample.from_record, _limits(job)), shards_of(mix), processes)
    if not tally.kept:
        raise UserError(str(mix), f"none of {tally.came} samples fits {job.what.max_tokens} tokens", "raise capture.max_tokens")
    encoded.save(place)
    write_text(place / TALLY, json.dumps(asdict(tally)))
    return encoded, tally


def _cuts(labels: NDArray[np.int64]) -> tuple[int, ...]:
    """Cut lessons into shards of about SHARD_TOKENS labels."""
    ends = np.cumsum(labels)
    number = max(1, round(int(ends[-1]) / SHARD_TOKENS))
    inner = np.searchsorted(ends, [int(ends[-1]) * place / number for place in range(1, number)])
    return tuple(int(cut) for cut in np.unique([0, *inner, len(labels)]))


def _made(work: Work, processes: int) -> Iterator[dict[str, Any]]:
    """Make the shards that are missing, and yield the figures of each."""
    todo = work.todo()
    if processes > 1 and len(todo) > 1:
        context = multiprocessing.get_context("spawn")
        with context.Pool(min(processes, len(todo)), _begin) as pool:
            yield from pool.imap_unordered(_Maker(work), todo)
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so that the same bytes come out of any number of processes
    try:
        yield from map(_Maker(work), todo)
    finally:
        torch.set_num_threads(threads)


def _begin() -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the first process's to answer
    torch.set_num_threads(1)


@dataclass(frozen=True)
class _Maker:
    work: Work

    def __call__(self, number: int) -> dict[str, Any]:
        work = self.work
        records, lessons, figures = make_shard(work, slice(work.cuts[number], work.cuts[number + 1]))
        write_shard(work.out, number, records, lessons, figures)
        return figures


@cache
def _pieces(folder: Path) -> list[bytes]:
    """Return the bytes that each token writes; the one that ends an answer writes nothing."""
    from kubestill.tools.modeling.texts import read_texts

    texts = read_texts(folder)
    tokens = list(Pieces.of_tokenizer(texts.tokenizer, texts.end).tokens)
    tokens[texts.end] = b""
    return tokens


@cache
def _teacher(folder: Path, vocabulary: int) -> "Teacher":
    from kubestill.tools.modeling.teacher import load_teacher

    return load_teacher(folder, vocabulary)


def make_shard(work: Work, lessons: slice) -> tuple[Records, Records, dict[str, Any]]:
    """Ask the teacher about some lessons; return the records of their tokens, the table of the lessons, and sums for the figures."""
    encoded = Encoded.load(work.out / ENCODED)
    numbers = np.arange(lessons.start, lessons.stop)
    labels = encoded.labels[numbers]
    ends = np.cumsum(labels)
    records = np.zeros(int(ends[-1]), work.form.dtype)
    pieces = _pieces(work.teacher)
    sums: dict[str, Any] = {"tokens": len(records), "entropy": 0.0, "rest": 0.0, "variation": 0.0, "variation_most": 0.0, "divergence": 0.0}
    for batch in _batches(encoded.lengths[numbers], work.batch_tokens):
        found, told = _ask(work, [encoded.sample(int(numbers[place])) for place in batch], encoded.starts[numbers[batch]], pieces)
        start = 0
        for place in batch:
            records[ends[place] - labels[place] : ends[place]] = found[start : start + labels[place]]
            start += labels[place]
        for name, value in told.items():
            sums[name] = max(sums[name], value) if name == "variation_most" else sums[name] + value
    table = np.zeros(len(numbers), LESSON)
    table["line"], table["tokens"] = encoded.lines[numbers], labels
    table["text"] = [text_hash(pieces[token] for token in encoded.sample(int(n))[encoded.starts[n] :]) for n in numbers]
    return records, table, sums


def _batches(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield places of lessons of like length, of at most `tokens` with padding where more than one."""
    order, start = np.argsort(lengths, kind="stable"), 0
    for place in range(1, len(order) + 1):
        if place == len(order) or lengths[order[place]] * (place + 1 - start) > tokens:
            yield order[start:place]
            start = place


def _ask(work: Work, rows: list[NDArray[Any]], starts: NDArray[np.int32], pieces: list[bytes]) -> tuple[Records, dict[str, float]]:
    """Ask about a batch: the records of its labelled tokens, row by row, and sums of what was measured on them."""
    import torch

    ids, where, targets, _ = laid(rows, starts, 0)
    teacher = _teacher(work.teacher, work.form.vocabulary)
    logp = torch.log_softmax(teacher.logits(torch.from_numpy(ids), torch.from_numpy(where)).float(), -1)
    top, chosen = kept(logp, work.form.kept), logp.gather(1, torch.from_numpy(targets)[:, None])[:, 0].numpy()
    width = np.array([len(pieces[token]) for token in targets])
    records = pack(work.form, top, chosen, width)
    return records, measured(logp, top, unpack(work.form, records))


def kept(logp: "torch.Tensor", count: int) -> Top:
    """Return the `count` likeliest words of log-probabilities [N,V], and the rest's mass."""
    logs, ids = logp.topk(count)
    rest = logp.scatter(1, ids, float("-inf")).logsumexp(1)
    return Top(ids.numpy(), logs.numpy(), rest.numpy())


def measured(logp: "torch.Tensor", top: Top, decoded: Top) -> dict[str, float]:
    """Return sums over tokens: entropy, the rest, and how far what is decoded (the rest spread evenly) lies from the truth [N,V]."""
    import torch

    p_NV, ids = logp.exp(), torch.from_numpy(top.ids)
    entropy = -(p_NV * logp).sum(1)
    p_NK, log_q_NK = p_NV.gather(1, ids), torch.from_numpy(decoded.logs)
    rest = torch.from_numpy(top.rest).exp()
    even = torch.from_numpy(decoded.rest) - np.log(max(1, logp.shape[1] - ids.shape[1]))  # log of each other word's share
    beyond = (p_NV - even.exp()[:, None]).abs().scatter_(1, ids, 0.0).sum(1)
    variation = ((p_NK - log_q_NK.exp()).abs().sum(1) + beyond) / 2
    divergence = -entropy - (p_NK * log_q_NK).sum(1) - rest * even
    found = {"entropy": entropy.sum(), "rest": rest.sum(), "variation": variation.sum(), "divergence": divergence.sum()}
    return {name: float(value) for name, value in found.items()} | {"variation_most": float(variation.max())}
