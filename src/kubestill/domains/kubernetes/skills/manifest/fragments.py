"""Real manifests that are no whole object of anybody's: patches, what a controller has made, what a template leaves open."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubestill.domains.api import Document, Drop, Intent
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.tree import look

_PATCHES = re.compile(r"(^|[/_.-])patch(es)?([/_.-]|$)", re.IGNORECASE)
_SCALED = frozenset(("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"))  # whose apiVersion a request needs not say
_BY_CONTROLLERS = frozenset(
    (
        "pod-template-hash controller-uid controller-revision-hash batch.kubernetes.io/controller-uid statefulset.kubernetes.io/pod-name"
    ).split()
)
_UNFILLED = re.compile(r"\$\{?[A-Z_]{2,}")
_NODE_PORTS = range(30_000, 32_768)
RUN_BY_SHELL = re.compile(r"-[a-z]{0,3}c\Z")  # `-c`, `-ec`, `-euxc`
# Images that end at once, or wait for a person, where nothing is said of what they run.
_IDLE = re.compile(
    r"(?:.*/)?(ubuntu|busybox|alpine|debian|centos|fedora|bash|python|node|golang|curl|pause-?shell|amazonlinux|rockylinux|perl|ubi\d?|"
    r"bci-base|toolbox|git|kubectl|aws-cli|cloud-sdk|k8s)(?:[:@][^/]*)?\Z"
)


def fragment(document: Document, obj: Mapping[str, Any], facts: Sequence[Intent]) -> Drop | None:
    """Return why a manifest is not asked for, nor for a change of it: it is no object by itself, or not a person's."""
    if _PATCHES.search(str(document.source.get("path", ""))):
        return Drop("patch")
    kind = str(obj["kind"])
    if (KINDS[kind].selects or kind == "PodDisruptionBudget") and not look(obj, "spec", "selector"):
        return Drop("no-selector")
    if kind == "Service" and not look(obj, "spec", "selector") and look(obj, "spec", "type") != "ExternalName":
        return Drop("no-selector")
    if kind in ("RoleBinding", "ClusterRoleBinding") and not obj.get("subjects"):
        return Drop("no-subject")
    labels = look(obj, "metadata", "labels") or {}
    if look(obj, "metadata", "ownerReferences") or (isinstance(labels, Mapping) and not _BY_CONTROLLERS.isdisjoint(labels)):
        return Drop("made-by-a-controller")
    if any(fact.aspect == "target" and str(fact.value[0]) not in _SCALED for fact in facts):
        return Drop("target-of-another-group")
    if any(fact.aspect.endswith(".image") and "://" in str(fact.value) for fact in facts):
        return Drop("template")  # of a builder such as ko
    texts = (str(part) for fact in facts if not fact.aspect.startswith(_EXPANDED) for part in (*fact.keys, fact.value))
    return Drop("template") if any("$" in text and _UNFILLED.search(text) for text in texts) else None


_EXPANDED = ("container.", "init.", "data")  # where a shell or the server puts values in


def unclear(said: Sequence[Intent]) -> Drop | None:
    """Return why a request for these facts would be read in two ways, or be for what does not work."""
    lines: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for fact in sorted(said, key=lambda fact: fact.aspect not in _COMMANDS):  # a manifest may have its arguments first
        if fact.aspect == "port":
            if fact.value in _NODE_PORTS:
                return Drop("port-of-nodes")  # of a node port, or of the service?
        elif fact.aspect in _RUNS:
            if isinstance(fact.value, tuple):
                lines.setdefault((fact.aspect.partition(".")[0], fact.keys), []).extend(map(str, fact.value))
        elif ".capabilities." in fact.aspect and not _upper(fact.value):
            return Drop("lower-case-capability")
    return Drop("half-a-command") if any(map(_halved, lines.values())) else None


def _halved(words: Sequence[str]) -> bool:
    """Say whether a command line ends where a shell's script would begin, or has an end of options there."""
    ends = [place for place, word in enumerate(words) if RUN_BY_SHELL.match(word)]
    return bool(ends) and (ends[-1] == len(words) - 1 or words[ends[0] + 1] == "--")


def _upper(value: Any) -> bool:
    return all(str(one).isupper() for one in (value if isinstance(value, tuple) else (value,)))


_COMMANDS = ("container.command", "init.command")
_RUNS = (*_COMMANDS, "container.args", "init.args")


def idle(said: Sequence[Intent], facts: Sequence[Intent]) -> bool:
    """Say whether a container is asked for whose command is too long, or too odd, to be said, and which does nothing without it."""
    runs = {(fact.aspect, fact.keys) for fact in facts if fact.aspect in _RUNS}
    kept = {(fact.aspect, fact.keys) for fact in said if fact.aspect in _RUNS}
    if any(aspect.startswith("init.") for aspect, _ in runs - kept):
        return True
    told = {keys for aspect, keys in kept if aspect.startswith("container.")}
    return any(fact.aspect == "container.image" and fact.keys not in told and _IDLE.match(str(fact.value)) for fact in said)
