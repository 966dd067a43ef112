"""One procedural object: its kind by how often people ask for it, its intents, and the metadata that any kind has."""

from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.drawing.others import OTHERS
from kubestill.domains.kubernetes.drawing.pods import chance, workload
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.kinds import KINDS

# How often each kind is drawn: the common ones more, none so seldom that it is not learned.
WEIGHTS: dict[str, float] = {
    "Deployment": 20, "Service": 11, "Pod": 7, "StatefulSet": 6, "DaemonSet": 4.5, "Job": 6, "CronJob": 7, "ReplicaSet": 1,
    "ReplicationController": 0.5, "Ingress": 6, "IngressClass": 0.6, "NetworkPolicy": 5, "ConfigMap": 5, "Secret": 4,
    "PersistentVolumeClaim": 5, "PersistentVolume": 2.5, "StorageClass": 2, "ServiceAccount": 1.6, "Role": 3.5, "ClusterRole": 3,
    "RoleBinding": 3, "ClusterRoleBinding": 2.5, "HorizontalPodAutoscaler": 4.5, "PodDisruptionBudget": 2.5, "ResourceQuota": 2,
    "LimitRange": 2, "PriorityClass": 1.2, "RuntimeClass": 0.6, "Namespace": 1.6,
}  # fmt: skip
_KINDS, _SHARES = list(WEIGHTS), list(WEIGHTS.values())


def draw_intents(rng: Random, part: str, kind: str = "") -> list[Intent]:
    """Return the intents of one invented object, its words from `part`; of any kind where none is given."""
    kind = kind or rng.choices(_KINDS, _SHARES)[0]
    words = Words(rng, part)
    intents = [Intent("kind", (), kind), Intent("name", (), words.name())]
    if KINDS[kind].namespaced and chance(rng, 0.25):
        intents.append(Intent("namespace", (), words.namespace()))
    if kind != "Namespace" and chance(rng, 0.08):
        key, value = words.label()
        intents.append(Intent("label", (key,), value))
    if chance(rng, 0.015):
        intents.append(Intent("annotation", (f"{words.host()}/{words.word()}",), words.word()))
    intents.extend(OTHERS[kind](words) if kind in OTHERS else workload(kind, words))
    return intents
