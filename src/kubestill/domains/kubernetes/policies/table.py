"""Every policy: code → "module:Class", loaded on first use, and the sets that one can ask for. A test holds it against the folder."""

from functools import cache

from kubestill.domains.kubernetes.policies.rule import DEFAULT_MINOR, Level, Policy
from kubestill.ground.registry import load_object

_HERE = "kubestill.domains.kubernetes.policies"

CHECKS: dict[str, str] = {
    "K8S501": "host:WindowsHostProcess",
    "K8S502": "host:HostNamespaces",
    "K8S503": "host:Privileged",
    "K8S504": "confinement:AddedCapabilities",
    "K8S505": "host:HostPathVolumes",
    "K8S506": "host:HostPorts",
    "K8S507": "host:HostProbes",
    "K8S508": "confinement:AppArmor",
    "K8S509": "confinement:SeLinux",
    "K8S510": "confinement:ProcMount",
    "K8S511": "confinement:Seccomp",
    "K8S512": "confinement:Sysctls",
    "K8S521": "restricted:VolumeTypes",
    "K8S522": "restricted:PrivilegeEscalation",
    "K8S523": "restricted:RunAsNonRoot",
    "K8S524": "restricted:RunAsUser",
    "K8S525": "restricted:SeccompProfile",
    "K8S526": "restricted:Capabilities",
    "K8S527": "restricted:DefaultProcMount",
    "K8S541": "running:ReadinessProbe",
    "K8S542": "running:LivenessProbe",
    "K8S543": "running:MemoryLimit",
    "K8S544": "running:Requests",
    "K8S545": "running:ImageTag",
    "K8S546": "exposure:RunsAsRoot",
    "K8S547": "exposure:WritableRoot",
    "K8S548": "exposure:AccountToken",
    "K8S549": "exposure:WildcardRule",
    "K8S550": "exposure:SecretInEnv",
}

# The names that `policy_set` takes: a level of the Pod Security Standards, or None for what belongs to no level.
SETS: dict[str, Level | None] = {
    "pod-security/privileged": Level.PRIVILEGED,
    "pod-security/baseline": Level.BASELINE,
    "pod-security/restricted": Level.RESTRICTED,
    "best-practice": None,
}


@cache
def load(code: str, minor: int = DEFAULT_MINOR) -> Policy:
    """Return the policy of a code, made for a release.

    Raises:
        KeyError: no policy has it.
    """
    policy: Policy = load_object(f"{_HERE}.{CHECKS[code]}")(minor)
    return policy


@cache
def policies(level: Level | None, minor: int = DEFAULT_MINOR) -> tuple[Policy, ...]:
    """Return what a level asks in a release (None: best practice), in the order of the codes.

    Restricted is baseline without the controls that its own stand for, and those (policy/registry.go, populate).
    """
    if level is Level.PRIVILEGED:
        return ()
    known = [policy for code in sorted(CHECKS) if (policy := load(code, minor)).since <= minor]
    wanted = {Level.BASELINE, level} if level else {None}
    overridden = {code for policy in known if policy.level is level for code in policy.overrides}
    return tuple(policy for policy in known if policy.level in wanted and policy.code not in overridden)
