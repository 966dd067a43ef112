"""The stage's account: per form what came, what stayed, by licence, and what left for which reason; and the rejects, by name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubestill.domains.api import Document
from kubestill.ground.stage import Tally

KINDS_TOLD = 40  # the most frequent ones, for the report
UNKNOWN = "unknown"  # the licence of a document of which none is known


@dataclass
class Form:
    """What is counted of one form of documents."""

    documents: int = 0
    characters: int = 0
    licences: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass
class Account:
    """Counts of everything that came. A document is kept or dropped once."""

    tally: Tally = field(default_factory=Tally)
    forms: dict[str, Form] = field(default_factory=dict)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    units: set[str] = field(default_factory=set)
    rejects: list[dict[str, Any]] = field(default_factory=list)

    def drop(self, form: str, reason: str, document: Document | None = None) -> None:
        """Count what leaves; a whole document is listed by its name and place, not by its text."""
        self.tally.drop(reason)
        self.of(form).dropped[reason] += 1
        if document is not None:
            self.rejects.append({"id": document.id, "form": form, "kind": document.kind, "source": dict(document.source), "reason": reason})

    def keep(self, document: Document) -> None:
        """Count a document that stays."""
        self.tally.keep()
        form = self.of(document.form)
        form.documents += 1
        form.characters += len(document.text)
        form.licences[licence(document)] += 1
        self.units.add(document.unit)
        self.kinds[document.form, document.kind] += 1

    def of(self, form: str) -> Form:
        """Return the counts of a form."""
        return self.forms.setdefault(form, Form())

    def figures(self) -> dict[str, Any]:
        """Return what the report shows."""
        kinds = Counter[str]()
        for (_, kind), count in self.kinds.items():
            kinds[kind] += count
        return {"units": len(self.units), "kinds": ranked(kinds, KINDS_TOLD), "forms": {name: _told(of) for name, of in self.forms.items()}}


def licence(document: Document) -> str:
    """Return the licence of a document as far as it is known."""
    return document.source.get("licence") or UNKNOWN


def ranked(counts: Mapping[str, int], most: int | None = None) -> dict[str, int]:
    """Return counts from the largest down, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _told(of: Form) -> dict[str, Any]:
    return {
        "documents": of.documents,
        "characters": of.characters,
        "licences": ranked(of.licences),
        "dropped": ranked(of.dropped),
    }
