"""Written requests as samples: the values change alike in request and object, and all else stays."""

import json
from pathlib import Path
from random import Random

import pytest

from kubestill.domains.api import HELD_OUT_REPOSITORIES, SUITE_SEED, TRAIN, Document, Drop, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.skills.manifest.wide import WideManifestSkill
from kubestill.domains.kubernetes.skills.manifest.written import every, sample_of, varied
from kubestill.domains.kubernetes.sources.requests import documents
from kubestill.ground.seeds import held_out

RECIPES = Path(__file__).parents[5] / "recipes/requests"

REFERENCE = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-api
  namespace: retail
spec:
  replicas: 3
  selector:
    matchLabels:
      app: shop-api
  template:
    metadata:
      labels:
        app: shop-api
      annotations:
        prometheus.io/scrape: "true"
    spec:
      containers:
        - name: shop-api
          image: ghcr.io/acme/shop-api:1.4.2
          ports:
            - containerPort: 8080
          resources:
            limits:
              memory: 512Mi
"""
REQUEST = (
    "half asleep, sorry. shop-api in retail again, 3 pods of ghcr.io/acme/shop-api:1.4.2 on 8080, 512 megs at most, "
    "prometheus.io/scrape=true"
)


def document(request=REQUEST, reference=REFERENCE, page="p"):
    return Document("d", json.dumps({"reference": reference, "requests": [request]}), "Deployment", {"page": page}, "requests")


def test_a_request_as_it_stands_is_a_sample_that_passes_with_its_statements_in_the_order_of_mention():
    (sample,) = every(document(), "manifest")
    assert sample.request == REQUEST and full_pass(sample.answer, sample.intents).passed
    aspects = [intent.aspect for intent in sample.intents]
    assert aspects[0] == "kind"
    assert aspects[1:] == [
        "name",
        "namespace",
        "spec.replicas",
        "container.image",
        "container.port",
        "container.limits.memory",
        "podAnnotation",
    ]


@pytest.mark.parametrize("seed", range(30))
def test_other_values_stand_in_the_request_and_in_the_object_alike(seed):
    obj = read(REFERENCE).manifests[0].object
    request, changed = varied(REQUEST, obj, Words(Random(seed), TRAIN))
    sample = sample_of(request, changed, "manifest", {})
    assert isinstance(sample, Sample)
    name, image = changed["metadata"]["name"], changed["spec"]["template"]["spec"]["containers"][0]["image"]
    assert name != "shop-api" and f"{name} in retail" in request and image in request
    assert changed["spec"]["selector"]["matchLabels"] == {"app": name}
    assert request.startswith("half asleep, sorry. ")
    (port,) = changed["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert f"on {port['containerPort']}," in request and f"{changed['spec']['replicas']} pods" in request
    assert full_pass(sample.answer, sample.intents).passed


def test_a_number_that_could_be_two_things_stays():
    obj = read(REFERENCE.replace("replicas: 3", "replicas: 8080")).manifests[0].object
    for seed in range(10):
        request, changed = varied(REQUEST.replace("3 pods", "8080 pods"), obj, Words(Random(seed), TRAIN))
        assert request.count("8080") == 2 and changed["spec"]["replicas"] == 8080


def test_what_kubernetes_defines_stays():
    metadata = "  name: web\n  namespace: kube-system\n  labels:\n    app.kubernetes.io/name: web\n"
    reference = f"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n{metadata}"
    obj = read(reference).manifests[0].object
    request, changed = varied("account web in kube-system, app.kubernetes.io/name web", obj, Words(Random(1), TRAIN))
    assert "kube-system, app.kubernetes.io/name web" in request
    assert changed["metadata"]["namespace"] == "kube-system"


def test_most_samples_of_an_entry_have_other_values_and_all_pass():
    skill, requests = WideManifestSkill(), set()
    for seed in range(40):
        sample = skill.reverse(document(), Random(seed), TRAIN)
        assert isinstance(sample, Sample) and sample.road == "written"
        assert domain().judge(sample.answer, sample.intents).passed
        requests.add(sample.request)
    assert len(requests) > 25 and REQUEST in requests


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("apiVersion: v1\nkind: Event\nmetadata:\n  name: x\n", "kind-without-intents"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: |\n    b\n    c\n", "value-of-many-lines"),
        ("apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  ports: [3]\n", "unreadable-intents"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: []\n", "name-unsayable"),
    ],
)
def test_what_cannot_be_taught_is_left_out_with_its_reason(reference, reason):
    found = sample_of("x", read(reference).manifests[0].object, "manifest", {})
    assert isinstance(found, Drop) and found.reason == reason


def test_every_request_of_the_recipes_can_be_taught_and_stands_once():
    seen = set()
    for entry in documents(RECIPES):
        assert isinstance(entry, Document), entry
        samples = list(every(entry, "manifest"))
        assert len(samples) == len(json.loads(entry.text)["requests"]), entry.text
        assert full_pass(samples[0].answer, samples[0].intents).passed, entry.text
        requests = {" ".join(sample.request.lower().split()) for sample in samples}
        assert len(requests) == len(samples) and not requests & seen, entry.text
        seen |= requests
    assert len(seen) > 7_000


def test_the_suite_asks_entries_kept_for_evaluation_alone():
    suite = domain().suites()["manifest-written"]
    entries = [document(page=str(number)) for number in range(60)]
    asked = suite.samples(entries, 100, SUITE_SEED)
    held = [entry for entry in entries if held_out("repository", entry.unit, HELD_OUT_REPOSITORIES)]
    assert held and len(asked) == len(held)
    assert suite.samples((), 100, SUITE_SEED) == []
