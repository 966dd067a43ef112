"""Small moves on nested objects: take a field out, put one in, and flatten what no lens has read."""

from collections.abc import Iterator
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.kinds import MAPS

Obj = dict[str, Any]


def copy(value: Any) -> Any:
    """Copy nested dicts and lists; scalars are shared. As for the API server a null field is absent and a null item empty."""
    if isinstance(value, dict):
        return {key: copy(item) if isinstance(item, _NESTED) else item for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [{} if item is None else copy(item) if isinstance(item, _NESTED) else item for item in value]
    return value


_NESTED = (dict, list)  # a call for each scalar is half of the time


def texts(values: Any) -> list[str]:
    """Return the items of a list of strings; an item that was null is an empty one."""
    return [str(item or "") for item in values or []]


def take(obj: Obj, *path: str) -> Any:
    """Remove and return the value at `path`, with parents that become empty; None where nothing is."""
    parent: Any = obj.get(path[0]) if len(path) > 1 else None
    if len(path) == 1:
        return obj.pop(path[0], None)
    if not isinstance(parent, dict):
        return None
    value = take(parent, *path[1:])
    if not parent:
        obj.pop(path[0])
    return value


def look(obj: Any, *path: str) -> Any:
    """Return the value at `path`, or None."""
    for key in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(key)
    return obj


def dig(obj: Obj, *path: str) -> Obj:
    """Return the mapping at `path`, made where it is missing."""
    for key in path:
        obj = obj.setdefault(key, {})
    return obj


def put(obj: Obj, value: Any, *path: str) -> None:
    """Set the value at `path`."""
    dig(obj, *path[:-1])[path[-1]] = value


def named(items: list[Obj], name: str) -> Obj:
    """Return the item of that name, appended where it is missing."""
    for item in items:
        if item.get("name") == name:
            return item
    items.append({"name": name})
    return items[-1]


def flatten(value: Any, aspect: str, keys: tuple[str, ...] = ()) -> Iterator[Intent]:
    """Yield an intent for every leaf; a list of objects adds `[]` to the aspect and the place or name to the keys."""
    if isinstance(value, dict):
        is_map = aspect.rsplit(".", 1)[-1] in MAPS
        for key, item in value.items():
            if is_map:
                yield from flatten(item, aspect, (*keys, str(key)))
            else:
                yield from flatten(item, f"{aspect}.{key}" if aspect else str(key), keys)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for place, item in enumerate(value):
            name = str(item.get("name", place)) if isinstance(item, dict) else str(place)
            yield from flatten(item, f"{aspect}[]", (*keys, name))
    elif value is not None and value != {} and value != []:
        yield Intent(aspect, keys, tuple(value) if isinstance(value, list) else value)


def graft(obj: Obj, intent: Intent, aspect: str) -> None:
    """Write one flattened leaf back at `aspect`, relative to `obj`."""
    path = aspect.split(".")
    value = list(intent.value) if isinstance(intent.value, tuple) else intent.value
    if path[-1] in MAPS and intent.keys:
        path.append(intent.keys[-1])
    put(obj, value, *path)
