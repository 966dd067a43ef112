"""The reverse road: sentences of the documentation become requests that say all of their command, or a reason why they cannot."""

import gzip
import json
import re
from pathlib import Path

import pytest

from kubestill.domains.api import HELD_OUT_REPOSITORIES, SUITE_SEED, TRAIN, Document, Drop, Sample
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.skills.kubectl.documented import COMMANDS, PAGES
from kubestill.domains.kubernetes.skills.kubectl.idiom import idiomatic
from kubestill.domains.kubernetes.skills.kubectl.intention import intention
from kubestill.domains.kubernetes.skills.kubectl.judging import meaning
from kubestill.domains.kubernetes.skills.kubectl.skill import KubectlSkill
from kubestill.domains.kubernetes.skills.kubectl.suites import Documented
from kubestill.domains.kubernetes.skills.kubectl.unsaid import completed
from kubestill.ground.seeds import Seed, held_out

SHARED = Path(__file__).resolve().parents[6] / "shared/data"
needs_shared = pytest.mark.skipif(not (SHARED / "kubectl-reference.json.gz").is_file(), reason="../shared/data is not here")
SKILL = KubectlSkill()


def page(*lines, name="a-page"):
    return Document(name, "\n".join(lines), "task", {"page": name, "title": "A page"}, PAGES)


def reference_page(description, command, name="get"):
    text = json.dumps({"command": f"kubectl {name}", "examples": [{"description": description, "command": command}]})
    return Document(name, text, name, {"page": name}, COMMANDS)


def asked(document, number=0, part=TRAIN):
    return SKILL.reverse(document, Seed(number).rng("reverse"), part)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("You can list the pods of a node by running the following command:", "list the pods of a node"),
        ("To roll back the Deployment, run:", "roll back the Deployment"),
        ("Next, use kubectl exec to open a shell in your Pod:", "open a shell in my Pod"),
        ("Delete the Service.", "delete the Service"),
    ],
)
def test_a_sentence_becomes_an_infinitive(sentence, said):
    assert intention(sentence) == said


@pytest.mark.parametrize(
    "sentence",
    [
        "The output is similar to:",
        "Delete the Pod that you created in the previous step:",
        "Verify that the Pod is running:",
        "Now delete it:",
        "",
        "Run:",
    ],
)
def test_a_sentence_that_points_elsewhere_or_only_hopes_is_no_request(sentence):
    assert isinstance(intention(sentence), Drop)


@pytest.mark.parametrize(
    ("core", "command", "said"),
    [
        ("delete the Deployment", "kubectl delete deployment web -n shop", "delete the Deployment web in the shop namespace"),
        ("create the Pod", "kubectl apply -f pod.yaml", "create the Pod from pod.yaml"),
        ("list the Pods", "kubectl get pods -l app=web -o yaml", "list the Pods with the label app=web as yaml"),
        ("watch the Pods", "kubectl get pods -w", "watch the Pods"),
        ("mark node 'foo' as unschedulable", "kubectl cordon foo", "mark node 'foo' as unschedulable"),
    ],
)
def test_what_a_sentence_does_not_say_is_added(core, command, said):
    assert completed(core, parse(command).call) == said


@pytest.mark.parametrize(
    ("core", "command"),
    [
        ("delete the object", "kubectl delete deployment web"),
        ("view the Deployment", "kubectl get deployments"),
        ("show details of the Pod", "kubectl get pod web"),
        ("list the running Pods", "kubectl get pods"),
        ("set a field", "kubectl config set-credentials me --exec-command=a --exec-api-version=b"),
        ("delete the minikube cluster", "kubectl config delete-cluster minikube"),
        ("get output from the container app of pod web", "kubectl attach web -c app"),
        ("view the Pods associated with my Deployment", "kubectl get pods"),
        ("apply the manifest", "kubectl create -f web.yaml"),
        ("delete the objects of two files", "kubectl delete -f a.yaml -f b.yaml"),
        ("create a role binding for me using the cluster role admin", "kubectl create rolebinding admin --clusterrole=admin --user=me"),
        ("set the service.spec.type field", "kubectl patch service web -p '{}'"),
    ],
)
def test_what_cannot_be_said_in_a_few_words_is_dropped(core, command):
    assert isinstance(completed(core, parse(command).call), Drop)


@pytest.mark.parametrize(
    ("shown", "typed"),
    [
        ("kubectl --namespace=x get po/a --output=yaml", "kubectl get pod/a -o yaml -n x"),
        ("kubectl delete po --selector app=a --all-namespaces", "kubectl delete pods -l app=a -A"),
        ("kubectl exec -i -t a -- sh -c 'ls /'", "kubectl exec -it a -- sh -c 'ls /'"),
        ("kubectl get pods -o=jsonpath='{.items[0].metadata.name}'", "kubectl get pods -o jsonpath='{.items[0].metadata.name}'"),
    ],
)
def test_commands_are_typed_in_one_way_that_means_the_same(shown, typed):
    assert idiomatic(parse(shown).call, shown) == typed and meaning(typed) == meaning(shown)


def test_a_block_of_several_commands_or_with_open_places_is_dropped():
    for block in ("kubectl get pods\nkubectl get svc", "kubectl get pod <name>", "kubectl get pod $POD", "kubectl get pods | wc -l", "ls"):
        assert isinstance(asked(page("List the Pods:", "", "```shell", block, "```")), Drop)


def test_other_names_take_the_place_of_documented_ones_in_both():
    document = reference_page("Delete the pod named 'some-example-pod'", "kubectl delete pod some-example-pod", "delete")
    samples = [asked(document, number) for number in range(30)]
    names = {sample.answer.split()[-1] for sample in samples}
    assert len(names) > 5 and "some-example-pod" in names
    assert all(sample.answer.split()[-1] in sample.request for sample in samples)


def test_creating_a_file_and_applying_it_are_both_right_unless_one_is_asked_for():
    either = asked(page("Create the Pod:", "", "```shell", "kubectl apply -f https://k8s.io/examples/a.yaml", "```"))
    assert SKILL.judge(either.answer.replace(" apply ", " create "), either.intents).passed
    one = asked(page("Apply the manifest:", "", "```shell", "kubectl apply -f https://k8s.io/examples/a.yaml", "```"))
    assert not SKILL.judge(one.answer.replace(" apply ", " create "), one.intents).passed


def real_documents():
    for command in json.loads(gzip.decompress((SHARED / "kubectl-reference.json.gz").read_bytes()))["commands"]:
        name = command["command"].removeprefix("kubectl").strip() or "kubectl"
        yield Document(name, json.dumps(command), name, {"page": name}, COMMANDS)
    for line in gzip.decompress((SHARED / "docs.jsonl.gz").read_bytes()).splitlines():
        record = json.loads(line)
        if "kubectl" in record["text"]:
            yield Document(record["path"], record["text"].split("---\n", 2)[-1], "task", {"page": record["path"]}, PAGES)


@needs_shared
def test_real_pages_give_requests_that_say_all_of_their_commands():
    samples = [asked(document, 1) for document in real_documents()]
    found = [sample for sample in samples if isinstance(sample, Sample)]
    assert len(found) > 150 and len({sample.kind for sample in found}) > 30
    for sample in found:
        assert SKILL.judge(sample.answer, sample.intents).passed, (sample.request, sample.answer)
        call = parse(sample.answer).call
        for value in (use.text for use in call.uses if use.flag.name in ("namespace", "filename", "container", "context")):
            assert value in sample.request, (sample.request, sample.answer)
        assert not re.search(r"\{\{|<\w|\bfollowing\b", sample.request), sample.request


@needs_shared
def test_the_documented_suite_asks_held_out_pages_and_repeats_itself():
    documents = list(real_documents())
    larger, smaller = (Documented().samples(documents, count, SUITE_SEED) for count in (30, 10))
    assert len(larger) == 30 and list(smaller) == list(larger[:10])
    assert len({sample.request for sample in larger}) == 30
    pages = {sample.source["page"] for sample in larger}
    assert len(pages) > 10 and all(held_out("repository", one, HELD_OUT_REPOSITORIES) for one in pages)
