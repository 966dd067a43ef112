"""Stop sequences: an answer is given up to the first of them, also where it is told in parts."""

from collections.abc import Sequence


class Cutter:
    """Cuts one answer that comes in parts. What may yet become a stop is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops, self._held, self._told, self._cut = tuple(stops), "", "", False

    @staticmethod
    def whole(stops: Sequence[str], text: str) -> tuple[str, bool]:
        """Return a text up to the stop that is whole first, as a reader meets it, and whether there was one."""
        found = [(place + len(stop), place) for stop in stops if (place := text.find(stop)) >= 0]
        return (text[: min(found)[1]], True) if found else (text, False)

    def feed(self, text: str) -> str:
        """Take a part, return what may be told of it."""
        if self._cut:
            return ""
        shown, self._cut = self.whole(self._stops, self._held + text)
        keep = 0 if self._cut else self._maybe(shown)
        shown, self._held = shown[: len(shown) - keep], shown[len(shown) - keep :]
        self._told += shown
        return shown

    def rest(self, text: str) -> str:
        """Return what was not told of the whole `text`, cut already; nothing where another was told."""
        found = text[len(self._told) :] if text.startswith(self._told) else ""
        self._told += found
        return found

    def _maybe(self, text: str) -> int:
        """Return how many characters at the end begin a stop."""
        return max((n for stop in self._stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0)
