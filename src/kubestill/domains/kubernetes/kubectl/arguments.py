"""Arguments against the shape of their command: how many words, which resources, which changes to them.

How resources are read is the resource builder's way (k8s.io/cli-runtime pkg/resource/builder.go), in its order.
"""

from kubestill.domains.kubernetes.checks.formats import dns_subdomain, path_segment
from kubestill.domains.kubernetes.kubectl.changes import is_change, judge_changes
from kubestill.domains.kubernetes.kubectl.fault import Fault, Faults, shown
from kubestill.domains.kubernetes.kubectl.forms import forward, forward_number, property_name
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.kubectl.resources import judge, resolve
from kubestill.domains.kubernetes.kubectl.shape import Shape
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES
from kubestill.domains.kubernetes.kubectl.shell import Word

# Commands whose words are counted, and which of the words begins with a type.
HAS_TYPE_FIRST = {"auth can-i": 1, "explain": 0, "logs": 0, "port-forward": 0}
_FILES = ("filename", "kustomize")
_MAX_TYPES = 100  # looked at of one argument; there are fewer
_SELECTORS = ("selector", "field-selector")
_NAMED_BY_PATH = frozenset({"clusterrole", "clusterrolebinding", "role", "rolebinding"})
_SHELLS = ("bash", "zsh", "fish", "powershell")  # cmd/completion/completion.go


def argument_faults(call: Call) -> Faults:
    """Yield what is wrong with the arguments of a call; nothing for one that only asks for help."""
    assert call.command is not None
    if call.on("help") or call.has("version"):
        return
    shape = SHAPES[call.command.name]
    if shape.takes == "objects":
        yield from _object_faults(call, shape)
    else:
        yield from _count_faults(call, shape)
    said_otherwise = call.trailing is None and len(call.arguments) > 1  # words without `--`: _exec_faults tells of them
    if shape.command and not call.trailing and not call.uncertain and not said_otherwise:
        yield Fault("K8S411", f"kubectl {call.command.name} needs a command after '--'", "arguments", call.word.start)
    special = _SPECIAL.get(call.command.name) or (_name_faults if call.path[0] in ("create", "run") else None)
    if special is not None:
        yield from special(call)


def _count_faults(call: Call, shape: Shape) -> Faults:
    """Yield a fault where there are too few or too many words."""
    assert call.command is not None
    words, usage = call.arguments, f"usage: {call.command.usage}"
    if len(words) < shape.low and not call.uncertain and not _needs_no_words(call):
        missing = " and ".join(shape.names[len(words) : shape.low])
        yield Fault("K8S411", f"{missing} is missing; {usage}", f"arguments[{len(words)}]", call.word.start)
    if len(words) > shape.high and not any(word.many for word in words):
        extra, severity = words[shape.high], "warning" if shape.ignores_more else "error"
        most = f"takes at most {shape.high} argument{'s' * (shape.high > 1)}" if shape.high else "takes no arguments"
        ignored = " and ignores it" if shape.ignores_more else ""
        message = f"kubectl {call.command.name} {most}, found {shown(extra.text)}{ignored}; {usage}"
        yield Fault("K8S412", message, f"arguments[{shape.high}]", extra.start, severity)


def _needs_no_words(call: Call) -> bool:
    return call.path == ("auth", "can-i") and call.on("list")


def _object_faults(call: Call, shape: Shape) -> Faults:
    """Yield what is wrong with resources and what follows them."""
    words = call.arguments
    if call.has("raw"):
        if words and call.path != ("delete",):
            yield Fault("K8S415", "no arguments may stand beside --raw", "arguments[0]", words[0].start)
        return
    words, changes = split_changes(call, shape)
    if shape.default:
        yield from _default_faults(call, shape, words)
    else:
        yield from _typed_faults(call, shape, words)
    if shape.changes:
        yield from judge_changes(call, shape.changes, changes)


def split_changes(call: Call, shape: Shape) -> tuple[list[Word], list[Word]]:
    """Return the words that name resources, and those that change them."""
    words = call.arguments
    if not shape.changes:
        return words, []
    if shape.changes == "account":
        last = len(words) > 1 or _has_files(call)
        return (words[:-1], words[-1:]) if last else (words, [])
    if shape.changes == "selector":
        return words[:-1], words[-1:]
    first = next((index for index, word in enumerate(words) if is_change(shape.changes, word.text)), len(words))
    return words[:first], words[first:]


def _has_files(call: Call) -> bool:
    return any(call.text(name) for name in _FILES)


def _selector(call: Call) -> str:
    """Return the selector that is given, as a flag, or an empty string."""
    return next((f"--{name}" for name in _SELECTORS if call.text(name).strip()), "")


def _default_faults(call: Call, shape: Shape, words: list[Word]) -> Faults:
    """Yield faults of commands whose words are names of one type (pods, nodes), or TYPE/NAME."""
    assert call.command is not None
    if not words and not _has_files(call) and not _selector(call) and not call.uncertain:
        yield Fault("K8S411", f"{_noun(shape)} is missing; usage: {call.command.usage}", "arguments[0]", call.word.start)
    beside = _selector(call) or (f"--{_file_flag(call)}" if _has_files(call) else "")
    if words and beside:
        yield Fault("K8S415", f"either a name or {beside}, not both", beside, words[0].start)
    yield from _empty_name_faults(words, 0)
    for place, word in enumerate(words):
        path = f"arguments[{place}]"
        yield from _pod_like(word, path)
        if "/" in word.text:
            yield from _unsupported(call, shape, word, path)


def _exec_faults(call: Call) -> Faults:
    """One pod; its command comes after `--` (cmd/exec/exec.go)."""
    words = call.arguments
    if len(words) < 2:
        return
    if call.trailing is None:
        message = f"kubectl exec takes one pod, found {shown(words[1].text)} too; the command comes after '--'"
        yield Fault("K8S412", message, "arguments[1]", words[1].start)
        return
    yield from _apart_faults(words)
    yield Fault("K8S412", f"kubectl exec ignores {shown(words[1].text)}", "arguments[1]", words[1].start, "warning")


def _attach_faults(call: Call) -> Faults:
    """A pod, TYPE/NAME, or TYPE NAME (cmd/attach/attach.go)."""
    words = call.arguments
    if len(words) > 2:
        yield Fault("K8S412", f"kubectl attach takes one pod, found {shown(words[2].text)} too", "arguments[2]", words[2].start)
    elif len(words) == 2 and not any("/" in word.text for word in words):
        yield from _type_faults(words[0], "arguments[0]")


def _apart_faults(words: list[Word]) -> Faults:
    """`logs deployment web`: a pod called "deployment" is meant by nobody."""
    first, second = words[:2]
    if resolve(first.text) is not None and not first.opaque and "/" not in first.text:
        message = f"{shown(first.text)} would be read as the name of a pod: write {first.text}/{second.text}"
        yield Fault("K8S414", message[:200], "arguments[0]", first.start)


def _noun(shape: Shape) -> str:
    return {"nodes": "NODE", "pods": "POD"}.get(shape.default, "NAME")


def _unsupported(call: Call, shape: Shape, word: Word, path: str) -> Faults:
    """Yield a fault where a command has no case for a built-in type; a custom one may have what it needs."""
    for kind in word.text.partition("/")[0].split(","):
        found = resolve(kind)
        if shape.types and found is not None and found.plural not in shape.types:
            types = " or ".join((", ".join(shape.types[:-1]), shape.types[-1])) if len(shape.types) > 1 else shape.types[0]
            yield Fault("K8S414", f"kubectl {' '.join(call.path)} works on {types}, found {shown(kind)}", path, word.start)


def _typed_faults(call: Call, shape: Shape, words: list[Word]) -> Faults:
    """Yield faults of TYPE [NAME ...], TYPE/NAME ..., -f FILENAME, in the order in which the builder looks."""
    assert call.command is not None
    files, selector, usage = _has_files(call), _selector(call), f"usage: {call.command.usage}"
    every = call.on("all") and "all" in call.command.flags
    if not words:
        if not files and not call.uncertain:
            yield Fault("K8S411", f"neither a resource nor a file is given; {usage}", "arguments[0]", call.word.start)
        return
    if files:
        yield Fault("K8S415", f"no resource may stand beside --{_file_flag(call)}; {usage}", "arguments[0]", words[0].start)
        return
    slashed = [word for word in words if "/" in word.text]
    if slashed and len(slashed) < len(words):
        message = f"{shown(slashed[0].text)} stands beside an argument without a slash: write TYPE NAME or TYPE/NAME"
        yield Fault("K8S414", message, f"arguments[{words.index(slashed[0])}]", slashed[0].start)
        return
    yield from _empty_name_faults(words, 0 if slashed else 1)
    for place, word in enumerate(words if slashed else words[:1]):
        yield from _type_faults(word, f"arguments[{place}]")
        yield from _unsupported(call, shape, word, f"arguments[{place}]")
    named = bool(slashed) or len(words) > 1
    if named and (selector or (every and shape.all_selects)):
        message = f"either names or {selector or '--all'}, not both"
        yield Fault("K8S415", message, selector or "--all", words[-1].start)
    elif named and every and not slashed:
        yield Fault("K8S415", "--all does nothing beside a name", "--all", words[-1].start, "warning")
    if not named and call.path == ("get",) and call.text("subresource"):
        yield Fault("K8S415", "--subresource needs a name: it excludes lists", "--subresource", words[0].start)
    if len(words) > 2 and call.text("resource-version") and call.path[0] in ("annotate", "label"):
        yield Fault("K8S415", "--resource-version and several names exclude each other", "--resource-version", words[2].start)
    if named and call.on("all-namespaces") and _in_namespaces(words[0]):
        message = "a resource cannot be named across all namespaces: leave out the name, or say --namespace"
        yield Fault("K8S415", message, "--all-namespaces", words[-1].start)
    if not named and not (shape.lists or selector or every or call.uncertain):
        yield Fault("K8S411", f"a name is missing after {shown(words[0].text)}; {usage}", "arguments[1]", words[0].start)


def _empty_name_faults(words: list[Word], first: int) -> Faults:
    """Yield a fault for a name that is "": client-go refuses it (rest/request.go Name)."""
    for place, word in enumerate(words[first:], first):
        if not word.text and not word.opaque:
            yield Fault("K8S414", "found '', expected a name", f"arguments[{place}]", word.start)


def _file_flag(call: Call) -> str:
    return next(name for name in _FILES if call.text(name))


def _type_faults(word: Word, path: str) -> Faults:
    """Yield faults of the type in TYPE, TYPE,TYPE or TYPE/NAME."""
    if "/" in word.text:
        yield from _slash_faults(word, path)
    types = word.text.partition("/")[0]
    if word.opaque and any(mark in types for mark in ("$", "`", "<", "{}")):
        return
    for one in list(dict.fromkeys(types.split(",")))[:_MAX_TYPES]:
        if not one:
            yield Fault("K8S414", f"{shown(word.text)} has an empty type", path, word.start)
        elif fault := judge(one, word.start, path):
            yield fault


def _slash_faults(word: Word, path: str) -> Faults:
    kind, slash, name = word.text.partition("/")
    if slash and not word.opaque and (not kind or not name or "/" in name or "," in kind):
        yield Fault("K8S414", f"{shown(word.text)} is no TYPE/NAME", path, word.start)


def _in_namespaces(word: Word) -> bool:
    found = resolve(word.text.partition("/")[0].partition(",")[0])
    return found is not None and found.namespaced


def _copy_faults(call: Call) -> Faults:
    """One of source and destination is in a pod (cmd/cp/cp.go)."""
    words = call.arguments
    if len(words) != 2 or any(word.opaque and ":" not in word.text for word in words):
        return
    remote = [":" in word.text and not word.text.startswith((".", "/", "~")) for word in words]
    if remote[0] == remote[1]:
        found = "both are in pods" if remote[0] else "none names a pod"
        yield Fault("K8S414", f"one of source and destination must be POD:PATH, {found}", "arguments", words[0].start)
    for place, word in enumerate(words):
        pod, _, path = word.text.partition(":")
        if remote[place] and (not pod or not path or pod.count("/") > 1):
            yield Fault("K8S414", f"{shown(word.text)} is no [NAMESPACE/]POD:PATH", f"arguments[{place}]", word.start)


def _forward_faults(call: Call) -> Faults:
    """The target, then pairs of ports (cmd/portforward/portforward.go)."""
    for place, word in enumerate(call.arguments):
        path = f"arguments[{place}]"
        if not place:
            yield from _pod_like(word, path)
            if "/" in word.text:
                yield from _unsupported(call, SHAPES["port-forward"], word, path)
            if len(call.arguments) > 2 and not forward_number(call.arguments[1].text):
                yield from _apart_faults(call.arguments)
        elif not word.opaque and (fault := forward(word.text)):
            yield Fault("K8S414", f"{shown(word.text)} {fault}", path, word.start)


def _pod_like(word: Word, path: str) -> Faults:
    """Judge POD or TYPE/NAME."""
    yield from _slash_faults(word, path)
    if "/" in word.text and not word.opaque and (fault := judge(word.text.partition("/")[0], word.start, path)):
        yield fault


def _logs_faults(call: Call) -> Faults:
    """A pod with or without a container, or a selector (cmd/logs/logs.go)."""
    words = call.arguments
    if not words and not call.text("selector") and not call.uncertain:
        yield Fault("K8S411", "POD, TYPE/NAME or --selector is missing", "arguments[0]", call.word.start)
    if len(words) == 1 and call.text("selector"):
        yield Fault("K8S415", "either a pod or --selector, not both", "--selector", words[0].start)
    if len(words) == 2 and call.has("container"):
        yield Fault("K8S415", "the container is given as an argument and as --container", "--container", words[1].start)
    if len(words) == 2:
        yield from _apart_faults(words)
    if words:
        yield from _pod_like(words[0], "arguments[0]")
        if "/" in words[0].text:
            yield from _unsupported(call, SHAPES["logs"], words[0], "arguments[0]")


def _explain_faults(call: Call) -> Faults:
    """A type, with or without the path of a field (cmd/explain/explain.go)."""
    for word in call.arguments[:1]:
        if not word.opaque and (fault := judge(word.text.partition(".")[0], word.start, "arguments[0]")):
            yield fault if not call.has("api-version") or fault.severity == "warning" else fault._replace(severity="warning")


def _can_i_faults(call: Call) -> Faults:
    """A verb and a type; kubectl only warns of types that the server does not have (cmd/auth/cani.go)."""
    words = call.arguments
    if words and call.on("list"):
        yield Fault("K8S415", "--list takes no arguments", "--list", words[0].start)
        return
    if len(words) == 1 and not call.uncertain:
        yield Fault("K8S411", f"TYPE is missing after the verb {shown(words[0].text)}", "arguments[1]", words[0].start)
    if len(words) > 1 and words[1].text.startswith("/") and call.has("subresource"):
        yield Fault("K8S415", "a URL has no --subresource", "--subresource", words[1].start)
    if len(words) > 1 and not words[1].opaque and words[1].text != "*" and not words[1].text.startswith("/"):
        fault = judge(words[1].text.partition("/")[0], words[1].start, "arguments[1]")
        if fault is not None:
            yield fault._replace(severity="warning")


def _top_faults(call: Call) -> Faults:
    """A name or a selector (cmd/top)."""
    if call.arguments and (selector := _selector(call)):
        yield Fault("K8S415", f"either a name or {selector}, not both", selector, call.arguments[0].start)


def _taint_faults(call: Call) -> Faults:
    """Nodes are named as TYPE NAME only (cmd/taint/taint.go)."""
    for word in call.arguments[:1]:
        if "/" in word.text and "=" not in word.text and ":" not in word.text and not word.opaque:
            message = f"found {shown(word.text)}, expected the type and the name as two words: {word.text[:100].replace('/', ' ', 1)}"
            yield Fault("K8S414", message, "arguments[0]", word.start)


def _property_faults(call: Call) -> Faults:
    for word in call.arguments[:1]:
        if not word.opaque and (fault := property_name(word.text)):
            yield Fault("K8S414", f"{shown(word.text)} {fault}", "arguments[0]", word.start)


def _name_faults(call: Call) -> Faults:
    """The name of what is created; the server refuses what kubectl lets pass (apimachinery pkg/api/validation/name.go)."""
    form = path_segment if call.path[-1] in _NAMED_BY_PATH else dns_subdomain
    for word in call.arguments[:1]:
        if not word.opaque and (fault := form(word.text)):
            yield Fault("K8S414", f"{shown(word.text)} {fault}", "arguments[0]", word.start)


def _shell_faults(call: Call) -> Faults:
    """One of four shells (cmd/completion/completion.go)."""
    for word in call.arguments[:1]:
        if not word.opaque and word.text not in _SHELLS:
            yield Fault("K8S409", f"SHELL is one of {', '.join(_SHELLS)}, found {shown(word.text)}", "arguments[0]", word.start)


def _context_faults(call: Call) -> Faults:
    """A name or --current, not both (cmd/config/set_context.go)."""
    if call.arguments and call.on("current"):
        yield Fault("K8S415", "either a context's name or --current, not both", "--current", call.arguments[0].start)
    elif not call.arguments and not call.on("current") and not call.uncertain:
        yield Fault("K8S411", "NAME or --current is missing", "arguments[0]", call.word.start)


_SPECIAL = {
    "attach": _attach_faults,
    "auth can-i": _can_i_faults,
    "completion": _shell_faults,
    "config set": _property_faults,
    "config set-context": _context_faults,
    "config unset": _property_faults,
    "cp": _copy_faults,
    "exec": _exec_faults,
    "explain": _explain_faults,
    "logs": _logs_faults,
    "port-forward": _forward_faults,
    "taint": _taint_faults,
    "top node": _top_faults,
    "top pod": _top_faults,
}
