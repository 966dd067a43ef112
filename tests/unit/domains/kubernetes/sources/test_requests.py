"""Files of written requests: what is read of them, and what is told of the rest."""

import json

import pytest

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.requests import documents
from kubestill.ground.errors import UserError

ENTRY = """
- reference: |
    apiVersion: v1
    kind: Namespace
    metadata:
      name: gloria
  requests:
    - person: a student
      text: |
        i need a namespace, gloria
    - text: make gloria please
"""


def test_an_entry_is_one_document_whatever_the_number_of_its_requests(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(ENTRY)
    (found,) = documents(path)
    assert isinstance(found, Document) and (found.form, found.kind) == ("requests", "Namespace")
    assert json.loads(found.text)["requests"] == ["i need a namespace, gloria", "make gloria please"]


def test_scalars_are_texts_whatever_their_tag_and_equal_requests_are_one(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(ENTRY + "    - text: 3\n    - text: !!bool maybe\n    - text: make gloria please\n")
    (found,) = documents(path)
    assert json.loads(found.text)["requests"] == ["i need a namespace, gloria", "make gloria please", "3", "maybe"]


def test_all_requests_for_one_object_are_on_one_side_of_every_split(tmp_path):
    (tmp_path / "a.yaml").write_text(ENTRY)
    (tmp_path / "b.yml").write_text(ENTRY.replace("make gloria please", "gloria, a namespace"))
    one, two = documents(tmp_path)
    assert one.id != two.id and one.unit == two.unit


def test_json_lines_hold_an_entry_a_line(tmp_path):
    path = tmp_path / "mine.jsonl"
    entry = {"reference": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n", "requests": [{"text": "web, a namespace"}]}
    path.write_text(json.dumps(entry) + "\n")
    (found,) = documents(path)
    assert isinstance(found, Document)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("- just words\n", "no mapping"),
        ("- requests: [{text: a}]\n", "without reference"),
        ("- reference: 'kind: Pod'\n  requests: []\n", "without requests"),
        ("- reference: 'kind: Pod'\n  requests: [{person: me}, 3]\n", "without requests"),
        ("- reference: 'a: [b'\n  requests: [{text: a}]\n", "not one readable object"),
        ('- reference: "a: 1\\n---\\nb: 2\\n"\n  requests: [{text: a}]\n', "not one readable object"),
        ("- reference: 'kind: 3'\n  requests: [{text: a}]\n", "no kind"),
    ],
)
def test_what_is_no_entry_is_left_out_with_its_reason(tmp_path, entry, reason):
    path = tmp_path / "mine.yaml"
    path.write_text(entry)
    (found,) = documents(path)
    assert isinstance(found, Drop) and reason in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n",
        "- [\n",
        "word",
        "[" * 50_000,
        "- &a [x]\n- *a\n",
        "".join(f"- &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
    ],
)
def test_a_file_of_another_layout_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match="a list of entries with `reference`"):
        list(documents(path))
