"""The seam through which long work reports to people; ground prints nothing itself."""

from typing import Protocol


class Progress(Protocol):
    """Whoever shows progress (the command line) implements this; `Silent` is the default."""

    def say(self, message: str) -> None:
        """Tell one line."""
        ...

    def step(self, done: int, total: int, unit: str, **figures: float | int | str) -> None:
        """Tell how far the present stage is; the shower derives the rate and the time left."""
        ...


class Silent:
    """Shows nothing."""

    def say(self, message: str) -> None:
        """Drop the line."""

    def step(self, done: int, total: int, unit: str, **figures: float | int | str) -> None:
        """Drop the figures."""
