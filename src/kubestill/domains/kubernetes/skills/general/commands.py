"""Topics about kubectl: flags, shorthands, defaults, values, subcommands, and what a command does to the cluster."""

from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.kubectl.reference import Command, Flag, reference
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic, one, yes_or_no

_HIDDEN = frozenset(("", "alpha", "options", "help"))
_COMMON = frozenset(  # flags that every command has, and that nobody asks about command by command
    "help as as-group as-uid as-user-extra cache-dir certificate-authority client-certificate client-key disable-compression "
    "insecure-skip-tls-verify kuberc match-server-version password profile profile-output tls-server-name token username version "
    "warnings-as-errors log-flush-frequency v vmodule allow-missing-template-keys show-managed-fields field-manager".split()
)
_WIDE = ("namespace", "context", "kubeconfig", "cluster", "user", "server", "request-timeout")  # of every command, and asked about
_FEW = 3


@cache
def commands() -> Mapping[str, Command]:
    """Return the commands that do something themselves, by name."""
    return {name: command for name, command in reference().commands.items() if name not in _HIDDEN and not command.subcommands}


@cache
def own_flags(command: str) -> tuple[Flag, ...]:
    """Return the flags of a command that are worth a question."""
    return tuple(
        flag
        for flag in commands()[command].flags.values()
        if flag.name not in _COMMON and flag.name not in _WIDE and not flag.name.startswith("storage-driver") and not flag.deprecated
    )


@cache
def _fitting(wanted: str) -> tuple[tuple[str, str], ...]:
    tests: Mapping[str, Callable[[Flag], bool]] = {
        "short": lambda flag: bool(flag.shorthand),
        "default": lambda flag: bool(flag.default) and flag.default not in ("false", "[]") and len(flag.default or "") <= 30,
        "values": lambda flag: 2 <= len(flag.allowed) <= 8,
    }
    return tuple((name, flag.name) for name in commands() for flag in own_flags(name) if tests[wanted](flag))


def _drawn(rng: Random, wanted: str) -> tuple[str, Flag]:
    command, flag = rng.choice(_fitting(wanted))
    return command, commands()[command].flags[flag]


def flag_of(said: Said) -> Flag:
    """Return the flag that is spoken of.

    Raises:
        KeyError: there is no such command or flag.
    """
    return commands()[said["command"].removeprefix("kubectl ")].flags[said["flag"].lstrip("-")]


def _shorthand(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    command, flag = _drawn(rng, "short")
    return Asked({"command": f"kubectl {command}", "flag": f"--{flag.name}"})


def _solve_shorthand(said: Said) -> Solved:
    short = flag_of(said).shorthand
    if not short:
        raise ValueError("it has no shorthand")
    return one(short=f"-{short}")


def _long(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    command, flag = _drawn(rng, "short")
    return Asked({"command": f"kubectl {command}", "short": f"-{flag.shorthand}"})


def _solve_long(said: Said) -> Solved:
    flag = commands()[said["command"].removeprefix("kubectl ")].shorthands[said["short"].lstrip("-")]
    return one(flag=f"--{flag.name}")


def _default(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    command, flag = _drawn(rng, "default")
    return Asked({"command": f"kubectl {command}", "flag": f"--{flag.name}"})


def _solve_default(said: Said) -> Solved:
    return one(value=flag_of(said).default or "")


def _values(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    command, flag = _drawn(rng, "values")
    return Asked({"command": f"kubectl {command}", "flag": f"--{flag.name}"})


def _solve_values(said: Said) -> Solved:
    return one(values=", ".join(sorted(flag_of(said).allowed)))


@cache
def _rare() -> Mapping[str, tuple[str, ...]]:
    """Return the flags that few commands have, with those commands."""
    found: dict[str, list[str]] = {}
    for name in commands():
        for flag in own_flags(name):
            found.setdefault(flag.name, []).append(name)
    return {flag: tuple(sorted(names)) for flag, names in found.items() if len(names) <= _FEW}


def _holder(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"flag": f"--{rng.choice(tuple(_rare()))}"})


def _solve_holder(said: Said) -> Solved:
    return one(commands=", ".join(f"kubectl {name}" for name in _rare()[said["flag"].lstrip("-")]))


def _subcommands(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"command": f"kubectl {rng.choice([name for name, one in reference().commands.items() if one.subcommands and name])}"})


def _solve_subcommands(said: Said) -> Solved:
    command = reference().commands[said["command"].removeprefix("kubectl ")]
    return one(names=", ".join(sorted(set(command.subcommands.values()))))


def line(rng: Random, words: Words, which: str = "lines") -> str:
    """Return a whole command from the patterns of facts.toml, with drawn names."""
    return filled(rng.choice(facts()["commands"][which]), rng, words)


def filled(pattern: str, rng: Random, words: Words) -> str:
    """Fill a pattern of a command with drawn names."""
    drawn: Mapping[str, Callable[[], str]] = {
        "{name}": words.name,
        "{pod}": lambda: f"{words.name()}-{rng.choice((0, 1, 2))}",
        "{ns}": words.namespace,
        "{node}": lambda: f"{words.word()}-{rng.randrange(1, 30)}",
        "{n}": lambda: str(rng.randrange(2, 12)),
        "{image}": lambda: f"{words.name()}:{words.tag()}",
        "{label}": lambda: "=".join(words.label()),
        "{port}": lambda: str(words.port()),
        "{file}": lambda: f"{words.word()}.yaml",
        "{key}": lambda: words.key(),
        "{var}": words.variable,
        "{value}": words.word,
    }
    text = pattern
    for slot, draw in drawn.items():
        while slot in text:
            text = text.replace(slot, draw(), 1)
    return text


def _effect(rng: Random, words: Words) -> Asked:
    return Asked({"command": line(rng, words)})


_EFFECTS = {
    Effect.LOCAL: "local",
    Effect.READS: "reads",
    Effect.CHANGES: "changes",
    Effect.DESTROYS: "destroys",
}


def _solve_effect(said: Said) -> Solved:
    parsed = parse(said["command"])
    if parsed.call is None or parsed.effect not in _EFFECTS:
        raise ValueError("no command that is known")
    return Solved(_EFFECTS[parsed.effect], {"command": f"kubectl {' '.join(parsed.call.path)}"})


def _has_flag(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    """Ask for a flag of this command, or for one that other commands have."""
    command = rng.choice(tuple(commands()))
    own = own_flags(command)
    if own and rng.random() < 0.5:
        flag = rng.choice(own).name
    else:
        flag = rng.choice([name for name in _every_flag() if name not in commands()[command].flags])
    return Asked({"command": f"kubectl {command}", "flag": f"--{flag}"})


@cache
def _every_flag() -> tuple[str, ...]:
    return tuple(sorted({flag.name for name in commands() for flag in own_flags(name)}))


def _solve_has_flag(said: Said) -> Solved:
    command, flag = said["command"].removeprefix("kubectl "), said["flag"].lstrip("-")
    return yes_or_no(flag in commands()[command].flags, command=said["command"], flag=said["flag"])


TOPICS = (
    Topic("flag-short", _shorthand, _solve_shorthand, {"is": "{short:word}"}, 1.0, closed=True),
    Topic("flag-long", _long, _solve_long, {"is": "{flag:word}"}, 1.0, closed=True),
    Topic("flag-default", _default, _solve_default, {"is": "{value}"}, 1.0, closed=True),
    Topic("flag-values", _values, _solve_values, {"is": "{values:set}"}, 1.0, closed=True),
    Topic("flag-holder", _holder, _solve_holder, {"is": "{commands:set}"}, 1.2, closed=True),
    Topic("subcommands", _subcommands, _solve_subcommands, {"is": "{names:set}"}, 0.5, closed=True),
    Topic(
        "command-effect",
        _effect,
        _solve_effect,
        {
            "local": "Yes: this {command} does not touch the cluster.",
            "reads": "Yes: this {command} only reads.",
            "changes": "No: this {command} changes the cluster.",
            "destroys": "No: this {command} can take running things away.",
        },
        1.5,
    ),
    Topic(
        "has-flag",
        _has_flag,
        _solve_has_flag,
        {"yes": "Yes: {command} has the flag {flag:word}.", "no": "No: {command} has no flag {flag:word}."},
        1.5,
        closed=True,
    ),
)
