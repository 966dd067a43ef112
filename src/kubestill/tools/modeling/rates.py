"""How fast this machine has trained: measured at the end of each training, kept in the user's cache, read by plans. Loads no torch.

Work is counted in floating-point operations, and an element that passes through memory between the products as ELEMENT of them. With that,
students of 1, 4 and 12 million parameters worked at one rate to a tenth (docs/log/2026-11-22-training-loop.md, "Muon's share": 60, 188 and
373 microseconds a token for 5.4, 24.8 and 63.4 million operations; 27, 205 and 915 milliseconds for Muon and AdamW).
"""

import json
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kubestill.ground.records import write_text
from kubestill.tools.modeling.memory import flops_per_token, muon_flops, parameters, pointwise_per_token
from kubestill.tools.modeling.presets import Architecture

FILE = "rates.json"
KEPT = 100  # measurements, the latest
ELEMENT = 1200.0
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
    parameters: int
    work_per_second: float
    busy: float  # seconds of the processor in a second of the clock; less than one where a process waits, for others or for its turn
    answer_seconds: float  # of one answer of the dev slice; 0 where none was asked for
    places: float
    labelled: float
    filled: float

    @property
    def lessons(self) -> Lessons:
        """The lessons of that training."""
        return Lessons(self.places, self.labelled, self.filled)


def work(arch: Architecture, tokens: float, steps: float, lessons: Lessons, muon: bool = True) -> float:
    """Return the work of all processes for so many tokens and steps."""
    token = flops_per_token(arch, round(lessons.places), lessons.labelled) + ELEMENT * pointwise_per_token(arch, lessons.labelled)
    step = (muon_flops(arch) if muon else 0.0) + ELEMENT * UPDATE_ELEMENTS * parameters(arch)
    return tokens * token + steps * step


def processor() -> str:
    """Return what the processor is called."""
    place = Path("/proc/cpuinfo")
    for line in place.read_text(encoding="utf-8").splitlines() if place.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


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


def nearest(rates: Sequence[Rate], like: Rate) -> Rate | None:
    """Return the measurement of the same work that is most like `like`: of students of its size, done alike, the latest."""
    fit = [rate for rate in rates if (rate.processor, rate.precision, rate.objective) == (like.processor, like.precision, like.objective)]

    def distance(rate: Rate) -> tuple[float, float]:
        return abs(math.log(rate.parameters / like.parameters)), abs(rate.processes - like.processes)

    return min(reversed(fit), key=distance, default=None)
