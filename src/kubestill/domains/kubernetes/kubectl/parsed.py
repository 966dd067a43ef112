"""What a text says: its kubectl calls, each with path, flags, arguments, the command after `--`, and what it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kubestill.domains.kubernetes.kubectl.fault import Fault
from kubestill.domains.kubernetes.kubectl.reference import Command, Flag
from kubestill.domains.kubernetes.kubectl.shell import Redirection, Script, Simple, Word
from kubestill.domains.kubernetes.kubectl.values import Value


class Effect(StrEnum):
    """What a call does to the cluster, mildest first. UNKNOWN is its own answer: whoever guards treats it as the worst."""

    LOCAL = "local"  # only files of the caller: kubeconfig, completion, kustomize
    READS = "reads"  # needs no more than to get, list and watch, or is a dry run
    CHANGES = "changes"
    DESTROYS = "destroys"  # objects or running pods go away
    UNKNOWN = "unknown"  # no command of kubectl, or its name is only known at run time


@dataclass(frozen=True, slots=True)
class FlagUse:
    """One flag as written. `text` is the value as kubectl gets it; `value` is None where it is open or of the wrong type."""

    flag: Flag
    text: str
    value: Value | None
    word: Word
    opaque: bool = False

    @property
    def path(self) -> str:
        """Return how findings name it."""
        return f"--{self.flag.name}"


@dataclass(slots=True)
class Call:
    """One call of kubectl. `command` is None where no such command exists."""

    simple: Simple
    word: Word  # kubectl itself
    command: Command | None = None
    path: tuple[str, ...] = ()
    uses: list[FlagUse] = field(default_factory=list)
    arguments: list[Word] = field(default_factory=list)
    trailing: list[Word] | None = None  # after `--`; None: there is no `--`
    faults: list[Fault] = field(default_factory=list)
    pipe: tuple[tuple[str, ...], ...] = ()  # the commands that its output goes through
    appended: bool = False  # xargs and the like add arguments that are not in the text
    effect: Effect = Effect.UNKNOWN

    @property
    def flags(self) -> Mapping[str, Value]:
        """Return the values by long name, as kubectl holds them: the last one, or for a list all of them."""
        values: dict[str, Value] = {}
        for use in self.uses:
            if use.flag.type in ("strings", "stringToString"):
                given = tuple(use.text.split(",")) if use.flag.splits or use.flag.type == "stringToString" else (use.text,)
                before = values.get(use.flag.name, ())
                values[use.flag.name] = (*before, *given) if isinstance(before, tuple) else given
            else:
                values[use.flag.name] = use.text if use.value is None else use.value
        return values

    @property
    def environment(self) -> tuple[str, ...]:
        """Return the assignments before the command, as NAME=value."""
        return tuple(word.text for word in self.simple.assignments)

    @property
    def redirections(self) -> tuple[Redirection, ...]:
        """Return where input and output go."""
        return tuple(self.simple.redirections)

    @property
    def uncertain(self) -> bool:
        """Return whether arguments may be added or missing at run time, so that counting them says nothing."""
        words = (*self.arguments, *(use.word for use in self.uses), *(self.trailing or ()))
        return self.appended or any(word.many for word in words)

    def has(self, *names: str) -> bool:
        """Return whether one of the flags is given, with any value."""
        return any(use.flag.name in names for use in self.uses)

    def last(self, name: str) -> FlagUse | None:
        """Return the last use of a flag: the one that counts."""
        return next((use for use in reversed(self.uses) if use.flag.name == name), None)

    def on(self, name: str) -> bool:
        """Return whether a boolean flag is on: given as true, or true by default."""
        use = self.last(name)
        if use is not None:
            return use.value is True
        flag = self.command.flags.get(name) if self.command else None
        return flag is not None and flag.default == "true"

    def text(self, name: str) -> str:
        """Return the text of a flag, or an empty string."""
        use = self.last(name)
        return use.text if use is not None else ""


@dataclass(slots=True)
class Parsed:
    """A text of one or several commands. `calls` are those of kubectl, in order; `others` the words of all the others."""

    text: str
    script: Script
    calls: list[Call] = field(default_factory=list)
    others: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def call(self) -> Call | None:
        """Return the first call, or None: for texts that are one command."""
        return self.calls[0] if self.calls else None

    @property
    def effects(self) -> frozenset[Effect]:
        """Return what all calls together do."""
        return frozenset(call.effect for call in self.calls)

    @property
    def effect(self) -> Effect:
        """Return the worst of the effects; UNKNOWN where there is no call, or the text could not be split."""
        order = list(Effect)
        return max(self.effects, key=order.index) if self.calls and self.script.fault is None else Effect.UNKNOWN
