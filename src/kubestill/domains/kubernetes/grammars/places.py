"""Which format a value of a built-in kind has: what the API server holds of names, ports and keys, by definition and field.

A slot is the name of a format. The default is any text: a slot may take more than the API server does, never less. Source: the validation
of Kubernetes 1.36 as `checks/formats.py` and `checks/facts.py` write it down.
"""

from collections.abc import Mapping

# By the last part of the definition's name and the field.
_FIELDS: Mapping[tuple[str, str], str] = {
    ("ObjectMeta", "name"): "REFERENCE",
    ("ObjectMeta", "generateName"): "REFERENCE",
    ("ObjectMeta", "namespace"): "OWN_NAMESPACE",
    ("Container", "name"): "LABEL",
    ("EphemeralContainer", "name"): "LABEL",
    ("Volume", "name"): "LABEL",
    ("ContainerPort", "name"): "PORT_NAME",
    ("ServicePort", "name"): "LABEL",
    ("EnvVar", "name"): "VARIABLE",
    ("CronJobSpec", "schedule"): "CRON",
    ("ImageVolumeSource", "reference"): "IMAGE",
    ("LimitRangeItem", "type"): "LIMIT_TYPE",
    ("VolumeMount", "mountPath"): "PATH",
    ("HTTPIngressPath", "path"): "PATH",
    ("HTTPGetAction", "path"): "PATH",
    ("IngressRule", "host"): "HOST",
    ("IngressTLS", "hosts"): "HOST",
    ("SecretKeySelector", "key"): "KEY_NAME",
    ("ConfigMapKeySelector", "key"): "KEY_NAME",
    ("KeyToPath", "key"): "KEY_NAME",
    ("LabelSelectorRequirement", "key"): "LABEL_KEY_NAME",
    ("Toleration", "key"): "LABEL_KEY_NAME",
    ("NodeSelectorRequirement", "key"): "LABEL_KEY_NAME",
    ("TopologySpreadConstraint", "topologyKey"): "LABEL_KEY_NAME",
    ("PodAffinityTerm", "topologyKey"): "LABEL_KEY_NAME",
}
# Text that comes from a short list in nearly every manifest, by the field alone; the list is only what grounded text may say besides.
_LISTED: Mapping[str, str] = {
    **dict.fromkeys(("command", "args"), "argument"),
    **dict.fromkeys(("add", "drop"), "CAPABILITY"),
    **dict.fromkeys(("apiGroups", "apiGroup", "group"), "API_GROUP"),
    **dict.fromkeys(("apiVersion", "apiVersions", "admissionReviewVersions"), "API_VERSION"),
    "kind": "KIND_NAME",
    "verbs": "VERB",
    "resources": "RESOURCE_NAME",
    "fieldPath": "FIELD_PATH",
    "provisioner": "PROVISIONER",
    "clusterIP": "CLUSTER_IP",
    "medium": "MEDIUM",
    "namespace": "NAMESPACE",
    "priorityClassName": "PRIORITY_CLASS",
}
# Words that the server holds of fields for which its OpenAPI lists none (checks/rbac.py, checks/network.py).
_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RoleRef", "kind"): ("ClusterRole", "Role"),
    ("Subject", "kind"): ("Group", "ServiceAccount", "User"),
    ("NetworkPolicySpec", "policyTypes"): ("Ingress", "Egress"),
    ("MetricSpec", "type"): ("ContainerResource", "External", "Object", "Pods", "Resource"),
    ("MetricTarget", "type"): ("AverageValue", "Utilization", "Value"),
}
# By the field alone, wherever it is a string: they hold the name of another object, or of a part of this one.
_REFERENCES = frozenset(
    "secretName claimName serviceName serviceAccountName serviceAccount storageClassName ingressClassName volumeName runtimeClassName "
    "schedulerName nodeName".split()
)
# Definitions that point at another object by `name`.
_POINTING = frozenset(
    "LocalObjectReference SecretKeySelector ConfigMapKeySelector ConfigMapEnvSource SecretEnvSource ConfigMapVolumeSource "
    "ConfigMapProjection SecretProjection IngressServiceBackend CrossVersionObjectReference VolumeMount VolumeDevice "
    "TypedLocalObjectReference TypedObjectReference SecretReference ServiceReference ServiceBackendPort".split()
)
_PORTS = frozenset("containerPort hostPort port nodePort number".split())
_ZERO_PORTS = frozenset({"hostPort", "nodePort"})  # 0 means that there is none
_MODES = frozenset({"mode", "defaultMode"})
_COUNTS = frozenset("maxUnavailable maxSurge minAvailable".split())
# Maps from keys that people choose: what the keys are, and what text values are.
_MAPS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("labels", "matchLabels", "nodeSelector", "selector"), ("LABEL_KEY", "LABEL_VALUE")),
    "annotations": ("ANNOTATION_KEY", "text"),
    **dict.fromkeys(("data", "stringData"), ("DATA_KEY", "text")),
    "binaryData": ("DATA_KEY", "bytes"),
}


NAMELESS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})  # groups of reviews: asked, never stored
_SEGMENTS = frozenset({"rbac.authorization.k8s.io"})  # groups whose names need only stand in a path, `system:node`


def name_slot(group: str, kind: str) -> str:
    """Return the slot of the name of a kind's objects."""
    return "REFERENCE" if group in _SEGMENTS or kind == "IPAddress" else "NAME"


def text_slot(owner: str, name: str) -> str:
    """Return the slot of a string field."""
    if slot := _FIELDS.get((owner, name)):
        return slot
    if name in _LISTED:
        return _LISTED[name]
    if name == "image" and owner in ("Container", "EphemeralContainer"):
        return "IMAGE"
    return "REFERENCE" if name in _REFERENCES or (name == "name" and owner in _POINTING) else "text"


def words(owner: str, name: str) -> tuple[str, ...]:
    """Return the words that a field may hold where the OpenAPI does not list them."""
    return _WORDS.get((owner.rsplit(".", 1)[-1], name), ())


def port_range(owner: str, name: str, built_in: bool) -> tuple[int, int] | None:
    """Return the bounds of a port number, or None where the field is no port."""
    if not built_in or name not in _PORTS or owner == "ServiceBackendPort":
        return (0, 65535) if built_in and owner == "ServiceBackendPort" and name == "number" else None
    return (0 if name in _ZERO_PORTS else 1, 65535)


def is_mode(name: str) -> bool:
    """Return whether an integer holds the permissions of a file, which people write in octal."""
    return name in _MODES


def either_slot(name: str) -> str:
    """Return the slot of a field that is a number or text."""
    if name in ("port", "targetPort"):
        return "PORT"
    return "COUNT" if name in _COUNTS else "EITHER"


def map_slots(name: str) -> tuple[str, str]:
    """Return the slots of keys and of text values of a map with free keys."""
    return _MAPS.get(name, ("KEY", "text"))
