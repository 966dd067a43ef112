"""A chat as one request: what is a change of the manifest in sight, and what is something new."""

import pytest

from kubestill.serving.conversation import Message, Said, asks_for_change, read_conversation

WEB = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n"
API = "apiVersion: v1\nkind: Service\nmetadata:\n  name: api\nspec:\n  ports:\n  - port: 80\n"


def chat(*texts: str, system: str = "") -> list[Message]:
    """Return a chat in which user and assistant take turns, the user first."""
    said = [Message("user" if place % 2 == 0 else "assistant", text) for place, text in enumerate(texts)]
    return [Message("system", system), *said] if system else said


@pytest.mark.parametrize(
    "request_text",
    [
        "make it 5 replicas",
        "Make it 5 replicas, please.",
        "also add a readiness probe",
        "add a readiness probe on /healthz port 8080",
        "ok, now scale to 3",
        "scale it up to 10",
        "set the memory limit to 256Mi",
        "can you use nginx:1.28 instead?",
        "use the image nginx:1.28",
        "rename it to store",
        "call it store",
        "remove the limits",
        "without the limits",
        "5 replicas",
        "no, on port 8080",
        "please change the image to nginx:1.28",
        "the image should be nginx:1.28",
        "expose port 8080 too",
        "put it in the namespace shop",
        "run it as user 1000",
        "add an annotation team=shop",
        "thanks! could you drop the node selector",
        "it should never restart",
        "bump the version to 2.0",
        "mount the configmap settings at /etc/app",
        "and with 3 replicas",
        "label it app=web",
    ],
)
def test_a_change_is_an_edit_of_the_manifest_before_it(request_text: str) -> None:
    assert read_conversation(chat("a deployment called web", WEB, request_text), notes=True) == Said(request_text.strip(), WEB)


@pytest.mark.parametrize(
    "request_text",
    [
        "a service called x on port 80",
        "A Service called x on port 80, please",
        "service called x on port 80",
        "now a service for it",
        "also create a service for it",
        "write a network policy that denies all ingress",
        "add a service for it on port 80",
        "I need a configmap with HOST=db",
        "give me an ingress for shop.example.com",
        "another deployment called api",
        "another one called api running httpd",
        "make me a cronjob that runs every day",
        "deployment named api running httpd:2.4",
        "please generate a pod disruption budget",
        "what does replicas mean?",
        "is it valid?",
        "why does it fail",
        "kubectl command to scale web to 3",
    ],
)
def test_something_new_and_a_question_stand_alone(request_text: str) -> None:
    assert read_conversation(chat("a deployment called web", WEB, request_text), notes=True) == Said(request_text)


def test_a_change_without_a_manifest_is_a_request() -> None:
    assert read_conversation(chat("scale the deployment web to 5"), notes=True) == Said("scale the deployment web to 5")
    assert read_conversation(chat("hello", "How can I help?", "make it 5 replicas"), notes=True) == Said("make it 5 replicas")


@pytest.mark.parametrize(
    "message",
    [
        f"Change this: use nginx:1.28\n\n```yaml\n{WEB}```\n",
        f"Change this: use nginx:1.28\n~~~\n{WEB}~~~",
        f"Change this: use nginx:1.28\n\n{WEB}",
        f"```\n{WEB}```\nChange this: use nginx:1.28",
        f"Change this: use nginx:1.28\n```yaml\n{WEB}",  # a fence that nobody closed
    ],
)
def test_a_manifest_that_the_message_brings_is_changed(message: str) -> None:
    assert read_conversation(chat("x", API, message), notes=True) == Said("Change this: use nginx:1.28", WEB)


def test_a_manifest_that_the_user_brought_before_is_changed_and_the_newest_counts() -> None:
    assert read_conversation(chat(f"here is mine\n{API}", "Thanks.", "use port 8080"), notes=True).manifest == API
    assert read_conversation(chat(f"here is mine\n{API}", WEB, "use port 8080"), notes=True).manifest == WEB
    fenced = f"Here you are:\n```yaml\n{WEB}```\nand\n```sh\nkubectl apply -f x\n```\n"
    assert read_conversation(chat("a deployment", fenced, "make it 5 replicas"), notes=True).manifest == WEB


def test_a_diagnosis_of_a_pasted_manifest_stays_whole() -> None:
    text = f"What is wrong with this?\n```yaml\n{WEB}```"
    assert read_conversation(chat(text), notes=True) == Said(text)


def test_of_several_objects_the_request_names_one() -> None:
    both = f"{WEB}---\n{API}"
    found = [
        read_conversation(chat("both", both, text), notes=True).document
        for text in ("make the service's port 8080", "scale web to 3", "fix it")
    ]
    assert found[1:] == [0, None]
    assert read_conversation(chat("both", both, "use port 8080 in the service"), notes=True).document == 1


def test_a_student_that_notes_is_shown_the_last_request_alone_and_another_model_everything() -> None:
    messages = chat("what is a pod?", "The smallest unit.", "and a job?", system="You are terse.")
    assert read_conversation(messages, notes=True).request == "and a job?"
    shown = "system: You are terse.\n\nuser: what is a pod?\n\nassistant: The smallest unit.\n\nuser: and a job?"
    assert read_conversation(messages, notes=False).request == shown
    assert read_conversation(chat("a pod called x"), notes=False).request == "a pod called x"


@pytest.mark.parametrize("messages", [[], [Message("system", "x")], [Message("user", "  \n")], [Message("assistant", WEB)]])
def test_where_no_user_says_anything_nothing_is_asked(messages: list[Message]) -> None:
    assert read_conversation(messages, notes=True) == Said("") == read_conversation(messages, notes=False)


def test_what_was_said_after_the_last_user_is_not_read() -> None:
    messages = [*chat("a deployment called web", WEB, "5 replicas"), Message("assistant", API)]
    assert read_conversation(messages, notes=True) == Said("5 replicas", WEB)


@pytest.mark.parametrize("part", ["```", "```\n", "make ", "a ", "now, ", "kind: A\n", "---\n", "x/", " " * 9, "apiVersion: v1\n"])
def test_a_hostile_text_costs_no_more_than_its_length(part: str) -> None:
    text = part * (200_000 // len(part))
    read_conversation([Message("user", text), Message("assistant", text), Message("user", text)], notes=True)
    asks_for_change(text)
