"""A text → its kubectl calls, read as cobra finds the command and pflag the flags (spf13/cobra command.go, spf13/pflag flag.go)."""

from dataclasses import replace

from kubestill.domains.kubernetes.kubectl.effects import effect_of
from kubestill.domains.kubernetes.kubectl.fault import Fault, hint, shown
from kubestill.domains.kubernetes.kubectl.parsed import Call, FlagUse, Parsed
from kubestill.domains.kubernetes.kubectl.reference import Command, Flag, reference
from kubestill.domains.kubernetes.kubectl.shell import MAX_DEPTH, Script, Simple, Word, every, split
from kubestill.domains.kubernetes.kubectl.values import EXPECTED, parse_bool, parse_value

PROGRAM = "kubectl"
# Words that may stand before a command in a shell, and programs that run the command given as their arguments.
_RESERVED = frozenset("if then elif else while until do ! { time".split())
_RUNNERS = frozenset("sudo doas env nohup nice time timeout watch command exec xargs microk8s k3s minikube".split())
_SHELLS = frozenset("sh bash zsh dash ash ksh".split())
# Commands with subcommands that also run by themselves (with -f, or without arguments).
RUNNABLE_PARENTS = frozenset({"apply", "cluster-info", "create"})
# Commands for which words after `--` are a command to run in a container; elsewhere they are arguments like all others.
_TAKES_COMMAND = frozenset({"create cronjob", "create deployment", "create job", "debug", "exec", "run"})
_ANY_CASE = frozenset({"types"})  # cmd/events/events.go compares with EqualFold
_ANY_CASE_VALUES = frozenset({"json", "yaml", "name"})  # cli-runtime printers and cmd/patch/patch.go lower these
_TAKES_BOOLEAN_TOO = frozenset({"dry-run", "cascade", "validate"})  # cmd/util/helpers.go, cmd/delete/delete_flags.go: old spellings
_MAX_FAULTS = 50  # of one call; more only hide the first
_TEMPLATES = ("custom-columns", "custom-columns-file", "go-template", "go-template-file", "jsonpath", "jsonpath-as-json", "jsonpath-file")


def parse(text: str) -> Parsed:
    """Read a text of one or several commands. Never raises: what is wrong stands in the calls and the script."""
    script = split(text.replace("\r\n", "\n"))
    parsed = Parsed(text, script)
    _collect(script, parsed, 0)
    for call in parsed.calls:
        call.effect = effect_of(call)
    return parsed


def _collect(script: Script, parsed: Parsed, depth: int) -> None:
    """Add the calls and the other commands of a script, with those that a nested shell is given as a string."""
    commands = list(every(script))
    for place, simple in enumerate(commands):
        start = _program(simple)
        if start is None:
            words = tuple(word.text for word in simple.words)
            if words:
                parsed.others.append(words)
            inner = _shell_script(simple)
            if inner is not None and depth < MAX_DEPTH:
                _collect(split(inner), parsed, depth + 1)
            continue
        call = _call(simple, start)
        call.pipe = _pipe(commands, place)
        parsed.calls.append(call)


def _program(simple: Simple) -> int | None:
    """Return the place of the word kubectl, where it is the program that is run."""
    words = simple.words
    place = 0
    while place < len(words) and words[place].text in _RESERVED:
        place += 1
    if place < len(words) and _is_kubectl(words[place]):
        return place
    if place < len(words) and words[place].text.rpartition("/")[2] in _RUNNERS:
        return _run_by(words, place + 1)
    return None


def _run_by(words: list[Word], place: int) -> int | None:
    """Return the place of kubectl after a runner, its options, their values, assignments and further runners."""
    for index in range(place, len(words)):
        text = words[index].text
        if _is_kubectl(words[index]):
            return index
        after_option = words[index - 1].text.startswith("-")
        if not (text.startswith("-") or "=" in text or text[:1].isdigit() or after_option or text in _RUNNERS):
            return None
    return None


def _is_kubectl(word: Word) -> bool:
    return word.text.rpartition("/")[2] in (PROGRAM, f"{PROGRAM}.exe")


def _shell_script(simple: Simple) -> str | None:
    """Return the script of `bash -c '...'`."""
    texts = [word.text for word in simple.words]
    shells = [index for index, text in enumerate(texts) if text.rpartition("/")[2] in _SHELLS]
    if not shells or (shells[0] and texts[0] not in _RUNNERS) or "-c" not in texts[shells[0] :]:
        return None
    place = texts.index("-c", shells[0])
    return texts[place + 1] if place + 1 < len(texts) else None


def _pipe(commands: list[Simple], place: int) -> tuple[tuple[str, ...], ...]:
    found = []
    while commands[place].piped and place + 1 < len(commands):
        place += 1
        found.append(tuple(word.text for word in commands[place].words))
    return tuple(found)


def _call(simple: Simple, start: int) -> Call:
    before = [word.text for word in simple.words[:start]]
    call = Call(simple, simple.words[start], appended="xargs" in before)
    rest = list(simple.words[start + 1 :])
    if call.appended:  # xargs -I{}: the marker stands for a word that is not in the text
        rest = [replace(word, opaque=True) if "{}" in word.text else word for word in rest]
    if before[:1] == ["minikube"] and rest and rest[0].text == "--":
        rest = rest[1:]
    node, swallowed = reference().commands[""], list[Word]()
    while node.subcommands:
        positions, swallowed = _positionals(rest, node)
        name = node.subcommands.get(rest[positions[0]].text) if positions else None
        if name is None:
            break
        rest.pop(positions[0])
        node = reference().commands[f"{node.name} {name}".strip()]
    call.command, call.path = node, node.path
    _read_flags(call, rest)
    if node.subcommands and not call.has("help"):
        _missing_command(call, node, swallowed)
    elif node.path == ("help",):
        _unknown_topic(call)
    return call


def _positionals(words: list[Word], command: Command) -> tuple[list[int], list[Word]]:
    """Return where arguments stand when only this command's flags are known, and which word each flag took as its value.

    cobra looks for the subcommand like this: a flag that it does not know yet takes the next word (stripFlags).
    """
    positions: list[int] = []
    swallowed: list[Word] = []
    place = 0
    while place < len(words):
        text = words[place].text
        if text == "--":
            break
        if text.startswith("--") and "=" not in text:
            flag = command.flags.get(text[2:])
            takes = flag is None or flag.no_value is None
        else:
            flag = command.shorthands.get(text[1:])
            takes = len(text) == 2 and text[0] == "-" and (flag is None or flag.no_value is None)
        if not text.startswith("-"):
            positions.append(place)
        elif takes and place + 1 < len(words):
            place += 1
            swallowed.append(words[place])
        place += 1
    return positions, swallowed


def _missing_command(call: Call, node: Command, swallowed: list[Word]) -> None:
    """Say that the word after a group of commands is none of them, or that none is there."""
    kubectl, code = f"{PROGRAM} {node.name}".strip(), "K8S404" if node.path else "K8S403"
    words = [word for word in call.arguments if not word.many]
    if words and not words[0].opaque:
        if node.name in RUNNABLE_PARENTS and any(mark in words[0].text for mark in "./"):
            return  # apply pod.yaml: a file that lacks its flag
        message = f"{kubectl} has no {'sub' if node.path else ''}command {shown(words[0].text)}"
        taken = [word.text for word in swallowed if word.text in node.subcommands]
        if taken:
            message += f"; the flag before {taken[0]!r} takes that as its value: write flags after the command"
        else:
            message += hint(words[0].text, tuple(node.subcommands))
        call.faults = [Fault(code, message, words[0].text[:100], words[0].start)]  # kubectl looks at no flag then
        call.command = None
    elif call.arguments:
        call.command = None  # kubectl $COMMAND: only the shell will know
    elif node.name not in RUNNABLE_PARENTS and not call.has("version") and not call.faults:
        message = f"{kubectl} needs a {'sub' if node.path else ''}command"
        call.faults.append(Fault(code, message, call.word.text, call.word.start))


def _unknown_topic(call: Call) -> None:
    """Say that `kubectl help` is asked for a command that there is not."""
    known = reference().commands[""].subcommands
    for word in call.arguments[:1]:
        if word.text not in known and not word.opaque:
            message = f"kubectl help: there is no command {shown(word.text)}{hint(word.text, tuple(known))}"
            call.faults.append(Fault("K8S403", message, word.text[:100], word.start))


def _read_flags(call: Call, words: list[Word]) -> None:
    """Sort words into flags, arguments and the command after `--`, as pflag does with interspersed arguments."""
    assert call.command is not None
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word.text == "--":
            rest = words[place:]
            if call.command.name in _TAKES_COMMAND:
                call.trailing = rest
            else:
                call.arguments.extend(rest)
            break
        if word.text.startswith("--"):
            place += _long(call, word, words[place] if place < len(words) else None)
        elif word.text.startswith("-") and len(word.text) > 1:
            place += _short(call, word, words[place] if place < len(words) else None)
        else:
            call.arguments.append(word)


def _long(call: Call, word: Word, following: Word | None) -> int:
    """Read `--name`, `--name=value` or `--name value`; return how many further words it took."""
    assert call.command is not None
    name, equals, text = word.text[2:].partition("=")
    if "$" in name or "`" in name:
        return 0
    flag = call.command.flags.get(name.replace("_", "-"))  # WordSepNormalizeFunc (k8s.io/component-base cli/flag)
    if flag is None:
        if len(call.faults) < _MAX_FAULTS:
            call.faults.append(_unknown(call.command, name, word))
    elif equals:
        _use(call, flag, text, word, word.opaque)
    elif flag.no_value is not None:
        _use(call, flag, flag.no_value, word)
    elif following is not None:
        _use(call, flag, following.text, following, following.opaque)
        return 1
    else:
        _no_value(call, flag, word)
    return 0


def _short(call: Call, word: Word, following: Word | None) -> int:
    """Read `-it`, `-n=x`, `-nx` or `-n x`; return how many further words it took."""
    assert call.command is not None
    letters = word.text[1:]
    while letters:
        letter = letters[0]
        flag = call.command.shorthands.get(letter)
        if flag is None:
            if letter not in "$`" and len(call.faults) < _MAX_FAULTS:
                call.faults.append(_unknown_shorthand(call.command, letter, word))
            return 0
        if len(letters) > 2 and letters[1] == "=":
            _use(call, flag, letters[2:], word, word.opaque)
            return 0
        if flag.no_value is not None:
            _use(call, flag, flag.no_value, word)
            letters = letters[1:]
        elif len(letters) > 1:
            _use(call, flag, letters[1:], word, word.opaque)
            return 0
        elif following is not None:
            _use(call, flag, following.text, following, following.opaque)
            return 1
        else:
            _no_value(call, flag, word)
            return 0
    return 0


def _use(call: Call, flag: Flag, text: str, word: Word, opaque: bool = False) -> None:
    """Note a use of a flag, with what is wrong with its value."""
    value = None if opaque else parse_value(flag.type, text)
    call.uses.append(FlagUse(flag, text, value, word, opaque))
    path = f"--{flag.name}"
    if flag.deprecated:
        message = f"{path} is deprecated: {flag.deprecated}"
        call.faults.append(Fault("K8S421", message, path, word.start, "warning"))
    if opaque:
        return
    if value is None:
        message = f"{path} takes {EXPECTED.get(flag.type, flag.type)}, found {shown(text)}"
        call.faults.append(Fault("K8S408", message, path, word.start))
    elif flag.allowed and (fault := _not_allowed(call, flag, text, word)):
        call.faults.append(fault)


def _not_allowed(call: Call, flag: Flag, text: str, word: Word) -> Fault | None:
    """Return what is wrong with a value of a flag that takes only some."""
    path = f"--{flag.name}"
    if flag.name in _TAKES_BOOLEAN_TOO and (parse_bool(text) is not None or text == flag.no_value):
        if text == flag.default or flag.name == "validate" or (text == flag.no_value and flag.name == "cascade"):
            return None
        return Fault("K8S421", f"{path}={text} is deprecated: name one of {', '.join(flag.allowed)}", path, word.start, "warning")
    for one in text.split(",") if flag.splits else [text]:
        found = one.partition("=")[0] if one.partition("=")[0] in _TEMPLATES else one
        lowered = found.lower()
        lowers = flag.name == "type" or "jsonpath" in flag.allowed
        known = found in flag.allowed or (lowers and lowered in flag.allowed and lowered in _ANY_CASE_VALUES)
        if flag.name in _ANY_CASE:
            known = lowered in {value.lower() for value in flag.allowed}
        if not known and not (found == "" and not flag.default):
            message = (
                f"{path} of {PROGRAM} {' '.join(call.path)} takes {_or(flag.allowed)}, found {shown(found)}{hint(found, flag.allowed)}"
            )
            return Fault("K8S409", message, path, word.start)
    return None


def _or(values: tuple[str, ...]) -> str:
    return " or ".join((", ".join(values[:-1]), values[-1])) if len(values) > 1 else values[0]


def _no_value(call: Call, flag: Flag, word: Word) -> None:
    call.faults.append(Fault("K8S407", f"{word.text} needs a value", f"--{flag.name}", word.start))


def _unknown(command: Command, name: str, word: Word) -> Fault:
    """Say which flag is unknown to the command, with a near one of its own, and who has it."""
    message = f"{PROGRAM} {command.name} has no flag {shown('--' + name)}".replace("  ", " ")
    near = hint(name, tuple(command.flags)).replace("mean '", "mean '--")
    holders = reference().holders.get(name, ())
    return Fault("K8S405", message + near + _held_by(holders), f"--{name[:100]}", word.start)


def _unknown_shorthand(command: Command, letter: str, word: Word) -> Fault:
    message = f"{PROGRAM} {command.name} has no flag -{letter}".replace("  ", " ")
    name = word.text[1:].partition("=")[0]
    if len(name) > 1 and name in command.flags:
        message += f"; did you mean '--{name}'?"
    else:
        commands = reference().commands
        message += _held_by(tuple(other for other in commands if letter in commands[other].shorthands))
    return Fault("K8S406", message, f"-{letter}", word.start)


def _held_by(holders: tuple[str, ...]) -> str:
    if not holders:
        return ""
    others = f" and {len(holders) - 3} others" if len(holders) > 3 else ""
    return f"; it is a flag of {', '.join(f'{PROGRAM} {holder}' for holder in holders[:3])}{others}"
