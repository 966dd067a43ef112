"""The skill of commands: an intention in English, the one kubectl command as the answer."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from random import Random

from kubestill.domains.api import Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.skills.kubectl.catalogue import Family, families
from kubestill.domains.kubernetes.skills.kubectl.compose import compose
from kubestill.domains.kubernetes.skills.kubectl.context import kubectl_context
from kubestill.domains.kubernetes.skills.kubectl.cue import cued
from kubestill.domains.kubernetes.skills.kubectl.documented import FORMS, ask
from kubestill.domains.kubernetes.skills.kubectl.judging import COMMAND, judge, meaning
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Verdict

NAME = "kubectl"
MAX_REQUEST = 700  # characters: beside an answer a small context holds no more


class KubectlSkill:
    """Draws intentions with their commands, or takes both from the documentation."""

    name = NAME
    version = 5  # of families, options, phrases, and of how answers are judged
    reads = FORMS

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent a command and ask for it."""
        found, cumulated = _weighted()
        family = found[bisect(cumulated, rng.random() * cumulated[-1])]
        composed = compose(family, rng, part)
        request, added = cued(composed.request, family.path, rng, part)
        return sample(request, composed.commands, family.path, (*composed.forms, *added))

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Ask for a command that the documentation shows, in its words."""
        asked = ask(document, rng, part)
        if isinstance(asked, Drop):
            return asked
        return sample(asked.request, asked.commands, asked.path, asked.forms, document.source)

    def context(self, sample: Sample) -> Mapping[str, str]:
        """Return the form of a command, and the reference of the one that the answer calls."""
        return kubectl_context(sample)

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Judge form, syntax, command, flags, arguments and, with `intents`, the meaning."""
        return judge(answer, intents)


@cache
def _weighted() -> tuple[tuple[Family, ...], tuple[float, ...]]:
    found = tuple(families().values())
    return found, tuple(accumulate(family.weight for family in found))


def sample(
    request: str, commands: Sequence[str], path: str, forms: tuple[str, ...] = (), source: Mapping[str, str] | None = None
) -> Sample | Drop:
    """Return the sample of a request and its commands, the answer first; `source` says that it is documented."""
    if len(request) > MAX_REQUEST:
        return Drop("request-too-long")
    meanings = tuple(dict.fromkeys(meaning(command) for command in commands))
    expected = meanings if len(meanings) > 1 else meanings[0]
    intents = (Intent("task", (), NAME), Intent(COMMAND, (), expected))
    identity = f"kubectl-{stable_hash(request, commands[0]):016x}"
    road = "procedural" if source is None else "reverse"
    return Sample(identity, NAME, request, commands[0], intents, path, road, forms, dict(source or {}))
