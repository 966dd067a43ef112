"""Edits of files: what a student may note, what is made of it, and what a person is told where nothing can be."""

import pickle
from functools import cache

import pytest
import yaml

from kubestill.domains.kubernetes.fixes.diffs import diff
from kubestill.domains.kubernetes.grammars.editing import EditGuide, asked, edit_grammar, edited, object_of
from kubestill.domains.kubernetes.grammars.notes import MARK
from kubestill.domains.kubernetes.schema import schemas
from kubestill.tools.chat.format import POINTERS, ChatFormat
from kubestill.tools.grammar.api import Given, Reading, Span, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.bases import packaged

WEB = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2  # two are enough\n  selector:\n    matchLabels:\n"
    "      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n      - name: web\n"
    "        image: registry.io:5000/nginx:1.27\n"
)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector:\n    app: web\n  ports:\n  - port: 80\n"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: db\nspec:\n  containers:\n  - name: postgres\n    image: postgres:16\n"
    "  - name: exporter\n    image: exporter:1\n"
)
CRON = (
    "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: backup\nspec:\n  schedule: '0 2 * * *'\n  jobTemplate:\n    spec:\n"
    "      template:\n        spec:\n          restartPolicy: Never\n          containers:\n          - name: backup\n"
    "            image: busybox\n"
)
FILE = f"# all of it\n{SERVICE}---\n{WEB}---\n# the third\n{POD}"


class Elsewhere:
    """A guide that only tells that it was asked."""

    def start(self, reading):
        return Given("elsewhere")


@cache
def words():
    from tokenizers import Tokenizer

    folder = packaged()["kubernetes-base"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return tokenizer, ChatFormat.load(folder), Compiler(Pieces.of_tokenizer(tokenizer, tokenizer.token_to_id("<|end|>")))


def reading_of(text, request):
    question = asked(text, request)
    prompt = words()[1].prompt(question)
    return Reading(question, tuple(Span(POINTERS[index], word) for word, index in prompt.slots.items()), notes=True)


def pointed(notes, reading):
    for span in reading.spans:
        notes = notes.replace(span.text, span.surface)
    return notes


def takes(text, request, notes):
    """Whether the grammar of an edit takes notes to their end, with pointers for what the request's words say."""
    tokenizer, _, compiler = words()
    notes = pointed(notes, reading_of(text, request))
    ids = tokenizer.encode(notes + MARK, add_special_tokens=False).ids
    session = compiler.session(Step(edit_grammar(reading_of(text, request), object_of(text), request)))
    return session.valid(ids) == len(ids)


def told(text, request, lines):
    """The answer that a guide gives to notes, written as the student writes them: with pointers."""
    reading = reading_of(text, request)
    step = pickle.loads(pickle.dumps(EditGuide(text, Elsewhere()))).start(reading)
    obj = object_of(text)
    notes = "\n".join((f"kind: {obj['kind']}", "name: " + obj["metadata"]["name"], *lines))
    return step.then(pointed(notes, reading) + MARK).text


def changed(text, *lines, document=0, request=""):
    before = text
    obj = object_of(text, document)
    result, verdict = edited(
        text, "\n".join((f"kind: {obj['kind']}", "name: " + obj["metadata"]["name"], *lines)), document=document, request=request
    )
    shown = [line for line in diff("f", before, result.text).splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert not result.whole
    return shown, verdict


def test_kind_and_name_are_given_and_only_what_the_request_has_words_for_is_noted():
    head = "kind: Deployment\nname: web"
    assert takes(WEB, "scale it to 5", f"{head}\nspec.replicas: 5")
    assert takes(WEB, "use nginx:2", f"{head}\ncontainer.image: nginx:2")
    assert takes(WEB, "scale it to 5", f"{head}\nspec.replicas: 5\ncontainer.image: web")  # of habit, and dropped
    assert not takes(WEB, "scale it to 5", f"{head}\ncontainer.image: web")
    assert not takes(WEB, "scale it to 5", head)
    assert not takes(WEB, "scale it to 5", "kind: Deployment\nname: api\nspec.replicas: 5")
    assert not takes(WEB, "scale it to 5", f"{head}\nspec.replicas: 5\nname: api")
    assert not takes(WEB, "scale it to 5", f"{head}\nspec.schedule: 5")
    assert takes(WEB, "annotate it", f"{head}\nannotation: team shop")
    assert not takes(WEB, "annotate it", f"{head}\nannotation: team")
    assert not takes(WEB, "annotate it", f"{head}\nannotation: team  ")
    cron = "kind: CronJob\nname: backup"
    assert takes(CRON, "run it every 5 minutes", f"{cron}\nspec.schedule: */5 * * * *")
    assert not takes(CRON, "run it every 5 minutes", f"{cron}\nspec.schedule: */5 * * * * *")
    assert not takes(CRON, "suspend it", f"{cron}\nspec.schedule: */5 * * * *")


def test_a_name_is_pointed_at_where_the_request_points():
    text = WEB.replace("name: web", "name: mercury-front")
    reading = reading_of(text, "scale it to 5")
    (span,) = [span for span in reading.spans if span.text == "mercury-front"]
    assert takes(text, "scale it to 5", f"kind: Deployment\nname: {span.surface}\nspec.replicas: 5")


def test_the_answer_is_the_changed_object_or_a_comment_that_says_why_not():
    answer = yaml.safe_load(told(WEB, "scale it to 5", ["spec.replicas: 5", "container.image: web"]))
    assert answer["spec"]["replicas"] == 5
    assert answer["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.io:5000/nginx:1.27"
    for lines in (["podLabel: app api"], ["container.port: 99999"], ["spec.replicas: many"]):
        assert told(WEB, "relabel it", lines).startswith("# not changed: ")


def test_models_without_notes_and_kinds_that_nobody_notes_are_led_elsewhere():
    guide, lease = EditGuide(WEB, Elsewhere()), "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  name: a\n"
    assert guide.start(Reading("change it", notes=False)) == Given("elsewhere")
    assert EditGuide(lease, Elsewhere()).start(Reading("change it", notes=True)) == Given("elsewhere")
    assert asked(WEB, "scale it to 5", notes=False).endswith(WEB.replace("  # two are enough", ""))
    assert lease in asked(lease, "change it")
    with pytest.raises(ValueError, match="Lease"):
        edited(lease, "kind: Lease\nname: a\nlabel: a b")


def test_a_request_names_kind_and_name_and_the_port_that_its_details_belong_to():
    assert asked(WEB, "scale it to 5") == "a deployment called web: scale it to 5"
    assert asked(SERVICE, "use node port 30080") == "a service called web on port 80: use node port 30080"
    assert asked(FILE, "remove it", document=2) == "a pod called db: remove it"


def test_one_document_changes_and_the_verdict_is_about_it():
    shown, verdict = changed(FILE, "spec.replicas: 5", document=1)
    assert shown == ["-  replicas: 2  # two are enough", "+  replicas: 5  # two are enough"]
    assert verdict.passed
    shown, verdict = changed(FILE, "port: 70000")
    assert shown == ["-  - port: 80", "+  - port: 70000", "+    targetPort: 80"]
    assert verdict.failed_on


def test_the_schemas_that_are_given_judge():
    lines = "kind: Pod\nname: db\npod.resources.limits: cpu 1"
    assert edited(POD, lines, schemas("1.36"))[1].passed
    assert edited(POD, lines, schemas("1.25"))[1].failed_on == "schema"


@pytest.mark.parametrize(
    ("lines", "request_text", "line"),
    [
        (["container.image: exporter exporter:2"], "", "+    image: exporter:2"),
        (["container.name: exporter", "container.image: exporter:2"], "", "+    image: exporter:2"),
        (["container.image: exporter:2"], "use exporter:2 in container exporter", "+    image: exporter:2"),
        (["container.image: v2.1"], "container exporter to version v2.1", "+    image: exporter:v2.1"),
    ],
)
def test_the_container_is_told_by_the_notes_or_by_the_request(lines, request_text, line):
    assert changed(POD, *lines, request=request_text)[0][-1] == line


def test_a_tag_alone_keeps_the_repository():
    assert changed(WEB, "container.image: 1.28", request="bump the version to 1.28")[0][-1] == "+        image: registry.io:5000/nginx:1.28"


@pytest.mark.parametrize(
    ("image", "request_text"), [("web", "mount web-data at /srv"), ("/srv", "mount x:y at /srv"), ("slow", "use MODE slow")]
)
def test_an_image_that_nobody_asked_for_is_dropped(image, request_text):
    assert changed(WEB, "spec.replicas: 3", f"container.image: {image}", request=request_text)[0] == changed(WEB, "spec.replicas: 3")[0]


def test_what_the_request_does_not_say_is_no_edit():
    for line in ("label: tier back", "container.env: MODE False", "pod.toleration: gpu /  / NoSchedule"):
        with pytest.raises(ValueError, match="does not say"):
            changed(WEB, line, request="set MODE to slow and the tier to front")
    assert changed(WEB, "label: tier front", "container.env: MODE slow", request="set MODE to slow, tier to front")[1].passed


def test_what_is_noted_twice_is_what_changes_something_first():
    assert changed(WEB, "spec.replicas: 2", "spec.replicas: 5", "spec.replicas: 1")[0][-1] == "+  replicas: 5  # two are enough"


@pytest.mark.parametrize(
    ("text", "document", "notes", "reason"),
    [
        (FILE, 3, "kind: Pod\nname: db\nlabel: a b", "holds 3 objects"),
        (FILE, 2, "kind: Pod\nname: web\nlabel: a b", "the name of the object is db"),
        (FILE, 2, "kind: Pod\nname: db", "nothing was understood"),
        (FILE, 2, "", "nothing was understood"),
        (FILE, 2, "kind: Pod\nname: db\nno statement", "no statement"),
        (FILE, 2, "kind: Pod\nname: db\ncontainer.image: x", "postgres, exporter"),
        ("a: [", 0, "", "0 objects"),
        ("kind: Pod\nmetadata: [1]\n", 0, "", "no name"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec: text\n",
            0,
            "kind: Pod\nname: a\ncontainer.image: x",
            "shape|there is none",
        ),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(text, document, notes, reason):
    with pytest.raises(ValueError, match=reason):
        edited(text, notes, document=document)
