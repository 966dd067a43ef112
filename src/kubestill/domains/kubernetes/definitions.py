"""CustomResourceDefinitions as schemas: what a cluster's own kinds allow, as strictly as the API server takes it.

Structural schemas close every object that does not say otherwise ("pruning"), so an unknown field of a custom resource is a
finding, as one of a built-in kind is. Source of the semantics: Kubernetes documentation, "Extend the Kubernetes API with
CustomResourceDefinitions", and k8s.io/apiextensions-apiserver (pkg/apiserver/schema, pkg/apiserver/validation).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kubestill.domains.kubernetes.manifests import field
from kubestill.ground.errors import UserError

GROUP, KIND = "apiextensions.k8s.io", "CustomResourceDefinition"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# Formats that the server judges (apiextensions-apiserver, pkg/apiserver/validation/formats.go) and our validator knows by the same name.
_FORMATS = frozenset({"date", "date-time", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "byte"})
RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_KEPT = ("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "multipleOf")
_MEND = "give the definition as the cluster has it (kubectl get crd -o yaml)"
_JUNCTORS = ("allOf", "anyOf", "oneOf")


class Kind(NamedTuple):
    """A kind by its full name; `group` is empty for the core group."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """Return what a manifest writes as apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True)
class CustomKind:
    """One served version of a definition: its schema as written, the strict form of it, and how many CEL rules it states."""

    kind: Kind
    written: Mapping[str, Any]
    strict: Mapping[str, Any]
    cel_rules: int

    @property
    def name(self) -> str:
        """Return what the schema goes by among the others."""
        return ".".join(self.kind)


def custom_kinds(definition: Mapping[str, Any], where: str) -> Iterator[CustomKind]:
    """Yield the served versions of a CustomResourceDefinition.

    Raises:
        UserError: it is of a version that no supported cluster serves, or says no group, kind or schema.
    """
    if definition.get("apiVersion") != f"{GROUP}/v1":
        raise UserError(where, f"a {KIND} of {definition.get('apiVersion')!r}", f"{GROUP}/v1 alone is served since Kubernetes 1.22")
    spec = definition.get("spec") or {}
    try:
        group, kind = str(spec["group"]), str(spec["names"]["kind"])
        found = [_served(Kind(group, str(one["name"]), kind), one) for one in spec["versions"] if one.get("served", True)]
    except KeyError as missing:
        raise UserError(where, f"a {KIND} without {missing}", _MEND) from None
    except (AttributeError, TypeError) as broken:
        raise UserError(where, f"a {KIND} whose parts are not what they must be ({broken})", _MEND) from None
    for one in found:
        if fault := _fault(one.strict):
            raise UserError(where, f"the schema of {one.kind.api_version} {kind}: {fault}", _MEND)
        yield one


def _fault(schema: Mapping[str, Any]) -> str:
    """Return why something is no schema (an unknown type, a pattern that cannot be read, a negative length), or an empty string."""
    import jsonschema_rs

    try:
        jsonschema_rs.Draft202012Validator({**schema, "$defs": {OBJECT_META: {}}})  # patterns are read only when it is compiled
    except jsonschema_rs.ValidationError as error:
        return str(error.message)
    return ""


def _served(kind: Kind, version: Mapping[str, Any]) -> CustomKind:
    schema = version["schema"]["openAPIV3Schema"]
    drops = "status" in (version.get("subresources") or {})
    return CustomKind(kind, schema, strict_root(schema, drops), count_rules(schema))


def strict_root(schema: Mapping[str, Any], drops_status: bool = False) -> dict[str, Any]:
    """Return the JSON schema of a whole object: the definition's, with what every object has.

    Where status is a subresource, the server drops it from a new object: its fields must exist, their values are not judged.
    """
    found = strict(schema)
    properties = found.setdefault("properties", {})
    own = properties.pop("metadata", None)
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    properties["metadata"] = {"$ref": f"#/$defs/{OBJECT_META}"}
    if own and (restricted := _nested(schema["properties"]["metadata"])) != {"type": ["object"]}:
        properties["metadata"] = {"allOf": [properties["metadata"], restricted]}  # a definition may restrict the name
    if drops_status and "status" in properties:
        properties["status"] = _shape(properties["status"])
        found["required"] = [name for name in found.get("required", ()) if name != "status"]
    return found


def strict(schema: Mapping[str, Any], prunes_null: bool = False) -> dict[str, Any]:
    """Return a structural schema as JSON schema in which objects are closed unless it opens them.

    `prunes_null`: as a field that may be missing, a null is taken away before anything is judged
    (PruneNonNullableNullsWithoutDefaults), or replaced by the default.
    """
    found = _values(schema, prunes_null or "default" in schema)
    needed = schema.get("required") or ()
    if "properties" in schema:
        found["properties"] = {name: strict(part, name not in needed) for name, part in schema["properties"].items()}
    if isinstance(schema.get("items"), Mapping):
        found["items"] = strict(schema["items"])
    more = schema.get("additionalProperties")
    if schema.get("x-kubernetes-embedded-resource"):
        found.setdefault("properties", {}).update({"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}})
        found["required"] = sorted({*found.get("required", ()), "apiVersion", "kind"})
    if isinstance(more, Mapping):
        found["additionalProperties"] = strict(more, prunes_null=True)
    elif schema.get("type") == "object" and more is not True and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found["additionalProperties"] = False
        found.setdefault("properties", {})  # without it the validator does not say which field is one too many
    return found


def _shape(strict_schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a strict schema says of which fields there are, and nothing of their values."""
    found: dict[str, Any] = {}
    if "properties" in strict_schema:
        found["properties"] = {name: _shape(part) for name, part in strict_schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in strict_schema:
            part = strict_schema[key]
            found[key] = _shape(part) if isinstance(part, Mapping) else part
    return found


def _values(schema: Mapping[str, Any], null: bool = False) -> dict[str, Any]:
    """Return what a schema says of a value itself; inside allOf, anyOf, oneOf and not, fields are judged but never closed."""
    found: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    null = null or bool(schema.get("nullable"))
    if schema.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string", *(["null"] if null else [])]
    elif "type" in schema:
        found["type"] = [schema["type"], *(["null"] if null else [])]
    if "enum" in schema:
        found["enum"] = [*schema["enum"], *([None] if null else [])]
    if schema.get("required"):
        found["required"] = list(schema["required"])
    found |= _bounds(schema)
    if schema.get("format") in _FORMATS:
        found["format"] = schema["format"]
    for key in _JUNCTORS:
        if key in schema:
            found[key] = [_nested(part) for part in schema[key]]
    if isinstance(schema.get("not"), Mapping):
        found["not"] = _nested(schema["not"])
    return found


def _nested(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = _values(schema)
    if "properties" in schema:
        found["properties"] = {name: _nested(part) for name, part in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            found[key] = _nested(schema[key])
    return found


def _bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bounds of a number: OpenAPI 3.0 says with a flag that a bound is exclusive, JSON schema with a keyword."""
    found: dict[str, Any] = {}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if bound in schema:
            found[exclusive if schema.get(exclusive) is True else bound] = schema[bound]
    low, high = RANGES.get(str(schema.get("format")), (None, None))
    if low is not None:
        found.setdefault("minimum", low)
        found.setdefault("maximum", high)
    return found


def count_rules(schema: Any) -> int:
    """Return how many CEL rules (x-kubernetes-validations) a schema states, at any depth."""
    if isinstance(schema, list):
        return sum(map(count_rules, schema))
    if not isinstance(schema, Mapping):
        return 0
    own = schema.get("x-kubernetes-validations")
    return (len(own) if isinstance(own, list) else 0) + sum(count_rules(part) for part in schema.values())


def twins(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield place and message of list items that must differ and do not: lists of type set, and of type map by their keys."""
    if isinstance(value, Mapping):
        parts, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, item in value.items():
            below = parts.get(name, more)
            if isinstance(below, Mapping):
                yield from twins(item, below, field(path, str(name)))
    elif isinstance(value, list):
        yield from _equal_items(value, schema, path)
        if isinstance(schema.get("items"), Mapping):
            for index, item in enumerate(value):
                yield from twins(item, schema["items"], field(path, index))


def _equal_items(value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    manner, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    if manner not in ("set", "map"):
        return
    defaults = {key: (schema.get("items") or {}).get("properties", {}).get(key, {}).get("default") for key in keys}
    first: dict[str, int] = {}
    for index, item in enumerate(value):
        told = item if manner == "set" else {key: item.get(key, defaults[key]) for key in keys} if isinstance(item, Mapping) else item
        spelled = json.dumps(told, sort_keys=True)
        if spelled in first:
            what = "value" if manner == "set" else "key"
            yield field(path, index), f"the same {what} as item {first[spelled]}: {spelled[:100]}"
        first.setdefault(spelled, index)
