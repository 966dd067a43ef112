"""Schedules to ask for: drawn by kind, written as people write them."""

from random import Random

FIELD_STEPS = {"minute": (2, 3, 4, 5, 6, 10, 12, 15, 20, 30), "hour": (2, 3, 4, 6, 8, 12)}  # divisors: `*/7` is not "every 7 minutes"
MONTH_DAYS = 28  # every month has them: a job on the 31st is seldom meant


def expression(rng: Random) -> str:
    """Return a cron expression of one of the shapes that people ask for."""
    shape = rng.choices(("at", "interval", "window"), (6, 3, 2))[0]
    if shape == "at":
        return f"{_minute(rng)} {_hours(rng)} {_calendar(rng)}"
    if shape == "window":
        start = rng.randrange(0, 20)
        return f"*/{rng.choice(FIELD_STEPS['minute'])} {start}-{rng.randrange(start + 2, 24)} {_calendar(rng)}"
    minute = rng.choice(("*", "0", str(rng.randrange(60)), f"*/{rng.choice(FIELD_STEPS['minute'])}"))
    hour = f"*/{rng.choice(FIELD_STEPS['hour'])}" if minute.isdecimal() and rng.random() < 0.6 else "*"
    return f"{minute} {hour} {_calendar(rng) if rng.random() < 0.4 else '* * *'}"


def _minute(rng: Random) -> int:
    return rng.choice((0, 0, 15, 30, 45, rng.randrange(60), rng.randrange(60)))


def _hours(rng: Random) -> str:
    count = rng.choices((1, 2, 3), (8, 2, 1))[0]
    return ",".join(str(hour) for hour in sorted(rng.sample(range(24), count)))


def _calendar(rng: Random) -> str:
    """Return the last three fields."""
    kind = rng.choices(("daily", "weekly", "monthly", "either"), (3, 5, 3, 1))[0]
    months = _months(rng) if rng.random() < 0.25 else "*"
    if kind == "daily":
        return f"* {months} *"
    if kind == "weekly":
        return f"* {months} {_weekdays(rng)}"
    days = ",".join(str(day) for day in sorted(rng.sample(range(1, MONTH_DAYS + 1), rng.choices((1, 2, 3), (6, 2, 1))[0])))
    if kind == "either":
        return f"{rng.randrange(1, MONTH_DAYS + 1)} {months} {rng.randrange(7)}"
    if rng.random() < 0.2:
        first = rng.randrange(1, MONTH_DAYS - 2)
        days = f"{first}-{rng.randrange(first + 2, MONTH_DAYS + 1)}"
    return f"{days} {months} *"


def _weekdays(rng: Random) -> str:
    kind = rng.choices(("work", "weekend", "some", "range"), (3, 1, 4, 2))[0]
    if kind == "work":
        return "1-5"
    if kind == "weekend":
        return "0,6"
    if kind == "range":
        first = rng.randrange(1, 4)
        return f"{first}-{rng.randrange(first + 2, 7)}"
    return ",".join(str(day) for day in sorted(rng.sample(range(7), rng.choices((1, 2, 3), (6, 2, 1))[0])))


def _months(rng: Random) -> str:
    if rng.random() < 0.4:
        first = rng.randrange(1, 10)
        return f"{first}-{rng.randrange(first + 2, 13)}"
    return ",".join(str(month) for month in sorted(rng.sample(range(1, 13), rng.choices((1, 2, 3), (6, 2, 1))[0])))
