"""The notes of a request under a grammar, and the guide that writes the manifest from what they say.

A student that notes what it understood (docs/decisions/0010) has done all that is hard. So its notes follow a grammar: only aspects that
the kind has, values of their type, and no pointer that the request did not give. Then the manifest need not be generated at
all: the statements are built into the smallest idiomatic one, and where no check objects, that is the answer.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from kubestill.domains.api import TASK, Intent
from kubestill.domains.kubernetes.answers import judge
from kubestill.domains.kubernetes.grammars.favours import NATS, favours
from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide
from kubestill.domains.kubernetes.grammars.options import Grounding
from kubestill.domains.kubernetes.grammars.typed import CLOSED, scoped, types
from kubestill.domains.kubernetes.intents import notes as reading_notes
from kubestill.domains.kubernetes.intents.aspects import aspects_of
from kubestill.domains.kubernetes.intents.kinds import KINDS, QUANTITY_ASPECTS
from kubestill.domains.kubernetes.intents.lens import build
from kubestill.domains.kubernetes.intents.notes import read_several, shape_of
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import Schemas, schemas
from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Given, Grammar, Guide, Reading, Span, Step

MARK = "<|answer|>"  # tools/chat writes it between notes and answer: a token of its own
OTHER_TASK = f"{TASK}:"  # how notes begin that are of no manifest
MAX_POINTERS = 40  # of the chat format
MAX_OBJECTS = 6  # asked for together
NEXT = "\nkind: "  # how notes of one more object begin
MAX_LINES = 40  # of an object, twice what a request carries: a student that repeats itself must come to an end

# The expressions of values. Any pointer may stand where one may stand at all: those that a request did not give, or whose word is of
# another type, are banned one by one, so that the grammar is compiled once for all requests.
_POINTER = "⟨[0-9]{1,2}⟩"
WHOLE = rf"({_POINTER}|-?[0-9]{{1,7}})"
_QUANTITY = rf"({_POINTER}|[0-9]{{1,5}}(\.[0-9]{{1,3}})?)[A-Za-z%]{{0,2}}"
_NAMED = rf"({_POINTER}|[a-z0-9.:-])+"
_CONTAINER = rf"({_POINTER}|[a-z])({_POINTER}|[a-z0-9.-])*"
_SAID = rf"({_POINTER}|[^ \n⟨⟩])+"
_FREE = rf"({_POINTER}|[^\n⟨⟩])*"
_SOME = rf"({_POINTER}|[^ \n⟨⟩])({_POINTER}|[^\n⟨⟩])*"
# Five fields, or a macro: a student that is not sure goes on with stars.
_FIELD = r"(\*(\/[0-9]{1,2})?|[0-9]{1,2}([,\/-][0-9]{1,2}){0,11})"
_DAYS = r"(\*(\/[0-9]{1,2})?|[0-9A-Za-z]{1,3}([,\/-][0-9A-Za-z]{1,3}){0,6})"
_SCHEDULE = rf"({_POINTER}|{_FIELD}( {_FIELD}){{2}}( {_DAYS}){{2}}|@[a-z]{{5,8}})"


@cache
def notes_grammar(kinds: tuple[str, ...] = ()) -> Grammar:
    """Return the grammar of notes, up to the mark that ends them; `kinds`: only of these, and any that has lenses where none is given."""
    wanted = kinds or tuple(KINDS)
    rules, lines = list[str](), list[str]()
    names: dict[frozenset[str], str] = {}
    for place, kind in enumerate(wanted):
        aspects = aspects_of(kind)
        if aspects not in names:
            names[aspects] = f"lines{len(names)}"
            rules.append(f"{names[aspects]}: ({' | '.join(map(terminal, sorted(aspects)))})*")  # bans count them: here it costs twice
            lines.extend(sorted(aspects))
        rules.append(f'kind{place}: "kind: {kind}" {names[aspects]}')
    rules.append(f"one: {' | '.join(f'kind{place}' for place in range(len(wanted)))}")
    start = f'start: one ("\\n" one){{0,{MAX_OBJECTS - 1}}} {MARK}'
    terminals = [f"{terminal(aspect)}: {line(aspect)}" for aspect in dict.fromkeys(lines)]
    return Grammar("\n".join((start, *rules, *terminals, "")), name=f"notes of {', '.join(kinds) or 'any kind'}")


@cache
def terminal(aspect: str) -> str:
    """Return the name of the terminal of an aspect's lines."""
    return "A_" + re.sub(r"[A-Z]", lambda match: "_" + match[0], aspect).replace(".", "__").upper()


def line(aspect: str, empty: bool = True) -> str:
    """Return the expression of an aspect's lines, the line break before it included; `empty`: free text may say nothing."""
    return f"/\\n{re.escape(aspect)}:{_value(aspect, empty)}/"


def _value(aspect: str, empty: bool) -> str:
    """Return the expression of all that follows an aspect's colon, its keys included."""
    shape = shape_of(aspect)
    keys = f"( {_SAID})" * shape.keys
    if scoped(aspect):
        keys = f"( {_CONTAINER})?{keys}"
    if aspect == "spec.schedule":
        return f" {_SCHEDULE}"
    if aspect in CLOSED:
        return f"{keys} ({_POINTER}|{CLOSED[aspect].replace(' ', '|')})"
    if aspect in ("tls", "rule"):
        return f" {_SOME}"
    known: dict[Callable[[str], object], str] = {reading_notes.whole: WHOLE, reading_notes.truth: "(true|false)"}
    if shape.value in known:
        return f"{keys} {known[shape.value]}"
    if aspect in QUANTITY_ASPECTS or aspect == "limit":
        return f"{keys} {_QUANTITY}"
    if aspect in ("name", "namespace"):
        return f" {_NAMED}"
    return f"{keys}( {_FREE})?" if empty else f"{keys} {_SOME}"


def pointer_bans(spans: Sequence[Span], typed: bool = True) -> Callable[[str], tuple[str, ...]]:
    """Return what tells from the notes so far which pointers may not follow (those not given and, if `typed`, those of another type), and
    that no line may, where an object has MAX_LINES.
    """
    given = {span.surface: span.text for span in spans}
    absent = tuple(f"⟨{number}⟩" for number in range(1, MAX_POINTERS + 1) if f"⟨{number}⟩" not in given)

    @cache
    def unfit(aspect: str, words: int, begun: bool) -> tuple[str, ...]:
        fitting = types(aspect, words, begun)
        return (*absent, *(surface for surface, said in given.items() if not any(one.fullmatch(said) for one in fitting)))

    def bans(text: str) -> tuple[str, ...]:
        if text.count("\n") >= MAX_LINES and text.rpartition(NEXT)[2].count("\n") >= MAX_LINES:
            return (*absent, "\n")
        aspect, colon, rest = text.rpartition("\n")[2].partition(":")
        *before, begun = rest.split(" ")
        if text.startswith(OTHER_TASK) or not typed or not colon:
            return absent
        return unfit(aspect, _words(before[1:]), bool(begun))

    return bans


def _words(written: Sequence[str]) -> int:
    """Return how many words are written, without the `/` between the parts of a list; at first it is the root of all paths."""
    count, last = 0, "/"
    for word in written:
        count += word != "/" or last == "/"
        last = "" if word == "/" == last else word
    return count


def notes_step(grammar: Grammar, spans: Sequence[Span], then: Callable[[str], Step | Given | None], grounding: Grounding = "hard") -> Step:
    """Return the step of notes that point at nothing but what the request gave; how values hold to it, `grounding` says."""
    step = Step(grammar, then, bans=pointer_bans(spans, grounding == "hard"), banned_with="⟨\n")
    return replace(step, favours=favours(spans), nats=NATS) if grounding == "soft" else step


@dataclass(frozen=True)
class NotesGuide:
    """Leads a student that notes what it understood; `rest` leads those that do not, and answers that the notes cannot be built into.

    `kinds`: the answer is of one of these, each by apiVersion and kind. `grounding`: pointers in notes are of a value's type, are leant
    to, or are free; none ever points at what a request did not give.
    """

    rest: Guide
    kinds: tuple[tuple[str, str], ...] = ()
    grounding: Grounding = "hard"

    @property
    def known(self) -> Schemas:
        """The schemas that what the notes are built into is judged by."""
        return self.rest.known if isinstance(self.rest, ManifestGuide) else schemas()

    def start(self, reading: Reading) -> Step | Given:
        """Return the step of the notes.

        Raises:
            UserError: a kind is asked for that students do not learn to note.
        """
        if not reading.notes:
            return self.rest.start(reading)
        strange = [kind for _, kind in self.kinds if kind not in KINDS]
        if strange:
            known = ", ".join(sorted(KINDS))
            raise UserError("--kind", f"this model has not learned to write a {strange[0]}", f"it knows {known}; --model takes another one")
        names = tuple(dict.fromkeys(kind for _, kind in self.kinds))
        return notes_step(notes_grammar(names), reading.spans, lambda text: self.answer(text, reading), self.grounding)

    def answer(self, text: str, reading: Reading) -> Step | Given:
        """Return what follows the notes `text`: the manifest that they ask for, or the grammar of it."""
        notes = noted(text, reading.spans)
        return written(notes, self.known, self.kinds) or self._rest(notes).start(Reading(reading.request, reading.spans))

    def _rest(self, notes: str) -> Guide:
        """Return what leads the manifest itself: of the kind that was noted, so that the two agree."""
        kind = notes.partition("\n")[0].removeprefix("kind: ")
        if self.kinds or kind not in KINDS or not isinstance(self.rest, ManifestGuide):
            return self.rest
        return replace(self.rest, kinds=((KINDS[kind].api_version, kind),))


def noted(text: str, spans: Sequence[Span]) -> str:
    """Return what was noted before the mark, the words of the request in place of what points at them."""
    notes = text.partition(MARK)[0]
    for span in spans:
        notes = notes.replace(span.surface, span.text)
    return notes


def written(notes: str, known: Schemas, kinds: Sequence[tuple[str, str]] = ()) -> Given | None:
    """Return the manifest that notes ask for; None where they cannot be read, or a check objects to what they ask.

    `kinds`: only of these, by apiVersion and kind; intents are written in one apiVersion of a kind, and another may be wanted.
    """
    try:
        said = read_several(notes)
        if sum(intent.aspect == "kind" for intent in said) > 1:
            return _written_together(said, known)
        obj = build(said)
        text = dump(ordered(obj))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # of a stranger's text: no aspect promises what it needs
        return None
    wanted = not kinds or (obj["apiVersion"], obj["kind"]) in kinds
    return Given(text) if wanted and judge(text, known).verdict.passed else None


def _written_together(said: Sequence[Intent], known: Schemas) -> Given | None:
    """Return the manifests of several objects that notes ask for; None where a check objects to one or to how they fit."""
    from kubestill.domains.kubernetes.skills.manifest.sets import build_several, judge_several  # not needed, so not loaded, for one

    text = build_several(said)
    return Given(text) if judge_several(text, said, known).passed else None
