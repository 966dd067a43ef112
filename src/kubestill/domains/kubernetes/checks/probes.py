"""Rules about probes and lifecycle hooks."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import POD
from kubestill.domains.kubernetes.checks.rule import ContainerRule, Faults, PodRule
from kubestill.domains.kubernetes.subject import Container, Pod, table

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_SECONDS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_LIVE = "    livenessProbe:\n      httpGet: {path: /, port: 80}\n"


class OneHandler(ContainerRule):
    """A probe or hook does exactly one thing: exec, httpGet, tcpSocket or grpc (hooks: also sleep)."""

    code, remedy = "K8S155", "Keep exactly one handler."
    bad = (
        POD + "    livenessProbe:\n      periodSeconds: 5\n",
        POD + _LIVE + "      tcpSocket: {port: 80}\n",
        POD + "    lifecycle:\n      preStop: {}\n",
    )
    good = (POD + _LIVE, POD + "    lifecycle:\n      preStop:\n        exec: {command: [sleep, '5']}\n")

    def faults(self, container: Container) -> Faults:
        """Count the handlers."""
        places = [(name, container.value.get(name)) for name in _PROBES if name in container.value]
        if container.value.get("lifecycle"):
            hooks = table(container.value["lifecycle"])
            places += [(f"lifecycle.{name}", hooks.get(name)) for name in ("postStart", "preStop")]
        for path, value in places:
            if value is not None:
                given = [name for name in _HANDLERS if value.get(name) is not None]
                if len(given) != 1:
                    yield path, f"found {' and '.join(given) or 'no handler'}, expected exactly one of {', '.join(_HANDLERS[:4])}"


class HandlerPorts(ContainerRule):
    """A handler's port is 1-65535 or the name of a port; an exec handler has a command."""

    code, remedy = "K8S156", "Correct the port, or add the command."
    bad = (
        POD + _LIVE.replace("80", "0"),
        POD + _LIVE.replace("80", "'http_port'"),
        POD + "    livenessProbe:\n      exec: {command: []}\n",
    )
    good = (POD + _LIVE.replace("80", "http"), POD + "    livenessProbe:\n      tcpSocket: {port: 5432}\n")

    def faults(self, container: Container) -> Faults:
        """Look at every handler."""
        for path, holder in _holders(container):
            for name in ("httpGet", "tcpSocket", "grpc"):
                handler = holder.get(name)
                if isinstance(handler, dict):
                    port = handler.get("port")
                    if fault := formats.port_or_name(port if port is not None else 0):
                        yield f"{path}.{name}.port", f"{port!r} {fault}"
            if isinstance(holder.get("exec"), dict) and not holder["exec"].get("command"):
                yield f"{path}.exec.command", "a command is required"


class ProbeNumbers(ContainerRule):
    """Probe timings are not negative, and liveness and startup probes succeed at the first success."""

    code, remedy = "K8S157", "Use numbers of 0 or more; leave successThreshold at 1 for liveness and startup probes."
    bad = (POD + _LIVE + "      successThreshold: 2\n", POD + _LIVE + "      initialDelaySeconds: -5\n")
    good = (POD + _LIVE + "      periodSeconds: 5\n      failureThreshold: 30\n      successThreshold: 1\n",)

    def faults(self, container: Container) -> Faults:
        """Compare the numbers."""
        for name in _PROBES:
            probe = container.value.get(name)
            if not isinstance(probe, dict):
                continue
            for part in _SECONDS:
                if (probe.get(part) or 0) < 0:
                    yield f"{name}.{part}", f"found {probe[part]}, expected at least 0"
            if name != "readinessProbe" and probe.get("successThreshold") not in (None, 0, 1):
                yield f"{name}.successThreshold", f"found {probe['successThreshold']}, expected 1"
            grace = probe.get("terminationGracePeriodSeconds")
            if grace is not None and (grace < 1 or name == "readinessProbe"):
                yield f"{name}.terminationGracePeriodSeconds", "expected at least 1, and not on a readinessProbe"


class InitContainers(ContainerRule):
    """An init container runs to its end: it has no probes and hooks, unless restartPolicy Always makes it a sidecar."""

    code, remedy = "K8S158", "Remove the probe or hook, or set restartPolicy: Always."
    bad = (POD + "  initContainers:\n  - name: prepare\n    image: busybox:1.36\n" + _LIVE,)
    good = (POD + "  initContainers:\n  - name: proxy\n    image: busybox:1.36\n    restartPolicy: Always\n" + _LIVE,)

    def faults(self, container: Container) -> Faults:
        """Look at init containers."""
        if container.role == "initContainers" and container.value.get("restartPolicy") != "Always":
            for name in (*_PROBES, "lifecycle"):
                if container.value.get(name) is not None:
                    yield name, "an init container cannot have it"


_SLEEP = POD + "    lifecycle: {preStop: {sleep: {seconds: "
_GRACE_SECONDS = 30  # core/v1: DefaultTerminationGracePeriodSeconds


class SleepsWithinGrace(PodRule):
    """A hook that sleeps ends before the pod is killed: within terminationGracePeriodSeconds (30 unless told)."""

    code, remedy = "K8S154", "Sleep for less, or raise terminationGracePeriodSeconds."
    bad = (_SLEEP + "31}}}\n", _SLEEP + "-1}}}\n", _SLEEP + "10}}}\n  terminationGracePeriodSeconds: 5\n")
    good = (_SLEEP + "10}}}\n", _SLEEP + "60}}}\n  terminationGracePeriodSeconds: 60\n")

    def faults(self, pod: Pod) -> Faults:
        """Compare with the grace period."""
        grace = pod.spec.get("terminationGracePeriodSeconds")
        for container in pod.containers:
            for path, holder in _holders(container):
                seconds = table(holder.get("sleep")).get("seconds")
                if seconds is not None and not 0 <= seconds <= (_GRACE_SECONDS if grace is None else grace):
                    yield f"{container.path}.{path}.sleep.seconds", f"found {seconds}, expected 0 to the grace period"


def _holders(container: Container) -> list[tuple[str, Mapping[str, Any]]]:
    """Return probes and hooks with their paths."""
    found = [(name, table(container.value[name])) for name in _PROBES if name in container.value]
    hooks = table(container.value.get("lifecycle"))
    return found + [(f"lifecycle.{name}", table(hooks.get(name))) for name in ("postStart", "preStop") if hooks]
