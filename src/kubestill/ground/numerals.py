"""Numbers and hours in words, as digits: a student that never learned `eighty` reads `80`, and can point at `250`.

Only what is surely one number is read: where a name may be meant, in quotation marks, in paths and pairs, words stay words.
"""

import re
from collections.abc import Container
from functools import cache

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()  # fmt: skip
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {word: number for number, word in enumerate(_SMALL)} | {word: 20 + 10 * place for place, word in enumerate(_TENS)}
_TIMES = {"dozen": 12, "hundred": 100, "thousand": 1000}
NUMERALS = frozenset((*_SMALL[13:], *_TENS, *_TIMES))  # over twelve: with smaller ones people also tell times and count things in prose
_HOURS = {"midnight": "00:00", "noon": "12:00", "midday": "12:00"}

_ONE, _TEEN, _TEN = "|".join(_SMALL[1:10]), "|".join(_SMALL[10:]), "|".join(_TENS)
_TWO = rf"(?:{_TEN})(?:[ -](?:{_ONE}))?"  # of two digits, from twenty on
_SUB = rf"(?:{_TWO}|{_TEEN}|{_ONE})"
_HUNDRED = rf"(?:(?:a|{_SUB}) )?hundred(?:(?: and)? {_SUB}(?! hundred\b))?"  # `two hundred and five hundred` are two
_THOUSAND = rf"(?:(?:a|{_HUNDRED}|{_SUB}) )?thousand(?:(?: and)? (?:{_HUNDRED}|{_SUB})(?! (?:hundred|thousand)\b))?"
_DOZEN = rf"(?:half a |a |(?:{_ONE}) )?dozen"
_UNIT = r"(?= ?(?:megs?|MB|Mi|MiB|mebibytes|megabytes|millicores?|millicpus?)\b)"
_BEGIN, _END = r"""(?<![\w/.@:=$#?&~{<"'`-])""", r"""(?![\w/@:=>"'`-]|\.\w)"""
_ANY = re.compile("|".join((*NUMERALS, *_HOURS)), re.IGNORECASE | re.ASCII)  # most texts hold none


@cache
def _numbers() -> re.Pattern[str]:
    """Return what finds numbers, hours and quotations; made when it is first needed, which takes 15 ms."""
    kinds = (
        r"""(?P<quoted>"[^"\n]{1,200}"|`[^`\n]{1,200}`|(?<!\w)'[^'\n]{1,200}'(?!\w))""",
        rf"{_BEGIN}(?:at|every|each|around|until|till) (?P<hour>midnight|noon|midday){_END}",
        rf"{_BEGIN}(?P<pair>{_TWO} {_TWO}|(?:{_ONE}) {_TWO}{_UNIT}){_END}",
        rf"{_BEGIN}(?:{_THOUSAND}|{_HUNDRED}|{_DOZEN}|{_TWO}|{_TEEN}){_END}",
    )
    return re.compile("|".join(kinds), re.IGNORECASE | re.ASCII)


# Behind these stands a name, or may: `a job called forty`, `app: forty`, `namespace forty-two`.
_NAMES = re.compile(
    r"(?:\b(?:called|named|names?|(?:call|name) (?:it|them)|namespace|ns|service|deployment|app|secret|configmap|account|role|host|label)"
    r"(?: (?:is|be|as|should be))?[ :=*]*|[\w.-]:[ \t])\Z",
    re.IGNORECASE,
)
_LOOKED_BACK = 40  # characters


def in_digits(text: str, known: Container[str]) -> str:
    """Return the text with numbers and hours in words as digits where one of their words is not `known`.

    Two numbers in a row are one where they are spoken so: `eighty eighty`, `one twenty-eight megs`. Takes linear time.
    """

    def digits(match: re.Match[str]) -> str:
        if match["quoted"]:
            return match[0]
        if hour := match["hour"]:
            return match[0] if hour.lower() in known else match[0][: -len(hour)] + _HOURS[hour.lower()]
        words = match[0].lower().replace("-", " ").split()
        before = text[max(0, match.start() - _LOOKED_BACK) : match.start()]
        if _NAMES.search(before) or not any(word in NUMERALS and word not in known for word in words):
            return match[0]
        return _pair(words) if match["pair"] else str(_value(words))

    return _numbers().sub(digits, text) if _ANY.search(text) else text


def _pair(words: list[str]) -> str:
    """Return two numbers as one, the second of two digits: `eighty eighty` → `8080`, `two fifty six` → `256`."""
    first = [words[0]] if words[1] in _TENS else words[:2]
    return f"{_value(first)}{_value(words[len(first) :])}"


def _value(words: list[str]) -> int:
    """Return the number that the words are."""
    if "thousand" in words:
        place = words.index("thousand")
        return (_value(words[:place]) or 1) * 1000 + _value(words[place + 1 :])
    for name in ("hundred", "dozen"):
        if name in words:
            place = words.index(name)
            whole = (_value(words[:place]) or 1) * _TIMES[name] + _value(words[place + 1 :])
            return whole // 2 if "half" in words else whole
    return sum(_VALUES.get(word, 0) for word in words)
