"""Grants written over the rules of a role: verbs are added where they widen nothing else."""

from collections.abc import Sequence
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.tree import Obj, texts

GRANTS = frozenset(("grant", "grant.names", "grant.url"))
_ROLES = ("Role", "ClusterRole")


def grant(obj: Obj, asked: Sequence[Intent]) -> None:
    """Add the grants among the statements to a role.

    A rule that is about nothing but what is asked for gets the missing verbs; else a rule is added, for what goes together.
    """
    if obj["kind"] not in _ROLES or not any(intent.aspect in GRANTS for intent in asked):
        return
    rules = obj.setdefault("rules", [])
    names = {intent.keys[0]: intent.value for intent in asked if intent.aspect == "grant.names"}
    wanted = {(i.aspect, i.keys[0]): tuple(i.value) for i in asked if i.aspect in ("grant", "grant.url")}
    for resource in names:
        if ("grant", resource) not in wanted:
            _restrict(rules, resource, names[resource])
    _widen(rules, {place: verbs for place, verbs in wanted.items() if place[1] not in names})
    fresh: dict[tuple[Any, ...], Obj] = {}
    for (aspect, key), verbs in wanted.items():
        only = tuple(names.get(key, ())) if aspect == "grant" else ()
        if set(verbs) <= _verbs(rules, aspect, key, only) or _name_more(rules, key, verbs, only):
            continue
        resource, _, group = key.partition(".")
        if aspect == "grant.url":
            rule = fresh.setdefault((aspect, verbs), {"nonResourceURLs": [], "verbs": list(verbs)})
            rule["nonResourceURLs"].append(key)
            continue
        start: Obj = {"apiGroups": [group], "resources": [], "verbs": list(verbs)}
        rule = fresh.setdefault((group, verbs, only), start | ({"resourceNames": list(only)} if only else {}))
        rule["resources"].append(resource)
    rules.extend(fresh.values())


def granted(obj: Obj, intent: Intent) -> bool:
    """Say whether a role allows at least what a statement asks for."""
    rules = obj.get("rules") or []
    if intent.aspect == "grant.names":
        return set(intent.value) <= {name for rule in _about(rules, "grant", intent.keys[0]) for name in texts(rule.get("resourceNames"))}
    found = {verb for rule in _about(rules, intent.aspect, intent.keys[0]) for verb in texts(rule.get("verbs"))}
    return "*" in found or set(intent.value) <= found


def _about(rules: Sequence[Obj], aspect: str, key: str) -> list[Obj]:
    """Return the rules that reach a resource (`deployments.apps`) or a URL."""
    if aspect == "grant.url":
        return [rule for rule in rules if {key, "*"} & set(texts(rule.get("nonResourceURLs")))]
    resource, _, group = key.partition(".")
    reached = [rule for rule in rules if {resource, "*"} & set(texts(rule.get("resources")))]
    return [rule for rule in reached if {group, "*"} & set(texts(rule.get("apiGroups")) or [""])]


def _verbs(rules: Sequence[Obj], aspect: str, key: str, only: tuple[str, ...]) -> set[str]:
    """Return what is allowed on all objects of a resource, or at least on the named ones."""
    found: set[str] = set()
    for rule in _about(rules, aspect, key):
        names = texts(rule.get("resourceNames"))
        if not names or (only and set(only) <= set(names)):
            found.update(texts(rule.get("verbs")))
    return found | {verb for verb in _EVERY if "*" in found}


_EVERY = frozenset("get list watch create update patch delete deletecollection".split())


def _widen(rules: Sequence[Obj], wanted: dict[tuple[str, str], tuple[str, ...]]) -> None:
    """Add verbs to the rules of which every resource (or URL) is asked for."""
    for rule in rules:
        if rule.get("resourceNames"):
            continue
        places = [("grant.url", url) for url in texts(rule.get("nonResourceURLs"))]
        groups = texts(rule.get("apiGroups")) or [""]
        places += [("grant", f"{one}.{group}" if group else one) for one in texts(rule.get("resources")) for group in groups]
        if not places or not all(place in wanted for place in places):
            continue
        shared = [verb for verb in wanted[places[0]] if all(verb in wanted[place] for place in places)]
        known = set(rule.get("verbs") or []) | (_EVERY if "*" in (rule.get("verbs") or []) else frozenset())
        rule.setdefault("verbs", []).extend(verb for verb in shared if verb not in known)


def _name_more(rules: Sequence[Obj], key: str, verbs: tuple[str, ...], only: tuple[str, ...]) -> bool:
    """Add names to the rule that gives these verbs on some objects of this resource and no other; False where there is none."""
    resource, _, group = key.partition(".")
    for rule in rules if only else ():
        alone = texts(rule.get("resources")) == [resource] and (texts(rule.get("apiGroups")) or [""]) == [group]
        if alone and rule.get("resourceNames") and set(texts(rule.get("verbs"))) == set(verbs):
            rule["resourceNames"].extend(name for name in only if name not in rule["resourceNames"])
            return True
    return False


def _restrict(rules: Sequence[Obj], key: str, names: tuple[str, ...]) -> None:
    """Allow what is allowed on a resource on some of its objects only."""
    if not _about(rules, "grant", key):
        raise ValueError(f"no rule is about {key}: say what is to be allowed on {', '.join(names)}")
    for rule in _about(rules, "grant", key):
        if texts(rule.get("resources")) != [key.partition(".")[0]]:
            raise ValueError(f"the rule of {key} is about other resources, too: it cannot be kept to {', '.join(names)}")
        rule["resourceNames"] = list(names)
