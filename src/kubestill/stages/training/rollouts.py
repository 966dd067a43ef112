"""Answers that a student draws of its own: token by token as it wrote them, with what the domain says of each.

Drawn by the seed, the request and the number of the draw alone, so that neither batches nor processes change them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from kubestill.domains.api import Sample
from kubestill.ground.progress import Progress
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.ground.shards import Record, Shard, Sharded, ShardWork, run_shards
from kubestill.ground.stage import Tally
from kubestill.tools.checks.api import Verdict
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.local import LocalEngine
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.engines.writing import Writing, write

AT_ONCE = 64  # requests of a shard
STEM = "rollouts"
SLACK = 2  # a sample may be so many times as long as the right answer,
LEEWAY = 32  # and so many tokens longer: who says more than that has lost the thread
CUT = "not ended"  # what a sample fails on that was cut, whatever the checks make of its beginning


@dataclass(frozen=True)
class Draw:
    """One answer that is wanted: to which request, by which seed, of how many tokens at most."""

    request: str
    seed: int
    limit: int


@dataclass(frozen=True)
class Drawn:
    """A sampled answer: `ids` of prompt and answer, which begins at `start`, with its end where it `ended`; `answer` is its text."""

    ids: tuple[int, ...]
    start: int
    ended: bool
    answer: str


def limit_of(start: int, length: int, max_tokens: int) -> int:
    """Return how many tokens a sample may have whose prompt ends at `start` and whose right answer is `length` tokens long."""
    return min(max_tokens - start, SLACK * length + LEEWAY)


def draw(engine: LocalEngine, wanted: Sequence[Draw], temperature: float) -> list[Drawn]:
    """Let a model answer freely, in batches of like length."""
    words = engine.words
    prompts = {request: words.voice.prompt(request) for request in dict.fromkeys(one.request for one in wanted)}
    coded = words.tokenizer.encode_batch_fast([prompt.text for prompt in prompts.values()], add_special_tokens=False)
    ids = dict(zip(prompts, (code.ids for code in coded), strict=True))
    writings = [
        Writing(ids[one.request], Chooser(Ask(temperature=temperature, seed=one.seed), one.request), one.limit, words.ends)
        for one in wanted
    ]
    order = sorted(writings, key=lambda writing: len(writing.prompt) + writing.limit)
    for start in range(0, len(order), engine.rows):
        write(engine.model, order[start : start + engine.rows])
    found = []
    for one, writing in zip(wanted, writings, strict=True):
        text = words.tokenizer.decode(writing.tokens, skip_special_tokens=False)
        tokens = (*writing.prompt, *writing.tokens, *words.ends[:1][: writing.ended])
        found.append(Drawn(tokens, len(writing.prompt), writing.ended, words.voice.answer(text, prompts[one.request])))
    return found


def passed(drawn: Drawn, verdict: Verdict) -> bool:
    """Say whether a sample passes in full: one that was cut does not, even where its beginning would."""
    return drawn.ended and verdict.passed


@dataclass(frozen=True)
class Work:
    """Makes the samples of a shard of requests; picklable. `lengths` and `starts` are those of the right answers."""

    student: Path
    asked: Path  # JSONL of samples
    domain: Any
    lengths: tuple[int, ...]
    starts: tuple[int, ...]
    samples: int
    temperature: float
    max_tokens: int
    seed: Seed

    def __call__(self, index: int) -> Shard:
        """Return a record for each request of shard `index`: which distinct samples were drawn, how often, and how each was judged."""
        first = index * AT_ONCE
        asked = list(map(Sample.from_record, islice(read_records(self.asked), first, first + AT_ONCE)))
        with one_thread():
            found = iter(draw(TransformersEngine.load(self.student), list(self._wanted(first, asked)), self.temperature))
        records = [self._record(first + place, sample, list(islice(found, self.samples))) for place, sample in enumerate(asked)]
        return Shard(records, [], Tally(len(records), len(records)), _counts(records))

    def _wanted(self, first: int, asked: Sequence[Sample]) -> Iterator[Draw]:
        for line, sample in enumerate(asked, first):
            limit = limit_of(self.starts[line], self.lengths[line], self.max_tokens)
            for number in range(self.samples):
                yield Draw(sample.request, self.seed.child(line, number).value, limit)

    def _record(self, line: int, sample: Sample, drawn: Sequence[Drawn]) -> Record:
        samples = []
        for one, times in Counter(drawn).items():
            verdict = self.domain.judge(one.answer, sample.intents, sample.skill)
            told = {"ids": one.ids, "start": one.start, "answer": one.answer, "times": times, "passed": passed(one, verdict)}
            samples.append(told | {"failed_on": "" if told["passed"] else verdict.failed_on or CUT})
        return {"line": line, "id": sample.id, "skill": sample.skill, "request": sample.request, "samples": samples}


@contextmanager
def one_thread() -> Iterator[None]:
    """Work with one thread of torch, as training does: sums then have one order, and samples are the same on any number of processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _counts(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = {"requests": len(records), "samples": 0, "passed": 0, "all pass": 0, "all fail": 0, "mixed": 0}
    for record in records:
        times = sum(one["times"] for one in record["samples"])
        right = sum(one["times"] for one in record["samples"] if one["passed"])
        found["samples"] += times
        found["passed"] += right
        found["all pass" if right == times else "mixed" if right else "all fail"] += 1
    return found


def roll_out(work: Work, out: Path, processes: int, progress: Progress) -> Sharded:
    """Draw all samples into `out`, shard by shard, going on where a cut run stopped."""
    return run_shards(ShardWork(out, STEM, -(-len(work.lengths) // AT_ONCE), work), processes, progress)
