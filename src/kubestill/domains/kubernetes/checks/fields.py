"""Rules about single fields, whose facts stand in tables (facts.py): bounds, formats, words, required parts, choices, repetitions.

An object is walked once, along the fields that its kind's table names; each rule then reports the faults of its own sort.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from kubestill.domains.kubernetes.checks.examples import JOB, POD, SERVICE, head
from kubestill.domains.kubernetes.checks.facts import FACTS, POD_SPEC
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.checks.words import Fact
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import POD_TEMPLATES, View

ROLES = ("containers", "initContainers", "ephemeralContainers")


class _Node:
    """One step of the walk: what holds here, and the fields (`[]`: items, `{}`: values of a map) below."""

    __slots__ = ("below", "each", "facts")

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.below: dict[str, _Node] = {}
        self.each: _Node | None = None

    def add(self, steps: Sequence[str], found: Sequence[Fact]) -> None:
        """Put facts at the end of a path."""
        if not steps:
            self.facts.extend(found)
            return
        first, rest = steps[0], steps[1:]
        if first in ("[]", "{}"):
            self.each = self.each or _Node()
            self.each.add(rest, found)
            return
        for name in ROLES if first == "*" else (first,):
            self.below.setdefault(name, _Node()).add(rest, found)


def _steps(path: str) -> list[str]:
    return path.replace("[]", ".[]").replace("{}", ".{}").strip(".").split(".") if path else []


@cache
def _tree(kind: str) -> _Node:
    root = _Node()
    for path, *found in FACTS.get(kind, ()):
        root.add(_steps(path), found)
    if kind in POD_TEMPLATES:
        steps = [*POD_TEMPLATES[kind], "spec"]
        for path, *found in POD_SPEC:
            root.add(steps + _steps(path), found)
    return root


def _walk(value: Any, node: _Node, path: str) -> Iterator[tuple[str, str, str]]:
    for fact in node.facts:
        for below, message in fact.look(value):
            yield fact.sort, path + (f".{below}" if path and below and below[0] != "[" else below), message
    if isinstance(value, dict):
        for name, part in value.items():
            following = node.below.get(name) or node.each
            if following is not None and part is not None:
                yield from _walk(part, following, field(path, name))
    elif isinstance(value, list) and node.each is not None:
        for index, part in enumerate(value):
            if part is not None:
                yield from _walk(part, node.each, f"{path}[{index}]")


# Six rules ask about one object after another; it is walked once.
@lru_cache(maxsize=4)
def _found(view: View) -> tuple[tuple[str, str, str], ...]:
    return tuple(_walk(view.object, _tree(view.kind), ""))


class _FieldRule(ObjectRule):
    kinds = frozenset({*FACTS, *POD_TEMPLATES})

    def faults(self, view: View) -> Faults:
        """Return the faults of this rule's sort."""
        return ((path, message) for sort, path, message in _found(view) if sort == self.code)


_LEASE = head("coordination.k8s.io/v1", "Lease") + "spec:\n"
_PORT = "  ports:\n  - port: 80\n"


class Bounds(_FieldRule):
    """A number, an amount or a length lies outside what the API allows for its field."""

    code, remedy = "K8S240", "Bring the value within the bounds that the finding names."
    bad = (
        _LEASE + "  leaseDurationSeconds: 0\n",
        POD + "  dnsConfig:\n    searches: [" + ", ".join(f"a{number}.local" for number in range(33)) + "]\n",
        POD + "  volumes:\n  - name: data\n    emptyDir: {sizeLimit: -1Gi}\n",
    )
    good = (_LEASE + "  leaseDurationSeconds: 15\n",)


class Forms(_FieldRule):
    """A name, a path or an address does not have the format of its field."""

    code, remedy = "K8S241", "Write the value in the format that the finding names."
    bad = (
        POD + "  readinessGates:\n  - conditionType: my gate\n",
        POD + "    livenessProbe:\n      httpGet: {path: /, port: 80, httpHeaders: [{name: 'X Y', value: a}]}\n",
        SERVICE + _PORT + "    appProtocol: my protocol\n",
    )
    good = (POD + "  readinessGates:\n  - conditionType: example.com/ready\n",)


class Words(_FieldRule):
    """A field takes one of a few words, which the published schema does not list."""

    code, remedy = "K8S242", "Use one of the words listed."
    bad = (SERVICE + _PORT + "  trafficDistribution: Near\n", POD + "  os: {name: plan9}\n")
    good = (SERVICE + _PORT + "  trafficDistribution: PreferClose\n",)


class Given(_FieldRule):
    """A part is there, and what it cannot do without is missing or empty."""

    code, remedy = "K8S243", "Fill in the field, or remove the part that needs it."
    bad = (
        POD + "  volumes:\n  - name: data\n    csi: {driver: example.com, nodePublishSecretRef: {name: ''}}\n",
        JOB + "  successPolicy: {rules: []}\n  completionMode: Indexed\n  completions: 2\n",
    )
    good = (POD + "  volumes:\n  - name: data\n    csi: {driver: example.com, nodePublishSecretRef: {name: a}}\n",)


class Choices(_FieldRule):
    """Of several fields one has to be given, and only one."""

    code, remedy = "K8S244", "Keep exactly one of the fields that the finding names."
    bad = (
        POD + "  resourceClaims:\n  - name: gpu\n",
        POD + "  resourceClaims:\n  - {name: gpu, resourceClaimName: a, resourceClaimTemplateName: b}\n",
    )
    good = (POD + "  resourceClaims:\n  - {name: gpu, resourceClaimName: a}\n",)


class Repetitions(_FieldRule):
    """Two items of a list are equal, or have the same key, where each may stand once."""

    code, remedy = "K8S245", "Keep one of the two."
    bad = (POD + "  schedulingGates: [{name: a}, {name: a}]\n",)
    good = (POD + "  schedulingGates: [{name: a}, {name: b}]\n",)
