"""Identity of settings and files. What has no stable spelling is refused: a convenient `str(x)` would fork keys in silence."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

# Of a git clone only the working tree counts: the folder .git changes with every fetch or repack.
PASSED_OVER = frozenset({".git", "__pycache__"})


def canonical(value: Any) -> Any:
    """Return `value` as plain JSON data.

    Raises:
        TypeError: something in it has no spelling that is the same on every machine (a path, a set, a function, NaN).
    """
    if isinstance(value, BaseModel):
        return canonical(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return canonical({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return {_key(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str):  # a StrEnum is its value
        return str(value)
    raise TypeError(f"{value!r} ({type(value).__name__}) has no stable spelling, so that it cannot enter a key")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the mapping key {key!r} is not text, so that it cannot enter a key")
    return key


def fingerprint(value: Any) -> str:
    """Return 40 hexadecimal digits that stand for `value`: equal values have equal ones, whatever the order of their keys."""
    text = json.dumps(canonical(value), sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def digest(path: Path) -> str:
    """Return the fingerprint of a file's bytes, or of a folder's names and bytes; links inside a folder are not followed.

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:40]
    if not path.is_dir():
        raise FileNotFoundError(path)
    return fingerprint([[str(file.relative_to(path)), digest(file)] for file in files_below(path)])


def files_below(folder: Path) -> list[Path]:
    """Return the plain files below `folder` in the order of their relative names; version control's own are passed over."""
    found: list[Path] = []
    for entry in folder.iterdir():
        if entry.is_symlink() or entry.name in PASSED_OVER:
            continue
        found.extend(files_below(entry) if entry.is_dir() else [entry] if entry.is_file() else [])
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())
