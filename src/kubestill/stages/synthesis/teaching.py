"""The road of teachers: samples that are verified already are said in other words, or answered anew, by a model behind an endpoint.

The teacher writes, the instruments admit. What they turn away goes back once with the findings, then it is kept as a reject.
Runs after the other roads, in shards of its own behind theirs; what was bought before is read from the ledger.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from kubestill.domains.api import Domain, Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_records
from kubestill.ground.seeds import Seed, stable_hash
from kubestill.ground.settings import read_key
from kubestill.ground.shards import Record, Shard, Sharded, ShardWork, run_shards
from kubestill.ground.stage import Job, Tally
from kubestill.stages.synthesis.admission import answer_faults, request_faults
from kubestill.stages.synthesis.asking import PROMPTS, Lesson, Part, Task, context, first_question, repair_question
from kubestill.stages.synthesis.making import count, fault
from kubestill.tools.teachers.budget import Preview, Shape, preview
from kubestill.tools.teachers.client import Bought, Buyer
from kubestill.tools.teachers.ledger import Ledger
from kubestill.tools.teachers.questions import Question, question_key
from kubestill.tools.teachers.settings import Teacher, read_teacher

ROAD = "teacher"
SHARD_LESSONS = 200  # bought together: what a cut run may have to read from the ledger again
MAX_FINDINGS = 5  # told to the teacher, and kept of a reject
# What a preview supposes. Of 600 first questions about drawn manifests, with a context of 1,300 characters: 3,156 bytes of a body; their
# requests and answers as replies have 105 tokens at 3.5 characters a token. The share of repairs depends on the teacher: a guess.
SHAPE = Shape(body_bytes=3_200, reply_tokens=105, repaired=0.3)


@dataclass(frozen=True)
class TeacherWork(ShardWork):
    """Shards in a folder of their own, but for the records, which lie behind those of the other roads, from number `first` on."""

    first: int = 0

    def records_path(self, index: int) -> Path:
        """Return the file of the kept records of a shard."""
        return self.out.parent / f"{self.stem}-{self.first + index:05d}.jsonl"


def teach(job: Job, local: ShardWork, made: Sharded) -> Sharded:
    """Buy what the settings ask for and add it to what the other roads `made`.

    Raises:
        UserError: there is nothing to teach from, the server refuses us, or the budget or the limit is spent; the next run goes on.
        Unavailable: no server, or no httpx.
    """
    if not made.tally.kept:
        raise UserError("synthesis.teacher", "there is no verified sample for a teacher to start from", "make procedural ones, too")
    teacher = read_teacher(job.what.teacher)
    kept = [json.loads(local.count_path(index).read_text())["kept"] for index in range(local.count)]
    places = tuple(_places(job.what.teacher_requests, sum(kept), job.seed))
    sources = tuple(zip((local.records_path(index) for index in range(local.count)), kept, strict=True))
    job.progress.say(f"{'':<6}{teacher.model}: {preview(teacher, len(places), SHAPE).describe()}")
    path = Path(job.how.ledger) if job.how.ledger else job.out.parents[2] / "teachers" / "ledger.sqlite"
    with Ledger(path) as ledger, Buyer(teacher, ledger, read_key(teacher.key_variable), job.how.limit) as buyer:
        if ledger.unrecorded:
            job.progress.say(f"{'':<6}{ledger.unrecorded} questions were sent by a run that ended before their replies: counted as spent")
        lessons = Lessons(job.domain, job.seed, job.what.teacher_tasks, job.what.teacher_context, sources, places)
        work = TeacherWork(job.out / ROAD, "samples", lessons.count, Classroom(lessons, buyer), local.count)
        taught = run_shards(work, 1, job.progress)
    _join_rejects(job.out / "rejects.jsonl", work.out / "rejects.jsonl")
    tally = Tally(made.tally.came, made.tally.kept, dict(made.tally.dropped))
    tally.add(taught.tally)
    figures = dict(made.figures)
    for name, value in taught.figures.items():
        figures[name] = figures.get(name, 0) + value
    return Sharded(tally, figures)


def expected(teacher: str, requests: int) -> Preview:
    """Return what the road will cost: `plan` prints it.

    Raises:
        UserError: there is no such teacher.
    """
    return preview(read_teacher(teacher), requests, SHAPE)


def _places(requests: int, kept: int, seed: Seed) -> Iterator[int]:
    """Yield the places of the samples to teach from, in order: all alike often, some of them (drawn by the seed) once more."""
    times, more = divmod(requests, kept)
    extra = set(seed.rng(ROAD, "places").sample(range(kept), more))
    for place in range(kept):
        yield from [place] * (times + (place in extra))


def _join_rejects(all_of_them: Path, taught: Path) -> None:
    """Put the rejects of this road behind the others; done twice it changes nothing."""
    others = (record for record in read_records(all_of_them) if record.get("road") != ROAD)
    write_records(all_of_them, (record for records in (others, read_records(taught)) for record in records))


@dataclass(frozen=True)
class Lessons:
    """All that will be asked; a lesson depends on its number alone. `sources` are files of samples with their lengths."""

    domain: Domain
    seed: Seed
    tasks: tuple[Task, ...]
    parts: tuple[Part, ...]
    sources: tuple[tuple[Path, int], ...]
    places: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many shards the lessons make."""
        return -(-len(self.places) // SHARD_LESSONS)

    def shard(self, index: int) -> list[tuple[Lesson, Question]]:
        """Return the lessons of a shard, each with its first question."""
        first = index * SHARD_LESSONS
        places = self.places[first : first + SHARD_LESSONS]
        samples, found = self._samples(sorted(set(places))), []
        for number, place in enumerate(places, first):
            sample = samples[place]
            lesson = Lesson(self.tasks[number % len(self.tasks)], sample, number)
            rng = self.seed.rng(ROAD, sample.id, lesson.task, number)
            found.append((lesson, first_question(lesson, self.domain, self.parts, rng)))
        return found

    def _samples(self, places: Sequence[int]) -> dict[int, Sample]:
        found, before, wanted = dict[int, Sample](), 0, list(places)
        for path, length in self.sources:
            here = [place - before for place in wanted if before <= place < before + length]
            records = read_records(path) if here else iter(())
            taken = 0
            for place in here:
                found[before + place] = Sample.from_record(next(islice(records, place - taken, None)))
                taken = place + 1
            before += length
        return found


@dataclass(frozen=True)
class Classroom:
    """Makes a shard: asks, judges, asks once more with the findings, and counts."""

    lessons: Lessons
    buyer: Buyer

    def __call__(self, index: int) -> Shard:
        """Buy and judge the lessons of a shard."""
        asked = self.lessons.shard(index)
        bought = self.buyer.buy([question for _, question in asked])
        tried = [self._try(lesson, reply) for (lesson, _), reply in zip(asked, bought, strict=True)]
        again = [place for place, attempt in enumerate(tried) if attempt.findings and bought[place].value is not None]
        seconds = [
            repair_question(asked[place][0], asked[place][1], bought[place].text, tried[place].findings[:MAX_FINDINGS]) for place in again
        ]
        for place, reply in zip(again, self.buyer.buy(seconds), strict=True):
            tried[place] = self._try(asked[place][0], reply, tried[place])
        shard = Shard([], [], Tally())
        for attempt in tried:
            self._admit(attempt, shard)
        self._settle([question for _, question in asked] + seconds, shard)
        return shard

    def _try(self, lesson: Lesson, reply: Bought, before: "Attempt | None" = None) -> "Attempt":
        """Judge a reply. One that could not be had leaves the first reply's findings standing."""
        if reply.value is None:
            reason = reply.reason.partition(":")[0]
            return replace(before, repaired=True) if before else Attempt(lesson, "", None, f"no reply: {reason}")
        text = str(reply.value[lesson.replied])
        sample = _sample(lesson, text, self.buyer.teacher)
        told = context(self.lessons.domain, lesson.sample)
        if lesson.task == "rephrase":
            findings = request_faults(text, lesson.sample, told)
            reason = findings[0].partition(":")[0] if findings else ""
        else:
            reason, findings = self._answer_faults(sample, lesson.sample, told)
        return Attempt(lesson, text, sample, reason, tuple(findings), before is not None)

    def _answer_faults(self, sample: Sample, known: Sample, told: dict[str, str]) -> tuple[str, list[str]]:
        verdict = self.lessons.domain.judge(sample.answer, sample.intents, sample.skill)
        if not verdict.passed:
            findings = [": ".join(filter(None, (f.code, f.path, f.message))) for f in verdict.findings]
            return fault(verdict), findings or ["it could not be judged"]
        if sample.answer.split() == known.answer.split():
            return "nothing new", []
        findings = answer_faults(sample.answer, known, told)
        return (findings[0].partition(":")[0], findings) if findings else ("", [])

    def _admit(self, attempt: "Attempt", shard: Shard) -> None:
        sample, lesson = attempt.sample, attempt.lesson
        if sample is not None and not attempt.reason:
            shard.tally.keep()
            shard.records.append(sample.to_record())
            names = [f"skill.{sample.skill}", f"road.{ROAD}", f"kind.{sample.kind}", f"{ROAD}.{lesson.task}"]
            count(shard, *names, *([f"{ROAD}.repaired"] if attempt.repaired else []))
            return
        reason = f"{ROAD} {lesson.task}: {attempt.reason}"
        shard.tally.drop(reason)
        known: Record = {"reason": reason, "skill": lesson.sample.skill, "road": ROAD, "kind": lesson.sample.kind, "task": lesson.task}
        told = {"origin": lesson.sample.id, "reply": attempt.text, "findings": list(attempt.findings[:MAX_FINDINGS])}
        shard.rejects.append(known | told | {"repaired": attempt.repaired})

    def _settle(self, questions: Sequence[Question], shard: Shard) -> None:
        """Add what the shard's questions cost over all runs, from the ledger: the same whichever run bought them."""
        account = self.buyer.ledger.account(question_key(question.body(self.buyer.teacher)) for question in questions)
        figures = {
            "calls": account.calls,
            "answered": account.answered,
            "retries": account.retries,
            "sent_unknown": account.unknown,
            "reserved_tokens": account.reserved_tokens,
            "prompt_tokens": account.used.prompt_tokens,
            "reply_tokens": account.used.reply_tokens,
            "money_micro": account.used.money_micro,
        }
        shard.figures |= {f"{ROAD}.{name}": value for name, value in figures.items()}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a lesson so far: admitted where there is no `reason` against it."""

    lesson: Lesson
    text: str
    sample: Sample | None
    reason: str = ""
    findings: tuple[str, ...] = ()
    repaired: bool = False


def _sample(lesson: Lesson, text: str, teacher: Teacher) -> Sample:
    """Return the sample that a reply makes of a verified one; its source says which, who wrote it and after which prompt."""
    old = lesson.sample
    request, answer = (text, old.answer) if lesson.task == "rephrase" else (old.request, text)
    source = {"origin": old.id, "teacher": teacher.model, "prompt": f"{lesson.task}/{PROMPTS[lesson.task]}"}
    forms = () if lesson.task == "rephrase" else old.forms
    identity = f"{stable_hash(ROAD, request, answer):016x}"
    return Sample(identity, old.skill, request, answer, old.intents, old.kind, ROAD, forms, {**old.source, **source})


def identity(teacher: str) -> dict[str, Any]:
    """Return what enters an artifact's key beside the settings: what shapes replies, and the versions of the prompts.

    Raises:
        UserError: there is no such teacher.
    """
    return {"teacher": dict(read_teacher(teacher).identity()), "prompts": dict(PROMPTS)}
