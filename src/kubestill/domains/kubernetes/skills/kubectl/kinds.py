"""Kinds of object as kubectl commands name them and as people call them. Vocabulary, not phrasing: nobody can guess `sts`."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind: how a command writes one and several, what people say, how often it is drawn, and what can be done with it."""

    one: str  # `get deployment web`
    many: str  # `get deployments`
    said_one: tuple[str, ...]  # the first is the plain one, the last a short one for hasty people
    said_many: tuple[str, ...]
    weight: int
    traits: frozenset[str]


def _kind(one: str, many: str, said: str, weight: int, traits: str) -> Kind:
    """Read a row: spoken names are `one, one / several, several`."""
    singular, plural = (tuple(part.strip() for part in side.split(",")) for side in said.split("/"))
    return Kind(one, many, singular, plural, weight, frozenset(traits.split()))


# Traits: inside (a namespace), rolls (rollout), scales, autoscales, logs, forwards, exposes, runs (has containers), hand (people make
# it by hand), data (ConfigMap-like), labels (people label it).
_ROWS = (
    ("pod", "pods", "pod, pod, po / pods, pods, po", 26, "pod inside logs forwards exposes hand labels"),
    (
        "deployment",
        "deployments",
        "deployment, deployment, deploy / deployments, deployments, deploys",
        24,
        "inside rolls scales autoscales logs forwards exposes runs hand labels",
    ),
    ("service", "services", "service, service, svc / services, services, svc", 14, "inside forwards exposes hand labels"),
    (
        "statefulset",
        "statefulsets",
        "statefulset, stateful set, sts / statefulsets, stateful sets, sts",
        10,
        "inside rolls scales autoscales logs runs hand labels",
    ),
    ("daemonset", "daemonsets", "daemonset, daemon set, ds / daemonsets, daemon sets, ds", 8, "inside rolls logs runs hand labels"),
    (
        "replicaset",
        "replicasets",
        "replicaset, replica set, rs / replicasets, replica sets, rs",
        5,
        "inside scales logs forwards runs labels",
    ),
    ("job", "jobs", "job, job, job / jobs, jobs, jobs", 7, "inside logs hand labels"),
    ("cronjob", "cronjobs", "cronjob, cron job, cj / cronjobs, cron jobs, cronjobs", 6, "inside hand labels"),
    ("configmap", "configmaps", "configmap, config map, cm / configmaps, config maps, cm", 9, "inside hand data labels"),
    ("secret", "secrets", "secret, secret, secret / secrets, secrets, secrets", 8, "inside hand data labels"),
    ("ingress", "ingresses", "ingress, ingress, ing / ingresses, ingresses, ing", 6, "inside hand labels"),
    (
        "pvc",
        "pvc",
        "persistent volume claim, pvc, pvc / persistent volume claims, pvcs, pvc",
        6,
        "inside hand labels",
    ),
    (
        "serviceaccount",
        "serviceaccounts",
        "service account, serviceaccount, sa / service accounts, serviceaccounts, sa",
        4,
        "inside hand labels",
    ),
    ("role", "roles", "role, role, role / roles, roles, roles", 2, "inside hand"),
    ("rolebinding", "rolebindings", "role binding, rolebinding, rolebinding / role bindings, rolebindings, rolebindings", 2, "inside hand"),
    (
        "networkpolicy",
        "networkpolicies",
        "network policy, networkpolicy, netpol / network policies, networkpolicies, netpol",
        4,
        "inside hand labels",
    ),
    ("hpa", "hpa", "horizontal pod autoscaler, hpa, hpa / horizontal pod autoscalers, hpas, hpa", 4, "inside hand labels"),
    ("pdb", "pdb", "pod disruption budget, pdb, pdb / pod disruption budgets, pdbs, pdb", 3, "inside hand labels"),
    ("resourcequota", "resourcequotas", "resource quota, quota, quota / resource quotas, quotas, quota", 3, "inside hand"),
    ("limitrange", "limitranges", "limit range, limitrange, limitrange / limit ranges, limitranges, limitranges", 2, "inside hand"),
    (
        "endpointslice",
        "endpointslices",
        "endpoint slice, endpointslice, endpointslice / endpoint slices, endpointslices, endpointslices",
        2,
        "inside",
    ),
    ("lease", "leases", "lease, lease, lease / leases, leases, leases", 1, "inside"),
    (
        "replicationcontroller",
        "replicationcontrollers",
        "replication controller, rc, rc / replication controllers, rcs, rc",
        1,
        "inside scales logs runs",
    ),
    ("node", "nodes", "node, node, node / nodes, nodes, nodes", 10, "labels"),
    ("namespace", "namespaces", "namespace, namespace, ns / namespaces, namespaces, ns", 7, "labels hand"),
    ("pv", "pv", "persistent volume, pv, pv / persistent volumes, pvs, pv", 4, "labels hand"),
    ("storageclass", "storageclasses", "storage class, storageclass, sc / storage classes, storageclasses, sc", 3, "labels hand"),
    ("clusterrole", "clusterroles", "cluster role, clusterrole, clusterrole / cluster roles, clusterroles, clusterroles", 2, "hand"),
    (
        "clusterrolebinding",
        "clusterrolebindings",
        "cluster role binding, clusterrolebinding, clusterrolebinding / cluster role bindings, clusterrolebindings, clusterrolebindings",
        2,
        "hand",
    ),
    ("crd", "crds", "custom resource definition, crd, crd / custom resource definitions, crds, crds", 3, "hand"),
    (
        "ingressclass",
        "ingressclasses",
        "ingress class, ingressclass, ingressclass / ingress classes, ingressclasses, ingressclasses",
        1,
        "hand",
    ),
    ("priorityclass", "priorityclasses", "priority class, priorityclass, pc / priority classes, priorityclasses, pc", 2, "hand"),
    ("csr", "csr", "certificate signing request, csr, csr / certificate signing requests, csrs, csr", 1, "given"),
    (
        "validatingwebhookconfiguration",
        "validatingwebhookconfigurations",
        "validating webhook configuration, validating webhook, validatingwebhookconfiguration / "
        "validating webhook configurations, validating webhooks, validatingwebhookconfigurations",
        1,
        "hand",
    ),
    (
        "mutatingwebhookconfiguration",
        "mutatingwebhookconfigurations",
        "mutating webhook configuration, mutating webhook, mutatingwebhookconfiguration / "
        "mutating webhook configurations, mutating webhooks, mutatingwebhookconfigurations",
        1,
        "hand",
    ),
    ("apiservice", "apiservices", "api service, apiservice, apiservice / api services, apiservices, apiservices", 1, "hand"),
)


@cache
def kinds() -> Mapping[str, Kind]:
    """Return all kinds by the word that a command uses for one."""
    return {row[0]: _kind(*row) for row in _ROWS}


@cache
def kinds_with(traits: str) -> tuple[Kind, ...]:
    """Return the kinds that have all of the traits, each as often as it weighs; `!trait` is one that they must not have."""
    wanted = traits.split()
    without = {trait[1:] for trait in wanted if trait.startswith("!")}
    having = {trait for trait in wanted if not trait.startswith("!")}
    found = [kind for kind in kinds().values() if having <= kind.traits and not without & kind.traits]
    return tuple(kind for kind in found for _ in range(kind.weight))
