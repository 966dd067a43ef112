"""What a role of a real manifest grants: whether the API server of the usual version has such verbs and resources at all."""

from collections.abc import Mapping, Sequence
from functools import cache

from kubestill.domains.api import Drop, Intent
from kubestill.domains.kubernetes.kubectl.reference import reference

# The verbs of requests, and those that the API server asks about beside them (RBAC: kubernetes.io/docs/reference/access-authn-authz).
_VERBS = frozenset(
    "get list watch create update patch delete deletecollection * use impersonate bind escalate approve sign attest proxy".split()
)
_HTTP = frozenset("get head post put patch delete options *".split())  # of paths that are no resources the verbs are methods
# What the API server asks about that is no resource of its own.
_VIRTUAL = frozenset(
    (
        "users groups users.authentication.k8s.io groups.authentication.k8s.io uids.authentication.k8s.io "
        "userextras.authentication.k8s.io serviceaccounts.authentication.k8s.io signers.certificates.k8s.io"
    ).split()
)
_GONE = frozenset(("extensions",))  # groups that no version serves any more


def void_grant(facts: Sequence[Intent]) -> Drop | None:
    """Return why a role's grants are not asked for: one grants nothing, by its verbs or by a resource that its group does not serve."""
    for fact in facts:
        if fact.aspect == "grant" and not _VERBS.issuperset(fact.value):
            return Drop("verbs-of-no-api")
        if fact.aspect == "grant.url" and not _HTTP.issuperset(fact.value):
            return Drop("verbs-of-no-api")
        if fact.aspect == "grant" and not _served(fact.keys[0]):
            return Drop("resource-not-served")
    return None


def _served(key: str) -> bool:
    """Say whether a resource (`deployments.apps`, `pods/log`) may be one: any of a group of one's own, else one that is built in."""
    whole, _, group = key.partition(".")
    resource = whole.partition("/")[0]
    own = group not in _built_in() and ("." in group or group == "*")
    known = own or resource == "*" or resource in _built_in().get(group, ()) or f"{resource}.{group}".rstrip(".") in _VIRTUAL
    return known and group not in _GONE


@cache
def _built_in() -> Mapping[str, frozenset[str]]:
    """Return group → the resources that the API server has there."""
    groups = {one.group for one in reference().resources}
    return {group: frozenset(one.plural for one in reference().resources if one.group == group) for group in groups}
