"""What the first process does between steps: the curve, full passes on the dev slice, checkpoints, progress."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kubestill.domains.api import Sample
from kubestill.ground.stage import Job
from kubestill.stages.training.batches import read_samples
from kubestill.stages.training.checkpoint import State, save_checkpoint
from kubestill.stages.training.loop import Clock, Stepped
from kubestill.stages.training.parallel import Arena
from kubestill.stages.training.settings import StepsWhat, TrainingHow
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling.network import Body, StudentBody
from kubestill.tools.modeling.tokenizer import load_tokenizer

CURVE, FULLPASS = "curve.jsonl", "fullpass.jsonl"
CURVE_POINTS = 500  # lines of a whole curve
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
        tokenizer, chat = load_tokenizer(self.folder), ChatFormat.load(self.folder)
        targets = [chat.target(sample.answer, chat.prompt(sample.request), sample.notes()) for sample in self.samples]
        longest = max(len(coded.ids) for coded in tokenizer.encode_batch_fast(targets, add_special_tokens=False))
        ask = Ask(max_new_tokens=longest + LEEWAY)  # who says more than that has lost the thread
        assert isinstance(self.body, StudentBody)
        engine = TransformersEngine(self.body.layout, arena.masters, (tokenizer, chat))
        replies = engine.generate([sample.request for sample in self.samples], ask)
        judged = zip(replies, self.samples, strict=True)
        return sum(self.domain.judge(reply.text, sample.intents, sample.skill).passed for reply, sample in judged)


class Watch:
    """Sees every step."""

    def __init__(self, job: Job, body: Body, arena: Arena, state: State) -> None:
        """`state`: where the run starts from."""
        self.what: StepsWhat = job.what
        self.how: TrainingHow = job.how
        self.job, self.arena = job, arena
        self.clock = Clock(state.seconds)
        self.curve = Appended(job.out / CURVE, state.curve_bytes)
        self.fullpass = Appended(job.out / FULLPASS, state.fullpass_bytes)
        self.digest = state.digest
        self.seen, self.seen_at = state.tokens, self.clock.seconds()  # at the last line of the curve
        self.tokens = state.tokens
        self.told: list[dict[str, float]] = []  # of each step since the last line of the curve
        self.shown = self.saved = time.monotonic()
        self.passed: tuple[int, int] | None = None
        dev = job.inputs["mix"].path / "dev.jsonl"
        records = read_samples(dev, self.what.dev_samples) if dev.exists() and self.what.dev_samples else []
        samples = [Sample.from_record(record) for record in records]
        self.bench = Bench(samples, job.domain, job.out, body)

    def __call__(self, stepped: Stepped) -> bool:
        """Write what is due after this step, and say whether to go on."""
        before, self.tokens = self.tokens, stepped.tokens
        done = stepped.tokens >= self.what.tokens
        self.told.append({"loss": stepped.loss, **stepped.figures})
        if done or _crossed(before, stepped.tokens, max(1, self.what.tokens // CURVE_POINTS)):
            self._point(stepped)
        if self.bench.samples and (done or _crossed(before, stepped.tokens, self.what.dev_every_tokens)):
            self._count(stepped)
        now = time.monotonic()
        if now - self.shown >= PROGRESS_SECONDS or done:
            self._show(stepped)
            self.shown = now
        if now - self.saved >= self.how.checkpoint_seconds or done:
            self.save(stepped)
            self.saved = time.monotonic()
        return True

    def _point(self, stepped: Stepped) -> None:
        seconds = self.clock.seconds()
        self.rate = (stepped.tokens - self.seen) / max(seconds - self.seen_at, 1e-9)
        self.curve.add(
            {
                "step": stepped.number,
                "tokens": stepped.tokens,
                **{name: round(sum(told[name] for told in self.told) / len(self.told), 5) for name in self.told[0]},
                "learning_rate": round(stepped.learning_rate, 8),
                "tokens_per_second": round(self.rate, 1),
                "seconds": round(seconds, 2),
            }
        )
        self.seen, self.seen_at, self.told = stepped.tokens, seconds, []

    def _count(self, stepped: Stepped) -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, self.how.processes or os.cpu_count() or 1))  # the other processes wait meanwhile
        self.passed = self.bench.count(self.arena), len(self.bench.samples)
        torch.set_num_threads(threads)
        record = {"step": stepped.number, "tokens": stepped.tokens, "seconds": round(self.clock.seconds(), 2)}
        self.fullpass.add(record | {"passed": self.passed[0], "total": self.passed[1]})

    def _show(self, stepped: Stepped) -> None:
        figures: dict[str, float | int | str] = {"loss": round(stepped.loss, 3)}
        if self.passed:
            figures["full-pass"] = f"{self.passed[0]}/{self.passed[1]}"
        self.job.progress.step(min(stepped.tokens, self.what.tokens), self.what.tokens, "tokens", **figures)

    def save(self, stepped: Stepped) -> None:
        """Write a checkpoint of the state after this step."""
        save_checkpoint(
            self.job.out,
            State(
                step=stepped.number,
                tokens=stepped.tokens,
                position=stepped.after,
                seconds=self.clock.seconds(),
                digest=self.digest,
                curve_bytes=self.curve.length,
                fullpass_bytes=self.fullpass.length,
            ),
            self.arena.kept(),
        )


def _crossed(before: int, after: int, every: int) -> bool:
    """Say whether a multiple of `every` lies in (before, after]."""
    return before // every != after // every
