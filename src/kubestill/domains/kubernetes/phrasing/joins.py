"""What is said together is one clause: ports in a list, a request with its limit, resources with the same verbs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing import values
from kubestill.domains.kubernetes.phrasing.clause import Clause, pick_tables
from kubestill.domains.kubernetes.phrasing.lines import tables
from kubestill.domains.kubernetes.phrasing.schedules import schedule_words, unscheduled
from kubestill.domains.kubernetes.phrasing.singles import is_spelt, peers_text, plain_text, single, spoken
from kubestill.domains.kubernetes.phrasing.style import Style


@dataclass
class Pool:
    """The intents not yet said, by aspect."""

    rng: Random
    style: Style = field(default_factory=Style)
    left: dict[tuple[str, tuple[str, ...]], list[Intent]] = field(default_factory=dict)
    aspects: set[str] = field(default_factory=set)  # of which there was something to say

    @classmethod
    def of(cls, intents: Iterable[Intent], rng: Random, style: Style) -> "Pool":
        """Return a pool that holds all of them."""
        pool = cls(rng, style)
        for intent in intents:
            pool.left.setdefault((intent.aspect, intent.keys), []).append(intent)
            pool.aspects.add(intent.aspect)
        return pool

    def pop(self, aspect: str, keys: tuple[str, ...] = ()) -> Intent | None:
        """Remove and return one intent of that aspect and keys."""
        found = self.left.get((aspect, keys))
        if not found:
            return None
        intent = found.pop(0)
        if not found:
            del self.left[(aspect, keys)]
        return intent

    def all(self, aspect: str) -> list[Intent]:
        """Return the intents of an aspect, without removing them."""
        if aspect not in self.aspects:
            return []
        return [intent for (name, _), items in self.left.items() if name == aspect for intent in items]

    def spoken(self, intent: Intent) -> str:
        """Return the value of an intent as this person spells it."""
        return spoken(intent, self.style.voice(intent.aspect))

    def single(self, intent: Intent) -> Clause | None:
        """Return the clause for one intent by itself."""
        return single(intent, self.rng, self.style.voice(intent.aspect))

    def drain(self) -> list[Intent]:
        """Return and remove all that is left."""
        items = [intent for found in self.left.values() for intent in found]
        self.left.clear()
        return items


def _range(pool: Pool) -> list[Clause]:
    low, high = pool.all("spec.minReplicas"), pool.all("spec.maxReplicas")
    found = pick_tables("replicas.range")
    if not (low and high and found) or pool.rng.random() < 0.35:
        return []
    pool.pop("spec.minReplicas"), pool.pop("spec.maxReplicas")
    ends = values.range_texts(low[0].value, high[0].value, pool.rng)
    return [Clause(found, {"v0": ends[0], "v1": ends[1]}, "", (low[0], high[0]))]


def _both_resources(pool: Pool) -> list[Clause]:
    said = []
    for what in ("cpu", "memory"):
        found = pick_tables(f"container.resources.{what}")
        for request in pool.all(f"container.requests.{what}"):
            limit = next(iter(pool.left.get((f"container.limits.{what}", request.keys), [])), None)
            if found and limit is not None and limit.value == request.value and pool.rng.random() < 0.7:
                pool.pop(request.aspect, request.keys), pool.pop(limit.aspect, limit.keys)
                said.append(Clause(found, {"v": pool.spoken(limit)}, request.keys[0], (request, limit), exact={"v": str(limit.value)}))
    return said


def _ports(pool: Pool) -> list[Clause]:
    """A port and what is said of it: its number first, with its target where it has one, and the rest in brackets."""
    said: list[Clause] = []
    for head, address in sorted({(head, keys[0] if keys else "") for head, keys in pool.left if head in ("port", "container.port")}):
        ports = [port for port in pool.all(head) if (*port.keys, "")[0] == address]
        about = [_about_port(pool, head, port) for port in ports]
        if not any(about):
            continue
        for port in ports:
            pool.pop(head, port.keys)
        if len(ports) == 1 or len({"target" in told for told in about}) > 1:  # `80 and 443 (to 8443)` would lead both there
            said.extend(replace(_port(pool, port, told), address=address) for port, told in zip(ports, about, strict=True))
        else:
            items = tuple(_port_item(port, told) for port, told in zip(ports, about, strict=True))
            said.append(Clause(pick_tables(f"{head}.list"), {}, address, inner=items, alike=True))
    return said


def _about_port(pool: Pool, head: str, port: Intent) -> dict[str, Intent]:
    """Return and remove what is said of a port beside its number, its target first."""
    keys = (*port.keys, str(port.value))
    found = {name: pool.pop(f"{head}.{name}", keys) for name in ("target", "name", "node", "hostPort", "protocol")}
    return {name: intent for name, intent in found.items() if intent}


def _tails(about: Mapping[str, Intent]) -> tuple[Clause, ...]:
    told = ((name, one) for name, one in about.items() if name != "target")
    return tuple(Clause(pick_tables(f"port.tail.{name}"), {"v": str(one.value)}, intents=(one,)) for name, one in told)


def _port(pool: Pool, port: Intent, about: Mapping[str, Intent]) -> Clause:
    target = about.get("target")
    clause = pool.single(target or port) or Clause({}, {})
    return replace(clause, intents=(port, target) if target else (port,), after=_tails(about))


def _port_item(port: Intent, about: Mapping[str, Intent]) -> Clause:
    target = about.get("target")
    if target:
        return Clause(pick_tables("port.item"), {"k": str(port.value), "v": str(target.value)}, intents=(port, target), after=_tails(about))
    return Clause({}, {"v": str(port.value)}, intents=(port,), after=_tails(about))


def _details(pool: Pool) -> list[Clause]:
    """A volume and what is said of its mount, a path and its type: details go in brackets behind the thing."""
    said = []
    for aspect in (*_VOLUMES, "rule"):
        head, names = ("rule", ("pathType",)) if aspect == "rule" else ("mount", _OF_MOUNTS)
        for volume in pool.all(aspect):
            found = {name: pool.left.get((f"{head}.{name}", volume.keys)) for name in names}
            about = {name: one[0] for name, one in found.items() if one}
            base = pool.single(volume) if about else None
            if base is None or not base.tables:
                continue
            for intent in (volume, *about.values()):
                pool.pop(intent.aspect, intent.keys)
            tails = (Clause(pick_tables(f"{head}.tail.{name}"), {"v": str(one.value)}, intents=(one,)) for name, one in about.items())
            said.append(replace(base, intents=(volume,), after=tuple(tails)))
    return said


_VOLUMES = tuple(f"mount.{name}" for name in "pvc configMap secret hostPath emptyDir claimTemplate".split())
_OF_MOUNTS = "readOnly subPath emptyDir.memory emptyDir.sizeLimit hostPath.type".split()


def _probes(pool: Pool) -> list[Clause]:
    """A probe and its timing: one thing, and so one clause, its timing in brackets."""
    said = []
    for probe in _PROBES:
        for aspect in (f"container.{probe}.{handler}" for handler in ("httpGet", "tcpSocket", "exec")):
            for intent in pool.all(aspect):
                timing = {name: pool.left.get((f"container.{probe}.{name}", intent.keys)) for name in _TIMING}
                base = pool.single(intent) if any(timing.values()) else None
                if base is None or not base.tables:
                    continue
                pool.pop(intent.aspect, intent.keys)
                told = [(name, pool.pop(f"container.{probe}.{name}", intent.keys)) for name, found in timing.items() if found]
                tails = (_timing(name, one, pool) for name, one in told if one)
                said.append(replace(base, intents=(intent,), after=tuple(tails)))
    return said


def _timing(name: str, intent: Intent, pool: Pool) -> Clause:
    text, exact = pool.spoken(intent), str(intent.value)
    return Clause(pick_tables(f"probe.tail.{name}"), {"v": text}, intents=(intent,), exact={"v": exact})


_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_TIMING = tuple("initialDelaySeconds periodSeconds timeoutSeconds failureThreshold successThreshold".split())


def _named_container(pool: Pool) -> list[Clause]:
    """The only container's name and image: `a container web with the image nginx`."""
    names, images = (pool.left.get((aspect, ("",)), []) for aspect in ("container.name", "container.image"))
    if not names or not images:
        return []
    name, image = names[0], images[0]
    inside = pool.single(image)
    if inside is None:
        return []
    pool.pop(name.aspect, name.keys), pool.pop(image.aspect, image.keys)
    return [Clause(pick_tables("container.block"), {"k": str(name.value)}, intents=(name,), inner=(replace(inside, intents=(image,)),))]


def _init_containers(pool: Pool) -> list[Clause]:
    """An init container's image and command: one container, and so one clause."""
    said = []
    for image in pool.all("init.image"):
        command = pool.left.get(("init.command", image.keys))
        if command:
            alike = [(own, Intent(f"container.{own.aspect.partition('.')[2]}", ("",), own.value)) for own in (image, command[0])]
            inner = [replace(clause, intents=(own,)) for own, like in alike if (clause := pool.single(like))]
            pool.pop(image.aspect, image.keys), pool.pop("init.command", image.keys)
            said.append(Clause(pick_tables("init.block"), {"k": image.keys[0]}, inner=tuple(inner)))
    return said


def _grants(pool: Pool) -> list[Clause]:
    """Resources with the same verbs are said in one breath."""
    grants: dict[tuple[str, ...], list[str]] = {}
    for intent in pool.all("grant"):
        if pool.left.get(("grant.names", intent.keys)):
            continue
        grants.setdefault(intent.value, []).append(intent.keys[0])
    found, said = pick_tables("grant"), []
    for verbs, resources in grants.items():
        for resource in resources:
            pool.pop("grant", (resource,))
        asked = tuple(Intent("grant", (resource,), verbs) for resource in resources)
        known = _NAMED_VERBS.get(verbs)
        said.append(
            Clause(
                pick_tables("grant", known) if known and (known == "_full" or pool.rng.random() < 0.35) else found,
                {
                    "verbs": verbs_text(verbs, pool.style.voice("verbs")),
                    "resources": values.list_text(resource_texts(resources, pool.style.voice("group")), pool.style.voice("resources")),
                },
                "",
                asked,
            )
        )
    for intent in pool.all("grant.names"):
        grant = pool.pop("grant", intent.keys)
        pool.pop("grant.names", intent.keys)
        told = {"resources": resource_text(intent.keys[0], pool.style.voice("group")), "names": values.list_text(intent.value, pool.rng)}
        if not grant:
            said.append(Clause(pick_tables("grant.names"), told, "", (intent,)))
            continue
        worded = pick_tables("grant", "_full") if grant.value == ("*",) else found
        only = Clause(pick_tables("grant.tail.names"), told, "", (intent,))
        said.append(Clause(worded, {"verbs": verbs_text(grant.value, pool.style.voice("verbs")), **told}, "", (grant,), after=(only,)))
    urls = pick_tables("grant.url")
    for intent in pool.all("grant.url"):
        pool.pop("grant.url", intent.keys)
        said.append(Clause(urls, {"verbs": verbs_text(intent.value, pool.style.voice("verbs")), "urls": intent.keys[0]}, "", (intent,)))
    return said


_NAMED_VERBS = {("get", "list", "watch"): "_read", ("*",): "_full"}


def _pairs(pool: Pool) -> list[Clause]:
    """Processor and memory in one breath, or the request and the limit of one of them."""
    said = []
    for address in sorted({keys[0] for aspect, keys in pool.left if aspect.startswith(("container.requests", "container.limits"))}):
        for name, (first, second) in _PAIRS.items():
            one, other = (pool.left.get((aspect, (address,))) for aspect in (first, second))
            if one and other and one[0].value != other[0].value and pool.rng.random() < 0.45:
                found = (pool.pop(first, (address,)), pool.pop(second, (address,)))
                asked = tuple(intent for intent in found if intent)
                variables = {f"v{place}": pool.spoken(intent) for place, intent in enumerate(asked)}
                exact = {f"v{place}": str(intent.value) for place, intent in enumerate(asked)}
                said.append(Clause(pick_tables(name), variables, address, asked, exact=exact))
    return said


_PAIRS = {
    "container.memory.span": ("container.requests.memory", "container.limits.memory"),
    "container.cpu.span": ("container.requests.cpu", "container.limits.cpu"),
    "container.requests.pair": ("container.requests.cpu", "container.requests.memory"),
    "container.limits.pair": ("container.limits.cpu", "container.limits.memory"),
}


def _lists(pool: Pool) -> list[Clause]:
    """Several things of one sort: `ports 80 and 443`, `env A=1, B=2`."""
    said = []
    for aspect, address in sorted(
        {(aspect, keys[0] if aspect.startswith("container") else "") for aspect, keys in pool.left if aspect in _LISTED}
    ):
        keyed = aspect in _KEYED
        asked = [i for i in pool.all(aspect) if (not aspect.startswith("container") or i.keys[0] == address) and not _marked(i)]
        texts = [f"{intent.keys[-1]}={plain_text(intent.value)}" if keyed else str(intent.value) for intent in asked]
        if len(asked) < 2:
            continue
        for intent in asked:
            pool.pop(aspect, intent.keys) if keyed else pool.left[(aspect, intent.keys)].remove(intent)
        if not keyed and not pool.left[(aspect, asked[0].keys)]:
            del pool.left[(aspect, asked[0].keys)]
        items = _pairs_text(texts, pool) if keyed else values.list_text(texts, pool.rng)
        said.append(Clause(pick_tables(f"{aspect}.list"), {"items": items}, address, tuple(asked)))
    return said


def _combined(pool: Pool) -> list[Clause]:
    """Two aspects in one breath, as the tables of `pairs.toml` join them."""
    said = []
    several = sum(len(found) for (aspect, _), found in pool.left.items() if aspect.startswith("subject.")) > 1
    for name, (aspects, needed) in _combinations().items():
        if pool.rng.random() > _COMBINED_SHARE or not needed <= pool.aspects:
            continue
        if "container.command" in aspects and pool.all("container.args"):  # a command and its arguments stay together
            continue
        if several and "roleRef" in aspects:  # else the role would be one subject's alone
            continue
        found = [_only(pool, aspect) for aspect in aspects]
        if any(not intents for intents in found):
            continue
        variables: dict[str, str] = {}
        literal = [_variables(intents, letter, pool) for intents, letter in zip(found, "abc", strict=False)]
        if None in literal:
            continue
        for part in literal:
            variables |= part or {}
        asked = [intent for intents in found for intent in intents]
        for intent in asked:
            pool.pop(intent.aspect, intent.keys)
        exact = {
            letter: str(intents[0].value)
            for letter, intents in zip("abc", found, strict=False)
            if len(intents) == 1 and is_spelt(intents[0])
        }
        unfit = None
        if aspects[0] == "spec.schedule":
            unfit = unscheduled(variables["a"] if variables["a"] != asked[0].value else None, beside=True)
        said.append(Clause(pick_tables(name), variables, "", tuple(asked), exact=exact, unfit=unfit))
    return said


_COMBINED_SHARE = 0.3


@cache
def _combinations() -> dict[str, tuple[tuple[str, ...], frozenset[str]]]:
    """Return the tables whose name joins aspects: name → aspects, and which facts there must be for these."""
    names = sorted({table.rsplit("/", 1)[0] for table in tables()})
    joined = {name: tuple(name.split("+")) for name in names if "+" in name}
    return {name: (aspects, frozenset(one for aspect in aspects for one in _needed(aspect))) for name, aspects in joined.items()}


def _needed(aspect: str) -> tuple[str, ...]:
    if aspect == "replicas.range":
        return ("spec.minReplicas", "spec.maxReplicas")
    return (aspect.partition(".")[0],) if aspect.startswith(_NARROWED) else (aspect,)


_NARROWED = ("selector.", "podSelector.", "allow.")


def _only(pool: Pool, aspect: str) -> list[Intent]:
    """Return the intents that a name in a table of pairs stands for, where they are the only ones of their sort."""
    if aspect == "replicas.range":
        both = [*_only(pool, "spec.minReplicas"), *_only(pool, "spec.maxReplicas")]
        return both if len(both) == 2 else []
    name, _, narrow = aspect.partition(".") if aspect.startswith(_NARROWED) else (aspect, "", "")
    found = pool.all(name)
    if len(found) != 1 or (found[0].keys[:1] not in ((), ("",)) and aspect.startswith("container")):
        return []
    fits = not narrow or found[0].keys == ({"app": "app", "in": "ingress"}[narrow],)
    return found if fits else []


def _variables(intents: list[Intent], letter: str, pool: Pool) -> dict[str, str] | None:
    """Return what fills the placeholders of one letter in; None for what cannot be said so."""
    first, rng = intents[0], pool.rng
    if len(intents) == 2:
        ends = values.range_texts(intents[0].value, intents[1].value, rng)
        return {f"{letter}{place}": text for place, text in enumerate(ends)}
    if first.aspect in ("allow", "target", "roleRef", "subject.ServiceAccount"):
        pair = peers_text(first, rng) if first.aspect == "allow" else first.value
        if pair is None or not all(pair):
            return None
        return {f"{letter}{place}": str(value) for place, value in enumerate(pair)}
    if first.aspect == "spec.schedule":
        return {letter: schedule_words(str(first.value), rng) or str(first.value)}
    keys = {f"{letter}k": first.keys[-1]} if first.keys else {}
    return {letter: pool.spoken(first), **keys}


def _marked(intent: Intent) -> bool:
    """Say whether a value holds the marks of a list, so that nobody would see where it ends."""
    return bool(set(str(intent.value)) & set(',"'))


_KEYED = tuple(
    (
        "container.env data label podLabel annotation podAnnotation selector podSelector pod.nodeSelector parameter "
        "spec.csi.volumeAttributes"
    ).split()
)
_LISTED = (*_KEYED, "container.port", "port")


def _pairs_text(texts: list[str], pool: Pool) -> str:
    """Return pairs as this person writes them."""
    spoken = [text.replace("=", pool.style.pairs, 1) for text in texts]
    return ", ".join(spoken[:-1]) + (" and " if pool.rng.random() < 0.6 else ", ") + spoken[-1]


JOINS: tuple[Callable[[Pool], list[Clause]], ...] = (
    _ports,
    _details,
    _probes,
    _named_container,
    _init_containers,
    _combined,
    _range,
    _both_resources,
    _pairs,
    _lists,
    _grants,
)


def verbs_text(verbs: tuple[str, ...], rng: Random) -> str:
    """Return verbs as people say them; the common sets have names."""
    found = set(verbs)
    if found == {"*"}:
        return rng.choice(("do everything", "*", "all verbs", "do anything")) if rng.random() < 0.5 else "*"
    order = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
    return values.list_text([*(verb for verb in order if verb in found), *sorted(found - set(order))], rng)


def resource_text(resource: str, rng: Random) -> str:
    """Return a resource; groups are named where the resource is not built in."""
    return resource_texts([resource], rng)[0]


def resource_texts(resources: Sequence[str], rng: Random) -> list[str]:
    """Return several resources, their groups named in one way."""
    way = rng.choice(("{0} ({1})", _DOTTED))
    if any(resource.startswith("*") for resource in resources):
        return [_any_resource(resource) for resource in resources]
    parts = [resource.partition(".") for resource in resources]
    return [name if not group or group in _WELL_KNOWN_GROUPS else _in_group(name, group, way) for name, _, group in parts]


def _in_group(name: str, group: str, way: str) -> str:
    """Return a resource with its group, which stands before a part of it as kubectl has it: `deployments.apps/scale`."""
    whole, slash, part = name.partition("/") if way == _DOTTED else (name, "", "")
    return f"{way.format(whole, group)}{slash}{part}"


_DOTTED = "{0}.{1}"


def _any_resource(resource: str) -> str:
    """Return a resource where some are meant whatever they are called."""
    name, _, group = resource.partition(".")
    if name != "*":
        return _in_group(name, group, _DOTTED) if group else name
    return "all resources in all API groups" if group == "*" else f"all resources in {group}" if group else "all core resources"


_WELL_KNOWN_GROUPS = frozenset(
    (
        "apps batch autoscaling policy networking.k8s.io rbac.authorization.k8s.io storage.k8s.io coordination.k8s.io "
        "apiextensions.k8s.io admissionregistration.k8s.io discovery.k8s.io authentication.k8s.io authorization.k8s.io"
    ).split()
)
