"""Numbers and hours in words, as digits: a student that never learned `eighty` reads `80`, and can point at `250`.

Only what is surely one number is read: where a name may be meant, in quotation marks, in paths and pairs, words stay words.
"""

import re
from collections.abc import Container, Mapping
from functools import cache

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()  # fmt: skip
WORDS = tuple(_SMALL[:13])  # zero to twelve, each at its value: what people write out most
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBERS: Mapping[str, int] = {  # from zero to nineteen, and the tens
    **{word: number for number, word in enumerate(_SMALL)},
    **{word: 20 + 10 * place for place, word in enumerate(_TENS)},
}
SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000}
NUMERALS = frozenset((*_SMALL[len(WORDS) :], *_TENS, *SCALES))  # with smaller ones people also tell times and count in prose
_HOURS = {"midnight": "12 am", "noon": "12 pm", "midday": "12 pm"}

_ONE, _TEEN, _TEN = "|".join(_SMALL[1:10]), "|".join(_SMALL[10:]), "|".join(_TENS)
_TWO = rf"(?:{_TEN})(?:[ -](?:{_ONE}))?"  # of two digits, from twenty on
_SUB = rf"(?:{_TWO}|{_TEEN}|{_ONE})"
_HUNDRED = rf"(?:(?:a|{_SUB}) )?hundred(?:(?: and)? {_SUB}(?! hundred\b))?"  # `two hundred and five hundred` are two
_THOUSAND = rf"(?:(?:a|{_HUNDRED}|{_SUB}) )?thousand(?:(?: and)? (?:{_HUNDRED}|{_SUB})(?! (?:hundred|thousand)\b))?"
_DOZEN = rf"(?:half a |a |(?:{_ONE}) )?dozen"
_AMOUNT = r"(?: ?(?:megs?|MB|Mi|MiB|mebibytes|megabytes|millicores?|millicpus?)\b)"
_COUNTED = (
    r"(?:[ -](?:seconds?|secs?|minutes?|mins?|hours?|days?|gigs?|megs?|cores?|replicas?|copies|instances|pods?|nodes?|times|percent|per)\b"
    r"|[ ]?%| to )"
)
_BEGIN, _END = r"""(?<![\w/.@:=$#?&~{<"'`-])""", r"""(?![\w/@:=>"'`]|-\w|\.\w)"""
_HYPHEN = r"(?P<hyphen>-(?=(?:second|minute|hour|day|week|gig|meg|core|replica|node)s?(?![\w-])))?"  # `a ninety-second grace`
_ANY = re.compile("|".join((*NUMERALS, *_HOURS, r"\band a half\b", r"\d-[a-z]")), re.IGNORECASE | re.ASCII)  # most texts hold none


@cache
def _numbers() -> re.Pattern[str]:
    """Return what finds numbers, hours and quotations; made when it is first needed, which takes 15 ms."""
    kinds = (
        r"""(?P<quoted>"[^"\n]{1,200}"|`[^`\n]{1,200}`|(?<!\w)'[^'\n]{1,200}'(?!\w))""",
        rf"{_BEGIN}(?:at|every|each|around|until|till) (?P<hour>midnight|noon|midday){_END}",
        rf"{_BEGIN}(?P<daily>midnight|noon|midday)(?= (?:every|each|daily|sharp)\b)",
        rf"{_BEGIN}(?P<half>(?:{_TEEN}|{_ONE}) and a half)(?= (?:gig|meg|core|cpu|GB|GiB|MB)s?\b)",
        rf"{_BEGIN}(?:at|around) (?P<clock>{_SUB} {_TWO})(?!{_AMOUNT}|{_COUNTED}){_END}",
        rf"{_BEGIN}(?P<pair>{_TWO} {_TWO}(?!{_AMOUNT}|{_COUNTED})|(?:{_ONE}) {_TWO}(?={_AMOUNT})){_END}",
        rf"{_BEGIN}(?:\d{{1,5}}|{_THOUSAND}|{_HUNDRED}|{_DOZEN}|{_TWO}|{_TEEN}){_HYPHEN}(?:(?<=-)|{_END})",
    )
    return re.compile("|".join(kinds), re.IGNORECASE | re.ASCII)


# Behind these stands a name, or may: `a job called forty`, `app: forty`, `a pod forty`; what counts is none: `a pod twenty times`.
_NAMES = re.compile(
    r"(?:\b(?:called|named|names?|(?:call|name) (?:it|them))(?: (?:is|be|as|should be))?[ :=*]*|[\w.-]:[ \t])\Z", re.IGNORECASE
)
_KINDS = "namespace|ns|service|deployment|statefulset|daemonset|pod|cronjob|job|configmap|secret|app|account|role|host|label|zone|key|image"
_OF_A_KIND = re.compile(rf"\b(?:{_KINDS}|config map) \Z", re.IGNORECASE)
_IS_A_KIND = re.compile(rf" (?:{_KINDS})\b(?! port)", re.IGNORECASE)
_COUNTS = re.compile(_COUNTED, re.IGNORECASE)
_LOOKED_BACK = 40  # characters
_LAST_HOUR, _MINUTES = 23, 60


def in_digits(text: str, known: Container[str]) -> str:
    """Return the text with numbers and hours in words as digits where one of their words is not `known`.

    Two numbers in a row are one where they are spoken so: `eighty eighty`, `one twenty-eight megs`, `at nine forty`. Takes linear time.
    """

    def digits(match: re.Match[str]) -> str:
        said = match[0]
        if match["quoted"]:
            return said
        if hour := match["hour"] or match["daily"]:
            return said if hour.lower() in known else said[: -len(hour)] + _HOURS[hour.lower()]
        if match["half"]:
            return f"{_value(said.lower().split()[:1])}.5"
        if said[0].isdigit():
            return said.replace("-", " ")
        words = said.lower().rstrip("-").replace("-", " ").split()
        if not any(word in NUMERALS and word not in known for word in words) or _may_name(text, match):
            return said
        if match["clock"]:
            return f"{words[0]} {_pair(words[1:], at=True)}"
        return _pair(words) if match["pair"] else str(_value(words)) + (" " if match["hyphen"] else "")

    return _numbers().sub(digits, text) if _ANY.search(text) else text


def _may_name(text: str, match: re.Match[str]) -> bool:
    """Say whether a name may stand where a number was found."""
    before = text[max(0, match.start() - _LOOKED_BACK) : match.start()]
    if match["hyphen"] or (not _NAMES.search(before) and _COUNTS.match(text, match.end())):
        return False
    return bool(_NAMES.search(before) or _OF_A_KIND.search(before) or (before.endswith("the ") and _IS_A_KIND.match(text, match.end())))


def _pair(words: list[str], at: bool = False) -> str:
    """Return two numbers as one, the second of two digits: `eighty eighty` → `8080`, `two fifty six` → `256`, `at` nine forty → `9:40`."""
    last = max(place for place, word in enumerate(words) if word in _TENS)
    first, second = _value(words[:last]), _value(words[last:])
    return f"{first}:{second}" if at and first <= _LAST_HOUR and second < _MINUTES else f"{first}{second}"


def _value(words: list[str]) -> int:
    """Return the number that the words are."""
    if "thousand" in words:
        place = words.index("thousand")
        return (_value(words[:place]) or 1) * 1000 + _value(words[place + 1 :])
    for name in ("hundred", "dozen"):
        if name in words:
            place = words.index(name)
            whole = (_value(words[:place]) or 1) * SCALES[name] + _value(words[place + 1 :])
            return whole // 2 if "half" in words else whole
    return sum(NUMBERS.get(word, 0) for word in words)
