"""What breaks in one answer must not break those that are written beside it: the one place where engines catch everything.

A guide is a domain's code, and whoever is told an answer's lines is anybody's: each may raise what it likes. The error is kept as it is
and raised where the answer is waited for.
"""

from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
Otherwise = TypeVar("Otherwise")


def caught(act: Callable[[], Found], failed: Callable[[Exception], Otherwise]) -> Found | Otherwise:
    """Return what `act` returns; where it raises, what `failed` makes of the error."""
    try:
        return act()
    except Exception as error:
        return failed(error)
