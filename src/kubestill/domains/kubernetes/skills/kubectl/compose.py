"""From a family of commands to one request and its command: options are chosen, values drawn, parts put together as people do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.skills.kubectl.catalogue import Family, Option, frames, options
from kubestill.domains.kubernetes.skills.kubectl.draft import FAMILY, SLOT, Draft, owned
from kubestill.domains.kubernetes.skills.kubectl.slots import Slot, draw_slot
from kubestill.domains.kubernetes.skills.kubectl.wording import in_frame, request

MAX_OPTIONS = 3  # more than so many nobody says in one breath
MAX_RIGHT = 12  # equal commands of one sample
_HURRIED = 0.12  # how often a kind is called by its short name in a whole sentence
_UNSPOKEN = frozenset({"po", "ing", "pc", "cj", "rs"})  # short names that are typed and never said


@dataclass(slots=True)
class Composed:
    """A request with its command. `commands` are all that are right, the answer first; `skeleton` is the request without its values."""

    request: str
    commands: tuple[str, ...]
    skeleton: str
    forms: tuple[str, ...]


def compose(family: Family, rng: Random, part: str) -> Composed:
    """Draw the values and options of a family and write the request for its command."""
    draft = Draft(rng, part, family)
    _draw_slots(draft, FAMILY, [f"{one.head} {one.flags} {one.tail}" for one in family.commands])
    draft.chosen = _choose(draft)
    for place, option in enumerate(draft.chosen):
        _draw_slots(draft, str(place), option.flags)
    commands = tuple(dict.fromkeys(_commands(draft)))
    skeleton, short = request(draft)
    return Composed(_filled(draft, skeleton, short), commands, skeleton, tuple(draft.forms))


def framed(core: str, rng: Random, part: str) -> tuple[str, tuple[str, ...]]:
    """Return an infinitive as a request, and the ids of the parts around it."""
    draft = Draft(rng, part, Family("", "", (), (), 1.0, {}))
    return in_frame(draft, core), tuple(draft.forms)


def _draw_slots(draft: Draft, owner: str, templates: Sequence[str]) -> None:
    """Draw the slots of templates; two of one sort differ in what they are called."""
    words = Words(draft.rng, draft.part)
    for template in templates:
        for _, name, _ in SLOT.findall(template):
            if (owner, name) in draft.slots:
                continue
            taken = {_called(draft.slots[other]) for other in draft.slots if other[0] == owner}
            slot = draw_slot(name, words)
            while _called(slot) in taken:
                slot = draw_slot(name, words)
            draft.slots[owner, name] = slot


def _called(slot: Slot) -> str:
    """Return the key or name of a value, or all of it: two labels of one key are one."""
    return next((slot.written[aspect] for aspect in ("key", "name", "") if aspect in slot.written), str(slot.written))


def _choose(draft: Draft) -> list[Option]:
    """Choose the options: at most one of a group, and none that means nothing here."""
    inside = all(slot.inside for slot in draft.slots.values())
    chosen: dict[str, Option] = {}
    for name, chance in draft.rng.sample(draft.family.options, len(draft.family.options)):
        option = options()[name]
        if draft.chance(chance) and len(chosen) < MAX_OPTIONS and (inside or not option.inside) and _beside(option, chosen):
            chosen[option.group] = option
    return list(chosen.values())


def _beside(option: Option, chosen: Mapping[str, Option]) -> bool:
    """Say whether an option can stand beside those that are chosen."""
    others = chosen.values()
    return option.group not in chosen and not any(one.name in option.clashes or option.name in one.clashes for one in others)


def _commands(draft: Draft) -> Iterator[str]:
    """Yield the command, then others that mean the same."""
    ways = list(product(*(option.flags for option in draft.chosen)))
    for template, flags in islice(product(draft.family.commands, ways), MAX_RIGHT):
        ranked = list(template.flags)
        ranked += [(one.rank, owned(flag, str(place))) for place, (one, flag) in enumerate(zip(draft.chosen, flags, strict=True))]
        text = " ".join((template.head, *(flag for _, flag in sorted(ranked, key=lambda pair: pair[0])))) + template.tail
        yield "kubectl " + SLOT.sub(lambda match: _written(draft.slots, match), text)


def _written(slots: Mapping[tuple[str, str], Slot], match: re.Match[str]) -> str:
    owner, name, aspect = match.groups()
    return slots[owner or FAMILY, name].written[aspect or ""]


def _filled(draft: Draft, text: str, short: bool) -> str:
    """Say the values."""
    said, place = "", 0
    for match in SLOT.finditer(text):
        said += text[place : match.start()]
        value = _said(draft, match, short)
        if match[3] is None and _PRONOUN.search(said) and value.startswith(_types(draft, match)):
            said += "the "  # "what pod web logged" asks which pod
        if _ARTICLE.search(said) and _VOWEL.match(value):
            said = f"{said[:-1]}n "
        said, place = said + value, match.end()
    return _BLANKS.sub(" ", said + text[place:])


def _types(draft: Draft, match: re.Match[str]) -> tuple[str, ...]:
    """Return how an object may begin with its kind and without an article; a value that is no object begins with none."""
    kind = draft.slots[match[1] or FAMILY, match[2]].kind
    return tuple(f"{word} " for word in kind.said_one) if kind else ()


_PRONOUN = re.compile(r"\b(?:what|why|how|lines) \Z")
_ARTICLE = re.compile(r"\b[Aa] \Z")
_VOWEL = re.compile(r"[aeio]|hpa\b")  # words with u are said as "you"
_BLANKS = re.compile(r" {2,}")


def _said(draft: Draft, match: re.Match[str], short: bool) -> str:
    owner, name, aspect = match.groups()
    slot = draft.slots[owner or FAMILY, name]
    if slot.kind is None or aspect not in (None, "type", "many"):
        ways = slot.spoken(aspect or "")
        return str(draft.rng.choice(ways[:-1] if slot.abbreviated and not short else ways))
    phrase = "{type}" if aspect is not None else draft.pick(frames()["short" if short else "object"])
    named = [way for way in slot.spoken(aspect or "type") if "/" not in phrase or " " not in way]  # nobody writes "stateful set/web"
    word = draft.rng.choice(named if short or len(named) < 2 or (draft.chance(_HURRIED) and named[-1] not in _UNSPOKEN) else named[:-1])
    return phrase.replace("{type}", word).replace("{name}", slot.written["name"])
