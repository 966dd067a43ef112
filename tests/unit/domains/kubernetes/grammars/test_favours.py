import pickle

import pytest

from kubestill.domains.kubernetes.grammars.favours import favours, value_begun
from kubestill.domains.kubernetes.grammars.guide import manifest_guide
from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide
from kubestill.domains.kubernetes.grammars.notes import MARK, NotesGuide
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import schemas
from kubestill.tools.grammar.api import Reading, Span, Step

SPANS = (Span("⟨1⟩", "web"), Span("⟨2⟩", "nginx:1.27"), Span("ready", "ready"))


@pytest.mark.parametrize(
    ("line", "begun"),
    [
        ("  name:", " "),
        ("  name: ", ""),
        ("  name: we", "we"),
        ('  - name: "we', "we"),
        ("  - ", ""),
        ("  - na", "na"),
        ("  na", None),
        ("", None),
        ("container.port.name: web 80", "80"),
        ("  image: a:b", "a:b"),
        ("  args: --listen ", ""),
    ],
)
def test_a_value_is_known_by_what_stands_before_it(line: str, begun: str | None) -> None:
    assert value_begun(line) == begun


def test_only_values_are_favoured_and_only_what_goes_on() -> None:
    found = favours(SPANS)
    assert found("kind: Pod\nmetadata:\n  name:") == (" ⟨1⟩", " ⟨2⟩", " ready")
    assert found("metadata:\n  name: ") == ("⟨1⟩", "⟨2⟩", "ready")
    assert found("metadata:\n  name: re") == ("ady",)
    assert found("metadata:\n  name: ready") == ()
    assert found("metadata:\n  na") == ()


def test_along_a_manifest_every_value_that_the_request_says_is_favoured_where_it_begins() -> None:
    """A second way: values are known from the object, not from its lines."""
    values = ["shop", "nginx:1.27", "8080", "tier-one", "/srv/data"]
    spec = {"containers": [{"name": "shop", "image": "nginx:1.27", "args": ["/srv/data"], "ports": [{"containerPort": 8080}]}]}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop", "labels": {"tier": "tier-one"}}, "spec": spec}
    text, found = dump(obj), favours(tuple(Span(value, value) for value in values))
    places = 0
    for number, line in enumerate(text.splitlines()):
        value = line.strip().removeprefix("- ").rpartition(": ")[2].strip('"')
        if value in values:
            before = "\n".join([*text.splitlines()[:number], line[: line.rindex(value)]])
            assert value in found(before), line
            assert value[3:] in found(before + value[:3]), line
            places += 1
        else:
            assert not any(text in found(line[:end]) for end in range(len(line)) for text in ("containers", "spec"))
    assert places == 6


@pytest.mark.parametrize("grounding", ["hard", "soft", "none"])
def test_each_form_of_grounding_is_a_guide(grounding: str) -> None:
    reading = Reading("a pod called web running nginx:1.27", SPANS[:2])
    guide: ManifestGuide = pickle.loads(pickle.dumps(ManifestGuide((("v1", "Pod"),), grounding=grounding)))
    step = guide.start(reading)
    assert isinstance(step, Step) and (step.favours is not None) is (grounding == "soft") and (step.nats > 0) is (grounding == "soft")
    free = ManifestGuide((("v1", "Pod"),)).start(reading)
    assert isinstance(free, Step) and (step.grammar.digest != free.grammar.digest) is (grounding == "hard")


def test_notes_lean_too_and_are_held_by_type_unless_told() -> None:
    reading = Reading("a deployment called web with nginx:1.27", SPANS[:2], notes=True)
    steps = {one: NotesGuide(ManifestGuide(), grounding=one).start(reading) for one in ("hard", "soft", "none")}
    usual = manifest_guide(schemas()).start(reading)
    assert all(isinstance(step, Step) for step in (*steps.values(), usual))
    text = "kind: Deployment\nspec.replicas: "
    assert "⟨1⟩" in steps["hard"].bans(text) and "⟨1⟩" in usual.bans(text)
    assert "⟨1⟩" not in steps["none"].bans(text) and "⟨3⟩" in steps["none"].bans(text)  # what was not given never
    assert steps["soft"].favours(text) == ("⟨1⟩", "⟨2⟩") and steps["none"].favours is None and steps["hard"].favours is None
    assert MARK not in steps["soft"].favours(text)
