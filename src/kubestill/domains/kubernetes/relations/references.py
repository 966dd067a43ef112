"""Relations of pods to what they need: ConfigMaps, Secrets and their keys, accounts, claims and classes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kubestill.domains.kubernetes.checks.examples import POD, head
from kubestill.domains.kubernetes.relations.entries import Entry, group_kind, text
from kubestill.domains.kubernetes.relations.examples import ACCOUNT, CLAIM_1, CONFIG_MAP, SECRET, together
from kubestill.domains.kubernetes.relations.index import Index, closest
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Names, Places, Reference
from kubestill.domains.kubernetes.subject import POD_TEMPLATES, Pod, rows, table

# Kinds with pods; a PodTemplate makes none by itself.
_GROUPS = {"Pod": "", "ReplicationController": "", "Job": "batch", "CronJob": "batch"}
POD_KINDS = tuple(group_kind(_GROUPS.get(kind, "apps"), kind) for kind in POD_TEMPLATES if kind != "PodTemplate")

# ConfigMaps that a controller puts into every namespace: Kubernetes since 1.20, OpenShift since 4.7.
_PUBLISHED = ("kube-root-ca.crt", "openshift-service-ca.crt")
_TOKEN = re.compile(r"-(token|dockercfg)-[a-z0-9]{5}\Z")  # Secrets that clusters make for each ServiceAccount (until 1.24)

_ENV = "    env:\n    - name: COLOR\n      valueFrom: {configMapKeyRef: {name: web, key: color}}\n"
_ALL_SECRET = "    envFrom:\n    - secretRef: {name: web}\n"
_OPTIONAL = _ENV.replace("key: color", "key: color, optional: true")
_CLAIMING = POD + "  volumes:\n  - name: data\n    persistentVolumeClaim: {claimName: web}\n"
_ACCOUNT_POD = POD + "  serviceAccountName: web\n"


class Use(NamedTuple):
    """A pod's use of a ConfigMap or Secret: where it names it, and the keys that it wants with their field paths."""

    path: str
    kind: str
    name: Any
    keys: Sequence[tuple[str, Any]] = ()


def uses(pod: Pod) -> Iterator[Use]:
    """Yield every use of ConfigMaps and Secrets by a pod that is not optional."""
    for container in pod.containers:
        for place, env in enumerate(rows(container.value.get("env"))):
            source = table(env.get("valueFrom"))
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                yield from _use(f"{container.path}.env[{place}].valueFrom.{field}", kind, source.get(field), "name")
        for place, source in enumerate(rows(container.value.get("envFrom"))):
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                yield from _use(f"{container.path}.envFrom[{place}].{field}", kind, source.get(field), "name")
    for place, volume in enumerate(pod.volumes):
        path = f"{pod.path}.volumes[{place}]"
        yield from _use(f"{path}.configMap", "ConfigMap", volume.get("configMap"), "name")
        yield from _use(f"{path}.secret", "Secret", volume.get("secret"), "secretName")
        for at, source in enumerate(rows(table(volume.get("projected")).get("sources"))):
            for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
                yield from _use(f"{path}.projected.sources[{at}].{field}", kind, source.get(field), "name")


def _use(path: str, kind: str, value: Any, key: str) -> Iterator[Use]:
    ref = table(value)
    if not ref or ref.get("optional") is True:
        return
    keys = [(f"{path}.items[{place}].key", one.get("key")) for place, one in enumerate(rows(ref.get("items")))]
    yield Use(f"{path}.{key}", kind, ref.get(key), [(f"{path}.key", ref["key"])] if "key" in ref else keys)


class PodReference(Reference):
    """A name in a pod's spec."""

    kinds = POD_KINDS

    def names(self, entry: Entry) -> Names:
        """Look at the pod."""
        if entry.view.pod is not None:
            yield from self.named(entry.view.pod)

    def named(self, pod: Pod) -> Names:
        """Yield what a pod names."""
        raise NotImplementedError


class ConfigMapGiven(PodReference):
    """A pod needs a ConfigMap that is not there: its containers are not started until it is."""

    code, remedy = "K8S620", "Add the ConfigMap to the pod's namespace, correct the name, or say optional: true."
    bad = (POD + _ENV, together(POD + _ENV, CONFIG_MAP.replace("name: web", "name: wep")))
    good = (together(POD + _ENV, CONFIG_MAP), POD + _OPTIONAL)

    def named(self, pod: Pod) -> Names:
        """Look at env, envFrom and volumes."""
        yield from ((use.path, use.kind, use.name) for use in uses(pod) if use.kind == "ConfigMap" and use.name not in _PUBLISHED)


class SecretGiven(PodReference):
    """A pod needs a Secret that is not there: its containers are not started until it is, or its image cannot be pulled."""

    code, remedy = "K8S621", "Add the Secret to the pod's namespace, correct the name, or say optional: true."
    bad = (POD + _ALL_SECRET, POD + "  imagePullSecrets: [{name: web}]\n")
    good = (together(POD + _ALL_SECRET, SECRET), POD + _ALL_SECRET.replace("name: web", "name: web, optional: true"))

    def named(self, pod: Pod) -> Names:
        """Look at env, envFrom, volumes and imagePullSecrets."""
        found = [(use.path, use.name) for use in uses(pod) if use.kind == "Secret"]
        for place, one in enumerate(rows(pod.spec.get("imagePullSecrets"))):
            found.append((f"{pod.path}.imagePullSecrets[{place}].name", one.get("name")))
        yield from ((path, "Secret", name) for path, name in found if not _TOKEN.search(text(name)))


class KeyGiven(EntryRelation):
    """A pod wants a key that its ConfigMap or Secret does not hold: the container is not started (CreateContainerConfigError).

    What holds no key at all is taken to be filled in later.
    """

    code, remedy, missing = "K8S622", "Add the key, correct it, or say optional: true.", True
    kinds = POD_KINDS
    _ITEMS = "  volumes:\n  - name: data\n    secret: {secretName: web, items: [{key: password, path: p}]}\n"
    bad = (
        together(POD + _ENV.replace("key: color", "key: colour"), CONFIG_MAP),
        together(POD + _ITEMS.replace("key: password", "key: token"), SECRET),
    )
    good = (
        together(POD + _ENV, CONFIG_MAP),
        together(POD + _ITEMS, SECRET),
        together(POD + _OPTIONAL.replace("key: color", "key: colour"), CONFIG_MAP),
    )

    def judge(self, entry: Entry, index: Index) -> Places:
        """Compare the keys of each use with those of the object."""
        for use in uses(entry.view.pod) if entry.view.pod else ():
            found = index.find(entry, use.kind, text(use.name)) if use.keys else []
            held = [_held(one) for one in found]
            if not all(held):
                continue
            for path, key in use.keys:
                if found and isinstance(key, str) and key and not any(key in keys for keys in held):
                    hint = closest(key, held[0]) or f"it holds {', '.join(sorted(held[0])[:5])}"
                    yield path, f"{found[0].title} holds no key {key!r}; {hint}"


# What controllers write into these by themselves (kubernetes.io/service-account-token; OpenShift, "Configuring a custom PKI").
_TOKEN_KEYS = frozenset({"token", "ca.crt", "namespace"})
_INJECTED = ("config.openshift.io/inject-trusted-cabundle", "service.beta.openshift.io/inject-cabundle")


def _held(entry: Entry) -> frozenset[str]:
    """Return the keys of a ConfigMap or Secret; none where something else writes them."""
    metadata = entry.view.metadata
    if any(key in table(metadata.get(part)) for part in ("labels", "annotations") for key in _INJECTED):
        return frozenset()
    parts: list[Mapping[str, Any]] = [table(entry.view.object.get(part)) for part in ("data", "binaryData", "stringData")]
    token = entry.view.object.get("type") == "kubernetes.io/service-account-token"
    return frozenset(key for part in parts for key in part) | (_TOKEN_KEYS if token else frozenset())


class AccountGiven(PodReference):
    """A pod runs as a ServiceAccount that is not there: none of its pods is created."""

    code, remedy = "K8S623", "Add the ServiceAccount to the pod's namespace, or correct the name."
    bad = (_ACCOUNT_POD, together(_ACCOUNT_POD, ACCOUNT.replace("name: web", "name: web-sa")))
    good = (together(_ACCOUNT_POD, ACCOUNT), POD + "  serviceAccountName: default\n")

    def named(self, pod: Pod) -> Names:
        """Look at serviceAccountName, and at serviceAccount, which it replaced."""
        key = "serviceAccountName" if pod.spec.get("serviceAccountName") else "serviceAccount"
        if pod.spec.get(key) != "default":
            yield f"{pod.path}.{key}", "ServiceAccount", pod.spec.get(key)


class ClaimGiven(EntryRelation):
    """A pod mounts a PersistentVolumeClaim that is not there: it stays Pending."""

    code, remedy, missing = "K8S624", "Add the PersistentVolumeClaim to the pod's namespace, or correct claimName.", True
    kinds = POD_KINDS
    bad = (_CLAIMING, together(_CLAIMING, CLAIM_1.replace("name: web", "name: wep")))
    good = (together(_CLAIMING, CLAIM_1),)

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look at the volumes; what a StatefulSet of the set makes from its templates is there too."""
        pod = entry.view.pod
        for place, volume in enumerate(pod.volumes if pod else ()):
            name = table(volume.get("persistentVolumeClaim")).get("claimName")
            message = index.absent(entry, "PersistentVolumeClaim", name) if name else ""
            if pod and message and not index.claimed(text(name)):
                yield f"{pod.path}.volumes[{place}].persistentVolumeClaim.claimName", message


class PriorityClassGiven(PodReference):
    """A pod asks for a PriorityClass that is not there: the API server refuses the pod, not the workload that makes it."""

    code, remedy = "K8S626", "Add the PriorityClass, or correct priorityClassName."
    _HIGH = head("scheduling.k8s.io/v1", "PriorityClass", "high") + "value: 1000\n"
    bad = (together(POD + "  priorityClassName: hihg\n", _HIGH), POD + "  priorityClassName: high\n")
    good = (together(POD + "  priorityClassName: high\n", _HIGH), POD + "  priorityClassName: system-node-critical\n")

    def named(self, pod: Pod) -> Names:
        """Look at priorityClassName; those that start with system- are the cluster's."""
        name = pod.spec.get("priorityClassName")
        if not text(name).startswith("system-"):
            yield f"{pod.path}.priorityClassName", "PriorityClass.scheduling.k8s.io", name


class RuntimeClassGiven(PodReference):
    """A pod asks for a RuntimeClass that is none of the set's: the API server refuses the pod.

    In an open set told only where the set has classes of its own; mostly whoever sets up the nodes brings them.
    """

    code, remedy, evident = "K8S627", "Add the RuntimeClass, or correct runtimeClassName.", True
    _GVISOR = head("node.k8s.io/v1", "RuntimeClass", "gvisor") + "handler: runsc\n"
    bad = (together(POD + "  runtimeClassName: gviser\n", _GVISOR),)
    good = (together(POD + "  runtimeClassName: gvisor\n", _GVISOR),)

    def named(self, pod: Pod) -> Names:
        """Look at runtimeClassName."""
        yield f"{pod.path}.runtimeClassName", "RuntimeClass.node.k8s.io", pod.spec.get("runtimeClassName")
