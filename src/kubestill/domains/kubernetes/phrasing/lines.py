"""The tables of phrase parts: `(a|b)` are alternatives, `[x]` may be left out, `{v}` is filled in.

Round brackets that shall stand in the text are written as ornamental ones (U+2768, U+2769); `phrasing.finish` turns them.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from random import Random

from kubestill.domains.api import HELD
from kubestill.ground.seeds import held_out, stable_hash

HELD_SHARE = 0.2
FEWEST = 4  # a list of at least so many parts gives one to the evaluation even where the hash chose none
EVERY = "every"  # for words of the domain that cannot be guessed (what a kind is called): they are no phrase parts
FILES = ("generic", "joint", "meta", "pods", "workloads", "network", "config", "rbac", "pairs", "frames")

# A parsed line: text, or a list of choices each of which is a sequence of nodes.
Node = str | list[list["Node"]]


def parse(line: str) -> list[Node]:
    """Return the tree of a line.

    Raises:
        ValueError: brackets that do not match.
    """
    nodes, place = _sequence(line, 0, "")
    if place != len(line):
        raise ValueError(f"unbalanced {line[place]!r} in phrase line {line!r}")
    return nodes


def _sequence(line: str, place: int, stop: str) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    start = place
    while place < len(line) and line[place] not in stop:
        if line[place] in "([" and (closing := {"(": ")", "[": "]"}[line[place]]):
            if start < place:
                nodes.append(line[start:place])
            choices, place = _choices(line, place + 1, closing)
            nodes.append(choices if closing == ")" else [*choices, [], []] if len(choices) > 1 else [*choices, []])
            start = place
        elif line[place] in ")]":
            raise ValueError(f"unbalanced {line[place]!r} in phrase line {line!r}")
        else:
            place += 1
    if start < place:
        nodes.append(line[start:place])
    return nodes, place


def _choices(line: str, place: int, closing: str) -> tuple[list[list[Node]], int]:
    choices = []
    while True:
        nodes, place = _sequence(line, place, "|" + closing)
        choices.append(nodes)
        if place >= len(line):
            raise ValueError(f"missing {closing!r} in phrase line {line!r}")
        place += 1
        if line[place - 1] == closing:
            return choices, place


def expand(nodes: Sequence[Node], rng: Random) -> str:
    """Return one expansion of a parsed line."""
    out = []
    for node in nodes:
        out.append(node if isinstance(node, str) else expand(node[int(rng.random() * len(node))], rng))
    return "".join(out)


def count(nodes: Sequence[Node]) -> int:
    """Return how many expansions a parsed line has; equal choices (they only weigh more) count once."""
    total = 1
    for node in nodes:
        if not isinstance(node, str):
            total *= sum(count(choice) for place, choice in enumerate(node) if choice not in node[:place])
    return total


@cache
def parsed(line: str) -> tuple[Node, ...]:
    """Return the tree of a line, which is made once."""
    return tuple(parse(line))


@cache
def _form(name: str, line: str) -> str:
    return f"{name}:{stable_hash(line):016x}"


class Table:
    """One list of parts, split into those for training and those for evaluation by a hash of the part alone."""

    def __init__(self, name: str, lines: Sequence[str]) -> None:
        self.name = name
        held = {line for line in lines if held_out(f"phrase:{name}", line, HELD_SHARE)}
        if not held and len(lines) >= FEWEST:
            held = {min(lines, key=lambda line: stable_hash(name, line))}
        self.train = tuple(line for line in lines if line not in held)
        self.held = tuple(line for line in lines if line in held)

    def has(self, part: str) -> bool:
        """Say whether the part has lines of its own here."""
        return bool(self.held if part == HELD else self.train)

    def lines(self, part: str) -> tuple[str, ...]:
        """Return the parts of TRAIN, or of HELD; a list too short to have one kind gives the other, EVERY gives both."""
        if part == EVERY:
            return self.train + self.held
        return (self.held or self.train) if part == HELD else (self.train or self.held)

    def early(self, rng: Random, part: str) -> tuple[str, str]:
        """Return (an expansion, the id of its part), of the parts that come first oftener."""
        return self.one_of((earlier(self.lines(part), rng, part),), rng)

    def pick(self, rng: Random, part: str) -> tuple[str, str]:
        """Return (an expansion, the id of its part)."""
        return self.one_of(self.lines(part), rng)

    def one_of(self, lines: Sequence[str], rng: Random) -> tuple[str, str]:
        """Return (an expansion, the id) of one of these lines of the table."""
        line = lines[int(rng.random() * len(lines))]
        return expand(parsed(line), rng), _form(self.name, line)


_SKEW = 1.4  # of ten lines the first four are drawn as often as the last six


def earlier(lines: Sequence[str], rng: Random, part: str) -> str:
    """Return one of the lines: tables begin with what most people say, which is taught oftener; what is held out is drawn evenly."""
    roll = rng.random()
    return lines[int((roll if part == HELD else roll**_SKEW) * len(lines))]


def read_tables(package: str, file: str, prefix: str = "") -> dict[str, Table]:
    """Return the tables of a TOML file that lies in a package, by name: `[a] b = [...]` is `a/b`, a list by itself `frames/a`.

    `prefix` goes before each name. Names decide, with the part itself, what is held out: no two files may share one.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    found: dict[str, Table] = {}
    for name, value in tomllib.loads(text).items():
        lists = {f"frames/{name}": value} if isinstance(value, list) else {f"{name}/{key}": item for key, item in value.items()}
        found |= {f"{prefix}{key}": Table(f"{prefix}{key}", lines) for key, lines in lists.items()}
    return found


@cache
def tables() -> Mapping[str, Table]:
    """Return every table of manifests by name: `spec.replicas/np`, `heads/lines`, `frames/noise`, `kinds/Deployment`."""
    found: dict[str, Table] = {}
    for file in FILES:
        found |= read_tables("kubestill.domains.kubernetes", f"phrases/{file}.toml")
    return found


@cache
def digest() -> str:
    """Return a digest of all parts: a base that was trained on other parts is another base."""
    return f"{stable_hash(*(line for table in tables().values() for line in (*table.train, *table.held))):016x}"
