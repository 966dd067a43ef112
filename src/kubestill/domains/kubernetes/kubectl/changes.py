"""Changes that stand after resources: labels, annotations, taints, variables, images, a selector, a service account."""

from collections.abc import Callable

from kubestill.domains.kubernetes.checks.formats import label_value, qualified_name
from kubestill.domains.kubernetes.kubectl.fault import Fault, Faults, shown
from kubestill.domains.kubernetes.kubectl.forms import environment_name, image
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.kubectl.shell import Word

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_EXAMPLES = {
    "account": "the name of a service account",
    "annotation": "KEY=VALUE or KEY-",
    "image": "CONTAINER=IMAGE",
    "label": "KEY=VALUE or KEY-",
    "selector": "KEY=VALUE",
    "taint": "KEY=VALUE:EFFECT or KEY-",
    "variable": "NAME=VALUE or NAME-",
}
_SOURCES = {"variable": ("from", "env"), "annotation": (), "label": ()}  # flags that bring changes of their own


def is_change(kind: str, text: str) -> bool:
    """Return whether a word is a change and no resource (cmd/util/helpers.go GetResourcesAndPairs, cmd/taint/taint.go)."""
    pair = ("=" in text and not text.startswith("=")) or (text.endswith("-") and text != "-")
    return pair or (kind == "taint" and ":" in text)


def judge_changes(call: Call, kind: str, words: list[Word]) -> Faults:
    """Yield what is wrong with the words from the first change on."""
    if not words and not call.uncertain and not call.on("list") and not call.has(*_SOURCES.get(kind, ())):
        yield Fault("K8S411", f"no {kind} is given: {_EXAMPLES[kind]}", "arguments", call.word.start)
    seen: dict[str, str] = {}
    for number, word in enumerate(words, len(call.arguments) - len(words)):
        place = f"arguments[{number}]"
        if word.opaque:
            continue
        if kind not in ("account", "selector") and not is_change(kind, word.text):
            message = f"{shown(word.text)} is no {kind} ({_EXAMPLES[kind]}); resources come before them"
            yield Fault("K8S414", message, place, word.start)
        elif fault := _FORMS[kind](word.text):
            yield Fault("K8S414", f"{shown(word.text)} {fault}", place, word.start)
        elif kind in ("annotation", "label", "taint"):
            key, way = _key(word.text), "removed" if word.text.endswith("-") and "=" not in word.text else "set"
            if seen.setdefault(key, way) != way:
                yield Fault("K8S415", f"{shown(key)} is both set and removed", place, word.start)


def _key(text: str) -> str:
    return text.partition("=")[0].partition(":")[0].removesuffix("-")


def _pair(text: str, key_fault: Callable[[str], str], value_fault: Callable[[str], str]) -> str:
    """Judge KEY=VALUE or KEY-."""
    key, equals, value = text.partition("=")
    if not equals:
        key = text.removesuffix("-")
    if fault := key_fault(key):
        return f"has a key that {fault}"
    fault = value_fault(value) if equals else ""
    return f"has a value that {fault}" if fault else ""


def _label(text: str) -> str:
    return _pair(text, qualified_name, label_value)


def _annotation(text: str) -> str:
    return _pair(text, lambda key: qualified_name(key.lower()), lambda _: "")  # apimachinery ValidateAnnotations lowers keys


def _taint(text: str) -> str:
    """KEY=VALUE:EFFECT, KEY:EFFECT, KEY:EFFECT-, KEY- (cmd/taint/utils.go)."""
    removed = text.endswith("-")
    rest, colon, effect = text.removesuffix("-").partition(":")
    if colon and effect not in _EFFECTS:
        return f"has no effect of {', '.join(_EFFECTS)}"
    if not colon and not removed:
        return f"names no effect ({_EXAMPLES['taint']})"
    return _label(rest if "=" in rest else rest + "-")


def _variable(text: str) -> str:
    return _pair(text, environment_name, lambda _: "")


def _image(text: str) -> str:
    container, equals, reference = text.partition("=")
    if not equals:
        return f"is no {_EXAMPLES['image']}"
    return "names no container" if not container else f"has an image that {fault}" if (fault := image(reference)) else ""


def _selector(text: str) -> str:
    """KEY=VALUE,...: expressions on sets are refused (cmd/set/set_selector.go updateSelectorForObject)."""
    for part in text.split(","):
        key, equals, value = part.replace("==", "=").partition("=")
        if fault := ("" if equals else "is no key=value") or qualified_name(key.strip()) or label_value(value.strip()):
            return f"has {shown(part)}, which {fault}" if part != text else fault
    return ""


def _account(text: str) -> str:
    return "is no name of a service account" if "/" in text or "=" in text else ""


_FORMS: dict[str, Callable[[str], str]] = {
    "account": _account,
    "annotation": _annotation,
    "image": _image,
    "label": _label,
    "selector": _selector,
    "taint": _taint,
    "variable": _variable,
}
