"""Rules about Ingresses, IngressClasses and NetworkPolicies."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_INGRESS = head("networking.k8s.io/v1", "Ingress") + "spec:\n"
_BACKEND = "        backend: {service: {name: web, port: {number: 80}}}\n"
_RULE = _INGRESS + "  rules:\n  - http:\n      paths:\n      - path: /\n        pathType: Prefix\n"
_POLICY = head("networking.k8s.io/v1", "NetworkPolicy") + "spec:\n  podSelector: {}\n"
_CLASS = "kubernetes.io/ingress.class"
# networking/validation: invalidPathSequences and invalidPathSuffixes.
_NOT_IN_PATH, _NOT_AT_END = ("//", "/./", "/../", "%2f", "%2F"), ("/..", "/.")
_BLOCK = "  ingress:\n  - from:\n    - ipBlock:\n        cidr: "


class _IngressRule(ObjectRule):
    kinds = frozenset({"Ingress"})


class IngressGiven(_IngressRule):
    """An Ingress has rules or a defaultBackend."""

    code, remedy = "K8S180", "Add spec.rules or spec.defaultBackend."
    bad = (_INGRESS + "  ingressClassName: nginx\n",)
    good = (_RULE + _BACKEND, _INGRESS + "  defaultBackend: {service: {name: web, port: {name: http}}}\n")

    def faults(self, view: View) -> Faults:
        """Look for either."""
        if not view.spec.get("rules") and not view.spec.get("defaultBackend"):
            yield "spec.rules", "rules or a defaultBackend is required"


class IngressClassOnce(_IngressRule):
    """The older annotation names the same class as spec.ingressClassName, where both stand."""

    code, remedy = "K8S184", "Remove the annotation kubernetes.io/ingress.class."
    bad = ((_RULE + _BACKEND + "  ingressClassName: nginx\n").replace("spec:", "  annotations: {kubernetes.io/ingress.class: old}\nspec:"),)
    good = (_RULE + _BACKEND + "  ingressClassName: nginx\n",)

    def faults(self, view: View) -> Faults:
        """Compare the two."""
        name, older = view.spec.get("ingressClassName"), table(view.metadata.get("annotations")).get(_CLASS)
        if name is not None and older is not None and older != name:
            yield f"metadata.annotations[{_CLASS}]", f"found {older!r}, expected the same as ingressClassName ({name})"


class IngressPaths(_IngressRule):
    """Each path has a pathType; Exact and Prefix paths are absolute, without '//', '/./' and '/../'."""

    code, remedy = "K8S181", "Set pathType (Prefix, Exact or ImplementationSpecific) and start the path with '/'."
    bad = (
        _RULE.replace("        pathType: Prefix\n", "        pathType: ''\n") + _BACKEND,
        _RULE.replace("path: /", "path: app") + _BACKEND,
        _RULE.replace("path: /", "path: /a//b") + _BACKEND,
        _INGRESS + "  rules:\n  - http:\n      paths: []\n",
    )
    good = (_RULE + _BACKEND, _RULE.replace("path: /", "path: /.*").replace("Prefix", "ImplementationSpecific") + _BACKEND)

    def faults(self, view: View) -> Faults:
        """Look at every path."""
        for index, rule in enumerate(rows(view.spec.get("rules"))):
            http = rule.get("http")
            if http is not None and not http.get("paths"):
                yield f"spec.rules[{index}].http.paths", "at least one path is required"
            for place, one in enumerate(rows(table(http).get("paths"))):
                where, path, kind = f"spec.rules[{index}].http.paths[{place}]", one.get("path") or "", one.get("pathType")
                if not kind:
                    yield f"{where}.pathType", "a pathType is required"
                elif kind != "ImplementationSpecific" and not path.startswith("/"):
                    yield f"{where}.path", f"found {path!r}, expected an absolute path"
                elif kind != "ImplementationSpecific" and (wrong := [part for part in _NOT_IN_PATH if part in path]):
                    yield f"{where}.path", f"{path!r} may not hold {wrong[0]!r}"
                elif kind != "ImplementationSpecific" and path.endswith(_NOT_AT_END):
                    yield f"{where}.path", f"{path!r} may not end with a dot as its last part"
                elif path and not path.startswith("/"):
                    yield f"{where}.path", f"found {path!r}, expected an absolute path"


class IngressBackends(_IngressRule):
    """A backend is a Service with a port by number or by name, or a resource; never both."""

    code, remedy = "K8S182", "Write service.name and service.port.number (or name)."
    bad = (
        _RULE + "        backend: {}\n",
        _RULE + "        backend: {service: {name: web}}\n",
        _RULE + "        backend: {service: {name: web, port: {number: 80, name: http}}}\n",
        _RULE + "        backend: {service: {name: web, port: {number: 0}}}\n",
        _RULE + "        backend: {service: {name: Web_1, port: {number: 80}}}\n",
    )
    good = (_RULE + _BACKEND, _RULE + "        backend: {resource: {kind: Bucket, name: a, apiGroup: example.com}}\n")

    def faults(self, view: View) -> Faults:
        """Look at every backend."""
        backends = [("spec.defaultBackend", view.spec["defaultBackend"])] if view.spec.get("defaultBackend") is not None else []
        for index, rule in enumerate(rows(view.spec.get("rules"))):
            for place, one in enumerate(rows(table(rule.get("http")).get("paths"))):
                backends.append((f"spec.rules[{index}].http.paths[{place}].backend", table(one.get("backend"))))
        for path, backend in backends:
            service, resource = backend.get("service"), backend.get("resource")
            if (service is None) == (resource is None):
                yield path, "exactly one of service and resource is required"
            elif service is not None:
                yield from _service_faults(service, f"{path}.service")


def _service_faults(service: Mapping[str, Any], path: str) -> Faults:
    name, port = service.get("name") or "", table(service.get("port"))
    if fault := formats.dns_label(name) if name else "is required":
        yield f"{path}.name", f"{name!r} {fault}" if name else "a name is required"
    number, label = port.get("number"), port.get("name")
    if number and label:
        yield f"{path}.port", "number and name exclude each other"
    elif not number and not label:
        yield f"{path}.port", "a port's number or name is required"
    elif number and (fault := formats.port_number(number)):
        yield f"{path}.port.number", f"{number} {fault}"
    elif label and (fault := formats.port_name(label)):
        yield f"{path}.port.name", f"{label!r} {fault}"


class IngressHosts(_IngressRule):
    """A host is a DNS name, its first label may be '*'; it is neither an IP address nor has a port."""

    code, remedy = "K8S183", "Write the host name alone, such as shop.example.com or *.example.com."
    bad = (
        _RULE.replace("- http:", "- host: https://a.example.com\n    http:") + _BACKEND,
        _RULE.replace("- http:", "- host: 10.0.0.1\n    http:") + _BACKEND,
    )
    good = (_RULE.replace("- http:", "- host: '*.example.com'\n    http:") + _BACKEND,)

    def faults(self, view: View) -> Faults:
        """Look at rules and tls."""
        hosts = [(f"spec.rules[{index}].host", rule.get("host")) for index, rule in enumerate(rows(view.spec.get("rules")))]
        for index, one in enumerate(rows(view.spec.get("tls"))):
            hosts += [(f"spec.tls[{index}].hosts[{place}]", host) for place, host in enumerate(one.get("hosts") or ())]
        for path, host in hosts:
            if not host:
                continue
            if path.endswith(".host") and not formats.ip_address(host):
                yield path, f"{host!r} is an IP address, expected a DNS name"
            elif fault := formats.wildcard_subdomain(host):
                yield path, f"{host!r} {fault}"


class PolicyPeers(ObjectRule):
    """A peer of a NetworkPolicy is an ipBlock or selectors, not both; an ipBlock is a CIDR, and its exceptions lie within."""

    code, remedy = "K8S185", "Write the ipBlock alone with a CIDR such as 10.0.0.0/8, or use selectors."
    kinds = frozenset({"NetworkPolicy"})
    bad = (
        _POLICY + _BLOCK + "10.0.0.1\n",
        _POLICY + _BLOCK + "10.0.0.0/8\n      podSelector: {}\n",
        _POLICY + _BLOCK + "10.0.0.0/8\n        except: [192.168.0.0/24]\n",
        _POLICY + "  ingress:\n  - from:\n    - {}\n",
    )
    good = (_POLICY + _BLOCK + "10.0.0.0/8\n        except: [10.1.0.0/16]\n", _POLICY + "  ingress:\n  - from:\n    - podSelector: {}\n")

    def faults(self, view: View) -> Faults:
        """Look at every peer."""
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for index, rule in enumerate(rows(view.spec.get(direction))):
                for place, peer in enumerate(rows(rule.get(side))):
                    path, block = f"spec.{direction}[{index}].{side}[{place}]", peer.get("ipBlock")
                    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
                    if block is None and not selectors:
                        yield path, "a peer needs an ipBlock, a podSelector or a namespaceSelector"
                    elif block is not None and selectors:
                        yield path, f"ipBlock and {selectors[0]} exclude each other"
                    elif block is not None:
                        yield from _block_faults(block, f"{path}.ipBlock")


def _block_faults(block: Mapping[str, Any], path: str) -> Faults:
    network = block.get("cidr") or ""
    if fault := formats.cidr(network):
        yield f"{path}.cidr", f"{network!r} {fault}"
        return
    outer = ipaddress.ip_network(network, strict=False)
    for index, part in enumerate(block.get("except") or ()):
        if fault := formats.cidr(part or ""):
            yield f"{path}.except[{index}]", f"{part!r} {fault}"
            continue
        inner = ipaddress.ip_network(part, strict=False)
        if inner.version != outer.version or inner.prefixlen <= outer.prefixlen or inner.network_address not in outer:
            yield f"{path}.except[{index}]", f"{part} is not within {network}"


class PolicyPorts(ObjectRule):
    """A port of a NetworkPolicy is a number or a name; endPort ends a range that begins with a number."""

    code, remedy = "K8S186", "Correct the port; endPort needs a smaller numeric port."
    kinds = frozenset({"NetworkPolicy"})
    bad = (_POLICY + "  ingress:\n  - ports:\n    - port: 70000\n", _POLICY + "  egress:\n  - ports:\n    - {port: 90, endPort: 80}\n")
    good = (_POLICY + "  egress:\n  - ports:\n    - {port: 80, endPort: 90}\n    - {port: http}\n    - {protocol: UDP}\n",)

    def faults(self, view: View) -> Faults:
        """Look at every port."""
        for direction in ("ingress", "egress"):
            for index, rule in enumerate(rows(view.spec.get(direction))):
                for place, one in enumerate(rows(rule.get("ports"))):
                    path, port, end = f"spec.{direction}[{index}].ports[{place}]", one.get("port"), one.get("endPort")
                    if port is not None and (fault := formats.port_or_name(port)):
                        yield f"{path}.port", f"{port!r} {fault}"
                    if end is not None and (not isinstance(port, int) or end < port or formats.port_number(end)):
                        yield f"{path}.endPort", f"found {end} after port {port}, expected a larger number up to 65535"


_CONTROLLED = head("networking.k8s.io/v1", "IngressClass") + "spec:\n  controller: k8s.io/ingress-nginx\n"


class IngressClassController(ObjectRule):
    """An IngressClass names its controller as a domain-prefixed path, such as k8s.io/ingress-nginx; parameters of a namespace name it."""

    code, remedy = "K8S187", "Set spec.controller to domain/path; give parameters.namespace with scope Namespace, and only there."
    kinds = frozenset({"IngressClass"})
    bad = (
        _CONTROLLED.replace("k8s.io/ingress-nginx", "nginx"),
        _CONTROLLED + "  parameters: {kind: A, name: a, scope: Namespace}\n",
        _CONTROLLED + "  parameters: {kind: A, name: a, namespace: b}\n",
    )
    good = (_CONTROLLED, _CONTROLLED + "  parameters: {apiGroup: example.com, kind: A, name: a, scope: Namespace, namespace: b}\n")

    def faults(self, view: View) -> Faults:
        """Look at the controller and at the parameters."""
        controller, parameters = view.spec.get("controller") or "", table(view.spec.get("parameters"))
        if formats.domain_path(controller) or len(controller) > 250:
            yield "spec.controller", f"found {controller!r}, expected domain/path"
        if parameters.get("scope") == "Namespace":
            if not parameters.get("namespace"):
                yield "spec.parameters.namespace", "scope Namespace needs it"
        elif parameters.get("namespace") is not None:
            yield "spec.parameters.namespace", "scope Cluster takes none"


_SLICE = head("discovery.k8s.io/v1", "EndpointSlice") + "addressType: IPv4\nendpoints:\n- addresses: "


class Endpoints(ObjectRule):
    """Each endpoint of an EndpointSlice has addresses, of the slice's addressType, that traffic can be sent to."""

    code, remedy = "K8S188", "Add addresses that fit addressType."
    kinds = frozenset({"EndpointSlice"})
    bad = tuple(f"{_SLICE}[{address}]\n" for address in ("", "example.com", "'fd00::1'", "127.0.0.1"))
    good = (_SLICE + "[10.1.2.3]\n",)

    def faults(self, view: View) -> Faults:
        """Look at every endpoint."""
        kind = view.object.get("addressType")
        for index, endpoint in enumerate(rows(view.object.get("endpoints"))):
            if not endpoint.get("addresses"):
                yield f"endpoints[{index}].addresses", "at least one address is required"
            for place, address in enumerate(endpoint.get("addresses") or ()):
                if fault := _address_fault(address or "", kind):
                    yield f"endpoints[{index}].addresses[{place}]", f"{address!r} {fault}"


def _address_fault(address: str, kind: Any) -> str:
    if kind == "FQDN":
        return formats.dns_subdomain(address)
    return formats.endpoint_address(address) or ("" if (":" in address) == (kind == "IPv6") else f"is no {kind} address")


_ENDPOINTS = head("v1", "Endpoints") + "subsets:\n- "


class EndpointSubsets(ObjectRule):
    """A subset of Endpoints has addresses; with several ports each has a name."""

    code, remedy = "K8S176", "Add addresses, and name every port."
    kinds = frozenset({"Endpoints"})
    bad = (
        _ENDPOINTS + "ports: [{port: 80}]\n",
        _ENDPOINTS + "addresses: [{ip: 10.0.0.1}]\n  ports: [{port: 80}, {port: 81}]\n",
    )
    good = (_ENDPOINTS + "addresses: [{ip: 10.0.0.1}]\n  ports: [{port: 80}]\n",)

    def faults(self, view: View) -> Faults:
        """Look at every subset."""
        for index, subset in enumerate(rows(view.object.get("subsets"))):
            if not subset.get("addresses") and not subset.get("notReadyAddresses"):
                yield f"subsets[{index}]", "addresses or notReadyAddresses are required"
            ports = rows(subset.get("ports"))
            for place, port in enumerate(ports):
                if len(ports) > 1 and not port.get("name"):
                    yield f"subsets[{index}].ports[{place}].name", "a name is required where there are several ports"


_FAMILIES = head("networking.k8s.io/v1", "ServiceCIDR") + "spec: {cidrs: "


class Families(ObjectRule):
    """Two networks of a ServiceCIDR are of two IP families; an IPAddress is called by the address as it is usually written."""

    code, remedy = "K8S177", "Give one IPv4 and one IPv6 network; name the IPAddress by its canonical form."
    kinds = frozenset({"ServiceCIDR", "IPAddress"})
    bad = (
        _FAMILIES + "[10.0.0.0/16, 10.1.0.0/16]}\n",
        head("networking.k8s.io/v1", "IPAddress", "web") + "spec: {parentRef: {resource: services, name: a}}\n",
    )
    good = (_FAMILIES + "[10.0.0.0/16, 'fd00::/112']}\n",)

    def faults(self, view: View) -> Faults:
        """Compare the families; read the name."""
        if view.kind == "IPAddress":
            name = view.metadata.get("name") or ""
            if formats.ip_address(name) or str(ipaddress.ip_address(name)) != name:
                yield "metadata.name", f"{name!r} is no IP address in canonical form"
        networks = view.spec.get("cidrs") or []
        if len(networks) == 2 and len({":" in (network or "") for network in networks}) == 1:
            yield "spec.cidrs[1]", "has the IP family of the first"
