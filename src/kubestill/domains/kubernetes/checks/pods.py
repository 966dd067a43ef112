"""Rules about a pod's own fields: containers as a set, restart policy, scheduling, DNS."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import DEPLOYMENT, JOB, POD
from kubestill.domains.kubernetes.checks.rule import Faults, PodRule
from kubestill.domains.kubernetes.subject import Pod, rows, table

_ONCE = frozenset({"Job", "CronJob"})
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class ContainersGiven(PodRule):
    """A pod without containers cannot run; ephemeral ones are added to a running pod, never written in a manifest."""

    code, remedy = "K8S120", "Add at least one container; use kubectl debug for an ephemeral one."
    bad = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers: []\n",
        POD + "  ephemeralContainers:\n  - {name: debug, image: busybox:1.36}\n",
    )
    good = (POD,)

    def faults(self, pod: Pod) -> Faults:
        """Look for spec.containers."""
        if not pod.spec.get("containers") and pod.owner != "PodTemplate":
            yield f"{pod.path}.containers", "at least one container is required"
        if pod.spec.get("ephemeralContainers"):
            yield f"{pod.path}.ephemeralContainers", "cannot be set when a pod is made"


class ContainerNames(PodRule):
    """Each container has a DNS label as its name, and no two (init ones included) share it."""

    code, remedy = "K8S121", "Give every container its own name of lower-case letters, digits and '-'."
    bad = (
        POD + "  - name: web\n    image: busybox:1.36\n",
        POD.replace("- name: web", "- name: Web_1"),
        POD.replace("name: web\n    image", "name: ''\n    image"),
        POD + "  initContainers:\n  - name: web\n    image: busybox:1.36\n",
    )
    good = (POD + "  - name: side\n    image: busybox:1.36\n",)

    def faults(self, pod: Pod) -> Faults:
        """Compare the names."""
        seen = set()
        for container in sorted(pod.containers, key=lambda one: one.role == "initContainers"):  # told of the second: the server names it so
            name = container.value.get("name") or ""
            if fault := formats.dns_label(name) if name else "is required":
                yield f"{container.path}.name", f"{name!r} {fault}" if name else "a name is required"
            elif name in seen:
                yield f"{container.path}.name", f"two containers are called {name!r}"
            seen.add(name)


class RestartPolicy(PodRule):
    """Pods of a Job end, so they restart OnFailure or Never; pods of other workloads restart Always."""

    code, remedy = "K8S122", "Job and CronJob: set OnFailure or Never. Other workloads: leave restartPolicy out."
    bad = (DEPLOYMENT + "      restartPolicy: Never\n", JOB.replace("      restartPolicy: Never\n", ""), JOB.replace("Never", "Always"))
    good = (DEPLOYMENT + "      restartPolicy: Always\n", JOB, POD + "  restartPolicy: Never\n")

    def faults(self, pod: Pod) -> Faults:
        """Compare the policy with the kind of the owner."""
        policy = pod.spec.get("restartPolicy")
        if pod.owner in _ONCE:
            if policy not in ("OnFailure", "Never"):
                found = f"found {policy}" if policy else "it is missing"
                yield f"{pod.path}.restartPolicy", f"{found}; a {pod.owner} needs OnFailure or Never"
        elif pod.owner not in ("Pod", "PodTemplate") and policy not in (None, "", "Always"):
            yield f"{pod.path}.restartPolicy", f"found {policy}; a {pod.owner} needs Always"


class PodNumbers(PodRule):
    """Seconds and ids cannot be negative; a pod's own deadline is at least a second."""

    code, remedy = "K8S123", "Use a positive number, or leave the field out."
    bad = (
        POD + "  activeDeadlineSeconds: 0\n",
        POD + "  terminationGracePeriodSeconds: -1\n",
        POD + "  securityContext:\n    runAsUser: -5\n",
    )
    good = (POD + "  terminationGracePeriodSeconds: 0\n  securityContext:\n    runAsUser: 1000\n    fsGroup: 2000\n",)

    def faults(self, pod: Pod) -> Faults:
        """Compare with zero."""
        deadline, grace = pod.spec.get("activeDeadlineSeconds"), pod.spec.get("terminationGracePeriodSeconds")
        if deadline is not None and deadline < 1:
            yield f"{pod.path}.activeDeadlineSeconds", f"found {deadline}, expected at least 1"
        if grace is not None and grace < 0:
            yield f"{pod.path}.terminationGracePeriodSeconds", f"found {grace}, expected at least 0"
        contexts = [(f"{pod.path}.securityContext", table(pod.spec.get("securityContext")))]
        contexts += [(f"{one.path}.securityContext", table(one.value.get("securityContext"))) for one in pod.containers]
        for path, context in contexts:
            for name in ("runAsUser", "runAsGroup", "fsGroup"):
                if context.get(name) is not None and context[name] < 0:
                    yield f"{path}.{name}", f"found {context[name]}, expected at least 0"


class Tolerations(PodRule):
    """Exists takes no value, an empty key needs Exists, and tolerationSeconds needs the effect NoExecute."""

    code, remedy = "K8S124", "Correct operator, value, effect or tolerationSeconds."
    bad = (
        POD + "  tolerations:\n  - {key: gpu, operator: Exists, value: 'true'}\n",
        POD + "  tolerations:\n  - {operator: Equal, value: x}\n",
        POD + "  tolerations:\n  - {key: gpu, operator: Exists, effect: NoSchedule, tolerationSeconds: 5}\n",
        POD + "  tolerations:\n  - {key: 'a b', operator: Exists}\n",
        POD + "  tolerations:\n  - {key: a, operator: Gt, value: '5'}\n",
    )
    good = (POD + "  tolerations:\n  - {key: gpu, value: a, effect: NoSchedule}\n  - operator: Exists\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at every toleration."""
        for index, one in enumerate(rows(pod.spec.get("tolerations"))):
            path, key, operator = f"{pod.path}.tolerations[{index}]", one.get("key"), one.get("operator") or "Equal"
            if operator not in ("Equal", "Exists"):  # Lt and Gt are behind an alpha gate
                yield f"{path}.operator", f"found {operator!r}, expected Equal or Exists"
            if key and (fault := formats.qualified_name(key)):
                yield f"{path}.key", f"{key!r} {fault}"
            if operator == "Exists" and one.get("value"):
                yield f"{path}.value", "operator Exists takes no value"
            if not key and operator != "Exists":
                yield f"{path}.operator", "an empty key needs operator Exists"
            if one.get("effect") and one["effect"] not in _EFFECTS:
                yield f"{path}.effect", f"found {one['effect']!r}, expected one of {', '.join(_EFFECTS)}"
            if one.get("tolerationSeconds") is not None and one.get("effect") != "NoExecute":
                yield f"{path}.effect", "tolerationSeconds needs the effect NoExecute"


_PREFERRED, _REQUIRED = "preferredDuringSchedulingIgnoredDuringExecution", "requiredDuringSchedulingIgnoredDuringExecution"
_ANTI = "  affinity:\n    podAntiAffinity:\n      "


class Affinity(PodRule):
    """Weights are 1 to 100, pod terms name a topologyKey, and a required node affinity has terms."""

    code, remedy = "K8S125", "Add the topologyKey or the term, or bring the weight into 1-100."
    bad = (
        POD + _ANTI + _REQUIRED + ":\n      - labelSelector: {matchLabels: {app: web}}\n        topologyKey: ''\n",
        POD + _ANTI + _PREFERRED + ":\n      - weight: 0\n        podAffinityTerm: {topologyKey: kubernetes.io/hostname}\n",
        POD + "  affinity:\n    nodeAffinity:\n      " + _REQUIRED + ":\n        nodeSelectorTerms: []\n",
    )
    good = (POD + _ANTI + _PREFERRED + ":\n      - weight: 100\n        podAffinityTerm: {topologyKey: kubernetes.io/hostname}\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at all three affinities."""
        affinity = pod.spec.get("affinity")
        if not affinity:
            return
        path = f"{pod.path}.affinity"
        node = table(affinity.get("nodeAffinity"))
        if (required := node.get(_REQUIRED)) is not None and not table(required).get("nodeSelectorTerms"):
            yield f"{path}.nodeAffinity.{_REQUIRED}.nodeSelectorTerms", "at least one term is required"
        yield from self._weights(node, f"{path}.nodeAffinity")
        for name in ("podAffinity", "podAntiAffinity"):
            rules = table(affinity.get(name))
            yield from self._weights(rules, f"{path}.{name}")
            terms = [(f"{_REQUIRED}[{index}]", term) for index, term in enumerate(rows(rules.get(_REQUIRED)))]
            preferred = enumerate(rows(rules.get(_PREFERRED)))
            terms += [(f"{_PREFERRED}[{index}].podAffinityTerm", table(one.get("podAffinityTerm"))) for index, one in preferred]
            for place, term in terms:
                key = term.get("topologyKey") or ""
                if fault := formats.qualified_name(key):
                    yield f"{path}.{name}.{place}.topologyKey", f"{key!r} {fault}" if key else "a topologyKey is required"

    @staticmethod
    def _weights(rules: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
        for index, one in enumerate(rows(rules.get(_PREFERRED))):
            weight = one.get("weight") or 0
            if not 1 <= weight <= 100:
                yield f"{path}.{_PREFERRED}[{index}].weight", f"found {weight}, expected 1-100"


class Spread(PodRule):
    """A topology spread constraint has a positive maxSkew, a topologyKey, and one meaning for each key."""

    code, remedy = "K8S126", "Set maxSkew to 1 or more, name a topologyKey, and keep one constraint for each key and policy."
    bad = (POD + "  topologySpreadConstraints:\n  - {maxSkew: 0, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}\n",)
    good = (POD + "  topologySpreadConstraints:\n  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at every constraint."""
        seen: set[tuple[Any, Any]] = set()
        for index, one in enumerate(rows(pod.spec.get("topologySpreadConstraints"))):
            path, pair = f"{pod.path}.topologySpreadConstraints[{index}]", (one.get("topologyKey"), one.get("whenUnsatisfiable"))
            if (one.get("maxSkew") or 0) < 1:
                yield f"{path}.maxSkew", f"found {one.get('maxSkew')}, expected at least 1"
            if fault := formats.qualified_name(pair[0] or ""):
                yield f"{path}.topologyKey", f"{pair[0]!r} {fault}"
            if not pair[1]:
                yield f"{path}.whenUnsatisfiable", "found nothing, expected DoNotSchedule or ScheduleAnyway"
            if pair in seen:
                yield path, f"a second constraint for {pair[0]} with {pair[1]}"
            seen.add(pair)


class References(PodRule):
    """Names of other objects and host names that a pod gives must be possible names."""

    code, remedy = "K8S127", "Write the name as it can exist: lower-case letters, digits, '-' and '.'."
    bad = (POD + "  serviceAccountName: My_Account\n", POD + "  hostname: web.example.com\n", POD + "  hostAliases:\n  - {ip: localhost}\n")
    good = (POD + "  serviceAccountName: web\n  hostname: web\n  hostAliases:\n  - {ip: 10.0.0.1, hostnames: [a.example.com]}\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at the names."""
        names = (
            ("serviceAccountName", formats.dns_subdomain),
            ("nodeName", formats.dns_subdomain),
            ("priorityClassName", formats.dns_subdomain),
            ("runtimeClassName", formats.dns_subdomain),
            ("hostname", formats.dns_label),
            ("subdomain", formats.dns_label),
        )
        for name, check in names:
            value = pod.spec.get(name)
            if value and (fault := check(value)):
                yield f"{pod.path}.{name}", f"{value!r} {fault}"
        for index, alias in enumerate(rows(pod.spec.get("hostAliases"))):
            if fault := formats.ip_address(alias.get("ip") or ""):
                yield f"{pod.path}.hostAliases[{index}].ip", f"{alias.get('ip')!r} {fault}"
            for place, name in enumerate(alias.get("hostnames") or ()):
                if fault := formats.dns_subdomain(name or ""):
                    yield f"{pod.path}.hostAliases[{index}].hostnames[{place}]", f"{name!r} {fault}"


class Dns(PodRule):
    """dnsPolicy None needs a name server; there are at most three, each an IP address."""

    code, remedy = "K8S128", "Give one to three IP addresses in dnsConfig.nameservers."
    bad = (POD + "  dnsPolicy: None\n", POD + "  dnsConfig:\n    nameservers: [dns.example.com]\n")
    good = (POD + "  dnsPolicy: None\n  dnsConfig:\n    nameservers: [10.0.0.10]\n    searches: [a.local]\n",)

    def faults(self, pod: Pod) -> Faults:
        """Look at dnsConfig."""
        config = table(pod.spec.get("dnsConfig"))
        servers = config.get("nameservers") or []
        if pod.spec.get("dnsPolicy") == "None" and not servers:
            yield f"{pod.path}.dnsConfig.nameservers", "dnsPolicy None needs a name server"
        if len(servers) > 3:
            yield f"{pod.path}.dnsConfig.nameservers", f"found {len(servers)}, expected at most 3"
        for index, server in enumerate(servers):
            if fault := formats.ip_address(server or ""):
                yield f"{pod.path}.dnsConfig.nameservers[{index}]", f"{server!r} {fault}"


class HostPorts(PodRule):
    """A port of the host can be taken once; with hostNetwork the host's port is the container's own."""

    code, remedy = "K8S129", "Give each container its own hostPort, equal to containerPort where hostNetwork is on."
    bad = (
        POD + "    ports:\n    - {containerPort: 80, hostPort: 8080}\n    - {containerPort: 81, hostPort: 8080}\n",
        POD + "    ports:\n    - {containerPort: 80, hostPort: 8080}\n  hostNetwork: true\n",
    )
    good = (POD + "    ports:\n    - {containerPort: 80, hostPort: 80}\n    - {containerPort: 80, hostPort: 80, protocol: UDP}\n",)

    def faults(self, pod: Pod) -> Faults:
        """Compare the ports of all containers."""
        host, taken = pod.spec.get("hostNetwork"), Counter[tuple[Any, ...]]()
        for container in pod.containers:
            if container.role == "initContainers" and container.value.get("restartPolicy") != "Always":
                continue  # those end before the others start
            for index, port in enumerate(rows(container.value.get("ports"))):
                wanted, own = port.get("hostPort"), port.get("containerPort")
                if not wanted:
                    continue
                path = f"{container.path}.ports[{index}].hostPort"
                if host and wanted != own:
                    yield path, f"found {wanted}; with hostNetwork it must be the containerPort ({own})"
                key = (wanted, port.get("protocol") or "TCP", port.get("hostIP") or "")
                taken[key] += 1
                if taken[key] == 2:
                    yield path, f"host port {wanted}/{key[1]} is taken twice"
