"""A cluster's own schemas, kept in a folder: definitions of custom resources, allowed values, the version, names of its namespaces."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubestill.domains.kubernetes.cluster.connection import CLIENT_VERSION, CannotAsk, Connection
from kubestill.domains.kubernetes.cluster.discovery import expected
from kubestill.domains.kubernetes.cluster.kubeconfig import read_access
from kubestill.domains.kubernetes.definitions import GROUP, KIND, custom_kinds
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.subject import rows, table
from kubestill.ground.errors import UserError, near
from kubestill.ground.records import read_records, write_records, write_text
from kubestill.ground.registry import need

OPENAPI, DEFINITIONS, ABOUT = "openapi-v2.json", "definitions.jsonl", "cluster.json"  # the last one is written last: all is whole
PAGE_ROWS = 50  # a definition may have a megabyte
_BUILT_IN = "io.k8s."  # how the names of Kubernetes' own definitions start
_RIGHTS = "ask for the right to list customresourcedefinitions.apiextensions.k8s.io, or give the definitions with --crd"


@dataclass(frozen=True)
class Pulled:
    """What is kept of one cluster. `left_out`: unusable definitions by name, with the reason; `lacking`: what one may not see."""

    folder: Path
    server: str
    release: str  # as the server tells it: v1.36.2
    version: str  # of the schemas that judge built-in kinds: 1.36
    kinds: int  # that /openapi/v2 describes
    definitions: int  # of custom resources, usable ones
    left_out: Mapping[str, str]
    lacking: str = ""
    namespaces: tuple[str, ...] = ()  # none where one may not list them

    @property
    def name(self) -> str:
        """Return what the cluster goes by."""
        return self.folder.name


def pull(connection: Connection, folder: Path) -> Pulled:
    """Fetch a cluster's /openapi/v2, CustomResourceDefinitions and names of namespaces into a folder of its own below `folder`.

    They take the place of earlier ones.

    Raises:
        UserError: the server does not give its schemas, or they are none.
    """
    try:
        reply = connection.ask("GET", "/openapi/v2")
        schemas = table(table(reply.value).get("definitions"))
        if reply.status != 200 or not schemas:
            raise CannotAsk(f"answered {reply.status} where its schemas were expected: {reply.message}")
        definitions, lacking = _definitions(connection)
        namespaces, unseen = _namespaces(connection)
    except CannotAsk as error:
        raise UserError(
            f"{connection.server}/openapi/v2", str(error), "see that you may read it (kubectl get --raw /openapi/v2)"
        ) from error
    faults = {name: fault for name, one in definitions.items() if (fault := _fault(one))}
    usable = [one for name, one in definitions.items() if name not in faults]
    place = folder / connection.name
    (place / ABOUT).unlink(missing_ok=True)
    write_text(place / OPENAPI, json.dumps(reply.value, ensure_ascii=False, separators=(",", ":")))
    write_records(place / DEFINITIONS, usable)
    about: dict[str, Any] = {
        "server": connection.server,
        "release": connection.release,
        "version": connection.version,
        "kinds": sum("x-kubernetes-group-version-kind" in table(one) for one in schemas.values()),
        "definitions": len(usable),
        "left_out": faults,
        "lacking": "; ".join(filter(None, (lacking, unseen))),
        "namespaces": tuple(sorted(namespaces)),
    }
    write_text(place / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    return Pulled(place, **about)


def kept(kubeconfig: Path | None, context: str, folder: Path) -> str:
    """Return the name by which the cluster of a context is kept below `folder`, or "" where it is not. Nothing is asked of it.

    Raises:
        UserError: there is no kubeconfig, it cannot be used, or it has no such context.
        Unavailable: the package `kubernetes` is not installed.
    """
    need("kubernetes", at_least=CLIENT_VERSION, extra="cluster")
    name = Connection(read_access(kubeconfig, context)).name
    return name if (folder / name / ABOUT).is_file() else ""


def find_pulled(folder: Path, name: str = "") -> Pulled:
    """Return what is kept below `folder` of the cluster called `name` ("": of the only one).

    Raises:
        UserError: nothing is, or of several and none is named.
    """
    known = {place.parent.name: place for place in sorted(folder.glob(f"*/{ABOUT}"))}
    chosen = name or (next(iter(known)) if len(known) == 1 else "")
    if chosen not in known:
        found = f"nothing is kept of a cluster called {name!r}" if name else f"keeps the schemas of {len(known)} clusters"
        mend = f"name one of {', '.join(known)}" if known else "run: kubestill schema pull"
        raise UserError(str(folder), found, near(name, known) or mend)
    try:
        about = dict(json.loads(known[chosen].read_text("utf-8")))
        return Pulled(known[chosen].parent, **about | {"namespaces": tuple(about.get("namespaces", ()))})
    except (ValueError, TypeError) as error:
        raise UserError(str(known[chosen]), f"cannot be read ({error})", "run again: kubestill schema pull") from error


def pulled_definitions(folder: Path) -> list[tuple[str, bytes]]:
    """Return name and JSON text of every usable definition in a pulled cluster's folder, as `learn_definitions` takes them.

    Raises:
        UserError: the folder does not hold what `pull` leaves.
    """
    place = folder / DEFINITIONS
    try:
        return [(f"{folder.name}: {one['metadata']['name']}", json.dumps(one).encode()) for one in read_records(place)]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(str(place), f"cannot be read ({error})", "run: kubestill schema pull") from error


def pulled_enums(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return the values that string fields of built-in kinds may have, as data/enums-*.json holds them: definition, field, values.

    Raises:
        UserError: the folder does not hold what `pull` leaves.
    """
    place = folder / OPENAPI
    try:
        schemas = json.loads(place.read_text("utf-8"))["definitions"].items()
        found = {name: dict(_enums(schema)) for name, schema in schemas if name.startswith(_BUILT_IN)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(str(place), f"cannot be read ({error})", "run: kubestill schema pull") from error
    return {name: enums for name, enums in found.items() if enums}


def _enums(schema: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, part in table(schema.get("properties")).items():
        values = part.get("enum") or table(part.get("items")).get("enum")
        if values:
            yield name, sorted(values)


def _definitions(connection: Connection) -> tuple[dict[str, dict[str, Any]], str]:
    """Return all definitions by name, page by page, and what is lacking where the user may not list them."""
    found, refused = _listed(connection, f"/apis/{GROUP}/v1/customresourcedefinitions", KIND, PAGE_ROWS)
    named = {str(table(one.get("metadata")).get("name") or ""): _kept(one) for one in found}
    return named, f"definitions of custom resources: {refused}; {_RIGHTS}" if refused else ""


def _namespaces(connection: Connection) -> tuple[list[str], str]:
    """Return the names of all namespaces, and what is lacking where the user may not list them."""
    try:
        found, refused = _listed(connection, "/api/v1/namespaces", "Namespace", 10 * PAGE_ROWS)
    except CannotAsk as error:  # schemas are worth keeping without them
        found, refused = [], str(error)
    names = [str(table(one.get("metadata")).get("name") or "") for one in found]
    return [name for name in names if name], f"namespaces: {refused}; without their names none is told to be missing" if refused else ""


def _listed(connection: Connection, path: str, kind: str, limit: int) -> tuple[list[Mapping[str, Any]], str]:
    """Return all objects at a path, page by page, or none and the server's words where the user may not list them."""
    found: list[Mapping[str, Any]] = []
    mark = ""
    while True:
        reply = connection.ask("GET", path, (("limit", str(limit)), *((("continue", mark),) if mark else ())))
        if reply.status == 403:
            return [], reply.message
        page = expected(reply, f"{kind}List")
        found += rows(page.get("items"))
        following = str(table(page.get("metadata")).get("continue") or "")
        if not following or following == mark:
            return found, ""
        mark = following


def _kept(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition as a file would have it: the items of a list say no kind, and who set which field when is of no use."""
    name = table(definition.get("metadata")).get("name")
    return {"apiVersion": f"{GROUP}/v1", "kind": KIND, "metadata": {"name": name}, "spec": definition.get("spec")}


def _fault(definition: Mapping[str, Any]) -> str:
    """Return why a definition cannot be used to judge anything, or an empty string: it takes the way that it will take later."""
    reading = read(json.dumps(definition))
    if reading.findings:
        return reading.findings[0].message
    try:
        served = list(custom_kinds(definition, KIND))
    except UserError as error:
        return error.found
    return "" if served else "serves no version"
