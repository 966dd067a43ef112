"""Values as people write them: units, number words, lists, commands."""

import re
import shlex
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from kubestill.domains.kubernetes.intents.lens import fraction_text
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.ground.numerals import WORDS

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)(Mi|Gi|Ti|Ki)\Z")
# No "M" or "G" by itself: these are other units of Kubernetes, powers of ten; "m" is a thousandth.
_UNITS = {  # by place: one writer takes them all from the same place
    "Mi": ("Mi", "MiB", " Mi", " MiB", " megs", "MB", " MB", "mb", " megabytes", " mebibytes", " megs"),
    "Gi": ("Gi", "GiB", " Gi", " GiB", " gigs", "GB", " GB", "gb", " gigabytes", " gibibytes", " gigs"),
    "Ti": ("Ti", "TiB", " Ti", " TiB", " TB", "TB", " TB", "tb", " terabytes", " tebibytes", " TB"),
    "Ki": ("Ki", "KiB", " Ki", " KiB", " KB", "KB", " KB", "kb", " kilobytes", " kibibytes", " KB"),
}
_GIGS, _GIGABYTES = 4, 8
_AMOUNTS = {("Mi", "512"): "half a {}", ("Mi", "1024"): "one {}", ("Gi", "1"): "a {}"}
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
    """Return an amount of memory or storage; equal chances (`rng`) spell all amounts alike."""
    match = _MEMORY.match(str(value))
    spelt, worded, place = rng.random(), rng.random(), rng.random()
    if match is None or spelt < _LITERAL:
        return str(value)
    amount, unit = match.groups()
    if worded < _WORDED:
        gig = "gig" if place < 0.5 else "gigabyte"
        if (unit, amount) in _AMOUNTS:
            return _AMOUNTS[unit, amount].format(gig)
        if unit == "Gi" and amount in ("2", "3", "4", "5"):
            return f"{WORDS[int(amount)]} {gig}s"
        return amount + _UNITS[unit][_GIGS if place < 0.5 else _GIGABYTES]
    spelling = _UNITS[unit][int(place * len(_UNITS[unit]))]
    return amount + (spelling.removesuffix("s") if amount == "1" else spelling)


_WORDED = 0.15  # share of writers who say `half a gig`
_FRACTIONS = {
    Fraction(1, 2): "half a {}",
    Fraction(1, 4): "a quarter of a {}",
    Fraction(3, 4): "three quarters of a {}",
    Fraction(1, 10): "a tenth of a {}",
    Fraction(1, 5): "a fifth of a {}",
    Fraction(3, 2): "one and a half {}s",
}


_MILLI = ("m", " millicores", " milli", " millicpu", " milli cpu", "m", "m")


def cpu_text(value: Any, rng: Random) -> str:
    """Return an amount of processor time; equal chances (`rng`) spell all amounts alike."""
    number = parse_quantity(value)
    spelt, worded, place, noun = rng.random(), rng.random(), rng.random(), rng.choice(("core", "core", "cpu", "vcpu"))
    if number is None or spelt < _LITERAL:
        return str(value)
    if number.denominator == 1:
        if number == 1 and worded > 0.85:
            return f"a {'full' if place < 0.5 else 'whole'} {noun}"
        amount = WORDS[number.numerator] if number <= 12 and worded < 0.4 else str(number)
        return f"{amount} {noun}{'' if number == 1 else 's'}"
    if place < 0.5 or number < Fraction(1, 10):
        return fraction_text(number * 1000) + _MILLI[int(place * 2 % 1 * len(_MILLI))]
    return _FRACTIONS[number].format(noun) if number in _FRACTIONS and worded < 0.5 else f"{fraction_text(number)} {noun}s"


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
    """Return a duration in seconds, or in minutes and hours where it comes out even; equal chances (`rng`) spell all alike."""
    roll, place = rng.random(), rng.random()
    if not isinstance(value, int) or isinstance(value, bool):
        return str(value)
    if value in _SPANS and roll < 0.12:
        return _one(_SPANS[value], place)
    if value and value % 3600 == 0 and roll < 0.3:
        hours = value // 3600
        return _one((f"{hours} hour{'s' if hours > 1 else ''}", f"{hours}h", f"{hours} hr{'s' if hours > 1 else ''}"), place)
    if value and value % 60 == 0 and roll < 0.3:
        minutes = value // 60
        number = WORDS[minutes] if minutes <= 12 and roll < 0.15 else str(minutes)
        return f"{number} {_one(('minutes', 'min', 'mins') if minutes > 1 else ('minute', 'min', 'min'), place)}"
    if 0 < value <= 12 and roll > 0.9:
        return f"{WORDS[value]} second{'s' if value > 1 else ''}"
    plural = "s" if value != 1 else ""
    return f"{value}{_one(('s', f' second{plural}', ' sec', f' second{plural}', f' sec{plural}'), place)}"


def _one(options: Sequence[str], place: float) -> str:
    return options[int(place * len(options))]


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
    mark = rng.choice(("/", ",", " + ", " & "))
    if mark == "/" and (texts[0].isdigit() or any(set(text) & set("/ ") for text in texts)):  # `80/443` would be read as one
        mark = " & "
    return (", " if len(texts) > _SIGNED and mark == " & " else mark).join(texts)


_SIGNED = 4  # with a sign between them nobody writes more values


def command_text(value: Sequence[str], rng: Random) -> str:
    """Return a command as typed in a shell, quoted whole, or as a JSON list."""
    text, roll = shlex.join(value), rng.random()
    if any(mark in text for mark in '"`\n'):
        return text
    if roll < 0.2:
        return "[" + ", ".join(f'"{part}"' for part in value) + "]"
    if roll < 0.4:
        return f"`{text}`"
    return f'"{text}"' if roll < 0.5 and len(value) > 1 and "'" not in text else text
