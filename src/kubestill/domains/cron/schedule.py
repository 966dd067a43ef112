"""What a five-field cron expression means, as Kubernetes reads it (github.com/robfig/cron v3, used by the CronJob controller)."""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MACROS = {  # robfig/cron v3, parser.go, parseDescriptor
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELD_NAMES = ("minute", "hour", "day of month", "month", "day of week")
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
LENGTHS = tuple(calendar.monthrange(2024, month)[1] for month in range(1, 13))  # a leap year: 29 February can fire
ITEM = re.compile(r"^(\*|\?|\w+)(?:-(\w+))?(?:/(\w+))?$", re.ASCII)


class NotASchedule(ValueError):
    """The text is no cron expression; `field` names the part at fault."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The five fields, expanded. A field that starts with a star leaves its day rule to the other one."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool  # day of month was a star
    any_weekday: bool

    @property
    def dates(self) -> int:
        """Every (month, day, weekday) on which it fires, as a set of bits; equal sets are equal meanings.

        All of these combinations occur in the Gregorian cycle of 400 years, so nothing is compared that cannot happen.
        """
        by_day, by_weekday = _bits("day", self.days), _bits("weekday", self.weekdays)
        both = self.any_day or self.any_weekday
        return _bits("month", self.months) & (by_day & by_weekday if both else by_day | by_weekday)


def parse(text: str) -> Schedule:
    """Read an expression of five fields or a macro such as `@daily`.

    Raises:
        NotASchedule: with the field at fault.
    """
    text = text.strip()
    if text.startswith("@"):
        if text not in MACROS:
            raise NotASchedule("expression", f"{text} is not one of {', '.join(MACROS)}")
        text = MACROS[text]
    parts = text.split()
    if len(parts) != len(FIELD_NAMES):
        raise NotASchedule("expression", f"found {len(parts)} fields, expected 5")
    sets = [_field(part, number) for number, part in enumerate(parts)]
    minutes, hours, days, months, weekdays = (values for values, _ in sets)
    return Schedule(minutes, hours, days, months, weekdays, any_day=sets[2][1], any_weekday=sets[4][1])


def _field(text: str, number: int) -> tuple[frozenset[int], bool]:
    values: set[int] = set()
    star = False
    for item in text.split(","):
        found, item_star = _item(item, number)
        values |= found
        star |= item_star
    return frozenset(values), star


def _item(text: str, number: int) -> tuple[set[int], bool]:
    name, (low, high) = FIELD_NAMES[number], BOUNDS[number]
    match = ITEM.match(text)
    if not match:
        raise NotASchedule(name, f"{text!r} is no value, range or step")
    first, last, step_text = match.groups()
    star = first in ("*", "?")
    if star and last is not None:
        raise NotASchedule(name, f"{text!r} is no value, range or step")
    step = _step(step_text, name)
    start = low if star else _value(first, number)
    end = high if star or (last is None and step_text) else start if last is None else _value(last, number)
    if start > end:
        raise NotASchedule(name, f"{text!r} begins after it ends")
    # parser.go, getRange: a step above one takes the star's meaning away, so that `*/2` restricts the day.
    return set(range(start, end + 1, step)), star and step == 1


def _step(text: str | None, name: str) -> int:
    if text is None:
        return 1
    if not text.isdecimal() or int(text) == 0:
        raise NotASchedule(name, f"the step {text!r} is not a whole number from 1")
    return int(text)


def _value(text: str, number: int) -> int:
    """Return a number or a name as a number. Sunday is 0 and, unlike in Vixie's cron, not 7."""
    name, (low, high) = FIELD_NAMES[number], BOUNDS[number]
    names = {3: MONTHS, 4: DAYS}.get(number, ())
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not text.isdecimal():
        raise NotASchedule(name, f"{text!r} is not a number" + (" or a name such as " + names[1] if names else ""))
    value = int(text)
    if not low <= value <= high:
        raise NotASchedule(name, f"{value} is outside {low}-{high}")
    return value


@cache
def _bit(what: str, wanted: int) -> int:
    bits, place = 0, 0
    for month, length in enumerate(LENGTHS, 1):
        for day in range(1, length + 1):
            for weekday in range(7):
                value = {"month": month, "day": day, "weekday": weekday}[what]
                bits |= (value == wanted) << place
                place += 1
    return bits


@lru_cache(maxsize=4_096)
def _bits(what: str, values: frozenset[int]) -> int:
    bits = 0
    for value in values:
        bits |= _bit(what, value)
    return bits


def spell(values: Iterable[int]) -> str:
    """Return the one normal spelling of a set: `0,15,30-32`."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
