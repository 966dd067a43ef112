"""Constraints as bits: against a plain reading of them, through llguidance, and against the ways of every command."""

from itertools import permutations
from random import Random

import pytest

from kubestill.domains.kubernetes.grammars.kubectl import GLOBALS
from kubestill.domains.kubernetes.grammars.kubectl_leaves import FREE, Leaves, leaf, listed, terminal, word
from kubestill.domains.kubernetes.grammars.kubectl_rows import COMMON, Row
from kubestill.domains.kubernetes.grammars.kubectl_rules import (
    ALWAYS,
    NEVER,
    NUMBER_BITS,
    OWN,
    Clause,
    Condition,
    Rules,
    allot,
    both,
    either,
)
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.tools.grammar.api import Span

llguidance = pytest.importorskip("llguidance")
ATOMS = "abcde"


def drawn(rng: Random) -> tuple[Rules, list[tuple[str, str]]]:
    """Return random constraints: what excludes what, and what needs one of what."""
    pairs = [tuple(rng.sample(ATOMS, 2)) for _ in range(rng.randrange(3))]
    clauses = []
    for _ in range(rng.randrange(1, 3)):
        some = rng.sample(ATOMS, rng.randrange(2, 4))
        clauses.append(Clause(rng.choice((None, some[0])), tuple(some[1:])))
    rules = Rules(allot((*ATOMS, *(clause.met for clause in clauses)), {}), clauses)
    for one, other in pairs:
        rules.exclude(one, other)
    return rules, pairs


def right(said: tuple[str, ...], rules: Rules, pairs: list[tuple[str, str]]) -> bool:
    """Judge what was said as a whole: the plain meaning of the constraints."""
    apart = not any(one in said and other in said for one, other in pairs)
    return apart and all(
        set(clause.any_of) & set(said) or (clause.premise is not None and clause.premise not in said) for clause in rules.clauses
    )


def written(rules: Rules) -> str:
    """Return a grammar of words of one letter under the constraints."""
    lines = ["start: more::0x0", f'more::_ : "."{_when(rules.whole())}']
    for atom in ATOMS:
        when = rules.may((atom,))
        if when != NEVER:
            lines.append(f'  | "{atom}" more::bit_or({hex(rules.mask((atom,)))}){_when(when)}')
    return "\n".join(lines) + "\n"


def _when(condition: Condition) -> str:
    return f" %if {condition.lark()}" if condition != ALWAYS else ""


@pytest.mark.parametrize("seed", range(12))
def test_what_may_be_said_in_any_order_is_exactly_what_the_constraints_mean(seed):
    rules, pairs = drawn(Random(seed))
    found = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), written(rules))
    assert not found.get_error()
    for length in range(len(ATOMS) + 1):
        for said in permutations(ATOMS, length):
            one, tokens = found.deep_copy(), list(("".join(said) + ".").encode())
            taken = one.try_consume_tokens(tokens) == len(tokens) and one.is_accepting()
            assert taken == right(said, rules, pairs), said


def test_conditions_hold_as_llguidance_reads_them():
    rng = Random(3)
    leaves = [Condition(kind, bit) for kind in ("set", "clear") for bit in (OWN, OWN + 1, OWN + 2)]
    leaves += [Condition("other", 5), Condition("unused")]
    for _ in range(40):
        parts = rng.sample(leaves, 3)
        condition = either((both(parts[:2]), parts[2])) if rng.random() < 0.5 else both((either(parts[:2]), parts[2]))
        for bits in (0, 5, 1 << OWN, 5 | 3 << OWN, 7 << OWN, 4 | 5 << OWN):
            text = f'start: it::{hex(bits)}\nit::_ : "x"{_when(condition)}\n  | "y"\n'
            one = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), text)
            assert (one.try_consume_tokens([ord("x")]) == 1) is condition.holds(bits), condition.lark()


def test_always_and_never_take_over():
    assert both((ALWAYS, ALWAYS)) == ALWAYS == either((NEVER, ALWAYS)) and both((ALWAYS, NEVER)) == NEVER == either(())
    assert ALWAYS.holds(0) and not NEVER.holds(0)


def steps(row: Row) -> list[tuple[Condition, int]]:
    """Return all that may come next in a command: when, and what it sets."""
    ways = [
        (
            both(
                (
                    *(either(row.rules.said(atom) for atom in group if atom in row.rules.bits) for group in way.after),
                    row.rules.unsaid(way.unless),
                    row.rules.may(way.says, not way.again),
                )
            ),
            way.says,
        )
        for way in row.ways
    ]
    ways += [(row.rules.may(one.says, one.once), one.says) for _, spellings in row.flags.values() for one in spellings]
    ways += [(row.rules.may((name,)), (name,)) for name in GLOBALS]
    return [(when, row.rules.mask(says)) for when, says in ways]


def can_end(bits: int, row: Row, ways: list[tuple[Condition, int]]) -> bool:
    """Return whether the command can be ended, by saying what some constraint asks for."""
    command = row.rules.mask(("a COMMAND",))
    asked = row.rules.mask(atom for clause in row.rules.clauses for atom in clause.any_of)
    useful = [(when, mask) for when, mask in ways if mask & asked]
    seen, waiting = {bits}, [bits]
    while waiting:
        now = waiting.pop()
        if row.rules.whole().holds(now | command):
            return True
        new = {now | mask for when, mask in useful if when.holds(now)} - seen
        seen |= new
        waiting += sorted(new)
    return False


def test_whatever_was_said_every_command_can_be_ended():
    shared = {name: NUMBER_BITS + place for place, name in enumerate((*GLOBALS, *COMMON))}
    rng = Random(1)
    for number, command in enumerate(reference().commands.values()):
        row = Row.of(number, command, shared)
        ways = steps(row) if row.runs else []
        for _ in range(6 if ways else 0):
            bits = 0
            for _ in range(rng.randrange(2, 12)):
                bits |= rng.choice([0, *(mask for when, mask in ways if when.holds(bits))])
            assert can_end(bits, row, ways), (command.name, [name for name, bit in row.rules.bits.items() if bits >> bit & 1])


def test_marks_within_patterns_become_terminals_that_match_alike():
    leaves = Leaves(dict.fromkeys(FREE, "(a|b)"))
    for pattern, good, bad in (
        (word(listed(f"{leaf('key')}={leaf('value')}")), ("a=b", "'a=b,b=a'", '"a=a"'), ("a=c", "'a=b", "a=b,")),
        (rf"({leaf('host')}(/[0-9]{{1,2}})?)+\|x?", ("a|", "a/12b/3|x"), ("|", "a/123|", "a")),
        (rf"[(|)\]]{leaf('name')}{{2}}", ("(ab", "]aa"), ("a", "(a")),
    ):
        found = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), f"start: IT\nIT: {terminal(pattern)}\n{leaves.lark()}")
        assert not found.get_error()
        for text, wanted in (*((text, True) for text in good), *((text, False) for text in bad)):
            one, tokens = found.deep_copy(), list(text.encode())
            assert (one.try_consume_tokens(tokens) == len(tokens) and one.is_accepting()) is wanted, text


def test_hostile_spans_stay_texts():
    spans = tuple(Span(text, text) for text in ("a|b", "x)*(y", "\\", "/", "'", "a" * 5_000, "⟨9⟩", "}{", "%if", "\n"))
    found = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), "start: LEAF_TEXT\n" + Leaves.grounded(spans).lark())
    assert not found.get_error()
    assert found.try_consume_tokens(list(b"xy")) < 2
