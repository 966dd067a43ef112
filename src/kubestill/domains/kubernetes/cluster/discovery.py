"""What a server serves: the resource of a kind, found through API discovery and remembered for the connection.

Formats: Kubernetes documentation, "The Kubernetes API", Discovery (APIResourceList, APIGroupList); kubectl decides alike whether a
server can be trusted with a dry run (k8s.io/cli-runtime, pkg/resource/query_param_verifier_v3.go).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from kubestill.domains.kubernetes.cluster.connection import CannotAsk, Connection, Reply
from kubestill.domains.kubernetes.schema import split_api_version
from kubestill.domains.kubernetes.subject import BUILT_IN_GROUPS, rows, table
from kubestill.ground.errors import near


class Resource(NamedTuple):
    """Where objects of a kind are created: `root` is /api/v1 or /apis/GROUP/VERSION, `name` the plural."""

    root: str
    name: str
    namespaced: bool
    creatable: bool

    def path(self, namespace: str) -> str:
        """Return the path of the collection.

        Raises:
            CannotAsk: the namespace would lead elsewhere.
        """
        if namespace in (".", ".."):
            raise CannotAsk(f"a namespace cannot be called {namespace!r}")
        return f"{self.root}/namespaces/{quote(namespace, safe='')}/{self.name}" if self.namespaced else f"{self.root}/{self.name}"


class Missing(NamedTuple):
    """Why a server has no resource of a kind, and which field of the object says so."""

    field: str
    message: str


def find_resource(connection: Connection, api_version: str, kind: str) -> Resource | Missing:
    """Return the resource of a kind, or why there is none to create.

    Raises:
        CannotAsk: discovery gave no usable answer, or nobody promises that a dry run of this kind changes nothing.
    """
    known = connection.resources
    if api_version not in known:
        known[api_version] = _served(connection, api_version)
    served: Mapping[str, Resource] | Missing = known[api_version]
    if isinstance(served, Missing):
        return served
    found = served.get(kind)
    if found is None:
        hint = near(kind, served) if len(kind) <= 100 else ""
        return Missing("kind", f"the server serves no kind {kind!r} in {api_version}" + (f"; {hint}" if hint else ""))
    if not found.creatable:
        return Missing("kind", f"the server lets nobody create a {kind} ({found.name})")
    if split_api_version(api_version)[0] not in BUILT_IN_GROUPS:
        _promise_of_dry_run(connection, found)
    return found


def _served(connection: Connection, api_version: str) -> Mapping[str, Resource] | Missing:
    """Return the resources of a group version by kind; those of subresources are left out, nobody creates one by itself."""
    group, version = split_api_version(api_version)
    root = f"/apis/{quote(group, safe='')}/{quote(version, safe='')}" if group else f"/api/{quote(version, safe='')}"
    reply = connection.ask("GET", root)
    if reply.status == 404:
        return _not_served(connection, api_version)
    listed = rows(expected(reply, "APIResourceList").get("resources"))
    return {
        str(one.get("kind")): Resource(root, str(one["name"]), one.get("namespaced") is True, "create" in (one.get("verbs") or ()))
        for one in listed
        if isinstance(one.get("name"), str) and "/" not in one["name"]
    }


def _not_served(connection: Connection, api_version: str) -> Missing:
    """Say what the server has instead of a group version."""
    group, _ = split_api_version(api_version)
    told = f"the server does not serve {api_version}"
    if not group:
        return Missing("apiVersion", told)
    groups = {str(one.get("name")): one for one in rows(expected(connection.ask("GET", "/apis"), "APIGroupList").get("groups"))}
    if group in groups:
        versions = [str(one.get("groupVersion")) for one in rows(groups[group].get("versions"))]
        return Missing("apiVersion", f"{told}; of this group it serves {', '.join(versions)}")
    hint = near(group, groups) if len(group) <= 100 else ""
    return Missing("apiVersion", f"{told}: it knows no group {group!r}" + (f"; {hint}" if hint else ""))


def _promise_of_dry_run(connection: Connection, resource: Resource) -> None:
    """Make sure that a kind of a foreign group takes dryRun: an aggregated server of another make might not know it, and create."""
    asked = f"{resource.root}: dry run"
    if asked not in connection.resources:
        document = connection.ask("GET", f"/openapi/v3{resource.root}")
        connection.resources[asked] = table(table(document.value).get("paths")) if document.status == 200 else {}
    place = f"{resource.root}/namespaces/{{namespace}}/{resource.name}" if resource.namespaced else f"{resource.root}/{resource.name}"
    post = table(table(connection.resources[asked].get(place)).get("post"))
    if not any(one.get("name") == "dryRun" for one in rows(post.get("parameters"))):
        raise CannotAsk(f"the server does not say that {resource.name} of {resource.root} can be tried without being created")


def expected(reply: Reply, kind: str) -> Mapping[str, Any]:
    """Return the object of an answer that must be of a kind.

    Raises:
        CannotAsk: it is none; the reason says what came instead.
    """
    value = table(reply.value)
    if reply.status != 200 or value.get("kind") != kind:
        raise CannotAsk(f"answered {reply.status} where a {kind} was expected: {reply.message}")
    return value
