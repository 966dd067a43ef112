"""What a validity rule of one object is: a check that names the kinds it knows and says where and what."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar

from kubestill.domains.kubernetes.subject import POD_TEMPLATES, Container, Pod, Subject, View
from kubestill.tools.checks.api import Check, Finding, Tier

MAX_FINDINGS = 50  # of one rule; more only hide the first
Faults = Iterator[tuple[str, str]]  # field path and message


class Rule(Check[Subject]):
    """A rule that no schema states. Subclasses give one of the subclasses below their `faults`."""

    tier = Tier.RULES
    severity: ClassVar[str] = "error"
    kinds: ClassVar[frozenset[str] | None] = None  # None: every object, custom resources too

    def finding(self, path: str, message: str) -> Finding:
        """Return a finding of this rule."""
        return Finding(self.code, path, message, self.tier, severity=self.severity, remedy=self.remedy)


class ObjectRule(Rule):
    """A rule about objects of some kinds."""

    def faults(self, view: View) -> Faults:
        """Yield what is wrong with one object."""
        raise NotImplementedError

    def look(self, subject: Subject) -> Sequence[Finding] | None:
        """Judge every object of the kinds; None when there is none."""
        kinds, seen = self.kinds, False
        findings: list[Finding] = []
        for index, view in enumerate(subject.views):
            if kinds is None or view.kind in kinds:
                seen = True
                for path, message in islice(self.faults(view), MAX_FINDINGS - len(findings)):
                    findings.append(self.finding(subject.prefix(index) + path, message))
        return findings if seen else None


class PodRule(Rule):
    """A rule about pods and pod templates, whatever makes them."""

    kinds = frozenset(POD_TEMPLATES)

    def faults(self, pod: Pod) -> Faults:
        """Yield what is wrong with one pod; paths are whole."""
        raise NotImplementedError

    def look(self, subject: Subject) -> Sequence[Finding] | None:
        """Judge every pod; None when there is none."""
        pods = subject.pods
        if not pods:
            return None
        found = (self.finding(prefix + path, message) for prefix, pod in pods for path, message in self.faults(pod))
        return list(islice(found, MAX_FINDINGS))


class ContainerRule(Rule):
    """A rule about containers of all roles."""

    kinds = frozenset(POD_TEMPLATES)

    def faults(self, container: Container) -> Faults:
        """Yield what is wrong with one container; paths are relative to it."""
        raise NotImplementedError

    def look(self, subject: Subject) -> Sequence[Finding] | None:
        """Judge every container; None when there is none."""
        seen = False
        findings: list[Finding] = []
        for prefix, pod in subject.pods:
            for container in pod.containers:
                seen = True
                for path, message in islice(self.faults(container), MAX_FINDINGS - len(findings)):
                    findings.append(self.finding(f"{prefix}{container.path}.{path}" if path else prefix + container.path, message))
        return findings if seen else None
