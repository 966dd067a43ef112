"""Best practice about running well: probes, resources, images. All of it is advice: warnings that fail nothing."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import CRON_JOB, DEPLOYMENT, POD
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.policies.rule import PodPractice, lasting
from kubestill.domains.kubernetes.subject import Pod, rows, table

# Pods that are meant to run for ever. A bare Pod is left out: nothing restarts it elsewhere, and most are made to try something.
_LASTING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})
_PORTS = "        ports:\n        - containerPort: 8080\n"
_HANDLER = "          httpGet: {path: /healthz, port: 8080}\n"
_READY, _ALIVE = "        readinessProbe:\n" + _HANDLER, "        livenessProbe:\n" + _HANDLER


class ReadinessProbe(PodPractice):
    """A container that listens says when it is ready: until then a Service sends it requests that it cannot answer.

    Asked where a port is declared; a container without one is in no Service's way.
    """

    code, remedy = "K8S541", "Add a readinessProbe that asks the port for what a client would ask."
    kinds = _LASTING
    bad = (DEPLOYMENT + _PORTS, DEPLOYMENT + _PORTS + _ALIVE)
    good = (DEPLOYMENT + _PORTS + _READY, DEPLOYMENT)

    def faults(self, pod: Pod) -> Faults:
        """Look at plain containers with ports."""
        for container in pod.containers:
            if container.role == "containers" and rows(container.value.get("ports")) and not container.value.get("readinessProbe"):
                yield f"{container.path}.readinessProbe", "found ports and no readinessProbe"


class LivenessProbe(PodPractice):
    """A container that can hang is restarted only where a liveness probe notices; the kubelet by itself sees an exit alone."""

    code, remedy = "K8S542", "Add a livenessProbe that fails only when a restart helps, or none if the process exits by itself."
    kinds = _LASTING
    bad = (DEPLOYMENT, DEPLOYMENT + _PORTS + _READY)
    good = (DEPLOYMENT + _PORTS + _ALIVE, DEPLOYMENT + "        livenessProbe:\n          exec: {command: [pgrep, worker]}\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at plain containers."""
        for container in pod.containers:
            if container.role == "containers" and not container.value.get("livenessProbe"):
                yield f"{container.path}.livenessProbe", "found no livenessProbe"


_RESOURCES = "    resources:\n      "


class MemoryLimit(PodPractice):
    """A container with a leak and no memory limit takes the node's memory, and the kernel then kills whatever it finds."""

    code, remedy = "K8S543", "Set resources.limits.memory a little above what the container needs at its worst."
    bad = (POD, POD + _RESOURCES + "requests: {cpu: 100m, memory: 64Mi}\n      limits: {cpu: 1}\n")
    good = (POD + _RESOURCES + "limits: {memory: 128Mi}\n", POD + "  resources:\n    limits: {memory: 256Mi}\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at lasting containers; a limit of the pod as a whole (1.32 and later) is enough."""
        if _amount(pod.spec, "limits", "memory") is not None:
            return
        for container in lasting(pod):
            if _amount(container.value, "limits", "memory") is None:
                yield f"{container.path}.resources.limits.memory", "found no memory limit"


class Requests(PodPractice):
    """Without requests the scheduler takes a container for one that needs nothing, and overfills the node."""

    code, remedy = "K8S544", "Set resources.requests for cpu and memory to what the container uses on a usual day."
    bad = (POD, POD + _RESOURCES + "requests: {cpu: 100m}\n")
    good = (
        POD + _RESOURCES + "requests: {cpu: 100m, memory: 64Mi}\n",
        POD + _RESOURCES + "requests: {cpu: 100m}\n      limits: {memory: 64Mi}\n",
        POD + "  resources:\n    requests: {cpu: 100m, memory: 64Mi}\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at lasting containers; a limit stands for the request that is missing, and the pod's own for all."""
        for container in lasting(pod):
            for name in ("cpu", "memory"):
                given = (_amount(holder, part, name) for holder in (container.value, pod.spec) for part in ("requests", "limits"))
                if all(amount is None for amount in given):
                    yield f"{container.path}.resources.requests.{name}", f"found no request for {name}"


def _amount(holder: Mapping[str, Any], part: str, name: str) -> Any:
    return table(table(holder.get("resources")).get(part)).get(name)


class ImageTag(PodPractice):
    """An image without a tag, or with :latest, is another one tomorrow: no rollback, and nodes that run different code.

    A pull policy that keeps an old copy makes it worse; a digest settles it whatever the tag.
    """

    code, remedy = "K8S545", "Name a version (nginx:1.27) or a digest."
    bad = (
        POD.replace("nginx:1.27", "nginx"),
        POD.replace("nginx:1.27", "example.com:5000/team/web:latest") + "    imagePullPolicy: IfNotPresent\n",
        CRON_JOB.replace("nginx:1.27", "busybox") + "'@daily'\n",
    )
    good = (POD, POD.replace("nginx:1.27", "example.com:5000/web:1.0"), POD.replace("nginx:1.27", "nginx@sha256:" + "0" * 64))

    def faults(self, pod: Pod) -> Faults:
        """Look at the image of every container."""
        for container in pod.containers:
            image, policy = container.value.get("image"), container.value.get("imagePullPolicy")
            if not isinstance(image, str) or not _moves(image):
                continue
            yield f"{container.path}.image", f"{image!r} names no version"
            if policy in ("IfNotPresent", "Never"):
                yield f"{container.path}.imagePullPolicy", f"found {policy}: a node keeps whatever copy it has of {image!r}"


def _moves(image: str) -> bool:
    if not image or "://" in image or "$" in image:  # none, or one that a tool fills in (ko://, ${IMAGE})
        return False
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return not digest and tag in ("", "latest")
