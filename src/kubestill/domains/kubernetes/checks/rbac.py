"""Rules about roles and their bindings."""

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_GROUP = "rbac.authorization.k8s.io"
_V1 = f"{_GROUP}/v1"
_ROLE, _CLUSTER_ROLE = head(_V1, "Role") + "rules:\n", head(_V1, "ClusterRole") + "rules:\n"
_BINDING = head(_V1, "RoleBinding")
_REF = f"roleRef: {{apiGroup: {_GROUP}, kind: Role, name: reader}}\n"


class RoleRules(ObjectRule):
    """Each rule has verbs, and either apiGroups with resources or (in a ClusterRole) nonResourceURLs."""

    code, remedy = "K8S200", 'Give every rule verbs, apiGroups ([""] for the core group) and resources.'
    kinds = frozenset({"Role", "ClusterRole"})
    bad = (
        _ROLE + "- {apiGroups: [''], resources: [pods], verbs: []}\n",
        _ROLE + "- {resources: [pods], verbs: [get]}\n",
        _ROLE + "- {apiGroups: [''], verbs: [get]}\n",
        _ROLE + "- {nonResourceURLs: [/healthz], verbs: [get]}\n",
        _CLUSTER_ROLE + "- {nonResourceURLs: [/healthz], apiGroups: [''], resources: [pods], verbs: [get]}\n",
    )
    good = (
        _ROLE + "- {apiGroups: [''], resources: [pods], verbs: [get, list]}\n",
        _CLUSTER_ROLE + "- {nonResourceURLs: [/healthz], verbs: [get]}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every rule."""
        for index, rule in enumerate(rows(view.object.get("rules"))):
            path = f"rules[{index}]"
            if not rule.get("verbs"):
                yield f"{path}.verbs", "at least one verb is required"
            if rule.get("nonResourceURLs"):
                if view.kind == "Role":
                    yield f"{path}.nonResourceURLs", "a Role is bound to a namespace and cannot name URLs"
                if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
                    yield f"{path}.nonResourceURLs", "resources and nonResourceURLs exclude each other"
                continue
            if not rule.get("apiGroups"):
                yield f"{path}.apiGroups", 'at least one API group is required ("" is the core group)'
            if not rule.get("resources"):
                yield f"{path}.resources", "at least one resource is required"


_AGGREGATED = head(_V1, "ClusterRole") + "rules: []\naggregationRule: "


class Aggregation(ObjectRule):
    """A ClusterRole that gathers others says by which labels."""

    code, remedy = "K8S203", "Add clusterRoleSelectors."
    kinds = frozenset({"ClusterRole"})
    bad = (_AGGREGATED + "{clusterRoleSelectors: []}\n", _AGGREGATED + "{}\n")
    good = (_AGGREGATED + "{clusterRoleSelectors: [{matchLabels: {a: b}}]}\n",)

    def faults(self, view: View) -> Faults:
        """Look at the aggregation rule."""
        rule = view.object.get("aggregationRule")
        if rule is not None and not rule.get("clusterRoleSelectors"):
            yield "aggregationRule.clusterRoleSelectors", "at least one selector is required"


class RoleRef(ObjectRule):
    """A binding refers to one Role (in a RoleBinding only) or ClusterRole, by name, in the RBAC group."""

    code, remedy = "K8S201", f"Write roleRef with apiGroup {_GROUP}, kind and name."
    kinds = frozenset({"RoleBinding", "ClusterRoleBinding"})
    bad = (
        _BINDING + _REF.replace("kind: Role", "kind: User"),
        _BINDING + _REF.replace("reader", "''"),
        head(_V1, "ClusterRoleBinding") + _REF,
        _BINDING + _REF.replace(f"apiGroup: {_GROUP}", "apiGroup: v1"),
    )
    good = (_BINDING + _REF, head(_V1, "ClusterRoleBinding") + _REF.replace("kind: Role", "kind: ClusterRole"))

    def faults(self, view: View) -> Faults:
        """Look at roleRef."""
        ref = table(view.object.get("roleRef"))
        allowed = ("Role", "ClusterRole") if view.kind == "RoleBinding" else ("ClusterRole",)
        if ref.get("kind") not in allowed:
            yield "roleRef.kind", f"found {ref.get('kind')!r}, expected {' or '.join(allowed)}"
        name = ref.get("name") or ""
        if fault := formats.path_segment(name) if name else "is required":
            yield "roleRef.name", f"{name!r} {fault}" if name else "a name is required"
        if ref.get("apiGroup") not in (_GROUP, "", None):
            yield "roleRef.apiGroup", f"found {ref.get('apiGroup')!r}, expected {_GROUP}"


class Subjects(ObjectRule):
    """A subject is a ServiceAccount (core group; a ClusterRoleBinding also needs its namespace), or a User or Group (RBAC group)."""

    code, remedy = "K8S202", "Correct kind, name, namespace or apiGroup of the subject."
    kinds = frozenset({"RoleBinding", "ClusterRoleBinding"})
    bad = (
        head(_V1, "ClusterRoleBinding")
        + _REF.replace("kind: Role", "kind: ClusterRole")
        + "subjects:\n- {kind: ServiceAccount, name: web}\n",
        _BINDING + _REF + "subjects:\n- {kind: Account, name: web}\n",
        _BINDING + _REF + f"subjects:\n- {{kind: ServiceAccount, name: web, namespace: a, apiGroup: {_GROUP}}}\n",
        _BINDING + _REF + "subjects:\n- {kind: User, name: ''}\n",
        _BINDING + _REF + "subjects:\n- {kind: User, name: eve, apiGroup: v1}\n",
    )
    good = (
        _BINDING + _REF + "subjects:\n- {kind: ServiceAccount, name: web, namespace: a}\n",
        _BINDING + _REF + f"subjects:\n- {{kind: Group, name: 'system:all', apiGroup: {_GROUP}}}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every subject."""
        for index, one in enumerate(rows(view.object.get("subjects"))):
            path, kind, name = f"subjects[{index}]", one.get("kind"), one.get("name") or ""
            if not name:
                yield f"{path}.name", "a name is required"
            if kind == "ServiceAccount":
                if name and (fault := formats.dns_subdomain(name)):
                    yield f"{path}.name", f"{name!r} {fault}"
                if one.get("apiGroup"):
                    yield f"{path}.apiGroup", f"found {one['apiGroup']!r}, expected none: a ServiceAccount is in the core group"
                if view.kind == "ClusterRoleBinding" and not one.get("namespace"):
                    yield f"{path}.namespace", "a ServiceAccount needs its namespace"
            elif kind not in ("User", "Group"):
                yield f"{path}.kind", f"found {kind!r}, expected ServiceAccount, User or Group"
            elif one.get("apiGroup") not in (None, "", _GROUP):
                yield f"{path}.apiGroup", f"found {one['apiGroup']!r}, expected {_GROUP}"
