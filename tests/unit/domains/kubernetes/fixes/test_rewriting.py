"""Documents rewritten: what changes letter for letter, what stays, and that the text always reads as the object that was wanted."""

import copy
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes.fixes.rewriting import Rewritten, differences, rewrite
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump

WEB = """\
---
# the shop's front
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # never change this
  labels: {app: web, 'tier': front}
spec:
  replicas: 2 # two are enough
  # what it runs
  template:
    spec:
      containers:
        # the server
        - image: "nginx:1.27"
          name: web
          args: [--port, "80"]
          env:
            - {name: A, value: 'x'}
          resources:
        - name: log
          image: fluentd
          command:
            - |
              echo one
              echo two
"""


def rewritten(text, change, number=0):
    """Change a copy of the object in place and rewrite its text; return the text, proved by reading it back."""
    found = read(text)
    after = json.loads(json.dumps(found.manifests[number].object))
    change(after)
    result = rewrite(text, found.manifests[number].object, after)
    back = read(result.text)
    assert len(back.findings) <= len(found.findings)
    for place, manifest in enumerate(back.manifests):
        wanted = after if place == number else found.manifests[place].object
        assert json.dumps(manifest.object, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    return result


def containers(obj):
    return obj["spec"]["template"]["spec"]["containers"]


def put(key, value):
    return lambda obj: obj["spec"].update({key: value})


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (put("replicas", 5), "replicas: 2 # two", "replicas: 5 # two"),
        (lambda obj: containers(obj)[0].update(image="nginx:1.28"), '"nginx:1.27"', '"nginx:1.28"'),
        (lambda obj: containers(obj)[0]["env"][0].update(value="it's"), "value: 'x'", "value: 'it''s'"),
        (
            lambda obj: containers(obj)[0]["env"].append({"name": "B", "value": "1"}),
            "'x'}\n",
            "'x'}\n            - name: B\n              value: \"1\"\n",
        ),
        (lambda obj: containers(obj)[0]["args"].append("-v"), '"80"]', '"80", -v]'),
        (lambda obj: obj["metadata"]["labels"].update(track="stable"), "'tier': front}", "'tier': front, track: stable}"),
        (lambda obj: obj["metadata"]["labels"].pop("tier"), ", 'tier': front}", "}"),
        (lambda obj: obj["metadata"].update(namespace="shop"), "this\n", "this\n  namespace: shop\n"),
        (put("paused", True), "echo two\n", "echo two\n  paused: true\n"),
        (put("minReadySeconds", 3), "enough\n", "enough\n  minReadySeconds: 3\n"),
        (
            lambda obj: containers(obj)[0].update(resources={"limits": {"cpu": "1"}}),
            "resources:\n",
            'resources:\n            limits:\n              cpu: "1"\n',
        ),
        (
            lambda obj: containers(obj)[0].update(ports=[{"containerPort": 80}]),
            '"80"]\n',
            '"80"]\n          ports:\n            - containerPort: 80\n',
        ),
        (lambda obj: containers(obj)[1].update(command=["date"]), "- |\n              echo one\n              echo two\n", "- date\n"),
        (lambda obj: containers(obj)[1].pop("image"), "          image: fluentd\n", ""),
        (
            lambda obj: containers(obj).append({"name": "new", "image": "x"}),
            "echo two\n",
            "echo two\n        - name: new\n          image: x\n",
        ),
        (lambda obj: containers(obj).pop(), WEB[WEB.index("        - name: log") :], ""),
    ],
)
def test_only_the_changed_letters_change(change, old, new):
    assert WEB.count(old) == 1
    assert rewritten(WEB, change) == Rewritten(WEB.replace(old, new))


def test_other_line_ends_and_a_missing_last_one_stay():
    text = WEB.replace("\n", "\r\n").removesuffix("\r\n")
    result = rewritten(
        text, lambda obj: (obj["spec"].update(replicas=5, paused=True), containers(obj)[0].update(ports=[{"containerPort": 80}]))
    )
    assert not result.whole
    assert "\n" not in result.text.replace("\r\n", "")


def test_json_stays_json():
    text = json.dumps(read(WEB).manifests[0].object, indent=2)
    result = rewritten(
        text, lambda obj: (obj["spec"].update(replicas=5, paused=True), containers(obj).append({"name": "b", "args": ["yes"]}))
    )
    assert not result.whole
    assert json.loads(result.text)["spec"]["replicas"] == 5
    assert len(set(text.splitlines()) - set(result.text.splitlines())) <= 3


def test_what_stands_for_several_places_is_written_out_where_it_differs():
    text = (
        "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n  labels: &l\n    app: a # one\n  annotations: *l\n"
        "data: {a: b}\nx:\n  <<: *l\n  k: v\n"
    )
    result = rewritten(text, lambda obj: obj["metadata"]["annotations"].update(app="b"))
    assert (result.whole, "app: a # one" in result.text) == (False, True)
    result = rewritten(text, lambda obj: obj["metadata"]["labels"].update(app="b"))
    assert not result.whole
    result = rewritten(text, lambda obj: obj["x"].update(app="c"))
    assert result == Rewritten(text + "  app: c\n")


def test_an_item_of_a_list_changes_alone():
    items = "".join(
        f"- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c{number} # {number}\n  data:\n    a: b\n" for number in range(3)
    )
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}"
    result = rewritten(text, lambda obj: obj["data"].update(a="c", z="1"), number=1)
    assert [line for line in result.text.splitlines() if line not in text.splitlines()] == ["    a: c", '    z: "1"']


def test_a_block_scalar_is_printed_anew_in_its_place():
    data = "  one: |\n    x\n    y\n\n  # about two\n  two: >-\n    folded\n    text\n"
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n{data}"
    result = rewritten(text, lambda obj: obj["data"].update(one="z\n", two="q", three="a\nb\n"))
    assert "  one: |\n    z\n\n  # about two\n  two: q\n  three: |\n    a\n    b\n" in result.text
    assert not result.whole


def test_lists_in_brackets_stay_the_manner_of_their_key():
    rules = '  - apiGroups: [""]\n    resources: ["pods"]\n    verbs: ["get"]\n'
    text = f"kind: Role\napiVersion: rbac.authorization.k8s.io/v1\nmetadata:\n  name: r\nrules:\n{rules}"
    more = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    added = '  - apiGroups: ["apps"]\n    resources: ["deployments"]\n    verbs: ["get", "list"]\n'
    assert rewritten(text, lambda obj: obj["rules"].append(more)) == Rewritten(text + added)


def test_the_last_resort_is_the_whole_document():
    text = "--- # head\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, ? [x] : y}\n"
    assert not read(text).manifests
    text = "# head\n!!map\napiVersion: v1\nkind: ConfigMap\nmetadata: !!map\n  name: a\n"
    assert rewritten(text, lambda obj: obj.update(data={"a": "b"})).text.startswith("# head\n")
    with pytest.raises(ValueError, match="does not hold"):
        rewrite(text, {"kind": "Other"}, {})


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_change_of_any_object_reads_back(data):
    scalar = st.one_of(
        st.integers(-9, 99),
        st.booleans(),
        st.none(),
        st.sampled_from(["", "a", "yes", "1", "a: b", "x #y", "- z", "l1\nl2\n", " s", "⟨1⟩"]),
    )
    value = st.recursive(
        scalar,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcdef"), inner, max_size=3)),
        max_leaves=8,
    )
    before = {"kind": "X", "spec": data.draw(value), "data": data.draw(value)}
    after = {"kind": "X", "spec": data.draw(value), "more": data.draw(value)}
    text = dump(before)
    rewritten(text, lambda obj: (obj.clear(), obj.update(copy.deepcopy(after))))
    rewritten(json.dumps(before, indent=1), lambda obj: (obj.clear(), obj.update(copy.deepcopy(after))))


def test_a_list_that_ends_in_nothing_loses_it():
    assert rewritten("kind: X\nspec:\n- null\n-\n", lambda obj: obj.update(spec=[0])) == Rewritten("kind: X\nspec:\n- 0\n")


def test_differences_are_none_of_what_is_the_same_and_tell_kinds_of_numbers_apart():
    assert list(differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})) == []
    assert [one.how for one in differences({"a": 1, "b": 1}, {"a": True, "b": 1.0})] == ["set", "set"]


def test_real_documents_keep_their_comments_and_nearly_all_their_lines(real_records):
    done = whole = changed = 0
    for record in real_records[::3]:
        found = read(record["text"]).manifests
        if len(found) != 1 or not isinstance(found[0].object.get("metadata"), dict):
            continue
        text, obj = record["text"], found[0].object

        def change(value):
            value["metadata"].setdefault("annotations", {})["example.com/edited"] = "yes"
            value["metadata"]["name"] = "renamed"
            if isinstance(value.get("spec"), dict):
                value["spec"]["replicas"] = 77

        if not isinstance(obj["metadata"].get("annotations", {}), dict):
            continue
        result = rewritten(text, change)
        lines, new = Counter(text.splitlines()), Counter(result.text.splitlines())
        gone = lines - new
        assert not [line for line in gone if line.lstrip().startswith("#")], record["path"]
        done, whole, changed = done + 1, whole + result.whole, changed + sum(gone.values())
    assert done > 100
    assert whole == 0
    assert changed <= 2 * done
