"""The published OpenAPI says of some fields that they are immutable: a change of any of them is found, where it stands."""

import gzip
import json
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.updates import judge_update

OPENAPI = Path(__file__).parents[6] / "shared" / "data" / "openapi-v2-1.36.json.gz"
SAYS = re.compile(r"(?<!was )immutable|[Cc]annot be updated|can ?not be changed|may not be changed through updates")
REFERENCE = "#/definitions/"
# Where the words are about something else: the server's own stamps, status (another endpoint), pods and Jobs that are yet to be made
# by a template, the mark `immutable` of a ConfigMap or Secret, and the claim that a pod's claim template names.
NOT_ABOUT_UPDATES = re.compile(
    r"\.status(\.|$)|\.metadata\.|\.(kind|apiVersion|immutable)$|\.(template|jobTemplate)\.|resourceClaimTemplateName$"
)
CHANGED = {"addressType": ("IPv4", "IPv6"), "clusterIP": ("10.0.0.1", "10.0.0.2"), "cidrs": (["10.0.0.0/8"], ["11.0.0.0/8"])}
CHANGED |= {"clusterIPs": (["10.0.0.1"], ["10.0.0.2"]), "completionMode": ("Indexed", "NonIndexed")}
CONTEXT = {  # what must stand beside a field for its sentence to hold
    "loadBalancerClass": {"type": "LoadBalancer"},
    "healthCheckNodePort": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
}


@pytest.fixture(scope="module")
def fields():
    """Every field of every kind whose description calls it immutable: (apiVersion, kind, steps of names and 0, schema)."""
    if not OPENAPI.exists():
        pytest.skip("../shared/data/openapi-v2-1.36.json.gz is not here")
    definitions = json.loads(gzip.decompress(OPENAPI.read_bytes()))["definitions"]
    found = {}

    def walk(schema, steps, seen, root):
        name = schema.get("$ref", "").removeprefix(REFERENCE)
        if name in seen or len(steps) > 7:
            return
        whole = definitions[name] if name else schema
        if "items" in whole:
            walk(whole["items"], (*steps, 0), seen, root)
        for key, part in whole.get("properties", {}).items():
            if SAYS.search(part.get("description", "")):
                found[*root, (*steps, key)] = definitions[part["$ref"].removeprefix(REFERENCE)] if "$ref" in part else part
            walk(part, (*steps, key), seen | {name}, root)

    for name, definition in definitions.items():
        for known in definition.get("x-kubernetes-group-version-kind", ()):
            if "metadata" in definition.get("properties", {}) and not known["kind"].endswith("List") and len(name.split(".")) > 3:
                root = ("/".join(part for part in (known["group"], known["version"]) if part), known["kind"])
                walk({"$ref": REFERENCE + name}, (), frozenset(), root)
    return found


def two_values(schema, name):
    """Return two values that differ and are of a schema's type."""
    if name in CHANGED:
        return CHANGED[name]
    kind = schema.get("type", "object")
    known = {
        "string": ("a", "b"),
        "integer": (1, 2),
        "boolean": (True, False),
        "number": (1.5, 2.5),
        "array": ([{"name": "a"}], [{"name": "b"}]),
    }
    return known.get(kind, ({"a": "b"}, {"a": "c"}))


def holding(steps, value):
    for step in reversed(steps):
        value = [value] if step == 0 else {step: value}
    return value


def test_every_field_that_is_called_immutable_is_found_when_it_changes(fields):
    tried, missed = 0, []
    for (api_version, kind, steps), schema in fields.items():
        path = "." + ".".join(map(str, steps))
        if NOT_ABOUT_UPDATES.search(path) or kind in ("DeleteOptions", "Scale", "Eviction", "Binding"):
            continue
        tried += 1
        olds, news = (
            {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, **holding(steps, value)}
            for value in two_values(schema, steps[-1])
        )
        for whole in (olds, news):
            whole.get("spec", {}).update(CONTEXT.get(steps[-1], {}))
        found = judge_update(olds, Manifest(news, 1))
        where = re.sub(r"\.0(?=\.|$)", "[0]", path)[1:]
        if not any(one.path.startswith(where) or where.startswith(one.path) for one in found):
            missed.append((api_version, kind, where, [one.path for one in found]))
    assert not missed, "\n".join(map(str, missed))
    assert tried > 60
