"""A grammar over single bytes: what it takes, and documents drawn under its mask."""

from random import Random

import numpy as np
from llguidance import LLMatcher, LLTokenizer

from kubestill.domains.kubernetes.grammars.repeats import bans

BYTES = LLTokenizer("byte")
END = BYTES.eos_token


class Bytewise:
    def __init__(self, text: str) -> None:
        self._matcher = LLMatcher(BYTES, LLMatcher.grammar_from_lark(text), log_level=0)
        assert not self._matcher.is_error(), self._matcher.get_error()[:500]

    def takes(self, text: str) -> bool:
        matcher, data = self._matcher.deep_copy(), text.encode()
        return matcher.try_consume_tokens(list(data)) == len(data) and matcher.is_accepting()

    def refused_at(self, text: str) -> str:
        """The rest of the text from the first byte that is not taken."""
        data = text.encode()
        return data[self._matcher.deep_copy().try_consume_tokens(list(data)) :].decode()

    def walk(self, rng: Random, limit: int = 1200) -> str | None:
        """A document drawn under the mask; None where it became too long. It must not end nowhere."""
        matcher, written = self._matcher.deep_copy(), bytearray()
        while len(written) < 4 * limit:
            bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
            allowed = [int(one) for one in np.flatnonzero(bits) if one == END or not _repeats(written, int(one))]
            assert allowed, bytes(written[-200:])
            if END in allowed and (len(allowed) == 1 or len(written) > limit // 4 or rng.random() < 0.05):
                return written.decode("utf-8", "replace")
            one = rng.choices(allowed, [_weight(one, written, limit) for one in allowed])[0]
            written.append(one)
            assert matcher.consume_token(one)
        return None


def _weight(byte: int, written: bytearray, limit: int) -> float:
    """Lines end soon, and once a document is long it closes what is open."""
    if byte == END:
        return 0.0
    if byte == 10:
        return 8.0
    if len(written) > limit // 4 and byte in b"{[":
        return 60.0
    return 0.05 if len(written) > limit // 2 and byte == 32 and written[-1:] in (b"\n", b" ") else 1.0


def _repeats(written: bytearray, byte: int) -> bool:
    if byte != ord(":") or b": " in written.rpartition(b"\n")[2]:
        return False
    return ":" in bans(written.decode("utf-8", "replace"))
