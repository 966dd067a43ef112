"""How fast this machine has trained: measured at the end of each training, kept in the user's cache, read by plans. Loads no torch.

Work is counted in floating-point operations, and an element that passes through memory between the products as ELEMENTS of them: more where
the processor has matrix units, whose products are fast. With that, students of 1, 4 and 12 million parameters worked at one rate to a
fifth on both sorts (docs/log/2026-11-22-training-loop.md, "Muon's share"; docs/log/2026-11-27-few-shapes.md).
"""

import json
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np

from kubestill.ground.records import write_text
from kubestill.tools.modeling.memory import flops_per_token, muon_flops, parameters, pointwise_per_token
from kubestill.tools.modeling.presets import Architecture

FILE = "training-rates.json"
KEPT = 100  # measurements, the latest
ALIKE = 5  # measurements of one size that count, the latest
ELEMENTS = {False: 1200.0, True: 3000.0}  # by whether the processor has matrix units
START_LESSONS = 5_000.0  # processes that begin, files that are read
TOKENIZER_LESSONS = 2.0  # of each sample that a tokenizer learns from
TOKENIZER_SAMPLES = 10_000  # as many as it learns from at most (stages/training/prepare.py)
UPDATE_ELEMENTS = 8.0  # of each parameter that a step updates


@dataclass(frozen=True)
class Lessons:
    """What of the lessons the work hangs on: mean tokens of one, share of them that are labels, and how full steps are."""

    places: float = 136.0  # requests and answers of the Kubernetes mix
    labelled: float = 0.33
    filled: float = 0.93


@dataclass(frozen=True)
class Rate:
    """A training's measure: what the processor is called, how it was done, and the work of one process in a second of its processor."""

    processor: str
    processes: int
    precision: str
    objective: str
    mixing: str  # the kinds of the student's layers
    parameters: int
    token_flops: float  # of forward and backward of one token, were lessons as `Lessons` says: the size that rates are compared by
    work_per_second: float
    busy: float  # seconds of the processor in a second of the clock; less than one where a process waits, for others or for its turn
    answer_seconds: float  # of one answer of the dev slice; 0 where none was asked for
    places: float
    labelled: float
    filled: float
    lesson_seconds: float  # of one process, to make ready one lesson of as many as `readying` counts; 0 where they lay ready
    around_seconds: float  # of the clock, of what is neither lessons, steps nor answers: processes that begin, weights that are read back

    @property
    def sort(self) -> tuple[str, ...]:
        """What work is the same: rates are compared within one sort."""
        return self.processor, self.precision, self.objective, self.mixing

    @property
    def lessons(self) -> Lessons:
        """The lessons of that training."""
        return Lessons(self.places, self.labelled, self.filled)


def readying(lessons: float, fresh: bool) -> float:
    """Return to how many lessons' encoding it amounts to make `lessons` ready; `fresh`: with a tokenizer that is learned from them.

    Judged by eleven trainings of 11,000 to 370,000 lessons, stages' seconds less training's: 0.14 to 0.40 ms a lesson so counted.
    """
    return START_LESSONS + lessons + (TOKENIZER_LESSONS * min(lessons, TOKENIZER_SAMPLES) if fresh else 0.0)


def token_flops(arch: Architecture, lessons: Lessons) -> float:
    """Return the floating-point operations of forward and backward of one token."""
    return flops_per_token(arch, round(lessons.places), lessons.labelled)


def work(arch: Architecture, tokens: float, steps: float, lessons: Lessons, muon: bool = True) -> float:
    """Return the work of all processes for so many tokens and steps."""
    element = ELEMENTS[has_matrix_units()]
    token = token_flops(arch, lessons) + element * pointwise_per_token(arch, lessons.labelled)
    step = (muon_flops(arch) if muon else 0.0) + element * UPDATE_ELEMENTS * parameters(arch)
    return tokens * token + steps * step


def processor() -> str:
    """Return what the processor is called."""
    return _told("model name") or platform.processor() or platform.machine()


def has_matrix_units() -> bool:
    """Say whether the processor multiplies matrices of bf16 by units of their own."""
    return "amx_bf16" in _told("flags").split()


@cache
def _told(name: str) -> str:
    """Return what the system tells of its first processor; nothing where it has no such file."""
    place = Path("/proc/cpuinfo")
    for line in place.read_text(encoding="utf-8").splitlines() if place.exists() else []:
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""


def read_rates(cache: Path) -> list[Rate]:
    """Return what was measured, the latest last; what cannot be read is not there."""
    try:
        return [Rate(**record) for record in json.loads((cache / FILE).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def add_rate(cache: Path, rate: Rate) -> None:
    """Keep a measurement."""
    kept = [*read_rates(cache), rate][-KEPT:]
    write_text(cache / FILE, json.dumps([asdict(one) for one in kept], indent=1) + "\n")


def expected(rates: Sequence[Rate], like: Rate) -> Rate | None:
    """Return what a training like `like` would be measured at, by the same work done on this processor; None where there was none.

    Speeds lie between those of the next smaller and the next larger students, or are those of the last one, and lessons are as of the
    nearest. Of as many processes, where there were such. What is measured by the clock is taken from the least disturbed training.
    """
    fit = [rate for rate in rates if rate.sort == like.sort]
    if not fit:
        return None
    fewest = min(abs(rate.processes - like.processes) for rate in fit)
    alike = [rate for rate in fit if abs(rate.processes - like.processes) == fewest]
    closest = min(reversed(alike), key=lambda rate: abs(np.log(rate.token_flops / like.token_flops)))
    waiting = [rate.busy for rate in rates if (rate.processor, rate.processes) == (closest.processor, closest.processes)]
    answering = [(rate.token_flops, rate.token_flops / rate.answer_seconds) for rate in fit if rate.answer_seconds]
    answers = between(answering, like.token_flops, max)
    return replace(
        closest,
        processes=like.processes,
        parameters=like.parameters,
        token_flops=like.token_flops,
        work_per_second=between([(rate.token_flops, rate.work_per_second) for rate in alike], like.token_flops),
        busy=max(waiting),
        answer_seconds=like.token_flops / answers if answers else 0.0,
        lesson_seconds=min((rate.lesson_seconds for rate in fit if rate.lesson_seconds), default=0.0),
        around_seconds=min((rate.around_seconds for rate in fit if rate.around_seconds), default=0.0),
    )


def between(points: Iterable[tuple[float, float]], size: float, of_many: Callable[[list[float]], float] = median) -> float:
    """Return the value at `size` of measured (size, value): on a line between logarithms, flat beyond the ends; 0 of no points.

    Where a size was measured more than once, the median of the latest counts, or what `of_many` takes of them.
    """
    found: dict[float, list[float]] = {}
    for at, value in points:
        found.setdefault(at, []).append(value)
    if not found:
        return 0.0
    sizes = sorted(found)
    values = [of_many(found[at][-ALIKE:]) for at in sizes]
    return float(np.exp(np.interp(np.log(size), np.log(sizes), np.log(values))))
