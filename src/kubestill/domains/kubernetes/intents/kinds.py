"""The kinds whose intents can be read and built: where their pods are, what is required, what is the default."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind: its apiVersion, where its pod spec's template stands, and whether it lives in a namespace."""

    api_version: str
    template: tuple[str, ...] | None = None  # path to the object that holds the pod's metadata and spec
    namespaced: bool = True
    selects: bool = False  # spec.selector.matchLabels must agree with the template's labels


_APPS, _BATCH, _NET, _RBAC = "apps/v1", "batch/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"
_TEMPLATE = ("spec", "template")

KINDS: dict[str, Kind] = {
    "Deployment": Kind(_APPS, _TEMPLATE, selects=True),
    "ReplicaSet": Kind(_APPS, _TEMPLATE, selects=True),
    "StatefulSet": Kind(_APPS, _TEMPLATE, selects=True),
    "DaemonSet": Kind(_APPS, _TEMPLATE, selects=True),
    "ReplicationController": Kind("v1", _TEMPLATE),
    "Pod": Kind("v1", ()),
    "Job": Kind(_BATCH, _TEMPLATE),
    "CronJob": Kind(_BATCH, ("spec", "jobTemplate", "spec", "template")),
    "Service": Kind("v1"),
    "Ingress": Kind(_NET),
    "IngressClass": Kind(_NET, namespaced=False),
    "NetworkPolicy": Kind(_NET),
    "ConfigMap": Kind("v1"),
    "Secret": Kind("v1"),
    "PersistentVolumeClaim": Kind("v1"),
    "PersistentVolume": Kind("v1", namespaced=False),
    "StorageClass": Kind("storage.k8s.io/v1", namespaced=False),
    "ServiceAccount": Kind("v1"),
    "Role": Kind(_RBAC),
    "ClusterRole": Kind(_RBAC, namespaced=False),
    "RoleBinding": Kind(_RBAC),
    "ClusterRoleBinding": Kind(_RBAC, namespaced=False),
    "HorizontalPodAutoscaler": Kind("autoscaling/v2"),
    "PodDisruptionBudget": Kind("policy/v1"),
    "ResourceQuota": Kind("v1"),
    "LimitRange": Kind("v1"),
    "PriorityClass": Kind("scheduling.k8s.io/v1", namespaced=False),
    "RuntimeClass": Kind("node.k8s.io/v1", namespaced=False),
    "Namespace": Kind("v1", namespaced=False),
}

# What the API server fills in where a manifest is silent (Kubernetes API reference, v1.36): an answer that leaves
# it out means the same as one that says it.
DEFAULTS: dict[str, object] = {
    "spec.replicas": 1,
    "spec.strategy.type": "RollingUpdate",
    "spec.updateStrategy.type": "RollingUpdate",
    "spec.podManagementPolicy": "OrderedReady",
    "spec.concurrencyPolicy": "Allow",
    "spec.suspend": False,
    "spec.jobTemplate.spec.backoffLimit": 6,
    "spec.backoffLimit": 6,
    "spec.completions": 1,
    "spec.parallelism": 1,
    "spec.successfulJobsHistoryLimit": 3,
    "spec.failedJobsHistoryLimit": 1,
    "spec.minReplicas": 1,
    "spec.type": "ClusterIP",
    "spec.sessionAffinity": "None",
    "spec.externalTrafficPolicy": "Cluster",
    "spec.volumeMode": "Filesystem",
    "spec.revisionHistoryLimit": 10,
    "spec.progressDeadlineSeconds": 600,
    "spec.strategy.rollingUpdate.maxSurge": "25%",
    "spec.strategy.rollingUpdate.maxUnavailable": "25%",
    "port.protocol": "TCP",
    "container.port.protocol": "TCP",
    "pod.restartPolicy": "Always",
    "pod.hostNetwork": False,
    "pod.hostPID": False,
    "pod.hostIPC": False,
    "pod.dnsPolicy": "ClusterFirst",
    "pod.schedulerName": "default-scheduler",
    "pod.terminationGracePeriodSeconds": 30,
    "container.tty": False,
    "container.stdin": False,
    "container.securityContext.privileged": False,
    "container.securityContext.readOnlyRootFilesystem": False,
    "mount.readOnly": False,
    "container.livenessProbe.periodSeconds": 10,
    "container.livenessProbe.failureThreshold": 3,
    "container.livenessProbe.timeoutSeconds": 1,
    "container.livenessProbe.initialDelaySeconds": 0,
    "container.readinessProbe.periodSeconds": 10,
    "container.readinessProbe.failureThreshold": 3,
    "container.readinessProbe.timeoutSeconds": 1,
    "container.readinessProbe.initialDelaySeconds": 0,
    "type": "Opaque",
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate",
    "allowVolumeExpansion": False,
    "globalDefault": False,
    "preemptionPolicy": "PreemptLowerPriority",
    "immutable": False,
    "spec.publishNotReadyAddresses": False,
    "spec.persistentVolumeReclaimPolicy": "Retain",
}

# Fields that hold a map with the user's own keys: the key belongs to the intent's keys, not to its aspect.
MAPS = frozenset(
    "labels annotations matchLabels nodeSelector data stringData parameters hard limits requests capacity default "
    "defaultRequest max min maxLimitRequestRatio volumeAttributes matchFields podFixed overhead".split()
)
QUANTITY_ASPECTS = frozenset(
    [
        *(
            f"{scope}.{side}.{resource}"
            for scope in ("container", "init")
            for side in ("requests", "limits")
            for resource in ("cpu", "memory", "gpu", "other")
        ),
        "spec.resources.requests.storage",
        "spec.capacity.storage",
        "claim.storage",
        "metric.value",
        "hard",
        "limit",
        "mount.emptyDir.sizeLimit",
    ]
)
# Lists whose order means nothing.
SET_ASPECTS = frozenset(
    [
        "spec.accessModes",
        "claim.accessModes",
        "container.securityContext.capabilities.drop",
        "container.securityContext.capabilities.add",
        "spec.loadBalancerSourceRanges",
        "grant",
        "grant.names",
        "grant.url",
        "mountOptions",
        "spec.mountOptions",
        "spec.policyTypes",
    ]
)
