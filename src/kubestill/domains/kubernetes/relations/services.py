"""Relations of Services: the pods behind them, the ports of these, and the StatefulSets that they govern."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import SERVICE, STATEFUL
from kubestill.domains.kubernetes.policies.rule import lasting
from kubestill.domains.kubernetes.relations.entries import Entry, number, text
from kubestill.domains.kubernetes.relations.examples import DEPLOYMENT, LISTENING, NAMED, SERVICE_80, together
from kubestill.domains.kubernetes.relations.index import Index, closest
from kubestill.domains.kubernetes.relations.pods import plain_selector
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Faults, Names, Places, Reference, Relation
from kubestill.domains.kubernetes.subject import Container, rows

_TARGET = "    targetPort: "
_NODE_PORT = SERVICE_80 + "    nodePort: 30080\n  type: NodePort\n"


def service_selector(entry: Entry) -> dict[str, Any] | None:
    """Return the selector by which a Service finds its pods; None where it has none, or is an ExternalName."""
    return None if entry.view.spec.get("type") == "ExternalName" else plain_selector(entry.view.spec.get("selector"))


class SelectsPods(EntryRelation):
    """A Service selects no pod of the set: it is created without complaint, and every connection to it is refused."""

    code, remedy, missing = "K8S605", "Make spec.selector agree with the labels of the pod template.", True
    kinds = ("Service",)
    bad = (
        together(DEPLOYMENT, SERVICE_80.replace("app: web", "app: wbe")),
        together(DEPLOYMENT, SERVICE_80.replace("app: web", "name: web")),
    )
    good = (together(DEPLOYMENT, SERVICE_80), together(DEPLOYMENT, SERVICE_80.replace("  selector:\n    app: web\n", "")))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look for pods in the Service's namespace."""
        selector = service_selector(entry)
        if selector and index.unmatched(entry, selector):
            yield "spec.selector", f"no pod of the set carries the labels {shown(selector)}"


def shown(selector: Mapping[str, Any]) -> str:
    """Return a selector as kubectl takes it, cut after 100 characters."""
    terms = [f"{key}={value}" for key, value in selector["matchLabels"].items()]
    for term in selector["matchExpressions"]:
        values = f" ({','.join(term['values'])})" if term.get("values") else ""
        terms.append(f"{term['key']} {term['operator']}{values}")
    told = ",".join(terms)
    return told if len(told) <= 100 else told[:97] + "..."


def _ports_behind(entry: Entry, index: Index) -> list[tuple[Container, list[Mapping[str, Any]]]] | None:
    """Return the lasting containers behind a Service with their ports; None where nobody can tell all of them."""
    selector = service_selector(entry)
    picked = index.pick(entry, selector) if selector else None
    if picked is None or not picked.made or not picked.whole:
        return None
    found = []
    for made in picked.made:
        containers = lasting(made.pod) if made.pod else []
        if not containers or not all(one.value.get("image") for one in containers):  # a patch, or what a controller makes
            return None
        found += [(one, rows(one.value.get("ports"))) for one in containers]
    return found


class NamedTargetPort(EntryRelation):
    """A Service sends to a port by a name that no container behind it declares: it gets no endpoints for that port."""

    code, remedy, missing = "K8S606", "Name the containerPort so, or use its number as targetPort.", True
    kinds = ("Service",)
    bad = (
        together(NAMED, SERVICE_80 + _TARGET + "htttp\n"),
        together(LISTENING, SERVICE_80 + _TARGET + "http\n"),
        together(NAMED, SERVICE_80 + _TARGET + "http\n    protocol: UDP\n"),
    )
    good = (together(NAMED, SERVICE_80 + _TARGET + "http\n"), together(NAMED, SERVICE_80 + _TARGET + "8080\n"))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Compare names with those that the containers declare for the same protocol (pkg/api/v1/pod, FindPort)."""
        behind = _ports_behind(entry, index)
        for path, target, protocol in _targets(entry) if behind else ():
            if not isinstance(target, str) or formats.port_name(target):  # K8S170 tells, or a tool fills it in
                continue
            declared = [port for _, ports in behind or () for port in ports if port.get("name") == target]
            if not declared:
                names = sorted({text(port.get("name")) for _, ports in behind or () for port in ports} - {""})
                hint = closest(target, names) or (f"they declare {', '.join(names[:5])}" if names else "they name no port")
                yield path, f"no container behind the Service declares a port {target!r}; {hint}"
            elif all(_protocol(port) != protocol for port in declared):
                yield path, f"the containers declare port {target!r} for {_protocol(declared[0])}, not for {protocol}"


class NumericTargetPort(EntryRelation):
    """A Service sends to a number that no container behind it declares. Declaring is a courtesy, so this is only a hint of a slip.

    Told only where every container declares some port.
    """

    code, remedy = "K8S607", "Correct targetPort (it is port unless given), or declare the containerPort."
    kinds = ("Service",)
    bad = (together(LISTENING, SERVICE_80), together(LISTENING, SERVICE_80 + _TARGET + "8008\n"))
    good = (together(LISTENING, SERVICE_80 + _TARGET + "8080\n"), together(DEPLOYMENT, SERVICE_80))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Compare numbers; a headless Service sends nothing itself."""
        behind = _ports_behind(entry, index)
        if not behind or is_headless(entry) or not all(ports for _, ports in behind):
            return
        declared = {value for _, ports in behind for port in ports if (value := number(port.get("containerPort"))) is not None}
        for path, target, _ in _targets(entry):
            if number(target) is not None and target not in declared:
                told = ", ".join(map(str, sorted(declared)[:5]))
                yield path, f"no container behind the Service declares port {target}; they declare {told}"


def _targets(entry: Entry) -> Iterator[tuple[str, Any, str]]:
    """Yield path, target and protocol of a Service's ports."""
    for place, port in enumerate(rows(entry.view.spec.get("ports"))):
        target = port.get("targetPort")
        key = "port" if target in (None, 0, "") else "targetPort"
        yield f"spec.ports[{place}].{key}", port.get(key), _protocol(port)


def _protocol(port: Mapping[str, Any]) -> str:
    return text(port.get("protocol")) or "TCP"


def is_headless(entry: Entry) -> bool:
    """Return whether a Service has no address of its own."""
    return bool(entry.view.spec.get("clusterIP") == "None")


class NodePortTwice(Relation):
    """Two Services ask for the same port of the nodes: the API server refuses the second one."""

    code, remedy, severity = "K8S608", "Choose another nodePort, or leave it out and let the cluster choose.", "error"
    bad = (together(_NODE_PORT, _NODE_PORT.replace("name: web", "name: api")),)
    good = (
        together(_NODE_PORT, _NODE_PORT.replace("name: web", "name: api").replace("30080", "30081")),
        _NODE_PORT.replace("- port: 80", "- port: 80\n    protocol: UDP\n    nodePort: 30080\n    name: udp\n  - port: 80\n    name: tcp"),
    )

    def faults(self, index: Index) -> Faults:
        """Remember each port; the later Service is told. One Service may use a port for two protocols."""
        first: dict[tuple[int, str], Entry] = {}
        for entry in index.of("Service"):
            if entry.view.spec.get("type") not in ("NodePort", "LoadBalancer"):
                continue
            for place, port in enumerate(rows(entry.view.spec.get("ports"))):
                value = number(port.get("nodePort"))
                other = first.setdefault((value, index.beside(entry)[1]), entry) if value else entry
                if (other.namespace, other.name) != (entry.namespace, entry.name):
                    yield entry, f"spec.ports[{place}].nodePort", f"{value} is already the nodePort of {other.title}"


_HEADLESS = SERVICE + "  clusterIP: None\n  ports:\n  - port: 80\n"


class GoverningService(Reference):
    """A StatefulSet names a Service that is not there: its pods get no names in DNS, and peers never find each other."""

    code, remedy = "K8S609", "Add a headless Service (clusterIP: None) of that name, or correct spec.serviceName."
    kinds = ("StatefulSet.apps",)
    bad = (STATEFUL, together(STATEFUL, _HEADLESS.replace("name: web", "name: wep")))
    good = (together(STATEFUL, _HEADLESS),)

    def names(self, entry: Entry) -> Names:
        """Look at spec.serviceName."""
        yield "spec.serviceName", "Service", entry.view.spec.get("serviceName")


class HeadlessGoverningService(EntryRelation):
    """The Service that governs a StatefulSet has an address of its own: then the pods get no names in DNS."""

    code, remedy = "K8S610", "Set clusterIP: None on that Service, or name a headless one in spec.serviceName."
    kinds = ("StatefulSet.apps",)
    bad = (together(STATEFUL, SERVICE_80),)
    good = (together(STATEFUL, _HEADLESS), STATEFUL.replace("  serviceName: web\n", ""))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look at the Service that spec.serviceName means."""
        name = text(entry.view.spec.get("serviceName"))
        found = index.find(entry, "Service", name)
        if found and not any(map(is_headless, found)):
            yield "spec.serviceName", f"{found[0].title} is not headless"
