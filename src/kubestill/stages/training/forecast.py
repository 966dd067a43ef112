"""What a training will cost, told before it begins and measured when it is done. Loads no torch: plans call it."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.ground.settings import read_settings
from kubestill.stages.training.settings import StartWhat, StepsWhat, TrainingHow
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import Encoded
from kubestill.tools.modeling.memory import Forecast, estimate, parameters
from kubestill.tools.modeling.mixing import mixed
from kubestill.tools.modeling.presets import Architecture, preset
from kubestill.tools.modeling.rates import Lessons, Rate, add_rate, expected, processor, read_rates, readying, token_flops, work

LEAST_SECONDS = 60.0  # of the processor: a shorter training tells little
GPU = Path("/dev/nvidia0")


def forecast(what: StepsWhat, how: TrainingHow, before: Forecast | None, lessons: int | None = None) -> Forecast | None:
    """Return what a training by these settings costs, going on from the student of `before`, if any; None where nobody can tell.

    Nobody can of adapters, of students that are not ours, and of GPUs. The time is None where nothing alike was trained on this machine.
    `lessons` are made ready before it; where nobody knows how many, as many as it sees.
    """
    arch = _student(what, before)
    if arch is None or what.adapter.rank or how.device == "cuda" or (how.device == "auto" and GPU.exists()):
        return None
    processes = min(how.processes or read_settings().processes, what.blocks)
    size = estimate(arch, what.tokens_per_step // what.blocks, processes, min(what.max_tokens, arch.max_position))
    return Forecast(arch, size.total, _seconds(what, arch, processes, (lessons, is_fresh(what, before is not None))))


def is_fresh(what: StepsWhat, follows: bool) -> bool:
    """Say whether a training learns a tokenizer of its own; `follows`: an earlier stage hands its student on."""
    return isinstance(what, StartWhat) and not what.base and not follows


def _student(what: StepsWhat, before: Forecast | None) -> Architecture | None:
    """Return what is trained; None where it is no student of ours, or not there."""
    if before is not None:
        return before.arch
    if not isinstance(what, StartWhat):
        return None
    try:
        if not what.base:
            drawn = preset(what.preset).with_vocabulary(what.vocabulary_size)
            return mixed(drawn, what.attention.kind, what.attention.window, what.attention.full_every)
        path = find_base(what.base) / "config.json"
        arch = Architecture.from_config(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (UserError, OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return arch.deeper(what.layers) if what.layers else arch


def _seconds(what: StepsWhat, arch: Architecture, processes: int, read: tuple[int | None, bool]) -> float | None:
    """Return seconds of the clock: of lessons made ready, steps, answers of the dev slice, and what is around them.

    `read`: how many lessons, where that is known, and whether a tokenizer is learned from them.
    """
    rate = expected(read_rates(read_settings().cache), _unmeasured(what, arch, processes))
    if rate is None:
        return None
    steps = what.tokens / (what.tokens_per_step * rate.filled)
    learning = work(arch, what.tokens, steps, rate.lessons, what.optimizer == "muon") / (rate.work_per_second * processes * rate.busy)
    counts = max(1, math.ceil(what.tokens / what.dev_every_tokens))  # the last of them at the end
    lessons, fresh = read
    count = getattr(what, "requests", lessons if lessons is not None else what.tokens / rate.places)
    ready = readying(count, fresh) * rate.lesson_seconds / processes
    return learning + counts * what.dev_samples * rate.answer_seconds + ready + rate.around_seconds


def _unmeasured(what: StepsWhat, arch: Architecture, processes: int) -> Rate:
    """Return the rate of a training before anything of it is known but how it is done."""
    return Rate(
        processor=processor(),
        processes=processes,
        precision=what.precision,
        objective=str(getattr(what, "objective", "")),
        mixing=" and ".join(sorted(set(arch.kinds))),
        parameters=parameters(arch),
        token_flops=token_flops(arch, Lessons()),
        work_per_second=0.0,
        busy=1.0,
        answer_seconds=0.0,
        **asdict(Lessons()),
        lesson_seconds=0.0,
        around_seconds=0.0,
    )


@dataclass(frozen=True)
class Spent:
    """What a training (or the end of one that was cut) took of the first process."""

    tokens: int
    steps: int
    processor_seconds: float  # of these steps
    seconds: float  # of the clock, of these steps
    answer_seconds: float  # of one answer of the dev slice
    places: float
    labelled: float
    lesson_seconds: float = 0.0  # of one process, to make one lesson ready (rates.readying)
    around_seconds: float = 0.0  # of the clock, of all else


class Meter:
    """Counts tokens and steps, and the time that they take, from the end of the first step on: before it, processes begin."""

    def __init__(self) -> None:
        self.tokens = self.steps = self.answers = 0
        self.seconds = self.processor = self.answering = 0.0

    def add(self, tokens: int) -> None:
        """Count a step."""
        if not self.seconds:
            self.seconds, self.processor = -time.monotonic(), -time.process_time()
            return
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


class Outlay:
    """What a run of a stage takes, from its begin to its end."""

    def __init__(self, ready: bool) -> None:
        """`ready`: a run that was cut has made lessons ready, or some of them."""
        self.ready, self.begun, self.aside = ready, time.monotonic(), 0.0
        self.lesson_seconds = 0.0
        self.learned: tuple[Any, int, Spent] | None = None

    def prepared(self, lessons: int, processes: int, fresh: bool) -> None:
        """Tell that lessons are ready, and took the time from the begin until now; `fresh`: with a tokenizer learned from them."""
        self.aside = time.monotonic() - self.begun
        if not self.ready:
            self.lesson_seconds = self.aside * processes / readying(lessons, fresh)

    def stepped(self, arch: Any, processes: int, meter: Meter, encoded: Encoded) -> None:
        """Tell that the steps are done; `arch` is None where their work is not known."""
        spent = meter.spent(encoded)
        self.learned, self.aside = (arch, processes, spent), self.aside + spent.seconds + meter.answering

    def remember(self, what: StepsWhat) -> None:
        """Tell that all is done, and keep how fast, if steps were."""
        if self.learned is not None:
            arch, processes, spent = self.learned
            around = time.monotonic() - self.begun - self.aside
            remember(what, arch, processes, replace(spent, lesson_seconds=self.lesson_seconds, around_seconds=around))


def remember(what: StepsWhat, arch: Any, processes: int, spent: Spent) -> None:
    """Keep how fast a training went; `arch` is None where its work is not known. Short ones are not kept."""
    if not isinstance(arch, Architecture) or spent.processor_seconds < LEAST_SECONDS or not spent.steps:
        return
    lessons = Lessons(spent.places, spent.labelled, spent.tokens / spent.steps / what.tokens_per_step)
    done = work(arch, spent.tokens, spent.steps, lessons, what.optimizer == "muon")
    rate = replace(
        _unmeasured(what, arch, processes),
        work_per_second=done / processes / spent.processor_seconds,
        busy=min(1.0, spent.processor_seconds / spent.seconds),
        answer_seconds=spent.answer_seconds,
        **asdict(lessons),
        lesson_seconds=spent.lesson_seconds,
        around_seconds=spent.around_seconds,
    )
    add_rate(read_settings().cache, rate)
