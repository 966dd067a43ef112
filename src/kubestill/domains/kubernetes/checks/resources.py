"""Rules about what a container asks of its node."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import POD
from kubestill.domains.kubernetes.checks.rule import ContainerRule, Faults
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import Container, table

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})


class RequestsWithinLimits(ContainerRule):
    """A container cannot ask for more than its own limit."""

    code, remedy = "K8S150", "Lower the request or raise the limit."
    bad = (
        POD + "    resources:\n      requests: {cpu: 2}\n      limits: {cpu: 500m}\n",
        POD + "    resources:\n      requests: {memory: 1Gi}\n      limits: {memory: 1G}\n",
    )
    good = (POD + "    resources:\n      requests: {cpu: 500m, memory: 64Mi}\n      limits: {cpu: 0.5, memory: 128Mi}\n",)

    def faults(self, container: Container) -> Faults:
        """Compare requests with limits."""
        resources = table(container.value.get("resources"))
        limits = table(resources.get("limits"))
        for name, value in table(resources.get("requests")).items():
            wanted, limit = formats.amount(value), formats.amount(limits.get(name))
            if wanted is None or limit is None:
                continue
            if wanted > limit:
                yield field("resources.requests", name), f"found {value}, more than the limit of {limits[name]}"
            elif wanted != limit and not _overcommits(name):
                yield (
                    field("resources.requests", name),
                    f"found {value}, expected the limit of {limits[name]} ({name} cannot be overcommitted)",
                )


class ResourceAmounts(ContainerRule):
    """Amounts are not negative; devices and huge pages come in whole numbers, and a device's request needs its limit."""

    code, remedy = "K8S151", "Use a positive amount; whole numbers and a limit for devices."
    bad = (
        POD + "    resources:\n      requests: {cpu: -1}\n",
        POD + "    resources:\n      limits: {nvidia.com/gpu: 500m}\n",
        POD + "    resources:\n      requests: {nvidia.com/gpu: 1}\n",
        POD + "    resources:\n      limits: {gpu: 1}\n",
        POD + "    resources:\n      limits: {requests.nvidia.com/gpu: 1}\n",
        POD + "    resources:\n      limits: {hugepages-2Mi: 4Mi}\n",
        POD + "    resources:\n      limits: {hugepages-big: 4Mi, cpu: 1}\n",
    )
    good = (POD + "    resources:\n      limits: {nvidia.com/gpu: 1, cpu: 0.5}\n      requests: {cpu: 250m}\n",)

    def faults(self, container: Container) -> Faults:
        """Look at every amount."""
        resources = table(container.value.get("resources"))
        limits = table(resources.get("limits"))
        for part in ("requests", "limits"):
            for name, value in table(resources.get(part)).items():
                if fault := self._fault(name, value, part, limits):
                    yield field(f"resources.{part}", name), fault
        asked = {*limits, *table(resources.get("requests"))}
        if any(name.startswith("hugepages-") for name in asked) and not asked & {"cpu", "memory"}:
            yield "resources", "huge pages need a request or limit of cpu or memory too"

    @staticmethod
    def _fault(name: str, value: Any, part: str, limits: Mapping[str, Any]) -> str:
        quantity = formats.amount(value)
        if quantity is None:
            return ""
        if quantity < 0:
            return f"found {value}, expected no negative amount"
        if name not in _STANDARD and "/" not in name and not name.startswith("hugepages-"):
            return f"{name!r} is no standard resource; other names need a prefix such as example.com/"
        if fault := formats.qualified_name(name):
            return f"{name!r} {fault}"
        if name.startswith("requests."):
            return f"{name!r}: requests. belongs to quotas, not to containers"
        if name.startswith("hugepages-") and not formats.amount(name.removeprefix("hugepages-")):
            return f"{name!r} names no page size such as hugepages-2Mi"
        if not _overcommits(name) and not name.startswith("hugepages-") and quantity.denominator != 1:
            return f"found {value}, expected a whole number"
        if part == "requests" and not _overcommits(name) and name not in limits:
            return f"{name} cannot be overcommitted: set the same limit"
        return ""


def _overcommits(name: str) -> bool:
    """Return whether a request may stay below the limit: cpu, memory and names in kubernetes.io do, devices do not."""
    if "/" in name:
        return name.partition("/")[0].endswith("kubernetes.io")
    return not name.startswith("hugepages-")
