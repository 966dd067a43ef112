"""Right-or-wrong questions: flags, fields, versions, kinds, commands and values that exist, beside near ones that do not.

Half of the questions are about what is right, so that "No" is no answer by itself. What is asked is solved from the schemas and the
command tree; how a wrong one is invented is `inventing.py`, and what a student really invented is `mining.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from random import Random

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.skills.general import inventing
from kubestill.domains.kubernetes.skills.general.api import any_field, versions
from kubestill.domains.kubernetes.skills.general.commands import filled, line
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.fields import ASKED, Field, asked_about, at, bare, fields, places
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic, yes_or_no

RIGHT = 0.5  # share of the questions about what is right
LOST_LEVELS = 3  # that a wrong path may lack for the right one still to be told
NEAR = 0.6  # normalised similarity from which on a name is taken for another misspelt


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is nearest to one, or an empty string."""
    names = sorted(known)
    found = extractOne(name, names, scorer=OSA.normalized_similarity, score_cutoff=NEAR)
    if found is None:  # the same words in another order: --file-patch for --patch-file
        parts = sorted(name.split("-"))
        return next((one for one in names if sorted(one.split("-")) == parts), "")
    return found[0]


def _flag(rng: Random, words: Words) -> Asked:
    """Ask for a whole command; a wrong one has one flag that kubectl does not know."""
    if rng.random() < 0.2:
        synonym = rng.choice(facts()["flags"])
        return Asked({"line": filled(synonym[0 if rng.random() >= RIGHT else 1], rng, words)})
    while True:
        right = line(rng, words, "flagged")
        found = right if rng.random() < RIGHT else inventing.flag(right, rng)
        if found:
            return Asked({"line": found})


def _solve_flag(said: Said) -> Solved:
    parsed = parse(said["line"])
    if parsed.call is None or parsed.call.command is None:
        raise ValueError("no command of kubectl")
    faults = [fault for call in parsed.calls for fault in call.faults if fault.code == "K8S405"]
    if not faults:
        if any(finding.severity == "error" for finding in check_parsed(parsed).findings):
            raise ValueError("wrong for another reason")
        return Solved("yes", {})
    command = f"kubectl {' '.join(parsed.call.path)}"
    mended = mend(said["line"], faults[0].path)
    return Solved("use" if mended else "no", {"command": command, "flag": faults[0].path, "use": mended})


def mend(text: str, flag: str) -> str:
    """Return a command with an unknown flag in its right spelling, where kubectl takes the result; else an empty string."""
    parsed = parse(text)
    if parsed.call is None or parsed.call.command is None:
        return ""
    name = flag.lstrip("-")
    known = [one for one in parsed.call.command.flags if not parsed.call.command.flags[one].deprecated]
    other = facts()["meant"].get(name, "")
    right = other if other in known else nearest(name, known)
    if not right:
        return ""
    mended = text.replace(flag, f"--{right}", 1)
    bad = any(finding.severity == "error" for finding in check_parsed(parse(mended)).findings)
    return "" if bad else mended


def _field(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    while True:
        kind, field = any_field(rng)
        path = bare(field.path)
        found = path if rng.random() < RIGHT else inventing.field(kind, path, rng)
        if found and "." in found:
            return Asked({"kind": kind, "field": found})


def _solve_field(said: Said) -> Solved:
    kind, path = said["kind"], said["field"]
    if at(kind, path) is not None:
        return yes_or_no(True, kind=kind, field=path)
    right = field_meant(kind, path)
    return Solved("use" if right else "no", {"kind": kind, "field": path, "use": right})


def field_meant(kind: str, path: str) -> str:
    """Return the path of a kind that a wrong one means: the one that has a level or two more, or the nearest of its siblings."""
    parent, _, leaf = path.rpartition(".")
    known: str = facts()["moved"].get(kind, {}).get(leaf, "") or _with_more_levels(kind, path)
    if known:
        return known
    siblings = {field.leaf: field.place for field in fields(kind).values() if bare(field.path).rpartition(".")[0] == parent}
    return siblings.get(nearest(leaf, siblings), "") if siblings else ""


def _with_more_levels(kind: str, path: str) -> str:
    """Return the path that becomes a wrong one when levels are lost; of several the one with the fewest more, or a container's."""
    steps, leaf = path.split("."), path.rpartition(".")[2]
    found: dict[int, list[Field]] = {}
    for field in places(kind).get(leaf, ()):
        right = bare(field.path).split(".")
        rest = iter(right)
        if 0 < len(right) - len(steps) <= LOST_LEVELS and all(step in rest for step in steps):
            found.setdefault(len(right), []).append(field)
    nearest_ones = found[min(found)] if found else []
    ones = nearest_ones if len(nearest_ones) == 1 else [field for field in nearest_ones if field.holder == "containers"]
    return ones[0].place if len(ones) == 1 else ""


def _version(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind = rng.choice(tuple(versions()))
    kind = rng.choice([one for one in ASKED if one in versions()]) if rng.random() < 0.7 else kind
    return Asked({"kind": kind, "version": versions()[kind] if rng.random() < RIGHT else inventing.version(kind, rng)})


def _solve_version(said: Said) -> Solved:
    kind, version = said["kind"], said["version"]
    if schemas().knows(version, kind):
        return yes_or_no(True, kind=kind, version=version)
    return Solved("no", {"kind": kind, "version": version, "use": versions()[kind]})


@cache
def _kinds() -> frozenset[str]:
    return frozenset(kind.kind for kind in schemas().kinds())


def _kind(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    if rng.random() < RIGHT:
        return Asked({"kind": rng.choice(sorted(_kinds()))})
    while True:
        kind = inventing.kind(rng)
        if kind not in _kinds():
            return Asked({"kind": kind})


def _solve_kind(said: Said) -> Solved:
    kind = said["kind"]
    if kind in _kinds():
        return Solved("yes", {"kind": kind})
    right = facts()["kinds"].get(kind) or nearest(kind, _kinds())
    return Solved("use" if right else "no", {"kind": kind, "use": right})


def _command(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    if rng.random() < RIGHT:
        return Asked({"command": f"kubectl {rng.choice([name for name in reference().commands if name not in ('', 'alpha', 'help')])}"})
    return Asked({"command": f"kubectl {rng.choice(tuple(facts()['invented']))}"})


def _solve_command(said: Said) -> Solved:
    name = said["command"].removeprefix("kubectl ")
    if name in reference().commands:
        return yes_or_no(True, command=said["command"])
    right = facts()["invented"].get(name) or nearest(name, [one for one in reference().commands if one])
    return Solved("use" if right else "no", {"command": said["command"], "instead": f"kubectl {right}"})


def _value(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, path, values = rng.choice(rng.choice(_valued()))
    value = rng.choice(values) if rng.random() < RIGHT else inventing.value(values, rng)
    return Asked({"value": value, "kind": kind, "field": path})


@cache
def _valued() -> tuple[tuple[tuple[str, str, tuple[str, ...]], ...], ...]:
    """Return kind, path and values of the fields that have few values, those of one name together: names are drawn evenly."""
    found: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for kind in ASKED:
        for field in asked_about(kind):
            if 2 <= len(field.enum) <= 5 and "." in field.path:
                found.setdefault(field.leaf, []).append((kind, bare(field.path), field.enum))
    return tuple(tuple(several) for several in found.values())


def _solve_value(said: Said) -> Solved:
    field = at(said["kind"], said["field"])
    if field is None or not field.enum:
        raise ValueError("the field takes any value")
    slots = {"field": said["field"], "value": said["value"], "values": ", ".join(field.enum)}
    return Solved("yes" if said["value"] in field.enum else "no", slots)


def _quantity(rng: Random, words: Words) -> Asked:
    right = words.memory()
    return Asked({"amount": right if rng.random() < RIGHT else inventing.quantity(rng)})


def _solve_quantity(said: Said) -> Solved:
    if parse_quantity(said["amount"]) is not None:
        return yes_or_no(True, amount=said["amount"])
    right = inventing.right_quantity(said["amount"])
    return Solved("use" if right else "no", {"amount": said["amount"], "use": right})


def _answers(yes: str, no: str, use: str) -> Mapping[str, str]:
    """Return the three forms: right, wrong, and wrong with what to use."""
    return {"yes": yes, "use": f"{no} Use: {use}", "no": no}


TOPICS: Sequence[Topic] = (
    Topic(
        "check-flag", _flag, _solve_flag, _answers("Yes: kubectl takes it.", "No: {command} has no flag {flag:word}.", "{use:command}"), 4.0
    ),
    Topic(
        "check-field",
        _field,
        _solve_field,
        _answers("Yes: {kind:word} has {field:path}.", "No: {kind:word} has no field {field:path}.", "{use:path}"),
        4.0,
    ),
    Topic(
        "check-version",
        _version,
        _solve_version,
        {"yes": "Yes: {kind:word} is served as {version:word}.", "no": "No: {kind:word} is not served as {version:word}. Use: {use:word}"},
        2.5,
    ),
    Topic(
        "check-kind",
        _kind,
        _solve_kind,
        _answers("Yes: {kind:word} is a built-in kind.", "No: there is no built-in kind {kind:word}.", "{use:word}"),
        1.5,
    ),
    Topic(
        "check-command",
        _command,
        _solve_command,
        _answers("Yes: {command:command} is a command.", "No: there is no {command:command}.", "{instead:command}"),
        2.0,
        closed=True,
    ),
    Topic(
        "check-value",
        _value,
        _solve_value,
        {"yes": "Yes: {field:path} may be {value:word}.", "no": "No: {field:path} may not be {value:word}. Use one of: {values:set}"},
        1.5,
    ),
    Topic(
        "check-quantity",
        _quantity,
        _solve_quantity,
        _answers("Yes: {amount} is a quantity.", "No: {amount} is no quantity.", "{use:quantity}"),
        1.0,
    ),
)
