"""What a person is told of an answer: what was understood, by task, and what was not used."""

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.store import Store
from kubestill.pipeline.models import find_model, load_domain
from kubestill.pipeline.serving import ask_model
from kubestill.serving.answer import Answer, judged
from kubestill.serving.api import Candidate, Inquiry, Wish
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.checks.api import Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Reply
from kubestill.tools.engines.local import unused


def told(notes: str, *unused: str) -> list[str]:
    return Answer(Reply("an answer", 1, 1, notes=notes, unused=unused), Verdict((Result("X", Tier.FORM, Outcome.PASS),))).told()


@pytest.mark.parametrize(
    ("notes", "line"),
    [
        ("kind: Pod\nname: a", "understood: kind: Pod · name: a"),
        ("task: kubectl\nverb: get", "understood as a question for kubectl: verb: get"),
        ("task: kubectl", "understood as a question for kubectl"),
    ],
)
def test_what_was_understood_is_told_in_one_line_led_by_its_task(notes: str, line: str) -> None:
    assert told(notes)[0] == line


def test_an_output_holds_more_than_its_answer_uses() -> None:
    words = tuple(f"word-{number}" for number in range(12))
    assert any("not used of the request" in line for line in told("kind: Pod\nname: a", *words))
    assert any("not used of the request: 'word-0'" in line for line in told("task: diagnose", *words[:3]))
    assert not any("not used" in line for line in told("task: diagnose", *words))


def test_a_task_that_a_student_has_not_learned_is_refused(tmp_path):
    model = find_model(Store(tmp_path), "kubernetes-base")
    with pytest.raises(UserError, match="this model has not learned kubectl"):
        ask_model(model, Inquiry("scale the deployment web to 5", Wish(skill="kubectl")))


def test_an_object_that_nobody_named_does_not_pass():
    domain = load_domain("kubernetes")
    manifest = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: bot\n"
    candidate = Candidate(Reply(manifest, 1, 1, notes="kind: Namespace\nname: bot"))
    (nothing,) = judged(domain, candidate, Wish(), "hello").verdict.findings
    assert nothing.code == "ASK001" and "nothing in the request asks for one" in nothing.message
    (found,) = judged(domain, candidate, Wish(), "a namespace, please").verdict.findings
    assert found.code == "ASK001" and "'bot' was made up" in found.message and "called NAME" in found.remedy
    assert judged(domain, candidate, Wish(), "a namespace for the bots").verdict.passed


def test_a_number_that_nobody_said_does_not_pass():
    manifest = (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n  minAvailable: 2\n"
        "  selector:\n    matchLabels:\n      app: web\n"
    )
    notes = "kind: PodDisruptionBudget\nname: web\nspec.minAvailable: 2\nselector: app web"
    candidate = Candidate(Reply(manifest, 1, 1, notes=notes))
    verdict = judged(load_domain("kubernetes"), candidate, Wish(), "a pdb web for app=web").verdict
    assert verdict.failed_on == "intent"
    (found,) = verdict.findings
    assert found.path == "spec.minAvailable" and found.message == "'2' was made up: the request does not say it"
    assert judged(load_domain("kubernetes"), candidate, Wish(), "a pdb web for app=web, two of it up").verdict.passed


def test_notes_without_end_are_told_in_part():
    assert len(told("kind: Pod\nname: " + "a" * 5_000)[0]) < 300


def test_a_word_that_may_be_english_is_not_called_unused():
    chat = ChatFormat(
        known=frozenset({"use", "affinity", "for", "mails", "a", "pod", "called"}), namesakes=frozenset({"session", "ticket"})
    )
    assert unused(chat.prompt("use session affinity for willow"), "kind: Service") == ("willow",)
    assert unused(chat.prompt("use mail for a pod called ticket"), "kind: Service") == ("mail", "ticket")
    assert unused(chat.prompt("use SESSION"), "kind: Service") == ("SESSION",)


def test_what_is_said_in_parts_is_used_where_all_are():
    prompt = ChatFormat(known=frozenset({"a", "pod", "called", "with"})).prompt("a pod called willow with 64Mi-128Mi")
    assert unused(prompt, "name: willow\ncontainer.requests.memory: 64Mi\ncontainer.limits.memory: 128Mi") == ()
    taint = ChatFormat(known=frozenset({"tolerate"})).prompt("tolerate gpu:NoSchedule")
    assert not unused(taint, "pod.toleration: gpu / / NoSchedule") and "gpu:NoSchedule" in unused(
        taint, "pod.toleration: gpu / / NoExecute"
    )
    assert "64Mi-128Mi" in unused(prompt, "name: willow\ncontainer.limits.memory: 128Mi")
