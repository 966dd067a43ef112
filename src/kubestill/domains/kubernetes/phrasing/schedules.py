"""Cron expressions as people say them: `0 3 * * *` → `nightly at 3am`."""

import re
from random import Random

from kubestill.ground.numerals import WORDS

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SHORT_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def schedule_words(expression: str, rng: Random) -> str | None:
    """Return a cron expression in English, or None for one that people would write literally."""
    fields = expression.split()
    if len(fields) != 5 or fields[3] != "*":
        return None
    minute, hour, day, _, weekday = fields
    if step := re.fullmatch(r"\*/(\d+)", minute):
        return _every(int(step[1]), rng) if (hour, day, weekday) == ("*", "*", "*") else None
    if (minute, hour, day, weekday) == ("*", "*", "*", "*"):
        return rng.choice(("every minute", "each minute", "once a minute", "every single minute", "minutely", "every 60 seconds"))
    if not minute.isdigit():
        return None
    if (hour, day, weekday) == ("*", "*", "*"):
        return _hourly(int(minute), rng)
    if (step := re.fullmatch(r"\*/(\d+)", hour)) and (day, weekday) == ("*", "*"):
        return _every_hours(int(step[1]), int(minute), rng)
    return _daily(int(minute), int(hour), day, weekday, rng) if hour.isdigit() else None


_NOMINAL = re.compile(
    r"(every|each|once|twice|thrice|hourly|half-hourly|daily|nightly|weekly|monthly|minutely|(one|two|three|four) times?)\b"
)
_PLACED = re.compile(r"(at|on|from|in)\b|\w+ at\b|\d+ minutes (past|after)\b")
_NAMED = r"\b(schedule|sched|cron|timing)( is| set to| to|:| =|=| =>| ->)? ?\{[va]\}"
# `a schedule of at 3am`, `set to on sundays` and `3am daily as the schedule` have a preposition too many, or too few.
_OF_TIMES = re.compile(rf"\bof \{{[va]|\bto \{{|{_NAMED}|\b(when|frequency|how often):? \{{v|\}} as\b")
_AFTER_WORDS = re.compile(r"^(?!\{[va]\}(?! as)|.*([:=>,/@|\u2768] ?\{[va]\}|\b(schedule|sched|timing|set to|schedule to) \{[va]\}))")
_SENTENCE = re.compile(r"\b(the|with|on the|follow the|and) sched(ule)? \{a\}|\{a\} as\b|@ \{a\}")
_UNNAMED = re.compile(rf"^(?!.*({_NAMED}|[,/>@] \{{a\}}|^\{{a\}}(?! (run|as the time))|\u2768\{{a\}}|\{{a\}}\u2769))")


def unscheduled(words: str | None, beside: bool = False) -> re.Pattern[str] | None:
    """Return what no line may have with a schedule in such words, or as cron has it (None); `beside` an image, as {a}."""
    if words is None:
        return _UNNAMED
    if _NOMINAL.match(words):
        return _SENTENCE if beside else None
    if _PLACED.match(words):
        return re.compile(f"{_OF_TIMES.pattern}|{_SENTENCE.pattern}") if beside else _OF_TIMES
    return re.compile(f"{_AFTER_WORDS.pattern}|{_SENTENCE.pattern}") if beside else _AFTER_WORDS  # `3am every day`


def _every(number: int, rng: Random) -> str:
    written = [str(number), str(number), WORDS[number]] if number < len(WORDS) else [str(number)]
    unit = rng.choice(("minutes", "minutes", "min", "mins"))
    said = [f"{lead} {rng.choice(written)} {unit}" for lead in ("every", "every", "once every", "at intervals of")]
    said += [f"every {number}m", f"at every {_ordinal(number)} minute"]
    if number == 30:
        said += ["every half hour", "half-hourly", "twice an hour", "every half an hour", "each half hour", "two times an hour"]
    if number == 15:
        said += ["every quarter of an hour", "every quarter hour", "four times an hour", "four times per hour"]
    if number == 20:
        said += ["three times an hour", "thrice an hour", "three times per hour"]
    if number == 2:
        said += ["every other minute", "every second minute", "every couple of minutes"]
    return rng.choice(said)


def _hourly(minute: int, rng: Random) -> str:
    if minute == 0:
        return rng.choice(
            (
                *("every hour", "hourly", "once an hour", "on the hour", "every full hour", "at the top of every hour"),
                *(
                    "each hour",
                    "every hour on the hour",
                    "once per hour",
                    "at minute 0 of every hour",
                    "one time per hour",
                    "at each full hour",
                ),
            )
        )
    past = {15: "quarter past every hour", 30: "half past every hour"}.get(minute, f"{minute} past every hour")
    return rng.choice(
        (
            *(f"at {minute} minutes past every hour", f"every hour at minute {minute}", f"hourly at minute {minute}", f"at {past}"),
            *(f"every hour, {minute} minutes past", f"at minute {minute} of each hour", f"hourly, {minute} minutes past the hour"),
            *(f"each hour at :{minute:02d}", f"once an hour at minute {minute}", f"{minute} minutes after every full hour"),
        )
    )


def _every_hours(number: int, minute: int, rng: Random) -> str:
    written = rng.choice([str(number), str(number), WORDS[number]] if number < len(WORDS) else [str(number)])
    said = [f"every {written} hours", f"once every {written} hours", f"every {number}h", f"every {number} hrs"]
    said += [f"at intervals of {written} hours", f"every {_ordinal(number)} hour"]
    said += {12: ["twice a day", "two times a day"], 8: ["three times a day", "thrice daily"], 6: ["four times a day"]}.get(number, [])
    said += ["every other hour", "every second hour"] if number == 2 else []
    return rng.choice(said) + (f" at minute {minute}" if minute else "")


def _clock(minute: int, hour: int, rng: Random) -> str:
    suffix = "am" if hour < 12 else "pm"
    twelve = hour % 12 or 12
    if minute == 0:
        options = [f"{twelve}{suffix}", f"{twelve} {suffix}", f"{hour:02d}:00", f"{hour}:00", f"{twelve} {suffix[0]}.m.", f"{hour:02d}h00"]
        options += [f"{twelve} o'clock {'at night' if hour < 5 or hour > 20 else ('am' if hour < 12 else 'pm')}"]
        options += ["midnight"] * 3 if hour == 0 else ["noon", "midday", "noon"] if hour == 12 else []
        if 0 < hour < 12:
            options += [f"{twelve} in the morning", f"{WORDS[twelve]} in the morning"]
        elif 12 < hour < 18:
            options += [f"{twelve} in the afternoon", f"{WORDS[twelve]} in the afternoon"]
        elif hour >= 18:
            options += [f"{twelve} in the evening", f"{WORDS[twelve]} in the evening"]
        return rng.choice(options)
    options = [f"{twelve}:{minute:02d} {suffix}", f"{twelve}:{minute:02d}{suffix}", f"{hour:02d}:{minute:02d}", f"{hour}:{minute:02d}"]
    options += [f"{hour:02d}h{minute:02d}", f"{twelve}.{minute:02d} {suffix}"]
    if minute in (15, 30) and hour > 0:
        options += [f"{'quarter' if minute == 15 else 'half'} past {WORDS[twelve]} {'in the morning' if hour < 12 else 'pm'}"]
    if minute == 45 and 0 < hour < 11:
        options += [f"quarter to {WORDS[twelve + 1]} in the morning"]
    return rng.choice(options)


def _daily(minute: int, hour: int, day: str, weekday: str, rng: Random) -> str | None:
    at = _clock(minute, hour, rng)
    said: tuple[str, ...] = ()
    if (day, weekday) == ("*", "*"):
        said = (f"every day at {at}", f"daily at {at}", f"at {at} every day", f"each day at {at}", f"once a day at {at}", f"at {at} daily")
        said += (f"once per day, at {at}", f"{at} every day", f"every single day at {at}", f"every day, {at}")
        if hour in (0, 1, 2, 3, 4) and rng.random() < 0.3:
            said = (f"nightly at {at}", f"every night at {at}", f"each night at {at}", f"at {at} every night")
        elif 5 <= hour < 11 and rng.random() < 0.2:
            said = (f"every morning at {at}", f"each morning at {at}", f"mornings at {at}", f"at {at} every morning")
    elif day == "*" and weekday == "1-5":
        said = (f"every weekday at {at}", f"at {at} on weekdays", f"monday to friday at {at}", f"on working days at {at}", f"weekdays {at}")
        said += (f"mon-fri at {at}", f"from monday through friday at {at}", f"at {at} each working day", f"on business days at {at}")
        said += (f"every workday at {at}", f"at {at} from mon to fri", f"{at} monday-friday")
    elif day == "*" and weekday.isdigit():
        said = _weekly(int(weekday) % 7, at, rng)
    elif day == "*" and weekday in ("6,0", "0,6"):
        said = (
            f"on weekends at {at}",
            f"every saturday and sunday at {at}",
            f"at {at} at the weekend",
            f"weekends {at}",
            f"sat and sun at {at}",
        )
    elif day.isdigit() and weekday == "*":
        said = tuple(f"{text} at {at}" for text in _monthly(day))
    return rng.choice(said) if said else None


def _weekly(weekday: int, at: str, rng: Random) -> tuple[str, ...]:
    name = rng.choice((_DAYS[weekday], _DAYS[weekday].capitalize()))
    short = rng.choice((_SHORT_DAYS[weekday], _SHORT_DAYS[weekday].capitalize()))
    usual = (f"every {name} at {at}", f"on {name}s at {at}", f"weekly on {name} at {at}", f"at {at} every {name}", f"each {name} {at}")
    more = (f"once a week, {name} {at}", f"{name}s at {at}", f"every week on {name} at {at}", f"at {at} on {name}s", f"{name}s {at}")
    return (*usual, *more, f"weekly, {short} {at}", f"every {short} at {at}", f"one time per week on {name} at {at}")


def _ordinal(number: int) -> str:
    return f"{number}{'th' if number in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _monthly(day: str) -> tuple[str, ...]:
    nth = _ordinal(int(day))
    first = ("on the first of every month", "on the first day of each month", "monthly on the 1st", "at the start of every month on day 1")
    usual = (f"on the {nth} of every month", f"on day {day} of every month", f"monthly on the {nth}")
    more = (
        f"every month on the {nth}",
        f"once a month on the {nth}",
        f"each {nth} of the month",
        f"monthly, day {day},",
    )
    return (*usual, *more, *(first if day == "1" else ()))
