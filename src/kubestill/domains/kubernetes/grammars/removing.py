"""Taking away and renaming in an edit: what an object holds that can be noted, what a request has words for, and the object without it.

A student notes `remove:` with an aspect and its keys, as of a statement whose value is left out, or `rename:` with the new name
(skills/manifest/edits.py). It may note nothing that the object does not hold, and nothing that the request does not name.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.answers import judge
from kubestill.domains.kubernetes.fixes.rewriting import carried
from kubestill.domains.kubernetes.intents import lens
from kubestill.domains.kubernetes.intents.aspects import aspects_of
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.tree import Obj, copy, look, take
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.domains.kubernetes.skills.manifest.removal import PROBES, REMOVE, RENAME, without
from kubestill.tools.checks.api import Verdict

__all__ = ["REMOVE", "RENAME", "Removal", "Taking", "asked_names", "asked_removals", "asks", "held", "is_asked", "take_away", "taking_of"]

# Requests for which statements of what shall be are never enough. To drop something to a number is to lower it.
_ASKS = re.compile(
    r"\b(?:rename|do nothing|remove|delete|unset|strip|get rid|take (?:away|out)|"
    r"drop(?! all| cap| \w+ cap|[^.,;\n]{0,60}\bto \d))\b",
    re.IGNORECASE,
)
# All the words that may mean it: where one stands, both may be noted, and the student decides.
_TAKES_AWAY = re.compile(
    r"\b(?:remov|delet|unset|strip|get(?:ting)? rid|tak\w+\b.*\b(?:away|out)\b|leav\w+ out|drop|throw|kill|cut|lose|clean|clear|ditch|wip|"
    r"do without|goe?s? away|eliminat|discard|chuck|pull|no longer|without|turn\w* off|disabl)",
    re.IGNORECASE | re.DOTALL,
)
_RENAMES = re.compile(r"\brenam|\bcall (?:it|this|that|the)\b|\bcalled\b|\bname\b", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w./:=-])[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?![\w/:=-])")
_NO_NAMES = frozenset("a an and as by for from in instead it its name of on please rename the this to with".split())
_VOLUMES = frozenset(f"mount.{source}" for source in "pvc configMap secret emptyDir hostPath claimTemplate".split())
# Items of a list that have no key: the value is what they are called by.
_ITEMS = {"container.port": ("ports", "containerPort"), "pod.imagePullSecret": ("imagePullSecrets", "name"), "port": ("ports", "port")}
_OF_ITEMS = re.compile(r"(container\.port|port|rule|mount|init|claim|sa|grant|limit|metric)\..+|kind|name|container\.name|limit")
_NEVER = re.compile(
    r"grant|allow|allow\.all|deny|podSelector\.all|pod\.toleration|container\.envFrom\..+|default\.class|spec\.clusterIP\.none"
)
_SELECTS = frozenset(("selector", "podSelector"))
_SIDES = {"limits": r"limit|\bcap\b|capp|ceiling|max", "requests": r"request|guarant|reserv|minim"}
_RESOURCES = {"cpu": r"cpu|\bcores?\b|processor", "memory": r"mem|\bram\b", "gpu": "gpu"}
# The words that stand for what has no key; of all else it is those that its name is made of.
_WORDS: dict[str, tuple[str, ...]] = {
    **{f"container.{side}.{name}": (said, word) for side, said in _SIDES.items() for name, word in _RESOURCES.items()},
    "container.command": (r"command|entry ?point",),
    "container.args": (r"\barg",),
    "container.workingDir": (r"work",),
    "container.lifecycle.preStop.exec": (r"pre-?\s?stop|lifecycle|hook",),
    "container.securityContext.privileged": (r"privileged",),
    "pod.serviceAccountName": (r"service-? ?account|\bsa\b",),
    "pod.priorityClassName": (r"priority",),
    "pod.terminationGracePeriodSeconds": (r"grace|terminat",),
    "spec.activeDeadlineSeconds": (r"deadline|time ?(limit|out)",),
    "spec.ttlSecondsAfterFinished": (r"ttl|clean-? ?up|finish",),
    "spec.replicas": (r"replica|count|scal",),
}
_HUMPS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SILENT = frozenset("as name seconds type exec path port spec".split())  # parts of names that nobody says


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be taken away: of which `container`, where a pod has several and it is said."""

    aspect: str
    keys: tuple[str, ...] = ()
    container: str = ""

    @property
    def intent(self) -> Intent:
        """The statement that notes it."""
        return Intent(REMOVE, (self.aspect, *filter(None, (self.container, *self.keys))), "")

    @property
    def words(self) -> str:
        """What it is called in notes and messages."""
        return " ".join(self.intent.keys)


@dataclass(frozen=True, slots=True)
class Taking:
    """What notes take away from an object, and what they call it ("": as before)."""

    removals: tuple[Removal, ...] = ()
    name: str = ""

    def __bool__(self) -> bool:
        """Say whether anything is taken away or renamed."""
        return bool(self.removals or self.name)


def asks(request: str, notes: str = "") -> bool:
    """Say whether a request asks for more than what shall be: unless `delete` is what `notes` say, as a verb of RBAC or a policy."""
    return any(found[0].lower() != "delete" or "delete" not in notes.lower() for found in _ASKS.finditer(request))


def held(obj: Obj) -> list[Removal]:
    """Return all that an object holds and that a note can name, whether or not it can be missed, in the order of the object."""
    aspects = aspects_of(obj["kind"])
    try:
        facts = lens.read(obj)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # of a stranger's object: a list where a mapping belongs
        return []
    found = [one for fact in facts if fact.aspect in aspects for one in _named(fact)]
    labels = look(_template(obj), "metadata", "labels") if KINDS[obj["kind"]].template else None  # those that a selector asks for, too
    found += [Removal("podLabel", (str(key),)) for key in labels or ()]
    return list(dict.fromkeys(found))


def _named(fact: Intent) -> Iterator[Removal]:
    aspect, keys, container = fact.aspect, fact.keys, ""
    head = aspect.split(".", 1)[0]
    if head in ("container", "mount"):
        container, *rest = keys
        keys = tuple(rest)
    if aspect in _ITEMS:
        yield Removal(aspect, (str(fact.value),), container)
    elif head == "subject":
        name = fact.value[0] if isinstance(fact.value, tuple) else fact.value
        yield Removal(head, (aspect.partition(".")[2], str(name)))
    elif aspect.startswith("container.env") and "envFrom" not in aspect:  # wherever the value comes from
        yield Removal("container.env", keys, container)
    elif aspect in _VOLUMES:
        yield Removal(aspect, keys, container)
    elif not (_OF_ITEMS.fullmatch(aspect) or _NEVER.fullmatch(aspect)):
        probe = next((probe for probe in PROBES if aspect.startswith(f"{probe}.")), "")
        if probe:
            yield Removal(probe, (), container)
        if not probe or aspect.endswith(("Seconds", "Threshold")):
            yield Removal(aspect, keys, container)


def asked_removals(obj: Obj, request: str) -> list[Removal]:
    """Return what an object holds and a request may want taken away; of a pod's containers each with and without its name."""
    if not _TAKES_AWAY.search(request):
        return []
    all_held = held(obj)
    found = [one for one in all_held if is_asked(one, all_held, request)]
    return list(dict.fromkeys(form for one in found for form in (one, replace(one, container=""))))


def is_asked(removal: Removal, all_held: Sequence[Removal], request: str) -> bool:
    """Say whether a request has words for a removal: its keys as words of their own, or what people call the aspect."""
    keys = [key for key in removal.keys[removal.aspect == "subject" :] if key not in ("", "/")]
    if removal.aspect == "podLabel" and Removal("label", removal.keys) in all_held and not re.search(r"pod|template", request, re.I):
        return False
    others = [key for one in all_held for key in one.keys]
    if keys:
        return all(_stands(key, others, request) for key in keys)
    return all(re.search(word, request, re.IGNORECASE) for word in _spoken(removal.aspect))


def _stands(key: str, others: Sequence[str], request: str) -> bool:
    """Say whether a key stands in a request, but not only within a longer key."""
    for longer in sorted({one for one in others if key.lower() in one.lower() and len(one) > len(key)}, key=len, reverse=True):
        request = _whole(longer).sub(" ", request)
    return _whole(key).search(request) is not None


def _whole(key: str) -> re.Pattern[str]:
    """Return the pattern of a key as a word; a host may be followed by its path, and a path be led by its host or volume."""
    return re.compile(
        rf"{'' if key.startswith('/') else '(?<![A-Za-z0-9_-])'}{re.escape(key)}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])", re.IGNORECASE
    )


def _spoken(aspect: str) -> tuple[str, ...]:
    """Return patterns that all have to be met by a request that speaks of an aspect without keys."""
    if aspect in _WORDS:
        return _WORDS[aspect]
    if aspect == "rule":
        return (r"rule|path|route|catch",)
    *_, before, last = ("", *aspect.split("."))
    said = _humps(last) or _humps(before)
    return (*(_humps(before)[:1] if before.endswith("Probe") else ()), *said)


def _humps(name: str) -> tuple[str, ...]:
    """Return the beginnings of the words that a name is made of, `class` for `classes`."""
    words = [hump.lower() for hump in _HUMPS.findall(name)]
    return tuple(word[:5] for word in words if word not in _SILENT)


def asked_names(obj: Obj, request: str) -> list[str]:
    """Return what a request may want an object to be called; nothing where it does not speak of names."""
    if not _RENAMES.search(request):
        return []
    old = look(obj, "metadata", "name")
    return [name for name in dict.fromkeys(_NAME.findall(request)) if name != old and name not in _NO_NAMES]


def taking_of(obj: Obj, lines: Iterable[str], request: str) -> Taking:
    """Read the lines of notes that take away or rename. Where a pod has several containers, the `request` may name the one.

    Raises:
        ValueError: the object does not hold it, it cannot be told of which container, or there are two new names.
    """
    said = list(dict.fromkeys(line.partition(": ")[::2] for line in lines))
    names = [text.strip() for aspect, text in said if aspect == RENAME]
    if len(names) > 1:
        raise ValueError(f"it cannot be called both {names[0]} and {names[1]}")
    every = held(obj)
    found = dict.fromkeys(_removal_of(every, text, request) for aspect, text in said if aspect == REMOVE)
    return Taking(tuple(found), names[0] if names else "")


def _removal_of(every: Sequence[Removal], words: str, request: str) -> Removal:
    """Return the removal that a note calls by these words."""
    named = [one for one in every if words in (one.words, replace(one, container="").words)]
    if not named:
        raise ValueError(f"there is no {words} that could be removed")
    told = [one for one in named if one.container and _stands(one.container, (), request)]
    chosen = told if len(named) > 1 and len(told) == 1 else named
    if len(chosen) > 1:
        raise ValueError(f"of which container {words} is to be removed cannot be told: {', '.join(one.container for one in chosen)}")
    return chosen[0]


def take_away(obj: Obj, taking: Taking, known: Schemas | None = None) -> Obj:
    """Return a copy of an object without what is taken away, and under its new name; nulls stay, since they mean nothing.

    Raises:
        ValueError: something cannot be missed, with the reason: by `known` schemas and rules, the usual version's unless told.
    """
    for removal in taking.removals:
        before, after = copy(obj), removed(obj, removal)
        verdict, found = (judge(dump(one), known).verdict for one in (before, after))
        if reason := _new_fault(verdict, found):
            raise ValueError(f"{removal.words} cannot be removed: {reason}")
        obj = carried(obj, before, after)
    return {**obj, "metadata": {**obj["metadata"], "name": taking.name}} if taking.name else obj


def _new_fault(before: Verdict, after: Verdict) -> str:
    """Return what makes an object fail that did not before."""
    known = {(one.code, one.message) for one in before.findings}
    return next((one.message for one in after.findings if one.severity == "error" and (one.code, one.message) not in known), "")


def removed(obj: Obj, removal: Removal) -> Obj:
    """Return a copy of an object without what it holds, nulls left out.

    Raises:
        ValueError: it cannot be missed, or nobody has learned to take it away, with the reason.
    """
    aspect, keys = removal.aspect, removal.keys
    if reason := _needed(obj, removal):
        raise ValueError(f"{removal.words} cannot be removed: {reason}")
    changed: Obj = copy(obj)
    if aspect in _ITEMS:
        _drop_item(_holder(changed, removal), *_ITEMS[aspect], keys[0])
    elif aspect in ("podLabel", "podAnnotation"):
        take(_template(changed), "metadata", f"{aspect[3:].lower()}s", keys[0])
    elif aspect == "namespace":
        take(changed, "metadata", "namespace")
    elif (place := _place(changed, removal)) is not None:
        take(*place)
    else:
        changed = _without(changed, removal)
    if removal in held(changed):
        raise ValueError(f"{removal.words} cannot be removed this way")
    return changed


def _place(obj: Obj, removal: Removal) -> tuple[Any, ...] | None:
    """Return a mapping and the path in it to what is called as its field is; None where something else, or nothing, stands there."""
    head, *rest = removal.aspect.split(".")
    holder, path = (_holder(obj, removal), rest) if head in ("container", "pod") else (obj, [head, *rest])
    job = ["spec", "jobTemplate", *path]
    if obj["kind"] == "CronJob" and holder is obj and look(obj, *job) is not None:
        path = job
    return (holder, *path, *removal.keys) if look(holder, *path, *removal.keys) is not None else None


def _without(obj: Obj, removal: Removal) -> Obj:
    """Take away what training takes away, of one container as if it were the only one; volumes that others mount stay."""
    intent = Intent(REMOVE, (removal.aspect, *removal.keys), None)
    pod = _pod(obj)
    containers = pod.get("containers") or []
    place = next((place for place, one in enumerate(containers) if one.get("name") == removal.container), 0)
    volumes = list(pod.get("volumes") or [])
    if containers:
        pod["containers"] = [containers[place]]
    try:
        changed = without(obj, intent)
    except ValueError:
        raise ValueError(f"{removal.words} cannot be removed this way") from None
    after = _pod(changed)
    if containers:
        after["containers"] = [*containers[:place], *after["containers"], *containers[place + 1 :]]
    if volumes and after.get("volumes") != volumes:
        used = {mount.get("name") for one in _every_container(after) for mount in one.get("volumeMounts") or []}
        gone = {one.get("name") for one in volumes} - {one.get("name") for one in after.get("volumes") or []} - used
        after["volumes"] = [one for one in volumes if one.get("name") not in gone]
        if not after["volumes"]:
            del after["volumes"]
    return changed


def _needed(obj: Obj, removal: Removal) -> str:
    """Return why something cannot be missed, as far as no check of the object alone would say it so plainly."""
    kind, aspect, keys = obj["kind"], removal.aspect, removal.keys
    if aspect in _SELECTS:
        return f"the {kind} would select other pods without it; change its selector by hand"
    selector = look(obj, "spec", "selector") or {}
    if aspect == "podLabel" and keys[0] in {**selector, **(selector.get("matchLabels") or {})}:
        return f"the selector of the {kind} asks for it"
    if aspect == "port" and len(look(obj, "spec", "ports") or []) == 1:
        return f"it is the only port of the {kind}"
    of_rule = [path for rule in look(obj, "spec", "rules") or [] for path in look(rule, "http", "paths") or []]
    if aspect == "rule" and len(of_rule) < 2:
        return f"it is the only rule of the {kind}"
    if aspect == "subject" and len(obj.get("subjects") or []) == 1:
        return f"it is the only subject of the {kind}"
    return f"a {kind} needs one" if aspect in ("roleRef", "target") else ""


def _holder(obj: Obj, removal: Removal) -> Obj:
    """Return what holds an item: the spec, the pod, or one of its containers."""
    if removal.aspect == "port":
        spec: Obj = obj["spec"]
        return spec
    pod = _pod(obj)
    if removal.aspect.startswith("pod."):
        return pod
    found: Obj = next(one for one in pod["containers"] if removal.container in ("", one.get("name")))
    return found


def _drop_item(holder: Obj, field: str, key: str, value: str) -> None:
    holder[field] = [one for one in holder[field] if str(one.get(key)) != value]
    if not holder[field]:
        del holder[field]


def _template(obj: Obj) -> Obj:
    template: Any = look(obj, *(KINDS[obj["kind"]].template or ()))
    return template if isinstance(template, dict) else {}


def _pod(obj: Obj) -> Obj:
    pod: Any = _template(obj).get("spec") if KINDS[obj["kind"]].template is not None else None
    return pod if isinstance(pod, dict) else {}


def _every_container(pod: Obj) -> Iterator[Obj]:
    for field in ("containers", "initContainers", "ephemeralContainers"):
        yield from pod.get(field) or []
