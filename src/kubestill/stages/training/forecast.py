"""What a training will cost, told before it begins and measured when it is done. Loads no torch: plans call it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.ground.settings import read_settings
from kubestill.stages.training.settings import StartWhat, StepsWhat, TrainingHow
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import Encoded
from kubestill.tools.modeling.memory import Forecast, estimate
from kubestill.tools.modeling.presets import Architecture, preset
from kubestill.tools.modeling.rates import Lessons, Rate, add_rate, nearest, processor, read_rates, work

LEAST_SECONDS = 60.0  # of the processor: a shorter training tells little
GPU = Path("/dev/nvidia0")


def forecast(what: StepsWhat, how: TrainingHow, before: Forecast | None) -> Forecast | None:
    """Return what a training by these settings costs, going on from the student of `before`, if any; None where nobody can tell.

    Nobody can of adapters, of students that are not ours, and of GPUs. The time is None where nothing alike was trained on this machine.
    """
    arch = _student(what, before)
    if arch is None or what.adapter.rank or how.device == "cuda" or (how.device == "auto" and GPU.exists()):
        return None
    processes = min(how.processes or read_settings().processes, what.blocks)
    size = estimate(arch, what.tokens_per_step // what.blocks, processes, min(what.max_tokens, arch.max_position))
    return Forecast(arch, size.total, _seconds(what, arch, size.parameters, processes))


def _student(what: StepsWhat, before: Forecast | None) -> Architecture | None:
    """Return what is trained; None where it is no student of ours, or not there."""
    if before is not None:
        return before.arch
    if not isinstance(what, StartWhat):
        return None
    try:
        if not what.base:
            return preset(what.preset).with_vocabulary(what.vocabulary_size)
        path = find_base(what.base) / "config.json"
        arch = Architecture.from_config(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (UserError, OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return replace(arch, layers=what.layers) if what.layers else arch


def _seconds(what: StepsWhat, arch: Architecture, parameters: int, processes: int) -> float | None:
    """Return seconds of the clock, by the most alike training; how much processes wait is taken from the least disturbed one."""
    rates = read_rates(read_settings().cache)
    like = Rate(processor(), processes, what.precision, str(getattr(what, "objective", "")), parameters, 0, 0, 0, 0, 0, 0)
    rate = nearest(rates, like)
    if rate is None:
        return None
    busy = max(one.busy for one in rates if one.processor == rate.processor)
    steps = what.tokens / (what.tokens_per_step * rate.filled)
    learning = work(arch, what.tokens, steps, rate.lessons, what.optimizer == "muon") / (rate.work_per_second * processes * busy)
    counts = what.tokens // what.dev_every_tokens + 1
    return learning + counts * what.dev_samples * rate.answer_seconds


@dataclass(frozen=True)
class Spent:
    """What a training (or the end of one that was cut) took of the first process, dev counts left out but for `answer_seconds`."""

    tokens: int
    steps: int
    processor_seconds: float
    seconds: float
    answer_seconds: float
    places: float
    labelled: float


class Meter:
    """Counts tokens and steps, and the time that they take."""

    def __init__(self) -> None:
        self.tokens = self.steps = self.answers = 0
        self.seconds, self.processor, self.answering = -time.monotonic(), -time.process_time(), 0.0

    def add(self, tokens: int) -> None:
        """Count a step."""
        self.tokens, self.steps = self.tokens + tokens, self.steps + 1

    @contextmanager
    def aside(self, answers: int) -> Iterator[None]:
        """Leave out what is done meanwhile: so many answers."""
        begun = time.monotonic(), time.process_time()
        yield
        took = time.monotonic() - begun[0]
        self.seconds, self.processor = self.seconds - took, self.processor - time.process_time() + begun[1]
        self.answers, self.answering = self.answers + answers, self.answering + took

    def spent(self, encoded: Encoded) -> Spent:
        """Return what was counted until now, with what was learned from."""
        return Spent(
            tokens=self.tokens,
            steps=self.steps,
            processor_seconds=self.processor + time.process_time(),
            seconds=self.seconds + time.monotonic(),
            answer_seconds=self.answering / self.answers if self.answers else 0.0,
            places=float(encoded.lengths.mean()),
            labelled=float(encoded.labels.sum() / encoded.lengths.sum()),
        )


def remember(what: StepsWhat, arch: Any, processes: int, spent: Spent) -> None:
    """Keep how fast a training went; `arch` is None where its work is not known. Short ones are not kept."""
    if not isinstance(arch, Architecture) or spent.processor_seconds < LEAST_SECONDS or not spent.steps:
        return
    lessons = Lessons(spent.places, spent.labelled, spent.tokens / spent.steps / what.tokens_per_step)
    done = work(arch, spent.tokens, spent.steps, lessons, what.optimizer == "muon")
    rate = Rate(
        processor=processor(),
        processes=processes,
        precision=what.precision,
        objective=str(getattr(what, "objective", "")),
        parameters=estimate(arch, 1, 1).parameters,
        work_per_second=done / processes / spent.processor_seconds,
        busy=min(1.0, spent.processor_seconds / spent.seconds),
        answer_seconds=spent.answer_seconds,
        places=lessons.places,
        labelled=lessons.labelled,
        filled=lessons.filled,
    )
    add_rate(read_settings().cache, rate)
