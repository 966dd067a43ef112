"""Values as people write them: units, number words, lists, commands, schedules."""

import re
import shlex
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from kubestill.domains.kubernetes.intents.lens import fraction_text
from kubestill.domains.kubernetes.quantities import parse_quantity

_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)(Mi|Gi|Ti|Ki)\Z")
_UNITS = {
    "Mi": ("Mi", "MiB", " Mi", " MiB", " megs", "MB", " MB", "mb", " megabytes", "M", " mebibytes", " meg", "m"),
    "Gi": ("Gi", "GiB", " Gi", " GiB", " gigs", "GB", " GB", "gb", " gigabytes", "G", " gibibytes", " gig", "g"),
    "Ti": ("Ti", "TiB", " Ti", " TB", "TB", " terabytes"),
    "Ki": ("Ki", "KiB", " Ki"),
}
# How often the literal spelling is kept: most people who know quantities write them as Kubernetes does.
_LITERAL = 0.55


def count_text(value: Any, rng: Random) -> str:
    """Return a count: a numeral, or a word for small ones."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 12 and rng.random() < 0.25:
        return _WORDS[value]
    return str(value)


def memory_text(value: Any, rng: Random) -> str:
    """Return an amount of memory or storage."""
    match = _MEMORY.match(str(value))
    if match is None or rng.random() < _LITERAL:
        return str(value)
    amount, unit = match.groups()
    if unit == "Gi" and amount in ("1", "2", "3", "4", "5") and rng.random() < 0.15:
        number = _WORDS[int(amount)]
        return (
            f"{number} {'gig' if amount == '1' else 'gigs'}" if rng.random() < 0.6 else f"{number} gigabyte{'' if amount == '1' else 's'}"
        )
    if unit == "Mi" and amount == "512" and rng.random() < 0.1:
        return "half a gig"
    return amount + rng.choice(_UNITS[unit])


def cpu_text(value: Any, rng: Random) -> str:
    """Return an amount of processor time."""
    number = parse_quantity(value)
    if number is None or rng.random() < _LITERAL:
        return str(value)
    options = [f"{fraction_text(number * 1000)}m", f"{fraction_text(number * 1000)} millicores", f"{fraction_text(number * 1000)} milli"]
    if number.denominator == 1:
        plural = "" if number == 1 else "s"
        word = _WORDS[number.numerator] if number <= 12 else str(number)
        options = [f"{number} cpu{plural}", f"{number} core{plural}", f"{word} core{plural}", f"{word} cpu{plural}", f"{number} vcpu"]
    elif number in (Fraction(1, 2), Fraction(1, 4)):
        options += (
            ["half a core", "half a cpu", "0.5 cpu", "0.5 cores"] if number == Fraction(1, 2) else ["a quarter of a core", "0.25 cpu"]
        )
    elif number >= Fraction(1, 10):
        options += [f"{fraction_text(number)} cpu", f"{fraction_text(number)} cores"]
    return rng.choice(options)


def seconds_text(value: Any, rng: Random) -> str:
    """Return a duration in seconds, or in minutes and hours where it comes out even."""
    if not isinstance(value, int) or isinstance(value, bool):
        return str(value)
    roll = rng.random()
    if value and value % 3600 == 0 and roll < 0.3:
        hours = value // 3600
        return "an hour" if hours == 1 and roll < 0.1 else f"{hours} hour{'s' if hours > 1 else ''}"
    if value and value % 60 == 0 and roll < 0.3:
        minutes = value // 60
        return (
            "a minute"
            if minutes == 1 and roll < 0.1
            else f"{minutes} {rng.choice(('minutes', 'min', 'mins')) if minutes > 1 else 'minute'}"
        )
    return f"{value}{rng.choice(('', 's', ' seconds', ' sec', ' seconds', ' secs'))}"


def list_text(values: Sequence[Any], rng: Random) -> str:
    """Return several values as one phrase."""
    texts = [str(value) for value in values]
    if len(texts) < 2:
        return "".join(texts)
    roll = rng.random()
    if roll < 0.45:
        return ", ".join(texts[:-1]) + " and " + texts[-1]
    if roll < 0.6:
        return ", ".join(texts[:-1]) + ", and " + texts[-1]
    if roll < 0.8:
        return ", ".join(texts)
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


# --- schedules -------------------------------------------------------------------------------------------------------

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def _clock(minute: int, hour: int, rng: Random) -> str:
    suffix = "am" if hour < 12 else "pm"
    twelve = hour % 12 or 12
    if minute == 0:
        options = [f"{twelve}{suffix}", f"{twelve} {suffix}", f"{hour:02d}:00", f"{hour}:00"]
        options += ["midnight"] * 3 if hour == 0 else ["noon"] * 3 if hour == 12 else []
        if 0 < hour < 12:
            options += [f"{twelve} in the morning", f"{_WORDS[twelve]} in the morning"]
        return rng.choice(options)
    return rng.choice(
        (f"{twelve}:{minute:02d} {suffix}", f"{twelve}:{minute:02d}{suffix}", f"{hour:02d}:{minute:02d}", f"{hour}:{minute:02d}")
    )


def schedule_words(expression: str, rng: Random) -> str | None:
    """Return a cron expression in English, or None for one that people would write literally."""
    fields = expression.split()
    if len(fields) != 5 or fields[3] != "*":
        return None
    minute, hour, day, _, weekday = fields
    if step := re.fullmatch(r"\*/(\d+)", minute):
        number = int(step[1])
        if (hour, day, weekday) == ("*", "*", "*"):
            return rng.choice((f"every {number} minutes", f"every {number} min", f"each {number} minutes", f"once every {number} minutes"))
        return None
    if (minute, hour, day, weekday) == ("*", "*", "*", "*"):
        return rng.choice(("every minute", "each minute", "once a minute"))
    if not minute.isdigit():
        return None
    if (hour, day, weekday) == ("*", "*", "*"):
        return _hourly(int(minute), rng)
    if (step := re.fullmatch(r"\*/(\d+)", hour)) and minute == "0" and (day, weekday) == ("*", "*"):
        return rng.choice((f"every {step[1]} hours", f"each {step[1]} hours", f"once every {step[1]} hours"))
    return _daily(int(minute), int(hour), day, weekday, rng) if hour.isdigit() else None


def _hourly(minute: int, rng: Random) -> str:
    if minute == 0:
        return rng.choice(("every hour", "hourly", "once an hour", "on the hour", "every full hour", "at the top of every hour"))
    return rng.choice((f"at {minute} minutes past every hour", f"every hour at minute {minute}", f"hourly at minute {minute}"))


def _daily(minute: int, hour: int, day: str, weekday: str, rng: Random) -> str | None:
    at = _clock(minute, hour, rng)
    if (day, weekday) == ("*", "*"):
        if hour in (1, 2, 3, 4) and rng.random() < 0.3:
            return rng.choice((f"nightly at {at}", f"every night at {at}", f"each night at {at}"))
        return rng.choice(
            (f"every day at {at}", f"daily at {at}", f"at {at} every day", f"each day at {at}", f"once a day at {at}", f"at {at} daily")
        )
    if day == "*" and weekday == "1-5":
        return rng.choice(
            (f"every weekday at {at}", f"at {at} on weekdays", f"monday to friday at {at}", f"on working days at {at}", f"weekdays {at}")
        )
    if day == "*" and weekday.isdigit():
        name = _DAYS[int(weekday) % 7]
        name = rng.choice((name, name.capitalize()))
        return rng.choice(
            (f"every {name} at {at}", f"on {name}s at {at}", f"weekly on {name} at {at}", f"at {at} every {name}", f"each {name} {at}")
        )
    if day == "*" and weekday in ("6,0", "0,6"):
        return rng.choice((f"on weekends at {at}", f"every saturday and sunday at {at}"))
    if day.isdigit() and weekday == "*":
        suffix = "th" if day in ("11", "12", "13") else {"1": "st", "2": "nd", "3": "rd"}.get(day[-1], "th")
        first = ("on the first of every month", "on the first day of each month", "monthly on the 1st") if day == "1" else ()
        said = (f"on the {day}{suffix} of every month", f"on day {day} of every month", f"monthly on the {day}{suffix}", *first)
        return f"{rng.choice(said)} at {at}"
    return None
