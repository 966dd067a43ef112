"""Values as people write them: units, number words, lists, commands."""

import re
import shlex
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from kubestill.domains.kubernetes.intents.lens import fraction_text
from kubestill.domains.kubernetes.quantities import parse_quantity

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)(Mi|Gi|Ti|Ki)\Z")
# No "M" or "G" by itself: these are other units of Kubernetes, powers of ten; "m" is a thousandth.
_UNITS = {
    "Mi": ("Mi", "MiB", " Mi", " MiB", " megs", "MB", " MB", "mb", " megabytes", " mebibytes", " meg"),
    "Gi": ("Gi", "GiB", " Gi", " GiB", " gigs", "GB", " GB", "gb", " gigabytes", " gibibytes", " gig"),
    "Ti": ("Ti", "TiB", " Ti", " TB", "TB", " terabytes"),
    "Ki": ("Ki", "KiB", " Ki"),
}
_AMOUNTS = {
    ("Mi", "512"): ("half a gig", "half a gigabyte", "half a GB", "half a gigabyte"),
    ("Mi", "256"): ("a quarter gig", "a quarter of a gig", "quarter of a gigabyte"),
    ("Mi", "1024"): ("a gig", "one gig", "1024 megs"),
    ("Gi", "1"): ("a gig", "a gigabyte", "one gig", "1 gig"),
}
# How often the literal spelling is kept: most people who know quantities write them as Kubernetes does.
_LITERAL = 0.55


def count_text(value: Any, rng: Random) -> str:
    """Return a count: a numeral, or a word for small ones."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 12 and rng.random() < 0.25:
        return WORDS[value]
    return str(value)


def range_texts(low: Any, high: Any, rng: Random) -> tuple[str, str]:
    """Return the two ends of a range of counts, both as numerals or both as words."""
    worded = all(isinstance(end, int) and 0 <= end <= 12 for end in (low, high)) and rng.random() < 0.2
    return (WORDS[low], WORDS[high]) if worded else (str(low), str(high))


def memory_text(value: Any, rng: Random) -> str:
    """Return an amount of memory or storage."""
    match = _MEMORY.match(str(value))
    if match is None or rng.random() < _LITERAL:
        return str(value)
    amount, unit = match.groups()
    if unit == "Gi" and amount in ("1", "2", "3", "4", "5") and rng.random() < 0.15:
        number = WORDS[int(amount)]
        return (
            f"{number} {'gig' if amount == '1' else 'gigs'}" if rng.random() < 0.6 else f"{number} gigabyte{'' if amount == '1' else 's'}"
        )
    if (unit, amount) in _AMOUNTS and rng.random() < 0.15:
        return rng.choice(_AMOUNTS[unit, amount])
    return amount + rng.choice(_UNITS[unit])


_FRACTIONS = {
    Fraction(1, 2): "half a {}",
    Fraction(1, 4): "a quarter of a {}",
    Fraction(3, 4): "three quarters of a {}",
    Fraction(1, 10): "a tenth of a {}",
    Fraction(1, 5): "a fifth of a {}",
    Fraction(3, 2): "one and a half {}s",
}


def cpu_text(value: Any, rng: Random) -> str:
    """Return an amount of processor time."""
    number = parse_quantity(value)
    if number is None or rng.random() < _LITERAL:
        return str(value)
    thousandths = fraction_text(number * 1000)
    options = [f"{thousandths}{unit}" for unit in ("m", " millicores", " milli", " millicpu", " milli cpu", "mcpu", " m")]
    if number.denominator == 1:
        plural = "" if number == 1 else "s"
        word = WORDS[number.numerator] if number <= 12 else str(number)
        options = [f"{number} cpu{plural}", f"{number} core{plural}", f"{word} core{plural}", f"{word} cpu{plural}", f"{number} vcpu"]
        options += ["a full core", "a whole core", "one entire cpu"] if number == 1 else [f"{word} full cores", f"{number}.0 cpu"]
    elif number in _FRACTIONS:
        options += [_FRACTIONS[number].format(what) for what in ("core", "cpu", "vcpu")] + [f"{fraction_text(number)} cpu"]
    elif number >= Fraction(1, 10):
        options += [f"{fraction_text(number)} cpu", f"{fraction_text(number)} cores"]
    return rng.choice(options)


_SPANS = {
    30: ("half a minute", "30 secs", "thirty seconds"),
    60: ("a minute", "one minute", "60 seconds"),
    90: ("a minute and a half", "ninety seconds", "one and a half minutes"),
    120: ("a couple of minutes", "two minutes"),
    900: ("a quarter of an hour", "fifteen minutes"),
    1800: ("half an hour", "thirty minutes"),
    3600: ("an hour", "one hour", "a full hour"),
    86400: ("a day", "one day", "24 hours", "a whole day"),
    172800: ("two days", "48 hours"),
    604800: ("a week", "one week", "seven days", "7 days"),
}


def seconds_text(value: Any, rng: Random) -> str:
    """Return a duration in seconds, or in minutes and hours where it comes out even."""
    if not isinstance(value, int) or isinstance(value, bool):
        return str(value)
    roll = rng.random()
    if value in _SPANS and roll < 0.12:
        return rng.choice(_SPANS[value])
    if value and value % 3600 == 0 and roll < 0.3:
        hours = value // 3600
        return rng.choice((f"{hours} hour{'s' if hours > 1 else ''}", f"{hours}h", f"{hours} hr{'s' if hours > 1 else ''}"))
    if value and value % 60 == 0 and roll < 0.3:
        minutes = value // 60
        number = WORDS[minutes] if minutes <= 12 and roll < 0.15 else str(minutes)
        return f"{number} {rng.choice(('minutes', 'min', 'mins')) if minutes > 1 else rng.choice(('minute', 'min'))}"
    if 0 < value <= 12 and roll < 0.4:
        return f"{WORDS[value]} second{'s' if value > 1 else ''}"
    plural = "s" if value != 1 else ""
    return f"{value}{rng.choice(('', 's', f' second{plural}', ' sec', f' second{plural}', f' sec{plural}'))}"


def list_text(values: Sequence[Any], rng: Random) -> str:
    """Return several values as one phrase."""
    texts = [str(value) for value in values]
    if len(texts) < 2:
        return "".join(texts)
    roll = rng.random()
    if roll < 0.45:
        return ", ".join(texts[:-1]) + " and " + texts[-1]
    if roll < 0.6:
        return ", ".join(texts[:-1]) + (", and " if len(texts) > 2 else " and ") + texts[-1]
    if roll < 0.8:
        return ", ".join(texts)
    if roll < 0.86:
        return ", ".join(texts[:-1]) + rng.choice((" as well as ", " plus ", " and also ", " + ")) + texts[-1]
    if len(texts) == 2 and roll < 0.9:
        return f"both {texts[0]} and {texts[1]}"
    return rng.choice(("/", ",", " + ", " & ", " ")).join(texts)


def command_text(value: Sequence[str], rng: Random) -> str:
    """Return a command as typed in a shell, quoted whole, or as a JSON list."""
    text, roll = shlex.join(value), rng.random()
    if any(mark in text for mark in '"`\n'):
        return text
    if roll < 0.2:
        return "[" + ", ".join(f'"{part}"' for part in value) + "]"
    if roll < 0.4:
        return f"`{text}`"
    return f'"{text}"' if roll < 0.5 and len(value) > 1 else text
