"""From the messages of a chat to one request: our students read one, and know nothing of what was said before.

The last message of the user is the request. A manifest that stands in it, or in the last message before it that holds one, is what
the request asks to change, if by plain rules it does:

1. What makes something new is new, whatever stood before: "a service called x", "create ...", "now write ...", "another one".
2. Else, what changes or points back is a change: "make it 5 replicas", "also add a readiness probe", "scale to 3", "without the limits".
3. Questions and all else are requests of their own.

A system message is not shown to a student that notes: it was taught none, and would read the words as a part of the request. Any other
model is given the whole conversation as text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A request as a model is asked it; `manifest`: what it asks to change, "": it asks for something new.

    `document`: which of the manifest's objects, counted from 0, where it has several and the request names one by kind or name.
    """

    request: str
    manifest: str = ""
    document: int | None = None


_SEEN = 400  # characters of a request that decide: people say first what they want
_FENCE = re.compile(r"^[ ]{0,3}(`{3,16}|~{3,16})[^`~\n]{0,80}\n(.*?)(?:^[ ]{0,3}\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_HEAD = re.compile(r"^(?:apiVersion:[ \t]*\S+|kind:[ \t]*[A-Z]\w*)[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)

_KIND = re.compile(r"^kind:[ \t]*([A-Z]\w*)", re.MULTILINE)
_NAMES = re.compile(r"^  name:[ \t]*[\"']?([\w.-]+)", re.MULTILINE)  # of the object: below its metadata

_CHANGE = (
    r"make|change|set|scale|add|remove|delete|drop|rename|call|use|switch|swap|replace|update|upgrade|bump|increase|decrease|raise|lower|"
    r"reduce|double|halve|expose|mount|limit|allow|deny|turn|enable|disable|put|move|give|take|fix|adjust|edit|modify|keep|cut|grow|extend|"
    r"append|label|annotate|suspend|resume|pause|strip|let|run|pull|point|bind|require|restrict|schedule|tolerate|name"
)
_POLITE = (
    r"(?:(?:ok(?:ay)?|thanks|thank you|great|good|nice|perfect|please|pls|now|then|and|but|so|also|oh|hm+|actually|sorry|wait|no|yes|"
    r"instead|next|first|finally|just|can you|could you|would you|will you|can we|could we|let'?s|let us|i want you to|i'd like you to|"
    r"i would like to|i want to|we need to|you should|it should|it must|needs? to)\b[\s,.!:;-]*){0,8}"
)
_NAMED = r"(?:called|named|running|that runs|with image|with the name|for (?:an?|the) (?:app|application|service) )"
_KINDS = (
    r"(?:deployment|service|pod|statefulset|stateful set|daemonset|daemon set|cron ?job|job|ingress|config ?map|secret|namespace|"
    r"network ?policy|pvc|persistent volume(?: claim)?|(?:cluster)?role(?:binding)?|service ?account|hpa|autoscaler|pdb|"
    r"(?:pod )?disruption budget|quota|resource ?quota|limit ?range|storage ?class|replica ?set|manifest|yaml|gateway|httproute|crd)s?"
)
# A kind that stands by itself after an article is a new object; "a readiness probe", "an annotation" are parts of one.
_NEW = re.compile(
    rf"^\W{{0,8}}{_POLITE}(?:"
    rf"(?:(?:create|write|generate|draft|produce|build|deploy|prepare|compose|show me|get me|give me|make me|make|add|i need|i want|"
    rf"we need|i'd like)\s+)?(?:me\s+)?(?:(?:an?|another|one more|a second|a new|a separate|(?:a|the) matching)\s+)"
    rf"(?:[\w/.-]+\s+){{0,3}}?{_KINDS}\b"
    rf"|(?:create|write|generate|draft|compose)\b"
    rf"|{_KINDS}\s+{_NAMED}"
    rf"|another\b)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    rf"^\W{{0,8}}{_POLITE}(?:what|why|how|when|where|which|who|is|are|does|do|did|was|were|explain|describe|tell me|should i|can i)\b",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    rf"^\W{{0,8}}{_POLITE}(?:(?:{_CHANGE})\b|(?:(?:with|without|to|at|in|on|from|only|no|more|fewer|less|not)\b)|\d+\s+replicas?\b|the\s+\w+)",
    re.IGNORECASE,
)
_BACK = re.compile(r"\b(?:it|its|this|that one|the same|the above|above|instead|as well|too|also)\b", re.IGNORECASE)


def read_conversation(messages: Sequence[Message], notes: bool) -> Said:
    """Return what a conversation asks for; `notes`: of a student that notes. "" is asked for where no user has said anything."""
    users = [place for place, one in enumerate(messages) if one.role == "user" and one.text.strip()]
    if not users:
        return Said("")
    last = messages[users[-1]].text
    own, words = _taken_apart(last)
    if own and words and asks_for_change(words):
        return Said(words, own, _meant(own, words))
    held = next((found for one in reversed(messages[: users[-1]]) if (found := _taken_apart(one.text)[0])), "")
    if not own and held and asks_for_change(last):
        return Said(last.strip(), held, _meant(held, last))
    return Said(last.strip() if notes else _whole(messages[: users[-1] + 1]))


def asks_for_change(request: str) -> bool:
    """Say whether a request, made where a manifest is in sight, asks to change it rather than for something of its own."""
    request = request.strip()[:_SEEN]
    if _NEW.match(request) or _QUESTION.match(request):
        return False
    return _CHANGES.match(request) is not None or _BACK.search(request) is not None


def _meant(manifest: str, request: str) -> int | None:
    """Return the only object of several that a request names; None where it names none or more, and where there is one object."""
    documents = [part for part in _SEPARATOR.split(manifest) if _is_manifest(part)]
    said = set(re.findall(r"[\w.-]+", request.lower()))
    named = [place for place, part in enumerate(documents) if said & {word.lower() for word in _NAMES.findall(part)}]
    kinds = [place for place, part in enumerate(documents) if said & {word.lower() for word in _KIND.findall(part)}]
    return next((found[0] for found in (named, kinds) if len(found) == 1), None) if len(documents) > 1 else None


def _taken_apart(text: str) -> tuple[str, str]:
    """Return the last manifest of a message ("": none) and the words around it."""
    fenced = [found for found in _FENCE.finditer(text) if _is_manifest(found[2])]
    if fenced:
        found = fenced[-1]
        return found[2], f"{text[: found.start()]}{text[found.end() :]}".strip()
    if not _is_manifest(text):
        return "", text.strip()
    heads = [found.start() for found in _HEAD.finditer(text)]
    start = min(heads)
    before = [found.start() for found in _SEPARATOR.finditer(text, 0, start)]
    start = before[0] if before else start
    return text[start:].rstrip() + "\n", text[:start].strip()


def _is_manifest(text: str) -> bool:
    """Say whether a text looks like one: both lines that head every object stand in it, unindented."""
    heads = [found[0].partition(":")[0] for found in _HEAD.finditer(text)]
    return "apiVersion" in heads and "kind" in heads


def _whole(messages: Sequence[Message]) -> str:
    """Return a conversation as one text; a single message stands as it is."""
    said = [one for one in messages if one.text.strip()]
    if len(said) == 1:
        return said[0].text.strip()
    return "\n\n".join(f"{one.role}: {one.text.strip()}" for one in said)
