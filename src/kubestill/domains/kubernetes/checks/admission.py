"""Rules about webhooks and admission policies."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_HOOKS = head("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration") + "webhooks:\n"
_RULED = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
_CLIENT = "  clientConfig: {service: {name: web, namespace: a}}\n"
_REST = "  sideEffects: None\n  admissionReviewVersions: [v1]\n"


class Webhooks(ObjectRule):
    """A webhook has a name of three or more labels, one client, review versions, and sideEffects None or NoneOnDryRun."""

    code, remedy = "K8S230", "Name it like web.example.com, give url or service, sideEffects: None and admissionReviewVersions: [v1]."
    kinds = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
    bad = (
        _HOOKS + "- name: web\n" + _CLIENT + _REST,
        _HOOKS + "- name: a.example.com\n  clientConfig: {}\n" + _REST,
        _HOOKS + "- name: a.example.com\n" + _CLIENT + _REST.replace("None", "Unknown"),
        _HOOKS + "- name: a.example.com\n" + _CLIENT + _REST.replace("[v1]", "[]"),
        _HOOKS + "- name: a.example.com\n" + _CLIENT + _REST.replace("[v1]", "[v2]"),
        _HOOKS + "- name: a.example.com\n  clientConfig: {url: 'https://example.com/a?b=c'}\n" + _REST,
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
            elif fault := client_fault(client):
                yield f"{path}.clientConfig.{fault[0]}", fault[1]
            if hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
                yield f"{path}.sideEffects", f"found {hook.get('sideEffects')!r}, expected None or NoneOnDryRun"
            versions = hook.get("admissionReviewVersions") or []
            if not versions:
                yield f"{path}.admissionReviewVersions", "at least one version is required"
            elif not {"v1", "v1beta1"} & set(versions):
                yield f"{path}.admissionReviewVersions", "must include v1 or v1beta1"
            timeout = hook.get("timeoutSeconds")
            if timeout is not None and not 1 <= timeout <= 30:
                yield f"{path}.timeoutSeconds", f"found {timeout}, expected 1-30"


def client_fault(client: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field of a webhook's client that is wrong, and why (apiserver, pkg/util/webhook/validation.go)."""
    url, path = client.get("url"), table(client.get("service")).get("path")
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            return "url", f"found {url!r}, expected https:// and a host"
        if parts.username or parts.query or parts.fragment or "?" in url or "#" in url:
            return "url", f"found {url!r}, expected no user, query or fragment"
    elif path:
        steps = path[1:].removesuffix("/").split("/")
        if not path.startswith("/"):
            return "service.path", f"found {path!r}, expected an absolute path"
        if path != "/" and any(formats.dns_subdomain(step) for step in steps):
            return "service.path", f"found {path!r}, expected DNS names between slashes"
    return None


_RULES = "  rules:\n  - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}\n"
_HOOK = _HOOKS + "- name: a.example.com\n" + _CLIENT + _REST + _RULES


class WebhookRules(ObjectRule):
    """In a rule of a webhook or an admission policy '*' stands alone, for all; no resource is named beside a wildcard that holds it."""

    code, remedy = "K8S233", "Write '*' alone, or list the names without it."
    kinds = frozenset(_RULED)
    bad = (
        _HOOK.replace("[CREATE]", "['*', CREATE]"),
        _HOOK.replace("['']", "['*', apps]"),
        _HOOK.replace("[pods]", "['*', pods]"),
        _HOOK.replace("[pods]", "['pods/*', pods/log]"),
        _HOOK.replace("[pods]", "['']"),
    )
    good = (_HOOK, _HOOK.replace("[pods]", "['*', '*/scale']"))

    def faults(self, view: View) -> Faults:
        """Look at every rule."""
        if not view.kind.endswith("Policy"):
            for index, hook in enumerate(rows(view.object.get("webhooks"))):
                for place, rule in enumerate(rows(hook.get("rules"))):
                    yield from _wildcards(rule, f"webhooks[{index}].rules[{place}]")
            return
        for name in ("resourceRules", "excludeResourceRules"):
            for place, rule in enumerate(rows(table(view.spec.get("matchConstraints")).get(name))):
                yield from _wildcards(rule, f"spec.matchConstraints.{name}[{place}]")


def _wildcards(rule: Mapping[str, Any], path: str) -> Faults:
    for name in ("operations", "apiGroups", "apiVersions"):
        values = rule.get(name) or []
        if "*" in values and len(values) > 1:
            yield f"{path}.{name}", "'*' stands for all, and alone"
        if name == "apiVersions" and "" in values:
            yield f"{path}.{name}[{values.index('')}]", "a version is required"
    seen: set[str] = set()
    resources = [resource or "" for resource in rule.get("resources") or ()]
    for index, resource in enumerate(resources):
        main, slash, sub = resource.partition("/")
        if not resource:
            yield f"{path}.resources[{index}]", "a resource is required"
        elif resource in seen:
            yield f"{path}.resources[{index}]", f"{resource!r} stands twice"
        elif slash and (f"{main}/*" in seen or (sub != "*" and f"*/{sub}" in seen)):
            yield f"{path}.resources[{index}]", f"{resource!r} is held by a wildcard before it"
        seen.add(resource)
    if "*/*" in resources and len(resources) > 1:
        yield f"{path}.resources", "'*/*' stands for all, and alone"
    if "*" in resources and any("/" not in resource and resource != "*" for resource in resources):
        yield f"{path}.resources", "'*' stands for all resources: no other may be named beside it"


_BOUND = (
    head("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
    + "spec:\n  policyName: a.example.com\n  validationActions: "
)


class PolicyActions(ObjectRule):
    """A binding denies or warns: who is denied needs no warning."""

    code, remedy = "K8S234", "Keep Deny or Warn."
    kinds = frozenset({"ValidatingAdmissionPolicyBinding"})
    bad = (_BOUND + "[Deny, Warn]\n",)
    good = (_BOUND + "[Deny, Audit]\n",)

    def faults(self, view: View) -> Faults:
        """Look for both."""
        if {"Deny", "Warn"} <= set(view.spec.get("validationActions") or ()):
            yield "spec.validationActions", "Deny and Warn exclude each other"


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
