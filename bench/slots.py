"""Where values land: by kind of slot and by depth, free and under three forms of grounding, on requests drawn from training's phrases.

    python bench/slots.py [--requests 400] [--written 200] [--nats 1.0 2.0] [--model FILE.gguf]

A slot is a value of the manifest that a request asks for, or a key of people's choosing, which the request says in so many words. It is
right where the answer has it at the same place (items of lists are told by their name). `notes`: the manifest is built from what the
student noted; `after`: it writes the manifest itself, after its notes; `straight`: past them, as a model would that notes nothing, though
this one never learned to. What is wrong is mangled (the answer says there what the request does not), swapped (another thing that the
request says), elsewhere or absent. Greedy; intervals are Wilson's, 95 %. The last line is JSON.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from constrained_speed import PACKAGED, draw, kind_of

from kubestill.domains.api import Sample
from kubestill.domains.kubernetes.grammars import favours
from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide
from kubestill.domains.kubernetes.grammars.notes import MARK, NotesGuide, notes_grammar, notes_step
from kubestill.domains.kubernetes.grammars.options import Grounding
from kubestill.domains.kubernetes.intents.lens import build
from kubestill.domains.kubernetes.intents.notes import read_notes
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.ground.intervals import wilson
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.tools.engines.api import Ask, Reply
from kubestill.tools.engines.llama_cpp import LlamaCppEngine
from kubestill.tools.grammar.api import Given, Grammar, Guide, Reading, Step

ASK = Ask(max_new_tokens=500)
BATCH = 16
MAPS = frozenset("labels matchLabels nodeSelector selector annotations data stringData parameters limits requests hard".split())
LABELS = frozenset("labels matchLabels nodeSelector selector".split())
KINDS = {
    "image": "image",
    **dict.fromkeys(("mountPath", "path", "subPath"), "path"),
    **dict.fromkeys(("host", "hosts", "externalName", "hostname"), "host"),
    **dict.fromkeys(("key", "topologyKey"), "key"),
    **dict.fromkeys(("command", "args"), "argument"),
    "namespace": "namespace",
    "schedule": "schedule",
}
REFERENCE = re.compile(r".*Name\Z|volumeName")
HELD: tuple[Grounding, ...] = ("none", "hard")
WRONG = ("mangled", "swapped", "elsewhere", "absent")
Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Straight:
    """Leads a student that notes past its notes to the answer itself."""

    rest: Guide

    def start(self, reading: Reading) -> Step | Given:
        """Return the mark, and what follows."""
        return Step(Grammar(f"start: {MARK}\n", name="mark"), then=lambda _: self.rest.start(reading))  # type: ignore[return-value, arg-type]


@dataclass(frozen=True)
class After:
    """Lets a student note, and leads the answer that it writes then."""

    rest: Guide

    def start(self, reading: Reading) -> Step | Given:
        """Return the step of the notes."""
        return notes_step(notes_grammar(), reading.spans, lambda _: self.rest.start(reading))


@dataclass(frozen=True)
class AnyText:
    """Allows everything: for a student that is free once it is past its notes."""

    def start(self, reading: Reading) -> Step | Given:  # noqa: ARG002 - a guide is told of the request
        """Return the only step."""
        return Step(Grammar("start: /(.|\\n)*/\n", name="any text"))


@dataclass(frozen=True)
class Slot:
    """A value that a request says, and where it belongs; `key` says that it is a key itself."""

    kind: str
    path: Path_
    value: str

    @property
    def depth(self) -> str:
        """How many keys lead there, in classes."""
        count = len(self.path)
        return "1-2" if count <= 2 else "3-4" if count <= 4 else "5-6" if count <= 6 else "7+"


def main() -> None:
    """Ask, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="whose notes are scored")
    parser.add_argument("--written", type=int, default=200, help="whose manifests are written")
    parser.add_argument("--nats", type=float, nargs="+", default=[favours.NATS], help="what soft grounding adds, each tried")
    parser.add_argument("--model", type=Path, default=PACKAGED)
    options = parser.parse_args()
    engine = LlamaCppEngine.load(options.model)
    samples = draw(domain(), options.requests, "slots")
    some = samples[: options.written]
    result = {"notes": told("notes", samples, noted(engine, samples, options.nats))}
    result["after"] = told("after", some, written(engine, some, options.nats, After))
    result["straight"] = told("straight", some, written(engine, some, options.nats, Straight))
    named = {"bench": "slots", "requests": options.requests, "written_requests": options.written}
    print(json.dumps({**named, **result, "hardware": hardware(), "commit": commit()}))


Answers = dict[str, list[Any]]  # by way: an object for each sample, None where there is none


def noted(engine: LlamaCppEngine, samples: Sequence[Sample], nats: Sequence[float]) -> Answers:
    """Return what is built from the notes of each way."""
    plain = ManifestGuide()
    ways: dict[str, Guide | None] = {"free": None}
    ways |= {one: NotesGuide(plain, grounding=one) for one in HELD}
    ways |= {f"soft {weight:g}": Leaning(NotesGuide(plain, grounding="soft"), weight) for weight in nats}
    return {name: [built(reply.notes) for reply in asked(engine, samples, lambda _, guide=guide: guide)] for name, guide in ways.items()}


def written(engine: LlamaCppEngine, samples: Sequence[Sample], nats: Sequence[float], led: Callable[[Guide], Guide]) -> Answers:
    """Return what the student writes itself in each way; the kind is given where there is a grammar."""
    ways: dict[str, Callable[[Sample], Guide]] = {"free": lambda _: led(AnyText())}
    for one in HELD:
        ways[one] = lambda sample, one=one: led(ManifestGuide((kind_of(sample),), grounding=one))
    for weight in nats:
        ways[f"soft {weight:g}"] = lambda sample, weight=weight: led(Leaning(ManifestGuide((kind_of(sample),), grounding="soft"), weight))
    return {name: [read(reply) for reply in asked(engine, samples, way)] for name, way in ways.items()}


@dataclass(frozen=True)
class Leaning:
    """A guide of soft grounding with another weight than the usual one."""

    rest: Guide
    nats: float

    def start(self, reading: Reading) -> Step | Given:
        """Return the guide's step, reweighed."""
        first = self.rest.start(reading)
        return replace(first, nats=self.nats) if isinstance(first, Step) else first


def asked(engine: LlamaCppEngine, samples: Sequence[Sample], way: Callable[[Sample], Guide | None]) -> list[Reply]:
    """Ask all requests in one way."""
    found: list[Reply] = []
    for start in range(0, len(samples), BATCH):
        part = samples[start : start + BATCH]
        found += engine.generate([sample.request for sample in part], ASK, [way(sample) for sample in part])
    return found


def built(notes: str) -> Any:
    """Return the object that notes ask for, None where they cannot be read."""
    try:
        return build(read_notes(notes))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def read(reply: Reply) -> Any:
    """Return the object of an answer, None where it is none."""
    try:
        return yaml.load(reply.text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return None


# Slots


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Yield place and text of every value, and of every key that people choose; an item of a list is told by its name, else by number."""
    if isinstance(value, dict):
        for key, one in value.items():
            if path and path[-1] in MAPS and not isinstance(one, dict | list):
                yield (*path, "{key}", str(key)), str(key)
            yield from leaves(one, (*path, str(key)))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            named = one.get("name") if isinstance(one, dict) else None
            yield from leaves(one, (*path[:-1], f"{path[-1]}[{named if isinstance(named, str) else number}]") if path else (str(number),))
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def slots(sample: Sample) -> list[Slot]:
    """Return the slots of what a sample asks for whose values its request says as they stand."""
    found = []
    for path, value in leaves(yaml.load(sample.answer, Loader=yaml.CSafeLoader)):
        if path not in (("apiVersion",), ("kind",)) and says(sample.request, value):
            found.append(Slot(kind(path, value), path, value))
    return found


def says(request: str, value: str) -> bool:
    """Whether a request holds a value as a word of its own."""
    return bool(value) and bool(re.search(rf"(?<![\w]){re.escape(value)}(?![\w])", request))


def kind(path: Path_, value: str) -> str:
    """Return the kind of a slot."""
    keys = [one.partition("[")[0] for one in path]
    if "{key}" in keys:
        return "key"
    owner = keys[-2] if len(keys) > 1 else ""
    if owner in LABELS:
        return "label value"
    if owner in ("limits", "requests", "hard", "capacity") or (parse_quantity(value) is not None and not value.isdigit()):
        return "quantity"
    if keys[-1] in KINDS:
        return KINDS[keys[-1]]
    if re.fullmatch(r"-?\d+", value):
        return "number"
    if keys[-1] == "name":
        return "name" if owner == "metadata" else "inner name"
    return "reference" if REFERENCE.fullmatch(keys[-1]) else "text"


def outcome(slot: Slot, answer: Mapping[Path_, str], request: str) -> str:
    """Return what became of a slot in an answer's leaves."""
    there = answer.get(slot.path)
    if there == slot.value:
        return "right"
    if slot.value in answer.values():
        return "elsewhere"
    if there is None:
        return "absent"
    return "swapped" if says(request, there) else "mangled"


def told(name: str, samples: Sequence[Sample], answers: Answers) -> dict[str, Any]:
    """Score the answers of each way, print and return it."""
    result: dict[str, Any] = {}
    for way, objects in answers.items():
        tables: dict[str, dict[str, Counter[str]]] = {axis: defaultdict(Counter) for axis in ("all", "kind", "depth")}
        invented = same = 0
        for sample, value in zip(samples, objects, strict=True):
            found = dict(leaves(value)) if isinstance(value, dict) else {}
            wanted = dict(leaves(yaml.load(sample.answer, Loader=yaml.CSafeLoader)))
            same += found == wanted
            invented += sum(1 for one in found.values() if one not in wanted.values() and not says(sample.request, one))
            for slot in slots(sample):
                said = outcome(slot, found, sample.request)
                for axis, at in (("all", "all"), ("kind", slot.kind), ("depth", slot.depth)):
                    tables[axis][at][said] += 1
        result[way] = {
            "equal": same,
            "of": len(samples),
            "invented_values": invented,
            "no_object": sum(not isinstance(o, dict) for o in objects),
        }
        result[way] |= {axis: {at: row(counts) for at, counts in sorted(table.items())} for axis, table in tables.items()}
    show(name, result)
    return result


def row(counts: Counter[str]) -> dict[str, Any]:
    """Return a line of a table: how many are right, its interval, and what the others are."""
    total = counts.total()
    low, high = wilson(counts["right"], total)
    return {"n": total, "right": counts["right"], "interval": [round(low, 4), round(high, 4)], **{one: counts[one] for one in WRONG}}


def show(name: str, result: Mapping[str, Any]) -> None:
    """Print a table for people."""
    for way, found in result.items():
        whole = found["all"]["all"]
        low, high = whole["interval"]
        wrong = " ".join(f"{one} {whole[one]}" for one in WRONG)
        share = f"slots {whole['right']}/{whole['n']} = {whole['right'] / whole['n']:.1%} ({low:.1%} to {high:.1%})"
        others = f"{wrong}; invented values {found['invented_values']}, no object {found['no_object']}"
        print(f"{name:8} {way:8} equal {found['equal']}/{found['of']}, {share}, {others}")
    for axis in ("kind", "depth"):
        for at in sorted({at for found in result.values() for at in found[axis]}):
            cells = "  ".join(f"{way} {found[axis][at]['right']}" for way, found in result.items() if at in found[axis])
            print(f"  {name} {axis} {at:12} n {next(iter(result.values()))[axis][at]['n']:5}  {cells}")


if __name__ == "__main__":
    main()
