"""How each skill other than manifests is led; skills/table.py names these."""

from collections.abc import Sequence
from dataclasses import dataclass

from kubestill.domains.kubernetes.grammars.built import Building
from kubestill.domains.kubernetes.grammars.kubectl import KubectlGuide, Options, kubectl_grammar
from kubestill.domains.kubernetes.grammars.notes import pointer_bans
from kubestill.tools.grammar.api import Given, Guide, Reading, Step


@dataclass(frozen=True)
class Commanding:
    """The leading of commands: nothing is noted, the command itself is short."""

    lines: Sequence[str] = ()

    def answer(self, notes: str, reading: Reading) -> Step | Given:  # noqa: ARG002 - there are none
        """Return the step of one command, which points at nothing but what the request gave.

        Its words are not held to the request: those that everybody knows (`web`, `monitoring`) are written, not pointed at.
        """
        step = kubectl_grammar(Options(pipes=False, places=False, pointers=True))
        return Step(step, bans=pointer_bans(reading.spans, typed=False), banned_with="⟨")

    def straight(self) -> Guide:
        """Return the guide of one command."""
        return KubectlGuide(Options(pipes=False, places=False))


def general() -> Building:
    """Return the leading of short questions: their topic, then what they say."""
    from kubestill.domains.kubernetes.skills.general.skill import build
    from kubestill.domains.kubernetes.skills.general.table import TOPICS

    return Building("topic", tuple(TOPICS), build)


def diagnose() -> Building:
    """Return the leading of diagnoses: the cause, then what the paste shows of it."""
    from kubestill.domains.kubernetes.skills.diagnose.causes import catalogue
    from kubestill.domains.kubernetes.skills.diagnose.skill import build

    return Building("cause", tuple(catalogue()), build)


def runbook() -> Building:
    """Return the leading of alerts: labels as they are said, and the signal that the alert stands for."""
    from kubestill.domains.kubernetes.skills.runbook.answers import build
    from kubestill.domains.kubernetes.skills.runbook.signals import signals

    return Building("signal", tuple(signals()), build)
