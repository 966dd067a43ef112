"""What a fix looks at (a finding with all that surrounds it), and what it proposes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubestill.domains.kubernetes.fixes.operations import Operation
from kubestill.domains.kubernetes.fixes.tree import Place, Tree
from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.schema import Property, Schemas
from kubestill.tools.checks.api import Finding


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mend that is yet to be proved. `path` is the field that it changes, from the root of the object."""

    operation: Operation
    path: str
    words: str
    whole: bool = False  # to be kept only if the object has no fault left once all else is mended


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding on one object of a document."""

    finding: Finding
    manifest: Manifest
    tree: Tree
    known: Schemas
    others: Sequence[Finding]  # all findings on the object, this one too

    @property
    def object(self) -> Mapping[str, Any]:
        """Return the object as it was read."""
        return self.manifest.object

    @property
    def kind(self) -> str:
        """Return the object's kind; "" where it has none."""
        return _text(self.object.get("kind"))

    @property
    def api_version(self) -> str:
        """Return the object's apiVersion; "" where it has none."""
        return _text(self.object.get("apiVersion"))

    def place(self, path: str) -> Place | None:
        """Return where a field of the object stands; None where it is not written out."""
        prefix = self.manifest.prefix
        return self.tree.places.get(f"{prefix}{'' if path.startswith('[') else '.'}{path}" if prefix else path)

    def inside(self, place: Place) -> list[Place]:
        """Return the places of the entries of what stands at a place, in order."""
        return [one for one in self.tree.places.values() if one.holder is place.node]

    def property(self, place: Place) -> Property | None:
        """Return what the schema says of the field at a place."""
        return self.known.property(self.api_version, self.kind, self.steps(place))

    def steps(self, place: Place) -> tuple[str | int, ...]:
        """Return the way to a place from the root of the object: an item of a List stands two steps below the document."""
        return place.steps[2:] if self.manifest.prefix else place.steps


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
