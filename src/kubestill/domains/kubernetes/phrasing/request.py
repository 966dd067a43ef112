"""A request under composition: it draws the parts, and sees to it that each fits where it stands and what was said before."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.phrasing.clause import Clause, Manner, pick_tables, shield
from kubestill.domains.kubernetes.phrasing.clauses import clauses
from kubestill.domains.kubernetes.phrasing.lines import EVERY, earlier, tables
from kubestill.domains.kubernetes.phrasing.order import in_order
from kubestill.domains.kubernetes.phrasing.style import FIGURE, WORDS, Style, draw_style, fitting

_TRIES = 12  # draws of a part until one fits; then any has to do
_PEOPLE = ("Priya Tomás Wei Aisha Jonas Maria Dmitri Chloe Omar Ingrid Kenji Fatima Lars Amara Ravi Elena Marek Yuki Bob Sam").split()

# Small talk that leads to the request, or looks back on it.
_LEADS = re.compile(
    r":$|^(here (is|are|we)|here's|so here|let me|some context|bear with|i'll try|i try to|anyway|first i|you're busy|as promised|"
    r"my notes from|just so you|long story|the big picture|first post|long-time)|bear with me"
)
_LOOKS_BACK = re.compile(
    r"^(that is the whole|so much for|enough talk|anyway\.|more details can|the rest of the story|hopefully i did|i hope (nothing|this|i )|"
    r"please double|feel free|sorry for the wall|coffee first|we can |we'll )"
)
_LEISURE = re.compile(
    r"\bno (rush|hurry|stress|pressure)|not (so |at all )?urgent|take your time|whenever|when you (find|get|have)|is fine too"
)
_HURRY = re.compile(
    r"urgent|asap|hurry|breath|impatient|nervous|deadline|sooner|by (tomorrow|the end)|today if|soon as|waiting|rush|chasing|or never|"
    r"\bby \(?(friday|tuesday)|yesterday\.|short notice"
)
_THANKS = re.compile(
    r"\b(thank|thanks|thanking|thx|ty|tysm|tnx|tx|tia|cheers|ta|appreciated?|obliged|thankful|grateful|merci|gracias|danke|grazie)\b"
)
# What is counted in small numbers; all else that small talk numbers is a ticket or a cost center.
_FEW = re.compile(
    r"\{n\}(th\b| (days|hours|weeks|years|times|coffees|sprints|of us|blog|findings|questions|people have))|team of|"
    r"(sprint|phase|wave|batch|step|milestone|chapter|lesson|lab|exercise|homework|slide|hall|point|task|question|paragraph|finding|rack|"
    r"building|page|row|workshop number|risk) (number )?\{n\}"
)
# To launch or install something is to run it.
_RUNS = re.compile(r"^(pls |please |kindly )?(spin up|stand up|bring up|launch|start|roll out|fire up|kick off|boot|install|bootstrap)\b")
# Lines that stand by themselves, but not after `it should`, or `it has`.
_NO_VERB = re.compile(r"^(if|when|for|under|on|as|in|at|the|to|with|from|please|pls|by)\b")
_NO_NOUN = re.compile(r"^(as|basically|ideally|obviously|at|for|in|on|under|up|if|when|from|by|never|not|so|like|with|w/o|without|to)\b")


# Whoever has asked for `a container running nginx` means that one, and no other, by what follows.
_ANOTHER = re.compile(r"^(a|one) (single )?container\b(?!'s|[ -](security|ports?|level|env))|" + _NO_NOUN.pattern)
# Before the name of a port in brackets: `a container serving on 80 (named web)` would name the container.
_OTHER_NOUN = re.compile(r"\b(containers?|app|process|server|clients?|callers?|pods?|it)\b(?! ?[Pp]orts?\b)|" + _NO_NOUN.pattern)


UNFIT = {"np": _NO_NOUN, "vp": _NO_VERB, "kv": re.compile(r"^(with|w/) ?")}


def _twice(kind: str) -> re.Pattern[str] | None:
    """Return what finds a line that would say again what the kind's name says: `a kubernetes k8s service`, `kind: k8s svc`."""
    if re.search(r"k8s|kube", kind):
        return _KUBE
    if re.search(r"\b(object|resource|manifest|definition|spec|obj)\b", kind):
        return _OBJECT
    return _KIND if _DESCRIBED.search(kind) else None


_MARKED = re.compile(r"\{kind\}[/.:=]\{name\}")  # `storage class/fast`: only what is one word stands so
_NAME_FIRST = re.compile(r"\{name\} \{kind\}")
_DESCRIBED = re.compile(
    r"^\w{2,3}\Z|\b(single|bare|plain|standalone|one-off|one-shot|run-once|batch|old-style|clusterwide|cluster-wide|recurring|periodic|"
    r"scheduled|horizontal|k8s|kubernetes|persistent storage|rbac|namespaced|http|of)\b"
)
_KIND = re.compile(r"\bkind\b(?!\})|\b(type|simple|basic|plain|minimal|single|new|resource|k8s|kubernetes)\b")
_KUBE, _OBJECT = (
    re.compile(r"\bk8s|kube|\bkind\b(?!\})|\btype\b|^resource"),
    re.compile(r"object|resource|manifest|definition|\bspec\b|\bobj\b|yaml|type|kind:|of kind"),
)


_ONCE = re.compile(r"\bonce\b|one-(off|shot)|single")  # which is not said of what runs six times
_REPEATED = {"spec.completions", "spec.parallelism", "spec.schedule"}


# Of one container among others nobody says that it is a container with a container.
_CONTAINER = re.compile(
    r"\b(container|containers|ctr|pods?|it|its)\b|^w/|^(with|based|on|from|uses|runs|of|in|has|serv\w+|listen\w*)\b| (is|should|must)\b"
)
# Names that are words of such sentences: `in example`, `for test`, `under default` are no places.
_PLAIN_WORDS = frozenset("example examples test testing tests default demo sample production prod staging dev system general".split())
_BARE_PLACE = re.compile(r"\b(in|inside|within|under|to|into|as|for) \{v\}(?! (namespace|ns)\b)|^\{v\} (?!(namespace|ns)\b)")
_SHOWS = re.compile(
    r"\b(show|send|give|get|provide)( (me|us))?( with)?$|\bi (please )?(get|have|ask for)$|look like for$|what's the yaml for$"
)
_DEFINITE = re.compile(r"^(?!(a|one) )")
_APART = re.compile(_CONTAINER.pattern + r"|: ?\{")  # one colon on a line is enough
_NAMED_LAST = re.compile(r"\bas +(its +)?name$|^\ue000[^\ue001]*\ue001 - ")  # `with web as its name of type NodePort` hangs it on the name
_THAT = re.compile(r"^(that|which|whose|where)\b")
_WITH = re.compile(r"^(with|having|w/)")
_ANY_LENGTH = 99
_NAMESPACE_APART = 0.2  # share of namespaces that do not follow the name in a sentence, but are said last
_NAMESPACE_LAST = 0.15  # share of those in a list that stand at its end
_FEW_WORDS, _AT_LENGTH = 8, 0.06  # where little is said, it is at times said at length


def listed(texts: Sequence[str]) -> str:
    """Return phrases as one enumeration; behind an enumeration in it a bare comma would go on with that."""
    if len(texts) > 2 and any(", " in text for text in texts[:-1]):
        return "; ".join((*texts[:-1], f"and {texts[-1]}"))
    nested = any(", " in text or " and " in text for text in texts[:-1])
    return ", ".join(texts[:-1]) + (", and " if nested else " and " if len(texts) > 1 else "") + "".join(texts[-1:])


HEAD = ("kind", "name", "namespace")
_IN_DATA = re.compile(r"\bdata\b")


def _is_data(clause: Clause) -> bool:
    return bool(clause.intents) and clause.intents[0].aspect == "data"


_IMAGE = re.compile(r"^(?!.*\b(image|img)\b)", re.IGNORECASE)


def _as_image(clause: Clause, name: str) -> Clause:
    """Return a clause that says of an image called as the object is that it is one: `web that runs web` would leave it open."""
    if clause.inner:
        return replace(clause, inner=tuple(_as_image(one, name) for one in clause.inner))
    same = any(intent.aspect == "container.image" and intent.value == name for intent in clause.intents)
    return replace(clause, unfit=_IMAGE) if same else clause


@dataclass
class Request:
    """A request under composition: who speaks (`rng`), from which part of the tables, and which parts were used."""

    rng: Random
    part: str
    kind: str
    name: str
    namespace: str
    clauses: list[Clause]
    style: Style = field(default_factory=Style)
    most: int = 9  # words of a clause, its values not counted: the more there is to say the fewer
    forms: list[str] = field(default_factory=list)
    spoken: list[Intent] = field(default_factory=list)  # in the order of mention
    _lines: dict[str, str] = field(default_factory=dict)  # the line that each table was spoken with: nobody varies it for its own sake
    hurried: bool | None = None  # whether the person is, once small talk has said so
    thanked: bool = False
    attributed: bool = False  # whether a clause follows the name: what comes `with` more would be a part of that
    tailed: bool = False  # whether something follows the name in the head, which `that has …` would be about

    @classmethod
    def about(cls, intents: Sequence[Intent], rng: Random, part: str) -> tuple["Request", tuple[Intent, ...]]:
        """Return a request whose clauses are in the order in which people say them, and what no table can say."""
        facts = {intent.aspect: intent.value for intent in intents if not intent.keys}
        style = draw_style(rng)
        rest = [intent for intent in intents if intent.aspect not in HEAD]
        said, unsaid = clauses(rest, rng, style)
        if facts["kind"] == "Secret":  # whose values under `data` would have to be encoded
            said = [replace(clause, unfit=_IN_DATA) if _is_data(clause) else clause for clause in said]
        ordered = in_order(said, rest, rng)
        ordered = [_as_image(clause, str(facts["name"])) for clause in ordered]
        style = style.over((clause.table("kv", part) for clause in ordered), part)
        most = 10 if len(ordered) < 3 else 8 if len(ordered) < 5 else 7
        request = cls(rng, part, facts["kind"], str(facts["name"]), str(facts.get("namespace") or ""), ordered, style, most)
        return request, tuple(unsaid)

    def frame(self, name: str, part: str | None = None, unfit: re.Pattern[str] | None = None, lines: Sequence[str] = ()) -> str:
        """Return a line of a table in frames.toml or meta.toml: none that was used before, nor one that `unfit` finds something in.

        `lines`: those of the table to draw from, all of the part's unless told.
        """
        table = tables()[name]
        for _ in range(_TRIES):
            text, form = table.one_of((earlier(lines or table.lines(part or self.part), self.rng, self.part),), self.rng)
            if not (unfit and unfit.search(text)) and (form not in self.forms or part == EVERY):
                break
        else:
            fit = [line for line in lines or table.lines(part or self.part) if not (unfit and unfit.search(line))]
            text, form = table.one_of(fit, self.rng) if fit else (text, form)
        self.forms.append(form)
        return text

    def opener(self) -> str:
        """Return what stands before the head: `please create`."""
        return self.frame("frames/openers_imperative", unfit=_RUNS if KINDS[self.kind].template is None else None)

    def head(self, table: str = "heads/lines", opener: str = "", tail: bool = True) -> str:
        """Return what is wanted: kind and name, and the namespace where one is; else that becomes a clause like any other.

        `opener`: the words before it, where it might be one that is there: `show me the web service` asks for no new one.
        `tail`: whether something may follow the name; before a colon it would be read as what the list is about.
        """
        said = {intent.aspect for clause in self.clauses for intent in clause.said()}
        kind = self.frame(f"kinds/{self.kind}", EVERY, _ONCE if said & _REPEATED else None)
        lines = fitting(tables()[table], self.part, (self.style.terse, WORDS), _ANY_LENGTH) if table == "heads_kv/lines" else ()
        unfit = [
            found
            for found in (_twice(kind), self._misread(kind), _MARKED if " " in kind else None, _DEFINITE if _SHOWS.search(opener) else None)
            if found
        ]
        plain = _BARE_PLACE if self.namespace in _PLAIN_WORDS else None
        seams = re.compile("|".join(found.pattern for found in unfit)) if unfit else None
        text = self.frame(table, unfit=seams, lines=lines).replace("{kind}", kind).replace("{name}", shield(self.name))
        apart = self.kind != "NetworkPolicy" and self.rng.random() < _NAMESPACE_APART  # whose clauses name other namespaces
        if self.namespace and table == "heads/lines" and not apart:
            text += " " + self.frame("namespace/at", unfit=plain).replace("{v}", shield(self.namespace))
        elif self.namespace:
            place = len(self.clauses) if table == "heads/lines" or self.rng.random() < _NAMESPACE_LAST else 0
            self.clauses.insert(place, Clause(pick_tables("namespace"), {"v": self.namespace}, unfit=plain))
        elif tail and table == "heads/lines" and self.rng.random() < 0.2 and not _NAMED_LAST.search(text):
            text += (attribute := self._attribute(_THAT if " that " in text else _WITH if " with " in text or "having" in text else None))
            self.attributed = bool(attribute)
        self.tailed = not text.endswith(shield(self.name))
        self.namespace = ""
        return text

    def _misread(self, kind: str) -> re.Pattern[str] | None:
        """Return what finds a line with the name before the kind where that reads as one phrase: `a stable role`, `the web plain pod`."""
        return _NAME_FIRST if self.name.isalpha() or _DESCRIBED.search(kind) else None

    def _attribute(self, unfit: re.Pattern[str] | None) -> str:
        """Return a clause that follows the noun (`a service for the web pods`), taken off the list; or nothing."""
        # Of several of a sort none is said apart from the rest.
        alone = Counter(clause.intents[0].aspect for clause in self.clauses if clause.intents)
        fit = (
            place
            for place, clause in enumerate(self.clauses)
            if "at" in clause.tables and not clause.inner and not clause.after and alone[clause.intents[0].aspect] == 1
        )
        place = next((place for place in fit if self.clauses[place].tables["at"].has(self.part)), None)
        return "" if place is None else " " + self.say(self.clauses.pop(place), "at", unfit)

    def say(self, clause: Clause, register: str, unfit: re.Pattern[str] | None = None) -> str:
        """Return a clause in a register, in words in which `unfit` finds nothing."""
        sorts = self.style.sorts(register)
        if self.most > _FEW_WORDS and register != "kv" and self.rng.random() < _AT_LENGTH:
            sorts = (FIGURE, *sorts)
        table = clause.table(register, self.part).name if clause.tables else ""
        if clause.after and clause.intents[0].aspect in ("port", "container.port"):
            unfit = _OTHER_NOUN
        if register == "np" and clause.intents and clause.intents[0].aspect.startswith("container.") and not unfit:
            unfit = None if clause.intents[0].aspect == "container.image" else _ANOTHER
        manner = Manner(register, sorts, self.most, unfit or UNFIT.get(register), self._lines.get(table, ""))
        text, form, line = clause.say(manner, self.rng, self.part)
        self._lines[table] = line
        self.forms += [form] if form else []
        self.spoken.extend(clause.intents)
        inside = "kv" if register == "kv" else "np"
        if clause.inner:
            apart = _APART if ": {items}" in text and not clause.whole else _CONTAINER
            items = self._said_alike(clause, inside) if clause.alike else [self.say(one, inside, apart) for one in clause.inner]
            text = text.replace("{items}", listed(items))
        if clause.after:
            text += f" \u2768{', '.join(self.say(one, inside) for one in clause.after)}\u2769"
        return text

    def _said_alike(self, clause: Clause, register: str) -> list[str]:
        """Return the parts of a list, each of them drawn with the same chance, and so in the same words where the same is said."""
        own, seed = self.rng, self.rng.random()
        texts = []
        for one in clause.inner:
            self.rng = Random(seed)
            texts.append(self.say(one, register))
        self.rng = own
        return texts

    def maybe(self, name: str, chance: float, unfit: re.Pattern[str] | None = None) -> str:
        """Return a line of a table, or nothing."""
        return self.frame(name, unfit=unfit) if self.rng.random() < chance else ""

    def talk(self, name: str, chance: float, unfit: re.Pattern[str] | None = None) -> str:
        """Return small talk that goes with the small talk before it, or nothing: nobody is in a hurry who said `take your time`."""
        if self.rng.random() >= chance:
            return ""
        for _ in range(_TRIES):
            text = self.frame(name, unfit=unfit)
            hurried = False if _LEISURE.search(text) else True if _HURRY.search(text) else None
            thanks = bool(_THANKS.search(text))
            if not (self.thanked and thanks) and (hurried is None or self.hurried in (None, hurried)):
                self.thanked, self.hurried = self.thanked or thanks, self.hurried if hurried is None else hurried
                return text
            self.forms.pop()
        return ""

    def noise(self, chance: float, before: bool = False) -> str:
        """Return something that has to be ignored, or nothing: `before` what is asked for, or after it."""
        name = "frames/noise_named" if self.rng.random() < 0.3 else "frames/noise"
        text = self.talk(name, chance, _LOOKS_BACK if before else _LEADS)
        if "{" in text:
            number = self.rng.randrange(2, 30) if _FEW.search(text) else self.rng.randrange(100, 9999)
            text = text.replace("{n}", str(number)).replace("{person}", self.rng.choice(_PEOPLE))
        return text
