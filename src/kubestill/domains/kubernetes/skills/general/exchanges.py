"""The reverse road: the first turn of a real exchange, where it is short, English, and can be judged by its form."""

import json
import re
from collections.abc import Sequence
from typing import Any

from kubestill.domains.api import Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.skills.general.codes import CODES, FORM, SHAPE
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Finding, Result, Tier, Verdict
from kubestill.tools.checks.run import judged, passed, skipped

DOCUMENTS = "exchanges"
MAX_REQUEST_CHARS, MAX_ANSWER_CHARS, MAX_SYSTEM_CHARS = 900, 600, 200
MIN_ENGLISH = 0.06  # share of the words of a text of ten and more that are among the commonest of English
_COMMON = frozenset(
    "the of and to a in is it you that for on with as are be this at have from or by not but what how all can if do i me my your we".split()
)
_WORD = re.compile(r"[A-Za-z']+")
_NUMBER_AT_END = re.compile(r"\bThe answer is \$?(-?[\d,]*\.?\d+)%?\.?\s*\Z")
_ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)-])\s*\S")
NUMBER, LINE, LIST, TEXT = "number", "line", "list", "text"  # the forms of replies that can be told apart
_CODE = "K8S100"
_OTHERS = re.compile(r"\b(lyrics?|songs?|poems?|quot(e|es|ation|ations))\b", re.IGNORECASE)  # no licence of a data set covers those


def sample(document: Document, skill: str) -> Sample | Drop:
    """Return the sample that an exchange makes, or why it makes none."""
    turns = _turns(document.text)
    if turns is None:
        return Drop("unreadable-exchange")
    request, answer = turns
    if not request or not answer:
        return Drop("empty-turn")
    if len(request) > MAX_REQUEST_CHARS:
        return Drop("request-too-long")
    if len(answer) > MAX_ANSWER_CHARS:
        return Drop("answer-too-long")
    if _OTHERS.search(request):
        return Drop("asks for the words of others")
    if not (_is_english(request) and _is_english(answer)):
        return Drop("not-english")
    form, value = _reply(answer)
    intents = (Intent("task", (), skill), Intent("expect.reply", (form,), value))
    if not judge(answer, intents).passed:
        return Drop("unjudgeable-answer")
    return Sample(
        f"{stable_hash(request, answer):016x}", skill, request, answer, intents, document.kind, "reverse", (), dict(document.source)
    )


def judge(answer: str, intents: Sequence[Intent]) -> Verdict:
    """Judge a free reply by its form, and a number at its end by its value."""
    text = answer.strip()
    fault = "the answer is empty" if not text else f"found {len(text)} characters" if len(text) > 2 * MAX_ANSWER_CHARS else ""
    if fault:
        return Verdict((_failed(FORM, fault), skipped(SHAPE, Tier.SYNTAX, "the form tier failed")))
    wanted = next(intent for intent in intents if intent.aspect == "expect.reply")
    form = wanted.keys[0]
    shape = _shape_fault(text, form)
    results = [passed(FORM, Tier.FORM), _failed(SHAPE, shape) if shape else passed(SHAPE, Tier.SYNTAX)]
    if form == NUMBER and not shape:
        found = _NUMBER_AT_END.search(text)
        right = found is not None and parse_quantity(found[1].replace(",", "")) == parse_quantity(wanted.value)
        findings = () if right else (Finding(_CODE, "value", f"right is {wanted.value}", Tier.INTENT),)
        results.append(judged(_CODE, Tier.INTENT, findings) if findings else passed(_CODE, Tier.INTENT))
    return Verdict(tuple(results))


def _shape_fault(text: str, form: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if form == LINE and len(lines) != 1:
        return f"found {len(lines)} lines, expected one"
    if form == LIST and sum(bool(_ITEM.match(line)) for line in lines) < 2:
        return "found no list, expected one"
    if form == NUMBER and not _NUMBER_AT_END.search(text):
        return "expected 'The answer is' and a number at the end"
    return ""


def _reply(answer: str) -> tuple[str, str]:
    """Return the form of a reply and, where it ends in a number, that number."""
    if match := _NUMBER_AT_END.search(answer):
        return NUMBER, match[1].replace(",", "")
    lines = [line for line in answer.splitlines() if line.strip()]
    if len(lines) == 1:
        return LINE, ""
    return (LIST, "") if sum(bool(_ITEM.match(line)) for line in lines) >= 2 else (TEXT, "")


def _turns(text: str) -> tuple[str, str] | None:
    """Return the first request, after a short system message, and the reply to it; None where the text is no exchange."""
    try:
        messages = json.loads(text)["messages"]
        turns = [(str(message["role"]), str(message["content"]).strip()) for message in messages]
    except (ValueError, KeyError, TypeError):
        return None
    system = [said for role, said in turns if role == "system"][:1]
    place = next((number for number, (role, _) in enumerate(turns) if role == "user"), None)
    if place is None or place + 1 >= len(turns) or turns[place + 1][0] != "assistant":
        return None
    before = f"{system[0]}\n\n" if system and 0 < len(system[0]) <= MAX_SYSTEM_CHARS else ""
    return before + turns[place][1], turns[place + 1][1]


def _is_english(text: str) -> bool:
    """Say whether a text is in Latin letters and, where it is long enough to tell, holds the small words of English."""
    letters = [letter for letter in text if letter.isalpha()]
    if letters and sum(letter.isascii() for letter in letters) < 0.97 * len(letters):
        return False
    words = _WORD.findall(text.lower())
    return len(words) < 10 or sum(word in _COMMON for word in words) >= MIN_ENGLISH * len(words)


def _failed(code: str, message: str, path: str = "") -> Result:
    meaning: Any = CODES[code]
    return judged(code, meaning.tier, (Finding(code, path, message, meaning.tier, 1, 1, remedy=meaning.remedy),))
