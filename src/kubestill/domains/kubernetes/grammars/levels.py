"""Which levels of indentation a part of a document can stand at: the style of each list around it is open, so there may be several."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

LEVEL = "[58:64]"
# In a rule's form: the line break at the level of the rule, and at the next one. With `_` and a terminal after it, both are one terminal.
BREAK, INNER_BREAK = "¶", "»"
REMEMBERED = 32  # texts of rules that are remembered, a quarter of a megabyte each: an answer's names change what is said of them, not they
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
            apart = form if level else form.replace(f"{BREAK}_", f"{BREAK} ")  # there a line of three dashes may follow, too
            one = apart.replace(BREAK, f"NL{level}").replace(INNER_BREAK, f"NL{level + 1}")
            written.append(one if len(several) == 1 else conditioned(one, f"eq({LEVEL}, {level})"))
    return f"{name}::_ : " + "\n | ".join(written if len(written) > 1 else [*written, NEVER])


@lru_cache(REMEMBERED)
def joined(text: str) -> str:
    """Return the definitions of the terminals that hold a line break and what begins the line after it.

    Where a terminal may end, each token that goes on otherwise costs a row of the parser, unless no terminal at all begins with its next
    byte (llguidance asks that first). So what begins with anything, keys and lines of people's choice, brings its line break.
    """
    names = re.sub(r'"([^"\\]|\\.)*"', '""', text)  # what is quoted names nothing
    found = sorted(set(re.findall(r"\b(NL\d+)_([A-Z][A-Z0-9_]*)\b", names)))
    return "".join(f"{line}_{rest}: {line} {rest}\n" for line, rest in found)


def conditioned(form: str, condition: str) -> str:
    """Return a form under one more condition."""
    body, mark, others = form.partition(" %if ")
    return f"{body} %if and({condition}, {others})" if mark else f"{body} %if {condition}"


# llguidance inlines a rule that has one form, and stops where such a rule's parameter changes on the way: so every rule has a second form.
NEVER = "NL0 %if and(bit_set(0), bit_clear(0))"
