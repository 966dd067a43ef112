"""The API reference out of an OpenAPI v2 document: one readable page a kind, its fields to a depth of three.

Source: the document that an API server publishes at /openapi/v2 (kubernetes/kubernetes, api/openapi-spec/swagger.json). A server's own
holds the values that fields may take; the published file does not.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.places import beside, demand, document, said_of, unreadable, whole
from kubestill.ground.errors import UserError

FORM = "fields"
JSON = (".json", ".json.gz")
MAX_DEPTH = 3
MAX_FIELDS = 600  # of one page: a page holds no more than a reader takes in
MAX_SENTENCE_CHARACTERS = 300
KIND_OF = "x-kubernetes-group-version-kind"
_LISTED_ELSEWHERE = frozenset({"ObjectMeta", "ListMeta", "Status"})  # the same in every kind
_SENTENCE = re.compile(r".+?[.!?](?=\s+[A-Z(\"'`]|\s*$)", re.DOTALL)
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf)\.$")


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield a page for every kind, or why one was left out.

    Raises:
        UserError: the path is missing, or no OpenAPI v2 document.
    """
    if not demand(path).is_file() or not path.name.endswith(JSON):
        raise unreadable(path, JSON, folder=False)
    found = whole(path)
    definitions = found.get("definitions") if isinstance(found, dict) else None
    if not isinstance(definitions, dict):
        raise UserError(f"sources: {path}", "holds no definitions", "give an OpenAPI v2 document, as at /openapi/v2 of an API server")
    scopes = _scopes(found.get("paths"))
    source = said_of(found, **beside(path), path=path.name)
    for name in sorted(definitions):
        definition = definitions[name]
        kinds = definition.get(KIND_OF) if isinstance(definition, dict) else None
        if not isinstance(kinds, list) or not kinds:
            continue  # a part of a kind, told with it
        yield _page(definition, kinds, definitions, scopes, source) if len(kinds) == 1 else Drop("a type of many groups")


Kind = tuple[str, str, str]


def _scopes(paths: Any) -> Mapping[Kind, bool]:
    """Return for each kind that is served at a path of its own whether it lives in a namespace."""
    found: dict[Kind, bool] = {}
    for path, operations in paths.items() if isinstance(paths, dict) else ():
        for operation in operations.values() if isinstance(operations, dict) else ():
            kind = _kind(operation.get(KIND_OF)) if isinstance(operation, dict) else None
            if kind is not None and path.endswith("/{name}"):
                found[kind] = found.get(kind, False) or "/namespaces/{namespace}/" in path
    return found


def _kind(value: Any) -> Kind | None:
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("group", "version", "kind")):
        return None
    return value["group"], value["version"], value["kind"]


def _page(
    definition: Mapping[str, Any], kinds: list[Any], definitions: Mapping[str, Any], scopes: Mapping[Kind, bool], source: Mapping[str, str]
) -> Document | Drop:
    kind = _kind(kinds[0])
    if kind is None:
        return Drop("a kind without a name")
    group, version, name = kind
    if name.endswith("List") and isinstance(definition.get("properties"), dict) and "items" in definition["properties"]:
        return Drop("a list of a kind")
    lines = [line for line, _ in zip(_fields(definition, definitions, "", (definition,)), range(MAX_FIELDS), strict=False)]
    if not lines:
        return Drop("a kind without fields")
    api_version = f"{group}/{version}" if group else version
    head = [f"# {name}", "", f"- apiVersion: {api_version}", f"- kind: {name}"]
    if kind in scopes:
        head.append(f"- scope: {'namespaced' if scopes[kind] else 'cluster'}")
    told = " ".join(str(definition.get("description", "")).split())
    text = "\n".join([*head, "", *([told, ""] if told else []), "## Fields", "", *lines]) + "\n"
    return document(text, name, {**source, "page": name, "title": f"{name} ({api_version})"}, FORM)


def _fields(of: Mapping[str, Any], definitions: Mapping[str, Any], above: str, within: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    """Yield a line for each field of a type and, indented, of the types of its fields; a type inside of itself is not opened."""
    properties: Mapping[str, Any] = found if isinstance(found := of.get("properties"), dict) else {}
    required = of.get("required")
    for name in sorted(properties):
        schema, path = properties[name], f"{above}{name}"
        if not isinstance(schema, dict) or (not above and name in ("apiVersion", "kind")):
            continue
        shown, inner, title = _type(schema, definitions)
        must = isinstance(required, list) and name in required
        listed = _listed(schema, inner)
        told = first_sentence(str(schema.get("description", "")))
        depth = len(within) - 1
        yield f"{'  ' * depth}- `{path}` ({shown}{', required' if must else ''}{listed}){': ' + told if told else ''}"
        if inner is not None and depth + 1 < MAX_DEPTH and title not in _LISTED_ELSEWHERE and not any(inner is one for one in within):
            yield from _fields(inner, definitions, f"{path}{'[]' if shown.startswith('list') else ''}.", (*within, inner))


def _listed(*schemas: Mapping[str, Any] | None) -> str:
    """Return the values that a field may take: its own, its items' or its type's."""
    for schema in schemas:
        for one in (schema, schema.get("items") if schema else None):
            values = one.get("enum") if isinstance(one, dict) else None
            if isinstance(values, list) and values:
                return f", one of {', '.join(str(value) for value in values)}"
    return ""


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any], nested: int = 0) -> tuple[str, Mapping[str, Any] | None, str]:
    """Return how a type is spoken of, the definition that it leads to (if any) and the name of that."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        full = reference.rpartition("/")[2]
        found, title = definitions.get(full), full.rpartition(".")[2]
        return (_named(title, found), found, title) if isinstance(found, dict) else (title, None, title)
    for key, words in (("items", "list of "), ("additionalProperties", "map of ")):
        if isinstance(schema.get(key), dict) and nested < MAX_DEPTH:
            shown, inner, title = _type(schema[key], definitions, nested + 1)
            return words + shown, inner if key == "items" else None, title
    kind = schema.get("type")
    return (kind if isinstance(kind, str) else "any"), (schema if isinstance(schema.get("properties"), dict) else None), ""


def _named(title: str, of: Mapping[str, Any]) -> str:
    """Return how a named type is spoken of: one that is a single value (a Quantity, a port) with what it is written as."""
    if isinstance(of.get("properties"), dict) or not isinstance(of.get("type"), str):
        return title
    return "integer or string" if of.get("format") == "int-or-string" else f"{title} as {of['type']}"


def first_sentence(text: str) -> str:
    """Return the first sentence of a description in one line."""
    text, taken = " ".join(text.split()), ""
    for match in _SENTENCE.finditer(text[: 4 * MAX_SENTENCE_CHARACTERS]):
        taken += match[0]
        if not _ABBREVIATED.search(taken):
            break
    taken = (taken or text).strip()
    return taken if len(taken) <= MAX_SENTENCE_CHARACTERS else taken[:MAX_SENTENCE_CHARACTERS].rpartition(" ")[0] + " …"
