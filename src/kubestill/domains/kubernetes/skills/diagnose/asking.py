"""The request around a paste: a ticket, a question before or after, a few words to a colleague, or nothing at all."""

import re
from collections.abc import Mapping
from functools import cache
from random import Random

from kubestill.domains.kubernetes.phrasing.lines import Table, read_tables
from kubestill.domains.kubernetes.skills.diagnose.causes import ABOUT, PACKAGE, Cause
from kubestill.domains.kubernetes.skills.diagnose.scene import Scene

_LAYOUTS = (
    ("paste", 8),
    ("question, paste", 14),
    ("paste, question", 14),
    ("symptom, paste, ask", 22),
    ("symptom, lead, paste, ask", 14),
    ("symptom, question, paste", 8),
    ("symptom, paste", 8),
    ("ticket", 12),
)
_NAMES, _WEIGHTS = [name for name, _ in _LAYOUTS], [weight for _, weight in _LAYOUTS]
_SPOKEN_OF = {"node": "node", "claim": "claim", "service": "service", "balancer": "service", "ingress": "ingress"}
_SPOKEN_OF |= {"certificate": "ingress", "scale": "scale", "job": "job", "cronjob": "cronjob", "rollout": "rollout"}
_SPOKEN_OF |= {"namespace": "namespace"}
_NOUNS = {"scale": "autoscaler"}  # what a thing is called, where the name of its table is no noun for it
_UNKNOWN = re.compile(r"(a|an|one)\b")  # `a node`, `one of the workers`: so a thing is spoken of for the first time, and not in a question
_ARTICLE = re.compile(r"(?:the|a|an|this) ")  # of a title
_BEGINS = re.compile(r"(?<![\w{-])i(?![\w}-])|(?<=[a-z\])][.?!] )[a-z](?=[a-z]* )")  # what a careful writer writes large
_LEFT = re.compile(r" +(?=[ ?.,!:])")
# What says how long it has gone on, and the seconds that must have passed.
_LASTING = (
    (300, re.compile(r"\b(?:a while|every few minutes|for minutes)\b")),
    (900, re.compile(r"\b(?:for ages|forever)\b")),
    (10_800, re.compile(r"\b(?:since (?:this morning|today)|since yesterday)\b")),
)
_FENCED = 0.15
_CAPITAL = 0.55  # of the requests whose writer begins sentences with a capital
_GREETED = 0.08


@cache
def tables() -> Mapping[str, Table]:
    """Return the tables of phrase parts by name: `symptom/crash`, `ask/next`."""
    prefix = "diagnose."
    return {name.removeprefix(prefix): table for name, table in read_tables(PACKAGE, "phrases.toml", prefix=prefix).items()}


class Asking:
    """Writes one request and remembers the parts that it used."""

    def __init__(self, cause: Cause, scene: Scene) -> None:
        self.cause, self.scene = cause, scene
        self.rng: Random = scene.rng
        self.forms: list[str] = []
        self.capital = self.rng.random() < _CAPITAL
        self.topic = scene.given.get(ABOUT, cause.topic)
        self.noun = _SPOKEN_OF.get(self.topic, "pod")
        self.it = scene.fill(self.pick(f"it/{self.noun}"))
        self.spoken = ""  # the last part that spoke of it

    def pick(self, name: str) -> str:
        """Return a part of a table that does not say that it has gone on for longer than the paste shows."""
        while True:
            text, form = tables()[name].pick(self.rng, self.scene.part)
            if not any(said.search(text) for least, said in _LASTING if self.scene.lasted < least):
                break
        self.forms.append(form)
        return _LEFT.sub("", text).strip()  # where an optional word was left out

    def request(self, paste: str, *missing: str) -> str:
        """Return the request; `missing` names tables of what the paste does not show and the answer needs."""
        if self.rng.random() < _FENCED:
            paste = f"```\n{paste}\n```"
        layout = self.rng.choices(_NAMES, _WEIGHTS)[0]
        kinds = ((f"{name}/{self.noun}", f"{name}/lines") for name in missing)  # nobody says of a namespace that it is in one
        said = [self._said(own if own in tables() else common) for own, common in kinds]
        if layout == "ticket":
            return self._ticket(paste, said)
        names = layout.split(", ")
        parts = [paste if name == "paste" else self._part(name) for name in names]
        place = names.index("paste")
        before, after = parts[:place], parts[place + 1 :]
        spot = place - ("lead" in names)  # a lead leads to the paste: nothing comes between
        before = [*before[:spot], *said, *before[spot:]]
        gap = self.rng.choice(("\n\n", "\n\n", "\n"))
        text = gap.join(filter(None, (_paragraph(before), paste, " ".join(after))))
        return f"{self._said('greeting/lines')}\n{text}" if before and self.rng.random() < _GREETED else text

    def _ticket(self, paste: str, said: list[str]) -> str:
        """Return a ticket; what the paste does not show stands beside the symptom, before the lead, or right before the paste."""
        text = head = self.pick("ticket/heads")
        host = next((name for name in ("symptom", "lead") if f"{{{name}}}" in head), "paste")
        for name in ("title", "symptom", "lead", "ask", "paste"):
            if f"{{{name}}}" not in head:
                continue
            part = paste if name == "paste" else self._part(name)
            if name == host and said:
                part = (
                    _paragraph([part, *said])
                    if name == "symptom"
                    else _paragraph([*said, part])
                    if name == "lead"
                    else f"{_paragraph(said)}\n{part}"
                )
            text = text.replace(f"{{{name}}}", part)
        return text

    def _part(self, name: str) -> str:
        if name == "ask":
            return self._said("ask/next" if self.rng.random() < 0.5 else "ask/any")
        if name == "question" and self.rng.random() < 0.4:
            return self._said("ask/next" if self.rng.random() < 0.4 else "ask/any")
        return self._said("lead/lines" if name == "lead" else f"{name}/{self.topic}")

    def _said(self, name: str) -> str:
        """Return a part as this writer writes: with a capital at its beginning, or without."""
        text = self._of_it(self.pick(name), name.split("/")[0])
        if self.capital:
            text = _BEGINS.sub(lambda match: match[0].upper(), text)
        text = self.scene.fill(text)
        first = text.split(" ")[0].strip(":.,?")
        named = first == "kubectl" or first in self.scene.values.values()  # a name keeps its spelling
        return text if named or not self.capital else text[0].upper() + text[1:]

    def _of_it(self, text: str, sort: str) -> str:
        """Put in what a part speaks of: by its name at first, then as `it`; a title is no sentence, and stands for itself."""
        if "{it}" not in text:
            return text
        said, noun = self.it, _NOUNS.get(self.noun, self.noun)
        unknown = bool(_UNKNOWN.match(said))
        if sort == "title":
            said = noun if said == "it" else _ARTICLE.sub("", said)
        elif self.spoken not in ("", "title"):
            said = "it"
        elif unknown and (sort == "question" or self.spoken):
            said = f"the {noun}" if self.spoken else f"this {noun}"
        elif said == "it" and not text.startswith("{it}"):
            said = f"this {noun}"
        self.spoken = sort
        return text.replace("{it}", said)


def _paragraph(parts: list[str]) -> str:
    """Join sentences; what ends in no mark stands on a line of its own."""
    text = ""
    for part in parts:
        text += ("" if not text else " " if text[-1] in ".:,?" else "\n") + part
    return text
