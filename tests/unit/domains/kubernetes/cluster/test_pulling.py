"""A pulled cluster judges by itself: its definitions as with --crd, its allowed values as the package has them, its version."""

import gzip
import json
from pathlib import Path

import pytest
import yaml

from kubestill.domains.kubernetes.cluster import find_pulled, pull, pulled_definitions, pulled_enums
from kubestill.domains.kubernetes.kubernetes import Kubernetes
from kubestill.ground.errors import UserError

from ..test_definitions import CRD
from .server import status

SERVED = Path(__file__).parents[6] / "shared" / "data" / "openapi-v2-1.36-served.json.gz"
DATABASE = yaml.safe_load(CRD)
SCHEMAS = {
    "io.k8s.api.core.v1.Pod": {"properties": {"kind": {"type": "string"}}, "x-kubernetes-group-version-kind": [{"kind": "Pod"}]},
    "io.k8s.api.core.v1.Container": {"properties": {"imagePullPolicy": {"type": "string", "enum": ["Never", "Always"]}}},
    "com.example.v1.Database": {"properties": {"engine": {"enum": ["a"]}}, "x-kubernetes-group-version-kind": [{"kind": "Database"}]},
}


def definition(plural, schema=None):
    value = json.loads(json.dumps(DATABASE))
    value["metadata"] = {"name": f"{plural}.example.com", "uid": "1", "managedFields": [{"manager": "x"}]}
    value["spec"]["names"] = {"kind": plural.title(), "plural": plural}
    value["status"] = {"acceptedNames": {}}
    if schema is not None:
        value["spec"]["versions"][1]["schema"]["openAPIV3Schema"] = schema
    return value


@pytest.fixture
def full(server):
    server.schemas["definitions"] = dict(SCHEMAS)
    server.definitions = [DATABASE, *(definition(f"kind{number}") for number in range(120))]
    return server


def test_what_is_pulled_judges_as_the_definitions_themselves(connection, full, tmp_path):
    pulled = pull(connection, tmp_path)
    assert (pulled.release, pulled.version, pulled.kinds, pulled.definitions) == ("v1.36.2", "1.36", 2, 121)
    assert (pulled.name, pulled.lacking, dict(pulled.left_out)) == (connection.name, "", {}) and full.pages == 3
    assert find_pulled(tmp_path) == find_pulled(tmp_path, connection.name) == pulled
    ours, direct = Kubernetes(pulled.version), Kubernetes(pulled.version)
    assert ours.learn_definitions(pulled_definitions(pulled.folder)) == 121
    direct.learn_definitions([("crd.yaml", CRD.encode())])
    for spec in (
        "{engine: postgres}",
        "{engine: oracle}",
        "{engin: x}",
        "{engine: mysql, hosts: [{name: a}, {name: a}]}",
        "{engine: mysql, size: 0}",
    ):
        text = f"apiVersion: example.com/v1\nkind: Database\nmetadata: {{name: main}}\nspec: {spec}\n"
        assert [one.verdict for one in ours.check_text(text, "x")] == [one.verdict for one in direct.check_text(text, "x")]


def test_pulling_again_takes_the_place_of_what_was_there(connection, full, tmp_path):
    pull(connection, tmp_path)
    full.definitions = [DATABASE]
    assert pull(connection, tmp_path).definitions == 1
    assert len(pulled_definitions(find_pulled(tmp_path).folder)) == 1


def test_definitions_that_cannot_be_used_are_left_out_and_told(connection, full, tmp_path):
    deep = {"type": "object"}
    for _ in range(60):
        deep = {"type": "object", "properties": {"a": deep}}
    unserved = definition("unserved")
    for version in unserved["spec"]["versions"]:
        version["served"] = False
    full.definitions = [
        DATABASE,
        definition("broken", {"type": "strng"}),
        definition("deep", deep),
        unserved,
        {"metadata": {"name": "empty"}},
    ]
    pulled = pull(connection, tmp_path)
    assert pulled.definitions == 1
    assert sorted(pulled.left_out) == ["broken.example.com", "deep.example.com", "empty", "unserved.example.com"]
    assert all(pulled.left_out.values())
    assert Kubernetes().learn_definitions(pulled_definitions(pulled.folder)) == 1


def test_without_the_right_to_list_definitions_the_rest_is_kept_and_that_is_told(connection, full, tmp_path):
    message = 'customresourcedefinitions.apiextensions.k8s.io is forbidden: User "jane" cannot list resource "customresourcedefinitions"'
    full.routes["/apis/apiextensions.k8s.io/v1/customresourcedefinitions"] = 403, status(403, message), []
    pulled = pull(connection, tmp_path)
    assert (pulled.kinds, pulled.definitions) == (2, 0) and message in pulled.lacking
    assert pulled_definitions(pulled.folder) == []


def test_names_of_namespaces_are_kept_page_by_page_and_without_the_right_that_is_told(connection, full, tmp_path):
    full.namespaces = [f"shop-{number:04}" for number in range(1100)]
    assert pull(connection, tmp_path).namespaces == tuple(full.namespaces) == find_pulled(tmp_path).namespaces
    message = 'namespaces is forbidden: User "jane" cannot list resource "namespaces"'
    full.routes["/api/v1/namespaces"] = 403, status(403, message), []
    pulled = pull(connection, tmp_path)
    assert pulled.namespaces == () and message in pulled.lacking and pulled.definitions == 121
    full.routes["/api/v1/namespaces"] = 500, b"<html>", []
    assert pull(connection, tmp_path).definitions == 121


def test_what_was_pulled_before_namespaces_were_kept_can_still_be_used(connection, full, tmp_path):
    about = pull(connection, tmp_path).folder / "cluster.json"
    about.write_text(json.dumps({key: value for key, value in json.loads(about.read_text()).items() if key != "namespaces"}))
    assert find_pulled(tmp_path).namespaces == ()


@pytest.mark.parametrize(
    ("path", "code", "body"),
    [
        ("/openapi/v2", 403, status(403, 'forbidden: User "jane" cannot get path "/openapi/v2"')),
        ("/openapi/v2", 200, b"{"),
        ("/openapi/v2", 200, {"definitions": {}}),
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            410,
            status(410, "The provided continue parameter is too old", "Expired"),
        ),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", 500, b"<html>"),
    ],
)
def test_a_server_that_gives_no_schemas_leaves_what_was_there(connection, full, tmp_path, path, code, body):
    before = pull(connection, tmp_path)
    full.routes[path] = code, body, []
    with pytest.raises(UserError, match=str(code)):
        pull(connection, tmp_path)
    assert find_pulled(tmp_path) == before


def test_an_endless_list_of_definitions_ends(connection, full, tmp_path):
    page = {"kind": "CustomResourceDefinitionList", "metadata": {"continue": "same"}, "items": [DATABASE, None, "x"]}
    full.routes["/apis/apiextensions.k8s.io/v1/customresourcedefinitions"] = 200, page, []
    pulled = pull(connection, tmp_path)
    assert pulled.definitions == 1 and len(pulled.left_out) == 1


def test_what_is_not_there_is_told_with_the_command(tmp_path, connection, full):
    with pytest.raises(UserError, match="keeps the schemas of 0 clusters; run: kubestill schema pull"):
        find_pulled(tmp_path)
    with pytest.raises(UserError, match="run: kubestill schema pull"):
        pulled_definitions(tmp_path)
    with pytest.raises(UserError, match="run: kubestill schema pull"):
        pulled_enums(tmp_path)
    pulled = pull(connection, tmp_path)
    with pytest.raises(UserError, match=f"did you mean '{pulled.name}'"):
        find_pulled(tmp_path, pulled.name[:-2])
    for broken in ("{", "[1]", "3"):
        (pulled.folder / "cluster.json").write_text(broken)
        with pytest.raises(UserError, match="cannot be read"):
            find_pulled(tmp_path)


def test_allowed_values_are_those_of_built_in_kinds(connection, full, tmp_path):
    assert pulled_enums(pull(connection, tmp_path).folder) == {"io.k8s.api.core.v1.Container": {"imagePullPolicy": ["Always", "Never"]}}


@pytest.mark.skipif(not SERVED.exists(), reason="the public data in ../shared is not here")
def test_a_real_server_s_schemas_give_the_enums_of_the_package(connection, full, tmp_path):
    full.schemas = json.loads(gzip.decompress(SERVED.read_bytes()))
    pulled = pull(connection, tmp_path)
    package = Path(__file__).parents[5] / "src/kubestill/domains/kubernetes/data/enums-1.36.json"
    assert pulled_enums(pulled.folder) == json.loads(package.read_text())
    assert pulled.kinds > 100
