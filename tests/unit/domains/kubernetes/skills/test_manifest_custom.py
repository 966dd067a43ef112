"""Custom resources: drawn from a definition, valid by the whole of it, and judged by what a sample carries of it."""

import gzip
import json
import re
from pathlib import Path

import pytest
import yaml

from kubestill.domains.api import HELD, TRAIN, Document, Drop, Sample
from kubestill.domains.kubernetes.kubernetes import Kubernetes
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.skills.manifest.custom import DEFINED, reverse_definition
from kubestill.domains.kubernetes.skills.manifest.judging import judge
from kubestill.ground.seeds import Seed

CRDS = Path(__file__).parents[6] / "shared" / "data" / "crds"
SPEC = {
    "type": "object",
    "required": ["size", "owner"],
    "properties": {
        "size": {"type": "string", "enum": ["small", "large"]},
        "owner": {
            "type": "object",
            "required": ["team"],
            "properties": {"team": {"type": "string", "minLength": 2}, "email": {"type": "string", "format": "email"}},
        },
        "replicas": {"type": "integer", "minimum": 1, "maximum": 9},
        "paused": {"type": "boolean"},
        "hostNames": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "ports": {"type": "array", "items": {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}}}},
        "selector": {"type": "object", "properties": {"matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}}},
        "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
SCHEMA = {"type": "object", "properties": {"spec": SPEC}, "required": ["spec"]}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.test.example"},
    "spec": {
        "group": "test.example",
        "scope": "Namespaced",
        "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}],
    },
}
GADGET = yaml.safe_dump(DEFINITION)


def document(text, number=0):
    return Document(str(number), text, "Gadget", {"page": "gadgets"}, "definitions")


def samples(text, part=TRAIN, count=60):
    found = [reverse_definition(document(text, number), Seed(9).rng(part, number), part) for number in range(count)]
    return [sample for sample in found if isinstance(sample, Sample)]


@pytest.fixture(scope="module")
def gadgets():
    found = samples(GADGET)
    assert len(found) > 50
    return found


def test_every_object_is_valid_by_the_whole_definition_and_passes_its_judge(gadgets):
    whole = Kubernetes()
    assert whole.learn_definitions([("gadgets.yaml", GADGET.encode())]) == 1
    for sample in gadgets:
        assert judge(sample.answer, sample.intents).passed, judge(sample.answer, sample.intents).findings
        assert whole.judge(sample.answer).passed, sample.answer
        assert sample.kind == "Gadget" and sample.road == "reverse"


def test_every_value_stands_in_the_request(gadgets):
    for sample in gadgets:
        for intent in sample.intents:
            if intent.aspect != DEFINED and not isinstance(intent.value, bool) and intent.aspect != "kind":
                assert all(str(value) in sample.request for value in (intent.value if isinstance(intent.value, tuple) else (intent.value,)))


def test_an_invented_field_fails_and_a_known_one_that_was_not_asked_for_passes(gadgets):
    for sample in gadgets:
        obj = read(sample.answer).manifests[0].object
        strange = {**obj, "spec": {**obj["spec"], "colour": "red"}}
        assert not judge(dump(strange), sample.intents).passed
        known = {**obj, "spec": {**obj["spec"], "anything": {"at": "all"}}}
        assert judge(dump(known), sample.intents).passed
        wrong = {**obj, "spec": {**obj["spec"], "size": "huge"}}
        assert not judge(dump(wrong), sample.intents).passed
        other = {**obj, "metadata": {**obj["metadata"], "name": "other"}}
        assert not judge(dump(other), sample.intents).passed


def test_a_sample_carries_no_more_of_the_definition_than_it_needs(gadgets):
    for sample in gadgets:
        carried = json.loads(str(sample.intents[-1].value))
        assert carried["kind"] == ["test.example", "v1", "Gadget"]
        assert len(str(sample.intents[-1].value)) < 1_500


def test_what_is_no_definition_gives_none():
    for text in ("", "a: [", "kind: CustomResourceDefinition\n", yaml.safe_dump({**DEFINITION, "spec": {}})):
        assert isinstance(reverse_definition(document(text), Seed(1).rng(1), TRAIN), Drop)
    hopeless = {"type": "object", "required": ["x"], "properties": {"x": {"type": "string", "pattern": "^\\d{40}$"}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": hopeless}}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    text = yaml.safe_dump({**DEFINITION, "spec": {**DEFINITION["spec"], "versions": versions}})
    assert isinstance(reverse_definition(document(text), Seed(1).rng(1), TRAIN), Drop)


def test_parts_share_no_phrases():
    forms = {part: {form for sample in samples(GADGET, part, 120) for form in sample.forms} for part in (TRAIN, HELD)}
    assert min(map(len, forms.values())) > 10 and not forms[TRAIN] & forms[HELD]


def test_real_definitions_give_samples():
    if not CRDS.exists():
        pytest.skip("../shared/data/crds is not here")
    with gzip.open(CRDS / "gateway-api.yaml.gz", "rt") as file:
        texts = [text for text in re.split(r"(?m)^---\s*$", file.read()) if "CustomResourceDefinition" in text]
    found = [sample for text in texts for sample in samples(text, TRAIN, 3)]
    assert len(found) >= 2 * len(texts)
    assert all(judge(sample.answer, sample.intents).passed for sample in found)
