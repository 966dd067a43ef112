"""Clauses → a whole request, in one of seven manners."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import CLOSE, OPEN, Clause, shield
from kubestill.domains.kubernetes.phrasing.clauses import clauses
from kubestill.domains.kubernetes.phrasing.lines import EVERY, tables

_QUESTION = re.compile(r"(can|could|would|will|may|might|any chance|is it|is there|how about|do you|mind)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"\b([Aa]) (?=(?:[aeio]|hpa\b|sts\b|rs\b|LimitRange|Ingress)\w*)")


@dataclass
class Request:
    """A request under composition: who speaks (`rng`), from which part of the tables, and which parts were used."""

    rng: Random
    part: str
    kind: str
    name: str
    namespace: str
    clauses: list[Clause]
    forms: list[str] = field(default_factory=list)
    spoken: list[Clause] = field(default_factory=list)  # in the order of mention

    def frame(self, name: str, part: str | None = None) -> str:
        """Return a line of a table in frames.toml or meta.toml."""
        text, form = tables()[name].pick(self.rng, part or self.part)
        self.forms.append(form)
        return text

    def head(self, table: str = "heads/lines") -> str:
        """Return what is wanted: kind and name, and the namespace where one is."""
        kind = self.frame(f"kinds/{self.kind}", EVERY)
        text = self.frame(table).replace("{kind}", kind).replace("{name}", shield(self.name))
        if self.namespace and table == "heads/lines" and self.rng.random() < 0.75:
            text += " " + self.frame("namespace/at").replace("{v}", shield(self.namespace))
            self.namespace = ""
        elif table == "heads/lines" and self.rng.random() < 0.35:
            text += self._attribute()
        return _ARTICLE.sub(r"\1n ", text)

    def _attribute(self) -> str:
        """Return a clause that follows the noun (`a service for the web pods`), taken off the list; or nothing."""
        fit = (place for place, clause in enumerate(self.clauses) if "at" in clause.tables and not clause.address)
        place = next((place for place in fit if self.clauses[place].tables["at"].has(self.part)), None)
        return "" if place is None else " " + self.say(self.clauses.pop(place), "at")

    def say(self, clause: Clause, register: str) -> str:
        """Return a clause in a register."""
        text, form = clause.say(register, self.rng, self.part)
        self.forms.append(form)
        self.spoken.append(clause)
        return text

    def maybe(self, name: str, chance: float) -> str:
        """Return a line of a table, or nothing."""
        return self.frame(name) if self.rng.random() < chance else ""

    def noise(self, chance: float) -> str:
        """Return something that has to be ignored, or nothing."""
        if self.rng.random() >= chance:
            return ""
        if self.rng.random() < 0.3:
            person = self.rng.choice(_PEOPLE)
            return self.frame("frames/noise_named").replace("{n}", str(self.rng.randrange(2, 9999))).replace("{person}", person)
        return self.frame("frames/noise")


_PEOPLE = ("Priya Tomás Wei Aisha Jonas Maria Dmitri Chloe Omar Ingrid Kenji Fatima Lars Amara Ravi Elena Marek Yuki Bob Sam").split()


@dataclass(frozen=True, slots=True)
class Composed:
    """A request, what it says in the order of mention, what it leaves unsaid, and the ids of its parts."""

    text: str
    said: tuple[Intent, ...]
    unsaid: tuple[Intent, ...]
    forms: tuple[str, ...]


def compose(intents: Sequence[Intent], rng: Random, part: str) -> Composed:
    """Say the intents in English, with phrase parts of `part` only."""
    facts = {intent.aspect: intent.value for intent in intents if not intent.keys}
    heads = [intent for intent in intents if intent.aspect in _HEAD]
    said, unsaid = clauses([intent for intent in intents if intent.aspect not in _HEAD], rng)
    rng.shuffle(said)
    said.sort(key=_weight if rng.random() < 0.6 else lambda _: 0)
    request = Request(rng, part, facts["kind"], str(facts["name"]), str(facts.get("namespace") or ""), said)
    manner = rng.choices(_MANNERS, _SHARES)[0]
    text = manner(request)
    if request.namespace:
        text = _append_namespace(request, text)
    mentioned = (*heads, *(intent for clause in request.spoken for intent in clause.intents))
    return Composed(_finish(text, rng), mentioned, tuple(unsaid), tuple(request.forms))


_HEAD = ("kind", "name", "namespace")


def _weight(clause: Clause) -> int:
    """Images tend to come first, as in `a deployment of nginx`."""
    table = next(iter(clause.tables.values())).name
    return 0 if table.startswith(("container.image", "port/", "spec.schedule", "target", "roleRef", "data")) else 1


def _join(request: Request, texts: Sequence[str]) -> str:
    """Return several phrases as one enumeration."""
    if len(texts) < 2:
        return "".join(texts)
    last = request.frame("frames/and_joins")
    inner = ", " if request.rng.random() < 0.75 else request.frame("frames/and_joins")
    return inner.join(texts[:-1]) + last + texts[-1]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":", "…")) else text + "."


def _in_one(request: Request) -> str:
    """One sentence, and perhaps a second: `create a deployment called x with …. it should …`."""
    rng = request.rng
    opener = request.frame("frames/openers_imperative")
    text = f"{opener} {request.head()}"
    first = request.clauses if rng.random() < 0.55 else request.clauses[: rng.randint(0, len(request.clauses))]
    rest = request.clauses[len(first) :]
    if first:
        link = request.frame("frames/with_links")
        text += _spaced(link.replace("{clauses}", _join(request, [request.say(clause, "np") for clause in first])))
    text += request.frame("frames/question_tail") if _QUESTION.match(opener) else ""
    parts = [request.maybe("frames/greetings", 0.12), request.noise(0.12), text if not rest else _sentence(text)]
    parts += _sentences(request, rest)
    after = [request.noise(0.12), request.maybe("frames/closers", 0.12)]
    if any(after):
        parts[-1] = _sentence(parts[-1])
    return " ".join(part for part in (*parts, *after) if part)


def _spaced(link: str) -> str:
    return link if link[:1] in ",:;. -" else " " + link


def _sentences(request: Request, rest: Sequence[Clause]) -> list[str]:
    """Return sentences for clauses, one or two clauses a sentence."""
    out, place = [], 0
    while place < len(rest):
        register = "np" if request.rng.random() < 0.5 else "vp"
        number = 2 if request.rng.random() < 0.3 else 1
        texts = [request.say(clause, register) for clause in rest[place : place + number]]
        place += number
        out.append(request.frame(f"frames/sentence_{register}").replace("{" + register + "}", _join(request, texts)))
    return out


def _chatty(request: Request) -> str:
    """Sentence after sentence, with a greeting and things that do not matter."""
    opener = request.frame("frames/openers_imperative")
    tail = request.frame("frames/question_tail") if _QUESTION.match(opener) else "."
    parts = [request.maybe("frames/greetings", 0.6), request.noise(0.5), f"{opener} {request.head()}{tail}"]
    parts += _sentences(request, request.clauses)
    if request.rng.random() < 0.3:
        parts.insert(request.rng.randint(3, len(parts)), request.noise(1.0))
    parts += [request.noise(0.4), request.maybe("frames/closers", 0.5)]
    return " ".join(part for part in parts if part)


def _ticket(request: Request) -> str:
    """A title and bullets."""
    rng = request.rng
    mark = request.frame("frames/bullet_marks")
    registers = rng.choice((("np",), ("vp",), ("kv",), ("np", "kv"), ("np", "vp", "kv")))
    lines = [request.frame("frames/ticket_titles").replace("{head}", request.head())]
    lines += [request.maybe("frames/ticket_intros", 0.6)]
    lines += [f"{mark}{request.say(clause, rng.choice(registers))}" for clause in request.clauses]
    lines += [request.noise(0.3), request.maybe("frames/closers", 0.15)]
    return "\n".join(line for line in lines if line)


def _terse(request: Request) -> str:
    """As few words as will do."""
    join = request.frame("frames/terse_joins")
    head = request.head("heads_kv/lines" if request.rng.random() < 0.75 else "heads/lines")
    return join.join([head, *(request.say(clause, "kv") for clause in request.clauses)])


def _form(request: Request) -> str:
    """A line for each thing."""
    return "\n".join([request.head("heads_kv/lines"), *(request.say(clause, "kv") for clause in request.clauses)])


def _steps(request: Request) -> str:
    """Numbered steps, or first … then …."""
    rng = request.rng
    lines = [f"{rng.choice(('create', 'make', 'add', 'set up', 'write', 'define'))} {request.head()}"]
    lines += [request.say(clause, "vp" if rng.random() < 0.85 else "np") for clause in request.clauses]
    if rng.random() < 0.6:
        mark = rng.choice(("{}. {}", "{}) {}", "({}) {}", "step {}: {}"))
        return "\n".join(mark.format(number, line) for number, line in enumerate(lines, 1))
    return " ".join(_sentence(f"{request.frame('frames/step_intros')} {line}") for line in lines)


def _head_and_list(request: Request) -> str:
    """What is wanted, a colon, and the rest as an enumeration or lines."""
    head = request.head()
    opener = request.maybe("frames/openers_imperative", 0.5)
    texts = [request.say(clause, request.rng.choice(("np", "kv"))) for clause in request.clauses]
    joined = _join(request, texts) if request.rng.random() < 0.6 else "\n" + "\n".join(texts)
    return f"{opener} {head}{request.rng.choice((': ', ', ', ' - ', '; ', '. '))}{joined}".strip()


_MANNERS: tuple[Callable[[Request], str], ...] = (_in_one, _chatty, _ticket, _terse, _form, _steps, _head_and_list)
_SHARES = (0.32, 0.16, 0.14, 0.16, 0.06, 0.07, 0.09)


def _append_namespace(request: Request, text: str) -> str:
    clause = request.frame(f"namespace/{'kv' if chr(10) in text else request.rng.choice(('np', 'kv'))}").replace(
        "{v}", shield(request.namespace)
    )
    return f"{text}\n{clause}" if "\n" in text else f"{text.rstrip('.')}, {clause}"


def _finish(text: str, rng: Random) -> str:
    """Give the text a person's habits: capitals at sentence starts or none, a slip of the finger now and then."""
    text = re.sub(r"(?<=\S) {2,}(?=\S)", " ", text.replace(" " + CLOSE, CLOSE))
    text = re.sub(r"(?<=[\w\ue001]) (?=[,;](?:\s|\Z))", "", text)
    text = re.sub(rf"\b(cpus?|cores?|vcpus?|millicores|milli)({CLOSE}?)( of)? cpu\b", r"\1\2", text)
    roll = rng.random()
    if roll < 0.5:
        text = re.sub(r"(^|[.!?]\s+|\n)([a-z])(?=[a-z']*[\s,])", lambda match: match[1] + match[2].upper(), text)
        text = re.sub(r"\bi('|\b)(?=[ 'm])", r"I\1", text)
    roll = rng.random()
    if roll < 0.06:
        text = _slip(text, rng)
    elif roll < 0.14:
        text = _hasty(text, rng)
    return text.replace(OPEN, "").replace(CLOSE, "").strip()


_SHORTHAND = {"with": "w/", "without": "w/o", "and": "&", "please": "pls", "you": "u", "because": "bc", "about": "abt"}
_ARTICLES = frozenset(("the", "a", "an"))


def _hasty(text: str, rng: Random) -> str:
    """Leave articles out, shorten small words, or drop apostrophes, as people in a hurry do; no value is touched."""
    pieces = re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", text)
    roll = rng.random()
    for place in range(0, len(pieces), 2):
        if roll < 0.4:
            pieces[place] = _PLAIN_WORD.sub(lambda match: "" if match[1] in _ARTICLES else match[0], pieces[place])
        elif roll < 0.8:
            pieces[place] = _PLAIN_WORD.sub(lambda match: _SHORTHAND.get(match[1], match[1]) + match[2], pieces[place])
        else:
            pieces[place] = re.sub(r"(?<=[a-z])'(?=[a-z])", "", pieces[place])
    return "".join(pieces)


_PLAIN_WORD = re.compile(r"(?<![^\s])([a-z]+)( )(?=\S|\Z)")


def _slip(text: str, rng: Random) -> str:
    """Misspell one plain word of five letters or more that is part of no value."""
    values = [match.span() for match in re.finditer(f"{OPEN}[^{CLOSE}]*{CLOSE}", text)]
    found = re.finditer(r"(?<![\w/.:=\"'`-])[a-z]{5,}(?![\w/.:=\"'`-])", text)
    words = [word for word in found if not any(start < word.start() < end for start, end in values)]
    if not words:
        return text
    word = rng.choice(words)
    place = rng.randrange(word.start() + 1, word.end() - 1)
    roll = rng.random()
    middle = "" if roll < 0.4 else text[place] * 2 if roll < 0.6 else text[place + 1] + text[place]
    return text[:place] + middle + text[place + (1 if roll < 0.6 else 2) :]
