"""Readers of facts: commands, fields, alerts, runbooks, definitions, exchanges."""

import gzip
import json
import re
from pathlib import Path

import pytest
import yaml

from kubestill.domains.api import HELD_OUT_REPOSITORIES, Document, Drop
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.sources import alerts, commands, definitions, exchanges, fields, runbooks
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.ground.seeds import held_out

SHARED = Path(__file__).parents[6] / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not here")


def split(reader, path):
    found = list(reader.documents(path))
    return [one for one in found if isinstance(one, Document)], [one.reason for one in found if isinstance(one, Drop)]


# --- commands ---


@needs_data
def test_the_reference_and_the_pages_that_it_was_parsed_from_give_the_same_commands():
    parsed, dropped = split(commands, SHARED / "kubectl-reference.json.gz")
    pages, left_out = split(commands, SHARED / "kubectl-reference-raw.jsonl.gz")
    assert dropped == [] and left_out == ["a command without usage"]  # the page that lists the pages
    assert {one.kind: json.loads(one.text) for one in parsed} == {one.kind: json.loads(one.text) for one in pages}
    assert len(parsed) == 110 and {one.source["licence"] for one in parsed} == {"CC-BY-4.0"}
    for one in parsed:
        assert one.source["page"] == " ".join(one.kind.split()[:2]) and one.form == "commands"
    held = {one.unit for one in parsed if held_out("repository", one.unit, HELD_OUT_REPOSITORIES)}
    assert 1 < len(held) < 8  # families of commands, so that a suite has some to ask


PAGE = """---
title: kubectl frob
description: >-
  Frob a pod
---
<!-- generated -->
## {{% heading "synopsis" %}}

Frob it, &quot;well&quot;.

```
kubectl frob NAME
```

## {{% heading "examples" %}}

```
  # A remark on all of them

  # Frob one
  kubectl frob a

  # Frob two
  # at once
  kubectl frob a
  kubectl frob b
```

## {{% heading "options" %}}

<table><tbody>
<tr>
<td colspan="2">-f, --force string[="yes"]&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;Default: "no"</td>
</tr>
<tr>
<td></td><td style="a"><p>Use the &lt;force&gt;.</p></td>
</tr>
<tr>
<td colspan="2">--wait</td>
</tr>
<tr>
<td></td><td style="a"><p>Wait.</p></td>
</tr>
</tbody></table>
"""


def test_a_folder_of_generated_pages(tmp_path):
    (tmp_path / "kubectl_frob").mkdir()
    (tmp_path / "kubectl_frob" / "_index.md").write_text(PAGE)
    (tmp_path / "other.md").write_text("# Other\n")
    [found], dropped = split(commands, tmp_path)
    assert dropped == ["not the page of a kubectl command"]
    assert json.loads(found.text) == {
        "command": "kubectl frob", "description": "Frob a pod", "usage": ["kubectl frob NAME"], "synopsis": 'Frob it, "well".',
        "examples": [
            {"description": "Frob one", "command": "kubectl frob a"},
            {"description": "Frob two at once", "command": "kubectl frob a\nkubectl frob b"},
        ],
        "flags": [
            {"name": "force", "shorthand": "f", "type": "string", "default": "no", "description": "Use the <force>."},
            {"name": "wait", "shorthand": None, "type": "bool", "default": "false", "description": "Wait."},
        ],
    }  # fmt: skip


def test_a_reference_of_rubbish_is_dropped(tmp_path):
    rows = [
        1,
        {"command": "rm -rf"},
        {"command": "kubectl a"},
        {"command": "kubectl b", "usage": ["kubectl b"], "flags": [1], "examples": 2},
    ]
    (tmp_path / "a.json").write_text(json.dumps({"commands": rows}))
    found, dropped = split(commands, tmp_path / "a.json")
    assert [json.loads(one.text)["flags"] for one in found] == [[]]
    assert dropped == ["a command that is no object", "not a kubectl command", "a command without usage"]


# --- fields ---

LOOKED_UP = ("Deployment", "Service", "PersistentVolumeClaim", "HorizontalPodAutoscaler", "NetworkPolicy", "Pod", "Job", "Ingress")


@needs_data
@pytest.mark.parametrize("name", ["openapi-v2-1.36-served.json.gz", "openapi-v2-1.36.json.gz"])
def test_every_kind_of_the_api_has_a_page_whose_fields_are_in_its_schema(name):
    found, _ = split(fields, SHARED / name)
    served = {one.source["title"] for one in found}
    assert {"Deployment (apps/v1)", "Pod (v1)", "NetworkPolicy (networking.k8s.io/v1)", "CronJob (batch/v1)"} <= served
    strict, looked_up = schemas("1.36"), 0
    for one in found:
        api_version = one.source["title"].partition("(")[2].rstrip(")")
        for field in re.findall(r"^ *- `([^`]+)`", one.text, re.MULTILINE) if one.kind in LOOKED_UP else ():
            path = [part for piece in field.split(".") for part in ((piece[:-2], 0) if piece.endswith("[]") else (piece,))]
            assert strict.property(api_version, one.kind, path) is not None, field
            looked_up += 1
        assert one.unit == one.kind and len(one.text) < 60_000 and one.text.count("\n- `") + one.text.count("\n  - `") > 0
    assert looked_up > 200
    if "served" in name:
        assert any("one of Recreate, RollingUpdate" in one.text for one in found)


GVK = "x-kubernetes-group-version-kind"


def gvk(kind):
    return {"group": "g", "version": "v1", "kind": kind}


def test_a_page_tells_types_bounds_recursion_and_enums(tmp_path):
    node = {"type": "object", "properties": {"next": {"$ref": "#/definitions/a.Node"}, "value": {"type": "string"}}}
    kind = {
        "description": "A thing.\nMore.",
        "required": ["spec"],
        "x-kubernetes-group-version-kind": [{"group": "g", "version": "v1", "kind": "Thing"}],
        "properties": {
            "apiVersion": {"type": "string"},
            "spec": {"$ref": "#/definitions/a.Node", "description": "What is wanted, e.g. a chain. And more."},
            "modes": {"type": "array", "items": {"type": "string", "enum": ["A", "B"]}},
            "port": {"$ref": "#/definitions/a.IntOrString"},
            "sizes": {"type": "object", "additionalProperties": {"$ref": "#/definitions/a.Quantity"}},
            "gone": {"$ref": "#/definitions/a.Gone"},
            "odd": 3,
        },
    }
    value = {
        "definitions": {
            "a.Thing": kind, "a.Node": node, "a.IntOrString": {"type": "string", "format": "int-or-string"},
            "a.Quantity": {"type": "string"}, "a.ThingList": {"properties": {"items": {}}, GVK: [gvk("ThingList")]},
            "a.Empty": {GVK: [gvk("Empty")]}, "a.Rubbish": {"properties": 3, GVK: [3]},
        },
        "paths": {"/apis/g/v1/namespaces/{namespace}/things/{name}": {"get": {GVK: gvk("Thing")}}},
    }  # fmt: skip
    (tmp_path / "api.json").write_text(json.dumps(value))
    [found], dropped = split(fields, tmp_path / "api.json")
    assert sorted(dropped) == ["a kind without a name", "a kind without fields", "a list of a kind"]
    assert found.text == (
        "# Thing\n\n- apiVersion: g/v1\n- kind: Thing\n- scope: namespaced\n\nA thing. More.\n\n## Fields\n\n"
        "- `gone` (Gone)\n- `modes` (list of string, one of A, B)\n- `port` (integer or string)\n- `sizes` (map of Quantity as string)\n"
        "- `spec` (Node, required): What is wanted, e.g. a chain.\n  - `spec.next` (Node)\n  - `spec.value` (string)\n"
    )


# --- alerts and runbooks ---

RULES = {"groups": [{"name": "a", "rules": [
    {"alert": "PodGone", "expr": "up == 0\n", "for": "5m", "labels": {"severity": "warning"},
     "annotations": {"summary": "{{ $labels.pod }} is gone"}},
    {"record": "a:b", "expr": "sum(b)"}, {"alert": "NoExpression"}, 3]}]}  # fmt: skip


@pytest.mark.parametrize(
    "wrap", [lambda rules: rules, lambda rules: {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "spec": rules}]
)
def test_rules_come_from_rule_files_and_objects(tmp_path, wrap):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(wrap(RULES)) + "---\na: 1\n")
    [found], dropped = split(alerts, tmp_path)
    assert yaml.safe_load(found.text) == {**RULES["groups"][0]["rules"][0], "expr": "up == 0"}
    assert list(yaml.safe_load(found.text)) == ["alert", "expr", "for", "labels", "annotations"]
    assert (found.kind, found.unit, found.form) == ("PodGone", "PodGone", "alerts")
    assert dropped == ["a recording rule", "a rule without alert and expr", "a rule that is no object", "no rules in it"]


@pytest.mark.parametrize(
    ("path", "text", "alert", "title"),
    [
        (
            "k/KubePodGone.md",
            "---\ntitle: Pod Gone\nweight: 20\n---\n\n# KubePodGone\n\n## Meaning\n\nA pod is gone.\n",
            "KubePodGone",
            "Pod Gone",
        ),
        ("DiskFull.md", "## Meaning\n\nThe disk is full, see [x](y).\n", "DiskFull", "DiskFull"),
        ("notes on disks.md", "# When a disk is full\n\nLook.\n", None, "a runbook that names no alert"),
        ("Empty.md", "# Empty\n\n## Meaning\n", None, "a runbook without text"),
        ("README.md", "# About\n\nwords\n", None, "a page about the runbooks, not one of them"),
    ],
)
def test_a_runbook_is_named_by_its_alert(tmp_path, path, text, alert, title):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)
    found, dropped = split(runbooks, tmp_path)
    if alert is None:
        assert (found, dropped) == ([], [title])
    else:
        assert [(one.kind, one.unit, one.source["title"]) for one in found] == [(alert, alert, title)]
        assert found[0].text.startswith(f"# {alert}\n") and "](" not in found[0].text


@needs_data
def test_real_runbooks_and_rules_join_by_alert_and_are_held_out_together():
    pages, dropped = split(runbooks, SHARED / "runbooks.jsonl.gz")
    rules, left_out = split(alerts, SHARED / "prometheus-alert-rules.jsonl.gz")
    assert (len(pages), dropped, len(rules), left_out) == (108, [], 139, [])
    assert len({one.unit for one in pages} & {one.unit for one in rules}) > 90
    raw = list(read_records(SHARED / "prometheus-alert-rules.jsonl.gz"))
    assert [yaml.safe_load(one.text)["expr"] for one in rules] == [row["expr"].strip() for row in raw]


# --- definitions ---


def crd(version="v1", kind="Shop"):
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    names = {"plural": kind.lower() + "s", "kind": kind}
    spec = {
        "group": "x.example",
        "names": names,
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    return {
        "apiVersion": f"apiextensions.k8s.io/{version}",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.x.example"},
        "spec": spec,
    }


def test_definitions_are_read_plain_packed_and_from_a_list(tmp_path):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([crd(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}]))
    (tmp_path / "b.yaml.gz").write_bytes(gzip.compress(yaml.safe_dump(crd(kind="Till")).encode()))
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [crd(kind="Desk")]}))
    (tmp_path / "d.yaml").write_text(yaml.safe_dump(crd("v1beta1")))
    (tmp_path / "e.yaml").write_text("kind: Pod\n")
    (tmp_path / "f.yaml.gz").write_bytes(b"no gzip")
    found, dropped = split(definitions, tmp_path)
    assert [(one.kind, one.unit) for one in found] == [("Shop", "x.example/Shop"), ("Till", "x.example/Till"), ("Desk", "x.example/Desk")]
    assert [yaml.safe_load(one.text) for one in found] == [crd(), crd(kind="Till"), crd(kind="Desk")]
    assert dropped == ["not a definition", "a definition that no server takes", "no definition in the file", "not a whole gzip file"]


@needs_data
def test_the_real_definitions_are_read():
    found, dropped = split(definitions, SHARED / "crds")
    assert len(found) == 26 and dropped == [] and {"Certificate", "HTTPRoute", "PrometheusRule"} <= {one.kind for one in found}


# --- exchanges ---

TURNS = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


@pytest.mark.parametrize(
    ("record", "messages"),
    [
        ({"messages": [{"role": "system", "content": "be kind"}, *TURNS]}, [{"role": "system", "content": "be kind"}, *TURNS]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}, TURNS[1]]}, TURNS),
        ({"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": " hello "}]}, TURNS),
        ({"instruction": "hi", "input": "", "output": "hello"}, TURNS),
        (
            {"instruction": "add", "input": "1 2", "output": "3"},
            [{"role": "user", "content": "add\n\n1 2"}, {"role": "assistant", "content": "3"}],
        ),
    ],
)
@pytest.mark.parametrize("name", ["talk.jsonl", "talk.json", "talk.jsonl.gz"])
def test_three_layouts_are_told_apart(tmp_path, record, messages, name):
    data = (json.dumps([record]) if name.endswith(".json") else json.dumps(record)).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    [found], dropped = split(exchanges, tmp_path / name)
    assert json.loads(found.text) == {"messages": messages} and dropped == []
    assert (found.kind, found.form) == ("talk", "exchanges") and found.unit.startswith("talk/")


def test_what_is_no_exchange_is_dropped_by_reason(tmp_path):
    rows = [
        {"messages": TURNS}, {"instruction": "a", "output": "b"}, {"messages": TURNS[:1]}, {"messages": TURNS[::-1]},
        {"messages": [TURNS[0], {"role": "tool", "content": "x"}]}, {"messages": [3]},
        {"messages": [TURNS[0], {"role": "assistant", "content": [{"type": "image_url"}]}]},
        {"messages": [TURNS[0], {"role": "assistant", "content": "x" * 70_000}]},
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found, dropped = split(exchanges, tmp_path / "a.jsonl")
    assert len(found) == 1 and len(dropped) == len(rows) - 1 and len(set(dropped)) == 4


def test_records_of_no_known_layout_are_told(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"question": "a", "answer": "b"}\n')
    with pytest.raises(UserError, match="its records hold answer, question"):
        list(exchanges.documents(tmp_path / "a.jsonl"))


@needs_data
def test_the_general_instructions_are_read_with_licence_and_a_page_each():
    found, dropped = split(exchanges, SHARED / "general-instructions.jsonl.gz")
    assert len(found) == 1_001 and dropped == [] and len({one.unit for one in found}) == 891  # tldr has several on a page
    assert {one.source["licence"] for one in found} == {"Apache-2.0", "MIT", "CC-BY-4.0"}
