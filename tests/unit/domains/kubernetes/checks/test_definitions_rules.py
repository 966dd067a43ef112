"""The rules about CustomResourceDefinitions against those that real projects ship, whole and with a fault planted."""

import copy

import pytest

from kubestill.domains.kubernetes.checks import table
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.subject import Subject

RULES = [table.load(code) for code in ("K8S231", "K8S235", "K8S236", "K8S237")]


def found(value):
    subject = Subject([Manifest(value, 1)])
    return [(finding.code, finding.path) for rule in RULES for finding in rule.look(subject)]


@pytest.fixture(scope="module")
def objects(definitions):
    return [manifest.object for text in definitions.values() for manifest in read(text).manifests]


def test_definitions_that_clusters_take_have_no_findings(objects):
    assert len(objects) > 20
    assert [(value["metadata"]["name"], found(value)) for value in objects if found(value)] == []


def first_field(value):
    schema = value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return next(iter(schema["properties"]["spec"]["properties"].values()))


FAULTS = {
    "no type": (lambda value: first_field(value).pop("type", None), "K8S237"),
    "a type that is none": (lambda value: first_field(value).update(type="text"), "K8S237"),
    "unique items": (lambda value: first_field(value).update(uniqueItems=True), "K8S237"),
    "type in anyOf": (lambda value: first_field(value).update(anyOf=[{"type": "string"}]), "K8S237"),
    "root of another type": (lambda value: value["spec"]["versions"][0]["schema"]["openAPIV3Schema"].update(type="array"), "K8S237"),
    "group in capitals": (lambda value: value["spec"].update(group="Example.com"), "K8S235"),
    "two stored versions": (
        lambda value: value["spec"]["versions"].append({**value["spec"]["versions"][0], "name": "v9", "storage": True}),
        "K8S231",
    ),
    "scope of its own": (lambda value: value["spec"].update(scope="namespaced"), "K8S235"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_every_definition(objects, fault):
    plant, code = FAULTS[fault]
    for whole in objects[:12]:
        value = copy.deepcopy(whole)
        if fault == "no type" and (first_field(value).get("x-kubernetes-preserve-unknown-fields") or "type" not in first_field(value)):
            continue
        if fault == "two stored versions" and not value["spec"]["versions"][0].get("storage"):
            continue
        plant(value)
        assert code in {one for one, _ in found(value)}, value["metadata"]["name"]


def test_a_version_that_says_nothing_of_being_served_is_for_the_rules_to_judge(objects):
    value = copy.deepcopy(objects[0])
    del value["spec"]["versions"][0]["storage"]
    assert schemas().findings(value) == ()  # Go reads false
    assert ("K8S231", "spec.versions") in found(value)
