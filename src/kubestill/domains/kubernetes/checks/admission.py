"""Rules about webhooks and custom resource definitions."""

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_HOOKS = head("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration") + "webhooks:\n"
_CLIENT = "  clientConfig: {service: {name: web, namespace: a}}\n"
_REST = "  sideEffects: None\n  admissionReviewVersions: [v1]\n"
_CRD = (
    head("apiextensions.k8s.io/v1", "CustomResourceDefinition", "webs.example.com")
    + "spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Web, plural: webs}\n  versions:\n"
)
_SCHEMA = "  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n"


class Webhooks(ObjectRule):
    """A webhook has a name of three or more labels, one client, review versions, and sideEffects None or NoneOnDryRun."""

    code, remedy = "K8S230", "Name it like web.example.com, give url or service, sideEffects: None and admissionReviewVersions: [v1]."
    kinds = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
    bad = (
        _HOOKS + "- name: web\n" + _CLIENT + _REST,
        _HOOKS + "- name: a.example.com\n  clientConfig: {}\n" + _REST,
        _HOOKS + "- name: a.example.com\n" + _CLIENT + _REST.replace("None", "Unknown"),
        _HOOKS + "- name: a.example.com\n" + _CLIENT + _REST.replace("[v1]", "[]"),
        _HOOKS + "- name: a.example.com\n  timeoutSeconds: 60\n" + _CLIENT + _REST,
    )
    good = (_HOOKS + "- name: a.example.com\n  timeoutSeconds: 30\n" + _CLIENT + _REST,)

    def faults(self, view: View) -> Faults:
        """Look at every webhook."""
        seen = set()
        for index, hook in enumerate(rows(view.object.get("webhooks"))):
            path, name = f"webhooks[{index}]", hook.get("name") or ""
            if formats.dns_subdomain(name) or name.count(".") < 2:
                yield f"{path}.name", f"found {name!r}, expected a DNS name of at least three parts"
            elif name in seen:
                yield f"{path}.name", f"two webhooks are called {name!r}"
            seen.add(name)
            client = table(hook.get("clientConfig"))
            if (client.get("url") is None) == (client.get("service") is None):
                yield f"{path}.clientConfig", "exactly one of url and service is required"
            elif client.get("url") is not None and not client["url"].startswith("https://"):
                yield f"{path}.clientConfig.url", f"found {client['url']!r}, expected https://"
            if hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
                yield f"{path}.sideEffects", f"found {hook.get('sideEffects')!r}, expected None or NoneOnDryRun"
            if not hook.get("admissionReviewVersions"):
                yield f"{path}.admissionReviewVersions", "at least one version is required"
            timeout = hook.get("timeoutSeconds")
            if timeout is not None and not 1 <= timeout <= 30:
                yield f"{path}.timeoutSeconds", f"found {timeout}, expected 1-30"


_POLICY = head("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy") + "spec:\n"
_MATCH = "  matchConstraints:\n    resourceRules:\n    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}\n"
_EXPRESSION = "  validations:\n  - expression: object.spec.hostNetwork != true\n"


class AdmissionPolicy(ObjectRule):
    """A ValidatingAdmissionPolicy matches some requests (groups, versions, operations, resources) and says something about them."""

    code, remedy = "K8S232", "Give matchConstraints.resourceRules in full, and validations or auditAnnotations."
    kinds = frozenset({"ValidatingAdmissionPolicy"})
    bad = (_POLICY + _MATCH, _POLICY + _EXPRESSION, _POLICY + _EXPRESSION + _MATCH.replace("[CREATE]", "[]"))
    good = (_POLICY + _EXPRESSION + _MATCH,)

    def faults(self, view: View) -> Faults:
        """Look at both halves."""
        if not view.spec.get("validations") and not view.spec.get("auditAnnotations"):
            yield "spec.validations", "validations or auditAnnotations are required"
        constraints = rows(table(view.spec.get("matchConstraints")).get("resourceRules"))
        if not constraints:
            yield "spec.matchConstraints", "at least one of resourceRules is required"
        for index, rule in enumerate(constraints):
            for name in ("apiGroups", "apiVersions", "operations", "resources"):
                if not rule.get(name):
                    yield f"spec.matchConstraints.resourceRules[{index}].{name}", f"{name} is required"


class Definitions(ObjectRule):
    """A CustomResourceDefinition is called plural.group, stores exactly one version, and every version has a schema."""

    code, remedy = "K8S231", "Name it <plural>.<group>, set storage: true on one version, and add schema.openAPIV3Schema."
    kinds = frozenset({"CustomResourceDefinition"})
    bad = (
        _CRD.replace("webs.example.com", "web.example.com") + _SCHEMA,
        _CRD + _SCHEMA.replace("storage: true", "storage: false"),
        _CRD + "  - {name: v1, served: true, storage: true}\n",
        _CRD + _SCHEMA + _SCHEMA,
    )
    good = (_CRD + _SCHEMA,)

    def faults(self, view: View) -> Faults:
        """Look at name and versions."""
        group, names = view.spec.get("group") or "", table(view.spec.get("names"))
        expected = f"{names.get('plural')}.{group}"
        if view.metadata.get("name") != expected:
            yield "metadata.name", f"found {view.metadata.get('name')!r}, expected {expected!r}"
        versions = rows(view.spec.get("versions"))
        stored = sum(bool(version.get("storage")) for version in versions)
        if stored != 1:
            yield "spec.versions", f"found {stored} versions with storage: true, expected exactly one"
        seen = set()
        for index, version in enumerate(versions):
            if version.get("name") in seen:
                yield f"spec.versions[{index}].name", f"version {version.get('name')!r} stands twice"
            seen.add(version.get("name"))
            if not table(version.get("schema")).get("openAPIV3Schema"):
                yield f"spec.versions[{index}].schema.openAPIV3Schema", "a schema is required"
