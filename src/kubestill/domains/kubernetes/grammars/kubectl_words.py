"""The arguments of each command as ways from word to word: what may be said next, after what, and what must have been said at the end.

The table of shapes (kubectl/shapes.py) says what arguments a command takes; kubectl/arguments.py judges what is written here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from kubestill.domains.kubernetes.grammars.kubectl_leaves import PORT, blank, choice, leaf, listed, word
from kubestill.domains.kubernetes.grammars.kubectl_rules import Clause
from kubestill.domains.kubernetes.grammars.kubectl_values import (
    ANNOTATION,
    LABEL,
    OBJECT,
    PAIRS,
    PATH,
    TAINT,
    TEXT,
    URL,
    VARIABLE,
    types,
)
from kubestill.domains.kubernetes.kubectl.reference import Command, reference
from kubestill.domains.kubernetes.kubectl.shape import ANY, Shape
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES

# Atoms that words say, written with a blank so that no flag has their name.
TYPE, NAME, PAIR, MORE, CHANGE = "a TYPE", "a NAME", "a TYPE/NAME", "another NAME", "a CHANGE"
FIRST, SECOND, COMMAND = "a FIRST", "a SECOND", "a COMMAND"
_SETS, _REMOVES = "a change that sets", "a change that removes"
_FILES = ("filename", "kustomize")
_SELECTORS = ("selector", "field-selector")
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "approve", "use", "bind", "impersonate", "*")
_SHELLS = ("bash", "zsh", "fish", "powershell")
_EFFECTS = "(NoSchedule|PreferNoSchedule|NoExecute)"
_NODE_LIKE = ("nodes", "certificatesigningrequests")  # of which one command takes several
_KUBECONFIG = ("clusters", "contexts", "users", "current-context", "preferences")


class Way(NamedTuple):
    """A word that may come next: after one of each of `after`, unless something of `unless` was said."""

    pattern: str
    says: tuple[str, ...]
    after: tuple[tuple[str, ...], ...] = ()
    unless: tuple[str, ...] = ()
    again: bool = False  # further such words may follow


@dataclass(slots=True)
class Words:
    """All ways of a command, and its constraints between words and flags."""

    ways: list[Way] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)
    excludes: list[tuple[str, str]] = field(default_factory=list)


def words_of(command: Command) -> Words:
    """Return how the arguments of a command are written."""
    shape = SHAPES[command.name]
    special = _SPECIAL.get(command.name)
    if special is not None:
        words = special(command)
    elif shape.takes != "objects":
        words = _counted(command, shape)
    elif shape.default:
        words = _defaulted(command, shape)
    else:
        words = _typed(command, shape)
    if shape.command:
        words.clauses.append(Clause(None, (COMMAND,)))
    return words


def _has(command: Command, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name in command.flags)


def _typed(command: Command, shape: Shape) -> Words:
    """TYPE [NAME ...], TYPE/NAME ..., or files; and changes after them."""
    kinds, name = types(shape.types), blank("name" if shape.types else "role")
    files, selectors = _has(command, *_FILES), _has(command, *_SELECTORS)
    ways = [
        Way(listed(kinds) if shape.types else rf"(all|{listed(kinds)})", (TYPE,), unless=(PAIR, CHANGE, *files)),
        Way(word(name), (NAME,), after=((TYPE,),), unless=(CHANGE, NAME)),
        Way(word(name), (MORE,), after=((NAME,),), unless=(CHANGE,), again=True),
    ]
    if command.name != "taint":  # reads TYPE NAME only
        ways.append(Way(rf"{kinds}/{name}", (PAIR,), unless=(TYPE, CHANGE, PAIR, *files)))
        ways.append(Way(rf"{kinds}/{name}", (MORE,), after=((PAIR,),), unless=(CHANGE,), again=True))
    words = Words(ways, [Clause(None, (TYPE, PAIR, *files, *_has(command, "raw")))])
    words.excludes += [(MORE, "resource-version")] if command.name in ("annotate", "label") else []
    for one in (NAME, PAIR):
        words.excludes += [(one, other) for other in (*selectors, *_has(command, *(("all",) if shape.all_selects else ())))]
        words.excludes += [(one, "all-namespaces")] if "all-namespaces" in command.flags else []
    words.excludes += [(one, other) for one in (TYPE, NAME, PAIR) for other in (*files, *_has(command, "raw"))]
    if not shape.lists:
        words.clauses.append(Clause(TYPE, (NAME, *selectors, *_has(command, "all"))))
    if command.name == "get":
        words.clauses.append(Clause("subresource", (NAME, PAIR, *files)))
    if shape.changes:
        _add_changes(command, shape, words)
    return words


def _add_changes(command: Command, shape: Shape, words: Words) -> None:
    """Let labels, images and the like follow the resources; a type alone needs --all or a selector, which may follow, too."""
    patterns, once = _changes()[shape.changes], shape.changes in ("account", "selector")
    places = (TYPE, PAIR, *_has(command, *_FILES))
    for pattern, kind in zip(patterns, (_SETS, _REMOVES), strict=False):
        says = (CHANGE, kind) if len(patterns) > 1 else (CHANGE,)
        words.ways.append(Way(pattern, says, after=(places,), again=not once, unless=(CHANGE,) if once else ()))
    words.excludes.append((_SETS, _REMOVES))  # of one key both are refused, and a grammar cannot compare keys
    sources = {"variable": _has(command, "from", "env")}.get(shape.changes, ())
    words.clauses.append(Clause(None, (CHANGE, *_has(command, "list"), *sources)))


def _changes() -> dict[str, tuple[str, ...]]:
    """Return what each kind of change sets and, where it can, removes."""
    removed = rf"{leaf('key')}-"
    return {
        "account": (word(leaf("name")),),
        "annotation": (ANNOTATION, removed),
        "image": (word(rf"({leaf('name')}|\*)={blank('image')}"),),
        "label": (LABEL, removed),
        "selector": (PAIRS,),
        "taint": (word(f"{TAINT}:{_EFFECTS}"), rf"{leaf('key')}(:{_EFFECTS})?-"),
        "variable": (VARIABLE, r"[A-Za-z_][A-Za-z0-9_]*-"),
    }


def _defaulted(command: Command, shape: Shape) -> Words:
    """A pod, a node or TYPE/NAME; several only where a command works on each."""
    name, several = blank("name"), shape.default in _NODE_LIKE
    files, selectors = _has(command, *_FILES), _has(command, *_SELECTORS)
    way = Way(rf"({types(shape.types)}/)?{name}", (PAIR,), again=several)
    return Words([way], [Clause(None, (PAIR, *files, *selectors))], [(PAIR, other) for other in (*files, *selectors)])


def _counted(command: Command, shape: Shape) -> Words:
    """So many words: a name of what is created, or names of what is there."""
    if not shape.high:
        return Words()
    creates = command.path[0] in ("create", "run")
    named = "role" if command.path[-1] in ("clusterrole", "clusterrolebinding", "role", "rolebinding") else "new" if creates else "name"
    pattern = word(blank(named))
    if command.name == "kustomize":
        pattern = PATH
    words = Words([Way(pattern, (FIRST,))], [Clause(None, (FIRST,))] if shape.low else [])
    if 1 < shape.high < ANY:
        words.ways.append(Way(pattern, (SECOND,), after=((FIRST,),)))
        words.clauses += [Clause(None, (SECOND,))] if shape.low > 1 else []
    return words


def _can_i(command: Command) -> Words:
    """VERB TYPE, VERB TYPE/NAME, VERB URL; or --list alone."""
    del command
    kind = rf"({types()}|[a-z]+(\.[a-z0-9-]+)+)(/{blank('name')})?"
    ways = [Way(word(choice(_VERBS)), (FIRST,)), Way(rf"(\*|'\*'|{kind})", (SECOND,), after=((FIRST,),))]
    ways.append(Way(URL, (SECOND, "a URL"), after=((FIRST,),)))
    excludes = [(FIRST, "list"), (SECOND, "list"), ("a URL", "subresource")]
    return Words(ways, [Clause(None, (FIRST, "list")), Clause(FIRST, (SECOND,))], excludes)


def _completion(command: Command) -> Words:
    """One of four shells."""
    del command
    return Words([Way(choice(_SHELLS), (FIRST,))], [Clause(None, (FIRST,))])


def _config_set(command: Command) -> Words:
    """PROPERTY VALUE, or PROPERTY to unset."""
    name = blank("name")
    prop = Way(rf"({'|'.join(_KUBECONFIG)})(\.{name}(\.[a-z-]+)*)?", (FIRST,))
    if command.name == "config unset":
        return Words([prop], [Clause(None, (FIRST,))])
    return Words([prop, Way(TEXT, (SECOND,), after=((FIRST,),))], [Clause(None, (FIRST,)), Clause(None, (SECOND,))])


def _context(command: Command) -> Words:
    """A name, or --current."""
    del command
    return Words([Way(OBJECT, (FIRST,))], [Clause(None, (FIRST, "current"))], [(FIRST, "current")])


def _contexts(command: Command) -> Words:
    """Any number of names."""
    del command
    return Words([Way(OBJECT, (), again=True)])


def _copy(command: Command) -> Words:
    """One of source and destination is in a pod."""
    del command
    remote = rf"({blank('namespace')}/)?{blank('name')}:{leaf('path')}"
    local = leaf("file")
    ways = [Way(word(remote), (FIRST, "from a pod")), Way(word(local), (FIRST,))]
    ways += [Way(word(local), (SECOND,), after=(("from a pod",),)), Way(word(remote), (SECOND,), after=((FIRST,),), unless=("from a pod",))]
    return Words(ways, [Clause(None, (FIRST,)), Clause(None, (SECOND,))])


def _explain(command: Command) -> Words:
    """A type and the path of a field."""
    del command
    kinds = "(" + "|".join(dict.fromkeys(name for r in reference().resources for name in (r.plural, r.kind.lower(), *r.short))) + ")"
    return Words([Way(rf"{kinds}(\.{leaf('field')})*", (FIRST,))], [Clause(None, (FIRST,))])


def _logs(command: Command) -> Words:
    """A pod or TYPE/NAME, or a selector; a container only as --container: after a word it may be meant as a name after a type."""
    return Words(
        [Way(rf"({types(SHAPES[command.name].types)}/)?{blank('name')}", (FIRST,))],
        [Clause(None, (FIRST, "selector"))],
        [(FIRST, "selector")],
    )


def _forward(command: Command) -> Words:
    """A pod or TYPE/NAME, then pairs of ports."""
    port, name = leaf("port"), blank("name")
    target = rf"({types(SHAPES[command.name].types)}/)?{name}"
    ways = [Way(target, (FIRST,)), Way(rf"({PORT}|({PORT})?:{port})", (SECOND,), after=((FIRST,),), again=True)]
    return Words(ways, [Clause(None, (FIRST,)), Clause(None, (SECOND,))])


def _top(command: Command) -> Words:
    """A name or a selector."""
    return Words([Way(OBJECT, (FIRST,))], excludes=[(FIRST, other) for other in _has(command, *_SELECTORS)])


def _help(command: Command) -> Words:
    """The name of a command."""
    del command
    return Words([Way(choice(sorted(reference().commands[""].subcommands)), (FIRST,))])


_SPECIAL: dict[str, Callable[[Command], Words]] = {
    "auth can-i": _can_i,
    "completion": _completion,
    "config get-contexts": _contexts,
    "config set": _config_set,
    "config set-context": _context,
    "config unset": _config_set,
    "cp": _copy,
    "explain": _explain,
    "help": _help,
    "logs": _logs,
    "port-forward": _forward,
    "top node": _top,
    "top pod": _top,
}
