"""Walk nested objects leaf by leaf, and change them in one place."""

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[Any, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of every leaf; an empty mapping or list is one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not items:
        yield path, value
    for key, item in items:
        yield from leaves(item, (*path, key))


def nodes(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every node below the root."""
    if path:
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from nodes(item, (*path, key))


def replaced(obj: Any, path: Path, value: Any) -> Any:
    """Return a copy with another value at `path`."""
    found = copy.deepcopy(obj)
    _parent(found, path)[path[-1]] = value
    return found


def without(obj: Any, path: Path) -> Any:
    """Return a copy without what stands at `path`."""
    found = copy.deepcopy(obj)
    del _parent(found, path)[path[-1]]
    return found


def _parent(obj: Any, path: Path) -> Any:
    for key in path[:-1]:
        obj = obj[key]
    return obj


def shown(path: Path) -> str:
    """Return a path with `#` for every place in a list."""
    return ".".join("#" if isinstance(key, int) else key for key in path)
