"""Open words as pointers: a request is canonicalised, its open words get a pointer, an answer points instead of copying.

A small student's commonest fault is a mangled copy (`willow` → `wilbus`, ../shared/references/probes.md), because each
rare spelling must be copied piece by piece. Here every word that is not common English of the field becomes
its outline and a pointer (`nginx:1.27` → `‹image›⟨3⟩`), and the answer holds `⟨3⟩`. Copying is then one token, names of any
alphabet are copied exactly, and both texts are about a third shorter. Small numbers stay as they are, since they are
also reasoned about (`3 pm` → 15).
"""

import re
from collections.abc import Iterator

MAX_SLOTS = 40
POINTERS: tuple[str, ...] = tuple(f"⟨{number}⟩" for number in range(1, MAX_SLOTS + 1))
POINTER = re.compile(r"⟨(\d{1,2})⟩")
MAX_QUOTED_WORDS = 6
MIN_FUZZY = 5  # shorter words have too many neighbours

_CRON = r"(?:[\d*/,-]{1,100}|[A-Za-z]{3})"  # bounded: `1,1,1,…` of any length is read in linear time
_TOKEN = re.compile(
    rf"""
      (?P<cron>(?<![\w*/])[\d*][\d*/,-]{{0,99}}(?:[ ]{_CRON}){{4}}(?![\w*/]))    # five cron fields in a row
    | (?P<quoted>"[^"\n]{{1,200}}"|`[^`\n]{{1,200}}`|(?<!\w)'[^'\n]{{1,200}}'(?!\w))
    | (?P<space>\s+)
    | (?P<word>[^\s,;()\[\]{{}}"'`<>!?=|\u201c\u201d\u2018\u2019]+(?:'(?=\w)[\w]+)?)
    | (?P<mark>.)
    """,
    re.VERBOSE,
)
_TRAILING = ".:"
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([A-Za-zµ%]*)\Z")
_CAMEL = re.compile(r"[A-Za-z][a-z]+(?:[A-Z][a-z]+)+\Z")
_HUMPS = re.compile(r"[A-Z]?[a-z]+")
_ALNUM = re.compile(r"\w")
_HOST_PATH = re.compile(r"((?:[\w-]+\.)+[a-z]+)(/[^:]*)\Z")
_VERSION = re.compile(r"v?\d+\.|v\d")
_CLOCK = re.compile(r"\d{1,5}:\d{1,5}[a-z]*\Z")
_DECIMAL = re.compile(r"\d+(?:\.\d+)?\Z")
_EDGE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_NUMERIC = frozenset("0123456789.")


# What an open word looks like: the first outline that fits. Each is one token, so that a word costs two.
_OUTLINES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (f"‹{name}›", re.compile(pattern))
    for name, pattern in (
        ("#3", r"\d{3}"),
        ("#4", r"\d{4}"),
        ("#5", r"\d{5,}"),
        ("#", r"\d+(?:\.\d+)?"),
        ("url", r"[a-z][a-z0-9+]*://.*"),
        ("net", r"\d+\.\d+\.\d+\.\d+(?:/\d+)?|[0-9a-f:]*::[0-9a-f:/]*"),
        ("cron", r"[\d*][\d*/,-]*(?: \S+){4}"),
        ("text", r".*\s.*"),
        ("path", r"/.*"),
        ("flag", r"-.+"),
        ("mail", r"[^@]+@[^@]+"),
        ("VAR", r"[A-Z][A-Z0-9_]*"),
        ("word", r"[A-Za-z][a-z]*"),
        ("image", r"[a-z0-9./_-]+:[\w.-]+|[a-z0-9.-]+\.[a-z0-9.-]+/.+|[a-z0-9_-]+/[a-z0-9_-]+/.+"),
        ("pair", r"[^/]+/[^/]+"),
        ("host", r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+"),
        ("name", r"[a-z0-9]+(?:-[a-z0-9]+)*"),
        ("other", r".*"),
    )
)
OUTLINES: tuple[str, ...] = tuple(outline for outline, _ in _OUTLINES)


def outline(word: str) -> str:
    """Return what an open word looks like: `‹image›`, `‹path›`, `‹name›`, a number by its length."""
    return next(name for name, pattern in _OUTLINES if pattern.fullmatch(word[:200]))  # some patterns take quadratic time


class Vocabulary:
    """The words that are read as English, and the nearest of them to a misspelt one."""

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known
        self._longest = max(map(len, known), default=0)
        self._near: dict[str, str] = {}
        for word in sorted(known):
            if len(word) >= MIN_FUZZY and word.isalpha():
                for cut in _cuts(word):
                    self._near.setdefault(cut, word)

    def near(self, word: str) -> str:
        """Return a known word one slip away (a letter more, less, other or swapped), or an empty string."""
        if not MIN_FUZZY <= len(word) <= self._longest + 1 or not word.isalpha():
            return ""
        return next((self._near[cut] for cut in _cuts(word) if cut in self._near), "")


def _cuts(word: str) -> list[str]:
    """Return the word and every form of it with one letter left out: equal cuts mean one slip (SymSpell's trick)."""
    return [word, *(word[:place] + word[place + 1 :] for place in range(1, len(word)))]


class Marker:
    """Walks one request and hands out slots; equal words share one."""

    def __init__(self, vocabulary: Vocabulary, first: int) -> None:
        self.vocabulary, self.known, self.first = vocabulary, vocabulary.known, first
        self.slots: dict[str, int] = {}

    def text(self, request: str) -> str:
        """Return the canonical text of the request."""
        return "".join(self._pieces(request)).replace(" ‹", "‹").strip()

    def _pieces(self, request: str) -> Iterator[str]:
        for match in _TOKEN.finditer(request):
            name, text = match.lastgroup, match.group()
            if name == "space":
                yield "\n" if "\n" in text else " "
            elif name == "cron":
                yield self.point(text)
            elif name == "quoted":
                yield self.quoted(text[1:-1])
            elif name == "word":
                yield self.word(text)
            else:
                yield text

    def point(self, word: str) -> str:
        """Return outline and pointer of an open word; past the last slot the word is spelled."""
        if word not in self.slots:
            if len(self.slots) >= MAX_SLOTS:
                return word
            self.slots[word] = (self.first + len(self.slots)) % MAX_SLOTS
        return f"{outline(word)}{POINTERS[self.slots[word]]}"

    def quoted(self, text: str) -> str:
        """Return what stands in quotation marks as one slot; a short phrase also word by word, as commands need it."""
        whole, words = self.point(text), text.split()
        if not 1 < len(words) <= MAX_QUOTED_WORDS:
            return whole
        return f"{whole}({''.join(self.point(word) for word in words)})"

    def word(self, word: str) -> str:
        """Return a word of the request as the student reads it."""
        body = word.rstrip(_TRAILING)
        tail = word[len(body) :]
        if not _ALNUM.search(body):
            return word
        if body.lower() in self.known:
            return body.lower() + tail
        if number := _NUMBER.match(body):
            return self._number(number[1], number[2]) + tail
        if _CLOCK.match(body):
            return ":".join(self.word(part) for part in body.split(":")) + tail
        if _CAMEL.match(body):
            humps = [hump.lower() for hump in _HUMPS.findall(body)]
            if all(hump in self.known for hump in humps):
                return " ".join(humps) + tail
        if body.endswith("'s"):
            return self.word(body[:-2]) + "'s" + tail
        parts = body.split("/")
        if len(parts) > 1 and all(map(self._plain, parts)):
            return "/".join(parts).lower() + tail
        pointed = self.point(body)
        if pieces := _pieces(body):
            return f"{pointed}({' '.join(self.word(piece) for piece in pieces)}){tail}"
        near = self.vocabulary.near(body.lower())
        return f"{pointed} ~ {near}{tail}" if near else pointed + tail

    def _plain(self, part: str) -> bool:
        return part.lower() in self.known and part.isalpha()

    def _number(self, digits: str, unit: str) -> str:
        if unit and unit.lower() not in self.known and unit != "%":
            return self.point(digits + unit)
        head = digits if len(digits) <= 2 or (len(digits) <= 4 and "." in digits) else self.point(digits)
        return head + (" " + unit.lower() if unit else "")


def _pieces(body: str) -> list[str]:
    """Return the two things that a compound may name (`deployment/willow`, `api:8080`, `shop.io/cart`), or nothing.

    The same form may also be one thing (`library/willow`): the student sees the whole and its parts, and chooses.
    """
    if match := _HOST_PATH.match(body):
        return [match[1], match[2]]
    for mark in ":/":
        parts = body.split(mark)
        if (
            len(parts) == 2
            and all(parts)
            and parts[1][0] != "/"
            and not _VERSION.match(parts[1])
            and not set(body) & set("@$*")
            and "." not in parts[0]
        ):
            return parts
    return []


def mark(request: str, vocabulary: Vocabulary, first: int = 0) -> tuple[str, dict[str, int]]:
    """Return the canonical request and its slots (word → pointer index, counted from 0, starting at `first`)."""
    marker = Marker(vocabulary, first)
    return marker.text(request), marker.slots


def point(answer: str, slots: dict[str, int]) -> str:
    """Replace every whole occurrence of a slot's word in `answer` by its pointer, the leftmost and longest first."""
    found = []
    for rank, word in enumerate(sorted(slots, key=len, reverse=True)):
        start = answer.find(word)
        while start >= 0:
            if _stands_alone(answer, start, word):
                found.append((start, rank, word))
            start = answer.find(word, start + 1)
    pieces, end = [], 0
    for start, _, word in sorted(found):
        if start >= end:
            pieces += [answer[end:start], POINTERS[slots[word]]]
            end = start + len(word)
    return "".join([*pieces, answer[end:]])


def _stands_alone(answer: str, start: int, word: str) -> bool:
    """Say whether the word at `start` touches no other; a number may be followed by its unit, plain letters not by a slash."""
    before, after = answer[start - 1 : start] if start else "", answer[start + len(word) : start + len(word) + 1]
    if _DECIMAL.match(word):
        return not (before in _EDGE or before == ".") and not (after in _NUMERIC or after == "_")
    slashed = word.isalpha()
    touches_left = word[0] in _EDGE and (before in _EDGE or (slashed and before == "/"))
    return not touches_left and not (word[-1] in _EDGE and (after in _EDGE or (slashed and after == "/")))


def resolve(text: str, slots: dict[str, int]) -> str:
    """Put the words back; a pointer that the request never gave stays, and the checks will find it."""
    words = {index: word for word, index in slots.items()}
    return POINTER.sub(lambda match: words.get(int(match[1]) - 1, match[0]), text)
