"""A schedule in English: what it says, clause by clause, in forms of which a part is kept for evaluation only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from kubestill.domains.api import HELD
from kubestill.domains.cron.schedule import Schedule
from kubestill.domains.cron.words import DAY_NAMES, FORMS, MONTH_NAMES
from kubestill.ground.seeds import held_out

LIST_LIMIT = 6  # nobody dictates longer lists of times or days


@dataclass(frozen=True, slots=True)
class Said:
    """A clause or a whole request, with the ids of the forms it is made of."""

    text: str
    forms: tuple[str, ...]


@dataclass
class Speaker:
    """Chooses forms from one part of every table."""

    rng: Random
    part: str

    def form(self, slot: str, **values: str) -> Said:
        """Say `slot` in one of its forms; each form's id is `slot:text`."""
        text = self.rng.choice(forms(slot, self.part))
        return Said(text.format(**values), (f"{slot}:{text}",))


def forms(slot: str, part: str) -> list[str]:
    """Return the forms of a slot that `part` may use."""
    return [text for text in FORMS[slot] if held_out("phrase", f"cron/{slot}:{text}") == (part == HELD)]


def request(schedule: Schedule, rng: Random, part: str) -> Said | None:
    """Return a request for the schedule, or None where it cannot be said in a sentence."""
    speaker = Speaker(rng, part)
    time, days, months = _time(schedule, speaker), _days(schedule, speaker), _months(schedule, speaker)
    if time is None or days is None or months is None:
        return None
    clauses = [clause for clause in (time, days, months) if clause.text]
    if speaker.rng.random() < 0.3:  # most people give the time first
        speaker.rng.shuffle(clauses)
    when = " ".join(clause.text for clause in clauses)
    task = speaker.form("task")
    frame = speaker.form("frame", when=when, task=task.text)
    used = [*clauses, task, frame] if task.text in frame.text else [*clauses, frame]
    return Said(_dressed(frame.text, rng), tuple(form for said in used for form in said.forms))


def _dressed(text: str, rng: Random) -> str:
    """Write it as people type: with or without a capital and a full stop."""
    if rng.random() < 0.4:
        text = text[0].upper() + text[1:]
    return text + "." if rng.random() < 0.25 and text[-1] not in ".?!" else text


def clock(hour: int, minute: int, rng: Random) -> str:
    """Spell a time of day in one of the usual ways."""
    if (hour, minute) == (0, 0) and rng.random() < 0.5:
        return "midnight"
    if (hour, minute) == (12, 0) and rng.random() < 0.5:
        return "noon"
    half, twelve = ("am" if hour < 12 else "pm"), (hour - 1) % 12 + 1
    ways: list[Callable[[], str]] = [
        lambda: f"{hour:02d}:{minute:02d}",
        lambda: f"{hour}:{minute:02d}",
        lambda: f"{twelve}:{minute:02d} {half}" if minute else f"{twelve} {half}",
        lambda: f"{twelve}:{minute:02d}{half}" if minute else f"{twelve}{half}",
    ]
    return rng.choice(ways)()


def listed(items: Sequence[str], rng: Random) -> str:
    """Join with commas and a last word."""
    last = rng.choice(("and", "and", "&"))
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" {last} {items[-1]}"


def ordinal(day: int) -> str:
    """Return 1st, 2nd, 3rd, 4th …"""
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def step_of(values: frozenset[int], size: int) -> int:
    """Return n where the values are every n-th from 0 of a clock of `size`, else 0."""
    for step in range(1, size):
        if values == frozenset(range(0, size, step)):
            return step
    return 0


def _run(values: frozenset[int]) -> tuple[int, int] | None:
    ordered = sorted(values)
    return (ordered[0], ordered[-1]) if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1 else None


def _time(schedule: Schedule, speaker: Speaker) -> Said | None:
    minutes, hours = schedule.minutes, schedule.hours
    if len(minutes) == 1:
        return _at_one_minute(next(iter(minutes)), hours, speaker)
    step = step_of(minutes, 60)
    if not step:
        return None
    every = speaker.form("minute") if step == 1 else speaker.form("minutes", n=str(step))
    if len(hours) == 24:
        return every
    run = _run(hours)
    if run is None:
        return None
    window = speaker.form("window", start=f"{run[0]:02d}:00", end=f"{run[1]:02d}:59")
    return Said(f"{every.text} {window.text}", every.forms + window.forms)


def _at_one_minute(minute: int, hours: frozenset[int], speaker: Speaker) -> Said | None:
    step = step_of(hours, 24)
    if step == 1:
        return speaker.form("hour", minute=str(minute)) if minute else speaker.form("hourly")
    if step and len(hours) > 2:
        return speaker.form("hours-at", n=str(step), minute=str(minute)) if minute else speaker.form("hours", n=str(step))
    if len(hours) > LIST_LIMIT:
        return None
    return speaker.form("at", time=listed([clock(hour, minute, speaker.rng) for hour in sorted(hours)], speaker.rng))


def _days(schedule: Schedule, speaker: Speaker) -> Said | None:
    days = None if len(schedule.days) == 31 else schedule.days
    weekdays = None if len(schedule.weekdays) == 7 else schedule.weekdays
    if not (schedule.any_day or schedule.any_weekday):  # either of the two suffices; with a full one, every day does: nobody asks so
        return _either(days, weekdays, speaker) if days is not None and weekdays is not None else None
    if weekdays is not None:
        return _weekdays(weekdays, speaker)
    if days is not None:
        return _month_days(days, speaker)
    sub_daily = len(schedule.hours) > LIST_LIMIT
    return Said("", ()) if len(schedule.months) < 12 or sub_daily or speaker.rng.random() < 0.2 else speaker.form("daily")


def _either(days: frozenset[int], weekdays: frozenset[int], speaker: Speaker) -> Said | None:
    if len(days) > 2 or len(weekdays) > 2:
        return None
    names = listed([DAY_NAMES[day] for day in sorted(weekdays)], speaker.rng)
    return speaker.form("either", days=listed([ordinal(day) for day in sorted(days)], speaker.rng), names=names)


def _weekdays(weekdays: frozenset[int], speaker: Speaker) -> Said:
    if weekdays == {1, 2, 3, 4, 5}:
        return speaker.form("weekdays")
    if weekdays == {0, 6}:
        return speaker.form("weekend")
    names = [DAY_NAMES[day] for day in sorted(weekdays, key=lambda day: (day - 1) % 7)]  # people's week ends with Sunday
    run = _run(frozenset((day - 1) % 7 for day in weekdays))
    if run and speaker.rng.random() < 0.6:
        return speaker.form("day-range", first=names[0], last=names[-1])
    if len(names) == 1:
        return speaker.form("day", name=names[0])
    return speaker.form("day-list", names=listed(names, speaker.rng))


def _month_days(days: frozenset[int], speaker: Speaker) -> Said | None:
    run = _run(days)
    if run:
        return speaker.form("date-range", first=ordinal(run[0]), last=ordinal(run[1]))
    if len(days) > LIST_LIMIT:
        return None
    return speaker.form("dates", days=listed([ordinal(day) for day in sorted(days)], speaker.rng))


def _months(schedule: Schedule, speaker: Speaker) -> Said | None:
    months = schedule.months
    if len(months) == 12:
        return Said("", ())
    names = [MONTH_NAMES[month - 1] for month in sorted(months)]
    run = _run(months)
    if run:
        return speaker.form("month-range", first=names[0], last=names[-1])
    return speaker.form("months", names=listed(names, speaker.rng)) if len(names) <= LIST_LIMIT else None
