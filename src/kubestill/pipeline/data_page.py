"""What `data show` tells: samples with their notes and verdicts, as lines of text or as one page that loads nothing."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from kubestill.domains.api import Domain, Sample
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records, write_text
from kubestill.pipeline.data import REJECTS, Chance, Record, Wanted, domain_name, read_all, source_line
from kubestill.pipeline.data_stats import Group, count_groups, statistics
from kubestill.pipeline.report import render
from kubestill.pipeline.table import DOMAINS

EXAMPLES = 4  # of each reason why something was dropped
REASONS_SHOWN = 40
BINS = 40
LENGTHS = ("request", "answer")
HEAD = ("reason", "artifact", "suite", "form", "skill", "road", "kind", "id")  # what the line above a record names
WHOLE = ("request", "text")
WIDTH, HEIGHT = 600, 150  # of a histogram, in its own units


@dataclass(frozen=True)
class Picked:
    """Which samples a page shows: `count` of each skill, by chance."""

    wanted: Wanted
    count: int
    seed: int


def judged(record: Mapping[str, Any], domain: Domain | None) -> Record:
    """Return a sample with what its page tells beside it: notes, what is judged but never noted, verdict, source."""
    sample = Sample.from_record({name: record[name] for name in Sample.__slots__})  # a reject holds its reason, too
    told = {"notes": sample.notes(), "expected": _expected(sample), "source_line": source_line(record)}
    if domain is None or sample.skill not in domain.skills():
        return {**record, **told, "verdict": "not judged", "passed": False}
    verdict = domain.judge(sample.answer, sample.intents, sample.skill)
    first = next((f" ({finding.code}: {finding.message})" for finding in verdict.findings), "")
    outcome = "passed" if verdict.passed else f"failed on {verdict.failed_on}{first}" if verdict.failed_on else "not judged"
    return {**record, **told, "verdict": outcome, "passed": verdict.passed}


def _expected(sample: Sample) -> str:
    """Return the statements about the answer that its notes leave out."""
    noted = set(sample.notes().splitlines())
    lines = (f"{intent.aspect}: {' '.join(map(str, (*intent.keys, intent.value)))}" for intent in sample.intents)
    return "\n".join(line for line in lines if line.startswith("expect.") and line not in noted)


def domain_of(artifact: Artifact) -> Domain | None:
    """Return the domain that judges these samples, None where the artifact names none that is known."""
    name = domain_name(artifact)
    found: Domain | None = DOMAINS.load(name)() if name in DOMAINS else None
    return found


def lines_of(record: Mapping[str, Any], domain: Domain | None) -> Iterator[str]:
    """Spell one sample, document or reject for people."""
    head = [str(record[name]) for name in HEAD if record.get(name)]
    yield f"── {' · '.join(head)} ".ljust(100, "─")
    if "intents" not in record:
        yield from _known(record)
        return
    shown = judged(record, domain)
    yield shown["request"].rstrip()
    for name in ("notes", "expected", "answer"):
        if shown[name]:
            yield f"┄ {name}"
            yield textwrap.indent(shown[name].rstrip(), "  ")
    yield f"┄ {shown['verdict']}{', ' if shown['source_line'] else ''}{shown['source_line']}"


def _known(record: Mapping[str, Any]) -> Iterator[str]:
    """Spell a document, or a reject that never became a sample."""
    for name in WHOLE:
        if record.get(name):
            yield record[name].rstrip()
    rest = [f"{name} {value}" for name, value in record.items() if name not in (*HEAD, *WHOLE, "source")]
    if told := "  ".join(filter(None, (*rest, source_line(record)))):
        yield f"┄ {told}" if record.get("text") else told


def write_page(artifact: Artifact, picked: Picked, path: Path) -> None:
    """Write the page of an artifact: figures by skill, samples, drops by reason with examples.

    Raises:
        Unavailable: jinja2 is not installed.
    """
    domain, chances = domain_of(artifact), dict[str, Chance[Record]]()

    def passing() -> Iterator[Record]:
        for record in read_all(artifact):
            if picked.wanted.holds(record):
                chances.setdefault(record["skill"], Chance(picked.count, picked.seed)).add(record)
            yield record

    groups = count_groups(passing())
    data = statistics(artifact, groups)
    skills = [_skill(name, [group for group in groups if group.skill == name]) for name in sorted({group.skill for group in groups})]
    for skill in skills:
        shown = chances[skill["name"]].items() if skill["name"] in chances else []
        skill["samples_shown"] = [judged(record, domain) for record in shown]
    drawings = {
        f"{skill['name']}/{what}": histogram(skill["lengths"][what], f"{what}s of {skill['name']}") for skill in skills for what in LENGTHS
    }
    page = {**data, "name": artifact.name, "suites": {}, "skills": skills, "drops": _drops(artifact, picked.seed)}
    write_text(path, render("data.html.jinja", page, drawings))


def _skill(name: str, groups: list[Group]) -> Record:
    """Return the figures of one skill over its roads."""
    kinds: Counter[str] = sum((group.kinds for group in groups), Counter())
    lengths = {what: sum((group.lengths[what] for group in groups), Counter()) for what in LENGTHS}
    return {"name": name, "roads": [group.told() for group in groups], "kinds": kinds.most_common(), "lengths": lengths}


def _drops(artifact: Artifact, seed: int) -> list[Record]:
    """Return the reasons, most frequent first, with some of what was dropped for each."""
    counts = sorted(artifact.tally.get("dropped", {}).items(), key=lambda item: (-item[1], item[0]))
    examples: dict[str, list[Record]] = {}
    if (artifact.path / REJECTS).exists():
        for reason, records in _by_reason(read_records(artifact.path / REJECTS), seed).items():
            examples[reason] = [
                {"title": _title(record), "lines": "\n".join(_known(record) if "intents" not in record else _asked(record))}
                for record in records
            ]
    return [{"reason": reason, "count": count, "examples": examples.get(reason, [])} for reason, count in counts[:REASONS_SHOWN]]


def _by_reason(rejects: Iterable[Record], seed: int) -> dict[str, list[Record]]:
    """Return EXAMPLES rejects of each reason, by chance."""
    found: dict[str, Chance[Record]] = {}
    for record in rejects:
        found.setdefault(record["reason"], Chance(EXAMPLES, seed)).add(record)
    return {reason: chance.items() for reason, chance in found.items()}


def _title(record: Mapping[str, Any]) -> str:
    return " · ".join(str(record[name]) for name in ("suite", "skill", "road", "kind", "document") if record.get(name))


def _asked(record: Mapping[str, Any]) -> Iterator[str]:
    yield from (record["request"].rstrip(), "", record["answer"].rstrip())
    yield from (f"{finding['code']} {finding['path']}: {finding['message']}" for finding in record.get("findings", ()))


def histogram(lengths: Counter[int], title: str) -> str:
    """Draw how many samples have how many characters; the longest hundredth stands in the last bar. SVG text without foreign words."""
    total = lengths.total()
    if not total:
        return ""
    most = next(length for length, passed in _passed(lengths) if passed >= 0.99 * total)
    step = max(1, -(-(most + 1) // BINS))
    bins = [0] * BINS
    for length, count in lengths.items():
        bins[min(length // step, BINS - 1)] += count
    wide, high = WIDTH / BINS, HEIGHT / max(bins)
    bars = "".join(
        f'<rect x="{place * wide:.1f}" y="{HEIGHT - count * high:.1f}" width="{wide - 1:.1f}" height="{count * high:.1f}" class="stream">'
        f"<title>{place * step:,} to {(place + 1) * step - 1:,} characters: {count:,}</title></rect>"
        for place, count in enumerate(bins)
        if count
    )
    marks = "".join(
        f'<text x="{place * wide:.1f}" y="{HEIGHT + 18}" class="came">{place * step:,}</text>' for place in range(0, BINS, BINS // 5)
    )
    return f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {HEIGHT + 26}">{bars}{marks}</svg>'


def _passed(lengths: Counter[int]) -> Iterator[tuple[int, int]]:
    """Yield each length with how many samples are no longer."""
    passed = 0
    for length, count in sorted(lengths.items()):
        passed += count
        yield length, passed
