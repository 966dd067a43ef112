"""Meaning is compared with a second way: walking through days of the calendar and matching each by the rule."""

from datetime import date, timedelta
from random import Random

import pytest

from kubestill.domains.cron import domain
from kubestill.domains.cron.checks import CHECKS, intents
from kubestill.domains.cron.drawing import expression
from kubestill.domains.cron.schedule import NotASchedule, Schedule, parse, spell
from kubestill.tools.checks.api import Outcome


def days(schedule: Schedule) -> set[date]:
    """Walk 28 years (every weekday meets every date) and apply robfig/cron's rule, spec.go, dayMatches."""
    found, day = set(), date(2000, 1, 1)
    while day < date(2028, 1, 1):
        on_date, on_weekday = day.day in schedule.days, day.isoweekday() % 7 in schedule.weekdays
        either = (on_date and on_weekday) if schedule.any_day or schedule.any_weekday else (on_date or on_weekday)
        if day.month in schedule.months and either:
            found.add(day)
        day += timedelta(days=1)
    return found


def times(schedule: Schedule) -> tuple[set[tuple[int, int]], frozenset[date]]:
    return {(hour, minute) for hour in schedule.hours for minute in schedule.minutes}, frozenset(days(schedule))


SAME = [
    ("*/5 * * * *", "0-59/5 * * * *"),
    ("0 9 * * MON-FRI", "0 9 * * 1,2,3,4,5"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * sun"),
    ("0 0 1-31 * *", "0 0 * * *"),
    ("0 0 30 4 *", "0 0 30,31 4 *"),
    ("0 0 30 2,4 *", "0 0 30 4 *"),
    ("5/15 * * * *", "5,20,35,50 * * * *"),
    ("0 0 1 * 0-6", "0 0 * * *"),
    ("0 0 ? JAN ?", "0 0 * 1 *"),
    ("0 0 1-30 4,6 *", "0 0 * 4,6 *"),
]
OTHER = [
    ("0 9 * * 1-5", "0 9 * * 1-6"),
    ("0 9 13 * 5", "0 9 13 * *"),
    ("0 9 13 * 5", "0 9 * * 5"),
    ("0 0 29 2 *", "0 0 28 2 *"),
    ("0 0 */2 * 1", "0 0 1-31/3 * 1"),
    ("0 12 * * *", "0 0 * * *"),
    ("0 0 * * *", "30 0 * * *"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_two_spellings_of_one_meaning_are_equal(first, second):
    assert intents(parse(first)) == intents(parse(second))
    assert times(parse(first)) == times(parse(second))


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_two_meanings_are_not(first, second):
    assert intents(parse(first)) != intents(parse(second))
    assert times(parse(first)) != times(parse(second))


def test_date_bits_are_equal_exactly_when_the_walked_days_are():
    rng = Random(3)
    schedules = [parse(expression(rng)) for _ in range(30)]
    walked = [days(schedule) for schedule in schedules]
    for one, first in enumerate(schedules):
        for two, second in enumerate(schedules):
            assert (first.dates == second.dates) == (walked[one] == walked[two])


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "*/0 * * * *", "3-1 * * * *", "a * * * *"]
)
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(NotASchedule):
        parse(text)


def test_spelling_of_a_set_reads_back():
    assert spell({0, 15, 30, 31, 32}) == "0,15,30-32"
    assert parse(f"{spell({1, 2, 3, 9})} * * * *").minutes == {1, 2, 3, 9}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_check_fails_its_bad_examples_and_passes_its_good_ones(check):
    def outcome(text):
        return next(result.outcome for result in domain().judge(text).results if result.code == check.code)

    assert all(outcome(text) is Outcome.FAIL for text in check.bad)
    assert all(outcome(text) is Outcome.PASS for text in check.good)


def test_another_spelling_of_what_was_asked_passes_and_another_time_names_the_field():
    asked = intents(parse("*/15 9-17 * * 1-5"))
    assert domain().judge("0,15,30,45 9-17 * * MON-FRI\n", asked).passed
    verdict = domain().judge("*/15 9-17 * * *", asked)
    assert verdict.failed_on == "intent" and [finding.path for finding in verdict.findings] == ["day"]
    assert domain().judge("every 15 minutes", asked).failed_on == "form"
    assert domain().judge("61 9 * * *", asked).failed_on == "syntax"
    assert not domain().judge("*/15 9-17 * * 1-5\n\nHope this helps!", asked).passed
