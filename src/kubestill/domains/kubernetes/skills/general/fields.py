"""The fields of the kinds that people ask about, by path: what the schemas say of each, and where a name occurs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kubestill.domains.kubernetes.definitions import OBJECT_META, Kind
from kubestill.domains.kubernetes.intents.kinds import KINDS as LENSED
from kubestill.domains.kubernetes.schema import schemas

# Kinds with lenses, and others that people meet; each in the one version that its apiVersion names.
ASKED: Mapping[str, str] = {
    **{name: kind.api_version for name, kind in LENSED.items()},
    "Node": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Lease": "coordination.k8s.io/v1",
    "CSIDriver": "storage.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "FlowSchema": "flowcontrol.apiserver.k8s.io/v1",
    "CertificateSigningRequest": "certificates.k8s.io/v1",
}
CLEAR_STEPS = 2  # that a field lies above all others of its name where it alone is meant
MAX_STEPS = 9  # of a path: below that nobody asks
# Volume plugins that are gone or going: true, but not worth a question.
OLD = frozenset(
    "awsElasticBlockStore azureDisk azureFile cephfs cinder flexVolume flocker gcePersistentDisk gitRepo glusterfs photonPersistentDisk "
    "portworxVolume quobyte rbd scaleIO storageos vsphereVolume iscsi fc".split()
)
_TWINS = ("initContainers[]", "ephemeralContainers[]")  # hold what containers hold, and nobody means them unless named
_HOLDERS = ("", "spec", "containers")  # what the field that is meant among several stands right below
_META = ("metadata", "status")
_STEP = re.compile(r"([^.\[\]]+)((?:\[\])*)")
_TYPES = {"array": "list"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind. `path` marks lists: `spec.containers[].image`; `type` is a word that people use."""

    path: str
    type: str
    description: str
    required: bool
    enum: tuple[str, ...]
    keys: tuple[str, ...]
    required_keys: tuple[str, ...]

    @property
    def place(self) -> str:
        """Return the path as an answer tells it: lists on the way are marked, the field itself is not."""
        return self.path.removesuffix("[]")

    @property
    def holder(self) -> str:
        """Return the name of the field that it stands right below."""
        return bare(self.path).rpartition(".")[0].rpartition(".")[2]

    @property
    def leaf(self) -> str:
        """Return its own name."""
        return bare(self.path).rpartition(".")[2]


def bare(path: str) -> str:
    """Return a path without its marks of lists."""
    return path.replace("[]", "")


@cache
def fields(kind: str) -> Mapping[str, Field]:
    """Return the fields of a kind by path, metadata and status left out.

    Raises:
        KeyError: nobody asks about such a kind.
    """
    known = schemas()
    group, _, version = ASKED[kind].rpartition("/")
    name = known.names[Kind(group, version, kind)]
    return {field.path: field for field in _walk(name, "", 0) if not _is_twin(field.path)}


@cache
def asked_about(kind: str) -> tuple[Field, ...]:
    """Return the fields that a question may be about: in use, and told of in words."""
    return tuple(field for field in fields(kind).values() if field.description and "eprecated" not in field.description[:400])


@cache
def places(kind: str) -> Mapping[str, tuple[Field, ...]]:
    """Return where each name of a field stands, and each name with that of its parent: `livenessProbe.periodSeconds`."""
    found: dict[str, list[Field]] = {}
    for field in fields(kind).values():
        parts = bare(field.path).split(".")
        for count in (1, 2):
            if len(parts) >= count:
                found.setdefault(".".join(parts[-count:]), []).append(field)
    return {name: tuple(several) for name, several in found.items()}


def meant(kind: str, name: str) -> Field | None:
    """Return the field of a kind that people mean by a name (with or without its parent's), or None where it may be several.

    The one that lies much higher than all others of that name is meant: a pod's terminationGracePeriodSeconds, not a probe's.
    """
    found = sorted(places(kind).get(name, ()), key=lambda field: field.path.count("."))
    if not found or name in _of_every_object():
        return None
    if len(found) == 1:
        return found[0]
    steps = found[1].path.count(".") - found[0].path.count(".")
    return found[0] if steps >= CLEAR_STEPS and found[0].holder in _HOLDERS else None


def only_place(kind: str, name: str) -> Field:
    """Return the one field of a kind that a name means.

    Raises:
        ValueError: there is none, or nobody can tell which.
    """
    found = meant(kind, name)
    if found is None:
        raise ValueError(f"{name} stands at {len(places(kind).get(name, ()))} places of {kind}")
    return found


def at(kind: str, path: str) -> Field | None:
    """Return the field at a path that is written with or without marks of lists; metadata, status and all else that exists, too."""
    plain = re.sub(r"\[[^\]]*\]", "", path).strip(".")
    found = _by_bare(kind).get(plain)
    if found is not None or not plain:
        return found
    known = schemas().property(ASKED[kind], kind, plain.split("."))
    if known is None:
        return None
    word = f"list of {'objects' if known.keys else 'strings'}" if known.type == "array" else known.type
    return Field(plain, word, known.description, known.required, known.enum, known.keys, known.required_keys)


@cache
def _of_every_object() -> frozenset[str]:
    """Return the names of metadata's fields: nobody means a field below spec by them."""
    return frozenset(schemas().definitions[OBJECT_META]["properties"])


@cache
def _by_bare(kind: str) -> Mapping[str, Field]:
    return {bare(path): field for path, field in fields(kind).items()}


def _is_twin(path: str) -> bool:
    return any(twin + "." in path for twin in _TWINS)


def _walk(definition: str, path: str, depth: int) -> Iterator[Field]:
    known = schemas()
    schema = known.definitions[definition]
    enums, required = known.enums.get(definition, {}), schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        if name in OLD or (not path and name in (*_META, "apiVersion", "kind")):
            continue
        inner, target, word = _target(part)
        here = f"{path}.{name}" if path else name
        below = known.definitions[target] if target else {}
        yield Field(
            here + inner,
            word,
            part.get("description") or below.get("description", ""),
            name in required,
            tuple(value for value in enums.get(name, ()) if value),
            tuple(below.get("properties", ())),
            tuple(below.get("required", ())),
        )
        if below.get("properties") and depth < MAX_STEPS and target != definition and "JSONSchemaProps" not in target:
            if target.endswith("ObjectMeta"):
                continue
            yield from _walk(target, here + inner, depth + 1)


def _target(part: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the mark of a list, the definition that a field's value (or its items) has, and the word for its type."""
    known, target = schemas(), ""
    if "$ref" in part:
        target = part["$ref"].rsplit("/", 1)[1]
        short = target.rsplit(".", 1)[1]
        resolved = known.definitions[target]
        special = {"IntOrString": "int-or-string", "Quantity": "quantity"}.get(short)
        return "", target, special or _word(resolved)
    items = part.get("items")
    if isinstance(items, dict):
        target = items["$ref"].rsplit("/", 1)[1] if "$ref" in items else ""
        inner = known.definitions[target] if target else items
        return "[]", target, f"list of {_word(inner)}s"
    return "", "", _word(part)


def _word(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    name = str(next((one for one in ([kind] if isinstance(kind, str) else kind) if one != "null"), "any"))
    return "map" if name == "object" and isinstance(schema.get("additionalProperties"), dict) else _TYPES.get(name, name)
