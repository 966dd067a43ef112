"""The catalogue of causes: what each is called, what shows it, how its answer is said and which commands would show it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from random import Random
from typing import Any

from kubestill.domains.api import HELD
from kubestill.domains.kubernetes.phrasing.lines import Table

PACKAGE = "kubestill.domains.kubernetes.skills.diagnose"
FILES = ("crash", "image", "pending", "storage", "network", "access", "admission", "client", "apply", "running")
_OWN = frozenset(("topic", "shape", "says", "next", "fix", "views", "cases", "log", "message", "events"))
_PLACE = re.compile(r"\{([a-z][a-z_]*\d?)\}")
_OPTION = re.compile(r"\[([^\[\]|]*\{[^\[\]|]*)(?:\|([^\[\]]*))?\]")
_NEED = re.compile(r"\{([a-z][a-z_]*\d?)\?\}")
_TOLD = re.compile(r"^%(seen|about) (\w+)$", re.MULTILINE)
ABOUT = "about"  # the topic whose words fit a view, where it is not the cause's
SEEN = "seen"  # the value that says that the view shows already what the first command would show
_FLAG = "{-n}"  # where a command takes the namespace, if the paste names one


@dataclass(frozen=True)
class Cause:
    """One row: `says` is the answer's sentence ([a|b]: b where a cannot be said); `next` the commands, `fix` the remedies, best first."""

    name: str
    topic: str
    says: str
    next: tuple[str, ...]
    fix: tuple[str, ...]
    views: Mapping[str, str]
    lists: Mapping[str, Table]  # what the program wrote, what the message said: each with lines of its own for the evaluation
    cases: tuple[Mapping[str, str], ...]
    given: Mapping[str, str]
    asked: frozenset[str] = field(default_factory=frozenset)  # the values that its answer may speak of

    def choose(self, rng: Random, part: str) -> tuple[str, str]:
        """Return (the name of a view of the part, the view)."""
        names = [name for name in self.views if name.startswith(HELD) == (part == HELD)]
        name = names[int(rng.random() * len(names))]
        return name, self.views[name]

    def sentence(self, values: Mapping[str, str]) -> str | None:
        """Return what the answer says, or None where a value that it needs is not known."""
        return _say(self.says, values)

    def commands(self, values: Mapping[str, str]) -> list[str]:
        """Return the commands that can be said with what is known, best first."""
        said = (_say(command, values) for command in self.next)
        return list(dict.fromkeys(command for command in said if command is not None))

    def remedy(self, values: Mapping[str, str]) -> str:
        """Return the remedy, or nothing where there is no certain one."""
        return next(filter(None, (_say(fix, values) for fix in self.fix)), "")


def _say(template: str, values: Mapping[str, str]) -> str | None:
    """Fill a template in; None where it needs a value that is not known."""

    def option(match: re.Match[str]) -> str:
        known = all(name in values for name in _PLACE.findall(match[1]))
        return match[1] if known else match[2] or ""

    if any(name not in values for name in _NEED.findall(template)):
        return None
    flag = f" -n {values['namespace']}" if "namespace" in values else ""
    text = _NEED.sub("", _OPTION.sub(option, template)).replace(_FLAG, flag)
    names = _PLACE.findall(text)
    if any(name not in values for name in names):
        return None
    return " ".join(filter(None, _PLACE.sub(lambda match: values[match[1]], text).split(" ")))


def seen(view: str) -> Mapping[str, str]:
    """Return what a view says of itself: what it leaves nothing to show of (`%seen log`), what it is spoken of like (`%about config`)."""
    return dict(_TOLD.findall(view))


@cache
def catalogue() -> Mapping[str, Cause]:
    """Return every cause by name."""
    shapes = _read("shapes")
    return {name: _cause(name, row, shapes) for file in FILES for name, row in _read(file).items()}


@cache
def topics() -> frozenset[str]:
    """Return what causes are about: each topic has its own questions."""
    return frozenset(cause.topic for cause in catalogue().values())


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(PACKAGE).joinpath(f"catalogue/{file}.toml").read_text("utf-8"))


def _cause(name: str, row: Mapping[str, Any], shapes: Mapping[str, Any]) -> Cause:
    events = row.get("events", "")
    views = {**(shapes[row["shape"]] if "shape" in row else {}), **row.get("views", {})}
    views = {key: view.replace("%events", events.strip("\n")) for key, view in views.items()}
    lists = {key: Table(f"diagnose.{name}/{key}", row[key]) for key in ("log", "message") if key in row}
    given = {key: value for key, value in row.items() if key not in _OWN}
    fixes = row.get("fix", [])
    fix = (fixes,) if isinstance(fixes, str) else tuple(fixes)
    texts = (row["says"], *row["next"], *fix)
    asked = frozenset(found for text in texts for found in (*_PLACE.findall(text), *_NEED.findall(text)))
    asked |= {"namespace"} if any(_FLAG in text for text in texts) else set()
    head = (name, row["topic"], row["says"], tuple(row["next"]), fix)
    return Cause(*head, views, lists, tuple(row.get("cases", ())), given, asked)
