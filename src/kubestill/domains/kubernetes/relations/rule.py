"""What a relation is: a rule about objects that stand together. One object alone cannot break it."""

from collections.abc import Iterator
from typing import Any, ClassVar

from kubestill.domains.kubernetes.relations.entries import Entry
from kubestill.domains.kubernetes.relations.index import Index
from kubestill.tools.checks.api import Finding, Tier

Faults = Iterator[tuple[Entry, str, str]]  # whose fault it is, field path and message
Places = Iterator[tuple[str, str]]  # field path and message
Names = Iterator[tuple[str, str, Any]]  # field path, kind as kubectl spells it, and name of what is meant


class Relation:
    """A rule of the tier rules about a whole set. `bad` and `good` hold sets, each a text of several documents, and are its tests."""

    code: ClassVar[str]
    version: ClassVar[int] = 1
    tier: ClassVar[Tier] = Tier.RULES
    severity: ClassVar[str] = "warning"
    missing: ClassVar[bool] = False  # about what the set lacks: a warning while the cluster may hold it, an error in a closed set
    remedy: ClassVar[str]
    bad: ClassVar[tuple[str, ...]]
    good: ClassVar[tuple[str, ...]]

    def faults(self, index: Index) -> Faults:
        """Yield what is wrong in a set."""
        raise NotImplementedError

    def knows(self, index: Index) -> bool:
        """Say whether what a set lacks is nowhere else either."""
        return index.closed

    def finding(self, entry: Entry, path: str, message: str, index: Index) -> Finding:
        """Return a finding of this relation with its line and column."""
        line, column = entry.view.manifest.place(path)
        severity = "error" if self.missing and self.knows(index) else self.severity
        return Finding(self.code, path, message, self.tier, line, column, severity, self.remedy)


class EntryRelation(Relation):
    """A relation that objects of some kinds have to the rest of the set."""

    kinds: ClassVar[tuple[str, ...]]  # as kubectl spells them

    def faults(self, index: Index) -> Faults:
        """Ask about every object of the kinds."""
        for entry in index.of(*self.kinds):
            for path, message in self.judge(entry, index):
                yield entry, path, message

    def judge(self, entry: Entry, index: Index) -> Places:
        """Yield what is wrong between one object and the rest."""
        raise NotImplementedError


class Reference(EntryRelation):
    """A name that must be that of another object of the set."""

    missing = True
    evident: ClassVar[bool] = False  # in an open set, told only where the set holds something of the kind: others mostly bring it

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look for everything that an object names."""
        for path, kind, name in self.names(entry):
            if self.evident and not index.closed and not any(True for _ in index.of(kind)):
                continue
            if message := index.absent(entry, kind, name):
                yield path, message

    def names(self, entry: Entry) -> Names:
        """Yield what an object names."""
        raise NotImplementedError
