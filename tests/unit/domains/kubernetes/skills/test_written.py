"""Written requests as samples: the values change alike in request and object, and all else stays."""

import json
from pathlib import Path
from random import Random

import pytest

from kubestill.domains.api import HELD_OUT_REPOSITORIES, SUITE_SEED, TRAIN, Document, Drop, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.intents.said import unsaid
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


def change(request, reference, seed=1):
    """Return request and object with other values."""
    return varied(request, read(reference).manifests[0].object, Words(Random(seed), TRAIN))


@pytest.mark.parametrize("seed", range(30))
def test_other_values_stand_in_the_request_and_in_the_object_alike(seed):
    request, changed = change(REQUEST, REFERENCE, seed)
    sample = sample_of(request, changed, "manifest", {})
    assert isinstance(sample, Sample)
    name, image = changed["metadata"]["name"], changed["spec"]["template"]["spec"]["containers"][0]["image"]
    assert name != "shop-api" and f"{name} in retail" in request and image in request and image != "ghcr.io/acme/shop-api:1.4.2"
    assert changed["spec"]["selector"]["matchLabels"] == {"app": name}
    assert request.startswith("half asleep, sorry. ") and request.endswith("on 8080, 512 megs at most, prometheus.io/scrape=true")
    assert f"{changed['spec']['replicas']} pods" in request
    assert full_pass(sample.answer, sample.intents).passed


@pytest.mark.parametrize(
    ("request_", "old", "new", "kept"),
    [
        ("3 pods of it, three", "", "", "3 pods of it, three"),  # said twice
        ("3 pods of it", "minutes: 1", "minutes: 3", "3 pods of it"),  # which of the two?
        ("shop-api, version 1.4.2 from ghcr.io/acme", "", "", "shop-api, version 1.4.2 from ghcr.io/acme"),  # the image is made of it
        ("hpa shop-api/retail for shop-api", "", "", "hpa shop-api/retail for shop-api"),  # a mention that is no word of its own
        ("shop-api as ever", "512Mi", "512Mi\n          args: [--name=shop-api]", "shop-api as ever"),
    ],
)
def test_a_value_stays_where_it_would_stay_in_part(request_, old, new, kept):
    reference = REFERENCE.replace("replicas: 3", "minutes: 1\n  replicas: 3").replace(old, new) if old else REFERENCE
    request, changed = change(request_, reference)
    assert request == kept
    assert changed["metadata"]["name"] == "shop-api" and changed["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("request_", "reference"),
    [
        ("account web in kube-system", "kind: ServiceAccount\nmetadata:\n  name: web\n  namespace: kube-system\n"),
        ("from 10.20.0.0/16 only", "kind: NetworkPolicy\nspec:\n  ingress: [{from: [{ipBlock: {cidr: 10.20.0.0/16}}]}]\n"),
        ("tls.crt and server.js", "kind: Secret\nstringData:\n  tls.crt: x\n  server.js: y\n"),
        ("requests.cpu at 40", "kind: ResourceQuota\nspec:\n  hard:\n    requests.cpu: 4k\n"),
        ("all of system:authenticated", "kind: RoleBinding\nsubjects: [{kind: Group, name: 'system:authenticated'}]\n"),
        ("class -50 then", "kind: PriorityClass\nvalue: -50\n"),
        ("open at 08:30", "kind: ConfigMap\ndata:\n  open: '08:30'\n"),
    ],
)
def test_what_means_something_to_kubernetes_or_to_a_program_stays(request_, reference):
    request, changed = change(request_, reference)
    assert (request, changed) == (request_, read(reference).manifests[0].object)


def test_a_container_that_the_request_names_is_asked_for():
    reference = REFERENCE.replace("- name: shop-api", "- name: hub")
    named = sample_of(f"{REQUEST}. the container is called hub", read(reference).manifests[0].object, "manifest", {})
    unnamed = sample_of(REQUEST, read(reference).manifests[0].object, "manifest", {})
    assert isinstance(named, Sample) and isinstance(unnamed, Sample)
    assert "- name: hub" in named.answer and full_pass(named.answer, named.intents).passed
    assert "- name: shop-api" in unnamed.answer and not full_pass(unnamed.answer, named.intents).passed


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
    assert len(seen) > 10_000


def test_requests_of_the_recipes_with_other_values_pass_as_they_do_with_their_own():
    failed = total = 0
    for number, entry in enumerate(documents(RECIPES)):
        if number % 5 == 0:
            sample = WideManifestSkill().reverse(entry, Random(number), TRAIN)
            total += 1
            failed += not (isinstance(sample, Sample) and full_pass(sample.answer, sample.intents).passed)
    assert failed <= 0.01 * total


def test_the_suite_asks_entries_kept_for_evaluation_alone():
    suite = domain().suites()["manifest-written"]
    entries = [document(page=str(number)) for number in range(60)]
    asked = suite.samples(entries, 100, SUITE_SEED)
    held = [entry for entry in entries if held_out("repository", entry.unit, HELD_OUT_REPOSITORIES)]
    assert held and len(asked) == len(held)
    two = [
        Document(str(n), json.dumps({"reference": REFERENCE, "requests": [REQUEST, "2"]}), "Deployment", {"page": str(n)}, "requests")
        for n in range(60)
    ]
    first = suite.samples(two, len(held), SUITE_SEED)
    assert len({sample.source["page"] for sample in first}) == len(held)  # a request of each object before the second of any
    assert suite.samples((), 100, SUITE_SEED) == []


def test_of_what_people_write_nothing_is_called_made_up_that_their_objects_say():
    """One in a thousand may be: numbers in other languages, a value that the writer forgot to say."""
    samples = [sample for found in list(documents(RECIPES))[::12] if isinstance(found, Document) for sample in every(found, "manifest")]
    assert len(samples) > 2_000
    wrong = [(sample.request, told) for sample in samples if (told := unsaid(sample.intents, sample.request))]
    assert len(wrong) < 0.002 * len(samples), wrong
