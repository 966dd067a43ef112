"""An answer told line by line while it grows: a line is whole when it ends, so what stands for its words has been put in their place."""

from collections.abc import Callable, Sequence

from kubestill.tools.engines.api import Told

Decode = Callable[[Sequence[int]], str]
_HALF = "\ufffd"  # what a decoder shows of a character whose last bytes are still to come


class Lines:
    """Tells what is new of a growing text, up to its last line break; the rest when it is whole."""

    def __init__(self, told: Told) -> None:
        self._told, self._shown = told, 0

    def grown(self, text: str) -> None:
        """Take the text as far as it is written."""
        self._tell(text[: text.rfind("\n") + 1])

    def whole(self, text: str) -> None:
        """Take the whole text."""
        self._tell(text)

    def _tell(self, text: str) -> None:
        if len(text) > self._shown:
            self._told(text[self._shown :])
            self._shown = len(text)


class Decoded:
    """The text of growing tokens: what is new is decoded after the tokens that came before it, and not alone.

    A decoder may write a token otherwise at the start (SentencePiece leaves out a space), or half a character; so vLLM does it, too.
    `broken` remembers from one answer to the next which tokens hold a line break.
    """

    def __init__(self, decode: Decode, broken: dict[int, bool]) -> None:
        self._decode, self._broken, self._text = decode, broken, ""
        self._before = self._read = 0  # of the tokens: what is decoded again, and what is in the text

    def breaks(self, tokens: Sequence[int]) -> bool:
        """Whether a line may end in one of `tokens`."""
        for token in tokens:
            if token not in self._broken:
                self._broken[token] = "\n" in self._decode([token])
        return any(self._broken[token] for token in tokens)

    def grown(self, tokens: Sequence[int]) -> str:
        """Return the text of `tokens`, which begin as they did before; where its end is not certain yet, the text as it was."""
        known, whole = self._decode(tokens[self._before : self._read]), self._decode(tokens[self._before :])
        if not whole.endswith(_HALF) and whole.startswith(known):
            self._text += whole[len(known) :]
            self._before, self._read = self._read, len(tokens)
        return self._text
