"""The smallest whole domain: English → a cron expression, checked exactly, by meaning. The test bed of every stage."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from kubestill.domains.api import HELD, Document, Drop, English, Intent, Sample, Skill, Suite
from kubestill.domains.cron import checks, drawing, phrasing
from kubestill.domains.cron.grammar import CronGuide
from kubestill.domains.cron.schedule import MACROS, NotASchedule, Schedule, parse
from kubestill.domains.cron.words import FORMS
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed, stable_hash
from kubestill.tools.checks.api import Verdict
from kubestill.tools.grammar.api import Guide

VERSION = 1  # of what is drawn and how it is said; a golden test holds it
FORM = "crontabs"
PROVENANCE = ("repository", "path", "commit", "licence")
CRONTAB_NAMES = ("crontab", "*.cron", "*.crontab")
TRIES = 20  # a suite gives up on finding a new request after so many repeats in a row


class CronSkill:
    """English → cron expression."""

    name = "cron"
    version = VERSION
    reads = frozenset((FORM,))

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent a schedule and the request for it."""
        return self._sample(drawing.expression(rng), rng, part, "procedural", {})

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Write the request that a line of a crontab answers."""
        return self._sample(document.text, rng, part, "reverse", document.source)

    def context(self, sample: Sample) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return the form of an expression."""
        return {"grammar": "One cron expression on one line: minute, hour, day of month, month, day of week.", "slice": ""}

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Check form, syntax, rules and, where intents are known, when it fires."""
        return checks.judge(answer, intents)

    def _sample(self, expression: str, rng: Random, part: str, road: str, source: Mapping[str, str]) -> Sample | Drop:
        schedule = parse(expression)
        said = phrasing.request(schedule, rng, part)
        if said is None:
            return Drop("cannot be said in a sentence")
        name = f"cron-{stable_hash(road, said.text, expression):016x}"
        return Sample(name, self.name, said.text, expression, checks.intents(schedule), kind_of(schedule), road, said.forms, source)


class CronSuite:
    """Requests in forms that training never uses."""

    name = "cron"
    skill = "cron"
    needs_documents = False

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:  # noqa: ARG002 - the protocol's
        """Return `count` samples with different requests."""
        skill, found, seen = CronSkill(), list[Sample](), set[str]()
        for number in range(count * TRIES):
            sample = skill.draw(seed.rng("cron", number), HELD)
            if len(found) < count and isinstance(sample, Sample) and sample.request.lower() not in seen:
                seen.add(sample.request.lower())
                found.append(sample)
            if len(found) == count:
                break
        return found


class CronDomain:
    """The domain."""

    name = "cron"

    def identity(self) -> Mapping[str, Any]:
        """Return what enters keys."""
        return {
            "version": VERSION,
            "checks": {check.code: check.version for check in checks.CHECKS},
            "forms": f"{stable_hash(*(text for slot in sorted(FORMS) for text in (slot, *FORMS[slot]))):016x}",
        }

    def vocabulary(self) -> frozenset[str]:
        """Return nothing: cron's answers hold no words that its requests use."""
        return frozenset()

    def english(self) -> English:
        """Return nothing: every word of its requests is said often enough to be learned."""
        return English()

    def forms(self) -> Mapping[str, str]:
        """Return the one form."""
        return {FORM: "crontabs: files, folders of them, or JSON lines"}

    def documents(self, path: Path, form: str = FORM) -> Iterator[Document | Drop]:  # noqa: ARG002 - there is one
        """Read crontabs (a file, or a folder's `crontab`, `*.cron`, `*.crontab`) or a JSONL file of `{text, repository?}`."""
        if path.is_dir():
            for file in sorted({found for pattern in CRONTAB_NAMES for found in path.rglob(pattern) if found.is_file()}):
                yield from self._crontab(file, {"repository": path.name, "path": str(file.relative_to(path))})
        elif path.name.endswith((".jsonl", ".jsonl.gz")):
            for number, record in enumerate(read_records(path)):
                source = {"path": f"{path.name}:{number}"}
                source |= {key: str(record[key]) for key in PROVENANCE if key in record}
                yield _document(str(record.get("text", "")), source)
        else:
            yield from self._crontab(path, {"path": path.name})

    def _crontab(self, path: Path, source: Mapping[str, str]) -> Iterator[Document | Drop]:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield _document(line, source)

    def skills(self) -> Mapping[str, Skill]:
        """Return the one skill."""
        return {"cron": CronSkill()}

    def suites(self) -> Mapping[str, Suite]:
        """Return the one suite."""
        return {"cron": CronSuite()}

    def guide(self, kinds: Sequence[str] = (), skill: str = "") -> Guide:  # noqa: ARG002 - there is one
        """Return what leads an answer: the grammar of expressions.

        Raises:
            UserError: a kind is asked for; cron has none.
        """
        if kinds:
            raise UserError("kind", "cron's answers are of no kind", "leave --kind out")
        return CronGuide()

    def understood(self, notes: str) -> Sequence[Intent] | None:  # noqa: ARG002 - the protocol's: nothing is noted here
        """Return nothing: students of cron note nothing."""
        return None

    def judge(self, answer: str, intents: Sequence[Intent] | None = None, skill: str = "") -> Verdict:  # noqa: ARG002 - there is one
        """Check form, syntax, rules and, where intents are known, when it fires."""
        return checks.judge(answer, intents)


def domain() -> CronDomain:
    """Return the domain; it has no options."""
    return CronDomain()


def kind_of(schedule: Schedule) -> str:
    """Return what results are grouped by: how the day is chosen."""
    if not (schedule.any_day or schedule.any_weekday):
        return "either day"
    if not schedule.any_weekday:
        return "weekly"
    if not schedule.any_day:
        return "monthly"
    return "interval" if len(schedule.hours) > phrasing.LIST_LIMIT else "daily"


def _document(line: str, source: Mapping[str, str]) -> Document | Drop:
    """Return the schedule at the start of a line of a crontab."""
    words = line.split()
    expression = MACROS.get(words[0], "") if words and words[0].startswith("@") else " ".join(words[:5])
    try:
        schedule = parse(expression)
    except NotASchedule:
        return Drop("not a cron expression")
    return Document(f"cron-{stable_hash(expression, *source.values()):016x}", expression, kind_of(schedule), source, FORM)
