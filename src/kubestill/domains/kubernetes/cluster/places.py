"""Which field a server means: its spellings of a field path, turned into ours (`spec.ports[0].port`, `data[my.key]`)."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from kubestill.domains.kubernetes.manifests import field

_KEY = re.compile(r"\[([A-Za-z_$][\w$-]*)\]")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
# What encoding/json calls the kinds of JSON values.
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "bool": (bool,),
    "array": (list,),
    "object": (dict,),
}


def validated(path: str) -> str:
    """Return our spelling of a path of apimachinery's field.Path: keys of maps stand in brackets there (`metadata.labels[app]`)."""
    return "" if path == "<nil>" else _KEY.sub(r".\1", path).lstrip(".")


def strict(path: str, value: Any) -> str:
    """Return our spelling of a path of the strict decoder, which sets keys off with dots even where they hold some themselves.

    The keys of `value` say which dots separate; a path that leads nowhere in it is read as a plain one.
    """
    found, rest = "", path
    step: int | str
    while rest:
        rest = rest.removeprefix(".")
        if isinstance(value, dict):
            keys = [key for key in value if key and rest.startswith(key) and rest[len(key) :][:1] in ("", ".", "[")]
            step = written = max(keys, key=len, default="")
        else:
            match = re.match(r"\[(\d{1,6})\]", rest)
            inside = match and isinstance(value, list) and int(match[1]) < len(value)
            step, written = (int(match[1]), match[0]) if match and inside else ("", "")
        if not written:
            return validated(path)
        found, rest, value = field(found, step), rest[len(written) :], value[step]
    return found


def applied(path: str, value: Any) -> str:
    """Return our spelling of a path of structured-merge-diff (`.spec.containers[name="web"].image`), its items found in `value`."""
    found = ""
    for name, key in _STEP.findall(path):
        step = name or _index(key, value)
        if isinstance(step, str) and not name:  # an item that is not there: its list is the nearest place
            break
        found = field(found, step)
        value = value.get(step) if isinstance(value, dict) else value[step] if isinstance(value, list) and isinstance(step, int) else None
    return found


def _index(key: str, value: Any) -> int | str:
    """Return the index of the item whose fields are as `name="web",port=80` says; the text itself where there is none."""
    items = value if isinstance(value, list) else []
    if key.isdigit():
        return int(key) if int(key) < len(items) else key
    wanted = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))', key)
    for index, item in enumerate(items):
        if wanted and isinstance(item, dict) and all(str(item.get(name)) == (text or plain) for name, text, plain in wanted):
            return index
    return key


def decoded(path: str, kind: str, value: Any) -> str:
    """Return where in `value` a JSON `kind` stands at a path of Go's decoder, which knows no indices (`spec.ports.port`).

    Names of embedded Go structs in the path (`spec.PersistentVolumeSource.nfs`) are no fields and are passed over. Where nothing
    fits, the path is returned as it came.
    """
    for spot, part in _spots(value, path.split("."), ""):
        if isinstance(part, _KINDS.get(kind, ())) and (kind == "bool") == isinstance(part, bool):
            return spot
    return path


def _spots(value: Any, steps: Sequence[str], path: str) -> Iterator[tuple[str, Any]]:
    """Yield every place that the steps may mean, lists entered at each item; at the end also what a list or map holds."""
    if not steps:
        yield path, value
        for step, part in chain(enumerate(value) if isinstance(value, list) else (), value.items() if isinstance(value, dict) else ()):
            yield field(path, step), part
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _spots(part, steps, field(path, index))
    elif isinstance(value, dict):
        if steps[0] in value:
            yield from _spots(value[steps[0]], steps[1:], field(path, steps[0]))
        elif steps[0][:1].isupper():
            yield from _spots(value, steps[1:], path)
