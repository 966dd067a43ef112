"""`.kubestill.toml`: what a repository asks of `kubestill check`, and which findings it lives with, each with a reason.

    kubernetes-version = "1.34"
    crd = ["crds/"]
    policy = ["pod-security/baseline"]
    closed = true
    namespaces = ["shop", "shop-*"]
    exclude = ["vendor/*"]

    [[ignore]]
    code = "K8S502"
    files = "legacy/*"
    object = "DaemonSet/node-agent"
    reason = "needs the host's network until the new agent is out"
    until = 2027-03-31

Paths are counted from the file's folder; in patterns `*` stands for any text, slashes too. Read without pydantic, which would
cost half of the time that a check of one file takes.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError, near
from kubestill.tools.checks.api import Finding

FILE = ".kubestill.toml"
_SETTINGS = {"kubernetes-version": str, "crd": list, "policy": list, "closed": bool, "namespaces": list, "exclude": list, "ignore": list}
_IGNORE = {"code": str, "reason": str, "files": str, "object": str, "path": str, "until": date}
_SPELLED = {str: "text", list: "a list", bool: "true or false", date: "a date such as 2027-03-31", dict: "a table"}


@dataclass(frozen=True)
class Ignore:
    """A finding that is lived with: its code, why, and where (patterns; "*" is everywhere)."""

    code: str
    reason: str
    files: str = "*"
    object: str = "*"  # Kind/name
    path: str = "*"  # of the field
    until: date | None = None  # the last day

    def about(self, file: str, title: str) -> bool:
        """Say whether it speaks of an object (`Deployment/web`) of a file (as counted from the settings' folder)."""
        return fnmatchcase(file, self.files) and fnmatchcase(title, self.object)

    def takes(self, finding: Finding) -> bool:
        """Say whether it takes a finding of such an object."""
        return finding.code == self.code and fnmatchcase(finding.path, self.path)

    @property
    def over(self) -> bool:
        """Say whether its last day is past."""
        return self.until is not None and self.until < date.today()  # a date of the people here, in their time zone


@dataclass(frozen=True)
class LintSettings:
    """What the file says; `where` is None where there is none."""

    where: Path | None = None
    version: str = ""
    definitions: tuple[Path, ...] = ()
    policies: tuple[str, ...] = ()
    closed: bool = False
    namespaces: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignores: tuple[Ignore, ...] = ()

    def relative(self, file: str) -> str:
        """Return a file's path as counted from the settings' folder, with forward slashes."""
        return Path(os.path.relpath(file, self.where.parent)).as_posix() if self.where else file

    def excludes(self, file: str) -> bool:
        """Say whether a file is left out."""
        return bool(self.exclude) and any(fnmatchcase(self.relative(file), pattern) for pattern in self.exclude)


def find_settings(start: Path) -> LintSettings:
    """Return the settings of the nearest file in `start` or above, no higher than the root of a git clone; empty ones if none.

    Raises:
        UserError: see `read_settings`.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / FILE).is_file():
            return read_settings(folder / FILE)
        if (folder / ".git").exists():
            break
    return LintSettings()


def read_settings(path: Path) -> LintSettings:
    """Read a file of settings.

    Raises:
        UserError: it cannot be read, is not TOML, or a setting is unknown or wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(str(path), f"cannot be read: {error.strerror}", "give the path of a file like .kubestill.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(str(path), f"is not TOML: {error}", "see https://toml.io") from error
    _check(str(path), data, _SETTINGS)
    for name in ("crd", "policy", "namespaces", "exclude"):
        for item in data.get(name, ()):
            _typed(f"{path}: {name}", item, str)
    return LintSettings(
        path.absolute(),
        data.get("kubernetes-version", ""),
        tuple(path.parent / item for item in data.get("crd", ())),
        tuple(data.get("policy", ())),
        data.get("closed", False),
        tuple(data.get("namespaces", ())),
        tuple(data.get("exclude", ())),
        tuple(_ignore(f"{path}: ignore[{place}]", item) for place, item in enumerate(data.get("ignore", ()))),
    )


def _ignore(where: str, item: Any) -> Ignore:
    _typed(where, item, dict)
    _check(where, item, _IGNORE)
    for name in ("code", "reason"):
        if not item.get(name, "").strip():
            raise UserError(f"{where}.{name}", "is missing", "say which finding is ignored (code) and why (reason)")
    return Ignore(**item)


def _check(where: str, data: Mapping[str, Any], known: Mapping[str, type]) -> None:
    for name, value in data.items():
        if name not in known:
            raise UserError(f"{where}: {name}", "no such setting", near(name, known) or f"known: {', '.join(known)}")
        _typed(f"{where}: {name}", value, known[name])


def _typed(where: str, value: Any, wanted: type) -> None:
    if type(value) is not wanted:
        raise UserError(where, f"found {value!r}, expected {_SPELLED[wanted]}", "see docs/guide/checking.md")
