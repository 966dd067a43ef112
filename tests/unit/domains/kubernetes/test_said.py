"""What a request does not say was made up: names, numbers, and kinds of what has a name alone."""

import pytest

from kubestill.domains.api import TASK, Intent
from kubestill.domains.kubernetes.intents.said import unsaid


def named(*names):
    return [one for name in names for one in (Intent("kind", (), "Pod"), Intent("name", (), name))]


def values(*intents):
    return [intent.value for intent in intents]


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
    assert not unsaid(named(name), request_text)


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
    assert values(*unsaid(named(name), request_text)) == [name]


def test_each_object_is_looked_at_and_tasks_are_not():
    assert values(*unsaid(named("web", "bot"), "a pod called web and another")) == ["bot"]
    assert not unsaid([Intent(TASK, (), "diagnose"), *named("bot")], "hello")


@pytest.mark.parametrize(
    ("said", "aspect", "value"),
    [
        ("two of it", "spec.replicas", 2),
        ("no retries", "spec.backoffLimit", 0),
        ("a dozen", "spec.replicas", 12),
        ("two dozen pods", "spec.replicas", 24),
        ("half a gig", "container.limits.memory", "512Mi"),
        ("three quarters of a core", "container.limits.cpu", "750m"),
        ("cpu .15", "container.requests.cpu", "150m"),
        ("cpu .15", "container.requests.cpu", "0.15"),
        ("1.5 minutes", "spec.minReadySeconds", 90),
        ("a minute and a half", "spec.minReadySeconds", 90),
        ("half an hour", "spec.minReadySeconds", 1800),
        ("a week", "spec.ttlSecondsAfterFinished", 604_800),
        ("minus one hundred", "value", -100),
        ("sixty-six percent", "metric.utilization", 66),
        ("half of its cpu", "metric.utilization", 50),
        ("a quarter may be down", "spec.maxUnavailable", "25%"),
        ("port eighty eighty", "container.port", 8080),
        ("port one one two one one", "container.port", 11211),
        ("in triplicate: x3", "spec.replicas", 3),
        ("2-6 of it", "spec.maxReplicas", 6),
        ("100m..500m", "container.limits.cpu", "500m"),
        ("sixfold", "spec.replicas", 6),
        ("1 TB", "spec.resources.requests.storage", "1Ti"),
        ("2048 megs", "container.limits.memory", "2Gi"),
    ],
)
def test_a_number_that_is_said_in_some_unit_is_nobodys_invention(said, aspect, value):
    assert not unsaid([*named("web"), Intent(aspect, (), value)], f"web, {said}")


@pytest.mark.parametrize(
    ("said", "aspect", "value"),
    [
        ("2-6 of it", "spec.replicas", 7),
        ("some memory", "container.limits.memory", "512Mi"),
        ("\nwith some\nreplicas", "spec.replicas", 7),
        ("3 replicas", "spec.maxReplicas", 12),
        ("some may be down", "spec.maxUnavailable", "25%"),
        ("on the usual port", "container.port", 8080),
        ("redis", "container.image", "traefik"),
        ("in the shop", "namespace", "console"),
    ],
)
def test_what_is_said_nowhere_was_made_up(said, aspect, value):
    assert values(*unsaid([*named("web"), Intent(aspect, (), value)], f"web, {said}")) == [value]


@pytest.mark.parametrize(
    ("request_text", "kind", "name", "made_up"),
    [
        ("hello", "Namespace", "hello", ["Namespace"]),
        ("why is my pod crashing", "ServiceAccount", "crashing", ["ServiceAccount"]),
        ("ns hello", "Namespace", "hello", []),
        ("a namepsace for hello", "Namespace", "hello", []),
        ("an SA for the crawler", "ServiceAccount", "crawler", []),
        ("why is my pod crashing?", "NetworkPolicy", "crashing", ["NetworkPolicy"]),
        ("isolate the crawler", "NetworkPolicy", "crawler", []),
        ("something fast for our users", "ServiceAccount", "fast", ["ServiceAccount"]),
        ("an account for the crawler", "ServiceAccount", "crawler", []),
    ],
)
def test_of_what_has_a_name_alone_the_kind_must_be_said(request_text, kind, name, made_up):
    assert values(*unsaid([Intent("kind", (), kind), Intent("name", (), name)], request_text)) == made_up
