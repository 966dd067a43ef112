"""The manifest skill as it is taught: what `ManifestSkill` draws, and beside it other manners, edits, sets and custom resources.

The suites keep drawing from `ManifestSkill`, so that their samples, and all scores on them, keep their meaning.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from kubestill.domains.api import MANIFESTS, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.skills.manifest.choosing import ESSENTIAL, INVENTED_TOTALS, choose, whole
from kubestill.domains.kubernetes.skills.manifest.context import manifest_context
from kubestill.domains.kubernetes.skills.manifest.custom import DEFINITIONS, reverse_definition
from kubestill.domains.kubernetes.skills.manifest.edits import draw_edit, reverse_edit
from kubestill.domains.kubernetes.skills.manifest.judging import judge
from kubestill.domains.kubernetes.skills.manifest.manners import compose_otherwise, fewer
from kubestill.domains.kubernetes.skills.manifest.sets import draw_set
from kubestill.domains.kubernetes.skills.manifest.skill import NAME, ManifestSkill, asked, drawn, wanted
from kubestill.domains.kubernetes.skills.manifest.written import REQUESTS, written
from kubestill.tools.checks.api import Verdict

# Shares of draws; what remains is the plain road. To write one object from nothing stays the greater part.
MANNERS, EDITS, SETS = 0.22, 0.16, 0.12
HARD = 0.05  # of kinds that need more lessons than people's wishes give: of what a policy lets through every fourth was misread
HARD_KINDS = ("NetworkPolicy", "NetworkPolicy", "NetworkPolicy", "StatefulSet")
REVERSE_MANNERS, REVERSE_EDITS = 0.25, 0.25
LONG = 0.3  # of workloads of which two are drawn, and all is said of the one that says more: four of ten over 500 letters failed
LONG_KINDS = ("Deployment",) * 4 + ("Pod", "StatefulSet", "CronJob") * 2 + ("Job", "DaemonSet")
_FEWER = 0.4  # share of the other manners in which only what nobody can leave out is asked for, and little more
_APART = 0.4  # share of the images that can be so, whose name and tag a blank parts: `redis 7.2`
_TAGGED = re.compile(r"([a-z][a-z0-9]*(?:[-/][a-z0-9]+)*):(\d+(?:\.\d+)*(?:-[a-z]+)?)")
_BETWEEN = (" ", " ", " ", " version ", " tag ")


class WideManifestSkill:
    """Draws requests for one manifest, several, or a changed one; or writes those that a real manifest or a definition answers."""

    name = NAME
    version = 17  # of all roads, the plain one included
    reads = frozenset((MANIFESTS, REQUESTS, DEFINITIONS))

    def __init__(self) -> None:
        self.plain = ManifestSkill()

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent what is asked for, and ask."""
        roll = rng.random()
        if roll < MANNERS:
            intents = drawn(rng, part)
            chosen = whole(fewer(intents, ESSENTIAL, rng)) if rng.random() < _FEWER else choose(intents, rng, INVENTED_TOTALS)
            return _apart(asked(chosen, rng, part, say=compose_otherwise), rng)
        if roll < MANNERS + EDITS:
            return draw_edit(rng, part)
        if roll < MANNERS + EDITS + SETS:
            return draw_set(rng, part)
        if roll < MANNERS + EDITS + SETS + HARD:
            return asked(choose(drawn(rng, part, rng.choice(HARD_KINDS)), rng, INVENTED_TOTALS), rng, part)
        if roll < MANNERS + EDITS + SETS + HARD + LONG:
            return asked(max((drawn(rng, part, rng.choice(LONG_KINDS)) for _ in range(2)), key=len), rng, part)
        return _apart(asked(choose(drawn(rng, part), rng, INVENTED_TOTALS), rng, part), rng)

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Ask for what a real manifest says or for a change of it, or for an object of the kind that a definition defines.

        What people wrote stands, but for the values in it.
        """
        if document.form == REQUESTS:
            return written(document, rng, NAME)
        if document.form == DEFINITIONS:
            return reverse_definition(document, rng, part)
        roll = rng.random()
        if roll < REVERSE_EDITS:
            sample = reverse_edit(document, rng, part)
            return self.plain.reverse(document, rng, part) if isinstance(sample, Drop) else sample
        if roll < REVERSE_EDITS + REVERSE_MANNERS:
            chosen = wanted(document, rng)
            return chosen if isinstance(chosen, Drop) else asked(chosen, rng, part, document.source, compose_otherwise)
        return self.plain.reverse(document, rng, part)

    def context(self, sample: Sample) -> Mapping[str, str]:
        """Return the form of manifests, and the fields that the schema has where the answer writes some."""
        return manifest_context(sample)

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Judge an answer as what was asked for: one object, several, a changed one, or a custom resource."""
        return judge(answer, intents)


def _apart(sample: Sample | Drop, rng: Random) -> Sample | Drop:
    """Say name and version of an image apart, as many people do, where it is said once and nothing behind it can be read as its tag."""
    if isinstance(sample, Drop):
        return sample
    request = sample.request
    for intent in sample.intents:
        match = _TAGGED.fullmatch(str(intent.value)) if intent.aspect == "container.image" else None
        if match and request.count(match[0]) == 1 and rng.random() < _APART:
            said = rf"(?<![\w./:@-]){re.escape(match[0])}(?![\w/:@-]|\.\w| ?\d| x ?\d)"
            request = re.sub(said, match[1] + rng.choice(_BETWEEN) + match[2], request)
    return replace(sample, request=request)
