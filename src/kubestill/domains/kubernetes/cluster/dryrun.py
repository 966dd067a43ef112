"""One object, tried on a cluster: created in a dry run, or applied in one where it exists already."""

import re
from urllib.parse import quote

from kubestill.domains.kubernetes.cluster.connection import CannotAsk, Connection, Reply
from kubestill.domains.kubernetes.cluster.discovery import Missing, find_resource
from kubestill.domains.kubernetes.cluster.statuses import NOT_SERVED, REFUSED, finding, result, verdict
from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.subject import table
from kubestill.tools.checks.api import Result, Tier
from kubestill.tools.checks.run import skipped

NO_CLUSTER = "no cluster was given to ask"
# Kubernetes documentation, "API Concepts", Dry-run and Field validation.
_CREATE = (("dryRun", "All"), ("fieldValidation", "Strict"), ("fieldManager", "kubestill"))
_APPLY = (*_CREATE, ("force", "true"))  # without it, that somebody else owns a field would be a conflict
# An object that exists holds its addresses, ports and quota itself, and the server looks at these before it says that it exists.
_HELD_BY_ITSELF = re.compile(r"already allocated|exceeded quota")


def dry_run(connection: Connection | None, manifest: Manifest) -> Result:
    """Return what the cluster's API server says of an object, with all its admission, without changing anything.

    FAIL where the server or a webhook refuses it (K8S301) or does not serve its kind (K8S302); SKIP with the reason where nobody
    could tell: no cluster, no answer, a right or the namespace that is missing. The server's warnings are findings (K8S303).
    """
    if connection is None:
        return skipped(REFUSED, Tier.CLUSTER, NO_CLUSTER)
    try:
        return _tried(connection, manifest)
    except CannotAsk as reason:
        return skipped(REFUSED, Tier.CLUSTER, f"{connection.server}: {reason}")


def _tried(connection: Connection, manifest: Manifest) -> Result:
    value = manifest.object
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if not (api_version and kind and isinstance(api_version, str) and isinstance(kind, str)):
        raise CannotAsk("an object without apiVersion and kind cannot be asked about")
    resource = find_resource(connection, api_version, kind)
    if isinstance(resource, Missing):
        return verdict([finding(NOT_SERVED, resource.field, resource.message, manifest)], (), manifest)
    metadata = table(value.get("metadata"))
    namespace, name = metadata.get("namespace"), metadata.get("name")
    path = resource.path(namespace if isinstance(namespace, str) and namespace else connection.namespace)
    reply = connection.ask("POST", path, _CREATE, value)
    if isinstance(name, str) and name and _exists(reply):
        reply = connection.ask("PATCH", f"{path}/{quote(name, safe='')}", _APPLY, value)
    return result(reply, manifest)


def _exists(reply: Reply) -> bool:
    """Return whether an object may be refused only because it is there already."""
    if table(reply.value).get("reason") == "AlreadyExists":
        return True
    return reply.status in (403, 422) and bool(_HELD_BY_ITSELF.search(reply.message))
