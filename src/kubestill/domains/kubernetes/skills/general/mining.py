"""What a student really invented, mined from the records of evaluations: right-or-wrong samples for just that, and preference pairs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from kubestill.domains.api import Drop, Sample
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.skills.general.api import versions
from kubestill.domains.kubernetes.skills.general.contrast import field_meant, mend
from kubestill.domains.kubernetes.skills.general.fields import ASKED, at, bare
from kubestill.domains.kubernetes.skills.general.skill import ask
from kubestill.domains.kubernetes.skills.general.table import TOPICS
from kubestill.domains.kubernetes.skills.general.topic import Asked

Record = Mapping[str, Any]  # of an answer, as stages/evaluation writes it: request, expected, answer, passed, findings, kind
FIELD, FLAG, COMMAND, VERSION, KIND = "check-field", "check-flag", "check-command", "check-version", "check-kind"
_UNKNOWN_FIELD, _UNKNOWN_KIND, _UNKNOWN_FLAG = "K8S022", "K8S021", "K8S405"
_UNKNOWN_COMMANDS = ("K8S403", "K8S404")


@dataclass(frozen=True, slots=True)
class Invention:
    """Something that a student wrote and that does not exist, and how often. `topic` asks about it, `said` is what it asks."""

    topic: str
    said: tuple[tuple[str, str], ...]
    count: int


def mine(records: Iterable[Record]) -> Sequence[Invention]:
    """Return what the answers of evaluation records invent, the commonest first: fields, kinds and versions, flags, commands.

    Records without findings, or whose answer can no longer be read, give nothing.
    """
    counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for record in records:
        for invention in dict.fromkeys(_inventions(record)):  # an answer that repeats itself invents once
            counts[invention] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Invention(topic, said, count) for (topic, said), count in ordered]


def contrast(inventions: Iterable[Invention], rng: Random, part: str) -> Iterator[Sample]:
    """Write, for each invention, the question whose answer is No, and the same question about what is right, where that is known."""
    for invention in inventions:
        said = dict(invention.said)
        right = _right(invention.topic, said)
        for one in (said, *([right] if right and right != said else [])):
            sample = ask(TOPICS[invention.topic], Asked(one), rng, part, {"mined": str(invention.count)})
            if not isinstance(sample, Drop):
                yield sample


def preference_pairs(records: Iterable[Record]) -> Iterator[dict[str, str]]:
    """Yield {prompt, chosen, rejected, reason} for each answer that failed, against one to the same prompt that passed.

    Where none passed, the expected answer is chosen. Empty answers teach nothing and are left out, and so are equal pairs.
    """
    by_prompt: dict[str, list[Record]] = {}
    for record in records:
        by_prompt.setdefault(record["request"], []).append(record)
    for prompt, answers in by_prompt.items():
        passed = [record["answer"] for record in answers if record["passed"]]
        seen: set[str] = set()
        for record in answers:
            rejected = record["answer"]
            chosen = passed[0] if passed else record.get("expected", "")
            if record["passed"] or not rejected.strip() or not chosen or rejected.strip() == chosen.strip() or rejected in seen:
                continue
            seen.add(rejected)
            yield {"prompt": prompt, "chosen": chosen, "rejected": rejected, "reason": _reason(record)}


def _reason(record: Record) -> str:
    findings = record.get("findings") or [{}]
    return str(findings[0].get("code") or record.get("failed_on") or "unjudged")


def _inventions(record: Record) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    answer, findings = str(record.get("answer", "")), record.get("findings") or ()
    codes = {finding["code"] for finding in findings}
    if codes & {_UNKNOWN_FIELD, _UNKNOWN_KIND}:
        yield from _of_manifest(answer, findings)
    if codes & {_UNKNOWN_FLAG, *_UNKNOWN_COMMANDS}:
        yield from _of_commands(answer)


def _of_manifest(answer: str, findings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    objects = read(answer).manifests
    if len(objects) != 1:
        return
    kind, version = (str(objects[0].object.get(name, "")) for name in ("kind", "apiVersion"))
    for finding in findings:
        if finding["code"] == _UNKNOWN_KIND and kind in versions():
            yield VERSION, (("kind", kind), ("version", version))
        elif finding["code"] == _UNKNOWN_KIND and kind:
            yield KIND, (("kind", kind),)
        elif finding["code"] == _UNKNOWN_FIELD and ASKED.get(kind) == version and at(kind, finding["path"]) is None:
            yield FIELD, (("kind", kind), ("field", _plain(finding["path"])))


def _of_commands(answer: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    for call in parse(answer).calls:
        for fault in call.faults:
            text = " ".join(word.text for word in call.simple.words)
            if fault.code == _UNKNOWN_FLAG:
                yield FLAG, (("line", text),)
            elif fault.code in _UNKNOWN_COMMANDS and len(call.simple.words) > 1:
                words = [word.text for word in call.simple.words[1 : 3 if fault.code == "K8S404" else 2]]
                yield COMMAND, (("command", " ".join(("kubectl", *words))),)


def _plain(path: str) -> str:
    """Return a path without indices."""
    return ".".join(part.partition("[")[0] for part in path.split("."))


def _right(topic: str, said: Mapping[str, str]) -> dict[str, str]:
    """Return what the same question asks when it asks about what is right; nothing where that is not known."""
    if topic == FIELD:
        path = bare(field_meant(said["kind"], said["field"]))
        return {**said, "field": path} if path else {}
    if topic == VERSION:
        return {**said, "version": versions()[said["kind"]]}
    if topic == FLAG:
        flag = next((fault.path for call in parse(said["line"]).calls for fault in call.faults if fault.code == _UNKNOWN_FLAG), "")
        line = mend(said["line"], flag) if flag else ""
        return {"line": line} if line else {}
    solved = TOPICS[topic].solve(said).slots
    right = solved.get("instead") or solved.get("use", "")
    return {next(iter(said)): right} if right else {}
