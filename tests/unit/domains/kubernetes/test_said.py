"""Names that a request does not say were made up."""

import pytest

from kubestill.domains.api import TASK, Intent
from kubestill.domains.kubernetes.intents.said import unsaid_names


def named(*names):
    return [one for name in names for one in (Intent("kind", (), "Pod"), Intent("name", (), name))]


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("a pod called web", "web"),
        ("a pod for my Web Shop", "web-shop"),
        ("the orders database, please", "order-db"),
        ("run nginx:1.27", "nginx"),
        ("a pod with 5Gi for Réseau", "reseau"),
        ("the front end and its back end", "frontend"),
        ("e-mail relay", "email"),
    ],
)
def test_a_name_that_is_said_in_some_form_is_nobodys_invention(request_text, name):
    assert not unsaid_names(named(name), request_text)


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("hello", "bot"),
        ("hello there, 3 replicas", "bot-3"),
        ("create something nice", "in-box"),
        ("***", "em"),
        ("thanks, that worked", "banner"),
        ("", "a"),
    ],
)
def test_a_name_that_stands_nowhere_was_made_up(request_text, name):
    assert unsaid_names(named(name), request_text) == [name]


def test_each_object_is_looked_at_and_tasks_are_not():
    assert unsaid_names(named("web", "bot"), "a pod called web and another") == ["bot"]
    assert not unsaid_names([Intent(TASK, (), "diagnose"), *named("bot")], "hello")
