"""What the first process does between steps: the curve, full passes on the dev slice, checkpoints, progress."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.ground.stage import Job
from kubestill.stages.training.batches import read_samples
from kubestill.stages.training.checkpoint import Checkpoints, State
from kubestill.stages.training.devloss import DevLessons
from kubestill.stages.training.forecast import Meter
from kubestill.stages.training.foreign import engine_over
from kubestill.stages.training.loop import Clock, Stepped
from kubestill.stages.training.parallel import Arena
from kubestill.stages.training.settings import StepsWhat, TrainingHow
from kubestill.stages.training.standing import score_of
from kubestill.stages.training.trackers import CURVE, DEVLOSS, FULLPASS, open_tracker, series
from kubestill.tools.engines.api import Ask
from kubestill.tools.modeling.network import Body, Network
from kubestill.tools.modeling.texts import read_texts

CURVE_POINTS = 500  # lines of a whole curve
BARS = "▁▂▃▄▅▆▇█"
PROGRESS_SECONDS = 1.0
LEEWAY = 16  # tokens that a dev answer may be longer than the longest right one


class Appended:
    """A JSONL file that a checkpoint may cut back to the length it knew."""

    def __init__(self, path: Path, length: int) -> None:
        """Cut the file to `length` bytes."""
        self.path = path
        path.touch()
        os.truncate(path, min(length, path.stat().st_size))

    def add(self, record: dict[str, Any]) -> None:
        """Append one record."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    @property
    def length(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size


@dataclass
class Bench:
    """The dev slice and what judges it."""

    samples: list[Sample]
    domain: Any
    folder: Path
    body: Body

    def count(self, arena: Arena) -> int:
        """Return how many dev samples the student answers with a full pass."""
        texts = read_texts(self.folder)
        targets = [texts.chat.target(sample.answer, texts.chat.prompt(sample.request), sample.notes()) for sample in self.samples]
        longest = max(len(coded.ids) for coded in texts.tokenizer.encode_batch_fast(targets, add_special_tokens=False))
        ask = Ask(max_new_tokens=longest + LEEWAY)  # who says more than that has lost the thread
        replies = engine_over(self.body, arena, self.folder).generate([sample.request for sample in self.samples], ask)
        judged = zip(replies, self.samples, strict=True)
        return sum(self.domain.judge(reply.text, sample.intents, sample.skill).passed for reply, sample in judged)


class Watch:
    """Sees every step."""

    def __init__(self, job: Job, body: Body, held: tuple[Arena, Checkpoints], state: State) -> None:
        """`held`: the weights and where they are kept; `state`: where the run starts from.

        Raises:
            UserError: the best weights are wanted, and there is nothing to judge them by.
            Unavailable: the tracker is not installed.
        """
        self.what: StepsWhat = job.what
        self.how: TrainingHow = job.how
        self.job = job
        self.arena, self.checkpoints = held
        self.clock, self.meter = Clock(state.seconds), Meter()
        self.curve, self.fullpass, self.devloss = (
            Appended(job.out / name, state.written.get(name, 0)) for name in (CURVE, FULLPASS, DEVLOSS)
        )
        self.digest, self.standing, self.stopped = state.digest, state.standing, state.stopped
        self.seen, self.seen_at = state.tokens, self.clock.seconds()  # at the last line of the curve
        self.tokens = state.tokens
        self.told: list[dict[str, float]] = []  # of each step since the last line of the curve
        self.shown = self.saved = time.monotonic()
        self.passed: tuple[int, int] | None = None
        self.bench = Bench(_dev_samples(job), job.domain, job.out, body)
        self.lessons = DevLessons.load(job.out, self.what.tokens_per_step // self.what.blocks)
        if (self.what.keep == "best" or self.what.patience) and not self.bench.samples and self.lessons is None:
            found = f"{self.what.keep!r} with a patience of {self.what.patience}, and no dev slice"
            raise UserError("training.keep", found, "raise training.dev_samples, or keep the last weights")
        self.tracker = open_tracker(self.how.tracker, job.out, [file.path for file in (self.curve, self.fullpass, self.devloss)])

    def __call__(self, stepped: Stepped, network: Network) -> bool:
        """Write what is due after this step, and say whether to go on."""
        before, self.tokens = self.tokens, stepped.tokens
        self.meter.add(stepped.tokens - before)
        ended = stepped.tokens >= self.what.tokens
        self.told.append({"loss": stepped.loss, **stepped.figures})
        if ended or _crossed(before, stepped.tokens, max(1, self.what.tokens // CURVE_POINTS)):
            self._point(stepped)
        if ended or _crossed(before, stepped.tokens, self.what.dev_every_tokens):
            self._count(stepped, network)
        if self.stopped and self.told:
            self._point(stepped)
        now, done = time.monotonic(), ended or self.stopped
        if now - self.shown >= PROGRESS_SECONDS or done:
            self._show(stepped)
            self.shown = now
        if now - self.saved >= self.how.checkpoint_seconds or done:
            self.save(stepped)
            self.saved = time.monotonic()
        return not self.stopped

    def _point(self, stepped: Stepped) -> None:
        seconds = self.clock.seconds()
        self.rate = (stepped.tokens - self.seen) / max(seconds - self.seen_at, 1e-9)
        point = {
            "step": stepped.number,
            "tokens": stepped.tokens,
            **{name: round(sum(told[name] for told in self.told) / len(self.told), 5) for name in self.told[0]},
            "learning_rate": round(stepped.learning_rate, 8),
            "tokens_per_second": round(self.rate, 1),
            "seconds": round(seconds, 2),
        }
        self._append(self.curve, point)
        self.seen, self.seen_at, self.told = stepped.tokens, seconds, []

    def _count(self, stepped: Stepped, network: Network) -> None:
        """Measure the student on the dev slice, where there is one, and see whether it gained."""
        if not self.bench.samples and self.lessons is None:
            return
        record = {"step": stepped.number, "tokens": stepped.tokens}
        loss = None
        # The other processes wait meanwhile.
        with _threads(self.how.processes or os.cpu_count() or 1), self.meter.aside(len(self.bench.samples)):
            if self.lessons is not None:
                loss = self.lessons.measure(network)
                groups = {name: round(mean, 5) for name, mean in loss.groups.items()}
                self._append(self.devloss, record | {"loss": round(loss.mean, 5), "labels": loss.labels, "groups": groups})
            if self.bench.samples:
                self.passed = self.bench.count(self.arena), len(self.bench.samples)
                seconds = round(self.clock.seconds(), 2)
                self._append(self.fullpass, record | {"seconds": seconds, "passed": self.passed[0], "total": self.passed[1]})
        score = score_of(self.passed[0] if self.passed else None, loss.mean if loss else None)
        self.standing = self.standing.after(stepped.number, stepped.tokens, score)
        if self.what.keep == "best" and self.standing.step == stepped.number:
            self.checkpoints.save_best(stepped.number, self.arena.whole())
            self.standing = replace(self.standing, kept=True)
        self.stopped = 0 < self.what.patience <= self.standing.waited

    def _append(self, file: Appended, record: dict[str, Any]) -> None:
        file.add(record)
        self.tracker.log(series(file.path.name, record), record["step"])

    def _show(self, stepped: Stepped) -> None:
        figures: dict[str, float | int | str] = {"loss": round(stepped.loss, 3)}
        if self.passed:
            figures["full-pass"] = f"{self.passed[0]}/{self.passed[1]}"
        self.job.progress.step(min(stepped.tokens, self.what.tokens), self.what.tokens, "tokens", **figures)

    def save(self, stepped: Stepped) -> None:
        """Write a checkpoint of the state after this step."""
        state = State(
            step=stepped.number,
            tokens=stepped.tokens,
            position=stepped.after,
            seconds=self.clock.seconds(),
            digest=self.digest,
            written={file.path.name: file.length for file in (self.curve, self.fullpass, self.devloss)},
            standing=self.standing,
            stopped=self.stopped,
        )
        self.checkpoints.save(state, self.arena.kept())

    def draw(self) -> None:
        """Show people the whole curve in one line."""
        losses = [record["loss"] for record in read_records(self.curve.path)]
        self.job.progress.say(f"      loss {losses[0]:.3g} {sparkline(losses)} {losses[-1]:.3g}")

    def figures(self) -> dict[str, Any]:
        """Return what a recipe that asks for the best weights, or for patience, wants to know at the end."""
        asked = self.what.keep == "best" or self.what.patience
        found: dict[str, Any] = {"best_step": self.standing.step, "best_tokens": self.standing.tokens} if asked else {}
        return found | ({"stopped_early": self.stopped} if self.what.patience else {})


def _dev_samples(job: Job) -> list[Sample]:
    """Return the dev slice of the mix."""
    dev = job.inputs["mix"].path / "dev.jsonl" if "mix" in job.inputs else None
    return [Sample.from_record(record) for record in read_samples(dev, job.what.dev_samples)] if dev is not None and dev.exists() else []


def sparkline(values: Sequence[float], width: int = 48) -> str:
    """Draw numbers as bars of eight heights, the lowest at the least; means where there are more than `width`."""
    count = min(width, len(values))
    edges = [place * len(values) // count for place in range(count + 1)]
    means = [sum(values[begin:end]) / (end - begin) for begin, end in pairwise(edges)]
    least, span = min(means), (max(means) - min(means)) or 1.0
    return "".join(BARS[int((mean - least) / span * (len(BARS) - 1) + 0.5)] for mean in means)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _crossed(before: int, after: int, every: int) -> bool:
    """Say whether a multiple of `every` lies in (before, after]."""
    return before // every != after // every
