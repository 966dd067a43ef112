"""What a command says and a sentence of the documentation does not: said in a few words, or the command cannot be asked for."""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from kubestill.domains.api import Drop
from kubestill.domains.kubernetes.kubectl.arguments import split_changes
from kubestill.domains.kubernetes.kubectl.parsed import Call, FlagUse
from kubestill.domains.kubernetes.kubectl.resources import resolve
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES
from kubestill.domains.kubernetes.skills.kubectl.kinds import kinds

MAX_ADDED, MAX_LITERAL = 3, 1  # more additions, or more flags that are said by their names, make another sentence of it
# Words of which one says a flag that has no value, or one whose value is a word of kubectl's own.
_HINTS: Mapping[str, str] = {
    "all": r"\b(?:all|every|each)\b",
    "all-namespaces": r"\b(?:all|every|any|across) (?:the )?namespaces?\b|cluster-wide",
    "all-containers": r"\ball (?:the )?containers\b",
    "watch": r"\bwatch|monitor|follow|observe",
    "follow": r"\bfollow|stream|tail\b|live",
    "previous": r"\bprevious|crashed|last instance",
    "force": r"\bforc",
    "recursive": r"\brecursiv|nested",
    "show-labels": r"\blabels?\b",
    "stdin": r"\binteractive|attach|shell|session|terminal|get a shell",
    "tty": r"\binteractive|attach|shell|session|terminal|get a shell",
    "overwrite": r"\boverwr",
    "list": r"\blist\b",
    "client": r"\bclient\b",
    "raw": r"\braw\b",
    "minify": r"\bcurrent\b",
    "server-side": r"\bserver-side|server side",
    "containers": r"\bcontainers\b",
    "ignore-daemonsets": r"\bdaemonset|daemon set",
    "rm": r"\bremov|delet|temporary|throw",
    "now": r"\bminimal|immediate",
    "current": r"\bcurrent\b",
}
# What a sentence must say for a command that others would be thought of before: "delete the cluster" deletes no entry of a kubeconfig.
_TOLD: Mapping[tuple[str, ...], str] = {
    ("attach",): r"\battach",
    ("cluster-info", "dump"): r"\bdump",
    ("cluster-info",): r"info|address|control plane|url",
    ("kustomize",): r"kustom",
    **{("config", f"delete-{what}"): r"config" for what in ("cluster", "user", "context")},
    **{("config", f"set-{what}"): r"config|context|credential" for what in ("cluster", "context", "credentials")},
}
_SOME = re.compile(r"\b(?:associated|belong\w*|managed by|created by|owned by|running the|that are)\b", re.I)  # not all of a kind
_FILE = re.compile(r"[\w~/-]\.(?:ya?ml|json|txt|env|crt|key)\b")
_UNSAYABLE = ""  # a flag that no words are right for
_QUOTES = re.compile(r"'s\b|[\"'`]")


def completed(core: str, call: Call) -> str | Drop:
    """Return the sentence with all that the command says and it does not, or why that cannot be said."""
    if _misleads(_QUOTES.sub("", core), call):
        return Drop("verb-unsaid")
    if _named_by_chance(_QUOTES.sub("", core), call):
        return Drop("value-unsaid")
    shown = _with_objects(core, call)
    if isinstance(shown, Drop):
        return shown
    plain = _QUOTES.sub("", shown)
    said = [_addition(use, plain, call) for use in call.uses]
    additions = [addition for addition in said if addition is not None]
    if _UNSAYABLE in additions:
        return Drop("value-unsaid")
    literal = [addition for addition in additions if addition.startswith("with --")]
    single = [use.flag.name for use in call.uses if use.flag.type == "string"]
    repeated = [use.flag.name for use, addition in zip(call.uses, said, strict=True) if addition]  # "from a.yaml from b.yaml"
    if (
        len(set(repeated)) < len(repeated) or len(additions) > MAX_ADDED or len(literal) > MAX_LITERAL or len(set(single)) < len(single)
    ):  # of two kubectl takes the last
        return Drop("too-much-unsaid")
    inner = " ".join(word.text for word in call.trailing or ())
    if inner and inner not in plain:
        additions.append(f"with the command `{inner}`")
    return " ".join((shown, *additions))


def _misleads(text: str, call: Call) -> bool:
    """Say whether a sentence would lead anybody who knows kubectl to another command."""
    if call.has("help") or (call.path in _TOLD and not re.search(_TOLD[call.path], text, re.I)):
        return True
    if call.path == ("create",) and re.search(r"\bappl", text, re.I):
        return True
    if "default namespace" in text and not call.has("namespace", "all-namespaces") and call.path[0] not in ("config", "run"):
        return True
    if call.path[0] in ("attach", "exec", "logs") and re.search(r"\bcontainer\b", text) and not call.has("container", "all-containers"):
        return True
    some = _SOME.search(text) is not None and not call.has("field-selector", "selector", "filename")
    if call.path == ("describe",):
        return some or re.search(r"descri|detail", text, re.I) is None
    if call.path != ("get",):
        return some and call.path == ("delete",)
    running = re.search(r"\brunning pods", text, re.I) is not None and not call.has("field-selector")
    detailed = re.search(r"descri|detail|information", text, re.I) is not None
    return running or (some and len(call.arguments) == 1) or (detailed and not call.has("output"))


def _named_by_chance(text: str, call: Call) -> bool:
    """Say whether the name of a new object only stands in a sentence because a flag has the same value."""
    names = {word.text for word in call.arguments} if call.path[0] == "create" else set()
    return any(use.text in names and len(re.findall(rf"(?<![\w-]){re.escape(use.text)}(?![\w-])", text)) < 2 for use in call.uses)


def _with_objects(core: str, call: Call) -> str | Drop:
    """Return the sentence with the names of all objects; a kind that is spoken of gets its name."""
    assert call.command is not None
    text = core
    for kind, value in named_values(call):
        plain = _QUOTES.sub("", text)
        if kind and not (_says_kind(plain, kind) and (value or _says_several(plain, kind))):
            return Drop("kind-unsaid")
        if not value or _says(plain, value):
            continue
        named = _named(text, kind, value) if kind else None
        if named is None:
            return Drop("value-unsaid")
        text = named
    return text


def named_values(call: Call) -> Iterator[tuple[str, str]]:
    """Yield what the arguments say: (type, name) of objects, ("", word) of all else; a name or a type may be empty."""
    assert call.command is not None
    shape = SHAPES[call.command.name]
    resources, changes = split_changes(call, shape) if shape.takes == "objects" else ([], call.arguments)
    if resources and not shape.default and "/" not in resources[0].text:
        for kind in resources[0].text.split(",") if len(resources) == 1 else ():
            yield kind, ""
        for word in resources[1:]:
            yield resources[0].text.split(",")[0], word.text
    else:
        for word in resources:
            kind, slash, name = word.text.partition("/")
            yield (kind, name) if slash else (shape.default, kind)
    for word in changes:
        kind, slash, name = word.text.partition("/")
        if slash and resolve(kind) is not None:
            yield kind, name
        elif call.path == ("explain",) or (resolve(word.text) is not None and call.path != ("create",)):
            yield word.text.partition(".")[0], word.text.partition(".")[2]
        else:
            yield "", word.text


def _says(text: str, value: str) -> bool:
    """Say whether a value stands in a text as a word of its own; of `key=value` and `a:b` the parts are enough."""
    if re.search(rf"(?<![\w./-]){re.escape(value)}(?![\w/-]|\.\w)", text):
        return True
    parts = [part for part in re.split(r"[=:,]", value.rstrip("-")) if part]
    return len(parts) > 1 and all(re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", text) for part in parts)


@cache
def _words_of(kind: str) -> tuple[str, ...]:
    """Return what people call a kind, the longest first."""
    found = resolve(kind)
    names = {kind}
    if found is not None:
        names |= {found.plural, found.kind, found.plural.rstrip("s"), *found.short}
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found.kind)
        names |= {spaced, f"{spaced}s", f"{found.kind}s", f"{spaced.removesuffix('y')}ies", f"{spaced}es"}
        for row in kinds().values():
            if (other := resolve(row.one)) is not None and other.name == found.name:
                names |= {*row.said_one, *row.said_many}
    return tuple(sorted((name for name in names if len(name) > 1), key=len, reverse=True))


def _says_kind(text: str, kind: str) -> bool:
    if kind == "all":
        return re.search(r"\ball\b", text, re.I) is not None
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.I) for word in _words_of(kind))


def _says_several(text: str, kind: str) -> bool:
    """Say whether a list is spoken of: "the Pods", "every pod"."""
    if kind == "all" or re.search(r"\b(?:all|every|each|list)\b", text, re.I):
        return True
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.I) for word in _words_of(kind) if word.endswith("s"))


_INDEFINITE = ("each", "every", "all", "a", "an")
_GOES_ON = re.compile(r"'s|\.\w|\s+[A-Z]")  # "the Pod's", "pod.spec", "the Pod Security Policy"


def _named(text: str, kind: str, name: str) -> str | None:
    """Return the text with the name behind the first word for its kind that stands there in the singular."""
    for word in _words_of(kind):
        if word.endswith("s") and word != "ingress":
            continue
        for found in re.finditer(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.I):
            if text[: found.start()].rstrip().endswith(_INDEFINITE) or _GOES_ON.match(text[found.end() :]):
                return None
            return f"{text[: found.end()]} {name}{text[found.end() :]}"
    return None


# How the value of a flag is said behind a sentence; of all others the flag itself is said.
_PHRASES: Mapping[str, str] = {
    "namespace": "in the {} namespace",
    "filename": "from {}",
    "kustomize": "with the kustomization in {}",
    "selector": "with the label {}",
    "container": "in container {}",
    "context": "with context {}",
    "image": "with the image {}",
    "field-selector": "with the field selector {}",
    "sort-by": "sorted by {}",
    "timeout": "with a timeout of {}",
    "dry-run": "as a {} dry run",
    "patch": "with the patch {}",
    "from-literal": "with {}",
    "from-file": "from the file {}",
    "from-env-file": "from the env file {}",
    "server": "with the server {}",
    "verb": "with the verbs {}",
    "resource": "for the resources {}",
    "replicas": "with {} replicas",
    "port": "on port {}",
    "target-port": "with target port {}",
    "schedule": 'on the schedule "{}"',
    "cert": "with the certificate {}",
    "key": "with the key {}",
    "since": "for the time span {}",
    "tail": "limited to {} lines",
    "type": "of type {}",
    "subresource": "through the subresource {}",
    "to-revision": "to revision {}",
}
_PLAIN_LABEL = re.compile(r"[\w./-]+=[\w.-]+")


def _addition(use: FlagUse, text: str, call: Call) -> str | None:
    """Return how to say a flag that the text does not say, None where it does."""
    name, value = use.flag.name, use.text
    hint = _HINTS.get(name)
    if use.flag.no_value == "true" or name in ("stdin", "tty"):
        said = bool(hint and re.search(hint, text, re.I)) or re.search(rf"\b{re.escape(name.replace('-', '[- ]'))}", text, re.I)
        return None if said else f"with --{name}" if use.value is True else f"with --{name}=false"
    if name == "output":
        return _output(value, text)
    if name == "filename" and ("*" in value or ("/" in value and value.rpartition("/")[2] in text)):
        return _UNSAYABLE  # the sentence calls the file by another name
    if _says(text, value):
        return None
    if name in ("filename", "from-file") and _FILE.search(text):
        return _UNSAYABLE
    if "{{" in value:
        return _UNSAYABLE
    if name == "since" and re.search(r"\b(?:last|past) (?:hour|minute|day)\b", text):
        return None
    if name == "filename" and text.endswith(" file"):
        return value
    if name == "selector" and not _PLAIN_LABEL.fullmatch(value):
        return f"matching the selector {value}"
    if name == "from-file" and "." not in value.rpartition("/")[2]:
        return f"from {value}"
    if call.path == ("patch",) and name == "type":
        return f"as a {value} patch"
    if name == "kustomize" and value in (".", "./"):
        return "with the kustomization in the current directory"
    return _PHRASES[name].format(value) if name in _PHRASES else f"with --{name}={value}"


def _output(value: str, text: str) -> str | None:
    """Return how to say an output format."""
    kind, _, expression = value.partition("=")
    if expression:
        return None if expression in text else f"with -o {kind}={expression}"
    said = {"wide": r"\bwide|more information|additional", "name": r"\bnames?\b"}.get(kind, rf"\b{kind}\b")
    return None if re.search(said, text, re.I) else {"yaml": "as yaml", "json": "as json"}.get(kind, f"with -o {kind}")
