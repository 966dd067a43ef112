"""The catalogue: families of commands and the options that may be said beside them, read from the TOML files of this package."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.domains.kubernetes.phrasing.lines import Table
from kubestill.ground.seeds import stable_hash

PACKAGE = "kubestill.domains.kubernetes.skills.kubectl"
FILES = ("get", "look", "logs", "apply", "change", "rollout", "nodes", "create", "secrets", "inside", "access", "config")
# How a core is said, each a table of phrases: an infinitive (framed: "can you ..."), a noun phrase for what is to be shown or for
# what is to be had, a question, a statement, and a few words.
MANNERS = ("do", "np", "want", "ask", "say", "terse")
# How an option is said: close behind the core, after a comma or as a sentence, before the core, in a few words.
PLACES = ("tight", "loose", "front", "terse")
# What an option tells about, which decides what it may stand behind: where to look, which objects, what a new object is like, or (the
# usual case) in what way the command does its work.
SITS = (PLACE, FILTER, TRAIT, WAY) = ("place", "filter", "trait", "way")
_END = " -- "  # what comes after it is a command for a container
_RANKED = re.compile(r" (-[^@]*)@(\d+)")  # a flag of a template that stands among the options' flags by its rank


class Template(NamedTuple):
    """A command with open slots: what comes first, its flags by rank, and what comes last."""

    head: str
    flags: tuple[tuple[int, str], ...]
    tail: str


@dataclass(frozen=True, slots=True)
class Option:
    """Flags that may be said beside a command."""

    name: str
    flags: tuple[str, ...]  # the first is written; the others mean the same
    group: str  # of one group only one is said
    clashes: frozenset[str]  # options that cannot stand beside it
    rank: int  # its place among the flags
    near: int  # its place in the request: the lower, the closer to the core
    sits: str  # one of SITS
    chance: float
    inside: bool  # means nothing beside an object of the whole cluster
    tables: Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class Family:
    """Commands of one intention, with ways to ask for them."""

    name: str
    path: str  # of the command: "rollout undo"
    commands: tuple[Template, ...]  # the first is the answer, the others are as right
    options: tuple[tuple[str, float], ...]  # names and chances
    weight: float
    tables: Mapping[str, Table]


@cache
def families() -> Mapping[str, Family]:
    """Return the families by name."""
    return {name: _family(name, row) for file in FILES for name, row in _rows(f"families/{file}.toml").items()}


@cache
def options() -> Mapping[str, Option]:
    """Return the options by name."""
    return {name: _option(name, row) for name, row in _rows("options.toml").items()}


@cache
def frames() -> Mapping[str, Table]:
    """Return what stands around a core, and how objects are called."""
    found: dict[str, list[str]] = tomllib.loads(_text("frames.toml"))
    return {name: Table(f"kubectl.frames/{name}", lines) for name, lines in found.items()}


@cache
def digest() -> str:
    """Return a digest of all phrases and templates."""
    files = ("options.toml", "frames.toml", *(f"families/{file}.toml" for file in FILES))
    return f"{stable_hash(*(_text(file) for file in files)):016x}"


def _text(file: str) -> str:
    return resources.files(PACKAGE).joinpath(file).read_text("utf-8")


def _rows(file: str) -> Mapping[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads(_text(file))
    return found


def _family(name: str, row: Mapping[str, object]) -> Family:
    written = row["command"]
    commands = tuple(written) if isinstance(written, list) else (str(written),)
    templates = tuple(_template(command) for command in commands)
    chances = [item.partition(":") for item in str(row.get("with", "")).split()]
    named = tuple((option, float(chance) if chance else options()[option].chance) for option, _, chance in chances)
    weight = row.get("weight", 1.0)
    assert isinstance(weight, int | float)
    return Family(name, path_of(commands[0]), templates, named, float(weight), _tables(name, row, MANNERS))


def _template(command: str) -> Template:
    head, end, tail = command.partition(_END)
    flags = tuple((int(rank), flag) for flag, rank in _RANKED.findall(head))
    return Template(_RANKED.sub("", head), flags, f"{end}{tail}")


def _option(name: str, row: Mapping[str, object]) -> Option:
    written = row["flag"]
    flags = tuple(written) if isinstance(written, list) else (str(written),)
    chance, rank, near = (row.get(key, default) for key, default in (("chance", 0.2), ("rank", 50), ("near", 5)))
    assert isinstance(chance, int | float) and isinstance(rank, int) and isinstance(near, int)
    inside, tables = bool(row.get("inside", False)), _tables(f"option.{name}", row, PLACES)
    clashes = frozenset(str(row.get("clashes", "")).split())
    sits = str(row.get("sits", WAY))
    return Option(name, flags, str(row.get("group", name)), clashes, rank, near, sits, float(chance), inside, tables)


def _tables(name: str, row: Mapping[str, object], keys: tuple[str, ...]) -> dict[str, Table]:
    found = {key: row[key] for key in keys if key in row}
    return {key: Table(f"kubectl.{name}/{key}", lines) for key, lines in found.items() if isinstance(lines, list)}


def path_of(template: str) -> str:
    """Return the path of the command that a template or a command without its program names."""
    commands, path = reference().commands, ""
    for word in template.split():
        if f"{path} {word}".strip() not in commands:
            break
        path = f"{path} {word}".strip()
    return path
