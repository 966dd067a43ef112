"""Which levels of indentation a part of a document can stand at: the style of each list around it is open, so there may be several."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LEVEL = "[58:64]"
BREAK, INNER_BREAK = "¶", "»"  # in a rule's form: the line break at the level of the rule, and at the next one
MOST = 60  # of the 64 that six bits count, some are left for what required fields need


@dataclass
class Levels:
    """The graph of what holds what: `holds(outer, inner, steps)` says that the inner part's level is the outer's and a few more."""

    edges: dict[str, dict[str, set[int]]] = field(default_factory=dict)

    def holds(self, outer: str, inner: str, steps: Iterable[int]) -> None:
        """Note that a part holds another one, how many levels further in."""
        self.edges.setdefault(outer, {}).setdefault(inner, set()).update(steps)

    def reached(self, roots: Iterable[str]) -> dict[str, set[int]]:
        """Return the levels of each part, when the roots stand at level 0."""
        found: dict[str, set[int]] = {root: {0} for root in roots}
        waiting = list(found)
        while waiting:
            outer = waiting.pop()
            for inner, steps in self.edges.get(outer, {}).items():
                new = {level + step for level in found[outer] for step in steps if level + step <= MOST}
                if not new <= found.setdefault(inner, set()):
                    found[inner] |= new
                    waiting.append(inner)
        return found


def spread(name: str, forms: Sequence[str], levels: Iterable[int]) -> str:
    """Return a rule with every form that breaks the line written once for each level."""
    several = sorted(levels)
    written = []
    for form in forms:
        if BREAK not in form and INNER_BREAK not in form:
            written.append(form)
            continue
        for level in several:
            one = form.replace(BREAK, f"NL{level}").replace(INNER_BREAK, f"NL{level + 1}")
            written.append(one if len(several) == 1 else conditioned(one, f"eq({LEVEL}, {level})"))
    return f"{name}::_ : " + "\n | ".join(written if len(written) > 1 else [*written, NEVER])


def conditioned(form: str, condition: str) -> str:
    """Return a form under one more condition."""
    body, mark, others = form.partition(" %if ")
    return f"{body} %if and({condition}, {others})" if mark else f"{body} %if {condition}"


# llguidance inlines a rule that has one form, and stops where such a rule's parameter changes on the way: so every rule has a second form.
NEVER = "NL0 %if and(bit_set(0), bit_clear(0))"
