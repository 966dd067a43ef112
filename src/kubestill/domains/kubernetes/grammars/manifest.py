"""Grammars of manifests in block style, for a kind, several, or any: only what the schema of a cluster version allows can be written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

from kubestill.domains.kubernetes.definitions import CustomKind, Kind
from kubestill.domains.kubernetes.grammars import grounding, slots
from kubestill.domains.kubernetes.grammars.favours import NATS, favours
from kubestill.domains.kubernetes.grammars.frame import frame, free_map, open_map
from kubestill.domains.kubernetes.grammars.levels import joined
from kubestill.domains.kubernetes.grammars.options import Grounding, Grounds, Options
from kubestill.domains.kubernetes.grammars.places import NAMELESS
from kubestill.domains.kubernetes.grammars.repeats import bans
from kubestill.domains.kubernetes.grammars.rules import Rules, literal
from kubestill.domains.kubernetes.grammars.source import rules_of
from kubestill.domains.kubernetes.printing import stands
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, Enums, Schemas, schemas
from kubestill.ground.errors import UserError, near
from kubestill.tools.grammar.api import Given, Grammar, Reading, Span, Step

_FREE = Options()
_POINTER = re.compile("⟨[0-9]{1,2}⟩")
_WORD = re.compile(r"[A-Za-z0-9](?:[\w./-]*\w)?")
_PART = re.compile(r"[^\s:/=@,.]+")
_HEAD = re.compile(r"\A(?:apiVersion: (?P<version>\S+)\n|kind: (?P<kind>\S+)\n){2}")


def manifest_grammar(kinds: Sequence[tuple[str, str]] | None, schemas: Schemas, options: Options = _FREE) -> Grammar:
    """Return the grammar of manifests of some kinds, each by apiVersion and kind; None for every kind that the schemas describe.

    A union of many kinds takes long to compile: `ManifestGuide` reads the kind first, and needs none.

    Raises:
        UserError: a kind is unknown, or a definition cannot be written as a grammar (nested too deeply, too many fields).
    """
    known = {(kind.api_version, kind.kind): kind for kind in schemas.kinds()}
    wanted = tuple(known) if kinds is None else tuple(dict.fromkeys(kinds))
    for api_version, kind in wanted:
        if (api_version, kind) not in known:
            hint = near(f"{api_version} {kind}", (" ".join(one) for one in known))
            raise UserError("kind", f"{kind} of {api_version!r} is unknown to Kubernetes {schemas.version}", hint)
    if not wanted:
        raise UserError("kinds", "none given", "name one, or give None for any")
    rules, roots = rules_of(schemas, tuple(known[one] for one in wanted), options.order == "idiom")
    return Grammar(_text(rules, roots, options), name=", ".join(kind for _, kind in wanted[:3]) or "any")


def _text(rules: Rules, roots: Sequence[str], options: Options) -> str:
    """Put rules, maps, frame and terminals together."""
    ground = grounding.Grounded(options.grounds.spans) if options.grounds else None
    maps = []
    for name, key, value, levels in rules.maps:
        if ground:
            entries, more = ground.entries(name, key, value)
            maps.append(free_map(name, entries, levels, more))
        else:
            maps.append(open_map(name, key, value, levels, f" {name}_e::" in rules.text))
    used = [*rules.slots, *(["any"] if re.search(r"\b(any|free)_", rules.text) else [])]
    if ground:  # the keys of maps stand in their entries
        used = [slot for slot in used if slot not in {key for _, key, _, _ in rules.maps} or slot == "KEY"]
    terminals = grounding.terminals(used, ground.spans) if ground else slots.terminals(used, options.pointers)
    choices = "".join(f"{name}: {grounding.choice(words, options.spans)}\n" for name, words in rules.choices)
    further = f' (NL0 "---\\n" document){{0,{options.documents - 1}}}' if options.documents > 1 else ""
    head = f'%llguidance {{"no_forcing": true}}\nstart: document{further} NL0?\ndocument: {" | ".join(f"{root}_e::0" for root in roots)}\n'
    written = "".join([rules.text, *maps, frame(used, rules.deepest, ground is None)])
    return "".join([head, choices, written, joined(written), terminals])


def header_grammar(schemas: Schemas, kinds: Sequence[tuple[str, str]] | None = None) -> Grammar:
    """Return the grammar of the first lines of a manifest, up to the key after them, which tell its kind."""
    wanted = [kind for kind in schemas.kinds() if kinds is None or (kind.api_version, kind.kind) in kinds]
    texts = [literal(_header(kind)).replace("\n", "\\n") for kind in wanted]
    return Grammar('%llguidance {"no_forcing": true}\nstart: ' + "\n | ".join(texts) + "\n", name="header")


def _header(kind: Kind) -> str:
    return f"apiVersion: {kind.api_version}\nkind: {kind.kind}\n{'spec' if kind.group in NAMELESS else 'metadata'}:"


@dataclass(frozen=True)
class ManifestGuide:
    """Leads an answer that is one manifest, of a fixed kind, of one of several, or of any (`kinds` empty): then its header comes first.

    `grounding`: whether free text takes only what the request says, leans to it, or is free. `custom` and `enums` are those of `Schemas`.
    """

    kinds: tuple[tuple[str, str], ...] = ()
    version: str = DEFAULT_VERSION
    grounding: Grounding = "none"
    order: Literal["any", "idiom"] = "any"
    custom: tuple[CustomKind, ...] = ()
    enums: Enums | None = None

    def start(self, reading: Reading) -> Step | Given:
        """Return the first step: the manifest where the kind is known, else the header that tells it."""
        if len(self.kinds) == 1:
            return self._step(self._grammar(self.kinds[0], reading), reading, again=False)
        return Step(header_grammar(self.known, self.kinds or None), then=lambda head: self._after(head, reading))

    def _after(self, head: str, reading: Reading) -> Step:
        match = _HEAD.match(head)
        if match is None:
            raise ValueError(f"no header of a manifest: {head[:80]!r}")
        return self._step(self._grammar((match["version"], match["kind"]), reading), reading, again=True)

    def _grammar(self, kind: tuple[str, str], reading: Reading) -> Grammar:
        pointers = any(_POINTER.fullmatch(span.surface) for span in reading.spans)
        grounds = Grounds(spans_of(reading)) if self.grounding == "hard" else None
        return manifest_grammar([kind], self.known, Options(self.order, pointers, reading.spans, grounds))

    def _step(self, grammar: Grammar, reading: Reading, again: bool) -> Step:
        step = _step(grammar, reading, again)
        return replace(step, favours=favours(spans_of(reading)), nats=NATS) if self.grounding == "soft" else step

    @cached_property
    def known(self) -> Schemas:
        """The schemas that the grammars are made of."""
        if not self.custom and self.enums is None:
            return schemas(self.version)
        return Schemas(self.version, self.custom, self.enums)

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}  # not the schemas, whose validators stay here

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _step(grammar: Grammar, reading: Reading, again: bool) -> Step:
    """Return the step of a manifest: no key twice, and no pointer to a text that could not stand where the pointer does."""
    pointed = [span for span in reading.spans if _POINTER.fullmatch(span.surface)]
    plain, quoted = (tuple(span.surface for span in pointed if not stands(span.text, between)) for between in (False, True))

    def banned(text: str) -> tuple[str, ...]:
        return (*bans(text), *(quoted if text.rpartition("\n")[2].count('"') % 2 else plain))

    return Step(grammar, again=again, bans=banned, banned_with=":⟨")


def spans_of(reading: Reading) -> tuple[Span, ...]:
    """Return what an answer may repeat of a request: its spans, their parts, and the words of the request as they stand."""
    parts = [part for span in reading.spans for part in _PART.findall(span.text) if part != span.text]
    words = dict.fromkeys([*parts, *_WORD.findall(_POINTER.sub(" ", reading.request))])
    told = {span.surface for span in reading.spans} | {span.text for span in reading.spans}
    return (*reading.spans, *(Span(word, word) for word in words if word not in told))
