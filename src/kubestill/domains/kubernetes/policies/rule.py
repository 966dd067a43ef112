"""What a policy is: a check that a valid object may fail, off until asked for, made for one release of Kubernetes."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, ClassVar

from kubestill.domains.kubernetes.checks.rule import MAX_FINDINGS, ObjectRule, PodRule, Rule
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION
from kubestill.domains.kubernetes.subject import Container, Pod, Subject, table
from kubestill.tools.checks.api import Finding, Tier

DEFAULT_MINOR = int(DEFAULT_VERSION.partition(".")[2])
WINDOWS_EXEMPT = 25  # from this minor on, controls that mean nothing on Windows ask nothing of its pods (spec.os.name)


class Level(StrEnum):
    """The three levels of the Pod Security Standards, the most open one first."""

    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"


class Policy(Rule):
    """A check of the policy tier. `minor` is the release that it was made for: 36 of "1.36"."""

    tier = Tier.POLICY
    level: ClassVar[Level | None] = None  # None: no control of the Pod Security Standards
    since: ClassVar[int] = 0  # the minor that first knew the control
    overrides: ClassVar[tuple[str, ...]] = ()  # baseline codes that this restricted one stands for
    also: ClassVar[tuple[str, ...]] = ()  # codes of the same level that the bad examples cannot help but carry
    bad_at: ClassVar[tuple[tuple[str, str], ...]] = ()  # further examples, each with the version that it is about
    good_at: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, minor: int = DEFAULT_MINOR) -> None:
        self.minor = minor


class PodPolicy(Policy, PodRule):
    """A policy about pods and pod templates of its `kinds`.

    It is skipped without any of them, and where none has a container (a patch, a template that is yet to be filled): then
    nobody could look, unless what is there is wrong already.
    """

    def look(self, subject: Subject) -> Sequence[Finding] | None:
        """Judge every pod; None when there is nothing to judge."""
        pods = [(prefix, pod) for prefix, pod in subject.pods if pod.owner in (self.kinds or ())]
        found = (self.finding(prefix + path, message) for prefix, pod in pods for path, message in self.faults(pod))
        findings = list(islice(found, MAX_FINDINGS))
        return findings if findings or any(pod.containers for _, pod in pods) else None


class BaselineRule(PodPolicy):
    """A control of the level baseline."""

    level = Level.BASELINE


class RestrictedRule(PodPolicy):
    """A control that the level restricted adds."""

    level = Level.RESTRICTED

    def exempts(self, pod: Pod) -> bool:
        """Return whether this is a Windows pod in a release that knows it by its spec.os.name."""
        return self.minor >= WINDOWS_EXEMPT and is_windows(pod)


class PodPractice(PodPolicy):
    """A habit worth having for pods: advice, never a failure."""

    severity = "warning"


class ObjectPractice(Policy, ObjectRule):
    """A habit worth having for other objects: advice, never a failure."""

    severity = "warning"


def is_windows(pod: Pod) -> bool:
    """Return whether a pod says that it runs on Windows."""
    return bool(table(pod.spec.get("os")).get("name") == "windows")


# That 1.35 relaxes three controls by it is read from check_procMount_baseline.go and check_procMount_restricted.go (commits
# e8bd3f629 and 7c0ae3a53) and from the documentation's page on user namespaces; of check_runAsNonRoot.go and check_runAsUser.go
# only earlier revisions were to be had (the relaxation there was behind a gate that was off). Before 1.35 it counts for nothing.
def in_user_namespace(pod: Pod) -> bool:
    """Return whether root in the pod is nobody on the host (policy/helpers.go, relaxPolicyForUserNamespacePod)."""
    return pod.spec.get("hostUsers") is False


def context(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the security context of a pod's spec or of a container, empty where there is none."""
    return table(holder.get("securityContext"))


def contexts(pod: Pod) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and security context of the pod and of all its containers."""
    yield f"{pod.path}.securityContext", context(pod.spec)
    yield from container_contexts(pod)


def container_contexts(pod: Pod) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and security context of all containers: init, plain and ephemeral ones (policy/visitor.go)."""
    for container in pod.containers:
        yield f"{container.path}.securityContext", context(container.value)


def lasting(pod: Pod) -> list[Container]:
    """Return the containers that run as long as the pod: plain ones, and init ones that restart Always (sidecars)."""
    sidecar = ("initContainers", "Always")
    return [one for one in pod.containers if one.role == "containers" or (one.role, one.value.get("restartPolicy")) == sidecar]


def items(value: Any) -> list[Any]:
    """Return the items of a list, or none."""
    return value if isinstance(value, list) else []
