"""Open words as pointers: a request is canonicalised, its open words get a pointer, an answer points instead of copying.

A small student's commonest fault is a mangled copy (`willow` → `wilbus`, ../shared/references/probes.md), because each
rare spelling must be copied piece by piece. Here every word that is not common English of the field becomes
its outline and a pointer (`nginx:1.27` → `‹image›⟨3⟩`), and the answer holds `⟨3⟩`. Copying is then one token, names of any
alphabet are copied exactly, and both texts are about a third shorter. Small numbers stay as they are, since they are
also reasoned about (`3 pm` → 15).
"""

import re
import shlex
from collections.abc import Iterator
from functools import cached_property
from threading import Lock

import snowballstemmer

from kubestill.ground.numerals import in_digits

MAX_SLOTS = 40
POINTERS: tuple[str, ...] = tuple(f"⟨{number}⟩" for number in range(1, MAX_SLOTS + 1))
POINTER = re.compile(r"⟨(\d{1,2})⟩")
MAX_QUOTED_WORDS, MAX_SAID_WORDS = 6, 40
MIN_FUZZY = 5  # shorter words have too many neighbours
MOST_FOUND = 65_536  # words of which a vocabulary keeps what they may mean
MIN_STEMMED = 4  # what is left of shorter ones is no stem
_STEMMER = snowballstemmer.stemmer("english")
_STEMMING = Lock()  # a stemmer keeps the word that it works on

# Bounded: `1,1,1,…` of any length is read in linear time. The last field does not end in what ends a clause: `at 0 2 * * *, please`.
_NAMED_FIELD = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)"  # `4 and set the env` is none
_CRON, _CRON_LAST = rf"(?:[\d*/,-]{{1,100}}|{_NAMED_FIELD})", rf"(?:[\d*/,-]{{0,99}}[\d*]|{_NAMED_FIELD})"
_SCHEDULE = re.compile(rf"[\d*][\d*/,-]{{0,99}}(?: {_CRON}){{3}} {_CRON_LAST}\Z")
# What stands between words or around them, and in no value of Kubernetes: quotation marks, dashes, dots, arrows, signs of more and less.
_SIGNS = "\u201c\u201d\u2018\u2019\u2013\u2014\u2026\u2190\u2192\u21d2\u00d7\u2248\u2264\u2265"
_TOKEN = re.compile(
    rf"""
      (?P<cron>(?<![\w*/])[\d*][\d*/,-]{{0,99}}(?:[ ]{_CRON}){{3}}[ ]{_CRON_LAST}(?![\w*/]))    # five cron fields in a row
    | (?P<bullet>(?m:^)[ \t]{{0,40}}(?:[*\#>•·+→»\u2013\u2014]+(?=[\w/])|-(?=\w\w)))    # a bullet that no space parts from its word
    | (?P<quoted>"[^"\n]{{1,200}}"|`[^`\n]{{1,200}}`|(?<!\w)'[^'\n]{{1,200}}'(?!\w))
    | (?P<space>\s+)
    | (?P<emphasis>\*{{2,3}}(?=\w)|(?<=\w)\*{{2,3}}(?![\w*/-]|\.\w))
    | (?P<word>(?:[^\s,;()\[\]{{}}"'`<>!?=|*{_SIGNS}-]|-(?!>)|\*(?!(?<=\w\*)\*+(?![\w*/-]|\.\w)))+(?:'(?=\w)[\w]+)?)
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
_SOURCE_PATH = re.compile(r"([^:]+):(/[^/:][^:]*)(?::(r[ow]))?\Z")  # what is mounted, and where: `pvc/x:/srv`, `conf:/etc/conf:ro`
_ADDRESS = re.compile(r"https?://((?:[\w-]+\.)+[a-z]+)(/[^:]*)?\Z")
_VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*):(.+)\Z")
_PATH_PORT = re.compile(r"(/[^:]*):(\d{1,5})\Z")
_PORT_PATH = re.compile(r":(\d{1,5})(/[^:]*)\Z")
_KEY_OF = re.compile(r"([a-z0-9-]+)\.(\w*[A-Z_]\w*)\Z")  # `config.LOG_LEVEL`: a key and what holds it
_PAIRS = (_HOST_PATH, _VARIABLE, _PATH_PORT, _PORT_PATH, _KEY_OF)
MAX_DEPTH = 2  # `secret:web:KEY` is taken apart into `secret` and `web:KEY`, and that once more
_SEPARATOR = re.compile("[:/]")
_PAIRED = re.compile(r"[^\s:=]+(?:: ?|=)\S+\Z")  # `key: value` in quotation marks
_ORDINALS = frozenset(("st", "nd", "rd", "th"))
_VERSION = re.compile(r"v?\d+\.|v\d")
# After these a plain English word is a name, too (`a job called tidy`), and pointed at: spelled, it is copied with faults.
_NAMING = frozenset(("called", "named", "name"))
_NAMING_GOES_ON = frozenset(("it", "is", "be", "as", "them"))
_NO_NAMES = frozenset(
    "a an and any at because by for from in into like must of on or our set should so that the their then this to we will with".split()
)
_EMPHASIS = re.compile(r"([*_]{1,3})(\w(?:.*\w)?)\1\Z")  # `*web*`, `__web__`
_SIGN = re.compile(r"([+&])")
_SUM = re.compile(r"\d{1,5}(?:[+&]\d{1,5})+\Z")  # `8080+9090`
_CLOCK = re.compile(r"\d{1,5}:\d{1,5}[a-z]*\Z")
_DECIMAL = re.compile(r"\d+(?:\.\d+)?\Z")
_HOUR = re.compile(r"([01]?\d|2[0-3])[hH]([0-5]\d)\Z")  # `13h04`
_TIMES = re.compile(r"([xX])([1-5]?\d)\Z")  # `x3`, and not `x86`
_UNIT = "(?:[kmgt]i?b?|m|megs?|gigs?|cores?|cpus?|ms|s|sec|secs|min|mins|h|hrs?|d|am|pm|%)"
_SPAN = re.compile(rf"(\d+(?:\.\d+)?{_UNIT}?)(?:-|\.\.)(\d+(?:\.\d+)?{_UNIT}?)\Z", re.IGNORECASE)  # `2-6`, `100m-500m`
_HALF_SPAN = re.compile(rf"({_UNIT})-(\d+(?:\.\d+)?{_UNIT}?)\Z", re.IGNORECASE)  # of `64 Mi-128 Mi` what no space parts
_JOINED = re.compile(r"[-_.]")
_DOMAINS = frozenset("com org net io dev app cloud local internal svc".split())  # last parts of hosts
_EDGE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_NUMERIC = frozenset("0123456789.")
_JOINTS = frozenset("/.")


# What an open word looks like: the first outline that fits. Each is one token, so that a word costs two.
_FORMS = (
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
OUTLINES: tuple[str, ...] = tuple(f"‹{name}›" for name, _ in _FORMS)
_OUTLINE = re.compile("|".join(f"({form})" for _, form in _FORMS))


def outline(word: str) -> str:
    """Return what an open word looks like: `‹image›`, `‹path›`, `‹name›`, a number by its length."""
    match = _OUTLINE.fullmatch(word[:200])  # some forms take quadratic time
    return OUTLINES[match.lastindex - 1] if match and match.lastindex else OUTLINES[-1]


class Vocabulary:
    """The words that are read as English, and the nearest of them to a misspelt one.

    Of the words in `said`, the known ones are English alone; the others are `namesakes`: English and, as often, what something is called.
    """

    def __init__(self, known: frozenset[str], namesakes: frozenset[str] = frozenset()) -> None:
        self.known, self.namesakes, self.said = known - namesakes, namesakes, known | namesakes
        self._longest = max(map(len, self.said), default=0)
        self.plain = frozenset(word for word in self.known if word.isalpha() and word.islower() and word not in _NAMING)
        self._near: dict[str, str] = {}
        self._found: dict[str, str] = {}  # what `near` has said
        self._ordered = sorted(self.said, key=lambda word: (len(word), word))
        for word in self._ordered:
            if len(word) >= MIN_FUZZY and word.isalpha():
                for cut in _cuts(word):
                    self._near.setdefault(cut, word)

    @cached_property
    def _stems(self) -> dict[str, str]:
        """The shortest known word of each stem; made when a word is first looked up by its stem, since stemming all takes a while."""
        stems: dict[str, str] = {}
        for word in self._ordered:
            if len(word) >= MIN_STEMMED and word.isalpha():
                stems.setdefault(_stem(word), word)
        return stems

    def near(self, word: str) -> str:
        """Return what a word that is not known may mean, or an empty string; looked up once a word."""
        found = self._found.get(word)
        if found is None:
            if len(self._found) >= MOST_FOUND:
                self._found.clear()
            found = self._found[word] = self._looked_up(word)
        return found

    def _looked_up(self, word: str) -> str:
        """Return what a word that is not known may mean, or an empty string.

        That is itself where it is a namesake or only its capitals are strange, its parts around hyphens, dots and underscores where all are
        known (`container.image`, but no host), a known word one slip away (a letter more, less, other or swapped), or one of the same stem
        (`recreating` → `recreate`).
        """
        if word in self.said:
            return word
        if "-" in word or "_" in word or "." in word:
            parts = _JOINED.split(word)
            return " ".join(parts) if self.said.issuperset(parts) and parts[-1] not in _DOMAINS else ""
        if len(word) > self._longest + 1 or not word.isalpha():
            return ""
        slip = next((self._near[cut] for cut in _cuts(word) if cut in self._near), "") if len(word) >= MIN_FUZZY else ""
        return slip or (self._stems.get(_stem(word), "") if len(word) >= MIN_STEMMED else "")


def _stem(word: str) -> str:
    with _STEMMING:
        found: str = _STEMMER.stemWord(word)
    return found


def _cuts(word: str) -> list[str]:
    """Return the word and every form of it with one letter left out: equal cuts mean one slip (SymSpell's trick)."""
    return [word, *(word[:place] + word[place + 1 :] for place in range(1, len(word)))]


class Marker:
    """Walks one request and hands out slots, in the order of mention; equal words share one."""

    def __init__(self, vocabulary: Vocabulary, hidden: frozenset[str] = frozenset()) -> None:
        self.vocabulary, self.known, self.hidden = vocabulary, vocabulary.known, hidden
        self.slots: dict[str, int] = {}
        self.shown, self.called = set[str](), set[str]()  # namesakes as they stand, and what stands behind `called`
        self.shouts = False  # all in capitals: then they tell nothing

    def text(self, request: str) -> str:
        """Return the canonical text of the request."""
        self.shouts = request.isupper()
        return "".join(self._pieces(in_digits(request, self.vocabulary.said))).replace(" ‹", "‹").strip()

    def _pieces(self, request: str) -> Iterator[str]:
        naming = False
        for match in _TOKEN.finditer(request):
            name, text = match.lastgroup, match.group()
            if name == "space":
                yield "\n" if "\n" in text else " "
                continue
            if text in self.vocabulary.plain and not naming and text not in self.hidden:  # most words: nothing else is looked at
                yield text
                continue
            if name == "word" and naming and text.lower() not in _NAMING_GOES_ON:
                naming = False
                body = text.rstrip(_TRAILING)
                self.called.add(body)
                if body and self._plain(body) and body.islower() and body not in _NO_NAMES:
                    yield self.point(body) + text[len(body) :]
                    continue
            if name == "word":
                naming = naming or text.rstrip(":").lower() in _NAMING
            elif text not in ":=":
                naming = False
            if name == "bullet":
                yield text.strip() + " "
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
            self.slots[word] = len(self.slots)
        return f"{outline(word)}{POINTERS[self.slots[word]]}"

    def quoted(self, text: str) -> str:
        """Return what stands in quotation marks as one slot; a short phrase also word by word, as commands need it, a long one as it reads.

        A long one may be a text that is asked for, or what somebody said.
        """
        if _PAIRED.match(text):
            return "".join(self._pieces(text))
        whole, words = self.point(text), [] if _SCHEDULE.match(text) else _split(text)
        if len(words) > MAX_QUOTED_WORDS:
            read = len(words) <= MAX_SAID_WORDS and len(self.slots) <= MAX_SLOTS // 2  # or the rest of the request may find no slot free
            return f"{whole}({''.join(self._pieces(text))})" if read else whole
        if len(words) < 2:
            return whole
        return f"{whole}({''.join(self.point(word) for word in words)})"

    def word(self, word: str, depth: int = 0) -> str:
        """Return a word of the request as the student reads it; `depth` counts the compounds that it is a part of."""
        body = word.rstrip(_TRAILING)
        tail = word[len(body) :]
        if not _ALNUM.search(body):
            return word
        if self._reads(body):
            return body.lower() + tail
        if number := _NUMBER.match(body):
            return self._number(number[1], number[2]) + tail
        if depth < MAX_DEPTH and (emphasis := _EMPHASIS.match(body)):  # or else a glob, so the whole is there, too
            return f"{self.point(body)}({self.word(emphasis[2], depth + 1)}){tail}"
        if body[0] in ":~" and _DECIMAL.match(body[1:]):  # `on :8080`, `~3 replicas`
            return body[0] + self.word(body[1:]) + tail
        if _SUM.match(body):
            return "".join(self.word(part) if part.isdigit() else part for part in _SIGN.split(body)) + tail
        if _CLOCK.match(body):
            return ":".join(self.word(part) for part in body.split(":")) + tail
        if _CAMEL.match(body):
            humps = [hump.lower() for hump in _HUMPS.findall(body)]
            if self.vocabulary.said.issuperset(humps):
                return " ".join(humps) + tail
        if body.endswith("'s"):
            return self.word(body[:-2]) + "'s" + tail
        if "/" in body and all(map(self._plain, body.split("/"))):
            return body.lower() + tail
        pointed = self.point(body)
        if depth < MAX_DEPTH and (parts := self._parts(body)):
            below = depth + 1 if self._plain(parts[0]) else MAX_DEPTH  # only what follows a plain word may be a compound, too
            return f"{pointed}({' '.join(self.word(part, below) for part in parts)}){tail}"
        near = "" if body.lower() in self.hidden else self.vocabulary.near(body.lower())
        if near == body and near in self.vocabulary.namesakes:
            self.shown.add(body)
        return f"{pointed} ~ {near}{tail}" if near and body in self.slots else pointed + tail

    def _reads(self, word: str) -> bool:
        """Say whether a word is read as English. One in capitals is a value (`SMTP`) unless it is known in capitals (`CPU`)."""
        return (
            word.lower() in self.known
            and word.lower() not in self.hidden
            and (self.shouts or len(word) == 1 or not word.isupper() or word in self.known)
        )

    def _parts(self, body: str) -> list[str]:
        """Return the things that a compound may name (`deployment/willow`, `api:8080`, `shop.io/cart`), or nothing.

        The same form may also be one thing (`library/willow`): the student sees the whole and its parts, and chooses.
        """
        if match := next(filter(None, (pattern.match(body) for pattern in _PAIRS)), None):
            return [match[1], match[2]]
        if amounts := _amounts(body):
            return amounts
        if match := _ADDRESS.match(body):
            return [match[1], *filter(None, [match[2]])]
        head, _, rest = body.partition(":")
        match = _SOURCE_PATH.match(body)
        if rest and self._plain(head) and not (match and match[3]):
            return [head, rest]
        if match:
            return [*(match[1].split("/") if self._plain(match[1].split("/")[0]) else [match[1]]), *filter(None, match.groups()[1:])]
        if set(body) & set("@$*"):
            return []
        parts = _SEPARATOR.split(body)
        if len(parts) > 2 or any(map(_VERSION.match, parts[1:])):  # an image, unless it begins as `secret/` does
            return parts if len(parts) == 3 and all(parts) and self._plain(parts[0]) else []
        return parts if len(parts) == 2 and all(parts) and "." not in parts[0] else []

    def _plain(self, part: str) -> bool:
        return part.lower() in self.known and part.isalpha()

    def _number(self, digits: str, unit: str) -> str:
        if unit and unit.lower() not in self.vocabulary.said and unit.lower() not in _ORDINALS and unit != "%":
            return self.point(digits + unit)
        head = digits if len(digits) <= 2 or (len(digits) <= 4 and "." in digits) else self.point(digits)
        return head + (" " + unit.lower() if unit else "")


def _amounts(body: str) -> list[str]:
    """Return the numbers of a span, of an hour or of a count that is written as one word, or nothing."""
    if match := _HOUR.match(body):
        return [f"{match[1]}:{match[2]}"]
    if match := _TIMES.match(body):
        return [match[1], match[2]]
    match = _SPAN.match(body) or _HALF_SPAN.match(body)
    return [match[1], "-", match[2]] if match else []


def _split(text: str) -> list[str]:
    """Return the words of a quoted phrase as a shell would, or at its spaces where its quotation marks do not match; none is empty."""
    try:
        return list(filter(None, shlex.split(text)))
    except ValueError:
        return text.split()


def mark(request: str, vocabulary: Vocabulary, hidden: frozenset[str] = frozenset()) -> tuple[str, dict[str, int], frozenset[str]]:
    """Return the canonical request, its slots (word → pointer index, counted from 0), and those that may be no more than an English word.

    `hidden` words count as unknown.
    """
    marker = Marker(vocabulary, hidden)
    return marker.text(request), marker.slots, frozenset(marker.shown - marker.called)


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
    """Say whether the word at `start` touches no other; a number may be followed by its unit, plain letters by no slash or dot."""
    before, after = answer[start - 1 : start] if start else "", answer[start + len(word) : start + len(word) + 1]
    if _DECIMAL.match(word):
        return not (before in _EDGE or before == ".") and not (after in _NUMERIC or after == "_")
    slashed = word.isalpha()
    touches_left = word[0] in _EDGE and (before in _EDGE or (slashed and before in _JOINTS))
    return not touches_left and not (word[-1] in _EDGE and (after in _EDGE or (slashed and after in _JOINTS)))


def resolve(text: str, slots: dict[str, int]) -> str:
    """Put the words back; a pointer that the request never gave stays, and the checks will find it."""
    words = {index: word for word, index in slots.items()}
    return POINTER.sub(lambda match: words.get(int(match[1]) - 1, match[0]), text)
