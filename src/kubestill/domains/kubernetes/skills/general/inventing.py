"""How wrong names are invented for right-or-wrong questions: slips, blends, words of other commands and kinds, old versions."""

import re
from collections.abc import Sequence
from functools import cache
from random import Random

from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.skills.general.api import versions
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.fields import ASKED, asked_about, at, bare

_FLAG = re.compile(r"(?<= )--([a-z][a-z-]+)")
_HUMPS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def slip(name: str, rng: Random) -> str:
    """Return a name as hasty fingers type it: a letter lost, doubled or swapped with the next one, or an s too many or too few."""
    if len(name) < 3:
        return f"{name}s"
    roll, place = rng.random(), rng.randrange(1, max(2, len(name) - 1))
    if roll < 0.3:
        return name[:-1] if name.endswith("s") else f"{name}s"
    if roll < 0.55:
        return name[:place] + name[place + 1 :]
    if roll < 0.8 and place + 1 < len(name):
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + name[place] + name[place:]


def flag(command: str, rng: Random) -> str:
    """Return a command with one flag that its command does not have; an empty string where none came out."""
    found = _FLAG.findall(command)
    parsed = parse(command)
    if not found or parsed.call is None or parsed.call.command is None:
        return ""
    name = rng.choice(found)
    parts = name.split("-")
    ways = (
        slip(name, rng),
        "-".join(reversed(parts)) if len(parts) > 1 else f"{name}-{rng.choice(('name', 'list', 'only', 'mode'))}",
        "".join(parts) if len(parts) > 1 else f"{rng.choice(('with', 'use', 'show', 'set'))}-{name}",
        f"{name}-{rng.choice(('name', 'value', 'all', 'by', 'type', 'for'))}",
        parts[0] if len(parts) > 1 else f"{name}s",
    )
    wrong = rng.choice(ways)
    if wrong in parsed.call.command.flags or wrong == name:
        return ""
    return command.replace(f"--{name}", f"--{wrong}", 1)


def field(kind: str, path: str, rng: Random) -> str:
    """Return a path that a kind does not have: at a wrong level, of another kind, misspelt, or blended of two names."""
    parent, _, leaf = path.rpartition(".")
    parts = path.split(".")
    roll, moved = rng.random(), tuple(facts()["moved"].get(kind, ()))
    if roll < 0.05 and moved:  # a field of an older version
        wrong = f"{parent}.{rng.choice(moved)}" if parent else ""
    elif roll < 0.35 and len(parts) > 2:  # a level lost: spec.containers of a Deployment
        wrong = ".".join(parts[: (cut := rng.randrange(1, len(parts) - 1))] + parts[cut + 1 :])
    elif roll < 0.6:
        other = rng.choice([one for one in ASKED if one != kind])
        found = [bare(one.path) for one in asked_about(other) if one.path.count(".") == 1]
        wrong = rng.choice(found) if found else ""
    elif roll < 0.8:
        wrong = f"{parent}.{slip(leaf, rng)}" if parent else ""
    else:
        wrong = f"{parent}.{_blend(leaf, rng)}" if parent else ""
    return "" if not wrong or at(kind, wrong) is not None else wrong


def _blend(leaf: str, rng: Random) -> str:
    """Return a name made of a part of one field's name and a part of another's."""
    humps = _HUMPS.findall(leaf)
    tail: str = _HUMPS.findall(rng.choice(_leaves()))[-1]
    head = "".join(humps[:-1] or humps)
    return head + tail[:1].upper() + tail[1:]


@cache
def _leaves() -> tuple[str, ...]:
    return tuple(sorted({one.leaf for kind in ("Deployment", "Service", "CronJob") for one in asked_about(kind)}))


def version(kind: str, rng: Random) -> str:
    """Return an apiVersion that does not serve a kind: a removed one, another group's, a version that never was."""
    right = versions()[kind]
    group, _, number = right.rpartition("/")
    removed = [old for old, kinds, *_ in facts()["removed"] if kind in kinds]
    while True:
        ways = [
            *removed,
            *removed,
            rng.choice(sorted(set(versions().values()))),
            f"{group}/v1beta1" if group else "apps/v1",
            f"{group.split('.')[0]}/{number}" if group else f"core/{number}",
            f"{group}/v{int(number[1:]) + 1}" if group else "v2",
            "v1" if group else "v1beta1",
            f"{group}.k8s.io/{number}" if group and "." not in group else "extensions/v1beta1",
        ]
        wrong: str = rng.choice(ways)
        if not schemas().knows(wrong, kind):
            return wrong


def kind(rng: Random) -> str:
    """Return a name that sounds like a kind."""
    if rng.random() < 0.45:
        known: tuple[str, ...] = tuple(facts()["kinds"])
        return rng.choice(known)
    name, other = (rng.choice(tuple(ASKED)) for _ in range(2))
    return slip(name, rng) if rng.random() < 0.5 else "".join(_HUMPS.findall(name)[:1] + _HUMPS.findall(other)[-1:])


def value(values: Sequence[str], rng: Random) -> str:
    """Return a value that is none of those allowed."""
    while True:
        one = rng.choice(list(values))
        wrong = rng.choice((one.lower(), one.upper(), f"{one}s", slip(one, rng), rng.choice(_values())))
        if wrong not in values and wrong:
            return wrong


@cache
def _values() -> tuple[str, ...]:
    return tuple(
        sorted(
            {
                one
                for kind in ASKED
                for field in asked_about(kind)
                for one in field.enum
                if 2 < len(one) < 20 and " " not in one and not one.startswith("SIG")
            }
        )
    )


# How people write amounts of memory that Kubernetes does not take, and what they mean.
_WRONG_UNITS = {
    "MB": "M",
    "GB": "G",
    "KB": "k",
    "MiB": "Mi",
    "GiB": "Gi",
    "mb": "M",
    "gb": "G",
    "Mb": "M",
    "gi": "Gi",
    "mi": "Mi",
    "g": "G",
}
# Of those, what is asked about: whoever asks for `4 GB` of a manifest is given 4Gi, so that no sample calls it 4G.
_DRAWN_UNITS = ("MiB", "GiB", "gi", "mi")
_AMOUNT = re.compile(r"(\d+(?:[.,]\d+)?)( ?)([A-Za-z]*)\Z")
_UNITS = ("Mi", "Gi", "Ki", "M", "G", "k")


def quantity(rng: Random) -> str:
    """Return an amount that is no quantity, written as people write it."""
    count = rng.choice((1, 2, 4, 8, 10, 64, 100, 128, 200, 256, 500, 512, 750, 1024, rng.randrange(1, 2000)))
    if rng.random() < 0.2:
        return f"{count} {rng.choice(_UNITS[:2])}"
    return f"{count}{rng.choice(_DRAWN_UNITS)}"


def right_quantity(text: str) -> str:
    """Return the quantity that a wrong one means, or an empty string."""
    match = _AMOUNT.match(text)
    if match is None:
        return ""
    unit = match[3] if match[3] in _UNITS else _WRONG_UNITS.get(match[3])
    return f"{match[1].replace(',', '.')}{unit}" if unit is not None else ""
