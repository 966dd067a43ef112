"""Every update rule: code → "module:Class", loaded on first use. A test holds it against the folder."""

from functools import cache

from kubestill.domains.kubernetes.policies.rule import DEFAULT_MINOR
from kubestill.domains.kubernetes.updates.rule import UpdateRule
from kubestill.ground.registry import load_object

_HERE = "kubestill.domains.kubernetes.updates"

CHECKS: dict[str, str] = {
    "K8S651": "identity:SameObject",
    "K8S652": "identity:OtherVersion",
    "K8S653": "identity:Stamps",
    "K8S654": "identity:Finalizers",
    "K8S655": "pods:PodFields",
    "K8S656": "pods:PodContainers",
    "K8S657": "pods:PodResources",
    "K8S658": "pods:EphemeralContainers",
    "K8S659": "pods:Deadline",
    "K8S660": "pods:Tolerations",
    "K8S661": "pods:SchedulingGates",
    "K8S662": "pods:Placement",
    "K8S663": "pods:PodAnnotations",
    "K8S664": "workloads:Selector",
    "K8S665": "workloads:StatefulSetFields",
    "K8S666": "workloads:JobTemplate",
    "K8S667": "workloads:JobFields",
    "K8S668": "workloads:JobCompletions",
    "K8S669": "services:ClusterAddresses",
    "K8S670": "services:AddressFamilies",
    "K8S671": "services:LoadBalancerClass",
    "K8S672": "services:HealthCheckPort",
    "K8S673": "services:AddressType",
    "K8S674": "services:Controller",
    "K8S675": "services:AddressRanges",
    "K8S676": "storage:ClaimFields",
    "K8S677": "storage:ClaimSize",
    "K8S678": "storage:AttributesClassName",
    "K8S679": "storage:VolumeSource",
    "K8S680": "storage:VolumeAffinity",
    "K8S681": "storage:StorageClassFields",
    "K8S682": "storage:AttributesClassFields",
    "K8S683": "storage:DriverFields",
    "K8S684": "storage:NodeDrivers",
    "K8S685": "config:ImmutableData",
    "K8S686": "config:SecretType",
    "K8S687": "cluster:RoleRef",
    "K8S688": "cluster:Priority",
    "K8S689": "cluster:Handler",
    "K8S690": "cluster:QuotaScopes",
    "K8S691": "cluster:NodeFields",
    "K8S692": "cluster:DefinitionNames",
    "K8S693": "cluster:StoredVersions",
    "K8S694": "cluster:SigningRequest",
    "K8S695": "cluster:DeviceClaims",
    "K8S696": "cluster:ControllerFields",
}


@cache
def load(code: str, minor: int = DEFAULT_MINOR) -> UpdateRule:
    """Return the rule of a code, made for a release.

    Raises:
        KeyError: no update rule has it.
    """
    rule: UpdateRule = load_object(f"{_HERE}.{CHECKS[code]}")(minor)
    return rule


@cache
def rules(minor: int = DEFAULT_MINOR) -> tuple[UpdateRule, ...]:
    """Return every update rule of a release, in the order of its code."""
    return tuple(load(code, minor) for code in sorted(CHECKS))
