"""A request that is being put together: its family, the options that are chosen, the values that are drawn."""

import re
from dataclasses import dataclass, field
from random import Random

from kubestill.domains.kubernetes.phrasing.lines import Table
from kubestill.domains.kubernetes.skills.kubectl.catalogue import Family, Option
from kubestill.domains.kubernetes.skills.kubectl.slots import Slot

FAMILY = ""  # whose slots are the family's; an option's are its number's
SLOT = re.compile(r"\{(?:(\d+):)?([a-z]+[0-9]?)(?:\.([a-z]+))?\}")  # owner, name, aspect
_OPEN = re.compile(r"\{(?=[a-z]+[0-9]?(?:\.[a-z]+)?\})")  # a slot of a phrase that says not yet whose it is


@dataclass(slots=True)
class Draft:
    """What is being put together."""

    rng: Random
    part: str
    family: Family
    chosen: list[Option] = field(default_factory=list)
    slots: dict[tuple[str, str], Slot] = field(default_factory=dict)
    forms: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """Say yes so often."""
        return self.rng.random() < share

    def pick(self, table: Table, owner: str = FAMILY) -> str:
        """Return a part with its slots marked as the owner's."""
        text, form = table.pick(self.rng, self.part)
        self.forms.append(form)
        return owned(text.replace("«", "(").replace("»", ")"), owner)


def owned(text: str, owner: str) -> str:
    """Mark the slots of a text as an option's."""
    return _OPEN.sub(f"{{{owner}:", text) if owner else text
