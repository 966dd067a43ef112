"""Cheap features of a document: what can be counted in its text without knowing what it means. A few hundred microseconds each.

Structured text (YAML) and Markdown have one vector; a feature of the one is zero in the other.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from kubestill.stages.corpus.prose import english_share, without_code, words

MOST_CHARACTERS = 40_000  # of a text are looked at: what is longer differs in nothing that counts
_KEY = re.compile(r"^( *)(?:- +)*([\w./-]+):(?: |$)", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*#.*\w", re.MULTILINE)
_ANNOTATION = re.compile(r"^ +[\w-]+(?:\.[\w-]+)+/[\w.-]+:", re.MULTILINE)
_BLOB = re.compile(r"[A-Za-z0-9+/=_-]{60,}")
_HASH = re.compile(
    r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b|-(?=[a-z0-9]*[0-9])(?=[a-z0-9]*[a-z])[bcdfghjklmnpqrstvwxz2456789]{5,10}\b"
)
_PLACEHOLDER = re.compile(
    r"<[a-zA-Z][\w -]*>|\b(?:foo|bar|baz|qux|foobar|todo|tbd|fixme|changeme|change-me|replace-?me|x{3,}|dummy|lorem|asdf)\b|\$\{?\w+\}?",
    re.IGNORECASE,
)
_GENERATED = re.compile(r"auto-?generated|generated (?:by|from|with)|do not edit|code generated|last-applied-configuration", re.IGNORECASE)
_STORED = re.compile(r"^ +(?:resourceVersion|uid|creationTimestamp|selfLink|managedFields|generation):", re.MULTILINE)
_TEST_PLACE = re.compile(
    r"(?:^|[/_.-])(?:tests?|testdata|e2e|fixtures?|mocks?|golden|snapshots?|conformance|chainsaw|kuttl|fuzz)(?:[/_.-]|$)", re.IGNORECASE
)
_REASON = re.compile(
    r"\b(?:because|so that|in order to|therefore|otherwise|instead|unless|means that|this (?:lets|allows|makes|ensures)|prevents?)\b", re.I
)
_STEP = re.compile(r"^[ \t]*(?:[0-9]+[.)]|[-*]) +\w|^[ \t]*\$ \w", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_SENTENCE = re.compile(r"[.!?](?:\s|$)")


@dataclass(frozen=True, slots=True)
class Features:
    """What is counted. Shares are of lines unless told otherwise."""

    characters: int
    lines: int
    longest_line: int
    prose: float  # 1 for Markdown, 0 for structured text
    depth: int  # of nesting, in levels
    keys: int  # distinct ones
    key_repetition: float  # keys a distinct key
    comments: float
    annotations: float
    blobs: float  # share of the characters in runs that no person types
    hashes: int  # names that a program gave
    placeholders: float
    stored: int  # fields that only a server writes
    generated: float  # 1 where the text says that a program wrote it
    test: float  # 1 where it lies among tests
    packed: float  # bytes after compression a byte
    words: int
    english: float  # share of the words
    code: float  # share of the characters that is code
    reasons: float  # words that give one, a hundred words
    steps: float
    headings: int
    sentence_words: float  # words a sentence
    kind_share: float  # of the documents of its form that are of its kind


def features(text: str, path: str, prose: bool, kind_share: float) -> Features:
    """Count what can be counted in a text; `path` is where it was found."""
    text = text[:MOST_CHARACTERS]
    lines = text.splitlines() or [""]
    data = text.encode("utf-8", "replace")
    keys = [] if prose else _KEY.findall(text)
    bare = without_code(text) if prose else "\n".join(_COMMENT.findall(text))
    found = words(bare)
    share = len(lines)
    return Features(
        characters=len(text),
        lines=len(lines),
        longest_line=max(map(len, lines)),
        prose=float(prose),
        depth=max((len(indent) // 2 + 1 for indent, _ in keys), default=0),
        keys=len({key for _, key in keys}),
        key_repetition=len(keys) / len({key for _, key in keys}) if keys else 0.0,
        comments=0.0 if prose else len(_COMMENT.findall(text)) / share,
        annotations=0.0 if prose else len(_ANNOTATION.findall(text)) / share,
        blobs=sum(map(len, _BLOB.findall(text))) / max(1, len(text)),
        hashes=len(_HASH.findall(text)),
        placeholders=len(_PLACEHOLDER.findall(text)) / share,
        stored=0 if prose else len(_STORED.findall(text)),
        generated=float(_GENERATED.search(text) is not None),
        test=float(_TEST_PLACE.search(path) is not None),
        packed=len(zlib.compress(data, 1)) / max(1, len(data)),
        words=len(found),
        english=english_share(found),
        code=1 - len(bare) / max(1, len(text)) if prose else 0.0,
        reasons=100 * len(_REASON.findall(bare)) / max(1, len(found)),
        steps=len(_STEP.findall(text)) / share if prose else 0.0,
        headings=len(_HEADING.findall(bare)) if prose else 0,
        sentence_words=len(found) / max(1, len(_SENTENCE.findall(bare))),
        kind_share=kind_share,
    )


NAMES: Sequence[str] = Features.__slots__
