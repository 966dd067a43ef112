"""Every number that a text may say, in whatever form: what is not among them, nobody said.

Generous on purpose: `half a gig`, `1.5 minutes`, `2-6`, `1/4`, `1,500`, `twice the 250m`, `one and three quarters` are read; a number too
many costs little, a number too few calls a right answer an invention. Takes time linear in the text.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from kubestill.ground.numerals import NUMBERS, SCALES, in_digits

MAX_CHARS, MAX_NUMBERS = 20_000, 120  # of a text; of the numbers that are multiplied
_DIGITS = re.compile(r"(?<!\d)(?:\d{1,15}(?:[.,]\d{1,15}){0,4}|\.\d{1,15})(?!\d)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+\Z")
_BLANKS = re.compile(r"(?<![\w.])\d{1,3}(?: \d{3}){1,4}(?!\w|\.\d)")  # `900 000`
_HOURS = re.compile(r"(?<!\d)(\d{1,2})h(\d{2})(?![\dm])")  # `2h15`
_SHARE = re.compile(r"(?<![\d.])(\d{1,6}) ?[/\u2044] ?(\d{1,6})(?![\d.])")
_SPAN = re.compile(r"(?<![\d.])(\d{1,6}) ?(?:-|\.\.|\u2013|to|through|until) ?(\d{1,6})(?![\d.])")
_SCALED = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(k|m|million|thousand|e(\d))\b")
_WORD = re.compile(r"[a-z]+")
_COUNTED = {
    **SCALES,
    **{"once": 1, "twice": 2, "double": 2, "doubled": 2, "thrice": 3, "triple": 3, "quadruple": 4, "couple": 2, "pair": 2, "brace": 2},
    **{"both": 2, "dual": 2, "twin": 2, "duo": 2, "trio": 3, "quad": 4, "quartet": 4, "million": 1_000_000},
}
_PARTS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_MOST_PARTS = 9  # `nine tenths`
_UNITS = "gig|gb|gi|meg|mb|mi|mebi|tera|tebi|tb|ti|kilo|kb|ki|core|cpu|vcpu|sec|min|hour|hr|day|week|fortnight|month|year"
_ONE = re.compile(
    rf"\b(?:an?|one|single|full|whole|per|each|every|another|of) ?(?:full |whole |single |extra )?(?:{_UNITS})"
    r"|(?<![\w.])1 ?[a-z]|\b(?:hour|dai|week)ly\b"
)
_TIMES = tuple(map(Fraction, (1, 60, 3600, 86_400, 604_800, 2_592_000, 31_536_000)))  # seconds of a second to a year
_TIME_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
_SMALL = 60  # more minutes are an hour
_WIDEST = 20  # of a span that is counted out: `8080-8082`


@dataclass(frozen=True)
class Amounts:
    """The numbers of a text. `one_unit`: somebody says one of a unit (`a gig`, `per hour`), which a bare `a` does not."""

    numbers: frozenset[Fraction]
    one_unit: bool
    spoken_times: frozenset[int]  # seconds of the units of time that the text says

    @cached_property
    def _small(self) -> tuple[Fraction, ...]:
        return tuple(number for number in self.numbers if 0 < number < _SMALL)

    def holds(self, number: Fraction, units: Sequence[Fraction]) -> bool:
        """Say whether the text says `number`, itself or as so many of one of `units`: one of a unit only where that is said."""
        return number in self.numbers or any(
            number / unit in self.numbers and (self.one_unit or unit == 1 or number != unit) for unit in units
        )

    def holds_share(self, percent: int) -> bool:
        """Say whether the text says a share of a hundred: `25`, `a quarter`, `two thirds` (66 or 67)."""
        return Fraction(percent) in self.numbers or any(abs(part * 100 - percent) < 1 for part in self._small if part <= 1)

    def holds_time(self, seconds: Fraction) -> bool:
        """Say whether the text says a time, in one unit or in two: `90s`, `1.5 minutes`, `1h30`, `one hour and fifteen minutes`."""
        if self.holds(seconds, _TIMES):
            return True
        return any(
            (seconds - count * large) / small in self.numbers
            for large in self.spoken_times
            for small in self.spoken_times
            if small < large
            for count in self._small
            if count * large < seconds
        )


def amounts(text: str) -> Amounts:
    """Return what numbers a text may say. Nought and one are always among them: `no`, `a`, `the`."""
    lower = _HOURS.sub(r"\1h \2m", unicodedata.normalize("NFKC", text[:MAX_CHARS]).lower())
    words = [word.removesuffix("fold") for word in _WORD.findall(lower)]
    found = {Fraction(0), Fraction(1), *_spoken(words)}
    for written in (lower, in_digits(lower, ())):
        found.update(_written(written))
    products = {Fraction(_COUNTED[word]) for word in words if word in _COUNTED} | set(_parts(words))
    wholes = sorted(found)[:MAX_NUMBERS]
    found |= products | {one * other for one in wholes for other in products}
    found |= {one + part for one in wholes for part in products if part < 1}
    times = {_TIME_WORDS[word] for word in words if word in _TIME_WORDS}
    return Amounts(frozenset(found), bool(_ONE.search(lower)), frozenset(times))


def _written(text: str) -> Iterator[Fraction]:
    for match in _DIGITS.findall(text):
        parts = [part for part in re.split("[.,]", match) if part]
        yield from map(Fraction, parts)
        if _THOUSANDS.match(match):
            yield Fraction(match.replace(",", ""))
        if len(parts) <= 2:
            yield Fraction(match.replace(",", "."))
    yield from (Fraction(match.replace(" ", "")) for match in _BLANKS.findall(text))
    for above, below in _SHARE.findall(text):
        if int(below):
            yield Fraction(int(above), int(below))
    for low, high in _SPAN.findall(text):
        if 0 < int(high) - int(low) <= _WIDEST:
            yield from map(Fraction, range(int(low), int(high)))
    for number, scale, power in _SCALED.findall(text):
        yield Fraction(number) * 10 ** (int(power) if power else 3 if scale in ("k", "thousand") else 6)


def _spoken(words: Sequence[str]) -> Iterator[Fraction]:
    """Yield the numbers of single words, of two (`sixty six`), and of those that are spoken digit by digit (`one one two`)."""
    digits = ""
    for word in (*words, ""):
        value = NUMBERS.get(word)
        if value is not None and value < 10:
            digits += str(value)
            continue
        if 1 < len(digits) <= 6:
            yield Fraction(digits)
        digits = ""
    yield from (Fraction(NUMBERS[word]) for word in words if word in NUMBERS)
    for ten, one in pairwise(words):
        if NUMBERS.get(ten, 0) >= 20 and 0 < NUMBERS.get(one, 0) < 10:
            yield Fraction(NUMBERS[ten] + NUMBERS[one])


def _parts(words: Sequence[str]) -> Iterator[Fraction]:
    """Yield the parts of a whole that are said: `a third`, `two thirds`, and any number of them that may be meant."""
    for word in dict.fromkeys(words):
        below = _PARTS.get(word) or _PARTS.get(word.removesuffix("s"))
        if below:
            yield from (Fraction(above, below) for above in range(1, min(below, _MOST_PARTS + 1)))
