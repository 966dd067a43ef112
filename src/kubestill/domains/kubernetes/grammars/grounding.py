"""The terminals and maps of grounded text: it says what the request says, what a rule makes of that, or what the defaults list."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from kubestill.domains.kubernetes.grammars import defaults
from kubestill.domains.kubernetes.grammars.levels import conditioned
from kubestill.domains.kubernetes.grammars.rules import KEYS, literal
from kubestill.domains.kubernetes.grammars.slots import definition, number_bounds
from kubestill.domains.kubernetes.grammars.words import TYPED, between
from kubestill.domains.kubernetes.printing import scalar
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.tools.grammar.api import Span

_POINTER = re.compile("⟨[0-9]{1,2}⟩")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_FORMS: dict[str, re.Pattern[str]] = {
    "NAME": _NAME,
    "LABEL": _LABEL,
    "OWN_NAMESPACE": _LABEL,
    "PORT_NAME": re.compile(r"[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?"),
    "LABEL_VALUE": re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"),
    "LABEL_KEY_NAME": _QUALIFIED,
    "LABEL_KEY": _QUALIFIED,
    "ANNOTATION_KEY": _QUALIFIED,
    "RESOURCE": _QUALIFIED,
    "DATA_KEY": re.compile(r"(?!\.\.)[-._A-Za-z0-9]{1,253}"),
    "IMAGE": re.compile(r"[A-Za-z0-9][A-Za-z0-9./_:@+-]*"),
    "HOST": re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"),
    "PATH": re.compile(r"\S*/\S*|[A-Za-z]:\\\S*"),
    "VARIABLE": re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*"),
}
_WORD = re.compile(r"\S+")  # of the slots that name another object
_TEXTS = frozenset({"TEXT", "ARGUMENT", "ANY"})
_DERIVED = frozenset({"NAME", "LABEL", "PORT_NAME", "REFERENCE", "LABEL_VALUE", "OWN_NAMESPACE"})
_JOINTS = "-|=|:|\\/|.|,| |@|:\\/\\/"


@dataclass(frozen=True)
class Grounded:
    """The spans of a request, as the slots take them."""

    spans: tuple[Span, ...]

    @cached_property
    def _told(self) -> dict[str, str]:
        """What the model writes for each thing that the request says; the first span of equal texts counts."""
        found: dict[str, str] = {}
        for span in self.spans:
            if "\n" not in span.text and "\n" not in span.surface and span.text:
                found.setdefault(span.text, span.surface)
        return found

    def terminal(self, slot: str) -> str:
        """Return the body of a slot's terminal."""
        if slot.startswith("INT_"):
            return self._number(*number_bounds(slot))
        own = {"QUANTITY": self._quantity, "BYTES": self._bytes, "PORT": self._port, "COUNT": self._count}
        own |= dict.fromkeys(("EITHER", "LOOSE"), self._either)
        if slot in own:
            return own[slot]()
        if slot in ("BOOLEAN", "MOMENT", "CRON", "NUMBER", "MODE", "BASE64_LINE"):
            return definition(slot, pointers=False) + self._either_more(slot)
        if slot == "KEY":
            return _union(f"{one}:" for one in self.keys("KEY"))
        return self._text(slot)

    def _either_more(self, slot: str) -> str:
        """Return the spans of a slot whose own form is small enough to be free: schedules, moments, fractions."""
        fits = {"CRON": re.compile(r"\S+( \S+){4}|@\w+"), "NUMBER": re.compile(r"-?\d+(\.\d+)?"), "MODE": re.compile("0?[0-7]{1,4}")}
        form = fits.get(slot)
        written = [surface for text, surface in self._told.items() if form and form.fullmatch(text) and _POINTER.fullmatch(surface)]
        mark = '"' if slot == "CRON" else ""
        return "".join(f" | {literal(f' {mark}{one}{mark}')}" for one in written)

    def _text(self, slot: str) -> str:
        """Return text: a span, a listed default, a name made of a span and a suffix, or a few of them joined."""
        form = _FORMS.get(slot) or (None if slot in _TEXTS else _WORD)
        plain, quoted = self._surfaces(form)
        listed = [*defaults.VALUES.get(slot, ()), *(defaults.RESOURCES if slot == "RESOURCE_NAME" else ())]
        parts = [f" {scalar(one)}" for one in (*plain, *listed)] if slot not in ("ANY",) else [f" {one}" for one in plain]
        body = _union(
            [*parts, *(f' "{one}"' for one in quoted), *([' ""'] if form is None or slot in ("API_GROUP", "LABEL_VALUE") else [])]
        )
        if slot in _DERIVED and (plain or quoted):
            body += f" | {_derived([*plain, *quoted])}"
        if slot == "RESOURCE_NAME":
            body += f' | " " ({_union((*plain, *defaults.RESOURCES[:-1]))}) "/" ({_union(defaults.SUBRESOURCES)})'
        if form is None:
            body += f" | {_joined([*plain, *quoted])}" if plain or quoted else ""
        if slot == "ANY":
            body += " | /( -?[0-9]{1,3}| true| false| null)/"
        return body

    def _surfaces(self, form: re.Pattern[str] | None) -> tuple[list[str], list[str]]:
        """Return the surfaces of the spans that have a form: those that stand plain, and pointers that need quotation marks."""
        plain, quoted = [], []
        for text, surface in self._told.items():
            if form is not None and not form.fullmatch(text):
                continue
            if not _POINTER.fullmatch(surface) or scalar(text)[:1] != '"':
                plain.append(surface)
            elif not re.search(r'["\\]', text):
                quoted.append(surface)
        return plain, quoted

    def _numbers(self, low: int, high: int) -> list[str]:
        return [s for t, s in self._told.items() if re.fullmatch("-?(0|[1-9][0-9]{0,18})", t) and low <= int(t) <= high]

    def _number(self, low: int, high: int) -> str:
        small = between(max(low, -1), min(high, 999)) or "0"
        listed = [str(number) for number in defaults.NUMBERS if low <= number <= high]
        return f"/ ({small})/ | " + _union(f" {one}" for one in (*listed, *self._numbers(low, high), str(high)))

    def _port(self) -> str:
        return f"{self._number(1, 65535)} | {self._text('PORT_NAME')}"

    def _count(self) -> str:
        percent = _union(f" {surface}%" for surface in self._numbers(0, 100)) if self._numbers(0, 100) else '" 0%"'
        wholes = [s for t, s in self._told.items() if re.fullmatch("[0-9]{1,3}%", t)]
        more = f" | {_union(f' {one}' for one in wholes)}" if wholes else ""
        return f"{self._number(0, 2**31 - 1)} | / (100|[1-9]?[0-9])%/ | {percent}{more}"

    def _either(self) -> str:
        return f"{self._number(0, 2**31 - 1)} | {self._text('REFERENCE')}"

    def _quantity(self) -> str:
        unit = "([KMGTPE]i|[numkMGTPE])"
        whole = [s for t, s in self._told.items() if parse_quantity(t) is not None]
        bare = [s for t, s in self._told.items() if re.fullmatch(r"[0-9]+(\.[0-9]+)?", t)]
        body = rf'/ ([0-9]{{1,4}}(\.[0-9]{{1,3}})?{unit}?)/ | " \"" /[0-9]{{1,4}}(\.[0-9]{{1,3}})?/ "\""'
        if whole:
            body += " | " + _union([f" {one}" for one in whole] + [f' "{one}"' for one in whole])
        return body + (f' | " " ({_union(bare)}) /{unit}/' if bare else "")

    def _bytes(self) -> str:
        """Return base64: a span that is such already, or one written in it."""
        coded = [base64.b64encode(text.encode()).decode() for text in self._told]
        given = [s for t, s in self._told.items() if len(t) % 4 == 0 and re.fullmatch("[A-Za-z0-9+/]+={0,2}", t)]
        return _union([' ""', *(f" {scalar(one)}" for one in coded), *(f" {one}" for one in given)])

    def keys(self, slot: str) -> list[str]:
        """Return the keys of a map, at most as many as can be told apart; each is one text, so that none stands twice."""
        form = _FORMS.get(slot, _WORD)
        listed = [scalar(one) for one in defaults.KEYS.get(slot, ())]
        said = [surface if _POINTER.fullmatch(surface) else scalar(surface) for text, surface in self._told.items() if form.fullmatch(text)]
        new = [one for one in said if one not in listed]
        return [*new[: KEYS - len(listed)], *listed]

    def entries(self, name: str, slot: str, value: str) -> tuple[list[str], str]:
        """Return the entries of a map and when one more may come."""
        keys = self.keys(slot)
        forms = [
            conditioned(f"{literal(f'{key}:')} {value} {name}_m::set_bit({place})", f"bit_clear({place})") for place, key in enumerate(keys)
        ]
        return forms, f"not(is_ones([0:{len(keys)}]))"


def choice(words: Sequence[str], spans: Sequence[Span]) -> str:
    """Return the body of the terminal of a field that holds one of some words: the pointer to such a word may stand for it."""
    pointed = [span.surface for span in spans if _POINTER.fullmatch(span.surface) and span.text in words and span.text[:1] != '"']
    return _union(f" {one}" for one in (*words, *pointed))


def _derived(plain: Sequence[str]) -> str:
    surfaces, suffixes = _union(plain), _union(defaults.SUFFIXES)
    joined = f'({surfaces}) "-" ({suffixes} | {surfaces}) | ({_union(defaults.PREFIXES)}) "-" ({surfaces})'
    return f'" " (({joined}) & ~TYPED)'


def _joined(atoms: Sequence[str]) -> str:
    """Return two to four spans and small numbers joined as flags, addresses and sentences join them."""
    atom = f"({_union(dict.fromkeys(one for one in atoms if _is_solid(one)))} | /[0-9]{{1,3}}/)"
    return f'" " (({atom} (/{_JOINTS}/ {atom}){{1,3}}) & ~TYPED)'


def _is_solid(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9_./⟨$(-][^\s:#]*(:[^\s:#]+)*", text))


def _union(texts: Iterator[str] | Sequence[str] | dict[str, None]) -> str:
    return " | ".join(literal(one) for one in dict.fromkeys(texts))


def terminals(slots: Sequence[str], spans: Sequence[Span]) -> str:
    """Return the definitions of the terminals that the slots need, grounded in spans."""
    grounded = Grounded(tuple(spans))
    wanted = dict.fromkeys("BYTES" if slot == "bytes" else slot.upper() for slot in slots if slot != "any")
    if "any" in slots:
        wanted |= {"ANY": None, "KEY": None}
    lines = [f"TYPED: /{TYPED}/", *(['SPACED_KEY: " " KEY'] if "any" in slots else [])]
    return "\n".join([*lines, *(f"{name}: {grounded.terminal(name)}" for name in wanted)]) + "\n"
