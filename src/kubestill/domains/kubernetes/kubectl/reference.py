"""The command tree of kubectl 1.36 and the built-in resources, from the package data and the facts that it lacks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources as files
from types import MappingProxyType
from typing import Any

from kubestill.domains.kubernetes.kubectl import additions

VERSION = "1.36"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a command. `type` is pflag's: bool, string, strings, int, int32, duration, tristate, stringToString, version."""

    name: str
    shorthand: str
    type: str
    default: str | None
    no_value: str | None  # what it takes when no value is given; None: a value must follow
    allowed: tuple[str, ...] = ()  # the only values, where the reference or kubectl's code lists them
    deprecated: str = ""  # what to write instead; kubectl still takes it

    @property
    def splits(self) -> bool:
        """Return whether one value may hold several, separated by commas (pflag's StringSlice)."""
        return self.type == "strings" and self.name not in additions.WHOLE_VALUES


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the tree; `path` is empty for kubectl itself."""

    path: tuple[str, ...]
    usage: str
    flags: Mapping[str, Flag]  # own and inherited, by long name
    shorthands: Mapping[str, Flag]
    subcommands: Mapping[str, str]  # name or alias → name

    @property
    def name(self) -> str:
        """Return the path with blanks, such as `rollout status`."""
        return " ".join(self.path)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that the API server has built in."""

    plural: str
    kind: str
    group: str
    versions: tuple[str, ...]
    namespaced: bool
    subresources: tuple[str, ...]
    short: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the one name it goes by here: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Reference:
    """All commands by path, all resources, and where each flag name occurs."""

    commands: Mapping[str, Command]
    resources: tuple[Resource, ...]
    holders: Mapping[str, tuple[str, ...]]  # flag name → the commands that have it


@cache
def reference() -> Reference:
    """Return the reference, read once per process."""
    text = files.files("kubestill.domains.kubernetes").joinpath(f"data/kubectl-{VERSION}.json").read_text("utf-8")
    data = json.loads(text)
    flags = [Flag(row[0], row[1] or "", row[2], row[3], _no_value(row[2], row[4]), tuple(row[5])) for row in data["flags"]]
    inherited = {flags[number].name: flags[number] for number in data["inherited"]}
    inherited |= {row[0]: Flag(*row) for row in additions.LOGGING_FLAGS}
    rows = data["commands"] | additions.COMMANDS
    commands = {}
    for name, row in rows.items():
        own = {flags[number].name: flags[number] for number in row["flags"]}
        own |= {one[1]: Flag(*one[1:]) for one in additions.DEPRECATED_FLAGS if name in one[0]}
        commands[name] = _command(name, row["usage"][0], inherited | own, tuple(rows))
    holders: dict[str, list[str]] = {}
    for name, command in commands.items():
        for flag in command.flags.keys() - inherited.keys():
            holders.setdefault(flag, []).append(name)
    return Reference(
        MappingProxyType(commands),
        tuple(_resource(*row) for row in data["resources"]),
        MappingProxyType({name: tuple(found) for name, found in holders.items()}),
    )


def _command(name: str, usage: str, flags: dict[str, Flag], names: tuple[str, ...]) -> Command:
    path = tuple(name.split())
    subcommands: dict[str, str] = {}
    for other in names:
        parent, _, last = other.rpartition(" ")
        if parent == name and last:
            subcommands |= dict.fromkeys((last, *additions.ALIASES.get(other, ())), last)
    corrected = {key: _with_values(name, flag) for key, flag in flags.items()}
    shorthands = {flag.shorthand: flag for flag in corrected.values() if flag.shorthand}
    return Command(path, usage, MappingProxyType(corrected), MappingProxyType(shorthands), MappingProxyType(subcommands))


def _resource(plural: str, kind: str, group: str, versions: list[str], *rest: Any) -> Resource:
    namespaced, subresources = rest
    return Resource(plural, kind, group, tuple(versions), namespaced, tuple(subresources), additions.SHORT_NAMES.get(plural, ()))


def _with_values(command: str, flag: Flag) -> Flag:
    """Return the flag with the values that kubectl's code, not its reference, names as the only ones."""
    allowed = additions.ALLOWED.get((command, flag.name)) or additions.ALLOWED.get(("", flag.name))
    if not allowed or flag.allowed:
        return flag
    return Flag(flag.name, flag.shorthand, flag.type, flag.default, flag.no_value, allowed, flag.deprecated)


def _no_value(of_type: str, given: str | None) -> str | None:
    return "true" if of_type == "bool" else given  # pflag sets NoOptDefVal "true" for every bool
