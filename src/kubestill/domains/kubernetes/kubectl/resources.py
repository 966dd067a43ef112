"""Resource types as kubectl reads them: `pods`, `po`, `Deployment`, `deployments.v1.apps`, and what is near them."""

import re
from collections.abc import Mapping
from functools import cache

from rapidfuzz.distance import OSA

from kubestill.domains.kubernetes.kubectl.additions import CATEGORIES
from kubestill.domains.kubernetes.kubectl.fault import Fault, shown
from kubestill.domains.kubernetes.kubectl.reference import Resource, reference

_TYPE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]*)*", re.ASCII)  # a label, then version and group
_SHORTEST_COMPARED = 4  # characters: shorter names of custom resources lie one letter from short names of built-in ones
_LONG_NAME = 9  # characters, from which on two letters may differ
_LONGEST_NAME = 60  # of a resource; what is longer is compared with nothing


def resolve(text: str) -> Resource | None:
    """Return the built-in resource that a type argument names, or None.

    Names and kinds are compared without case, short names with it; a group may be cut short (k8s.io/apimachinery meta/restmapper.go).
    """
    name, _, rest = text.partition(".")
    found = _names().get(name.lower()) or _short_names().get(name) or []
    if not rest:
        return found[0] if found else None
    version, _, group = rest.partition(".")
    for resource in found:
        if "." in rest and resource.group == group and version in resource.versions:
            return resource
    exact = [resource for resource in found if resource.group == rest]
    return next(iter(exact or [resource for resource in found if resource.group.startswith(rest)]), None)


def is_category(text: str) -> bool:
    """Return whether a word stands for several resources: `all`."""
    return text in CATEGORIES


def judge(text: str, start: int, path: str) -> Fault | None:
    """Return what is wrong with a type argument: an error near a built-in name or in a built-in group, else a warning.

    A name with a group that is not built in belongs to a custom resource: nobody can tell from here.
    """
    if resolve(text) is not None or is_category(text):
        return None
    name, _, group = text.partition(".")
    if not _TYPE.fullmatch(text):
        return Fault("K8S417", f"{shown(text)} is no name that a resource type can have", path, start)
    if group and "." in group and not _in_built_in_group(group):
        return None
    near = nearest(name)
    message = f"{shown(text)} is no built-in resource type"
    if group:
        known = resolve(name)
        return Fault("K8S417", message + (f"; {name} is {shown(known.name)}" if known else ""), path, start)
    if near:
        return Fault("K8S417", f"{message}; did you mean {near!r}?", path, start)
    return Fault("K8S417", f"{message}; it may be a custom one", path, start, "warning")


def nearest(name: str) -> str:
    """Return the built-in name that one letter makes out of a name (two where it is long), or an empty string."""
    lowered = name.lower()
    if not _SHORTEST_COMPARED <= len(lowered) <= _LONGEST_NAME:
        return ""
    limit = 2 if len(lowered) >= _LONG_NAME else 1
    distances = ((OSA.distance(lowered, known, score_cutoff=limit), known) for known in _names() if len(known) >= _SHORTEST_COMPARED)
    distance, _, best = min((distance, lowered[-1] != known[-1], known) for distance, known in distances)
    return best if distance <= limit else ""


@cache
def _names() -> Mapping[str, list[Resource]]:
    """Return resources by plural and by kind in lower case; of equal names the core group's comes first."""
    names: dict[str, list[Resource]] = {}
    for resource in reference().resources:  # sorted by group: the core group is the empty one
        for name in dict.fromkeys((resource.plural, resource.kind.lower())):
            names.setdefault(name, []).append(resource)
    return names


@cache
def _short_names() -> Mapping[str, list[Resource]]:
    names: dict[str, list[Resource]] = {}
    for resource in reference().resources:
        for short in resource.short:
            names.setdefault(short, []).append(resource)
    return names


@cache
def _groups() -> frozenset[str]:
    return frozenset(resource.group for resource in reference().resources if resource.group)


def _in_built_in_group(group: str) -> bool:
    """Return whether a group, with or without a version before it, is one of Kubernetes' own."""
    return group in _groups() or group.partition(".")[2] in _groups()
