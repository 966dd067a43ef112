"""Odd vocabularies and random languages, each with a second way to say what it is."""

import random
import re
from dataclasses import dataclass
from functools import cache

from kubestill.tools.grammar.pieces import Pieces

ALPHABET = 'ab1:- \n"é⟨語'
SPECIAL = ("<|end|>", "<|answer|>")


def vocabulary(rng: random.Random, size: int, texts: tuple[str, ...] = (ALPHABET,)) -> Pieces:
    """All bytes, special tokens, an empty one, a duplicate, and random merges of bytes: of the alphabet's characters and across them."""
    tokens = [bytes([byte]) for byte in range(256)]
    special = {name: len(tokens) + place for place, name in enumerate(SPECIAL)}
    tokens += [b"", b"", b"", b"ab"]
    source = b"".join(text.encode() for text in texts)
    fresh = [source[place : place + 1] for place in range(len(source))]
    while len(tokens) < size:
        merged = rng.choice(fresh) + rng.choice(fresh)
        tokens.append(merged)
        if len(merged) <= 6:
            fresh.append(merged)
    by_bytes = {piece: token for token, piece in enumerate(tokens) if piece}
    assert all(len(piece) <= 12 for piece in by_bytes)
    return Pieces.of_tokens(tokens, special, special["<|end|>"], lambda text: longest_first(text.encode(), by_bytes))


def longest_first(text: bytes, by_bytes: dict[bytes, int]) -> list[int]:
    """Spell a text by its longest token first."""
    found, place = [], 0
    while place < len(text):
        size = next(size for size in range(12, 0, -1) if text[place : place + size] in by_bytes)
        found.append(by_bytes[text[place : place + size]])
        place += size
    return found


@cache
def spellings(pieces: Pieces) -> dict[bytes, list[int]]:
    """Return the tokens that write the same bytes."""
    found: dict[bytes, list[int]] = {}
    special = {*pieces.special.values()}
    for token, piece in enumerate(pieces.tokens):
        if piece and token not in special:
            found.setdefault(piece, []).append(token)
    return found


def any_spelling(rng: random.Random, text: str, pieces: Pieces) -> list[int]:
    """Spell a text by tokens drawn at random."""
    by_bytes = spellings(pieces)
    data, found, place = text.encode(), [], 0
    while place < len(data):
        sizes = [size for size in range(1, min(12, len(data) - place) + 1) if data[place : place + size] in by_bytes]
        piece = data[place : place + rng.choice(sizes)]
        found.append(rng.choice(by_bytes[piece]))
        place += len(piece)
    return found


@dataclass(frozen=True)
class Language:
    """A random regular language: its pattern, in the words that llguidance and Python's `re` share, and texts of it."""

    pattern: str
    texts: tuple[str, ...]

    def holds(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text, re.DOTALL) is not None


def language(rng: random.Random) -> Language:
    tree = _tree(rng, 3)
    return Language(_pattern(tree), tuple(_text(rng, tree) for _ in range(4)))


def _tree(rng: random.Random, depth: int):
    kind = rng.choice(["text", "set", "not"] if depth == 0 else ["text", "set", "all", "any", "many", "all"])
    if kind == "text":
        return ("text", "".join(rng.choices(ALPHABET, k=rng.randint(1, 4))))
    if kind in ("set", "not"):
        return (kind, tuple(sorted(set(rng.choices(ALPHABET, k=rng.randint(1, 4))))))
    if kind == "many":
        least = rng.randint(0, 2)
        return ("many", _tree(rng, depth - 1), least, least + rng.randint(0, 3))
    return (kind, [_tree(rng, depth - 1) for _ in range(rng.randint(2, 3))])


def _pattern(tree) -> str:
    kind = tree[0]
    if kind == "text":
        return "".join(map(_escaped, tree[1]))
    if kind in ("set", "not"):
        return f"[{'^' if kind == 'not' else ''}{''.join(map(_escaped, tree[1]))}]"
    if kind == "many":
        return f"({_pattern(tree[1])}){{{tree[2]},{tree[3]}}}"
    return "(" + ("" if kind == "all" else "|").join(map(_pattern, tree[1])) + ")"


def _escaped(character: str) -> str:
    return {"\n": "\\n", "-": "\\-"}.get(character, character)


def _text(rng: random.Random, tree) -> str:
    kind = tree[0]
    if kind == "text":
        return tree[1]
    if kind == "set":
        return rng.choice(tree[1])
    if kind == "not":
        return rng.choice([c for c in ALPHABET + "zß\U0001f600" if c not in tree[1]])
    if kind == "many":
        return "".join(_text(rng, tree[1]) for _ in range(rng.randint(tree[2], tree[3])))
    if kind == "any":
        return _text(rng, rng.choice(tree[1]))
    return "".join(_text(rng, part) for part in tree[1])
