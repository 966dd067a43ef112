"""Controls of the level baseline about the host: its namespaces, files, ports and processes.

Each class is one check of k8s.io/pod-security-admission/policy; a comment names its file. Paths in findings are those of
the template where the pod is one. What the server would default is not looked at: with hostNetwork it also sets hostPort.
"""

from kubestill.domains.kubernetes.checks.examples import DEPLOYMENT, POD
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.policies.examples import RESTRICTED_POD
from kubestill.domains.kubernetes.policies.rule import BaselineRule, container_contexts, contexts
from kubestill.domains.kubernetes.subject import Container, Pod, rows, table


class WindowsHostProcess(BaselineRule):
    """No Windows container is a HostProcess: it would run on the host itself, with the rights of the host."""

    # check_windowsHostProcess.go, 1.0
    code, remedy = "K8S501", "Remove windowsOptions.hostProcess, or set it to false."
    also = ("K8S502",)  # the API server takes hostProcess only beside hostNetwork: true
    bad = (
        POD + "  hostNetwork: true\n  os: {name: windows}\n  securityContext:\n    windowsOptions: {hostProcess: true}\n",
        POD + "    securityContext:\n      windowsOptions: {hostProcess: true}\n  hostNetwork: true\n  os: {name: windows}\n",
    )
    good = (POD + "  securityContext:\n    windowsOptions: {hostProcess: false}\n", POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at the pod and its containers."""
        for path, context in contexts(pod):
            if table(context.get("windowsOptions")).get("hostProcess"):
                yield f"{path}.windowsOptions.hostProcess", "found true, expected false or nothing"


class HostNamespaces(BaselineRule):
    """A pod keeps its own network, process and IPC namespaces: with the host's it sees and reaches what runs beside it."""

    # check_hostNamespaces.go, 1.0
    code, remedy = "K8S502", "Remove hostNetwork, hostPID and hostIPC."
    bad = (POD + "  hostNetwork: true\n", POD + "  hostPID: true\n", DEPLOYMENT + "      hostIPC: true\n")
    good = (POD + "  hostNetwork: false\n", DEPLOYMENT)

    def faults(self, pod: Pod) -> Faults:
        """Look at the three fields."""
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(name):
                yield f"{pod.path}.{name}", "found true, expected false or nothing"


class Privileged(BaselineRule):
    """No container is privileged: it would have every capability, every device, and no confinement."""

    # check_privileged.go, 1.0
    code, remedy = "K8S503", "Remove privileged: true; add the one capability that is needed."
    bad = (
        POD + "    securityContext: {privileged: true}\n",
        POD + "  initContainers:\n  - name: first\n    image: busybox:1.36\n    securityContext: {privileged: true}\n",
    )
    good = (POD + "    securityContext: {privileged: false}\n", RESTRICTED_POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at every container."""
        for path, context in container_contexts(pod):
            if context.get("privileged"):
                yield f"{path}.privileged", "found true, expected false or nothing"


class HostPathVolumes(BaselineRule):
    """No volume is a path of the host: through the node's files a pod can take over the node."""

    # check_hostPathVolumes.go, 1.0
    code, remedy = "K8S505", "Use a persistentVolumeClaim, a configMap or an emptyDir."
    bad = (POD + "  volumes:\n  - name: logs\n    hostPath: {path: /var/log}\n",)
    good = (POD + "  volumes:\n  - name: logs\n    emptyDir: {}\n", POD + "  volumes:\n  - name: logs\n    hostPath: null\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at every volume."""
        for index, volume in enumerate(pod.volumes):
            if volume.get("hostPath") is not None:
                yield f"{pod.path}.volumes[{index}].hostPath", "found a path of the host, expected another volume"


class HostPorts(BaselineRule):
    """No container takes a port of the host: it would pass by network policies and bind the pod to free nodes."""

    # check_hostPorts.go, 1.0
    code, remedy = "K8S506", "Remove hostPort and put a Service in front of the pods."
    bad = (
        POD + "    ports:\n    - {containerPort: 80, hostPort: 80}\n",
        DEPLOYMENT + "        ports:\n        - containerPort: 80\n        - {containerPort: 443, hostPort: 8443}\n",
    )
    good = (POD + "    ports:\n    - containerPort: 80\n", POD + "    ports:\n    - {containerPort: 80, hostPort: 0}\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at every port."""
        for container in pod.containers:
            for index, port in enumerate(rows(container.value.get("ports"))):
                if port.get("hostPort"):
                    yield f"{container.path}.ports[{index}].hostPort", f"found {port['hostPort']}, expected 0 or nothing"


_PROBE = "    livenessProbe:\n      httpGet: {port: 8080, path: /healthz"
_HOOK = "    lifecycle:\n      postStart:\n        httpGet: {port: 8080, path: /started"


class HostProbes(BaselineRule):
    """Probes and lifecycle hooks ask the pod itself: with a `host` they make the kubelet send requests wherever a pod wants."""

    # check_hostProbesAndhostLifecycle.go, 1.34. In 1.34 behind the gate ProbeHostPodSecurityStandards, which was locked to on.
    code, remedy, since = "K8S507", "Remove host from the handler: the kubelet asks the pod's own address.", 34
    bad = (
        POD + _PROBE + ", host: example.com}\n",
        POD + _HOOK + ", host: 127.0.0.1}\n",
        POD + "    readinessProbe:\n      tcpSocket: {port: 8080, host: '::1'}\n",
    )
    good = (POD + _PROBE + "}\n" + _HOOK + "}\n", POD + _PROBE + ", host: ''}\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at probes and hooks of every container."""
        for container in pod.containers:
            for path, handler in _handlers(container):
                for name in ("httpGet", "tcpSocket"):
                    host = table(table(handler).get(name)).get("host")
                    if host:
                        yield f"{container.path}.{path}.{name}.host", f"found {host!r}, expected nothing"


def _handlers(container: Container) -> list[tuple[str, object]]:
    value, hooks = container.value, table(container.value.get("lifecycle"))
    found = [(name, value.get(name)) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
    return found + [(f"lifecycle.{name}", hooks.get(name)) for name in ("postStart", "preStop")]
