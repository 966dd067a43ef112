"""Relations of role bindings: the roles that they give, and the accounts that they give them to."""

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.relations.entries import Entry, text
from kubestill.domains.kubernetes.relations.examples import ACCOUNT, together
from kubestill.domains.kubernetes.relations.index import SYSTEM, Index
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Names, Places, Reference
from kubestill.domains.kubernetes.subject import rows, table

_GROUP = "rbac.authorization.k8s.io"
_BINDINGS = (f"RoleBinding.{_GROUP}", f"ClusterRoleBinding.{_GROUP}")
# Kubernetes documentation, "Using RBAC Authorization": default roles; and the Roles that the API server and kubeadm make.
_BUILT_IN = frozenset({"cluster-admin", "admin", "edit", "view", "extension-apiserver-authentication-reader"})
_BUILT_IN_PREFIXES = ("system:", "kubeadm:")

_API = f"{_GROUP}/v1"
_ROLE = head(_API, "Role") + "rules:\n- {apiGroups: [''], resources: [pods], verbs: [get]}\n"
_BINDING = head(_API, "RoleBinding") + "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}\n"
_SUBJECT = "subjects:\n- {kind: ServiceAccount, name: web, namespace: default}\n"
_VIEW = _BINDING.replace("kind: Role, name: web", "kind: ClusterRole, name: view")


class RoleGiven(Reference):
    """A binding gives a Role or ClusterRole that is not there: it gives nothing, and nothing says so."""

    code, remedy = "K8S640", "Add the role, or correct roleRef; a RoleBinding finds Roles in its own namespace alone."
    kinds = _BINDINGS
    bad = (
        together(_BINDING + _SUBJECT, ACCOUNT),
        together(_BINDING + _SUBJECT, ACCOUNT, _ROLE.replace("name: web", "name: wep")),
        together(_VIEW.replace("name: view", "name: veiw") + _SUBJECT, ACCOUNT),
    )
    good = (together(_BINDING + _SUBJECT, ACCOUNT, _ROLE), together(_VIEW + _SUBJECT, ACCOUNT))

    def names(self, entry: Entry) -> Names:
        """Look at roleRef; the roles that every cluster has are there."""
        ref = table(entry.view.object.get("roleRef"))
        name = text(ref.get("name"))
        if ref.get("kind") in ("Role", "ClusterRole") and name not in _BUILT_IN and not name.startswith(_BUILT_IN_PREFIXES):
            yield "roleRef.name", f"{ref['kind']}.{_GROUP}", name


class SubjectGiven(EntryRelation):
    """A binding gives a role to a ServiceAccount that is not there: whoever was meant goes without.

    Accounts of kube-system are the cluster's. In an open set so are those of namespaces where the set holds nothing.
    """

    code, remedy, missing = "K8S641", "Add the ServiceAccount, or correct its name and namespace.", True
    kinds = _BINDINGS
    bad = (
        together(_VIEW + _SUBJECT, ACCOUNT.replace("name: web", "name: wep")),
        together(_VIEW + _SUBJECT, ACCOUNT.replace("name: web", "name: web\n  namespace: shop")),
    )
    good = (together(_VIEW + _SUBJECT, ACCOUNT), _VIEW + _SUBJECT.replace("name: web", "name: default"))

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look at the subjects."""
        for place, subject in enumerate(rows(entry.view.object.get("subjects"))):
            namespace = text(subject.get("namespace")) or entry.namespace
            if subject.get("kind") != "ServiceAccount" or subject.get("name") == "default" or namespace in ("", SYSTEM):
                continue
            message = index.absent(entry, "ServiceAccount", subject.get("name"), namespace)
            if message and (index.closed or index.inhabited(namespace)):
                yield f"subjects[{place}].name", message
