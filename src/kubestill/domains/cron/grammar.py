"""Cron expressions as a grammar: what schedule.py reads, and nothing else. Ranges run upwards, steps are whole numbers from 1.

A range `from-to` is regular since both ends are small: one alternative for each `from`, with all that it may end with.
"""

from dataclasses import dataclass
from functools import cache

from kubestill.domains.cron.schedule import BOUNDS, DAYS, MACROS, MONTHS
from kubestill.tools.grammar.api import Given, Grammar, Reading, Step

_STEP = "(/0?[1-9][0-9]{0,2})?"  # the reader takes longer ones, too: they mean what a step of 59 means
_NAMES = {3: MONTHS, 4: DAYS}
_BLANK = " "  # the reader takes any number; nobody needs more than one


@cache
def cron_grammar() -> Grammar:
    """Return the grammar of five-field expressions and macros such as `@daily`, without blanks around them."""
    fields = _BLANK.join(_field(number) for number in range(len(BOUNDS)))
    macros = "|".join(MACROS)
    pattern = f"({macros}|{fields})".replace("/", "\\/")
    return Grammar(f'%llguidance {{"no_forcing": true}}\nstart: CRON\nCRON: /{pattern}/\n', name="cron")


@dataclass(frozen=True, slots=True)
class CronGuide:
    """Leads an answer that is one cron expression."""

    def start(self, reading: Reading) -> Step | Given:  # noqa: ARG002 - the protocol's: a schedule repeats no word of the request
        """Return the one step."""
        return Step(cron_grammar())


def _field(number: int) -> str:
    item = _item(number)
    return f"{item}(,{item})*"


def _item(number: int) -> str:
    """Return a star, a value or a range, each with a step or without."""
    low, high = BOUNDS[number]
    starts = (f"{_value(number, start, start)}(-{_value(number, start, high)})?" for start in range(low, high + 1))
    return f"([*?]|{'|'.join(starts)}){_STEP}"


def _value(number: int, low: int, high: int) -> str:
    """Return a number from low to high, or a name for one, in any case; a leading zero means nothing (`05`)."""
    first = BOUNDS[number][0]
    names = _NAMES.get(number, ())[low - first : high - first + 1]
    spelled = "|".join("".join(f"[{letter}{letter.lower()}]" for letter in name) for name in names)
    return f"(0?{_numbers(low, high)}{'|' + spelled if spelled else ''})"


def _numbers(low: int, high: int) -> str:
    """Return the numbers from low to high, by tens."""
    tens: dict[str, list[str]] = {}
    for value in range(low, high + 1):
        tens.setdefault(str(value)[:-1], []).append(str(value)[-1])
    return "(" + "|".join(f"{ten}[{''.join(ones)}]" for ten, ones in tens.items()) + ")"
