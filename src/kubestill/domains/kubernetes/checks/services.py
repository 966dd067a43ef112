"""Rules about Services."""

from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import SERVICE
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_PORT = "  ports:\n  - port: 80\n"
_OPEN = ("NodePort", "LoadBalancer")
_BALANCED = ("loadBalancerClass", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts")
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"  # the older way to say loadBalancerSourceRanges
_KUBELET_PORT = 10250  # core/validation: no load balancer may expose it
_NODE_PORTS = (30000, 32767)  # the default of the API server's --service-node-port-range


def _headless(view: View) -> bool:
    return bool(view.spec.get("clusterIP") == "None")


class _ServiceRule(ObjectRule):
    kinds = frozenset({"Service"})


class ServicePorts(_ServiceRule):
    """A Service has ports (unless it is headless or an ExternalName), each 1-65535 and given once for each protocol."""

    code, remedy = "K8S170", "Add a port in 1-65535, and each port only once."
    bad = (SERVICE, SERVICE + "  ports:\n  - port: 0\n", SERVICE + "  ports:\n  - {name: a, port: 80}\n  - {name: b, port: 80}\n")
    good = (
        SERVICE + _PORT,
        SERVICE + "  clusterIP: None\n",
        SERVICE + "  ports:\n  - {name: a, port: 53}\n  - {name: b, port: 53, protocol: UDP}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every port."""
        ports = rows(view.spec.get("ports"))
        if not ports and view.spec.get("type") != "ExternalName" and not _headless(view):
            yield "spec.ports", "at least one port is required"
        seen = set()
        for index, port in enumerate(ports):
            number, key = port.get("port") or 0, (port.get("port"), port.get("protocol") or "TCP")
            if fault := formats.port_number(number):
                yield f"spec.ports[{index}].port", f"{number} {fault}"
            elif key in seen:
                yield f"spec.ports[{index}]", f"port {number}/{key[1]} is given twice"
            seen.add(key)
            target = port.get("targetPort")
            if target not in (None, 0, "") and (fault := formats.port_or_name(target)):
                yield f"spec.ports[{index}].targetPort", f"{target!r} {fault}"


class ServicePortNames(_ServiceRule):
    """With several ports each needs a name: a DNS label of its own."""

    code, remedy = "K8S171", "Name every port."
    bad = (
        SERVICE + _PORT + "  - port: 81\n",
        SERVICE + "  ports:\n  - {name: http, port: 80}\n  - {name: http, port: 81}\n",
        SERVICE + "  ports:\n  - {name: My_Port, port: 80}\n",
    )
    good = (SERVICE + _PORT, SERVICE + "  ports:\n  - {name: http, port: 80}\n  - {name: https, port: 443}\n")

    def faults(self, view: View) -> Faults:
        """Compare the names."""
        ports, seen = rows(view.spec.get("ports")), set()
        for index, port in enumerate(ports):
            name = port.get("name") or ""
            if not name and len(ports) > 1:
                yield f"spec.ports[{index}].name", "a name is required where there are several ports"
            elif name and (fault := formats.dns_label(name)):
                yield f"spec.ports[{index}].name", f"{name!r} {fault}"
            elif name and name in seen:
                yield f"spec.ports[{index}].name", f"two ports are called {name!r}"
            seen.add(name)


class ServiceType(_ServiceRule):
    """Some fields belong to one type: nodePort and externalTrafficPolicy to NodePort and LoadBalancer, externalName to ExternalName."""

    code, remedy = "K8S172", "Change the type, or remove the field that belongs to another."
    bad = (
        SERVICE + _PORT + "    nodePort: 30080\n",
        SERVICE + "  type: ExternalName\n",
        SERVICE + _PORT + "  clusterIP: None\n  type: NodePort\n",
        SERVICE + _PORT + "  externalTrafficPolicy: Local\n",
        SERVICE + _PORT + "  loadBalancerSourceRanges: [10.0.0.0/8]\n",
        SERVICE + _PORT.replace("80", "10250") + "  type: LoadBalancer\n",
        SERVICE + _PORT + "  type: LoadBalancer\n  healthCheckNodePort: 31000\n",
        SERVICE + "  type: ExternalName\n  externalName: http://example.com\n",
    )
    good = (SERVICE + _PORT + "    nodePort: 30080\n  type: NodePort\n", SERVICE + "  type: ExternalName\n  externalName: db.example.com\n")

    def faults(self, view: View) -> Faults:
        """Compare the type with the fields."""
        kind = view.spec.get("type") or "ClusterIP"
        if kind == "ExternalName":
            name = (view.spec.get("externalName") or "").rstrip(".")
            if fault := formats.dns_subdomain(name) if name else "is required":
                yield "spec.externalName", f"{name!r} {fault}"
            if view.spec.get("clusterIP") not in (None, "", "None"):
                yield "spec.clusterIP", "an ExternalName Service has none"
        elif kind in _OPEN and _headless(view):
            yield "spec.clusterIP", f"cannot be None for type {kind}"
        if kind not in _OPEN:
            for index, port in enumerate(rows(view.spec.get("ports"))):
                if port.get("nodePort"):
                    yield f"spec.ports[{index}].nodePort", f"may not be used with type {kind}"
            if view.spec.get("externalTrafficPolicy") and not view.spec.get("externalIPs"):
                yield "spec.externalTrafficPolicy", f"may not be used with type {kind}"
        yield from self._balanced(view, kind)

    @staticmethod
    def _balanced(view: View, kind: str) -> Faults:
        if kind != "LoadBalancer":
            for name in _BALANCED:
                if view.spec.get(name) not in (None, "", []):
                    yield f"spec.{name}", f"may not be used with type {kind}"
        elif any(port.get("port") == _KUBELET_PORT for port in rows(view.spec.get("ports"))):
            yield "spec.ports", f"may not expose port {_KUBELET_PORT}, which is the kubelet's"
        if view.spec.get("healthCheckNodePort") and (kind != "LoadBalancer" or view.spec.get("externalTrafficPolicy") != "Local"):
            yield "spec.healthCheckNodePort", "needs type LoadBalancer and externalTrafficPolicy: Local"


class ServiceAddresses(_ServiceRule):
    """Addresses are IP addresses, source ranges are CIDRs, and a session timeout is 1 to 86400 seconds with ClientIP."""

    code, remedy = "K8S173", "Correct the address, the range or the timeout."
    bad = (
        SERVICE + _PORT + "  clusterIP: auto\n",
        SERVICE + _PORT + "  type: LoadBalancer\n  loadBalancerSourceRanges: [10.0.0.1]\n",
        SERVICE + _PORT + "  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 90000}}\n",
    )
    good = (SERVICE + _PORT + "  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}\n",)

    def faults(self, view: View) -> Faults:
        """Read the addresses."""
        own = view.spec.get("clusterIP")
        if own not in (None, "", "None") and view.spec.get("type") != "ExternalName" and (fault := formats.ip_address(own)):
            yield "spec.clusterIP", f"{own!r} {fault}"
        for index, network in enumerate(view.spec.get("loadBalancerSourceRanges") or ()):
            if fault := formats.cidr((network or "").strip()):
                yield f"spec.loadBalancerSourceRanges[{index}]", f"{network!r} {fault}"
        ranges = table(view.metadata.get("annotations")).get(_RANGES)
        if ranges and view.spec.get("type") == "LoadBalancer" and not view.spec.get("loadBalancerSourceRanges"):
            for part in ranges.split(","):
                if fault := formats.cidr(part.strip()):
                    yield f"metadata.annotations[{_RANGES}]", f"{part!r} {fault}"
        yield from _affinity(view.spec)


def _affinity(spec: Any) -> Faults:
    timeout = table(table(spec.get("sessionAffinityConfig")).get("clientIP")).get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 86400:
        yield "spec.sessionAffinityConfig.clientIP.timeoutSeconds", f"found {timeout}, expected 1-86400"
    if spec.get("sessionAffinityConfig") and spec.get("sessionAffinity") != "ClientIP":
        yield "spec.sessionAffinityConfig", "needs sessionAffinity: ClientIP"


class ServiceFamilies(_ServiceRule):
    """The addresses of a Service fit its IP families, the first of clusterIPs is clusterIP, and two families need a dual-stack policy."""

    code, remedy = "K8S175", "Make clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy agree; a nodePort stands once."
    bad = (
        SERVICE + _PORT + "  clusterIPs: [10.0.0.10]\n  clusterIP: 10.0.0.11\n",
        SERVICE + _PORT + "  clusterIPs: [10.0.0.10]\n",
        SERVICE + _PORT + "  ipFamilies: [IPv4, IPv6]\n  ipFamilyPolicy: SingleStack\n",
        SERVICE + _PORT + "  ipFamilies: [IPv6]\n  clusterIP: 10.0.0.10\n",
        SERVICE + "  type: NodePort\n  ports:\n  - {name: a, port: 80, nodePort: 30080}\n  - {name: b, port: 81, nodePort: 30080}\n",
    )
    good = (SERVICE + _PORT + "  clusterIP: None\n  ipFamilies: [IPv4]\n", SERVICE + _PORT + "  ipFamilyPolicy: PreferDualStack\n")

    def faults(self, view: View) -> Faults:
        """Compare the addresses and the families."""
        own, all_own = view.spec.get("clusterIP"), view.spec.get("clusterIPs") or []
        families = [family for family in view.spec.get("ipFamilies") or () if family]
        if all_own and all_own[0] != own:
            yield "spec.clusterIPs[0]", f"found {all_own[0]!r}, expected the same as clusterIP ({own})"
        if view.spec.get("ipFamilyPolicy") == "SingleStack" and max(len(families), len(all_own)) > 1:
            yield "spec.ipFamilyPolicy", "two families need PreferDualStack or RequireDualStack"
        for index, (address, family) in enumerate(zip(all_own or [own], families, strict=False)):
            if address and address != "None" and not formats.ip_address(address) and (":" in address) != (family == "IPv6"):
                yield f"spec.clusterIPs[{index}]" if all_own else "spec.clusterIP", f"{address!r} is no {family} address"
        seen = set()
        for index, port in enumerate(rows(view.spec.get("ports"))):
            key = (port.get("nodePort"), port.get("protocol") or "TCP")
            if key[0] and key in seen:
                yield f"spec.ports[{index}].nodePort", f"node port {key[0]}/{key[1]} is given twice"
            seen.add(key)


class NodePortRange(_ServiceRule):
    """A nodePort outside 30000-32767 is refused by every cluster that keeps the default range (a dry run does not notice)."""

    code, remedy, severity = "K8S174", "Use a port in 30000-32767, or leave the choice to the cluster.", "warning"
    bad = (SERVICE + _PORT + "    nodePort: 8080\n  type: NodePort\n",)
    good = (SERVICE + _PORT + "    nodePort: 32000\n  type: NodePort\n",)

    def faults(self, view: View) -> Faults:
        """Compare with the default range."""
        low, high = _NODE_PORTS
        for index, port in enumerate(rows(view.spec.get("ports"))):
            number = port.get("nodePort")
            if number and not low <= number <= high:
                yield f"spec.ports[{index}].nodePort", f"found {number}, outside the default range {low}-{high}"
