"""Every other kind, drawn as intents."""

from collections.abc import Callable, Iterator
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.drawing.pods import chance, pick, some
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.quantities import parse_quantity

Kinds = dict[str, Callable[[Words], Iterator[Intent]]]


def _service(words: Words) -> Iterator[Intent]:
    rng = words.rng
    if chance(rng, 0.05):
        yield Intent("spec.type", (), "ExternalName")
        yield Intent("spec.externalName", (), words.host())
        return
    kind, headless = rng.choice(("ClusterIP", "ClusterIP", "NodePort", "LoadBalancer")), False
    if kind != "ClusterIP" or chance(rng, 0.3):
        yield Intent("spec.type", (), kind)
    elif chance(rng, 0.2):
        headless = True
        yield Intent("spec.clusterIP.none", (), True)
    ports = {words.port() for _ in range(rng.choice((1, 1, 1, 1, 2)))}
    for port in sorted(ports):
        yield Intent("port", (), port)
        keys = (str(port),)
        if chance(rng, 0.6) and not headless:  # whose clients talk to the pods themselves, on the pods' own port
            yield Intent("port.target", keys, words.port() if chance(rng, 0.85) else rng.choice(("http", "web", "metrics", words.word())))
        if kind == "NodePort" and chance(rng, 0.5):
            yield Intent("port.node", keys, rng.randrange(30000, 32768))
        if chance(rng, 0.15) or (len(ports) > 1 and chance(rng, 0.6)):
            yield Intent(
                "port.name",
                keys,
                "http"
                if port == 80
                else f"{rng.choice(('web', 'grpc', 'admin', 'tcp', 'p'))}-{port}"
                if len(ports) > 1
                else rng.choice(("http", "web", "grpc")),
            )
        if chance(rng, 0.06):
            yield Intent("port.protocol", keys, "UDP")
    if chance(rng, 0.98):  # without one somebody else keeps its endpoints, which few people want
        yield Intent("selector", ("app",), words.name())
        if chance(rng, 0.2):
            key, value = words.label()
            if key != "app":
                yield Intent("selector", (key,), value)
    if not headless:  # without an IP of its own nothing sends a client back to its pod
        yield from some("spec.sessionAffinity", 0.04, lambda _: "ClientIP")(words)
    if kind in ("NodePort", "LoadBalancer"):
        yield from some("spec.externalTrafficPolicy", 0.1, lambda _: "Local")(words)


def _ingress(words: Words) -> Iterator[Intent]:
    rng = words.rng
    host, rules = words.host(), set()
    yield from some("spec.ingressClassName", 0.5, lambda w: w.rng.choice(("nginx", "traefik", "public", w.word())))(words)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        path = words.url_path() if chance(rng, 0.6) else "/"
        if (host, path) not in rules:
            rules.add((host, path))
            yield Intent("rule", (host, path), (words.name(), words.port()))
            if chance(rng, 0.1):
                yield Intent("rule.pathType", (host, path), rng.choice(("Exact", "ImplementationSpecific")))
        host = words.host() if chance(rng, 0.4) else host
    if chance(rng, 0.35):
        yield Intent("tls", (sorted(rules)[0][0],), words.name())


def _network_policy(words: Words) -> Iterator[Intent]:
    rng = words.rng
    if chance(rng, 0.25):
        yield Intent("podSelector.all", (), True)
    else:
        key, value = ("app", words.name()) if chance(rng, 0.6) else words.label()
        yield Intent("podSelector", (key,), value)
    sides = rng.choice((("ingress",), ("ingress",), ("egress",), ("ingress", "egress")))
    for side in sides:
        roll = rng.random()
        if roll < 0.3:
            yield Intent("deny", (side,), True)
        elif roll < 0.38:
            yield Intent("allow.all", (side,), True)
        else:
            peers = tuple(sorted((_peer(words) for _ in range(rng.choice((1, 1, 1, 2)))), key=str))
            ports = tuple(sorted({(words.port(), "TCP") for _ in range(rng.choice((0, 1, 1, 2)))}, key=str))
            yield Intent("allow", (side,), (peers, ports))


def _peer(words: Words) -> tuple[object, ...]:
    rng, roll = words.rng, words.rng.random()
    label = ("app", words.name()) if chance(rng, 0.55) else words.label()
    if roll < 0.55:
        return ("pods", (label,))
    if roll < 0.75:
        return ("namespaces", (("kubernetes.io/metadata.name", words.namespace()) if chance(rng, 0.5) else label,))
    if roll < 0.92:
        bits = rng.choice((16, 24, 24))
        return (
            "cidr",
            f"{rng.choice((10, 172, 192))}.{rng.randrange(256)}.{rng.choice((0, rng.randrange(256))) if bits > 16 else 0}.0/{bits}",
        )
    return ("both", (label,), (words.label(),))


def _config_map(words: Words) -> Iterator[Intent]:
    for key in sorted({words.key() for _ in range(words.rng.choice((1, 2, 2, 3, 4)))}):
        yield Intent("data", (key,), words.text())
    yield from some("immutable", 0.05, lambda _: True)(words)


def _secret(words: Words) -> Iterator[Intent]:
    for key in sorted({words.key() for _ in range(words.rng.choice((1, 2, 2, 3)))}):
        yield Intent("data", (key,), words.secret())
    yield from some("type", 0.2, lambda _: "Opaque")(words)
    yield from some("immutable", 0.04, lambda _: True)(words)


_MODES = (("ReadWriteOnce",), ("ReadWriteOnce",), ("ReadWriteMany",), ("ReadOnlyMany",), ("ReadWriteOncePod",))


def _claim(words: Words) -> Iterator[Intent]:
    yield Intent("spec.resources.requests.storage", (), words.memory(large=True))
    yield from some("spec.accessModes", 0.5, pick(*_MODES))(words)
    yield from some("spec.storageClassName", 0.45, lambda w: w.name())(words)
    yield from some("spec.volumeName", 0.06, lambda w: w.name())(words)
    yield from some("spec.volumeMode", 0.05, pick("Block", "Filesystem"))(words)


def _volume(words: Words) -> Iterator[Intent]:
    yield Intent("spec.capacity.storage", (), words.memory(large=True))
    yield from some("spec.accessModes", 0.6, pick(*_MODES[:4]))(words)
    yield from some("spec.storageClassName", 0.5, lambda w: w.name())(words)
    yield from some("spec.persistentVolumeReclaimPolicy", 0.4, pick("Retain", "Delete", "Recycle"))(words)
    if chance(words.rng, 0.6):
        yield Intent("spec.hostPath.path", (), words.path())
    else:
        yield Intent("spec.nfs.server", (), words.host())
        yield Intent("spec.nfs.path", (), words.path())


def _storage_class(words: Words) -> Iterator[Intent]:
    made = words.rng.random() < 0.7  # or volumes that someone made by hand, which nothing sets up or expands
    provisioner = words.rng.choice((f"{words.word()}.csi.{words.host()}", f"{words.host()}/{words.word()}"))
    yield Intent("provisioner", (), provisioner if made else "kubernetes.io/no-provisioner")
    yield from some("reclaimPolicy", 0.4, pick("Retain", "Delete"))(words)
    yield from some("volumeBindingMode", 0.4, pick("WaitForFirstConsumer", "Immediate"))(words)
    yield from some("default.class", 0.12, lambda _: True)(words)
    if made:
        yield from some("allowVolumeExpansion", 0.35, lambda _: True)(words)
    for key in words.rng.sample(("fsType", "pool", "tier"), words.rng.choice((0, 0, 1, 2)) if made else 0):
        yield Intent("parameter", (key,), words.of_key(key))


def _account(words: Words) -> Iterator[Intent]:
    yield from some("automountServiceAccountToken", 0.3, lambda w: w.rng.random() < 0.2)(words)
    yield from some("sa.imagePullSecret", 0.35, lambda w: w.name())(words)
    yield from some("sa.secret", 0.12, lambda w: w.name())(words)


NAMESPACED = (
    "pods services configmaps secrets endpoints persistentvolumeclaims serviceaccounts events pods/log pods/exec "
    "deployments.apps statefulsets.apps daemonsets.apps replicasets.apps deployments/scale.apps jobs.batch cronjobs.batch "
    "ingresses.networking.k8s.io networkpolicies.networking.k8s.io horizontalpodautoscalers.autoscaling leases.coordination.k8s.io "
    "roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io poddisruptionbudgets.policy"
).split()
RESOURCES = [
    *NAMESPACED,
    *"nodes namespaces persistentvolumes storageclasses.storage.k8s.io clusterroles.rbac.authorization.k8s.io".split(),
    "customresourcedefinitions.apiextensions.k8s.io",
]
VERBS = (
    ("get", "list", "watch"),
    ("get", "list", "watch"),
    ("get", "list"),
    ("get",),
    ("list", "watch"),
    ("create",),
    ("create", "delete", "get", "list", "patch", "update", "watch"),
    ("create", "get", "update"),
    ("delete",),
    ("patch", "update"),
    ("*",),
)


# What the API serves of a subresource: to read a log, to start a command in a pod, to set a number of replicas (kubectl api-resources).
SUBRESOURCES = {
    "pods/log": (("get",),),
    "pods/exec": (("create",),),
    "deployments/scale.apps": (("get", "patch", "update"), ("get", "update"), ("patch", "update"), ("update",)),
}


def verbs_for(resource: str, rng: Random) -> tuple[str, ...]:
    """Return verbs that make sense for a resource."""
    return rng.choice(SUBRESOURCES.get(resource, VERBS))


def _role(resources: list[str]) -> Callable[[Words], Iterator[Intent]]:
    def draw(words: Words) -> Iterator[Intent]:
        rng = words.rng
        left = rng.sample(resources, 6)
        if chance(rng, 0.12):
            left[0] = f"{words.word()}s.{words.host()}"
        for _ in range(rng.choice((1, 1, 1, 2))):
            verbs = verbs_for(left[-1], rng)
            for place in range(1 if left[-1] in SUBRESOURCES else rng.choice((1, 1, 2, 3))):
                if place and left[-1] in SUBRESOURCES:
                    break
                resource = left.pop()
                yield Intent("grant", (resource,), verbs)
                if chance(rng, 0.05) and not {"create", "*"} & set(verbs):  # what is being created has no name yet
                    yield Intent("grant.names", (resource,), (words.name(),))

    return draw


def _binding(kinds: tuple[str, ...]) -> Callable[[Words], Iterator[Intent]]:
    def draw(words: Words) -> Iterator[Intent]:
        rng = words.rng
        name = rng.choice(("view", "edit", "admin", "cluster-admin")) if chance(rng, 0.2) else words.name()
        kind = "ClusterRole" if name in ("view", "edit", "admin", "cluster-admin") else rng.choice(kinds)
        yield Intent("roleRef", (), (kind, name))
        for _ in range(rng.choice((1, 1, 1, 2))):
            subject = rng.choice(("ServiceAccount", "ServiceAccount", "User", "Group"))
            if subject == "ServiceAccount":
                yield Intent("subject.ServiceAccount", (), (words.name(), words.namespace()))
            else:
                person = f"{words.word()}@{words.host()}" if chance(rng, 0.3) and subject == "User" else words.name()
                yield Intent(f"subject.{subject}", (), person)

    return draw


def _autoscaler(words: Words) -> Iterator[Intent]:
    rng = words.rng
    yield Intent("target", (), (rng.choice(("Deployment", "Deployment", "Deployment", "StatefulSet")), words.name()))
    low = rng.randint(1, 6)
    if chance(rng, 0.85):
        yield Intent("spec.minReplicas", (), low)
    yield Intent("spec.maxReplicas", (), low + rng.randint(1, 20))
    for what, probability in (("cpu", 0.85), ("memory", 0.3)):
        if chance(rng, probability):
            if chance(rng, 0.85):
                yield Intent("metric.utilization", (what,), rng.choice((50, 60, 70, 75, 80, 85, 90, rng.randrange(20, 96))))
            else:
                yield Intent("metric.value", (what,), words.cpu() if what == "cpu" else words.memory())


def _budget(words: Words) -> Iterator[Intent]:
    rng = words.rng
    value = rng.randint(1, 6) if chance(rng, 0.6) else f"{rng.choice((10, 20, 25, 30, 50, 60, 75, 80))}%"
    yield Intent(f"spec.{rng.choice(('minAvailable', 'minAvailable', 'maxUnavailable'))}", (), value)
    yield Intent("selector", ("app",) if chance(rng, 0.85) else (words.label()[0],), words.name())


def _quota(words: Words) -> Iterator[Intent]:
    rng = words.rng
    counts = (
        "pods services secrets configmaps persistentvolumeclaims services.loadbalancers services.nodeports count/deployments.apps".split()
    )
    amounts = "requests.cpu requests.memory limits.cpu limits.memory requests.storage".split()
    for name in rng.sample(counts + amounts, rng.choice((1, 2, 3, 4))):
        if name in counts:  # of the costly ones few are allowed, and fewer than of all services
            few = name in ("services.loadbalancers", "services.nodeports")
            yield Intent("hard", (name,), str(rng.randrange(6) if few else rng.randrange(6, 100)))
        elif "cpu" in name:
            yield Intent("hard", (name,), words.cpu())
        else:
            yield Intent("hard", (name,), words.memory(large="storage" in name or chance(rng, 0.5)))


_BOUNDS = ("min", "defaultRequest", "default", "max")  # each at most the next one


def _limits(words: Words) -> Iterator[Intent]:
    rng = words.rng
    drawn = [
        (field, what)
        for field in rng.sample(_BOUNDS, rng.choice((1, 1, 2)))
        for what in rng.choice((("cpu",), ("memory",), ("cpu", "memory")))
    ]
    for what, draw in (("cpu", words.cpu), ("memory", words.memory)):
        fields = [field for field in _BOUNDS if (field, what) in drawn]
        amounts = sorted((draw() for _ in fields), key=lambda amount: parse_quantity(amount) or 0)
        for field, amount in zip(fields, amounts, strict=True):
            yield Intent("limit", ("Container", field, what), amount)
    if chance(rng, 0.1):
        yield Intent("limit", ("PersistentVolumeClaim", "max", "storage"), words.memory(large=True))


def _priority(words: Words) -> Iterator[Intent]:
    yield Intent("value", (), words.rng.choice((1000, 10000, 100000, 1000000, 0, 500, words.rng.randrange(1, 10**6))))
    yield from some("globalDefault", 0.15, lambda _: True)(words)
    yield from some("preemptionPolicy", 0.2, lambda _: "Never")(words)
    yield from some(
        "description",
        0.25,
        lambda w: f"{w.rng.choice(('for', 'used by', 'only for'))} {w.word()} {w.rng.choice(('pods', 'jobs', 'services', 'workloads'))}",
    )(words)


def _labels(words: Words) -> Iterator[Intent]:
    for key, value in dict(words.label() for _ in range(words.rng.choice((0, 1, 1, 2)))).items():
        yield Intent("label", (key,), value)


OTHERS: Kinds = {
    "Service": _service,
    "Ingress": _ingress,
    "IngressClass": lambda words: iter([Intent("spec.controller", (), f"{words.host()}/{words.word()}-controller")]),
    "NetworkPolicy": _network_policy,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "StorageClass": _storage_class,
    "ServiceAccount": _account,
    "Role": _role(NAMESPACED),
    "ClusterRole": _role(RESOURCES),
    "RoleBinding": _binding(("Role", "Role", "ClusterRole")),
    "ClusterRoleBinding": _binding(("ClusterRole",)),
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "ResourceQuota": _quota,
    "LimitRange": _limits,
    "PriorityClass": _priority,
    "RuntimeClass": lambda words: iter([Intent("handler", (), words.word())]),
    "Namespace": _labels,
}
