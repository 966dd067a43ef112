"""The package data: made again from its source it is the same, and holds facts only."""

import gzip
import json
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from kubestill.domains.kubernetes.kubectl.additions import SHORT_NAMES
from kubestill.domains.kubernetes.kubectl.extract import allowed_values, extract, render
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.domains.kubernetes.kubectl.resources import judge, nearest, resolve
from kubestill.domains.kubernetes.schema import schemas

from .examples import OPENAPI, needs_openapi, needs_reference
from .examples import reference as published

DATA = resources.files("kubestill.domains.kubernetes").joinpath("data/kubectl-1.36.json").read_text("utf-8")


@needs_reference
@needs_openapi
def test_the_package_data_is_what_extract_makes():
    openapi = json.loads(gzip.decompress(OPENAPI.read_bytes()))
    assert render(extract(published(), openapi)) == DATA


@needs_reference
def test_every_flag_of_the_reference_is_there_with_its_shorthand():
    counted = 0
    for entry in published()["commands"]:
        command = reference().commands[entry["command"].partition(" ")[2]]
        for flag in entry["flags"]:
            counted += 1
            found = command.flags[flag["name"]]
            assert found.shorthand == (flag["shorthand"] or "")
            assert found.no_value == ("true" if found.type == "bool" else flag.get("no_opt_default"))
    assert counted == published()["counts"]["own_flags"]


@needs_reference
def test_no_sentence_of_the_reference_is_in_the_package():
    sentences = {flag["description"] for command in published()["commands"] for flag in command["flags"]}
    sentences |= {example["description"] for command in published()["commands"] for example in command["examples"]}
    assert not [sentence for sentence in sentences if len(sentence) > 25 and sentence in DATA]


def test_allowed_values_are_read_where_a_description_lists_them():
    assert allowed_values('Must be "none", "server", or "client". If client', "string") == ["none", "server", "client"]
    assert allowed_values("Output format. One of: (json, yaml).", "string") == ["json", "yaml"]
    assert allowed_values("one of [json merge strategic]", "string") == ["json", "merge", "strategic"]
    assert allowed_values("Only one of since-time / since may be used.", "string") == []
    assert allowed_values("The field must be an integer or a string.", "string") == []


def test_every_kind_that_the_schemas_know_is_a_resource():
    known = {(resource.group, resource.kind) for resource in reference().resources}
    assert {(kind.group, kind.kind) for kind in schemas().kinds()} <= known
    plurals = {resource.plural for resource in reference().resources}
    assert set(SHORT_NAMES) <= plurals


def test_a_type_resolves_by_plural_kind_short_name_group_and_version():
    for text in (
        "deployments",
        "deployment",
        "Deployment",
        "DEPLOYMENTS",
        "deploy",
        "deployments.apps",
        "deploy.apps",
        "deployments.v1.apps",
    ):
        assert resolve(text).name == "deployments.apps", text
    assert resolve("ingress.networking").name == "ingresses.networking.k8s.io"
    assert resolve("events").name == "events"
    assert resolve("ev.events.k8s.io").name == "events.events.k8s.io"
    assert [resolve(text) for text in ("DEPLOY", "deployments.v2.apps", "deployments.batch", "podz", "", ".", "pods.v1")] == [None] * 7


def test_near_names_are_one_letter_away():
    assert {name: nearest(name) for name in ("podz", "servics", "deploymnet", "confgimap", "nodse")} == {
        "podz": "pods",
        "servics": "services",
        "deploymnet": "deployment",
        "confgimap": "configmap",
        "nodse": "node",
    }
    assert [nearest(name) for name in ("po", "vs", "cert", "certificates", "gateways", "httproutes", "applications")] == [""] * 7


@given(st.text(max_size=30))
def test_any_type_is_judged(text: str):
    fault = judge(text, 0, "")
    assert fault is None or fault.code == "K8S417"
