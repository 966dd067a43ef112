"""The published schemas of Kubernetes as findings: which fields an object may have, and what they may hold.

The schemas are those of the package kubernetes-validate (`v1.36.0-local-strict`); the enums come from a running server's
OpenAPI, because the published file lacks them (data/README.md). Adjusted to what the server's decoder does: null is as good
as absent, and a quantity or an int-or-string is one type.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from kubestill.domains.kubernetes.definitions import OBJECT_META, RANGES, CustomKind, Kind, twins
from kubestill.domains.kubernetes.manifests import describe, field
from kubestill.ground.errors import Unavailable, UserError, near
from kubestill.tools.checks.api import Finding, Tier

DEFAULT_VERSION = "1.36"
MAX_FINDINGS = 50  # of one object; more only hides the first

SCHEMA_CODES = {
    "K8S020": "apiVersion or kind is missing.",
    "K8S021": "No such kind in that API group and version.",
    "K8S022": "The field does not exist here.",
    "K8S023": "The value has the wrong type.",
    "K8S024": "A required field is missing.",
    "K8S025": "The value is not one of those allowed.",
    "K8S026": "The value does not have the format or the bounds of its type (quantity, date, base64, 32-bit integer, a pattern, a length).",
    "K8S027": "Two items of a list are equal, or have equal keys, where the definition says that they must differ.",
}
_REMEDIES = {
    "K8S020": "Write both apiVersion and kind at the top of the object.",
    "K8S021": "Use an apiVersion that serves the kind (kubectl api-resources lists them).",
    "K8S022": "Correct the spelling, or move the field to where it belongs (kubectl explain shows it).",
    "K8S023": "Write a value of the expected type; quote numbers and booleans that are meant as strings.",
    "K8S024": "Add the field.",
    "K8S025": "Use one of the values listed.",
    "K8S026": "Write the value in the format named.",
    "K8S027": "Keep one of the two.",
}

# resource.Quantity: a decimal number with a binary or decimal suffix, or an exponent (apimachinery pkg/api/resource/quantity.go).
QUANTITY_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_SPECIAL: dict[str, dict[str, Any]] = {
    _INT_OR_STRING: {"type": ["string", "integer", "null"], "minimum": -(2**31), "maximum": 2**31 - 1},
    _QUANTITY: {"type": ["string", "number", "null"], "pattern": QUANTITY_PATTERN},
}
Enums = Mapping[str, Mapping[str, list[str]]]  # values by definition and field
# Required by the schema alone: the server takes the zero value that Go reads where the field is absent.
_NOT_NEEDED = {
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion": ("served", "storage"),
    "io.k8s.api.apps.v1.ControllerRevision": ("revision",),
    "io.k8s.api.core.v1.HTTPHeader": ("value",),
    "io.k8s.api.core.v1.ISCSIPersistentVolumeSource": ("lun",),
    "io.k8s.api.core.v1.ISCSIVolumeSource": ("lun",),
    "io.k8s.api.core.v1.Sysctl": ("value",),
}
RETIRED_GROUPS = frozenset({"extensions", "settings.k8s.io", "auditregistration.k8s.io"})  # once built in, gone since 1.22 or before
_SUBRESOURCES = frozenset({"Scale", "Eviction", "TokenRequest", "ComponentStatus"})  # described, but nobody can create one by itself
_SPECIAL_TYPES = {_INT_OR_STRING: "int-or-string", _QUANTITY: "quantity"}


@dataclass(frozen=True, slots=True)
class Property:
    """What the schema says of one field."""

    name: str
    type: str  # object | map | array | string | integer | number | boolean | int-or-string | quantity | any
    description: str
    format: str = ""
    required: bool = False
    enum: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()  # the fields of an object (of a list's items), in the schema's order
    required_keys: tuple[str, ...] = ()


def split_api_version(api_version: str) -> tuple[str, str]:
    """Return group and version of an apiVersion; the core group is the empty string."""
    group, _, version = api_version.rpartition("/")
    return group, version


@cache
def schemas(version: str = DEFAULT_VERSION) -> "Schemas":
    """Return the schemas of a Kubernetes version such as "1.36", loaded once per process."""
    return Schemas(version)


@cache
def _folder() -> Path:
    spec = find_spec("kubernetes_validate")  # found, not imported: its import alone takes 0.2 s
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("the package kubernetes-validate (the schemas)", "pip install kubernetes-validate")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"


def versions() -> tuple[str, ...]:
    """Return the Kubernetes versions whose schemas are at hand, oldest first."""
    names = [path.name[1:].split("-")[0].rsplit(".", 1)[0] for path in _folder().glob("v*-local-strict")]
    return tuple(sorted(names, key=lambda name: [int(part) for part in name.split(".")]))


class Schemas:
    """The schemas of one version. Validators are compiled for a kind when it is first met, and kept."""

    def __init__(self, version: str = DEFAULT_VERSION, custom: Sequence[CustomKind] = (), enums: Enums | None = None) -> None:
        """`custom`: kinds that CustomResourceDefinitions add; they are judged as strictly as the built-in ones.

        `enums`: the values that string fields may have, by definition and field, as a cluster serves them; the package's own for
        its usual version unless told.

        Raises:
            UserError: there are no schemas of that version.
        """
        if version not in versions():
            raise UserError("schema version", f"no schemas of Kubernetes {version!r}", f"use one of {', '.join(versions())}")
        self.version, self.served, self.customs = version, enums, tuple(custom)
        [folder] = _folder().glob(f"v{version}.*-local-strict")
        self.definitions: dict[str, dict[str, Any]] = json.loads((folder / "_definitions.json").read_text("utf-8"))["$defs"]
        self._custom = {one.kind: one for one in custom}
        self.definitions |= {one.name: _with_metadata(one.written) for one in custom}
        self._compiled = {one.name: dict(one.strict) for one in custom}
        self._validators: dict[tuple[str, str], Any] = {}  # by apiVersion and kind

    @cached_property
    def names(self) -> dict[Kind, str]:
        """The definition of each kind that can be created, by name."""
        names = {}
        for name, definition in self.definitions.items():
            known = definition.get("x-kubernetes-group-version-kind", ())
            if name.startswith("io.k8s.apimachinery.") or "metadata" not in definition.get("properties", ()):
                continue  # DeleteOptions, Status and the like stand in every group and are no objects
            for gvk in known:
                if not gvk["kind"].endswith("List") and gvk["kind"] not in _SUBRESOURCES:
                    names[Kind(gvk["group"], gvk["version"], gvk["kind"])] = name
        return names | {kind: one.name for kind, one in self._custom.items()}

    @cached_property
    def _groups(self) -> frozenset[str]:
        return frozenset(kind.group for kind in self.names)

    def owns(self, group: str) -> bool:
        """Return whether an API group is one of Kubernetes' own, so that an unknown kind in it is a mistake."""
        return group in self._groups or group in RETIRED_GROUPS

    def kinds(self) -> tuple[Kind, ...]:
        """Return every kind that can be created."""
        return tuple(self.names)

    def knows(self, api_version: str, kind: str) -> bool:
        """Return whether the schemas describe this kind."""
        return (api_version, kind) in self._validators or Kind(*split_api_version(api_version), kind) in self.names

    def findings(self, value: Mapping[str, Any]) -> tuple[Finding, ...]:
        """Return what the schema says against an object; nothing when it is valid."""
        api_version, kind = value.get("apiVersion"), value.get("kind")
        if not isinstance(api_version, str) or not isinstance(kind, str) or not api_version or not kind:
            missing = "apiVersion" if not isinstance(api_version, str) or not api_version else "kind"
            return (_finding("K8S020", missing, f"found {describe(value.get(missing))}, expected the {missing} as a string"),)
        validator = self._validators.get((api_version, kind)) or self._validator(api_version, kind)
        if validator is None:
            return (self._unknown_kind(api_version, kind),)
        is_valid = validator.is_valid(value)
        if is_valid and not self._custom:
            return ()
        full = Kind(*split_api_version(api_version), kind)
        found = list(self._twins(full, value))
        if is_valid:
            return tuple(found[:MAX_FINDINGS])
        name = self.names[full]
        for error in validator.iter_errors(value):
            found.extend(islice(self._explain(error, name), MAX_FINDINGS))
            if len(found) >= MAX_FINDINGS:
                break
        return tuple(found[:MAX_FINDINGS])

    def custom(self, api_version: str, kind: str) -> CustomKind | None:
        """Return what a CustomResourceDefinition says of a kind; None for built-in and unknown ones."""
        return self._custom.get(Kind(*split_api_version(api_version), kind))

    def _twins(self, kind: Kind, value: Mapping[str, Any]) -> Iterator[Finding]:
        custom = self._custom.get(kind)
        if custom:
            yield from (_finding("K8S027", path, message) for path, message in twins(value, custom.written))

    def property(self, api_version: str, kind: str, path: Sequence[str | int] = ()) -> Property | None:
        """Return what is known of the field at `path` (list items by any index), or None where the schema has no such field."""
        name = self.names.get(Kind(*split_api_version(api_version), kind))
        if name is None:
            return None
        holder, schema, last = None, {"$ref": f"#/$defs/{name}"}, ""
        for step in path:
            parent = self._resolved(schema)
            if "items" in parent:
                holder, schema = None, parent["items"]
                if isinstance(step, int) or step == "[]":
                    continue
                parent = self._resolved(schema)
            following = parent.get("properties", {}).get(step) or parent.get("additionalProperties")
            if not isinstance(following, dict):
                return None
            holder, schema, last = parent, following, str(step)
        return self._property(last, schema, holder)

    def _property(self, name: str, schema: dict[str, Any], holder: dict[str, Any] | None) -> Property:
        resolved = self._resolved(schema)
        fields = self._resolved(resolved["items"]) if "items" in resolved else resolved
        owner = next((key for key, value in self.definitions.items() if value is holder), "") if holder else ""
        return Property(
            name=name,
            type=_type(schema, resolved),
            description=schema.get("description") or resolved.get("description", ""),
            format=resolved.get("format", ""),
            required=bool(holder) and name in (holder or {}).get("required", ()),
            enum=tuple(resolved.get("enum") or self.enums.get(owner, {}).get(name) or ()),
            keys=tuple(fields.get("properties", ())),
            required_keys=tuple(fields.get("required", ())),
        )

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        return self._resolved(self.definitions[schema["$ref"].rsplit("/", 1)[1]]) if "$ref" in schema else schema

    @cached_property
    def enums(self) -> Enums:
        """The values that string fields may have, by definition and field, as far as they are known."""
        if self.served is not None:
            return self.served
        if self.version != DEFAULT_VERSION:
            return {}  # the lists are one version's; another version may allow more or fewer
        text = resources.files("kubestill.domains.kubernetes").joinpath(f"data/enums-{DEFAULT_VERSION}.json").read_text("utf-8")
        enums: Enums = json.loads(text)
        return enums

    def _validator(self, api_version: str, kind: str) -> Any:
        """Compile the validator of a kind with all that it refers to; None for an unknown kind."""
        import jsonschema_rs

        name = self.names.get(Kind(*split_api_version(api_version), kind))
        if name is None:
            return None
        reached, waiting = {}, [name]
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached[current] = self._compact(current)
                waiting.extend(_references(reached[current]))
        bundle = {"$ref": f"#/$defs/{name}", "$defs": reached}
        validator = jsonschema_rs.Draft202012Validator(bundle, validate_formats=True, formats={"byte": _is_base64})
        self._validators[api_version, kind] = validator
        return validator

    def _compact(self, name: str) -> dict[str, Any]:
        if name not in self._compiled:
            compacted = _SPECIAL.get(name) or _compacted(self.definitions[name], self.enums.get(name, {}))
            if name in _NOT_NEEDED:
                compacted["required"] = [one for one in compacted.get("required", ()) if one not in _NOT_NEEDED[name]]
            self._compiled[name] = compacted
        return self._compiled[name]

    def _unknown_kind(self, api_version: str, kind: str) -> Finding:
        same = sorted(known.api_version for known in self.names if known.kind == kind)
        group, version = split_api_version(api_version)
        if same:
            return _finding("K8S021", "apiVersion", f"{kind} is not served as {api_version!r}; expected {' or '.join(same)}")
        in_group = [known.kind for known in self.names if (known.group, known.version) == (group, version)]
        hint = _near(kind, in_group) or _near(kind, sorted({known.kind for known in self.names}))
        return _finding("K8S021", "kind", f"unknown kind {kind!r} in {api_version!r}", hint)

    def _explain(self, error: Any, name: str) -> Iterator[Finding]:
        """Turn one error of the validator into findings that name the field, what was found and what was expected."""
        path = ""
        for step in error.instance_path:
            path = field(path, step)
        problem = error.kind
        if problem.name == "additionalProperties":
            known = self._fields_at(name, error.instance_path)
            for unexpected in problem.unexpected:
                yield _finding("K8S022", field(path, unexpected), f"unknown field {unexpected!r}", _near(unexpected, known))
        elif problem.name == "required":
            yield _finding("K8S024", field(path, problem.property), f"required field {problem.property!r} is missing")
        elif problem.name == "type":
            expected = " or ".join(one for one in problem.types if one != "null")
            yield _finding("K8S023", path, f"found {describe(error.instance)}, expected {expected}")
        elif problem.name == "enum":
            options = [str(option) for option in problem.options if option]
            hint = _near(str(error.instance), options)
            yield _finding("K8S025", path, f"found {describe(error.instance)}, expected one of {', '.join(options)}", hint)
        else:
            yield _finding("K8S026", path, f"found {describe(error.instance)}, expected {_expected(problem)}")

    def _fields_at(self, name: str, path: Sequence[str | int]) -> tuple[str, ...]:
        schema = self.definitions[name]
        for step in path:
            schema = self._resolved(schema)
            following = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
            following = following or schema.get("additionalProperties")
            if not isinstance(following, dict):
                return ()
            schema = following
        return tuple(self._resolved(schema).get("properties", ()))


def _finding(code: str, path: str, message: str, hint: str = "") -> Finding:
    return Finding(code, path, f"{message}; {hint}" if hint else message, Tier.SCHEMA, remedy=_REMEDIES[code])


def _near(name: str, known: Sequence[str]) -> str:
    """Return the hint of a near name; none for what is too long to be a name, since comparing it takes long."""
    return near(name, known) if len(name) <= 100 else ""


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
}
_FORMS = {"uniqueItems": "items that differ", "anyOf": "one of the forms allowed here", "oneOf": "exactly one of the forms allowed here"}


def _expected(problem: Any) -> str:
    if problem.name == "pattern":
        return (
            "a quantity such as 500m, 0.5, 128Mi or 10Gi" if problem.pattern == QUANTITY_PATTERN else f"text that matches {problem.pattern}"
        )
    limit = getattr(problem, "limit", None)
    if limit in (-(2**31), 2**31 - 1, -(2**63), 2**63 - 1):
        return f"a {'32' if abs(limit) <= 2**31 else '64'}-bit integer"
    if problem.name in _BOUNDS:
        return _BOUNDS[problem.name].format(limit)
    if problem.name in _FORMS:
        return _FORMS[problem.name]
    known = {"byte": "base64", "date-time": "a date and time such as 2026-01-31T12:00:00Z"}
    return known.get(getattr(problem, "format", ""), str(problem.name))


def _with_metadata(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition's schema with the fields that every object has."""
    same = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": f"#/$defs/{OBJECT_META}"}}
    return {**written, "properties": {**written.get("properties", {}), **same}}


def _type(schema: dict[str, Any], resolved: dict[str, Any]) -> str:
    special = _SPECIAL_TYPES.get(str(schema.get("$ref", "")).rsplit("/", 1)[-1])
    kind = resolved.get("type", "any")
    name = str(next(one for one in ([kind] if isinstance(kind, str) else kind) if one != "null"))
    return special or ("map" if name == "object" and isinstance(resolved.get("additionalProperties"), dict) else name)


def _is_base64(text: str) -> bool:
    """Return whether Go's decoder of []byte takes the text: standard alphabet, padded, line breaks ignored."""
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _compacted(schema: dict[str, Any], enums: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return a definition without prose, with null allowed everywhere, integer ranges, and the served enums."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    kept: dict[str, Any] = {key: schema[key] for key in ("required", "format", "enum") if key in schema}
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kept["type"] = [*names, *(["null"] if "null" not in names else [])]
    if schema.get("format") in RANGES:
        kept["minimum"], kept["maximum"] = RANGES[kept.pop("format")]
    if "properties" in schema:
        kept["properties"] = {name: _compacted(part, {}) for name, part in schema["properties"].items()}
        for name in kept["properties"].keys() & enums.keys():  # a cluster may serve a field that the published schema has not yet
            _restrict(kept["properties"][name], enums[name])
    for key in ("items", "additionalProperties"):
        if key in schema:
            kept[key] = _compacted(schema[key], {}) if isinstance(schema[key], dict) else schema[key]
    return kept


def _restrict(schema: dict[str, Any], options: list[str]) -> None:
    """Allow only `options`; an empty string counts as absent, as the server's defaults take it."""
    target = schema.get("items", schema)
    target["enum"] = [*options, "", None]


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the definitions that a compacted schema refers to."""
    if "$ref" in schema:
        yield schema["$ref"].rsplit("/", 1)[1]
    for part in schema.get("properties", {}).values():
        yield from _references(part)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _references(schema[key])
    for part in schema.get("allOf", ()):
        yield from _references(part)
