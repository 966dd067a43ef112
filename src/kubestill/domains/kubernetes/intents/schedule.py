"""When two cron expressions plainly mean the same: names for numbers, lists in any order, macros written out."""

import re

_DAYS = {name: str(place) for place, name in enumerate("SUN MON TUE WED THU FRI SAT".split())}
_MONTHS = {name: str(place) for place, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_NAME = re.compile(r"[A-Z]{3}")


def schedule_meaning(expression: str) -> str:
    """Return a cron expression with numbers for names and its lists in order."""
    fields = _MACROS.get(expression, expression).upper().split()
    if len(fields) == 5:
        fields[3] = _NAME.sub(lambda match: _MONTHS.get(match[0], match[0]), fields[3])
        fields[4] = _NAME.sub(lambda match: _DAYS.get(match[0], match[0]), fields[4])
        fields = [",".join(sorted(field.split(","))) for field in fields]
    return " ".join(fields)
