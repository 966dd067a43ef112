"""Relations of Ingresses and NetworkPolicies."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.relations.entries import Entry, number, text
from kubestill.domains.kubernetes.relations.examples import DEPLOYMENT, INGRESS, SECRET, SERVICE_80, together
from kubestill.domains.kubernetes.relations.index import Index, closest
from kubestill.domains.kubernetes.relations.pods import label_selector
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Faults, Names, Places, Reference, Relation
from kubestill.domains.kubernetes.relations.services import shown
from kubestill.domains.kubernetes.subject import rows, table

_INGRESS = "Ingress.networking.k8s.io"
_POLICY = head("networking.k8s.io/v1", "NetworkPolicy") + "spec:\n  policyTypes: [Ingress]\n  podSelector: "
_TLS = "  tls:\n  - {hosts: [example.com], secretName: web}\n"
_CLASS_KEY = "kubernetes.io/ingress.class"  # the annotation that spec.ingressClassName replaced
_BY_ANNOTATION = "use-annotation"  # the AWS load balancer controller: an action in an annotation takes the place of a Service


class PolicySelectsPods(EntryRelation):
    """A NetworkPolicy selects no pod of the set: it protects nothing, and nothing says so."""

    code, remedy, missing = "K8S612", "Make spec.podSelector agree with the labels of the pod template.", True
    kinds = ("NetworkPolicy.networking.k8s.io",)
    bad = (
        together(DEPLOYMENT, _POLICY + "{matchLabels: {app: api}}\n"),
        together(DEPLOYMENT, _POLICY + "{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}\n"),
    )
    good = (together(DEPLOYMENT, _POLICY + "{matchLabels: {app: web}}\n"), together(DEPLOYMENT, _POLICY + "{}\n"))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look for pods in the policy's namespace; an empty selector means all."""
        selector = label_selector(entry.view.spec.get("podSelector"))
        if selector and index.unmatched(entry, selector):
            yield "spec.podSelector", f"no pod of the set matches {shown(selector)}"


def backends(entry: Entry) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and Service of an Ingress's backends, but those that an annotation replaces."""
    found = [("spec.defaultBackend", table(entry.view.spec.get("defaultBackend")))]
    for place, rule in enumerate(rows(entry.view.spec.get("rules"))):
        paths = rows(table(rule.get("http")).get("paths"))
        found += [(f"spec.rules[{place}].http.paths[{at}].backend", table(one.get("backend"))) for at, one in enumerate(paths)]
    for path, backend in found:
        service = table(backend.get("service"))
        if service and table(service.get("port")).get("name") != _BY_ANNOTATION:
            yield f"{path}.service", service


class IngressService(Reference):
    """An Ingress sends to a Service that is not there: its controller answers 503 or 404 in the Service's place."""

    code, remedy = "K8S613", "Add the Service, or correct the backend's name; it must be in the Ingress's namespace."
    kinds = (_INGRESS,)
    bad = (together(INGRESS, SERVICE_80.replace("name: web", "name: wbe")), INGRESS)
    good = (together(INGRESS, SERVICE_80),)

    def names(self, entry: Entry) -> Names:
        """Look at every backend."""
        for path, service in backends(entry):
            yield f"{path}.name", "Service", service.get("name")


class IngressServicePort(EntryRelation):
    """An Ingress sends to a port, by number or by name, that the Service does not offer."""

    code, remedy, missing = "K8S614", "Use port or name of one of the Service's ports (not its targetPort).", True
    kinds = (_INGRESS,)
    bad = (
        together(INGRESS.replace("number: 80", "number: 8080"), SERVICE_80 + "    targetPort: 8080\n"),
        together(INGRESS.replace("number: 80", "name: http"), SERVICE_80),
    )
    good = (together(INGRESS, SERVICE_80), together(INGRESS.replace("number: 80", "name: http"), SERVICE_80 + "    name: http\n"))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Compare each backend's port with those of its Service."""
        for path, service in backends(entry):
            found = index.find(entry, "Service", text(service.get("name")))
            offered = [port for one in found for port in rows(one.view.spec.get("ports"))]
            port = table(service.get("port"))
            key = "name" if text(port.get("name")) else "number"
            asked = text(port.get("name")) or number(port.get("number"))
            values = [value for one in offered if (value := one.get("name" if key == "name" else "port")) is not None]
            if not offered or not asked or asked in values:
                continue
            told = ", ".join(str(value) for value in values[:5]) or "no port with a name"
            hint = closest(asked, map(str, values)) if isinstance(asked, str) else ""
            yield f"{path}.port.{key}", f"{found[0].title} offers {told}, not {asked}" + (f"; {hint}" if hint else "")


class IngressSecret(Reference):
    """An Ingress takes its certificate from a Secret that is not there: it is served with a made-up one.

    Where an annotation asks cert-manager or the like for the certificate, the Secret comes later.
    """

    code, remedy = "K8S615", "Add the Secret (type kubernetes.io/tls), or ask cert-manager for it."
    kinds = (_INGRESS,)
    bad = (together(INGRESS + _TLS, SERVICE_80),)
    good = (
        together(INGRESS + _TLS, SERVICE_80, SECRET),
        together((INGRESS + _TLS).replace("name: web\n", "name: web\n  annotations: {cert-manager.io/issuer: ca}\n", 1), SERVICE_80),
    )

    def names(self, entry: Entry) -> Names:
        """Look at spec.tls."""
        keys = [str(key) for key in table(entry.view.metadata.get("annotations"))]
        if any("cert-manager" in key or "certmanager" in key or "acme" in key for key in keys):
            return
        for place, one in enumerate(rows(entry.view.spec.get("tls"))):
            yield f"spec.tls[{place}].secretName", "Secret", one.get("secretName")


class IngressClassGiven(Reference):
    """An Ingress asks for an IngressClass that is none of the set's: no controller takes it up.

    In an open set told only where the set has classes of its own; mostly the controller brings them.
    """

    code, remedy, evident = "K8S616", "Add the IngressClass, or correct spec.ingressClassName.", True
    kinds = (_INGRESS,)
    _NGINX = head("networking.k8s.io/v1", "IngressClass", "nginx") + "spec: {controller: k8s.io/ingress-nginx}\n"
    bad = (together(INGRESS + "  ingressClassName: ngnix\n", SERVICE_80, _NGINX),)
    good = (together(INGRESS + "  ingressClassName: nginx\n", SERVICE_80, _NGINX), together(INGRESS, SERVICE_80, _NGINX))

    def names(self, entry: Entry) -> Names:
        """Look at spec.ingressClassName."""
        yield "spec.ingressClassName", "IngressClass.networking.k8s.io", entry.view.spec.get("ingressClassName")


class IngressPathTwice(Relation):
    """Two Ingresses of one class claim the same path of the same host: the oldest wins, or the controller refuses the second."""

    code, remedy = "K8S617", "Join the two Ingresses, or give one another host or path."
    bad = (together(INGRESS, INGRESS.replace("name: web", "name: api", 1), SERVICE_80),)
    good = (
        together(INGRESS, INGRESS.replace("name: web", "name: api", 1).replace("path: /", "path: /api"), SERVICE_80),
        together(INGRESS, INGRESS.replace("name: web", "name: api", 1) + "  ingressClassName: other\n", SERVICE_80),
    )

    def faults(self, index: Index) -> Faults:
        """Remember who claims what; the later Ingress is told. Canaries and the like share paths on purpose."""
        first: dict[tuple[str, ...], Entry] = {}
        for entry in index.of(_INGRESS):
            annotations = table(entry.view.metadata.get("annotations"))
            if any("canary" in key or "mergeable" in key or "/conditions." in key for key in annotations):
                continue
            name = text(entry.view.spec.get("ingressClassName")) or text(annotations.get(_CLASS_KEY))
            for where, host, path, how in _claims(entry):
                other = first.setdefault((index.beside(entry)[1], name, host, path, how), entry)
                if (other.namespace, other.name) != (entry.namespace, entry.name):
                    yield entry, where, f"{host or '*'}{path} is claimed by {other.title} already"


def _claims(entry: Entry) -> Iterator[tuple[str, str, str, str]]:
    """Yield where an Ingress claims what: field path, host, path and its type."""
    for place, rule in enumerate(rows(entry.view.spec.get("rules"))):
        for at, one in enumerate(rows(table(rule.get("http")).get("paths"))):
            claim = (text(rule.get("host")), text(one.get("path")), text(one.get("pathType")))
            yield (f"spec.rules[{place}].http.paths[{at}].path", *claim)
