"""Every validity rule: code → "module:Class", loaded on first use. A test holds this table against the folder."""

from functools import cache, lru_cache

from kubestill.domains.kubernetes.checks.needs import is_idle
from kubestill.domains.kubernetes.checks.rule import Rule
from kubestill.ground.registry import load_object
from kubestill.tools.checks.api import Result
from kubestill.tools.checks.run import NOTHING_TO_JUDGE, skipped

_HERE = "kubestill.domains.kubernetes.checks"

CHECKS: dict[str, str] = {
    "K8S101": "metadata:NameGiven",
    "K8S102": "metadata:NameFormat",
    "K8S103": "metadata:NamespaceFormat",
    "K8S104": "metadata:Owners",
    "K8S105": "metadata:Finalizers",
    "K8S107": "scheduling:Annotated",
    "K8S108": "scheduling:Gates",
    "K8S109": "scheduling:Deadline",
    "K8S110": "metadata:LabelKeys",
    "K8S111": "metadata:LabelValues",
    "K8S112": "metadata:Annotations",
    "K8S113": "metadata:ServedVersion",
    "K8S115": "selectors:SelectorTerms",
    "K8S116": "selectors:PlainSelectors",
    "K8S117": "selectors:SelectsItsPods",
    "K8S118": "scheduling:NodeTerms",
    "K8S119": "scheduling:MatchLabelKeys",
    "K8S120": "pods:ContainersGiven",
    "K8S121": "pods:ContainerNames",
    "K8S122": "pods:RestartPolicy",
    "K8S123": "pods:PodNumbers",
    "K8S124": "pods:Tolerations",
    "K8S125": "pods:Affinity",
    "K8S126": "pods:Spread",
    "K8S127": "pods:References",
    "K8S128": "pods:Dns",
    "K8S129": "pods:HostPorts",
    "K8S130": "volumes:VolumeNames",
    "K8S131": "volumes:VolumeSource",
    "K8S132": "volumes:VolumeNeeds",
    "K8S133": "volumes:MountsHaveVolumes",
    "K8S134": "volumes:MountPaths",
    "K8S135": "sources:Projections",
    "K8S136": "sources:PodFieldFiles",
    "K8S137": "sources:MountOptions",
    "K8S138": "sources:EphemeralClaims",
    "K8S140": "containers:Image",
    "K8S141": "containers:Ports",
    "K8S142": "containers:Env",
    "K8S143": "containers:EnvReferences",
    "K8S144": "containers:TwiceTheSameEnv",
    "K8S145": "containers:Privileges",
    "K8S146": "containers:ImageReference",
    "K8S147": "security:Profiles",
    "K8S148": "security:HostNamespaces",
    "K8S149": "security:OperatingSystem",
    "K8S150": "resources:RequestsWithinLimits",
    "K8S151": "resources:ResourceAmounts",
    "K8S152": "scheduling:ClaimsKnown",
    "K8S153": "scheduling:PodResources",
    "K8S154": "probes:SleepsWithinGrace",
    "K8S155": "probes:OneHandler",
    "K8S156": "probes:HandlerPorts",
    "K8S157": "probes:ProbeNumbers",
    "K8S158": "probes:InitContainers",
    "K8S159": "security:WindowsOptions",
    "K8S160": "workloads:WorkloadNumbers",
    "K8S161": "workloads:RollingUpdate",
    "K8S162": "workloads:JobNumbers",
    "K8S163": "workloads:JobSelector",
    "K8S164": "workloads:Schedule",
    "K8S165": "workloads:ClaimTemplates",
    "K8S166": "jobs:FailurePolicy",
    "K8S167": "jobs:IndexedJobs",
    "K8S168": "jobs:SuccessPolicy",
    "K8S170": "services:ServicePorts",
    "K8S171": "services:ServicePortNames",
    "K8S172": "services:ServiceType",
    "K8S173": "services:ServiceAddresses",
    "K8S174": "services:NodePortRange",
    "K8S175": "services:ServiceFamilies",
    "K8S176": "network:EndpointSubsets",
    "K8S177": "network:Families",
    "K8S180": "network:IngressGiven",
    "K8S181": "network:IngressPaths",
    "K8S182": "network:IngressBackends",
    "K8S183": "network:IngressHosts",
    "K8S184": "network:IngressClassOnce",
    "K8S185": "network:PolicyPeers",
    "K8S186": "network:PolicyPorts",
    "K8S187": "network:IngressClassController",
    "K8S188": "network:Endpoints",
    "K8S189": "storage:ClaimSource",
    "K8S190": "storage:ClaimModes",
    "K8S191": "storage:ClaimSize",
    "K8S192": "storage:VolumeCapacity",
    "K8S193": "storage:OneSource",
    "K8S194": "storage:Provisioner",
    "K8S195": "config:DataKeys",
    "K8S196": "config:DataSize",
    "K8S197": "config:SecretTypes",
    "K8S200": "rbac:RoleRules",
    "K8S201": "rbac:RoleRef",
    "K8S202": "rbac:Subjects",
    "K8S203": "rbac:Aggregation",
    "K8S210": "scaling:ReplicaRange",
    "K8S211": "scaling:ScaleTarget",
    "K8S212": "scaling:Metrics",
    "K8S213": "scaling:DisruptionBudget",
    "K8S220": "policy:QuotaAmounts",
    "K8S221": "policy:LimitOrder",
    "K8S222": "policy:PriorityValue",
    "K8S223": "policy:QuotaScopes",
    "K8S230": "admission:Webhooks",
    "K8S231": "custom:Definitions",
    "K8S232": "admission:AdmissionPolicy",
    "K8S233": "admission:WebhookRules",
    "K8S234": "admission:PolicyActions",
    "K8S235": "custom:DefinitionNames",
    "K8S236": "custom:DefinitionExtras",
    "K8S237": "custom:StructuralSchemas",
    "K8S240": "fields:Bounds",
    "K8S241": "fields:Forms",
    "K8S242": "fields:Words",
    "K8S243": "fields:Given",
    "K8S244": "fields:Choices",
    "K8S245": "fields:Repetitions",
    "K8S250": "extension:ServedElsewhere",
    "K8S251": "extension:FlowRules",
    "K8S252": "extension:PriorityLevels",
    "K8S253": "extension:CertificateRequests",
    "K8S254": "extension:EventNamespaces",
    "K8S255": "devices:DeviceRequests",
    "K8S256": "devices:DeviceReferences",
    "K8S257": "devices:DeviceSelectors",
}


@cache
def load(code: str) -> Rule:
    """Return the check of a code.

    Raises:
        KeyError: no check has it.
    """
    check: Rule = load_object(f"{_HERE}.{CHECKS[code]}")()
    return check


@lru_cache(maxsize=8192)
def plan(kind: str, keys: frozenset[str]) -> tuple[tuple[Rule, ...], tuple[Result, ...]]:
    """Return the rules that can say something about one object of a kind ("" for custom resources), and the others' skips.

    `keys`: which of the keys that rules need the object holds.
    """
    about, others = _about(kind)
    asked: list[Rule] = []
    idle: list[Rule] = []
    for rule in about:
        (idle if is_idle(rule.code, keys) else asked).append(rule)
    return tuple(asked), (*(skipped(rule.code, rule.tier, NOTHING_TO_JUDGE) for rule in idle), *others)


@cache
def _about(kind: str) -> tuple[tuple[Rule, ...], tuple[Result, ...]]:
    """Return the rules about a kind, and the others' skips."""
    about = tuple(rule for rule in rules() if rule.kinds is None or kind in rule.kinds)
    others = tuple(skipped(rule.code, rule.tier, f"not about {kind or 'custom resources'}") for rule in rules() if rule not in about)
    return about, others


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule in the order of its code."""
    return tuple(load(code) for code in sorted(CHECKS))
