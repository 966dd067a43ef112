"""A command as people type it: short letters for the usual flags, flags behind the arguments in one order."""

import shlex
from collections.abc import Mapping
from functools import cache

from kubestill.domains.kubernetes.kubectl.parsed import Call, FlagUse
from kubestill.domains.kubernetes.kubectl.resources import resolve
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES
from kubestill.domains.kubernetes.skills.kubectl.judging import meaning
from kubestill.domains.kubernetes.skills.kubectl.kinds import Kind, kinds

# Flags that people write by their letter, with a value after a blank.
_LETTERS = {"namespace": "-n", "selector": "-l", "output": "-o", "filename": "-f", "kustomize": "-k", "container": "-c", "patch": "-p"}
_SWITCHES = {"all-namespaces": "-A", "watch": "-w", "follow": "-f", "recursive": "-R"}
# The order of flags behind what is particular to a command: as in options.toml.
_LATE = ("selector", "field-selector", "sort-by", "dry-run", "output", "watch", "all-namespaces", "namespace", "context", "kubeconfig")
_INTERACTIVE = frozenset({"attach", "debug", "exec", "run"})


def idiomatic(call: Call, text: str) -> str:
    """Return the command of a call as people type it, or the text where that would not mean the same."""
    assert call.command is not None
    uses = sorted(call.uses, key=lambda use: _LATE.index(use.flag.name) + 1 if use.flag.name in _LATE else 0)
    terminal = call.command.name in _INTERACTIVE and call.on("stdin") and call.on("tty")
    flags = [_flag(use, call) for use in uses if not (terminal and use.flag.name in ("stdin", "tty"))]
    arguments = [shlex.quote(word.text) for word in call.arguments]
    if SHAPES[call.command.name].takes == "objects" and arguments:
        arguments = [_typed(arguments[0], len(arguments) > 1), *(_typed(word, True) if "/" in word else word for word in arguments[1:])]
    words = ["kubectl", *call.path, *(["-it"] if terminal else []), *arguments, *flags]
    if call.trailing is not None:
        words += ["--", *(shlex.quote(word.text) for word in call.trailing)]
    typed = " ".join(words)
    return typed if meaning(typed) == meaning(text) else text


def _typed(word: str, named: bool) -> str:
    """Return TYPE, TYPE,TYPE or TYPE/NAME with the types as people type them: one where a name follows, else several."""
    types, slash, name = word.partition("/")
    found = [_usual().get(kind.name) if (kind := resolve(one)) is not None else None for one in types.split(",")]
    if any(kind is None for kind in found):
        return word
    return ",".join(kind.one if slash or named else kind.many for kind in found if kind is not None) + slash + name


@cache
def _usual() -> Mapping[str, Kind]:
    """Return kinds by the one name that `resolve` gives them."""
    return {found.name: kind for kind in kinds().values() if (found := resolve(kind.one)) is not None}


def _flag(use: FlagUse, call: Call) -> str:
    name, value = use.flag.name, use.text
    if use.flag.no_value == "true" and use.value is True:
        return _SWITCHES.get(name, f"--{name}") if use.flag.shorthand else f"--{name}"
    head, equals, rest = value.partition("=")
    quoted = f"{head}={shlex.quote(rest)}" if equals and shlex.quote(head) == head else shlex.quote(value)
    letter = _LETTERS.get(name)
    assert call.command is not None
    if letter and use.flag.shorthand == letter[1:]:
        return f"{letter} {quoted}"
    return f"--{name}={quoted}"
