"""How one document stands: its text, its objects and what was found about each of them, and whether a change made it better."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal
from kubestill.domains.kubernetes.fixes.tree import Tree, grow
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.schema import MAX_FINDINGS, Schemas
from kubestill.tools.checks.api import Finding, Tier

_KINDLESS = ("K8S020", "K8S021")  # without a known kind there is no schema to look with
_SHAPES = ("K8S022", "K8S023", "K8S024")

Made = tuple[Fault, Proposal]
Key = tuple[int, str, str]  # object, code, path without the numbers of list items: they change where an item goes


@dataclass(frozen=True, slots=True)
class State:
    """A document as it stands. `findings` has a row for each of the objects: one, or the items of a List."""

    text: str
    tree: Tree
    manifests: tuple[Manifest, ...]
    findings: tuple[tuple[Finding, ...], ...]

    def faults(self, known: Schemas) -> list[Fault]:
        """Return every finding with what surrounds it."""
        rows = zip(self.manifests, self.findings, strict=True)
        return [Fault(finding, manifest, self.tree, known, row) for manifest, row in rows for finding in row]

    def counts(self) -> Counter[Key]:
        """Return how often each finding stands."""
        return Counter(key_of(number, finding) for number, row in enumerate(self.findings) for finding in row)

    def deepest(self, number: int) -> Tier:
        """Return the last tier that could look at an object: those after the first with an error were skipped."""
        found = self.findings[number]
        if any(one.code in _KINDLESS for one in found):
            return Tier.SYNTAX
        return min((one.tier for one in found if one.severity == "error"), default=Tier.POLICY)

    def number(self, fault: Fault) -> int:
        """Return which of the objects a fault is of."""
        return next(number for number, one in enumerate(self.manifests) if one is fault.manifest)

    def root(self) -> Any:
        """Return the document's value, a copy without shared parts."""
        objects = [manifest.object for manifest in self.manifests]
        value = {"items": objects} if self.manifests[0].prefix else objects[0]
        return json.loads(json.dumps(value))


def look(text: str, known: Schemas) -> State | None:
    """Judge a text; None where it is not one document of objects that can be read to its end."""
    reading = read(text)  # first, since it has limits: what it refuses may be too much for a tree
    if not reading.manifests or any(one.code != "K8S012" for one in reading.findings):
        return None
    tree, documents = grow(text), check_text(text, "", known)
    if tree is None or [one.line for one in reading.manifests] != [one.line for one in documents]:
        return None
    return State(text, tree, reading.manifests, tuple(one.verdict.findings for one in documents))


def key_of(number: int, finding: Finding) -> Key:
    """Return what a finding is counted by: that of one object, wherever its line."""
    return number, finding.code, re.sub(r"\[\d+\]", "[]", finding.path)


def holds(before: State, after: State, made: Sequence[Made]) -> bool:
    """Return whether changes did to the objects what they said and no more, and their findings are gone."""
    expected = before.root()
    for _, proposal in reversed(made):  # the last in the text first: dropping a list item moves those after it
        proposal.operation.change(expected)
    if _canonical(expected) != _canonical(after.root()):
        return False
    was, now = before.counts(), after.counts()
    mended = Counter(key_of(before.number(fault), fault.finding) for fault, _ in made)
    return all(now[key] <= was[key] - count for key, count in mended.items())


def bearable(before: State, after: State, made: Sequence[Made]) -> bool:
    """Return whether changes brought no finding that was not there: at most what was hidden until now.

    Hidden was what tiers find that were skipped, and, under a field of the wrong name or type, what is wrong inside of it; but not
    that the inside has another shape than its field: then the change was no mend. After a `whole` change the object has no fault.
    """
    was, now = before.counts(), after.counts()
    new = [(number, one) for number, row in enumerate(after.findings) for one in row if now[key := key_of(number, one)] > was[key]]
    whole = {before.number(fault) for fault, proposal in made if proposal.whole}
    if any(one.severity == "error" for number in whole for one in after.findings[number]) or whole & {number for number, _ in new}:
        return False
    changed = [(before.number(fault), proposal.path) for fault, proposal in made]
    return all(_hidden(before, number, one, [path for other, path in changed if other == number]) for number, one in new)


def _hidden(before: State, number: int, finding: Finding, changed: Sequence[str]) -> bool:
    if finding.path in changed:
        return False
    if any(finding.path.startswith((f"{path}.", f"{path}[")) for path in changed):
        return finding.code not in _SHAPES
    full = sum(one.code == finding.code for one in before.findings[number]) >= MAX_FINDINGS
    return full or finding.tier > before.deepest(number)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
