"""What is wrong with a command, before it has a line and a remedy: a code, a sentence, the character where it stands."""

from collections.abc import Iterator
from typing import NamedTuple

from kubestill.ground.errors import near

_LONGEST_NAME = 100  # characters; what is longer is no misspelt name, and comparing it takes long


class Fault(NamedTuple):
    """One fault. `path` says which part of the command it is about: `--replicas`, `arguments[1]`."""

    code: str
    message: str
    path: str = ""
    start: int = 0
    severity: str = "error"  # error | warning


Faults = Iterator[Fault]


def hint(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Return "; did you mean 'x'?" or an empty string."""
    found = near(name, known) if len(name) <= _LONGEST_NAME else ""
    return f"; {found}" if found else ""


def shown(text: str) -> str:
    """Return a text as a message quotes it, cut where it is long."""
    return repr(text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "...")
