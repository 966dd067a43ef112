"""The notes of a request under their grammar: what a student is taught is accepted, and nothing that the request did not give."""

import pickle
from functools import cache

import pytest

from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide
from kubestill.domains.kubernetes.grammars.notes import MARK, NotesGuide, notes_grammar, notes_step, pointer_bans
from kubestill.tools.chat.format import POINTERS, ChatFormat
from kubestill.tools.grammar.api import Given, Reading, Span
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.bases import packaged

SPANS = (Span("⟨1⟩", "web"), Span("⟨2⟩", "nginx:1.27"), Span("⟨3⟩", "8080"))
REQUEST = Reading("a deployment called web running nginx:1.27 on 8080", SPANS, notes=True)
NOTES = "kind: Deployment\nname: ⟨1⟩\ncontainer.image: ⟨2⟩\ncontainer.port: ⟨3⟩"


class Elsewhere:
    """A guide that only tells that it was asked."""

    def start(self, reading):
        assert not reading.notes
        return Given("elsewhere")


@cache
def words():
    from tokenizers import Tokenizer

    folder = packaged()["kubernetes-base"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return tokenizer, ChatFormat.load(folder), Compiler(Pieces.of_tokenizer(tokenizer, tokenizer.token_to_id("<|end|>")))


def accepted(text, spans=SPANS, kinds=()):
    """How much of the notes the grammar takes, told as the rest that it does not."""
    tokenizer, _, compiler = words()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    session = compiler.session(notes_step(notes_grammar(kinds), spans, lambda _: Given("")))
    return tokenizer.decode(ids[session.valid(ids) :], skip_special_tokens=False)


def test_what_is_taught_is_accepted(drawn):
    _, chat, _ = words()
    refused = []
    for sample in [sample for part in drawn.values() for sample in part][::6]:
        prompt = chat.prompt(sample.request)
        spans = tuple(Span(POINTERS[index], word) for word, index in prompt.slots.items())
        notes = chat.target(sample.answer, prompt, sample.notes()).partition(MARK)[0]
        if rest := accepted(notes + MARK, spans):
            refused.append((notes, rest))
    assert len(refused) <= 1, refused


@pytest.mark.parametrize(
    "line",
    [
        "container.image: ⟨4⟩",  # the request gave three
        "spec.replicas: ⟨1⟩",  # a name is no number
        "container.imagePullPolicy: Sometimes",
        "spec.replicas: many",
        "spec.clusterIP.none: true",  # of a Service
        "conatiner.image: ⟨2⟩",
    ],
)
def test_what_cannot_be_meant_is_refused(line):
    before = "kind: Deployment\nname: ⟨1⟩\n"
    assert not accepted(f"{before}spec.replicas: 3{MARK}")
    assert accepted(f"{before}{line}{MARK}")


def test_an_object_has_forty_lines_at_most():
    """A student that repeats itself comes to an end, and what it has noted is kept."""
    name, line = "kind: Pod\nname: ⟨1⟩", "\nlabel: tier backend"
    assert not accepted(f"{name}{39 * line}{MARK}")  # the name is a line, too
    assert accepted(f"{name}{40 * line}{MARK}").startswith("\nlabel")
    assert not accepted(f"{name}{30 * line}\nkind: Pod\nname: ⟨2⟩{30 * line}{MARK}")


def test_kinds_limit_what_may_be_noted():
    assert not accepted(NOTES + MARK, kinds=("Deployment",))
    assert accepted(NOTES + MARK, kinds=("Service", "Pod")).startswith(("Deployment", "D"))


def test_a_guide_builds_what_was_noted():
    guide = pickle.loads(pickle.dumps(NotesGuide(Elsewhere())))
    step = guide.start(REQUEST)
    found = step.then(NOTES + MARK)
    assert isinstance(found, Given)
    assert all(said in found.text for said in ("  name: web\n", "image: nginx:1.27", "containerPort: 8080"))


def test_notes_that_cannot_be_built_are_left_to_the_grammar_of_manifests():
    guide = NotesGuide(Elsewhere())
    for notes in ("kind: Deployment\nname: ⟨1⟩", f"{NOTES}\nspec.replicas: -3", f"{NOTES}\nmount.subPath: /x y"):
        assert guide.start(REQUEST).then(notes + MARK) == Given("elsewhere"), notes


def test_another_api_version_than_that_of_the_notes_is_left_to_the_grammar_of_manifests():
    notes = "kind: HorizontalPodAutoscaler\nname: ⟨1⟩\ntarget: Deployment / ⟨1⟩\nspec.maxReplicas: 5" + MARK
    for version, built in (("autoscaling/v2", True), ("autoscaling/v1", False)):
        guide = NotesGuide(Elsewhere(), ((version, "HorizontalPodAutoscaler"),))
        assert (guide.start(REQUEST).then(notes) != Given("elsewhere")) == built, version


def test_models_that_note_nothing_are_led_elsewhere():
    assert NotesGuide(Elsewhere()).start(Reading("x", SPANS)) == Given("elsewhere")


def test_a_pointer_to_a_text_that_cannot_stand_plain_stands_in_quotation_marks_only():
    tokenizer, _, compiler = words()
    spans = (Span("⟨1⟩", "web"), Span("⟨2⟩", "*/2 * * * *"), Span("⟨3⟩", 'say "a"'))
    guide = ManifestGuide((("v1", "ConfigMap"),))
    before = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ⟨1⟩\ndata:\n  ⟨1⟩: "
    for value, taken in (("⟨1⟩", True), ("⟨2⟩", False), ('"⟨2⟩"', True), ('"⟨3⟩"', False), ("⟨3⟩", True)):
        ids = tokenizer.encode(f"{before}{value}\n", add_special_tokens=False).ids
        assert (compiler.session(guide.start(Reading("", spans))).valid(ids) == len(ids)) == taken, value


GIVEN = {
    "⟨1⟩": "web",
    "⟨2⟩": "/var/log",
    "⟨3⟩": "--fast",
    "⟨4⟩": "8080",
    "⟨5⟩": "echo a && sleep 9",
    "⟨6⟩": "LOG_LEVEL",
    "⟨7⟩": "status.podIP",
}


@pytest.mark.parametrize(
    ("written", "may_follow"),
    [
        ("pod.securityContext.runAsUser: ", "4"),
        ("pod.serviceAccountName: ", "14"),
        ("pod.toleration: ", "1467"),
        ("pod.toleration: ⟨1⟩ / ", "1467"),
        ("pod.toleration: ⟨1⟩ /  / ", ""),
        ("mount.secret: ", "124"),  # a container's name may lead
        ("mount.secret: ⟨2⟩ ", "124"),
        ("mount.secret: /srv/", "123467"),  # of a path that is begun
        ("container.env: ⟨6⟩ ", "1234567"),
        ("container.env.field: ⟨6⟩ ", "123467"),
        ("container.image: ", "1467"),
        ("container.image: shop.io/", "123467"),
        ("spec.nfs.path: ", "2"),
        ("container.livenessProbe.httpGet: / / ", "124"),
        ("container.livenessProbe.httpGet: ⟨1⟩ / / ", "14"),
        ("label: app ", "1467"),
        ("data: ⟨6⟩ ", "1234567"),
    ],
)
def test_a_pointer_follows_only_where_its_word_can_stand(written, may_follow):
    banned = set(pointer_bans([Span(*one) for one in GIVEN.items()])(f"kind: Pod\nname: a\n{written}"))
    assert {surface[1] for surface in GIVEN if surface not in banned} == set(may_follow)
    assert "⟨8⟩" in banned
