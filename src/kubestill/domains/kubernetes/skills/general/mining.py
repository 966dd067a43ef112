"""What a student really invented, mined from the records of its answers: right-or-wrong samples for just that."""

import json
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

Record = Mapping[str, Any]  # of an answer, in the shape of stages/evaluation: request, expected, answer, passed, findings, kind
FIELD, FLAG, COMMAND, VERSION, KIND = "check-field", "check-flag", "check-command", "check-version", "check-kind"
_UNKNOWN_FIELD, _UNKNOWN_KIND, _UNKNOWN_FLAG = "K8S022", "K8S021", "K8S405"
_UNKNOWN_COMMANDS = ("K8S403", "K8S404")
HALF = 0.5  # of right ones, so that No is not always the answer


@dataclass(frozen=True, slots=True)
class Invention:
    """Something that a student wrote and that does not exist, and how often. `topic` asks about it, `said` is what it asks."""

    topic: str
    said: tuple[tuple[str, str], ...]
    count: int


def mine(records: Iterable[Record]) -> Sequence[Invention]:
    """Return what the answers of records invent, the commonest first: fields, kinds and versions, flags, commands.

    Records without findings, or whose answer can no longer be read, give nothing.
    """
    counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for record in records:
        for invention in dict.fromkeys(_inventions(record)):  # an answer that repeats itself invents once
            counts[invention] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Invention(topic, said, count) for (topic, said), count in ordered]


def read_invention(text: str) -> Invention:
    """Read an invention back from the text of its document."""
    told = json.loads(text)
    return Invention(told["topic"], tuple(told["said"].items()), told["count"])


def contrast(invention: Invention, rng: Random, part: str) -> Sample | Drop:
    """Write the question whose answer is No, or as often the same question about what is right, where that is known."""
    said = dict(invention.said)
    right = _right(invention.topic, said)
    asked = right if right and rng.random() < HALF else said
    return ask(TOPICS[invention.topic], Asked(asked), rng, part, {"mined": str(invention.count)})


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
