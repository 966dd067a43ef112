"""One spelling for all commands that mean the same: long flags in order, no aliases or short names, TYPE/NAME, no defaults."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace

from kubestill.domains.kubernetes.kubectl.arguments import HAS_TYPE_FIRST, split_changes
from kubestill.domains.kubernetes.kubectl.changes import is_change
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Call, FlagUse, Parsed
from kubestill.domains.kubernetes.kubectl.reference import Flag
from kubestill.domains.kubernetes.kubectl.resources import resolve
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES
from kubestill.domains.kubernetes.kubectl.shell import Redirection, Simple, Word
from kubestill.domains.kubernetes.kubectl.values import parse_bool

# Lists whose order means nothing; the order of files, columns and arguments does.
_SETS = frozenset("as-group group resource resource-name scopes serviceaccount types user verb verbs categories".split())
_SELECTORS = frozenset({"selector", "field-selector", "pod-selector"})
_TOP_COMMA = re.compile(r",(?![^()]*\))")  # not within `in (a,b)`
_EQUALS = re.compile(r"(?<![=!])==(?!=)")
_LISTS = ("strings", "stringToString")  # of whose values each counts, not only the last
_OLD_BOOLEANS = {  # what old boolean spellings stand for (cmd/util/helpers.go, cmd/delete/delete_flags.go)
    ("cascade", True): "background",
    ("cascade", False): "orphan",
    ("dry-run", True): "client",
    ("dry-run", False): "none",
    ("validate", True): "strict",
    ("validate", False): "ignore",
}
_OUTPUTS = {"template": "go-template", "templatefile": "go-template-file"}
_SECOND = 10**9  # nanoseconds


def canonical(text: str) -> str:
    """Return the one spelling of a text of commands: two texts with the same mean the same.

    A text that holds no readable command comes back as it stands.
    """
    return canonical_parsed(parse(text))


def canonical_parsed(parsed: Parsed) -> str:
    """Return the one spelling of what `parse` has read."""
    commands = parsed.script.commands
    if parsed.script.fault is not None or not parsed.calls:
        return parsed.text  # with fewer blanks it might be read as something else
    calls = {id(call.simple): call for call in parsed.calls}
    parts: list[str] = []
    for place, simple in enumerate(commands):
        call = calls.get(id(simple))
        words = [_quoted(word) for word in simple.words] if call is None else _call(call)
        redirections = [_redirection(one) for one in simple.redirections]
        parts.append(" ".join([*sorted(map(_assignment, simple.assignments)), *words, *redirections]))
        operator = simple.operator if simple.operator not in ("\n", "(", ")") else ";"
        if operator and place + 1 < len(commands):
            parts.append(operator)
    documents = [one for simple in commands for one in simple.redirections if _is_document(one)]
    return "\n".join([" ".join(parts), *(one.body + one.target.text for one in documents)])


def _call(call: Call) -> list[str]:
    if call.command is None or any(fault.severity == "error" for fault in call.faults) or _has_open_flag(call):
        return [_quoted(word) for word in call.simple.words]  # what kubectl does not read means nothing that another means
    before = [_quoted(word) for word in _before(call.simple, call.word)]
    words, arguments = [*before, "kubectl", *call.path], _arguments(call)
    if call.trailing is None and any(len(one) > 1 and one.lstrip("\"'").startswith("-") for one in arguments):
        return [*words, *_flags(call), "--", *arguments]  # what stands after `--` is no flag, whatever it looks like
    words += [*arguments, *_flags(call)]
    return words if call.trailing is None else [*words, "--", *(_quoted(word) for word in call.trailing)]


def _has_open_flag(call: Call) -> bool:
    """Say whether the shell fills in which flags there are: `--$NAME`, `-t$MORE`, and a value that another takes the place of."""
    if any(use.word.many and use is not call.last(use.flag.name) and use.flag.type not in _LISTS for use in call.uses):
        return True
    placed = [*call.arguments, *(call.trailing or ()), *(use.word for use in call.uses if use.opaque)]
    known = {word.start for word in placed}
    return any(word.opaque and word.text.startswith("-") and word.start not in known for word in call.simple.words)


def _before(simple: Simple, kubectl: Word) -> list[Word]:
    return [word for word in simple.words if word.start < kubectl.start]


def _quoted(word: Word) -> str:
    return word.raw or shlex.quote(word.text)


def _assignment(word: Word) -> str:
    name, _, value = word.text.partition("=")
    return word.raw or f"{name}={shlex.quote(value) if value else ''}"


def _is_document(redirection: Redirection) -> bool:
    return redirection.operator.lstrip("0123456789") in ("<<", "<<-")  # `<<<` is followed by a word, no document


def _redirection(redirection: Redirection) -> str:
    target = redirection.target
    word = _quoted(target)
    if _is_document(redirection):  # with quotes nothing is filled in within the body; the shell fills nothing in here
        quoted = shlex.quote(target.text)
        word = target.text if not target.quoted else quoted if quoted != target.text else f"'{quoted}'"
    return redirection.operator + (" " if word[0] in "<>" else "") + word


def _arguments(call: Call) -> list[str]:
    """Return the arguments with types by their full names; resources as TYPE/NAME, in order."""
    assert call.command is not None
    shape, words = SHAPES[call.command.name], call.arguments
    if call.command.name in HAS_TYPE_FIRST:
        return [
            _typed(word, call.command.name) if place == HAS_TYPE_FIRST[call.command.name] else _quoted(word)
            for place, word in enumerate(words)
        ]
    if shape.takes != "objects":
        return [_quoted(word) for word in words]
    resources, changes = split_changes(call, shape)
    if resources and resources[0].opaque and "/" not in resources[0].text and (not shape.default or call.path == ("attach",)):
        named = list(_type_and_names(resources))
    elif call.command.name in ("attach", "exec") and len(resources) > 1:
        named = list(_pairs(resources)) if call.command.name == "attach" else [_named(resources[0], shape.default)]
    elif shape.default:
        named = sorted({_named(word, shape.default) for word in resources})
    elif call.path == ("taint",):
        named = list(_type_and_names(resources))
    else:
        named = sorted(set(_pairs(resources)))
    if shape.changes and any(is_change(shape.changes, one.strip("'\"")) for one in named):
        named = [_quoted(word) for word in resources]  # a name such as `=`: joined to its type it would be read as a change
    quoted = [_quoted(word) for word in changes]
    in_any_order = all(is_change(shape.changes, word.text) for word in changes)  # a resource among them is a fault of its place
    return [*named, *(sorted(quoted) if in_any_order else quoted)]


def _type_and_names(words: list[Word]) -> Iterator[str]:
    """Yield TYPE NAME ... as two words and more: taint reads nothing else, and a type that the shell fills in may be several."""
    for word in words[:1]:
        yield word.raw or shlex.quote(_type(word.text))
    yield from sorted(_quoted(word) for word in words[1:])


def _pairs(words: list[Word]) -> Iterator[str]:
    """Yield TYPE/NAME for TYPE NAME NAME and TYPE,TYPE NAME; types alone as one list."""
    if not words or any("/" in word.text for word in words):
        yield from (_named(word, "") for word in words)
        return
    types = [_type(one) for one in words[0].text.split(",")]
    if len(words) == 1:
        yield shlex.quote(",".join(sorted(set(types))))
    for word in words[1:]:
        yield from (_of_type(kind, word) for kind in types)


def _named(word: Word, default: str) -> str:
    """Return TYPE/NAME with the type by its full name."""
    kind, slash, name = word.text.partition("/")
    if not slash:
        return _of_type(_type(default), word) if default else _quoted(word)
    return _quoted(word) if word.opaque else shlex.quote(f"{_type(kind)}/{name}")


def _of_type(kind: str, word: Word) -> str:
    """Return TYPE/NAME as one word: quotes go around all of it."""
    return f"{shlex.quote(kind)}/{word.raw}" if word.raw else shlex.quote(f"{kind}/{word.text}")


def _type(text: str) -> str:
    """Return the full name of a type; a version that is named stays."""
    found = resolve(text)
    if found is None:
        return text
    version = text.split(".")[1] if text.count(".") > 1 and text.split(".")[1] in found.versions else ""
    return f"{found.plural}.{version}.{found.group}" if version else found.name


def _typed(word: Word, command: str) -> str:
    """Return a word that begins with a type: TYPE.FIELD.FIELD of explain, TYPE/NAME of the others."""
    if word.opaque:
        return _quoted(word)
    mark = "." if command == "explain" else "/"
    kind, found, rest = word.text.partition(mark)
    if not found and command in ("logs", "port-forward"):
        return shlex.quote(f"pods/{word.text}")
    resolved = resolve(kind)
    name = _type(kind) if command != "explain" or resolved is None else resolved.plural
    return shlex.quote(name + found + rest)


def _flags(call: Call) -> list[str]:
    """Return the flags in order, each as --name=value; what equals the default is left out."""
    uses: dict[str, list[FlagUse]] = {}
    for use in call.uses:
        uses.setdefault(use.flag.name, []).append(use)
    if "template" in uses and _output(call.text("output")) == "go-template":
        template, flag = uses.pop("template")[-1], uses["output"][-1].flag
        text, raw = f"go-template={template.text}", f"go-template={_raw(template)}" if template.opaque else ""
        uses["output"] = [FlagUse(flag, text, None, replace(template.word, text=text, raw=raw), template.opaque)]
    rendered: list[str] = []
    for name in sorted(uses):
        flag = uses[name][0].flag
        if flag.type in _LISTS:
            rendered += _list(uses[name])
            continue
        value = _value(uses[name][-1])
        if value != _default(uses[name][-1]):
            rendered.append(_flag(flag, value, uses[name][-1]))
    return rendered


def _flag(flag: Flag, value: str, use: FlagUse) -> str:
    if use.opaque:
        return f"--{flag.name}={_raw(use)}"
    return f"--{flag.name}" if value == "true" and flag.type in ("bool", "tristate") else f"--{flag.name}={shlex.quote(value)}"


def _raw(use: FlagUse) -> str:
    """Return a value that the shell fills in as it is written."""
    head = use.word.text.removesuffix(use.text)
    if head and use.word.raw.startswith(head):
        return use.word.raw[len(head) :]
    quoted = '"' + use.text.replace("\\", "\\\\").replace('"', '\\"') + '"'  # quotes stand around the flag's name, too
    return quoted if head else use.word.raw or quoted


def _list(uses: list[FlagUse]) -> list[str]:
    """Return a list: its parts by commas in one flag where the flag splits them, else a flag for each."""
    flag = uses[0].flag
    if not flag.splits and flag.type != "stringToString":
        flags = [_flag(flag, use.text, use) for use in uses]
        return sorted(dict.fromkeys(flags)) if flag.name in _SETS else flags
    if any(use.opaque for use in uses):
        return [f"--{flag.name}=" + ",".join(_raw(use) if use.opaque else shlex.quote(use.text) for use in uses)]
    parts = [part for use in uses for part in use.text.split(",")]
    if flag.name in _SETS or flag.type == "stringToString":
        parts = sorted(dict.fromkeys(parts))
    return [_flag(flag, ",".join(parts), uses[0])]


def _default(use: FlagUse) -> str:
    """Return the default in its one spelling, or what no value equals."""
    if use.flag.default is None:
        return "" if use.flag.type == "string" else "\x00"
    return _value(FlagUse(use.flag, use.flag.default, None, use.word))


def _value(use: FlagUse) -> str:
    """Return a value in its one spelling."""
    flag, text = use.flag, use.text
    if use.opaque:
        return text
    value = use.value
    if (flag.name, parse_bool(text)) in _OLD_BOOLEANS and flag.type == "string":
        return _OLD_BOOLEANS[flag.name, parse_bool(text) is True]
    if flag.type == "duration" and isinstance(value, int):
        return f"{value // _SECOND}s" if value % _SECOND == 0 else f"{value}ns"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    spelling = _SPELLINGS.get(flag.name)
    return spelling(text) if spelling is not None else text


def _output(text: str) -> str:
    kind, equals, rest = text.partition("=")
    kind = kind.lower() if kind.lower() in ("json", "yaml", "name") else _OUTPUTS.get(kind, kind)
    return kind + equals + rest


def _selector(text: str) -> str:
    return ",".join(sorted(_EQUALS.sub("=", part.strip()) for part in _TOP_COMMA.split(text)))


_SPELLINGS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_SELECTORS, _selector),
    "dry-run": lambda text: "client" if text == "unchanged" else text,
    "output": _output,
}
