"""What kinds and fields are: as kubectl explain names them, in the words of the schemas."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from kubestill.domains.api import Explains
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.ground.errors import UserError


@pytest.mark.parametrize(
    ("name", "path", "type_", "required"),
    [
        ("Deployment", "Deployment", "object", False),
        ("deploy", "Deployment", "object", False),
        ("deployments", "Deployment", "object", False),
        ("apps/v1/Deployment", "Deployment", "object", False),
        ("deployment.spec.replicas", "Deployment.spec.replicas", "integer", False),
        ("Deployment spec.replicas", "Deployment.spec.replicas", "integer", False),
        ("pod.spec.containers[0].image", "Pod.spec.containers.image", "string", False),
        ("pod.spec.containers[*].name", "Pod.spec.containers.name", "string", True),
        ("networking.k8s.io/v1/Ingress.spec.rules", "Ingress.spec.rules", "array", False),
        ("po.spec.containers.resources.limits", "Pod.spec.containers.resources.limits", "map", False),
    ],
)
def test_a_kind_or_field_by_any_of_its_names(name: str, path: str, type_: str, required: bool) -> None:
    found = domain().explain(name)
    assert (found["path"], found["type"], found["required"]) == (path, type_, required) and found["version"] == "1.36"
    assert found["description"] and json.loads(json.dumps(found)) == found


def test_fields_are_those_of_the_published_schema() -> None:
    spec = find_spec("kubernetes_validate")
    assert spec is not None and spec.submodule_search_locations
    (folder,) = Path(spec.submodule_search_locations[0]).glob("kubernetes-json-schema/v1.36.*-local-strict")
    written = json.loads((folder / "_definitions.json").read_text())["$defs"]["io.k8s.api.core.v1.Container"]
    found = domain().explain("Pod.spec.containers")
    assert [one["name"] for one in found["fields"]] == list(written["properties"])
    assert {one["name"] for one in found["fields"] if one["required"]} == set(written["required"])


def test_values_and_versions() -> None:
    assert domain().explain("pod.spec.restartPolicy")["values"] == ["Always", "Never", "OnFailure"]
    everything = domain("1.30").explain("")
    assert everything["values"][0] == "1.36" and "1.25" in everything["values"] and everything["version"] == "1.30"
    assert {"name": "apps/v1/Deployment"} in everything["fields"] and isinstance(domain(), Explains)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Deploymnet", "did you mean 'Deployment'"),
        ("deployment.spec.replica", "did you mean 'replicas'"),
        ("deployment.spec.replicas.x", "it has no fields"),
        ("x" * 500, "500 characters"),
        ("v9/Pod", "no kind 'v9/Pod'"),
        ("\x00", "no kind"),
    ],
)
def test_what_is_not_there_is_one_message(name: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        domain().explain(name)
