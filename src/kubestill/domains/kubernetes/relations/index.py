"""The index of a set: what stands in it, by name and by label. Made once; every question after that costs the same in any set."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.relations.entries import Entry, Kustomizations, Member, group_kind, group_of, text
from kubestill.domains.kubernetes.relations.pods import Made, Picked, Pool, selected_values, templates
from kubestill.domains.kubernetes.subject import rows, table

MAX_SAME = 20  # objects of one kind and name that a lookup returns
MAX_NEAR_NAMES = 200  # compared for one "did you mean"
MAX_NEAR_ASKED = 500  # of one set: each costs a millisecond, and nobody reads more
NEAR = 0.75  # likeness from which a name is worth telling: at 0.6 of `near`, 'service1' was answered with 'my-service'
MAX_SPOKEN_DEPTH = 20
MAX_WORD = 300  # characters of an argument that may end in a name

# The namespaces that every cluster has, and the one that the cluster fills by itself.
CLUSTER_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
SYSTEM = "kube-system"
# Custom resources that route, watch or judge what others make, and make nothing by themselves.
_IDLE_GROUPS = frozenset({"gateway.networking.k8s.io", "kyverno.io", "networking.istio.io", "security.istio.io", "telemetry.istio.io"})
_IDLE_KINDS = frozenset({"PodMonitor", "PrometheusRule", "ServiceMonitor"})
# OpenShift, "Service serving certificates": a Secret of this name is made.
_SERVING_CERTIFICATES = (
    "service.beta.openshift.io/serving-cert-secret-name",
    "service.alpha.openshift.io/serving-cert-secret-name",
)
_RBAC = frozenset({"ClusterRole.rbac.authorization.k8s.io", "Role.rbac.authorization.k8s.io"})
_GLOB = frozenset("*?[")  # in the names of namespaces: a pattern
_FLOATING, _ALL = "?", "*"  # keys beside namespaces, whose names hold neither


class Index:
    """All objects of a set. `closed` says that there is nothing beside them in the cluster but `namespaces`, if any are known.

    While the set is open, an object that names no namespace may end up in any: it meets whatever bears the right name.
    """

    def __init__(self, members: Sequence[Member], closed: bool, namespaces: Collection[str] = ()) -> None:
        self.closed, self.namespaces = closed, namespaces
        self._patterns = [name for name in namespaces if _GLOB & set(name)]
        self._literal = CLUSTER_NAMESPACES.union(namespaces).difference(self._patterns)
        self._homes: dict[str, str] = {}  # what `homeless` says, by namespace
        self._near_asked = 0
        self._by_kind: dict[str, list[Entry]] = defaultdict(list)
        self._placed: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        self._names: dict[str, dict[str, None]] = defaultdict(dict)
        self._pools: dict[str, Pool] = defaultdict(Pool)
        self._spoken: set[str] = set()  # names of what custom resources, annotations and Jobs may make
        self._owners: set[str] = set()  # names of custom resources
        self._inhabited: set[str] = set()
        kustomizations = Kustomizations(members)
        for number, member in enumerate(members):
            if not kustomizations.is_patch(member.file):
                self._add(Entry(number, member, kustomizations.unit(member.file)))

    def of(self, *kinds: str) -> Iterator[Entry]:
        """Yield the entries of some kinds, spelt as kubectl does."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())

    def everything(self) -> Iterator[Entry]:
        """Yield every entry that has a kind."""
        yield from self.of(*self._by_kind)

    def find(self, user: Entry, kind: str, name: str, namespace: str = "") -> list[Entry]:
        """Return what `user` means by a kind and a name, in its own namespace unless one is given; more than one if some are alike."""
        if user.namespace and not namespace and self._floats(user):
            return self._placed.get((kind, _ALL, name), [])
        if found := self._placed.get((kind, namespace or user.namespace, name)):
            return found
        return self._placed.get((kind, "", name)) or self._placed.get((kind, _FLOATING, name), [])

    def absent(self, user: Entry, kind: str, name: Any, namespace: str = "") -> str:
        """Return words for a thing that the set lacks; empty where it is there, or where nobody can tell.

        Nobody can for a name that a tool fills in later, or for one that a custom resource of the set bears or speaks of.
        """
        if not _is_name(kind, name) or self.made_later(name) or self.find(user, kind, name, namespace):
            return ""
        where = namespace or user.namespace
        shown = kind.partition(".")[0]
        elsewhere = self._placed.get((kind, _ALL, name))
        if elsewhere:
            return f"{shown} {name!r} is in namespace {elsewhere[0].namespace!r}, not in {where!r}"
        hint = self._near(kind, name)
        return f"no {shown} {name!r} is in the set" + (f"; {hint}" if hint else "")

    def homeless(self, entry: Entry) -> str:
        """Return words for an object whose namespace is nowhere; empty where it is in the cluster or the set, or nobody can tell."""
        home = entry.namespace
        if home not in self._homes:
            known = home in self._literal or any(fnmatchcase(home, pattern) for pattern in self._patterns)
            self._homes[home] = "" if known else self._homeless(entry, home)
        return self._homes[home]

    def _homeless(self, entry: Entry, home: str) -> str:
        message = self.absent(entry, "Namespace", home)
        if not message or not self.namespaces:
            return message
        self._near_asked += 1
        near = closest(home, self._literal.union(self._names["Namespace"])) if self._near_asked <= MAX_NEAR_ASKED else ""
        return f"neither the cluster nor the set has a namespace {home!r}" + (f"; {near}" if near else "")

    def made_later(self, name: str) -> bool:
        """Return whether something in the set may make a thing of this name: it speaks of it, or bears the start of the name."""
        if name in self._spoken:
            return True
        cut = len(name)
        while cut > 0:
            if name[:cut] in self._owners:
                return True
            cut = name.rfind("-", 0, cut)
        return False

    def pick(self, user: Entry, selector: Mapping[str, Any]) -> Picked:
        """Return the pods that a selector of `user` selects in its namespace."""
        pools = [self._pools[key] for key in self._keys(user) if key in self._pools]
        picked = [pool.pick(selector) for pool in pools]
        return Picked(tuple(made for one in picked for made in one.made), all(one.whole for one in picked))

    def unmatched(self, user: Entry, selector: Mapping[str, Any]) -> bool:
        """Return whether a selector certainly selects no pod of the set.

        In an open set that is certain only where the namespace has pods; nowhere is it in the cluster's own, or where a value that
        is asked for is the name of a custom resource.
        """
        if user.namespace == SYSTEM or not (self.closed or any(key in self._pools for key in self._keys(user))):
            return False
        picked = self.pick(user, selector)
        return picked.whole and not picked.made and not any(map(self.made_later, selected_values(selector)))

    def beside(self, entry: Entry) -> tuple[str, str]:
        """Return what two objects share that meet for sure: their namespace and, in an open set, their unit (others may be variants)."""
        return entry.namespace, "" if self.closed else entry.unit

    @cached_property
    def scaled(self) -> Mapping[int, Entry]:
        """Return the autoscaler of every entry that has one, by the entry's number."""
        found: dict[int, Entry] = {}
        for scaler in self.of("HorizontalPodAutoscaler.autoscaling"):
            for target in self.find(scaler, *target_of(scaler)):
                found.setdefault(target.number, scaler)
        return found

    @cached_property
    def volume_classes(self) -> frozenset[str]:
        """Return the storage classes of the PersistentVolumes: claims of these need no StorageClass."""
        return frozenset(text(entry.view.spec.get("storageClassName")) for entry in self.of("PersistentVolume"))

    @cached_property
    def _claim_stems(self) -> frozenset[str]:
        found = set()
        for entry in self.of("StatefulSet.apps"):
            for claim in rows(entry.view.spec.get("volumeClaimTemplates")):
                found.add(f"{text(table(claim.get('metadata')).get('name'))}-{entry.name}")
        return frozenset(found)

    def claimed(self, name: str) -> bool:
        """Return whether a StatefulSet makes a claim of this name: template, set and ordinal, joined by dashes."""
        stem, _, ordinal = name.rpartition("-")
        return ordinal.isdigit() and stem in self._claim_stems

    @cached_property
    def _defaulted(self) -> frozenset[str]:
        found = set()
        for entry in self.of("LimitRange"):
            if any("default" in one or "defaultRequest" in one for one in rows(entry.view.spec.get("limits"))):
                found.add(_ALL if self._floats(entry) else entry.namespace)
        return frozenset(found)

    def has_defaults(self, entry: Entry) -> bool:
        """Return whether a LimitRange of the set gives containers of an object's namespace requests that they do not state."""
        return bool(self._defaulted) if self._floats(entry) else bool(self._defaulted & {entry.namespace, _ALL})

    def inhabited(self, namespace: str) -> bool:
        """Return whether an object of the set lives in a namespace, or may."""
        return namespace in self._inhabited

    def _keys(self, user: Entry) -> tuple[str, ...]:
        return (_ALL,) if self._floats(user) else (user.namespace, _FLOATING)

    def _floats(self, entry: Entry) -> bool:
        return not (entry.fixed or self.closed)

    def _add(self, entry: Entry) -> None:
        if not entry.kind or "$patch" in entry.view.object:
            return
        self._by_kind[entry.kind].append(entry)
        self._inhabited.add(entry.namespace)
        keys = [entry.namespace, *([_FLOATING] if entry.namespace and self._floats(entry) else ()), _ALL]
        for key in keys if entry.name else ():
            if len(same := self._placed[entry.kind, key, entry.name]) < MAX_SAME:
                same.append(entry)
        if len(names := self._names[entry.kind]) < MAX_NEAR_NAMES and entry.name:
            names[entry.name] = None
        if entry.custom:
            self._add_custom(entry, keys)
            return
        self._add_makers(entry)
        if entry.view.pod is not None and entry.view.kind != "PodTemplate":
            self._add_pods(Made.of(entry, entry.view.pod), keys)

    def _add_custom(self, entry: Entry, keys: Sequence[str]) -> None:
        group = entry.kind.partition(".")[2]
        if group in _IDLE_GROUPS or entry.kind.partition(".")[0] in _IDLE_KINDS:
            return
        if entry.name:
            self._owners.add(entry.name)
        body = {key: part for key, part in entry.view.object.items() if key not in ("apiVersion", "kind", "metadata", "status")}
        self._spoken.update(_spoken(body))
        for found in templates(body):
            self._add_pods(Made(entry, None, found), keys)

    def _add_makers(self, entry: Entry) -> None:
        """Note what built-in objects have made: Jobs by their arguments, others by their annotations."""
        annotations = table(entry.view.metadata.get("annotations"))
        self._spoken.update(text(annotations.get(key)) for key in _SERVING_CERTIFICATES)
        if entry.kind == "Job.batch" and entry.view.pod is not None:
            for container in entry.view.pod.containers:
                given = container.value.get("args")
                words = [text(word) for word in (given if isinstance(given, list) else ())]
                self._spoken.update(word.rpartition("=")[2] for word in words if len(word) <= MAX_WORD)

    def _add_pods(self, made: Made, keys: Sequence[str]) -> None:
        for key in keys:
            self._pools[key].add(made)

    def _near(self, kind: str, name: str) -> str:
        self._near_asked += 1
        return closest(name, self._names[kind]) if kind in self._names and self._near_asked <= MAX_NEAR_ASKED else ""


def closest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?" for the name that is closest by far, or an empty string."""
    close = get_close_matches(name, list(known), n=1, cutoff=NEAR)
    return f"did you mean {close[0]!r}?" if close else ""


def target_of(scaler: Entry) -> tuple[str, str]:
    """Return kind (as kubectl spells it) and name of what an autoscaler scales."""
    ref = table(scaler.view.spec.get("scaleTargetRef"))
    return group_kind(group_of(ref.get("apiVersion")), text(ref.get("kind"))), text(ref.get("name"))


def _is_name(kind: str, name: Any) -> bool:
    """Return whether a name is one, and none that a tool is yet to fill in: `{{ .name }}`, `$(NAME)`, `<your-secret>`."""
    if not isinstance(name, str) or not 0 < len(name) <= 253:
        return False
    return not set(name) & set("{}$<>% \t\n") if kind in _RBAC else not formats.dns_subdomain(name)


def _spoken(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the strings of a custom resource that stand under a key that ends with "name"."""
    if depth > MAX_SPOKEN_DEPTH:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, dict | list):
                yield from _spoken(part, depth + 1)
            elif isinstance(part, str) and str(key).lower().endswith("name") and len(part) <= 253:
                yield part
    elif isinstance(value, list):
        for part in rows(value):
            yield from _spoken(part, depth + 1)
