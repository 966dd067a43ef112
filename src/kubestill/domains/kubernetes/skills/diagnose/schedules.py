"""When a CronJob is due: the five fields of its schedule as cron reads them, for the forms that are drawn here."""

from collections.abc import Iterator
from datetime import datetime, timedelta

_MOST_DAYS = 800  # a schedule that is due on no day of two years is never due


def dues(schedule: str, now: datetime) -> Iterator[datetime]:
    """Give the times at which a schedule was due, the latest first, from `now` back; numbers, lists, ranges, `*` and `*/n` are read."""
    minute, hour, day, month, weekday = schedule.split(" ")
    minutes, hours = _values(minute, 0, 59), _values(hour, 0, 23)
    days, months, weekdays = _values(day, 1, 31), _values(month, 1, 12), {value % 7 for value in _values(weekday, 0, 7)}
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(_MOST_DAYS):
        date = midnight - timedelta(days=back)
        if date.day not in days or date.month not in months or date.isoweekday() % 7 not in weekdays:
            continue
        for at in sorted(hours, reverse=True):
            for past in sorted(minutes, reverse=True):
                if (due := date.replace(hour=at, minute=past)) <= now:
                    yield due


def _values(field: str, least: int, most: int) -> set[int]:
    """Return the numbers that a field names."""
    found: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        low, high = (least, most) if span == "*" else (int(first), int(last or first))
        found.update(range(low, high + 1, int(step or 1)))
    return found
