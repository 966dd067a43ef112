"""What an update rule is: a check of an object together with the one that it replaces."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar

from kubestill.domains.kubernetes.checks.rule import MAX_FINDINGS, Faults
from kubestill.domains.kubernetes.manifests import Manifest, describe
from kubestill.domains.kubernetes.policies.rule import DEFAULT_MINOR
from kubestill.domains.kubernetes.schema import split_api_version
from kubestill.domains.kubernetes.subject import View, table
from kubestill.domains.kubernetes.updates.meaning import Amount, differences, meaning
from kubestill.domains.kubernetes.updates.merge import applied, is_live
from kubestill.tools.checks.api import Check, Finding, Tier

MAX_SHOWN = 60  # characters of a value in a message


class Update:
    """An object in the cluster, the manifest that is to replace it, and what the server would be sent.

    `kind` is empty for custom resources. `live` says that `old` was read from a cluster; otherwise it is an earlier manifest,
    and what the server filled in since is not known.
    """

    def __init__(self, old: Mapping[str, Any], new: Manifest) -> None:
        self.old, self.new = old, new
        self.kind = View(new).kind
        self.live = is_live(old)
        self.after = applied(old, new.object)

    @cached_property
    def was(self) -> dict[str, Any]:
        """Return the meaning of the old object."""
        return meaning(self.old)

    @cached_property
    def becomes(self) -> dict[str, Any]:
        """Return the meaning of what the server would be sent."""
        return meaning(self.after)

    def status(self) -> Mapping[str, Any]:
        """Return the status of the old object, empty where it is a manifest."""
        return table(self.old.get("status"))

    def changes(self, path: str) -> Iterator[tuple[str, Any, Any]]:
        """Yield path, old and new value of every difference at or below a dotted path."""
        yield from differences(dig(self.was, path), dig(self.becomes, path), path, path.rpartition(".")[2])


class UpdateRule(Check[Update]):
    """A rule about updates of its `kinds` (None: all, custom resources too), made for one release: `minor` is 36 of "1.36".

    `bad` and `good` hold two documents each: the old object, then the new one. In `bad_at` and `good_at` a release comes first.
    """

    tier = Tier.RULES
    severity: ClassVar[str] = "error"
    kinds: ClassVar[frozenset[str] | None] = None
    bad_at: ClassVar[tuple[tuple[str, str], ...]] = ()
    good_at: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, minor: int = DEFAULT_MINOR) -> None:
        self.minor = minor

    def faults(self, update: Update) -> Faults:
        """Yield path and message of what the server would refuse; paths are those of the new object."""
        raise NotImplementedError

    def look(self, subject: Update) -> Sequence[Finding] | None:
        """Judge an update; None when it is about another kind."""
        if self.kinds is not None and subject.kind not in self.kinds:
            return None
        return [self._finding(subject, *fault) for fault in islice(self.faults(subject), MAX_FINDINGS)]

    def _finding(self, update: Update, path: str, message: str) -> Finding:
        line, column = update.new.place(path)
        return Finding(self.code, path, message, self.tier, line, column, self.severity, self.remedy)


class FrozenRule(UpdateRule):
    """Fields that keep the value with which the object was made."""

    fields: ClassVar[tuple[str, ...]]  # dotted paths, each with all that stands below it

    def faults(self, update: Update) -> Faults:
        """Compare each field, by meaning."""
        for path in self.fields:
            yield from told(update.changes(path))


def told(changes: Iterator[tuple[str, Any, Any]]) -> Faults:
    """Yield path and message of changes that are not allowed."""
    for path, before, after in changes:
        yield path, changed(before, after)


def changed(before: Any, after: Any) -> str:
    """Return what a message says of a value that must not change."""
    return f"found {shown(after)}, expected {shown(before)} as before"


def shown(value: Any) -> str:
    """Return a value as a message shows it: short ones whole, objects and lists as JSON."""
    if value is None:
        return "nothing"
    if isinstance(value, Amount):
        return value.text
    if not isinstance(value, dict | list):
        return describe(value)
    text = json.dumps(value, default=shown, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def dig(value: Any, path: str) -> Any:
    """Return what stands at a dotted path of field names, or None."""
    for step in path.split("."):
        value = table(value).get(step)
    return value


def full_kind(value: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return group, version and kind of an object; a part that is no text is empty."""
    api_version, kind = (part if isinstance(part := value.get(name), str) else "" for name in ("apiVersion", "kind"))
    return *split_api_version(api_version), kind
