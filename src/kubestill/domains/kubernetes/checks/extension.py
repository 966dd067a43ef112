"""Rules about what extends or guards the API server itself: APIServices, fair queueing, certificate requests, events."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_API = (
    head("apiregistration.k8s.io/v1", "APIService", "v1.example.com")
    + "spec:\n  group: example.com\n  version: v1\n  groupPriorityMinimum: 100\n  versionPriority: 10\n"
)
_BACKEND = "  service: {namespace: a, name: web}\n"


class ServedElsewhere(ObjectRule):
    """An APIService is called version.group, and says either how to trust its server or that nobody need; a local one says neither."""

    code, remedy = "K8S250", "Name it <version>.<group>; keep caBundle or insecureSkipTLSVerify, beside a service."
    kinds = frozenset({"APIService"})
    bad = (
        _API.replace("name: v1.example.com", "name: example.com"),
        _API + _BACKEND + "  insecureSkipTLSVerify: true\n  caBundle: YQ==\n",
        _API + "  insecureSkipTLSVerify: true\n",
        _API.replace("version: v1", "version: One").replace("v1.example", "One.example"),
    )
    good = (_API + _BACKEND + "  caBundle: YQ==\n", _API)

    def faults(self, view: View) -> Faults:
        """Compare the name and the fields."""
        spec = view.spec
        group, version = spec.get("group") or "", spec.get("version") or ""
        if view.metadata.get("name") != f"{version}.{group}":
            yield "metadata.name", f"found {view.metadata.get('name')!r}, expected {f'{version}.{group}'!r}"
        if group and (fault := formats.dns_subdomain(group)):
            yield "spec.group", f"{group!r} {fault}"
        if fault := formats.dns_1035(version):
            yield "spec.version", f"{version!r} {fault}"
        if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
            yield "spec.insecureSkipTLSVerify", "cannot be true beside a caBundle"
        for name in ("insecureSkipTLSVerify", "caBundle") if spec.get("service") is None else ():
            if spec.get(name):
                yield f"spec.{name}", "a local APIService, without service, has none"


_FLOW = head("flowcontrol.apiserver.k8s.io/v1", "FlowSchema") + "spec:\n  priorityLevelConfiguration: {name: a}\n  rules:\n  - "
_REQUESTS = "resourceRules: [{verbs: [get], apiGroups: [''], resources: [pods], namespaces: ['*']}]\n"
_LEVEL = head("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration") + "spec:\n  type: "
_SUBJECTS = {"User": "user", "Group": "group", "ServiceAccount": "serviceAccount"}


class FlowRules(ObjectRule):
    """A flow's subject has the part that its kind names, its rules name requests, and where those are: namespaces, the cluster, or both."""

    code, remedy = (
        "K8S251",
        "Give user, group or serviceAccount as kind says, resourceRules or nonResourceRules, and namespaces or clusterScope.",
    )
    kinds = frozenset({"FlowSchema"})
    bad = (
        _FLOW + "subjects: [{kind: User, group: {name: a}}]\n    " + _REQUESTS,
        _FLOW + "subjects: [{kind: Robot, user: {name: a}}]\n    " + _REQUESTS,
        _FLOW + "subjects: [{kind: User, user: {name: a}}]\n",
        _FLOW + "subjects: [{kind: User, user: {name: a}}]\n    " + _REQUESTS.replace(", namespaces: ['*']", ""),
        _FLOW + "subjects: [{kind: User, user: {name: a}}]\n    " + _REQUESTS.replace("[get]", "['*', get]"),
    )
    good = (_FLOW + "subjects: [{kind: User, user: {name: a}}]\n    " + _REQUESTS,)

    def faults(self, view: View) -> Faults:
        """Look at every rule."""
        for index, rule in enumerate(rows(view.spec.get("rules"))):
            path = f"spec.rules[{index}]"
            for place, subject in enumerate(rows(rule.get("subjects"))):
                wanted = _SUBJECTS.get(subject.get("kind") or "")
                given = [name for name in _SUBJECTS.values() if subject.get(name) is not None]
                if wanted is None:
                    yield f"{path}.subjects[{place}].kind", f"found {subject.get('kind')!r}, expected {', '.join(_SUBJECTS)}"
                elif given != [wanted]:
                    yield f"{path}.subjects[{place}].{wanted}", f"found {' and '.join(given) or 'none'}, expected {wanted} as kind says"
            if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
                yield path, "resourceRules or nonResourceRules is required"
            for name in ("resourceRules", "nonResourceRules"):
                for place, one in enumerate(rows(rule.get(name))):
                    yield from self._requests(one, f"{path}.{name}[{place}]")

    @staticmethod
    def _requests(one: Mapping[str, Any], path: str) -> Faults:
        for name in ("verbs", "apiGroups", "resources", "namespaces", "nonResourceURLs"):
            values = one.get(name) or []
            if "*" in values and len(values) > 1:
                yield f"{path}.{name}", "'*' stands for all, and alone"
        if path.rpartition(".")[2].startswith("resourceRules") and not one.get("namespaces") and not one.get("clusterScope"):
            yield f"{path}.namespaces", "namespaces or clusterScope is required"


class PriorityLevels(ObjectRule):
    """A level is Limited and says how, or Exempt and has no limits; a queue is described where the response is Queue, and only there."""

    code, remedy = "K8S252", "Give limited with type Limited, exempt with type Exempt, and queuing with limitResponse.type Queue."
    kinds = frozenset({"PriorityLevelConfiguration"})
    bad = (
        _LEVEL + "Limited\n",
        _LEVEL + "Exempt\n  limited: {}\n",
        _LEVEL + "Limited\n  limited: {limitResponse: {type: Queue}}\n",
        _LEVEL + "Limited\n  limited: {limitResponse: {type: Reject, queuing: {queues: 2}}}\n",
        _LEVEL + "Limited\n  limited: {limitResponse: {type: Queue, queuing: {queues: 2, handSize: 3}}}\n",
    )
    good = (_LEVEL + "Limited\n  limited: {limitResponse: {type: Queue, queuing: {queues: 64, handSize: 8}}}\n",)

    def faults(self, view: View) -> Faults:
        """Compare type and parts."""
        kind, limited, name = view.spec.get("type"), view.spec.get("limited"), view.metadata.get("name")
        if kind == "Exempt" and name != "exempt":
            yield "spec.type", "only the level called exempt is Exempt"
        if kind == "Exempt" and limited is not None:
            yield "spec.limited", "cannot stand beside type Exempt"
        elif kind == "Limited" and limited is None:
            yield "spec.limited", "type Limited needs it"
        if kind == "Limited" and view.spec.get("exempt") is not None:
            yield "spec.exempt", "cannot stand beside type Limited"
        response = table(table(limited).get("limitResponse"))
        queuing, path = response.get("queuing"), "spec.limited.limitResponse.queuing"
        if response.get("type") == "Queue":
            if queuing is None:
                yield path, "type Queue needs it"
            elif (queuing.get("handSize") or 8) > (queuing.get("queues") or 64):  # the API's defaults
                yield f"{path}.handSize", "is more than queues"
        elif queuing is not None:
            yield path, f"cannot stand beside type {response.get('type')}"


_CSR = (
    head("certificates.k8s.io/v1", "CertificateSigningRequest")
    + "spec:\n  usages: [client auth]\n  signerName: kubernetes.io/kube-apiserver-client\n  request: "
)
# An Ed25519 request for CN=web, made with openssl; its key is gone.
_REQUEST = (
    b"-----BEGIN CERTIFICATE REQUEST-----\n"
    b"MIGNMEECAQAwDjEMMAoGA1UEAwwDd2ViMCowBQYDK2VwAyEANHxLphrIE+Xk1y/Z\n"
    b"jXEpkrE4SGBZWHLb3lC3cPLPZDugADAFBgMrZXADQQB87a453rSJ+eo9xm1QG+l8\n"
    b"7U8Ftl/DF8P0GwmpSKklj+jg/NdzgmverBdy9hVb06IhLyKfWWV/iil6imj+dHUH\n"
    b"-----END CERTIFICATE REQUEST-----\n"
)
_PEM = re.compile(rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----\s+([A-Za-z0-9+/=\s]+)-----END (NEW )?CERTIFICATE REQUEST-----")


class CertificateRequests(ObjectRule):
    """A CertificateSigningRequest holds a PKCS#10 request in PEM, in base64; the signer legacy-unknown takes no new ones."""

    code, remedy = "K8S253", "Put the output of `base64 -w0 < request.csr` into spec.request."
    kinds = frozenset({"CertificateSigningRequest"})
    bad = (
        _CSR + base64.b64encode(b"not a request").decode() + "\n",
        _CSR + base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").decode() + "\n",
    )
    good = (_CSR + base64.b64encode(_REQUEST).decode() + "\n",)

    def faults(self, view: View) -> Faults:
        """Read the request."""
        if view.spec.get("signerName") == "kubernetes.io/legacy-unknown":
            yield "spec.signerName", "kubernetes.io/legacy-unknown is not allowed"
        text = view.spec.get("request")
        if text and not _is_request(text):
            yield "spec.request", "is no certificate request in PEM"


def _is_request(text: str) -> bool:
    """Return whether base64 text holds a PEM block of a request, whose own base64 starts an ASN.1 sequence."""
    try:
        found = _PEM.search(base64.b64decode(text))
        return bool(found) and base64.b64decode(found[2])[:1] == b"\x30" if found else False
    except (binascii.Error, ValueError):
        return False


_EVENT = head("v1", "Event") + "  namespace: a\ninvolvedObject: {kind: Pod, name: web, namespace: "


class EventNamespaces(ObjectRule):
    """An event lies in the namespace of the object that it is about."""

    code, remedy = "K8S254", "Make metadata.namespace and involvedObject.namespace the same."
    kinds = frozenset({"Event"})
    bad = (_EVENT + "b}\n",)
    good = (_EVENT + "a}\n",)

    def faults(self, view: View) -> Faults:
        """Compare the two."""
        for name in ("involvedObject", "regarding"):
            own, other = view.metadata.get("namespace"), table(view.object.get(name)).get("namespace")
            if own and other and own != other:
                yield f"{name}.namespace", f"found {other!r}, the event is in {own!r}"
