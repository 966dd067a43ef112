"""Rules about CustomResourceDefinitions: their names, their versions, and that every schema is structural.

Source: apiextensions-apiserver, `pkg/apis/apiextensions/validation` and `pkg/apiserver/schema`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.admission import client_fault
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import View, rows, table

_CRD = (
    head("apiextensions.k8s.io/v1", "CustomResourceDefinition", "webs.example.com")
    + "spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Web, plural: webs}\n  versions:\n"
)
_SCHEMA = "  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n"


class _DefinitionRule(ObjectRule):
    kinds = frozenset({"CustomResourceDefinition"})


class Definitions(_DefinitionRule):
    """A CustomResourceDefinition is called plural.group, stores exactly one version, and every version has a schema."""

    code, remedy = "K8S231", "Name it <plural>.<group>, set storage: true on one version, and add schema.openAPIV3Schema."
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


_APPROVED = "api-approved.kubernetes.io"
_PROTECTED = ("k8s.io", "kubernetes.io")
_NAMED = _CRD + _SCHEMA


class DefinitionNames(_DefinitionRule):
    """Group, plural, kind and short names become parts of URLs: DNS labels; a group of Kubernetes' own needs its approval."""

    code, remedy = "K8S235", "Use a group such as example.com, a plural in lower case, a Kind in CamelCase and short names in lower case."
    bad = (
        _NAMED.replace("plural: webs", "plural: webs, shortNames: [W]"),
        _NAMED.replace("kind: Web", "kind: Web_Site"),
        _NAMED.replace("kind: Web", "kind: Web, listKind: Web"),
        _NAMED.replace("example.com", "example"),
        _NAMED.replace("example.com", "example.k8s.io"),
        _NAMED.replace("name: v1", "name: '1.0'"),
    )
    good = (_NAMED, _NAMED.replace("plural: webs", "plural: webs, shortNames: [w], categories: [all]"))

    def faults(self, view: View) -> Faults:
        """Look at the names."""
        group, names = view.spec.get("group") or "", table(view.spec.get("names"))
        if fault := formats.group_name(group):
            yield "spec.group", f"{group!r} {fault}"
        if any(group == one or group.endswith(f".{one}") for one in _PROTECTED):
            approval = table(view.metadata.get("annotations")).get(_APPROVED)
            if not approval or not approval.startswith(("https://", "http://", "unapproved")):
                yield f"metadata.annotations[{_APPROVED}]", f"the group {group!r} is protected and needs this annotation"
        texts = [(name, names.get(name)) for name in ("plural", "singular")]
        texts += [(name, (names.get(name) or "").lower()) for name in ("kind", "listKind")]
        texts += [(f"{name}[{n}]", text or " ") for name in ("shortNames", "categories") for n, text in enumerate(names.get(name) or ())]
        for name, text in texts:
            if text and (fault := formats.dns_1035(text)):
                yield f"spec.names.{name}", f"{text!r} {fault}"
        if names.get("kind") and names.get("kind") == names.get("listKind"):
            yield "spec.names.listKind", "kind and listKind may not be the same"
        for index, version in enumerate(rows(view.spec.get("versions"))):
            if fault := formats.dns_1035(version.get("name") or ""):
                yield f"spec.versions[{index}].name", f"{version.get('name')!r} {fault}"
        if view.spec.get("scope") not in ("Namespaced", "Cluster"):
            yield "spec.scope", f"found {view.spec.get('scope')!r}, expected Namespaced or Cluster"


class DefinitionExtras(_DefinitionRule):
    """Columns have a known type and a JSON path, a scale's paths lie in spec and status, a conversion by webhook says where it is."""

    code, remedy = "K8S236", "Correct the type or path; with strategy Webhook give clientConfig and conversionReviewVersions."
    bad = (
        _NAMED.replace("storage: true", "storage: true, additionalPrinterColumns: [{name: A, type: text, jsonPath: .spec.a}]"),
        _NAMED.replace("storage: true", "storage: true, subresources: {scale: {specReplicasPath: .a, statusReplicasPath: .status.a}}"),
        _NAMED + "  conversion: {strategy: Webhook}\n",
        _NAMED + "  conversion: {strategy: Hook}\n",
        _NAMED + "  preserveUnknownFields: true\n",
    )
    good = (_NAMED.replace("storage: true", "storage: true, additionalPrinterColumns: [{name: A, type: date, jsonPath: .spec.a}]"),)

    def faults(self, view: View) -> Faults:
        """Look at every version, and at the conversion."""
        for index, version in enumerate(rows(view.spec.get("versions"))):
            path = f"spec.versions[{index}]"
            for place, column in enumerate(rows(version.get("additionalPrinterColumns"))):
                yield from self._column(column, f"{path}.additionalPrinterColumns[{place}]")
            scale = table(table(version.get("subresources")).get("scale"))
            for name, starts in _SCALE.items() if scale else ():
                value = scale.get(name)
                if value is None and name != "labelSelectorPath":
                    yield f"{path}.subresources.scale.{name}", f"{name} is required"
                elif value is not None and not value.startswith(starts):
                    yield f"{path}.subresources.scale.{name}", f"found {value!r}, expected a path below {' or '.join(starts)}"
        if view.spec.get("preserveUnknownFields"):
            yield "spec.preserveUnknownFields", "must be false; use x-kubernetes-preserve-unknown-fields in the schema"
        yield from self._conversion(table(view.spec.get("conversion")))

    @staticmethod
    def _column(column: Mapping[str, Any], path: str) -> Faults:
        if column.get("type") not in _COLUMNS:
            yield f"{path}.type", f"found {column.get('type')!r}, expected one of {', '.join(_COLUMNS)}"
        if not column.get("name"):
            yield f"{path}.name", "a name is required"
        if not (column.get("jsonPath") or "").startswith((".", "{")):
            yield f"{path}.jsonPath", f"found {column.get('jsonPath')!r}, expected a JSON path such as .spec.replicas"

    @staticmethod
    def _conversion(conversion: Mapping[str, Any]) -> Faults:
        strategy, hook = conversion.get("strategy"), conversion.get("webhook")
        if not conversion:
            return
        if strategy not in ("None", "Webhook"):
            yield "spec.conversion.strategy", f"found {strategy!r}, expected None or Webhook"
        elif strategy == "None":
            if hook is not None:
                yield "spec.conversion.webhook", "cannot stand beside strategy None"
        else:
            client = table(table(hook).get("clientConfig"))
            if (client.get("url") is None) == (client.get("service") is None):
                yield "spec.conversion.webhook.clientConfig", "exactly one of url and service is required"
            elif fault := client_fault(client):
                yield f"spec.conversion.webhook.clientConfig.{fault[0]}", fault[1]
            if not {"v1", "v1beta1"} & set(table(hook).get("conversionReviewVersions") or ()):
                yield "spec.conversion.webhook.conversionReviewVersions", "must include v1 or v1beta1"


_COLUMNS = ("integer", "number", "string", "boolean", "date")
_SCALE = {"specReplicasPath": (".spec.",), "statusReplicasPath": (".status.",), "labelSelectorPath": (".status.", ".spec.")}
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
# What a structural schema never holds, and what stands outside its logical parts alone.
_NEVER = ("$ref", "definitions", "dependencies", "id", "$schema", "additionalItems", "patternProperties")
_OUTSIDE = ("type", "additionalProperties", "default", "nullable", "description", "title")
_LOGIC = ("allOf", "anyOf", "oneOf", "not")
_ANY, _PRESERVE = "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"
_BODY = _SCHEMA.replace("{type: object}", "{type: object, properties: {spec: %s}}")


def _with(schema: str) -> str:
    return _CRD + _BODY % schema


class StructuralSchemas(_DefinitionRule):
    """A schema is structural: every field has a type, fields are listed or form a map, and logic restricts what stands outside it."""

    code, remedy = "K8S237", "Give every field a type; move type, default and properties out of allOf, anyOf, oneOf and not."
    bad = tuple(
        _with(schema)
        for schema in (
            "{description: a}",
            "{type: text}",
            "{type: array}",
            "{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}",
            "{type: object, anyOf: [{properties: {a: {type: string}}}]}",
            "{type: array, uniqueItems: true, items: {type: string}}",
            "{type: object, additionalProperties: false}",
            "{type: string, x-kubernetes-int-or-string: true}",
            "{type: array, items: {type: object, properties: {a: {type: string}}}, x-kubernetes-list-type: map}",
            "{type: array, items: {type: object}, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]}",
            "{type: integer, default: five}",
        )
    )
    good = (
        _with("{type: object, required: [a], properties: {a: {type: string, default: x}, b: {x-kubernetes-int-or-string: true}}}"),
        _with("{type: object, additionalProperties: {type: string}, anyOf: [{required: [a]}]}"),
        _with(
            "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a],"
            " items: {type: object, required: [a], properties: {a: {type: string}}}}"
        ),
    )

    def faults(self, view: View) -> Faults:
        """Look at the schema of every version."""
        for index, version in enumerate(rows(view.spec.get("versions"))):
            schema, path = table(version.get("schema")).get("openAPIV3Schema"), f"spec.versions[{index}].schema.openAPIV3Schema"
            if isinstance(schema, dict) and schema:
                if schema.get("type") != "object":
                    yield f"{path}.type", f"found {schema.get('type')!r}, expected object at the root"
                yield from _structural(schema, path, inside=False)


def _structural(schema: Mapping[str, Any], path: str, *, inside: bool) -> Faults:
    """Yield why a part of a schema is not structural; `inside` allOf, anyOf, oneOf or not."""
    for name in _NEVER:
        if schema.get(name):
            yield f"{path}.{name}", "is forbidden in a structural schema"
    if schema.get("uniqueItems"):
        yield f"{path}.uniqueItems", "cannot be true; use x-kubernetes-list-type: set"
    yield from _logical(schema, path) if inside else _typed(schema, path)
    for name, part in _parts(schema):
        below = inside or name.partition("[")[0] in _LOGIC
        if not (schema.get(_ANY) and below):  # there the two types are told by anyOf
            yield from _structural(part, f"{path}.{name}", inside=below)


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in table(schema.get("properties")).items():
        if isinstance(part, dict):
            yield field("properties", name), part
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield name, schema[name]
    for name in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(rows(schema.get(name))):
            yield f"{name}[{index}]", part


def _logical(schema: Mapping[str, Any], path: str) -> Faults:
    for name in _OUTSIDE:
        if schema.get(name):
            yield f"{path}.{name}", "must be empty inside allOf, anyOf, oneOf and not"
    for name in schema:
        if name.startswith("x-kubernetes-") and name != "x-kubernetes-validations" and schema[name]:
            yield f"{path}.{name}", "must be empty inside allOf, anyOf, oneOf and not"


def _typed(schema: Mapping[str, Any], path: str) -> Faults:
    kind, either = schema.get("type") or "", schema.get(_ANY)
    if either and kind:
        yield f"{path}.type", f"must be empty where {_ANY} is true"
    elif not kind and not either and not schema.get(_PRESERVE):
        yield f"{path}.type", "a type is required"
    elif kind and kind not in _TYPES:
        yield f"{path}.type", f"found {kind!r}, expected one of {', '.join(_TYPES)}"
    if kind == "array" and not isinstance(schema.get("items"), dict):
        yield f"{path}.items", "an array says what its items are"
    if schema.get("additionalProperties") is False:
        yield f"{path}.additionalProperties", "cannot be false: unknown fields are pruned anyway"
    elif schema.get("additionalProperties") and schema.get("properties"):
        yield f"{path}.additionalProperties", "properties and additionalProperties exclude each other"
    yield from _list_faults(schema, path)
    if schema.get("default") is not None and kind in _PYTHON and not _is(schema["default"], kind):
        yield f"{path}.default", f"found {schema['default']!r}, expected type {kind}"
    if schema.get("x-kubernetes-embedded-resource") and not (schema.get("properties") or schema.get(_PRESERVE)):
        yield f"{path}.properties", f"an embedded resource needs properties or {_PRESERVE}"


def _list_faults(schema: Mapping[str, Any], path: str) -> Faults:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    if kind is not None and kind not in ("atomic", "set", "map"):
        yield f"{path}.x-kubernetes-list-type", f"found {kind!r}, expected atomic, set or map"
    elif kind is not None and schema.get("type") != "array":
        yield f"{path}.type", "x-kubernetes-list-type belongs to an array"
    elif kind == "map":
        items = table(schema.get("items"))
        if not keys:
            yield f"{path}.x-kubernetes-list-map-keys", "list type map needs keys"
        for index, key in enumerate(keys):
            known = table(items.get("properties")).get(key)
            if not isinstance(known, dict):
                yield f"{path}.x-kubernetes-list-map-keys[{index}]", f"{key!r} is no property of the items"
            elif key not in (items.get("required") or ()) and known.get("default") is None:
                yield field(f"{path}.items.properties", key) + ".default", f"the key {key!r} must be required or have a default"
    elif keys:
        yield f"{path}.x-kubernetes-list-map-keys", "belongs to list type map"


_PYTHON: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _PYTHON[kind]) and (kind == "boolean" or not isinstance(value, bool))
