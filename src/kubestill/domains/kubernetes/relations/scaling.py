"""Relations of autoscalers to what they scale."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.policies.rule import lasting
from kubestill.domains.kubernetes.relations.entries import Entry, number, text
from kubestill.domains.kubernetes.relations.examples import DEPLOYMENT, HPA, together
from kubestill.domains.kubernetes.relations.index import Index, target_of
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Faults, Names, Places, Reference, Relation
from kubestill.domains.kubernetes.subject import rows, table

_HPA = ("HorizontalPodAutoscaler.autoscaling",)
_V1_METRICS = "autoscaling.alpha.kubernetes.io/metrics"  # where autoscaling/v1 keeps metrics that it has no field for
_REQUESTS = "        resources: {requests: {cpu: 100m}}\n"
_MEMORY = "  metrics:\n  - {type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 80}}}\n"


class ScaledObject(Reference):
    """An autoscaler scales something that is not there."""

    code, remedy = "K8S630", "Correct apiVersion, kind and name of spec.scaleTargetRef."
    kinds = _HPA
    bad = (HPA, together(HPA, DEPLOYMENT.replace("name: web", "name: wep", 1) + _REQUESTS))
    good = (together(HPA, DEPLOYMENT + _REQUESTS),)

    def names(self, entry: Entry) -> Names:
        """Look at scaleTargetRef."""
        kind, name = target_of(entry)
        if kind:
            yield "spec.scaleTargetRef.name", kind, name


class ScaledRequests(EntryRelation):
    """An autoscaler goes by the share of a request, and a container states none: it never scales (FailedGetResourceMetric).

    Where nothing is said an autoscaler goes by cpu. A limit stands for a request, and so does a LimitRange with a default.
    """

    code, remedy = "K8S631", "Add resources.requests for that resource to every container of the target."
    kinds = _HPA
    bad = (together(HPA, DEPLOYMENT), together(HPA + _MEMORY, DEPLOYMENT + _REQUESTS))
    good = (together(HPA, DEPLOYMENT + _REQUESTS), together(HPA + _MEMORY, DEPLOYMENT + "        resources: {limits: {memory: 64Mi}}\n"))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look at the containers that run as long as the pod (pkg/controller/podautoscaler, calculatePodRequests)."""
        for target in index.find(entry, *target_of(entry)):
            pod = target.view.pod
            if pod is None or index.has_defaults(target):
                continue
            for path, resource, only in _shares(entry):
                lacking = [
                    text(one.value.get("name"))
                    for one in lasting(pod)
                    if only in ("", one.value.get("name")) and one.value.get("image") and not _requests(one.value, resource)
                ]
                if lacking and not _requests(pod.spec, resource):
                    yield path, f"container {lacking[0]!r} of {target.title} requests no {resource}"


def _shares(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Yield where an autoscaler goes by the share of which resource, and of which container ("": all)."""
    spec = entry.view.spec
    if not spec.get("metrics") and _V1_METRICS not in table(entry.view.metadata.get("annotations")):
        # autoscaling/v1 knows cpu alone; v2 takes cpu where nothing is said (pkg/apis/autoscaling/v2/defaults.go).
        yield "spec.targetCPUUtilizationPercentage" if "targetCPUUtilizationPercentage" in spec else "spec", "cpu", ""
    for place, metric in enumerate(rows(spec.get("metrics"))):
        for field in ("resource", "containerResource"):
            source = table(metric.get(field))
            if table(source.get("target")).get("averageUtilization") is not None and source.get("name") in ("cpu", "memory"):
                yield f"spec.metrics[{place}].{field}", text(source.get("name")), text(source.get("container"))


def _requests(holder: Mapping[str, Any], resource: str) -> bool:
    resources = table(holder.get("resources"))
    return any(resource in table(resources.get(part)) for part in ("requests", "limits"))


class ScaledReplicas(Relation):
    """An autoscaler's target also states replicas: each apply sets the number back, until the autoscaler sets it again."""

    code, remedy = "K8S632", "Leave spec.replicas out of what an autoscaler scales."
    bad = (together(HPA, DEPLOYMENT.replace("spec:\n", "spec:\n  replicas: 3\n", 1) + _REQUESTS),)
    good = (together(HPA, DEPLOYMENT + _REQUESTS), DEPLOYMENT.replace("spec:\n", "spec:\n  replicas: 3\n", 1))

    def faults(self, index: Index) -> Faults:
        """Look at what is scaled; no replicas at all switch the autoscaler off, which may be meant."""
        for scaler in index.of(*_HPA):
            for target in index.find(scaler, *target_of(scaler)):
                if number(target.view.spec.get("replicas")):
                    yield target, "spec.replicas", f"{scaler.title} sets the replicas of this {target.title}"
