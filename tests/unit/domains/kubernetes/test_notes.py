"""Notes are read back as the statements that they were written from, and a stranger's notes give a reason or a valid manifest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.aspects import aspects_of
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import build
from kubestill.domains.kubernetes.intents.notes import SHAPES, read_notes
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.printing import dump


def test_what_the_notes_say_builds_the_answer_that_the_statements_build(drawn):
    samples = [sample for part in drawn.values() for sample in part]
    assert len(samples) >= 200
    for sample in samples:
        assert dump(ordered(build(read_notes(sample.notes())))) == sample.answer, sample.notes()


def test_every_aspect_that_is_drawn_may_be_noted_of_its_kind(drawn):
    for sample in (sample for part in drawn.values() for sample in part):
        beyond = {intent.aspect for intent in sample.intents} - aspects_of(sample.kind) - {"kind"}
        assert not beyond, (sample.kind, beyond)


def test_no_shape_is_of_an_aspect_that_no_kind_has():
    known = frozenset().union(*map(aspects_of, KINDS))
    assert set(SHAPES) <= known


def test_a_name_leads_where_the_pod_has_several_containers():
    images = "container.image: app nginx\ncontainer.image: log fluentd"
    several = f"kind: Pod\nname: web\n{images}\ncontainer.port: app 80\nmount.emptyDir: log /tmp true"
    assert Intent("container.port", ("app",), 80) in read_notes(several)
    assert Intent("mount.emptyDir", ("log", "/tmp"), True) in read_notes(several)
    assert Intent("container.port", ("",), 80) in read_notes("kind: Pod\nname: web\ncontainer.image: nginx\ncontainer.port: 80")


def test_the_same_statement_twice_is_one_statement():
    assert len(read_notes("kind: Role\nname: r\ngrant: pods get / list\ngrant: pods get / list")) == 3


@pytest.mark.parametrize(
    ("line", "statement"),
    [
        ("allow: ingress pods app web / 80 TCP", Intent("allow", ("ingress",), ((("pods", (("app", "web"),)),), ((80, "TCP"),)))),
        ("allow: egress  / 53 UDP, 53 TCP", Intent("allow", ("egress",), ((), ((53, "UDP"), (53, "TCP"))))),
        ("allow: ingress cidr 10.0.0.0/8 10.1.0.0/16 / ", Intent("allow", ("ingress",), ((("cidr", "10.0.0.0/8", "10.1.0.0/16"),), ()))),
        ("rule: /api shop / 80", Intent("rule", ("", "/api"), ("shop", 80))),
        ("rule: a.io / shop / http", Intent("rule", ("a.io", "/"), ("shop", "http"))),
        ("tls: a.io", Intent("tls", ("a.io",), "")),
        ("tls: cert", Intent("tls", ("",), "cert")),
        ("pod.toleration: gpu /  / NoSchedule", Intent("pod.toleration", (), ("gpu", "", "NoSchedule"))),
        ("limit: Container max cpu 500m", Intent("limit", ("Container", "max", "cpu"), "500m")),
        ("data: EMPTY", Intent("data", ("EMPTY",), "")),
        ("data: GREETING hello to all", Intent("data", ("GREETING",), "hello to all")),
    ],
)
def test_lines_are_read_as_what_they_say(line, statement):
    assert read_notes(f"kind: Pod\nname: x\n{line}")[2] == statement


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: web",
        "kind: Pod",
        "kind: Pot\nname: web",
        "kind: Pod\nname: web\nno statement here",
        "kind: Deployment\nname: web\nspec.replicas: three",
        "kind: Pod\nname: web\npod.hostNetwork: perhaps",
        "kind: Pod\nname: web\nmount.pvc: ",
        "kind: NetworkPolicy\nname: x\nallow: ingress strangers app web / 80 TCP",
        "kind: Pod\nname: web\npod.toleration: gpu / NoSchedule",
    ],
)
def test_notes_that_cannot_be_read_say_why(text):
    with pytest.raises(ValueError, match=r"\w"):
        read_notes(text)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(frozenset().union(*map(aspects_of, KINDS)))), st.text("abc :/.1\n⟨", max_size=12)), max_size=6
    )
)
def test_no_notes_of_a_stranger_raise_anything_else(lines):
    text = "kind: Pod\nname: web\n" + "\n".join(f"{aspect}: {rest}" for aspect, rest in lines)
    try:
        found = read_notes(text)
    except ValueError:
        return
    assert found[0].aspect == "kind"
