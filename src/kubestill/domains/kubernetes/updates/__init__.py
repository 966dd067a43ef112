"""Updates: would the API server take a manifest in place of the object that is there? What may never change, and how to proceed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION
from kubestill.domains.kubernetes.updates.identity import comparable
from kubestill.domains.kubernetes.updates.rule import Update, dig, full_kind
from kubestill.domains.kubernetes.updates.table import load, rules
from kubestill.ground.errors import UserError
from kubestill.tools.checks.api import Finding

__all__ = ["NEWEST_MINOR", "OLDEST_MINOR", "judge_update", "pair"]

OLDEST_MINOR, NEWEST_MINOR = 25, 37  # the releases whose update rules were read

_SAME_OBJECT, _ANY_FIELDS = "K8S651", ("K8S652", "K8S653", "K8S654")  # the rules that hold whatever the fields are


def judge_update(old: Mapping[str, Any], new: Manifest, version: str = DEFAULT_VERSION) -> list[Finding]:
    """Return why the API server of a release would refuse `new` as an update of `old`, in the order of the codes.

    `old` is the object as the cluster has it (kubectl get -o yaml), or an earlier manifest of it. What it holds beyond
    what was last applied is kept, as kubectl apply keeps it. Findings of severity "warning" refuse nothing.

    Raises:
        UserError: nothing is known of the release.
    """
    minor, update = _minor(version), Update(old, new)
    other = load(_SAME_OBJECT, minor).look(update)
    if other:
        return list(other)
    asked = rules(minor) if comparable(update) else tuple(load(code, minor) for code in _ANY_FIELDS)
    return [finding for rule in asked for finding in rule.look(update) or ()]


def pair(olds: Iterable[Manifest], news: Sequence[Manifest]) -> list[tuple[int, Manifest]]:
    """Return for every new object that was there before its index in `news`, and the last of `olds` that it would replace.

    They match by group, kind, namespace and name; the version may differ. Where one side says no namespace, it may be any
    as long as only one old object can be meant.
    """
    known: dict[tuple[str, ...], dict[str, Manifest]] = {}
    for old in olds:
        address, space = _address(old)
        known.setdefault(address, {})[space] = old
    found = []
    for index, new in enumerate(news):
        address, space = _address(new)
        spaces = known.get(address, {}) if all(address[1:]) else {}
        meant = [spaces[space]] if space in spaces else [old for other, old in spaces.items() if not (space and other)]
        if len(meant) == 1:
            found.append((index, meant[0]))
    return found


def _address(manifest: Manifest) -> tuple[tuple[str, ...], str]:
    """Return group, kind and name of an object, and its namespace; a part that is no text is empty."""
    group, _, kind = full_kind(manifest.object)
    name, space = (part if isinstance(part := dig(manifest.object, f"metadata.{key}"), str) else "" for key in ("name", "namespace"))
    return (group, kind, name), space


def _minor(version: str) -> int:
    match = re.fullmatch(r"v?1\.(\d{1,3})", version)
    if match is None or not OLDEST_MINOR <= int(match[1]) <= NEWEST_MINOR:
        raise UserError("version", f"no update rules of Kubernetes {version!r}", f"use 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}")
    return int(match[1])
