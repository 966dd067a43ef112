"""From a family of commands to one request and its command: options are chosen, values drawn, parts put together as people do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.phrasing.lines import Table
from kubestill.domains.kubernetes.skills.kubectl.catalogue import Family, Option, frames, options
from kubestill.domains.kubernetes.skills.kubectl.slots import Slot, draw_slot

MAX_OPTIONS = 3  # more than so many nobody says in one breath
MAX_RIGHT = 12  # equal commands of one sample
_SLOT = re.compile(r"\{(?:(\d+):)?([a-z]+[0-9]?)(?:\.([a-z]+))?\}")
_OPEN = re.compile(r"\{(?=[a-z]+[0-9]?(?:\.[a-z]+)?\})")  # a slot of a phrase that says not yet whose it is
# How often each manner is taken where a family has all of them: most people write a verb, some name what they want to see.
_MANNERS = {"do": 0.46, "np": 0.2, "want": 0.2, "ask": 0.13, "say": 0.1, "terse": 0.11}
_BARE, _BULLETS, _OPENED, _CLOSED, _CAPITAL = 0.42, 0.06, 0.1, 0.1, 0.35
_HURRIED = 0.12  # how often a kind is called by its short name in a whole sentence
_CLAUSES = ("what ", "how ", "who ")
_CONJUNCTIONS = ("and ", "but ")
_FAMILY = ""  # whose slots are the family's; an option's are its number's


@dataclass(slots=True)
class Composed:
    """A request with its command. `commands` are all that are right, the answer first; `skeleton` is the request without its values."""

    request: str
    commands: tuple[str, ...]
    skeleton: str
    forms: tuple[str, ...]


@dataclass(slots=True)
class Draft:
    """What is being put together."""

    rng: Random
    part: str
    family: Family
    chosen: list[Option] = field(default_factory=list)
    slots: dict[tuple[str, str], Slot] = field(default_factory=dict)
    forms: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """Say yes so often."""
        return self.rng.random() < share

    def pick(self, table: Table, owner: str = _FAMILY) -> str:
        """Return a part with its slots marked as the owner's."""
        text, form = table.pick(self.rng, self.part)
        self.forms.append(form)
        return _owned(text.replace("«", "(").replace("»", ")"), owner)


def compose(family: Family, rng: Random, part: str) -> Composed:
    """Draw the values and options of a family and write the request for its command."""
    draft = Draft(rng, part, family)
    _draw_slots(draft, _FAMILY, [f"{one.head} {one.flags} {one.tail}" for one in family.commands])
    draft.chosen = _choose(draft)
    for place, option in enumerate(draft.chosen):
        _draw_slots(draft, str(place), option.flags)
    commands = tuple(dict.fromkeys(_commands(draft)))
    skeleton, short = _request(draft)
    return Composed(_filled(draft, skeleton, short), commands, skeleton, tuple(draft.forms))


def framed(core: str, rng: Random, part: str) -> tuple[str, tuple[str, ...]]:
    """Return an infinitive as a request, and the ids of the parts around it."""
    draft = Draft(rng, part, Family("", "", (), (), 1.0, {}))
    frame = "{}" if draft.chance(_BARE) else draft.pick(frames()["do"])
    text = frame.removesuffix("?").replace("{}", _spoken(core, frame)) + ("?" if frame.endswith("?") else "")
    return _finished(draft, text, ()), tuple(draft.forms)


def _draw_slots(draft: Draft, owner: str, templates: Sequence[str]) -> None:
    """Draw the slots of templates; two of one sort differ in what they are called."""
    words = Words(draft.rng, draft.part)
    for template in templates:
        for _, name, _ in _SLOT.findall(template):
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
        ranked += [(one.rank, _owned(flag, str(place))) for place, (one, flag) in enumerate(zip(draft.chosen, flags, strict=True))]
        text = " ".join((template.head, *(flag for _, flag in sorted(ranked, key=lambda pair: pair[0])))) + template.tail
        yield "kubectl " + _SLOT.sub(lambda match: _written(draft.slots, match), text)


def _owned(text: str, owner: str) -> str:
    """Mark the slots of a text as an option's."""
    return _OPEN.sub(f"{{{owner}:", text) if owner else text


def _written(slots: Mapping[tuple[str, str], Slot], match: re.Match[str]) -> str:
    owner, name, aspect = match.groups()
    return slots[owner or _FAMILY, name].written[aspect or ""]


def _request(draft: Draft) -> tuple[str, bool]:
    """Return the request with its slots open, and whether it is written in few words."""
    having = [manner for manner in _MANNERS if manner in draft.family.tables]
    manner = draft.rng.choices(having, [_MANNERS[one] for one in having])[0]
    core = draft.pick(draft.family.tables[manner])
    if manner == "terse":
        return _terse(draft, core), True
    if draft.chosen and manner in ("do", "np", "want") and draft.chance(_BULLETS):
        return _listed(draft, core), False
    frame = _frame(draft, manner, core)
    core = _spoken(core, frame)
    question = frame.endswith("?") or core.endswith("?")
    before, tight, commas, sentences = _placed(draft, manner, question)
    body = frame.removesuffix("?").replace("{}", " ".join((core.rstrip("?."), *tight)))
    text = " ".join((*before, body)) + "".join(commas) + ("?" if question else "")
    return _finished(draft, _LOOSE.sub("", text), [_LOOSE.sub("", one) for one in sentences]), False


def _frame(draft: Draft, manner: str, core: str) -> str:
    """Return what stands around a core: nothing around sentences and many infinitives."""
    if manner not in ("np", "want", "do") or (manner == "do" and draft.chance(_BARE)):
        return "{}"
    frame = draft.pick(frames()[manner])
    while core.startswith(_CLAUSES) and frame.startswith("{}"):  # "what the pod logged please" lacks its verb
        draft.forms.pop()
        frame = draft.pick(frames()[manner])
    return frame


# Frames that ask somebody else for it: what stands in them is an imperative.
_ASKED = re.compile(r"(?:\{\}|please|pls|now|next|then|ok|go ahead|task|todo|kubectl:|with|using|as a|before|can you|could you|would you)")
_SHOWN = re.compile(r"show (?:me )?")
_SEEN = re.compile(r"see (?!if |whether )")
_TESTED = re.compile(r"see (?=if |whether )")


def _spoken(core: str, frame: str) -> str:
    """Return the core as it is said in a frame: one asks to be shown, and wants to see."""
    if not _ASKED.match(frame):
        return f"see {core[found.end() :]}" if (found := _SHOWN.match(core)) else core
    if found := _TESTED.match(core):
        return f"check {core[found.end() :]}"
    return f"show me {core[found.end() :]}" if (found := _SEEN.match(core)) else core


def _placed(draft: Draft, manner: str, question: bool) -> tuple[list[str], list[str], list[str], list[str]]:
    """Say each option somewhere: before the core, close behind it, after commas, in sentences of their own."""
    before: list[str] = []
    tight: list[tuple[float, str]] = []
    commas: list[str] = []
    sentences: list[str] = []
    for place, option in enumerate(draft.chosen):
        roll, owner = draft.rng.random(), str(place)
        if "front" in option.tables and roll < 0.1 and not before:
            before.append(draft.pick(option.tables["front"], owner))
        elif roll < (0.85 if question else 0.65):
            text = draft.pick(option.tables["tight"], owner)
            if manner in ("np", "ask") and text.startswith(_CONJUNCTIONS):  # "show me the pods and watch" has no second verb to join
                commas.append(f", {text}")
            else:
                tight.append((option.near + 2 * draft.rng.random(), text))
        else:
            text = draft.pick(option.tables["loose"], owner)
            (sentences if text.startswith(".") else commas).append(text)
    return before, [text for _, text in sorted(tight)], commas, sentences


def _terse(draft: Draft, core: str) -> str:
    """Write the options behind the core in few words."""
    joint = draft.rng.choice((" ", " ", ", ", ", ", " - ", "; "))
    pieces = [draft.pick(option.tables["terse"], str(place)) for place, option in enumerate(draft.chosen)]
    return joint.join((core, *pieces))


def _listed(draft: Draft, core: str) -> str:
    """Write the options as a list below the core."""
    sign = draft.rng.choice(("- ", "- ", "* ", ""))
    pieces = [draft.pick(option.tables["terse"], str(place)) for place, option in enumerate(draft.chosen)]
    pieces = [piece if piece.startswith("-") else sign + piece for piece in pieces]
    return "\n".join((_spoken(core, "{}") + draft.rng.choice((":", "", ":")), *pieces))


def _finished(draft: Draft, text: str, sentences: Sequence[str]) -> str:
    """Add sentences, an opener, a closer, capitals and a full stop."""
    for sentence in sentences:
        text += sentence[1:] if text.endswith("?") else sentence
    if draft.chance(_OPENED):
        text = f"{draft.pick(frames()['opener'])} {text}"
    if draft.chance(_CLOSED):
        closer = draft.pick(frames()["closer"])
        text += (" " if text[-1] in "?.!" else draft.rng.choice((". ", ", ") if closer[0] == "t" else (". ",))) + closer
    if draft.chance(_CAPITAL):
        text = _capitalised(text)
        return text if text[-1] in "?.!" or draft.chance(0.3) else f"{text}."
    return f"{text}." if text[-1] not in "?.!" and draft.chance(0.08) else text


_LOOSE = re.compile(r"\A +(?! )| +(?=[ ,?!]|\.(?: |\Z)|\Z)")  # what an optional word left behind
_SENTENCE = re.compile(r"(?:\A|(?<=[?.!] ))[a-z](?=[a-z' ])")
_I = re.compile(r"\bi(?=[ ']|\Z)")


def _capitalised(text: str) -> str:
    """Write sentences and the word I with capitals, slots aside."""
    return _I.sub("I", _SENTENCE.sub(lambda match: match[0].upper(), text))


def _filled(draft: Draft, text: str, short: bool) -> str:
    """Say the values."""
    said, place = "", 0
    for match in _SLOT.finditer(text):
        value = _said(draft, match, short)
        said += text[place : match.start()]
        if _ARTICLE.search(said) and _VOWEL.match(value):
            said = f"{said[:-1]}n "
        said, place = said + value, match.end()
    return _BLANKS.sub(" ", said + text[place:])


_ARTICLE = re.compile(r"\b[Aa] \Z")
_VOWEL = re.compile(r"[aeio]|hpa\b")  # words with u are said as "you"
_BLANKS = re.compile(r" {2,}")


def _said(draft: Draft, match: re.Match[str], short: bool) -> str:
    owner, name, aspect = match.groups()
    slot = draft.slots[owner or _FAMILY, name]
    if slot.kind is None or aspect not in (None, "type", "many"):
        ways = slot.spoken(aspect or "")
        return str(draft.rng.choice(ways[:-1] if slot.abbreviated and not short and not draft.chance(_HURRIED) else ways))
    phrase = "{type}" if aspect is not None else draft.pick(frames()["short" if short else "object"])
    named = [way for way in slot.spoken(aspect or "type") if "/" not in phrase or " " not in way]  # nobody writes "stateful set/web"
    word = draft.rng.choice(named if short or len(named) < 2 or draft.chance(_HURRIED) else named[:-1])
    return phrase.replace("{type}", word).replace("{name}", slot.written["name"])
