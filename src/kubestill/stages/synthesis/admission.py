"""What a teacher wrote is admitted only if the instruments pass it and it fits its context: no identifier missing, none invented.

A request cannot be judged as an answer can. What can be held is that it names all that the verified request names, in that order and
spelling, nothing else, and nothing of the answer. That leaves the teacher the words between: which is what it was bought for.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kubestill.domains.api import EXPECTED, Sample
from kubestill.ground.numerals import WORDS

_WORD = re.compile("[^\\s\"'`\u201c\u201d\u2018\u2019()\\[\\]{}<>,;|]+")
_ENDS = ".:!?*-\u2026\u2013\u2014"  # what may stand around a word of a sentence
_SHAPED = re.compile(r"\d|[A-Za-z][./:_@=-][A-Za-z]|[a-z][A-Z]|^[/~.][\w/]")  # what nobody takes for an English word
_COUNTED = re.compile(r"(\d+)-[a-z]+\Z")  # 15-minute
# Words with hyphens that are English: one of these is their first part or their last.
_JOINED = frozenset(
    "a after all and at back built by call co day double down end ever ex far five follow for four front full half hand hard high "
    "hour in is it key last less like local log long look low made make mid minute much multi near new night no non not of off old "
    "on once one only open out over per pre quick re ready real right roll run second self set shared short side sign single six "
    "so start step still stop sub ten the three time to top two up user well wide work write year".split()
)
_SLASHED = re.compile(r"([a-z]+/[a-z]+|e\.g|i\.e|[kK]8s)\Z")  # and/or
_NUMBERED = re.compile(r"^\W*(step )?\d{1,2}[.):](?=\s)", re.MULTILINE | re.IGNORECASE)  # the number of a line
_YAML = re.compile(r"^\s*(- )?[A-Za-z][\w./-]*:(\s|$)", re.MULTILINE)
MIN_REQUEST_CHARS, MAX_ROOM_CHARS, MAX_GROWTH = 8, 160, 1.8  # a request grows to 1.8 times the old one, or by 160 characters
YAML_LINES = 2  # lines `key: value` from which on a request is a manifest
NEIGHBOUR_CHARS = 12  # between two values that may change places: `the deployment web`, `web, a deployment`
MIN_LEAK_CHARS = 12  # a shorter line of an answer may well be a value


def identifiers(text: str) -> frozenset[str]:
    """Return the words of a text that name or count something: whatever holds a digit, or is shaped as no English word is."""
    words = (part for word in _WORD.findall(_NUMBERED.sub(" ", text)) for part in word.split("="))
    bare = (word.strip(_ENDS).removesuffix("'s") for word in words)
    counted = (found[1] if (found := _COUNTED.match(word)) else word for word in bare)
    return frozenset(word for word in counted if _SHAPED.search(word) and not _english(word))


def _english(word: str) -> bool:
    parts = word.lower().split("-")
    joined = len(parts) > 1 and all(part.isalpha() for part in parts) and bool({parts[0], parts[-1]} & _JOINED)
    return joined or bool(_SLASHED.match(word))


def _invented(text: str, known: frozenset[str], words: str) -> list[str]:
    """Return the identifiers of a text that are not known, nor put together from what is known: `8080/TCP` from `8080` and `TCP`."""
    folded = {word.lower() for word in known} | set(re.findall(r"\w+", words.lower()))
    new = sorted(word for word in identifiers(text) if word.lower() not in folded)
    return [word for word in new if "-" in word or not set(re.split(r"[/:=@]", word.lower())) <= folded | {""}]


def request_faults(request: str, sample: Sample, context: Mapping[str, str]) -> list[str]:
    """Say why a request is not one that the sample's answer answers; empty: nothing speaks against it. The first word is the reason."""
    old = sample.request
    if request.split() == old.split():
        return ["unchanged: this is the request that you were to say otherwise"]
    if not MIN_REQUEST_CHARS <= len(request) <= max(len(old) * MAX_GROWTH, len(old) + MAX_ROOM_CHARS):
        return [f"length: {len(request)} characters, where the old request has {len(old)}"]
    faults = [f"leak: {line!r} is part of the answer" for line in _leaks(request, sample)]
    needed = _needed(sample)
    faults += [f"missing: {value!r} does not stand in the request" for value in needed if not _stands(value, request)]
    values = " ".join(_values(sample))
    known = identifiers(f"{old}\n{sample.answer}\n{values}") | _told(context)
    new = _invented(request, known, f"{old} {sample.answer} {values}")
    faults += [f"invented: {word!r} is not in the closed vocabulary" for word in new]
    return faults or _order(needed, request, old)


def answer_faults(answer: str, sample: Sample, context: Mapping[str, str]) -> list[str]:
    """Say which identifiers of an answer stand neither in the request, nor in the verified answer, nor in the context's vocabulary."""
    texts = f"{sample.request}\n{sample.answer}"
    known = identifiers(texts) | _told(context)
    new = [word for word in _invented(answer, known, texts) if not word.isdecimal()]
    return [f"invented: {word!r} is not in the closed vocabulary" for word in new]


def _told(context: Mapping[str, str]) -> frozenset[str]:
    return frozenset(context.get("vocabulary", "").split()) | identifiers(context.get("slice", ""))


def _needed(sample: Sample) -> list[str]:
    """Return what a new request must name, in the old one's order: its identifiers, and the values of its intents that it spells out."""
    old = sample.request
    found = set(identifiers(old)) | {value for value in _values(sample) if _literal(value, old)}
    return sorted(found, key=lambda value: (_place(value, old), value))


def _values(sample: Sample) -> list[str]:
    said = (intent for intent in sample.intents if not intent.aspect.startswith(EXPECTED) and intent.aspect != "task")
    return [text for intent in said for text in (*intent.keys, *_texts(intent.value)) if text]


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, tuple):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _literal(value: str, text: str) -> bool:
    """Say whether a value stands in a text as it is spelled, as a word of its own."""
    return re.search(rf"(?<![\w]){re.escape(value)}(?![\w])", text, re.IGNORECASE) is not None


def _stands(value: str, text: str) -> bool:
    """Say whether a text names a value: as spelled, a quantity with a blank before its unit, a small number as a word, a kind in parts."""
    if _literal(value, text):
        return True
    if value.isdecimal():
        return int(value) < len(WORDS) and _literal(WORDS[int(value)], text)
    if quantity := re.fullmatch(r"([\d.]+)([A-Za-z]+)", value):
        return re.search(rf"(?<![\w.]){re.escape(quantity[1])}\s?{quantity[2]}(i?b)?(?![\w])", text, re.IGNORECASE) is not None
    if re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)+", value):  # StatefulSet: "stateful set", "stateful-sets"
        return value.lower() in re.sub(r"[\s_-]", "", text.lower())
    return False


def _place(value: str, text: str) -> int:
    found = re.search(rf"(?<![\w]){re.escape(value)}(?![\w])", text, re.IGNORECASE)
    return found.start() if found else len(text)


def _order(needed: list[str], request: str, old: str) -> list[str]:
    """What stands once in both requests must stand in one order, but for neighbours: a student's notes follow it (docs/decisions/0010)."""
    both = (request.lower(), old.lower())
    once = [value for value in needed if all(text.count(value.lower()) == 1 for text in both)]
    places = {value: (_place(value, old), _place(value, request)) for value in once}
    for value, (there, here) in places.items():
        if any(there - len(other) - before >= NEIGHBOUR_CHARS and after > here for other, (before, after) in places.items()):
            return [f"order: {value!r} must be named later, as in the old request"]
    return []


def _leaks(request: str, sample: Sample) -> list[str]:
    """Return lines of the answer that the request gives away though the old one did not."""
    if "```" in request or ("apiVersion:" in request and "apiVersion:" not in sample.request):
        return ["code"]
    if len(_YAML.findall(request)) >= YAML_LINES + len(_YAML.findall(sample.request)):
        return ["YAML"]
    lines = {line.strip() for line in sample.answer.splitlines()}
    long = [line for line in lines if len(line) >= MIN_LEAK_CHARS and " " in line]
    return sorted(line for line in long if line.lower() in request.lower() and line.lower() not in sample.request.lower())
