"""What a skill other than manifests gives to the guide of all skills."""

from collections.abc import Sequence
from typing import Protocol

from kubestill.tools.grammar.api import Given, Guide, Reading, Step


class Leading(Protocol):
    """How answers of one skill are led."""

    @property
    def lines(self) -> Sequence[str]:
        """The expressions of lines that may be noted after the task, in llguidance's dialect, each with the line break before it."""
        ...

    def answer(self, notes: str, reading: Reading) -> Step | Given:
        """Return what follows the notes of a request, in which words stand in place of pointers."""
        ...

    def straight(self) -> Guide:
        """Return the guide of models that note nothing."""
        ...
