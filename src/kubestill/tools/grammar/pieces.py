"""A vocabulary as bytes: what each token writes. Grammars speak of text; this is the only place that knows how a tokenizer cuts it."""

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from kubestill.ground.errors import UserError
from kubestill.ground.registry import need

if TYPE_CHECKING:
    from llguidance import LLTokenizer
    from tokenizers import Tokenizer

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")  # SentencePiece's spelling of a byte that no token holds
_SENTINEL = "\x02"  # a character that no answer holds: keeps a tokenizer from adding a space before the text


@dataclass(frozen=True, eq=False)
class Pieces:
    """What each token id writes, in bytes; `b""` is a token that nothing may choose.

    A special token is told by its name (`<|answer|>` in Lark, without quotes) and has no text of its own: here `tokens` holds its
    name. `encode` gives the canonical tokens of a text, special names in it as their tokens.
    """

    tokens: tuple[bytes, ...]
    special: Mapping[str, int]
    end: int
    encode: Callable[[str], list[int]]

    @classmethod
    def of_tokens(cls, tokens: Sequence[bytes], special: Mapping[str, int], end: int, encode: Callable[[str], list[int]]) -> "Pieces":
        """Take a vocabulary as it is, of a GGUF file for one.

        Raises:
            UserError: a special or the end token is none of the vocabulary's.
        """
        if any(not 0 <= token < len(tokens) for token in (end, *special.values())):
            raise UserError("vocabulary", f"a special token beyond the {len(tokens)} tokens", "give ids of the vocabulary")
        whole = list(tokens)
        for name, token in special.items():
            whole[token] = name.encode()
        return cls(tuple(whole), dict(special), end, encode)

    @classmethod
    def of_tokenizer(cls, tokenizer: "Tokenizer", end: int) -> "Pieces":
        """Read the tokens of a Hugging Face fast tokenizer: byte-level BPE, or SentencePiece's `▁` and `<0xNN>`.

        Raises:
            UserError: a tokenizer whose tokens do not spell the text, as WordPiece's, which loses spaces and capitals.
        """
        whole = json.loads(tokenizer.to_str())
        spell = _speller(whole)
        added = {row["id"]: row for row in whole.get("added_tokens", ())}
        vocabulary = tokenizer.get_vocab(with_added_tokens=True)
        tokens = [b""] * (max(vocabulary.values()) + 1)
        for text, token in vocabulary.items():
            tokens[token] = text.encode() if token in added else spell(text)
        special = {row["content"]: token for token, row in added.items() if row["special"]}
        return cls.of_tokens(tokens, special, end, _Encoder(tokenizer, tuple(tokens)))

    @property
    def size(self) -> int:
        """How many tokens there are (V)."""
        return len(self.tokens)

    @cached_property
    def digest(self) -> str:
        """The hash of the vocabulary: states and drafts of another one mean nothing here."""
        whole = sha256(repr((self.end, sorted(self.special.items()))).encode())
        for piece in self.tokens:
            whole.update(len(piece).to_bytes(4, "little") + piece)
        return whole.hexdigest()[:32]

    @cached_property
    def _sorted(self) -> tuple[list[bytes], list[int]]:
        order = sorted(range(len(self.tokens)), key=self.tokens.__getitem__)
        return [self.tokens[token] for token in order], order

    def beginning(self, start: bytes) -> list[int]:
        """Return the tokens whose bytes begin with `start`, which is not empty."""
        texts, order = self._sorted
        found = takewhile(lambda place: texts[place].startswith(start), range(bisect_left(texts, start), len(texts)))
        return [order[place] for place in found]

    @cached_property
    def _ids(self) -> dict[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        for token, piece in enumerate(self.tokens):
            found.setdefault(piece, []).append(token)
        return found

    def toward(self, text: bytes) -> list[int]:
        """Return the tokens that write a beginning of `text`, or all of it and more; what writes nothing is none of them."""
        shorter = [token for length in range(1, len(text)) for token in self._ids.get(text[:length], ())]
        return shorter + self.beginning(text) if text else []

    def holding(self, characters: str) -> frozenset[int]:
        """Return the tokens that hold one of some characters, found once."""
        if characters not in self._holding:
            wanted = [character.encode() for character in characters]
            self._holding[characters] = frozenset(token for token, piece in enumerate(self.tokens) if any(one in piece for one in wanted))
        return self._holding[characters]

    @cached_property
    def _holding(self) -> dict[str, frozenset[int]]:
        return {}

    @cached_property
    def across(self) -> list[int]:
        """The tokens that hold a line break after their start: what bans say of their end depends on their beginning."""
        return [token for token, piece in enumerate(self.tokens) if piece.find(b"\n", 1) > 0]

    @cached_property
    def tokenizer(self) -> "LLTokenizer":
        """The vocabulary as llguidance holds it, made once.

        Raises:
            Unavailable: llguidance is not installed.
        """
        need("llguidance", extra="grammar")
        from llguidance import LLTokenizer

        return LLTokenizer(_Vocabulary(self), slices=[])  # type: ignore[arg-type] # duck-typed, as llguidance documents

    def text(self, tokens: Sequence[int]) -> str:
        """Return what the tokens write; half of a character is shown as U+FFFD, the end token is left out."""
        return self.join(tokens).decode("utf-8", "replace")

    def join(self, tokens: Sequence[int]) -> bytes:
        """Return what the tokens write, in bytes, special tokens by name and the end token left out."""
        return b"".join([self.tokens[token] for token in tokens if token != self.end])

    def spell(self, text: str, before: Sequence[int]) -> list[int]:
        """Return the canonical tokens of `text` after the tokens `before`.

        A tokenizer may spell a text otherwise after another: what stands before is spelled with it, if it comes back as it was;
        else `text` is spelled alone. The last tokens of `before` suffice: two lines of text, or 64 tokens.
        """
        window = self._window(before)
        whole = self.encode(self.text(window) + text)
        return whole[len(window) :] if whole[: len(window)] == list(window) else self.encode(text)

    def _window(self, before: Sequence[int]) -> Sequence[int]:
        """Cut `before` at the start of the line before the last: splits that look further back are unknown."""
        lines = 0
        for count in range(1, min(len(before), 64) + 1):
            lines += self.tokens[before[-count]].startswith(b"\n")
            if lines == 2:
                return before[-count:]
        return before if len(before) <= 64 else before[len(before) - 64 :]


class _Encoder:
    """Canonical token ids of a text, whatever a tokenizer puts before its first word."""

    def __init__(self, tokenizer: "Tokenizer", tokens: tuple[bytes, ...]) -> None:
        self._tokenizer, self._tokens = tokenizer, tokens
        self._bare = self._spells("a") and self._spells(" a")

    def __call__(self, text: str) -> list[int]:
        if self._bare:
            return list(self._tokenizer.encode(text, add_special_tokens=False).ids)
        found = list(self._tokenizer.encode(_SENTINEL + text, add_special_tokens=False).ids)
        place = next(place for place, token in enumerate(found) if self._tokens[token].endswith(_SENTINEL.encode()))
        return found[place + 1 :]

    def _spells(self, text: str) -> bool:
        found = self._tokenizer.encode(text, add_special_tokens=False).ids
        return b"".join(self._tokens[token] for token in found) == text.encode()


class _Vocabulary:
    """A vocabulary in the shape that LLTokenizer reads."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, pieces: Pieces) -> None:
        self.tokens, self.eos_token_id = list(pieces.tokens), pieces.end
        self.special_token_ids = sorted({*pieces.special.values(), pieces.end})
        self._encode = pieces.encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _speller(whole: dict[str, Any]) -> Callable[[str], bytes]:
    """Return how a vocabulary's entry becomes bytes, from the tokenizer's decoder."""
    kind = str((whole.get("model") or {}).get("type"))
    decoder = json.dumps(whole.get("decoder"))
    if kind == "BPE" and '"ByteLevel"' in decoder:
        table = _byte_level()
        return lambda text: bytes(table[character] for character in text) if all(c in table for c in text) else text.encode()
    if kind in ("BPE", "Unigram") and ("▁" in decoder or '"ByteFallback"' in decoder or '"Metaspace"' in decoder):
        return _sentence_piece
    raise UserError(
        "tokenizer", f"a {kind} model whose tokens do not spell the text byte for byte", "use a byte-level BPE or SentencePiece tokenizer"
    )


def _sentence_piece(text: str) -> bytes:
    byte = _BYTE.match(text)
    return bytes([int(byte[1], 16)]) if byte else text.replace("▁", " ").encode()


def _byte_level() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes: 188 stand for themselves, the rest follow from U+0100."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}
