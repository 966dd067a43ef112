"""What excludes what, and what needs what, as bits that a parametric rule of llguidance carries from word to word.

An *atom* is something that a command has said (`namespace`, `output=plain`, the word NAME). Saying it sets its bit, and no bit is
ever cleared, so that "may this still be said" and "may the command end here" are conditions on the bits alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

NUMBER_BITS = 7  # which command it is: there are fewer than 128
GLOBAL_BITS = 25  # flags that every command has, or most
OWN = NUMBER_BITS + GLOBAL_BITS  # the first bit of a command's own atoms
BITS = 64  # of a parameter of llguidance (docs/parametric.md)


class Condition(NamedTuple):
    """A condition on bits: `set` or `clear` with one bit, `other` with the number of a command that it must not be, `unused` (nothing
    of a command's own was said), or `and`, `or` over parts.
    """

    kind: str
    bit: int = 0
    parts: tuple["Condition", ...] = ()

    def holds(self, bits: int) -> bool:
        """Return whether it is true of a parameter."""
        if self.kind in ("set", "clear"):
            return bool(bits >> self.bit & 1) is (self.kind == "set")
        if self.kind in ("other", "unused"):
            return bits % (1 << NUMBER_BITS) != self.bit if self.kind == "other" else not bits >> OWN
        return all(part.holds(bits) for part in self.parts) if self.kind == "and" else any(part.holds(bits) for part in self.parts)

    def lark(self) -> str:
        """Return it as llguidance writes conditions; an empty text where it always holds."""
        if self.kind in ("set", "clear"):
            return f"bit_{self.kind}({self.bit})"
        if self.kind in ("other", "unused"):
            return f"ne([0:{NUMBER_BITS}], {self.bit})" if self.kind == "other" else f"is_zeros([{OWN}:{BITS}])"
        texts = [part.lark() for part in self.parts]
        while len(texts) > 1:  # its `and` and `or` take two
            texts[-2:] = [f"{self.kind}({texts[-2]}, {texts[-1]})"]
        return "".join(texts)


ALWAYS, NEVER, UNUSED = Condition("and"), Condition("or"), Condition("unused")


def both(parts: Iterable[Condition]) -> Condition:
    """Return the condition that all of the parts hold."""
    unique = dict.fromkeys(inner for part in parts for inner in (part.parts if part.kind == "and" else (part,)))
    if NEVER in unique:
        return NEVER
    return next(iter(unique)) if len(unique) == 1 else Condition("and", parts=tuple(unique))


def either(parts: Iterable[Condition]) -> Condition:
    """Return the condition that one of the parts holds; with no parts, one that never does."""
    unique = tuple(dict.fromkeys(inner for part in parts for inner in (part.parts if part.kind == "or" else (part,))))
    if ALWAYS in unique:
        return ALWAYS
    return unique[0] if len(unique) == 1 else Condition("or", parts=unique)


class Clause(NamedTuple):
    """Where `premise` is said (None: always), one of `any_of` must be."""

    premise: str | None
    any_of: tuple[str, ...]

    @property
    def met(self) -> str:
        """Return the atom that says so: the only one, or one of its own, so that asking costs one bit.

        llguidance works out where a rule may be empty in disjunctive normal form; lists of alternatives exhaust it.
        """
        return self.any_of[0] if len(self.any_of) == 1 else " or ".join(self.any_of)


@dataclass(slots=True)
class Rules:
    """The constraints of one command. Atoms that no bit was left for are free of all constraints."""

    bits: Mapping[str, int]
    clauses: list[Clause] = field(default_factory=list)
    excluded: dict[str, set[str]] = field(default_factory=dict)

    @property
    def bound(self) -> frozenset[str]:
        """Return the atoms that constraints are about."""
        return frozenset({*self.excluded, *(atom for clause in self.clauses for atom in (clause.premise or "", *clause.any_of))})

    def exclude(self, one: str, other: str) -> None:
        """Note that at most one of two atoms may be said."""
        self.excluded.setdefault(one, set()).add(other)
        self.excluded.setdefault(other, set()).add(one)

    def mask(self, atoms: Iterable[str]) -> int:
        """Return the bits that saying these atoms sets."""
        said = set(atoms)
        met = {clause.met for clause in self.clauses if said & set(clause.any_of)}
        return sum(1 << self.bits[atom] for atom in said | met if atom in self.bits)

    def said(self, atom: str) -> Condition:
        """Return that an atom was said."""
        return Condition("set", self.bits[atom]) if atom in self.bits else ALWAYS

    def unsaid(self, atoms: Iterable[str]) -> Condition:
        """Return that none of these was said."""
        return both(Condition("clear", self.bits[atom]) for atom in sorted(atoms) if atom in self.bits)

    def may(self, atoms: Iterable[str], once: bool = True) -> Condition:
        """Return when these atoms may be said: nothing excludes them, and the command can still be ended afterwards."""
        new = {atom for atom in atoms if atom in self.bits}
        blocked = {other for atom in new for other in self.excluded.get(atom, ())}
        unsaid = blocked | (new if once else set())
        parts = [self.unsaid(unsaid)]
        for clause in self.clauses:
            if clause.met not in self.bits or any(atom not in self.bits for atom in clause.any_of):
                continue
            if set(clause.any_of) & new or clause.premise in blocked:  # met by this, or its premise is unsaid and stays so
                continue
            if clause.premise in new or blocked & set(clause.any_of):
                ways = either(
                    (
                        self.said(clause.met),
                        *(self.unsaid(self.excluded.get(atom, set()) - unsaid) for atom in clause.any_of if atom not in blocked),
                    )
                )
                unneeded = clause.premise is not None and clause.premise not in new
                parts.append(either((self.unsaid((clause.premise or "",)), ways)) if unneeded else ways)
        return both(parts)

    def whole(self) -> Condition:
        """Return when the command may end."""
        parts = []
        for clause in self.clauses:
            if clause.met in self.bits:
                unneeded = () if clause.premise is None else (self.unsaid((clause.premise,)),)
                parts.append(either((*unneeded, self.said(clause.met))))
        return both(parts)


def allot(wanted: Iterable[str], shared: Mapping[str, int]) -> dict[str, int]:
    """Return a bit for each atom, the shared ones' own and the rest in order of need, as far as they reach."""
    own = [atom for atom in dict.fromkeys(wanted) if atom not in shared]
    return dict(shared) | {atom: OWN + place for place, atom in enumerate(own) if OWN + place < BITS}
