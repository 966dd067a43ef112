"""Taking away and renaming in an edit: what may be noted, what becomes of the file, and what a person is told where nothing can."""

from random import Random

import pytest
import yaml

from kubestill.domains.api import Sample
from kubestill.domains.kubernetes.drawing.draw import draw_intents
from kubestill.domains.kubernetes.fixes.diffs import diff
from kubestill.domains.kubernetes.grammars.editing import Editing, Invented, edited, object_of
from kubestill.domains.kubernetes.grammars.removing import asked_names, asked_removals, asks, held
from kubestill.domains.kubernetes.intents.lens import build, read
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.skills.manifest.edits import draw_edit

from .test_editing import FILE, POD, SERVICE, WEB, Elsewhere, reading_of, takes, told

FULL = """\
# the shop's front
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web  # as in DNS
  labels: {team: "shop", tier: front}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
        zone: a   # which one
    spec:
      nodeName: null
      containers:
      - name: web
        image: 'nginx:1.27'
        env:
        # how much is told
        - name: DEBUG
          value: "true"
        - {name: DEBUG_LEVEL, value: "3"}   # 0 to 5
        resources:
          limits: {cpu: 500m, memory: 1Gi}
        volumeMounts:
        - name: data
          mountPath: /data
        - {name: conf, mountPath: /etc/web}
      - name: side
        image: "side:1"
        env:
        - name: DEBUG
          value: 'false'
        volumeMounts:
        - {name: data, mountPath: /data}
      volumes:
      - name: data   # shared
        emptyDir: {}
      - name: conf
        configMap: {name: web}
"""


def changed(text, *lines, request="", document=0):
    obj = object_of(text, document)
    notes = "\n".join((f"kind: {obj['kind']}", f"name: {obj['metadata']['name']}", *lines))
    result, verdict = edited(text, notes, document=document, request=request)
    shown = [line for line in diff("f", text, result.text).splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert not result.whole
    return shown, verdict.passed, result.remarks


@pytest.mark.parametrize(
    ("line", "request_text", "gone"),
    [
        ("container.env DEBUG_LEVEL", "remove DEBUG_LEVEL", ['-        - {name: DEBUG_LEVEL, value: "3"}   # 0 to 5']),
        ("podLabel zone", "drop the zone label of the pods", ["-        zone: a   # which one"]),
        ("mount.configMap /etc/web", "take /etc/web out of the mounts", None),
        ("container.limits.cpu", "get rid of the cap on cpu", None),
        ("label tier", "delete the tier label", None),
        ("container.env side DEBUG", "remove DEBUG from side", None),
    ],
)
def test_what_is_taken_away_leaves_all_else_letter_for_letter(line, request_text, gone):
    shown, passed, remarks = changed(FULL, f"remove: {line}", request=request_text)
    assert passed and not remarks
    assert shown == (gone or shown) and len(shown) <= 6
    kept = {text.strip() for text in FULL.splitlines()} - {text[1:].strip() for text in shown}
    assert {"# how much is told", "# the shop's front", "image: 'nginx:1.27'", "- name: data   # shared"} <= kept


def test_a_volume_goes_with_its_last_mount():
    shown = "\n".join(changed(FULL, "remove: mount.configMap /etc/web")[0])
    assert "configMap" in shown and "mountPath: /etc/web" in shown
    shown = "\n".join(changed(FULL, "remove: mount.emptyDir side /data")[0])
    assert "mountPath: /data" in shown and "emptyDir" not in shown


def test_taking_away_goes_beside_statements_and_nulls_stay():
    shown, passed, _ = changed(FULL, "spec.replicas: 5", "remove: label team", request="delete label team, scale to 5")
    assert passed and "-  replicas: 2" in shown and "+  replicas: 5" in shown and not any("nodeName" in line for line in shown)
    with pytest.raises(ValueError, match=r"undoes another: container\.env web MODE x"):
        changed(FULL.replace("DEBUG_LEVEL", "MODE"), "container.env: web MODE x", "remove: container.env MODE")


def test_a_new_name_is_written_once_and_what_misses_the_old_one_is_told():
    shown, passed, remarks = changed(FULL, "rename: front", request="rename it to front")
    assert passed and shown == ["-  name: web  # as in DNS", "+  name: front  # as in DNS"]
    assert len(remarks) == 1 and "calls this Deployment web elsewhere" in remarks[0]
    scaler = (
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: web\nspec:\n  maxReplicas: 3\n  scaleTargetRef:\n"
        "    apiVersion: apps/v1\n    kind: Deployment\n    name: web\n"
    )
    shown, passed, remarks = changed(f"{FULL}---\n{scaler}", "rename: front")
    assert passed and len(shown) == 2 and remarks[1].startswith("HorizontalPodAutoscaler web of this file: ")


def test_what_a_service_of_the_file_no_longer_finds_is_told():
    both = f"{FULL}---\n{SERVICE.replace('app: web', 'zone: a')}"
    shown, passed, remarks = changed(both, "remove: podLabel zone", request="remove the label zone")
    assert passed and len(shown) == 1 and remarks and remarks[0].startswith("Service web of this file: ")


@pytest.mark.parametrize(
    ("text", "line", "request_text", "reason"),
    [
        (FULL, "remove: podLabel app", "", "the selector of the Deployment asks for it"),
        (WEB, "remove: container.image", "", "an image is required"),
        (SERVICE, "remove: port 80", "", "the only port of the Service"),
        (SERVICE, "remove: selector app", "", "would select other pods"),
        (FULL, "remove: container.env DEBUG", "", "of which container .* web, side"),
        (FULL, "remove: container.env OTHER", "", "there is no container.env OTHER"),
        (FULL, "remove: label owner", "", "there is no label owner"),
        (FULL, "remove: container.env DEBUG", "remove DEBUG_LEVEL of side", "which the request does not say"),
        (FULL, "remove: label tier", "remove label team", "which the request does not say"),
        (FULL, "rename: shop", "rename it to front", "understood rename shop, which"),
        (FULL, "rename: a\nrename: b", "", "both a and b"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec: text\n", "remove: container.env A", "", "there is no"),
    ],
)
def test_what_cannot_be_missed_or_was_not_said_is_refused_with_a_reason(text, line, request_text, reason):
    with pytest.raises(ValueError, match=reason):
        changed(text, line, request=request_text)


def test_what_was_invented_tells_its_aspect_so_that_it_can_be_asked_without():
    with pytest.raises(Invented) as caught:
        changed(FULL, "remove: label tier", request="delete team")
    assert caught.value.aspect == "remove"


def test_only_what_the_object_holds_and_the_request_names_may_be_noted():
    head, wish = "kind: Deployment\nname: web", "remove the env var DEBUG_LEVEL"
    assert takes(FULL, wish, f"{head}\nremove: container.env DEBUG_LEVEL")
    assert takes(FULL, wish, f"{head}\nremove: container.env web DEBUG_LEVEL")
    assert not takes(FULL, wish, f"{head}\nremove: container.env DEBUG")
    assert not takes(FULL, wish, f"{head}\nremove: container.env OTHER")
    assert not takes(FULL, "set DEBUG_LEVEL to 4", f"{head}\nremove: container.env DEBUG_LEVEL")
    assert takes(FULL, "get rid of the limit on cpu", f"{head}\nremove: container.limits.cpu")
    assert not takes(FULL, "get rid of the limit on cpu", f"{head}\nremove: container.limits.memory")
    assert takes(FULL, "call it ruby-fox", f"{head}\nrename: ruby-fox")
    assert takes(FULL, "scale to 3, call it front-end", f"{head}\nspec.replicas: 3\nrename: front-end")
    assert not takes(FULL, "call it ruby-fox", f"{head}\nrename: ruby")
    assert not takes(FULL, "scale it to 3", f"{head}\nrename: scale")


def test_the_answer_is_the_object_without_it_or_a_comment_that_says_why_not():
    answer = yaml.safe_load(
        told(POD.replace("exporter:1\n", "exporter:1\n    tty: true\n"), "remove tty of exporter", ["remove: container.tty"])
    )
    assert [one.get("tty") for one in answer["spec"]["containers"]] == [None, None]
    assert (
        told(WEB, "remove the image", ["remove: container.image"])
        == "# not changed: container.image cannot be removed: an image is required\n"
    )


def test_a_small_object_is_shown_where_something_is_taken_away():
    editing = Editing(SERVICE, 0, schemas(), Elsewhere())
    assert editing.asked("remove the port", notes=True) == f"Change this manifest: remove the port\n\n{SERVICE}"
    assert editing.asked("use node port 30080", notes=True) == "a service called web on port 80: use node port 30080"
    assert Editing(FULL, 0, schemas(), Elsewhere()).asked("remove DEBUG", notes=True) == "a deployment called web: remove DEBUG"
    step = editing.guide().start(reading_of(SERVICE, "").__class__(editing.asked("rename it to front", notes=True), notes=True))
    assert '"\\nrename: front"' in step.grammar.text


def test_a_request_that_takes_away_needs_a_note_of_it():
    editing = Editing(FILE, 1, schemas(), Elsewhere())
    head = "kind: Deployment\nname: web\n"
    with pytest.raises(ValueError, match="removed or renamed was not understood"):
        editing.done("remove the replicas", f"{head}spec.replicas: 5", "")
    assert "replicas" not in editing.done("remove the replicas", f"{head}remove: spec.replicas", "")[0].text
    assert asks("delete it") and not asks("let it delete pods", "grant: pods delete") and not asks("drop the quota to 67")


def test_the_wishes_of_training_can_be_noted_and_come_out_as_in_training():
    """Whatever training says of taking away and renaming, in both parts of its vocabulary."""
    missed, tried = [], 0
    for part, number in ((part, number) for part in ("train", "held") for number in range(500)):
        sample = draw_edit(Random(f"{part} {number}"), part)
        if not isinstance(sample, Sample) or not {"remove", "rename"} & {intent.aspect for intent in sample.intents}:
            continue
        wish, _, text = sample.request.removeprefix("Change this manifest: ").rpartition("\n\napiVersion")
        text = f"apiVersion{text}"
        offered = {*(f"remove {one.words}" for one in asked_removals(object_of(text), wish))}
        offered |= {f"rename {name}" for name in asked_names(object_of(text), wish)}
        said = [line.replace(": ", " ") for line in sample.notes().splitlines() if line.startswith(("remove", "rename"))]
        try:
            same = yaml.safe_load(edited(text, sample.notes(), request=wish)[0].text) == yaml.safe_load(sample.answer)
        except Invented:
            same = False
        missed += [] if same and offered.issuperset(said) else [sample]
        tried += 1
    assert tried > 100 and len(missed) <= 0.015 * tried, missed


def test_all_that_is_held_is_taken_away_alone_or_refused():
    """Of each fact: the object says less, and nothing new; or a sentence says why not."""
    refused = done = 0
    for number in range(24):
        obj = ordered(build(draw_intents(Random(number), "train")))
        text, before = f"# kept\n{dump(obj)}", set(map(repr, read(obj)))
        for one in held(obj):
            head = f"kind: {obj['kind']}\nname: {obj['metadata']['name']}"
            try:
                result, _ = edited(text, f"{head}\nremove: {one.words}")
            except ValueError as error:
                assert "removed" in str(error)
                refused += 1
                continue
            after = set(map(repr, read(yaml.safe_load(result.text))))
            assert after < before and result.text.startswith("# kept\n") and not result.whole
            done += 1
    assert done > 40 and refused > 12
