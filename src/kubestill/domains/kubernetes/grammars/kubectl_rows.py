"""One command of kubectl as parametric rules of a Lark grammar: its flags, long, short and joined, its words, its end."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from kubestill.domains.kubernetes.grammars.kubectl_leaves import POINTER, leaf, terminal
from kubestill.domains.kubernetes.grammars.kubectl_rules import (
    ALWAYS,
    NEVER,
    NUMBER_BITS,
    UNUSED,
    Clause,
    Condition,
    Rules,
    allot,
    both,
    either,
)
from kubestill.domains.kubernetes.grammars.kubectl_values import outputs, value
from kubestill.domains.kubernetes.grammars.kubectl_words import COMMAND, Way, words_of
from kubestill.domains.kubernetes.kubectl.parse import RUNNABLE_PARENTS
from kubestill.domains.kubernetes.kubectl.reference import Command, Flag, reference
from kubestill.domains.kubernetes.kubectl.relations import EXCLUSIVE, NEEDS, TOGETHER

# Flags that most commands have, alike in all of them and bound by nothing: they share bits and rules.
COMMON = ("allow-missing-template-keys", "show-managed-fields", "field-manager", "save-config", "validate")
TAKES_COMMAND = frozenset({"create cronjob", "create deployment", "create job", "debug", "exec", "run"})  # parse.py
_LISTS = ("strings", "stringToString")
_SETTING = ("annotate", "label", "set env", "set image", "set resources", "set selector", "set serviceaccount", "set subject")
# Flags whose values bind other flags (constraints.py): command, flag → value → atom beside the flag's own.
_BINDING: dict[str, tuple[str, ...]] = {
    "apply": ("dry-run",),
    "kuberc set": ("section", "policy"),
    "patch": ("dry-run", "type"),
    "replace": ("dry-run",),
    "run": ("dry-run",),
    **dict.fromkeys(_SETTING, ("dry-run",)),
}
_SEVERAL = "several images"
_LOCAL = (("local", "dry-run=server"),)
_VALUE_EXCLUDES: dict[str, tuple[tuple[str, str], ...]] = {
    "apply": (("force", "dry-run=server"), ("server-side", "dry-run=client")),
    "create job": (("from", COMMAND),),
    "create deployment": ((_SEVERAL, COMMAND),),
    "delete": (("force", "grace-period>0"),),
    "kuberc set": (
        ("section=defaults", "name"),
        ("section=defaults", "prependarg"),
        ("section=defaults", "appendarg"),
        ("policy=AllowAll", "allowlist-entry"),
        ("policy=DenyAll", "allowlist-entry"),
    ),
    "patch": (("type=json", "patch=object"), *_LOCAL),
    "replace": (("force", "dry-run=client"), ("force", "dry-run=server")),
    **dict.fromkeys(_SETTING, _LOCAL),
    "run": tuple((one, f"dry-run={mode}") for one in ("attach", "stdin") for mode in ("client", "server")),
}
_VALUE_CLAUSES: dict[str, tuple[Clause, ...]] = {
    "config set-cluster": (Clause("embed-certs", ("certificate-authority",)),),
    "create deployment": (Clause(_SEVERAL, ("image",)),),
    "debug": (Clause("copy-to", ("image", "set-image", COMMAND)), Clause(COMMAND, ("image", "container"))),
    "patch": (Clause("patch=list", ("type=json",)), Clause("type=json", ("patch=list", "patch-file"))),
    "kuberc set": (
        Clause("section=aliases", ("name",)),
        Clause("section=aliases", ("command",)),
        Clause("section=defaults", ("command",)),
        Clause("section=credentialplugin", ("policy",)),
        Clause("policy=Allowlist", ("allowlist-entry",)),
    ),
}


class Spelling(NamedTuple):
    """One way to write the value of a flag, and what it says. `pattern` None: the flag stands alone, or with =true."""

    pattern: str | None
    says: tuple[str, ...]
    once: bool = True


class Arm(NamedTuple):
    """One alternative of a rule: its symbols, the bits that it sets on the way to the last of them, and when it is open.

    With mask None the symbols say themselves where they lead.
    """

    symbols: str
    mask: int | None
    when: Condition = ALWAYS


@dataclass(slots=True)
class Lexicon:
    """The terminals of a grammar, each pattern once."""

    names: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, pattern: str) -> str:
        """Return the name of a terminal for a pattern."""
        return self.names.setdefault(pattern, f"V{len(self.names)}")

    def lark(self, pointers: bool = False) -> str:
        """Return all definitions; with `pointers` a value may be pointed at, though no type of resource: what it says the checks see."""
        lines = []
        for pattern, name in self.names.items():
            pointed = pointers and "TYPES_" not in pattern
            lines.append(f"{name}: {terminal(f'({pattern}|{POINTER})' if pointed else pattern)}\n")
        return "".join(lines)


@dataclass(slots=True)
class Row:
    """A command with its number, its constraints and its ways; flags that every command has stand in `shared`."""

    number: int
    command: Command
    rules: Rules
    flags: Mapping[str, tuple[Flag, tuple[Spelling, ...]]]
    ways: tuple[Way, ...]
    common: tuple[str, ...]

    @classmethod
    def of(cls, number: int, command: Command, shared: Mapping[str, int]) -> "Row":
        """Read a command's flags and arguments."""
        own = own_flags(command)
        flags = {name: (flag, tuple(_spellings(command, flag))) for name, flag in own.items() if name not in COMMON}
        words = words_of(command)
        pairs = [*EXCLUSIVE[""], *EXCLUSIVE.get(command.name, ()), *_VALUE_EXCLUDES.get(command.name, ()), *words.excludes]
        pairs += [("show-labels", "output=plain")] if "show-labels" in own else []
        for name in _BINDING.get(command.name, ()):
            pairs += combinations((f"{name}={one}" for one in own[name].allowed), 2)
        clauses = [*words.clauses, *_clauses(command)]
        known = {atom for _, spellings in flags.values() for one in spellings for atom in one.says} | shared.keys()
        known |= {atom for way in words.ways for atom in way.says} | ({COMMAND} if command.name in TAKES_COMMAND else set())
        bound = dict.fromkeys(atom for atom in _needed(words.ways, clauses, pairs) if atom in known)
        clauses = [clause._replace(any_of=tuple(atom for atom in clause.any_of if atom in known)) for clause in clauses]
        met = [clause.met for clause in clauses]
        free = {name: bit for name, bit in shared.items() if name not in flags}
        rules = Rules(allot([*met, *bound, *flags], free), clauses)
        for one, other in pairs:
            if one in known and other in known:
                rules.exclude(one, other)
        return cls(number, command, rules, flags, tuple(words.ways), tuple(name for name in COMMON if name in own))

    @property
    def runs(self) -> bool:
        """Return whether the command does something by itself."""
        return not self.command.subcommands or self.command.name in RUNNABLE_PARENTS

    def lark(self, numbers: Mapping[str, int], lexicon: Lexicon) -> str:
        """Return the rules of the command: after a word, a word, a long flag, a short one, and short ones joined to it."""
        me = f"c{self.number}"
        ends = [Arm('""', None, self.rules.whole())] if self.runs else []
        lines = [rule(me, [*ends, Arm(f"SP {me}w", 0)])]
        lines.append(rule(f"{me}w", [Arm(f'"--" {me}l', 0), Arm(f'"-" {me}s', 0), *self._words(numbers, lexicon)]))
        lines.append(rule(f"{me}l", [Arm("gl", 0), *([Arm(common_rule(self.common), 0)] if self.common else []), *self._long(lexicon)]))
        short = list(self._short(lexicon))
        lines.append(rule(f"{me}s", [Arm("gs", 0), *short]))
        if any(arm.symbols.endswith(f"{me}j") for arm in short):
            lines.append(rule(f"{me}j", [Arm(me, 0), Arm(f"{me}s", 0)]))
        return "".join(lines)

    def _words(self, numbers: Mapping[str, int], lexicon: Lexicon) -> Iterator[Arm]:
        me, path = f"c{self.number}", self.command.name
        for word, name in self.command.subcommands.items():
            number = numbers[f"{path} {name}".strip()]
            yield Arm(f'"{word}" n{number}::bit_and({hex(_KEPT)})', None, UNUSED)
        for way in self.ways if self.runs else ():
            after = (either(self.rules.said(atom) for atom in group if atom in self.rules.bits) for group in way.after)
            when = both((*after, self.rules.unsaid(way.unless), self.rules.may(way.says, once=not way.again)))
            yield Arm(f"{lexicon[way.pattern]} {me}", self.rules.mask(way.says), when)
        if path in TAKES_COMMAND:
            ends = Rules(self.rules.bits, [one for one in self.rules.clauses if COMMAND not in one.any_of]).whole()
            blocked = self.rules.unsaid(self.rules.excluded.get(COMMAND, ()))
            required = (self.rules.said(one.met) for one in self.rules.clauses if one.premise == COMMAND)
            yield Arm('"--" (SP ARGUMENT)+', None, both((ends, blocked, *required)))

    def _long(self, lexicon: Lexicon) -> Iterator[Arm]:
        me = f"c{self.number}"
        for name, (flag, spellings) in self.flags.items():
            for one in spellings:
                when = self.rules.may(one.says, one.once)
                value = _after_long(flag, one, lexicon, name in self.rules.bound)
                yield Arm(f'"{name}"{value} {me}', self.rules.mask(one.says), when)
        if self.command.name != "help":
            yield Arm('"help"', None)

    def _short(self, lexicon: Lexicon) -> Iterator[Arm]:
        me = f"c{self.number}"
        for flag, spellings in self.flags.values():
            for one in spellings if flag.shorthand else ():
                written = f'"{flag.shorthand}" {me}j' if one.pattern is None else f'"{flag.shorthand}" glue {lexicon[one.pattern]} {me}'
                yield Arm(written, self.rules.mask(one.says), self.rules.may(one.says, one.once))


_KEPT = (1 << 64) - (1 << NUMBER_BITS)  # all bits but the number of the command


def common_rule(names: tuple[str, ...]) -> str:
    """Return the name of the rule for these common flags."""
    return "p" + "".join(str(COMMON.index(name)) for name in names)


def own_flags(command: Command) -> dict[str, Flag]:
    """Return the flags that a command does not share with all others, without help and what is deprecated."""
    root = reference().commands[""].flags
    return {name: flag for name, flag in command.flags.items() if flag != root.get(name) and not flag.deprecated and name != "help"}


def rule(name: str, arms: Iterable[Arm]) -> str:
    """Return a parametric rule."""
    texts = []
    for arm in arms:
        if arm.when == NEVER:
            continue
        target = "" if arm.mask is None else f"::bit_or({hex(arm.mask)})" if arm.mask else "::_"
        condition = arm.when.lark()
        texts.append(f"{arm.symbols}{target}" + (f" %if {condition}" if condition else ""))
    return f"{name}::_ : " + "\n  | ".join(texts) + "\n"


def _after_long(flag: Flag, one: Spelling, lexicon: Lexicon, bound: bool) -> str:
    if one.pattern is None:
        return " on" if bound else " on_or_off"
    return f" {sign(flag)} {lexicon[one.pattern]}"


def sign(flag: Flag) -> str:
    """Return what stands between a long flag and its value: a blank only where a value must follow."""
    return "equals" if flag.no_value is None else '"="'


def _spellings(command: Command, flag: Flag) -> Iterator[Spelling]:
    """Yield the ways to write the value of a flag."""
    once = flag.type not in _LISTS
    if flag.no_value == "true" and flag.type in ("bool", "tristate"):
        yield Spelling(None, (flag.name,))
    elif flag.name == "output" and "json" in flag.allowed:
        yield from _outputs(command, flag)
    elif flag.name in _BINDING.get(command.name, ()):
        for one in flag.allowed:
            yield Spelling(f"({one}|'{one}'|\"{one}\")", (flag.name, f"{flag.name}={one}"))
    else:
        yield from _valued(command, flag, once)


def _outputs(command: Command, flag: Flag) -> Iterator[Spelling]:
    """Yield --output by what it asks of other flags: a bare template wants --template, and what is no table has no labels to show."""
    ways = outputs(flag)
    bare = ways.pop("bare", None)
    if bare is not None:
        yield Spelling(bare, ("output", "output=bare"))
    if "show-labels" in command.flags:
        yield Spelling(ways.pop("plain"), ("output", "output=plain"))
    yield Spelling(f"({'|'.join(ways.values())})", ("output",))


def _valued(command: Command, flag: Flag, once: bool) -> Iterator[Spelling]:
    """Yield spellings of flags whose value decides about other flags without being one of a list."""
    if (command.name, flag.name) == ("delete", "grace-period"):
        yield Spelling("(-1|0)", (flag.name,))
        yield Spelling("[1-9][0-9]{0,8}", (flag.name, "grace-period>0"))
    elif (command.name, flag.name) == ("create deployment", "image"):
        yield Spelling(value(command.name, flag), (flag.name,))
        yield Spelling(value(command.name, flag), (_SEVERAL,), once=False)
    elif (command.name, flag.name) == ("create service clusterip", "clusterip"):
        yield Spelling("(None|'None'|\"None\")", (flag.name, "clusterip=None"))
        yield Spelling(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", (flag.name,))
    elif (command.name, flag.name) == ("patch", "patch"):
        json = leaf("json")
        escaped = r"([^\"\\$`\x00-\x1f]|\\[\"\\])*"
        yield Spelling(rf"('\{{{json}\}}'|\"\{{{escaped}\}}\"|\$'[a-z][A-Za-z]*:([^'\\\x00-\x1f]|\\n)*')", (flag.name, "patch=object"))
        yield Spelling(rf"('\[{json}\]'|\"\[{escaped}\]\")", (flag.name, "patch=list"))
    else:
        yield Spelling(value(command.name, flag), (flag.name,), once)


def _clauses(command: Command) -> Iterator[Clause]:
    """Yield what relations.py and constraints.py say that a command needs."""
    name = command.name
    for need in NEEDS.get(name, ()):
        extra = ("clusterip=None",) if name == "create service clusterip" else ()
        yield Clause(None, (*need.any_of, *need.unless, *extra))
    for flag in command.flags:
        needed = TOGETHER.get((name, flag))
        if needed:
            yield Clause(flag, needed)
    if "local" in own_flags(command) and "filename" in command.flags:
        yield Clause("local", ("filename", "kustomize"))
    if "template" in command.flags and "output" in command.flags:
        yield Clause("output=bare", ("template",))
    yield from _VALUE_CLAUSES.get(name, ())


def _needed(ways: Iterable[Way], clauses: Iterable[Clause], pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the atoms that constraints are about: they get bits first."""
    for way in ways:
        yield from (*way.says, *way.unless, *(atom for group in way.after for atom in group))
    for clause in clauses:
        yield from (() if clause.premise is None else (clause.premise,))
        yield from clause.any_of
    for pair in pairs:
        yield from pair
