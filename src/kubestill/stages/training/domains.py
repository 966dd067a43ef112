"""Which domain each lesson is of, and what share of the tokens each domain gets: DDK (Liu et al. 2024, arXiv 2407.16154, section 3.2).

Before each interval the perplexities of student and teacher, l_S[i] and l_T[i], are compared on the same dev samples of each of N domains:

    at first    r[i] = softmax_i(l_S[i] / l_T[i])
    then        r'[i] = alpha * psi[i] / sum(psi) + (1 - alpha) / N,   psi[i] = r[i] * exp(l_S[i] / l_T[i])

The first interval shares evenly, the following ones by r. The paper draws rows of one length, so shares of rows are shares of tokens; our
lessons differ in length, and a share is one of tokens. A ratio over `clip` counts as `clip`, and the log says of which domain: exp() of a
student from nothing, a thousand times as perplexed as its teacher, would leave one domain alone. A domain without dev samples cannot be
measured: it gets the mean ratio of the others, and the log says so, too.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_text
from kubestill.ground.stage import Job
from kubestill.stages.training.batches import DomainPlan, Interval, Pace, Plan, PlanGiven, Position
from kubestill.stages.training.devloss import DevLessons
from kubestill.stages.training.objectives.api import Lessons
from kubestill.stages.training.parallel import TYPES, Arena, Team
from kubestill.stages.training.settings import DomainsWhat, PretrainingWhat, StartWhat, TrainingWhat
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import ENCODED, Encoded, Encoding, Limits, encode_mix, shards_of
from kubestill.tools.modeling.network import Network, Reader
from kubestill.tools.modeling.teacher import load_teacher
from kubestill.tools.modeling.texts import read_texts
from kubestill.tools.signals import read_header

if TYPE_CHECKING:
    from kubestill.stages.training.loop import Given

FACTORS = "factors.jsonl"  # a line an interval
NUMBERS, NAMES, TEACHER, SLICE = "domains.npy", "domains.json", "teacher.json", "slice"
CHUNK = 50  # lessons that one process measures in one go
WORDS = ("tokenizer.json", "chat.json")  # teacher and student must share these: else a perplexity is one of other tokens
Factors = tuple[float, ...]


@dataclass(frozen=True)
class Groups:
    """The group of each lesson: a number, and what the numbers mean."""

    names: tuple[str, ...]
    of: NDArray[np.int32]

    @classmethod
    def of_lessons(cls, labels: Sequence[str], order: Sequence[str] = ()) -> "Groups":
        """Return the groups of lessons with these labels: in `order`, then by the alphabet; a group has lessons."""
        found = set(labels)
        names = [name for name in dict.fromkeys(order) if name in found]
        names += sorted(found.difference(names))
        places = {name: place for place, name in enumerate(names)}
        return cls(tuple(names), np.array([places[label] for label in labels], dtype=np.int32))

    def save(self, folder: Path) -> None:
        """Write both beside the lessons."""
        np.save(folder / NUMBERS, self.of)
        write_text(folder / NAMES, json.dumps(self.names))

    @classmethod
    def load(cls, folder: Path) -> "Groups":
        """Read them back."""
        return cls(tuple(json.loads((folder / NAMES).read_text())), np.load(folder / NUMBERS))


def prepare_domains(job: Job, encoded: Encoded, processes: int) -> None:
    """Lay beside the encoded lessons of a mix: the domain of each, dev samples to measure on, and the teacher's perplexities.

    Raises:
        UserError: DDK is asked for, and the teacher is unknown, reads other words, or has no figure for a domain.
    """
    what: DomainsWhat = job.what.domains
    if not what.by:
        return
    mix, dev = job.inputs["mix"].path, None
    groups = Groups.of_lessons(_labels(shards_of(mix), what.by, encoded))
    if (path := mix / "dev.jsonl").exists():
        limits = Limits(job.what.max_tokens, job.what.answers, job.what.hidden)
        found, _ = encode_mix(Encoding(job.out, Sample.from_record, limits), [path], processes)
        dev = found, _labels([path], what.by, found)
    save_domains(job, groups, dev)


def save_domains(job: Job, groups: Groups, dev: tuple[Encoded, Sequence[str]] | None) -> None:
    """Lay beside the encoded lessons the group of each; where domains are weighed, also lessons to measure on, with the name of each one's.

    Raises:
        UserError: DDK is asked for, and the teacher is unknown, reads other words, or has no figure for a domain.
    """
    what: DomainsWhat = job.what.domains
    groups.save(job.out / ENCODED)
    if what.by:
        if dev is not None:
            save_slice(job.out / ENCODED, *dev, what.samples)
        write_text(job.out / ENCODED / TEACHER, json.dumps(teacher_figures(job)))


def _labels(shards: Sequence[Path], by: str, encoded: Encoded) -> list[str]:
    """Return the domain of each encoded lesson, by the line that it was."""
    told = [str(record[by]) for shard in shards for record in read_records(shard)]
    return [told[line] for line in encoded.lines.tolist()]


def save_slice(folder: Path, encoded: Encoded, labels: Sequence[str], most: int) -> None:
    """Lay the first `most` lessons of each label into `folder`/slice, to measure perplexities on."""
    seen: dict[str, int] = {}
    numbers = []
    for number, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= most:
            numbers.append(number)
    if numbers:
        some(encoded, numbers).save(folder / SLICE)
        Groups.of_lessons([labels[number] for number in numbers]).save(folder / SLICE)


def some(encoded: Encoded, numbers: Sequence[int]) -> Encoded:
    """Return the lessons `numbers` alone."""
    rows = [encoded.sample(number) for number in numbers]
    return Encoded(np.concatenate(rows), np.cumsum([len(row) for row in rows]), encoded.starts[list(numbers)])


class Slice:
    """What perplexities are measured on, in chunks of one domain that the processes share."""

    def __init__(self, encoded: Encoded, labels: Sequence[str], block_tokens: int) -> None:
        """`labels` names the domain of each lesson."""
        self.chunks: list[tuple[str, DevLessons]] = []
        for label in sorted(set(labels)):
            numbers = [number for number, found in enumerate(labels) if found == label]
            for start in range(0, len(numbers), CHUNK):
                part = numbers[start : start + CHUNK]
                self.chunks.append((label, DevLessons(some(encoded, part), [label] * len(part), block_tokens)))

    @classmethod
    def load(cls, folder: Path, block_tokens: int) -> "Slice":
        """Return what `save_slice` laid there; an empty one where there is nothing."""
        if not (folder / SLICE / NAMES).exists():
            return cls(Encoded(np.zeros(0, np.uint16), np.zeros(0, np.int64), np.zeros(0, np.int32)), [], block_tokens)
        groups = Groups.load(folder / SLICE)
        return cls(Encoded.load(folder / SLICE), [groups.names[number] for number in groups.of], block_tokens)

    def perplexities(self, network: Reader, together: "Together | None" = None) -> dict[str, float]:
        """Return exp(mean cross-entropy of the labels) by domain, the same numbers in each process and for any number of them."""
        rank, size = (together.team.rank, together.team.size) if together else (0, 1)
        own = [chunk.measure(network).mean for _, chunk in self.chunks[rank::size]]
        means = together.spread(own, len(self.chunks)) if together else own
        sums: dict[str, float] = {}
        labels: dict[str, int] = {}
        for (label, chunk), mean in zip(self.chunks, means, strict=True):
            count = int(chunk.encoded.labels.sum())
            sums[label] = sums.get(label, 0.0) + mean * count
            labels[label] = labels.get(label, 0) + count
        return {label: math.exp(min(sums[label] / labels[label], 700.0)) for label in sums}  # e^709 is the largest double


@dataclass(frozen=True)
class Together:
    """The processes of a training, which share what each has measured."""

    arena: Arena
    team: Team

    def spread(self, own: Sequence[float], total: int) -> list[float]:
        """Return all `total` values, of which every process has those at its rank, its rank plus the number of processes, and so on."""
        size, width = self.team.size, self.arena.told.shape[1]
        found = [0.0] * total
        for start in range(0, -(-total // size), width):
            rows = self.team.lay_open(self.arena, own[start : start + width])
            for place in range(start * size, min(total, (start + width) * size)):
                found[place] = rows[place % size][place // size - start]
        return found


def teacher_figures(job: Job) -> dict[str, float]:
    """Return the teacher's perplexity by domain: as given, as captured signals tell it, or measured on the slice; {} where none is needed.

    Raises:
        UserError: DDK needs it, and it cannot be had.
    """
    what: DomainsWhat = job.what.domains
    where, folder = "training.domains.teacher", job.out / ENCODED
    found = dict(what.teacher_perplexity) or captured(job, what.by)
    live = job.what.teacher if isinstance(job.what, TrainingWhat) and not found else ""  # the one that is distilled, if any
    if teacher := what.teacher or live:
        place = find_base(teacher)
        for name in WORDS:
            if _bytes(place / name) != _bytes(job.out / name):
                raise UserError(
                    where, f"{place} has another {name} than the student", "start both from one student, or give teacher_perplexity"
                )
        job.progress.say("the teacher's perplexities")
        reader = load_teacher(place, read_texts(job.out).vocabulary, TYPES[job.what.precision])
        found = Slice.load(folder, block_tokens(job.what)).perplexities(reader)
    if what.sampling != "ddk":
        return found
    measured = {name for name, _ in Slice.load(folder, block_tokens(job.what)).chunks}
    if not measured:
        raise UserError("training.domains", "the mix has no dev samples to measure on", "set curation.dev_samples, or another sampling")
    if missing := sorted(measured.difference(found)):
        mend = f"give it a teacher or teacher_perplexity of each {what.by}, or another sampling"
        raise UserError(where, f"the teacher's perplexity of {', '.join(missing[:3])} is unknown", mend)
    return found


def _bytes(path: Path) -> bytes:
    """Return what a file holds; a model that somebody else made has no chat format of ours."""
    return path.read_bytes() if path.exists() else b""


def captured(job: Job, by: str) -> dict[str, float]:
    """Return the teacher's perplexities that captured signals tell of, by the same domains; {} where there are none.

    They are of the mix's own lessons: a teacher that has learned just these would look better than it is, and its student worse.
    """
    return read_header(job.inputs["signals"].path).perplexity.get(by, {}) if "signals" in job.inputs else {}


def block_tokens(what: StartWhat) -> int:
    """Tokens of a block."""
    return what.tokens_per_step // what.blocks


def clipped(students: Mapping[str, float], teachers: Mapping[str, float], clip: float) -> tuple[dict[str, float], list[str]]:
    """Return l_S / l_T of the domains that both are known of, at most `clip`, and the domains where it was more."""
    ratios = {name: students[name] / teachers[name] for name in students if name in teachers}
    return {name: min(ratio, clip) for name, ratio in ratios.items()}, [name for name, ratio in ratios.items() if ratio > clip]


def first_factors(ratios: Sequence[float]) -> Factors:
    """Return softmax(ratios)."""
    return next_factors((1.0,) * len(ratios), ratios, 1.0)


def next_factors(before: Sequence[float], ratios: Sequence[float], alpha: float) -> Factors:
    """Return the factors that follow on `before`; the formula is at the top of this file."""
    top = max(ratios)  # taken from each: psi / sum(psi) stays as it is, and exp() does not overflow
    psi = [factor * math.exp(ratio - top) for factor, ratio in zip(before, ratios, strict=True)]
    total = sum(psi)
    return tuple(alpha * value / total + (1 - alpha) / len(psi) for value in psi)


class Measured:
    """Measures before each interval, decides on the shares (batches.Weights), and logs both in the first process."""

    def __init__(self, given: "Given", groups: Groups, network: Network, together: Together) -> None:
        """`network` is the student as it changes."""
        assert isinstance(given.what, StartWhat)
        self.what, self.groups, self.network, self.together = given.what.domains, groups, network, together
        folder = given.folder / ENCODED
        self.teachers: dict[str, float] = json.loads((folder / TEACHER).read_text())
        self.slice = Slice.load(folder, block_tokens(given.what))
        lengths = Encoded.load(folder).lengths
        sums = np.bincount(groups.of, lengths, len(groups.names))
        self.mix: Factors = tuple(float(share) for share in sums / sums.sum())
        self.sizes = np.bincount(groups.of, minlength=len(groups.names)).tolist()
        self.log = given.folder / FACTORS
        if together.team.rank == 0:
            _cut(self.log, given.position)

    def factors(self, interval: Interval) -> Factors:
        """Return the factors of an interval."""
        names = self.groups.names
        students = self.slice.perplexities(self.network, self.together)
        ratios, over = clipped(students, self.teachers, self.what.clip)
        found = self.mix if self.what.sampling == "mix" else (1 / len(names),) * len(names)
        if self.what.sampling == "ddk":
            mean = sum(ratios.values()) / len(ratios)
            values = [ratios.get(name, mean) for name in names]
            found = next_factors(interval.before, values, self.what.alpha) if interval.number else first_factors(values)
        if self.together.team.rank == 0:
            self._note(interval, found, (students, ratios, over))
        return found

    def shares(self, number: int, factors: Factors) -> Factors:
        """Return even shares for DDK's first interval, else the factors."""
        even = self.what.sampling == "ddk" and number == 0
        return (1 / len(factors),) * len(factors) if even else factors

    def _note(self, interval: Interval, factors: Factors, measured: tuple[dict[str, float], dict[str, float], list[str]]) -> None:
        students, ratios, over = measured
        shares = self.shares(interval.number, factors)
        rows = {
            name: {
                "student": students.get(name),
                "teacher": self.teachers.get(name),
                "ratio": ratios.get(name),
                "factor": factors[place],
                "share": shares[place],
                "passes": round(interval.taken[place] / self.sizes[place], 4),  # over 1: the domain ran out and began anew
            }
            for place, name in enumerate(self.groups.names)
        }
        unmeasured = [name for name in self.groups.names if name not in ratios]
        record = {"interval": interval.number, "tokens": interval.tokens, "sampling": self.what.sampling, "domains": rows}
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record | {"clipped": over, "unmeasured": unmeasured}, ensure_ascii=False) + "\n")


def _cut(log: Path, position: Position) -> None:
    """Leave the lines of the intervals that the position knows of; one that is at hand was measured at its first step.

    What a kill has torn is no whole line, and goes.
    """
    known = position.epoch + (1 if position.step else 0)
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
    write_text(log, "".join(line for line in lines if line.endswith("\n") and json.loads(line)["interval"] < known))


def make_plan(given: "Given", lessons: Lessons, network: Network, together: Together) -> Plan:
    """Return the order in which the lessons are seen: as they come, form by form, or by the shares of their domains."""
    what = given.what
    if isinstance(what, StartWhat) and what.domains.by:
        groups = Groups.load(given.folder / ENCODED)
        if len(groups.of) != len(lessons.lengths):
            found = f"{len(lessons.lengths)} lessons of {given.objective}, {len(groups.of)} of the mix"
            raise UserError("training.domains.by", found, "leave it out for an objective that makes lessons of its own")
        sizes = PlanGiven(what.tokens_per_step, what.blocks, what.domains.interval_tokens, given.seed, given.tokens)
        return DomainPlan(lessons, groups.of, Measured(given, groups, network, together), sizes)
    plan = Plan(lessons, what.tokens_per_step, what.blocks, given.seed, Pace(what.tokens, what.curriculum) if what.curriculum else None)
    if isinstance(what, PretrainingWhat) and what.order == "forms":
        plan.ranks = Groups.load(given.folder / ENCODED).of
    return plan
