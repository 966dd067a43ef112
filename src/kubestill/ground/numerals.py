"""Numbers and times in words, as digits: a student that never learned `eighty` reads `80`, and can point at `250`."""

import re
from collections.abc import Container, Iterator

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()  # fmt: skip
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {word: number for number, word in enumerate(_SMALL)} | {word: 20 + 10 * place for place, word in enumerate(_TENS)}
_TIMES = {"dozen": 12, "hundred": 100, "thousand": 1000}
_NUMBER = "|".join((*_VALUES, *_TIMES))
# Whole words alone: not in `seventy-two-app`, `repo/forty`, `twenty-first`, `"forty"`. Before dozens and hundreds `a` and `half a` count.
_NUMBERS = re.compile(
    rf"""(?<![\w/.@"'`-])(?:(?:half )?an? (?=hundred|thousand|dozen))?(?:{_NUMBER})(?:(?:[ -]| and )(?:{_NUMBER}))*(?![\w/@"'`-]|[.:]\w)""",
    re.I,
)
_NAMES = re.compile(r"\b(?:called|named|names?)[\s:=\"'`*]*\Z", re.I)  # what stands after it is a name
_HOURS = {"midnight": "00:00", "noon": "12:00", "midday": "12:00"}
_HOUR = re.compile(r"\b(at|every|each|around|by|until|till|before|after|past|from) (midnight|noon|midday)(?![\w/@-]|\.\w)", re.I)
_BEFORE_HOURS = re.compile(r"\b(?:at|around|by|from|to|till|until|before|after|past) \Z", re.I)
_LAST_HOUR, _MINUTES = 24, 60


def in_digits(text: str, known: Container[str]) -> str:
    """Return the text with numbers and hours in words as digits where a word of them is not `known`."""

    def number(match: re.Match[str]) -> str:
        words = match[0].lower().replace("-", " ").split()
        named = _NAMES.search(text, max(0, match.start() - 12), match.start())
        if named or all(word in known for word in words):
            return match[0]
        return " ".join(_joined(list(_read(words)), bool(_BEFORE_HOURS.search(text, max(0, match.start() - 8), match.start()))))

    def hour(match: re.Match[str]) -> str:
        return match[0] if match[2].lower() in known else f"{match[1]} {_HOURS[match[2].lower()]}"

    return _HOUR.sub(hour, _NUMBERS.sub(number, text))


def _read(words: list[str]) -> Iterator[int]:
    """Yield the numbers that stand in a row of words."""
    if words[:2] == ["half", "a"]:
        yield _TIMES[words[2]] // 2
        words = words[3:]
    whole, part = 0, -1  # thousands, and what is yet to be multiplied; -1: nothing
    for word in words:
        if word in ("a", "an", "and"):
            continue
        if word == "thousand":
            whole, part = max(part, 1) * 1000, -1
        elif word in _TIMES:
            part = max(part, 1) * _TIMES[word]
        elif part < 0:
            part = _VALUES[word]
        elif _goes_on(part, _VALUES[word]):
            part += _VALUES[word]
        else:
            yield whole + part
            whole, part = 0, _VALUES[word]
    if whole or part >= 0:
        yield whole + max(part, 0)


def _goes_on(number: int, more: int) -> bool:
    """Say whether a number may go on so: tens by one to nine, hundreds by less than a hundred."""
    return (number % 100 == 0 and number > 0) or (number % 100 >= 20 and number % 10 == 0 and 0 < more < 10)


def _joined(numbers: list[int], at: bool) -> list[str]:
    """Return numbers as digits; two in a row are one as they are spoken: `eighty eighty`, `two fifty-six`; `at` two fifty-six an hour."""
    if len(numbers) == 2 and 10 <= numbers[1] < 100:
        if at and numbers[0] <= _LAST_HOUR and numbers[1] < _MINUTES:
            return [f"{numbers[0]}:{numbers[1]}"]
        if 0 < numbers[0] < 10 or _LAST_HOUR < numbers[0] < 100:
            return [f"{numbers[0]}{numbers[1]}"]
    return list(map(str, numbers))
