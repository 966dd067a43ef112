"""kubectl commands as a grammar: a command's path, its flags with values of their types, its arguments, pipes to programs that read.

What it takes, the check of this domain passes: unknown commands, flags and values cannot be written, nor can a command end before
what it needs is said, nor flags be joined that exclude each other. The facts are the reference's (kubectl/reference.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from kubestill.domains.kubernetes.grammars.kubectl_leaves import Leaves, leaf, terminal
from kubestill.domains.kubernetes.grammars.kubectl_pipes import pipes
from kubestill.domains.kubernetes.grammars.kubectl_rows import COMMON, Arm, Lexicon, Row, common_rule, rule, sign
from kubestill.domains.kubernetes.grammars.kubectl_rules import GLOBAL_BITS, NUMBER_BITS, Condition, both, either
from kubestill.domains.kubernetes.grammars.kubectl_values import types_lark, value
from kubestill.domains.kubernetes.kubectl.reference import VERSION, Command, Flag, reference
from kubestill.tools.grammar.api import Given, Grammar, Reading, Step

# Flags of every command that have a bit: each is said at most once, and constraints know them. The others may be repeated.
GLOBALS = (
    "as as-group as-uid as-user-extra certificate-authority client-certificate client-key cluster context insecure-skip-tls-verify "
    "kubeconfig namespace password request-timeout server tls-server-name token user username v"
).split()
_HIDDEN = frozenset({"help", "version"})  # help ends a call (kubectl_rows.py); --version is for `kubectl --version` alone


@dataclass(frozen=True, slots=True)
class Options:
    """What the grammar takes beside one plain command."""

    commands: int = 1  # at most so many, one a line or joined by &&
    pipes: bool = True  # | grep, head, jq ... and > FILE
    pointers: bool = False  # ⟨1⟩ to ⟨40⟩ wherever a word is free
    places: bool = True  # <pod-name> where a name is unknown
    grounded: bool = False  # KubectlGuide: free words say only what the request says, or a default


_PLAIN = Options()


def kubectl_grammar(options: Options = _PLAIN, leaves: Leaves | None = None) -> Grammar:
    """Return the grammar of kubectl commands; `leaves` takes the place of the free words."""
    if leaves is not None:
        return Grammar(_rules(options) + leaves.lark(), name=f"kubectl {VERSION}, grounded")
    return _grammar(options)


@lru_cache(maxsize=8)
def _grammar(options: Options) -> Grammar:
    return Grammar(_rules(options) + Leaves.free(options.pointers, options.places).lark(), name=f"kubectl {VERSION}")


@dataclass(frozen=True, slots=True)
class KubectlGuide:
    """Leads an answer that is a kubectl command; with `options.grounded` its free words come from the request."""

    options: Options = _PLAIN

    def start(self, reading: Reading) -> Step | Given:
        """Return the one step."""
        leaves = Leaves.grounded(reading.spans) if self.options.grounded and reading.spans else None
        return Step(kubectl_grammar(self.options, leaves))


@lru_cache(maxsize=8)
def _rules(options: Options) -> str:
    """Return all of the grammar but its leaves."""
    lexicon, commands = Lexicon(), reference().commands
    shared = {name: NUMBER_BITS + place for place, name in enumerate((*GLOBALS, *COMMON))}
    assert len(shared) <= GLOBAL_BITS and len(commands) < 1 << NUMBER_BITS
    numbers = {name: number for number, name in enumerate(commands)}
    rows = [Row.of(numbers[name], command, shared) for name, command in commands.items()]
    more = f' ((" &&" SP | "\\n") call){{0,{options.commands - 1}}}' if options.commands > 1 else ""
    lines = ['%llguidance {"no_forcing": true}\n', f"start: call{more}\n", 'call: "kubectl" root::0x0 tail\n', "root::_ : c0::_\n"]
    lines += [pipes() if options.pipes else 'tail: ""\n']
    lines += [row.lark(numbers, lexicon) for row in rows]
    # A rule of one symbol would be inlined without its parameter (llguidance 1.9.1), so the blank after a command stands here.
    ends = {row.number: '\n  | ""' if row.runs and row.rules.whole().holds(0) else "" for row in rows}
    lines += [f"n{number}::_ : SP c{number}w::bit_or({hex(number)}){ends[number]}\n" for number in numbers.values() if number]
    lines += [_shared_flags(rows, lexicon)]
    lines.append("bk::_ : " + "\n  | ".join(f"c{n}::_ %if eq([0:{NUMBER_BITS}], {n})" for n in numbers.values()) + "\n")
    lines += ['equals: "=" | SP\n', 'on: "" | "=true"\n', 'on_or_off: on | "=false"\n', 'glue: "" | "=" | SP\n']
    lines += ["SP: / {1,2}(\\\\\\n {0,8})?/\n", f"ARGUMENT: {terminal(leaf('argument'))}\n", types_lark()]
    return "".join((*lines, lexicon.lark(options.pointers)))


def _shared_flags(rows: list[Row], lexicon: Lexicon) -> str:
    """Return the rules of flags that every command has; after one the number in the parameter leads back to the command."""
    long, short = list[Arm](), list[Arm]()
    for name, flag in _root().flags.items():
        if name in _HIDDEN:
            continue
        when, bit = both(_guards(name, rows)), rows[0].rules.mask((name,))
        if flag.no_value == "true":
            long.append(Arm(f'"{name}" on bk', bit, when))
            continue
        text = lexicon[value("", flag)]
        long.append(Arm(f'"{name}" equals {text} bk', bit, when))
        if flag.shorthand:
            short.append(Arm(f'"{flag.shorthand}" glue {text} bk', bit, both((when, _free_letter(flag, rows)))))
    return rule("gl", long) + rule("gs", short) + "".join(_common_flags(rows, lexicon))


def _common_flags(rows: list[Row], lexicon: Lexicon) -> Iterator[str]:
    """Yield a rule for each set of common flags that some command has."""
    flags = {name: next(row.command.flags[name] for row in rows if name in row.common) for name in COMMON}
    for names in dict.fromkeys(row.common for row in rows if row.common):
        arms = []
        for name in names:
            flag = flags[name]
            text = "on_or_off" if flag.no_value == "true" else f"{sign(flag)} {lexicon[value('', flag)]}"
            arms.append(Arm(f'"{name}" {text} bk', rows[0].rules.mask((name,)), rows[0].rules.unsaid((name,))))
        yield rule(common_rule(names), arms)


def _root() -> Command:
    return reference().commands[""]


def _guards(name: str, rows: list[Row]) -> Iterator[Condition]:
    """Yield when a flag of all commands may be said: not where a command has its own of that name, nor where a command's rules forbid."""
    once = name not in ("as-group", "as-user-extra")
    common = rows[0].rules.may((name,), once)
    yield from (common, rows[0].rules.said("as")) if name.startswith("as-") else (common,)
    for row in rows[1:]:
        elsewhere = Condition("other", row.number)
        if name in row.flags:
            yield elsewhere
        elif (particular := row.rules.may((name,), once)) != common:
            yield either((elsewhere, particular))


def _free_letter(flag: Flag, rows: list[Row]) -> Condition:
    """Return that the command does not use the letter for a flag of its own."""
    taken = [row.number for row in rows if any(own.shorthand == flag.shorthand for own, _ in row.flags.values())]
    return both(Condition("other", number) for number in taken)
