"""When two samples are too much alike. Everything here looks at text alone, so that it serves every skill.

Open words are those that stand in the request and in the answer: names, images, numbers that a student copies. What stays of a
sample without them is its template. What an answer is built of, in whatever order (the paths of the keys of a manifest, a command
with the names of its flags, the words that are not copied), is its shape.
"""

import re
from collections.abc import Iterable, Sequence, Set
from hashlib import blake2b

GRAM_WORDS = 13  # the run of words that counts as contamination: Brown et al. 2020, "Language Models are Few-Shot Learners", appendix C
SHINGLE_WORDS = 5  # the runs of words by which two requests are compared
WORD = re.compile(r"[^\s\"'`,;:=()\[\]{}]+")
DIGITS = re.compile(r"[0-9]+")
COPIED = "•"

Gram = tuple[str, ...]


def exact_key(text: str) -> int:
    """Return a 64-bit key of a text as it stands, but for white space at its ends."""
    return int.from_bytes(blake2b(text.strip().encode(), digest_size=8).digest(), "big")


def text_key(text: str) -> int:
    """Return a key that case and spacing do not change."""
    return exact_key(" ".join(text.lower().split()))


def skeleton_key(request: str, answer: str) -> int:
    """Return a key of what stays of a sample without its open words; two samples with one skeleton differ in nothing else."""
    return keys(request, answer)[0]


def keys(request: str, answer: str) -> tuple[int, int]:
    """Return the keys of a sample's template (request and shape of the answer) and of the shape alone."""
    asked = WORD.findall(request)
    copied = set(asked).intersection(WORD.findall(answer))
    bare = DIGITS.sub("0", " ".join(COPIED if word in copied else word for word in asked)).lower()
    built = shape(answer, copied)
    return exact_key(f"{bare}\x1f{built}"), exact_key(built)


def shape(answer: str, copied: Set[str]) -> str:
    """Return what an answer is built of: each line as the path of its key and the words that are not copied, each once, sorted."""
    open_keys: list[tuple[int, str]] = []
    lines: list[str] = []
    for line in answer.splitlines():
        said = line.lstrip(" ")
        while said.startswith("- "):
            said = said[2:].lstrip(" ")
        indent = len(line) - len(said)
        while open_keys and open_keys[-1][0] >= indent:
            open_keys.pop()
        path = open_keys[-1][1] if open_keys else ""
        key, colon, rest = said.partition(":")
        if colon and " " not in key and (not rest or rest[0] == " "):
            path = f"{path}.{COPIED if key in copied and not key.isalpha() else key}"  # a plain word is of the form, not of the request
            open_keys.append((indent, path))
            said = rest.strip()
        lines.append(f"{path} {_bare(said, copied)}" if said else path)
    return "\n".join(sorted(set(DIGITS.sub("0", "\n".join(lines)).lower().split("\n"))))


def _bare(said: str, copied: Set[str]) -> str:
    """Return the words of a line without what is copied, then the names of its flags in the order of names."""
    if said in copied:
        return COPIED
    if said.isalnum():  # half of all lines: no need to look for words
        return said
    words = WORD.findall(said)
    flags = sorted({word for word in words if word[0] == "-" and len(word) > 1})
    return " ".join([COPIED if word in copied else word for word in words if word[0] != "-"] + flags)


def grams(words: Sequence[str]) -> Iterable[Gram]:
    """Return the runs of 13 words; of fewer words there is none."""
    return zip(*(words[offset:] for offset in range(GRAM_WORDS)), strict=False)


def shingles(words: Sequence[str]) -> list[Gram]:
    """Return the runs of five words, or all of them where there are fewer."""
    if len(words) <= SHINGLE_WORDS:
        return [tuple(words)]
    return list(zip(*(words[offset:] for offset in range(SHINGLE_WORDS)), strict=False))
