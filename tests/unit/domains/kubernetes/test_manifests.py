"""The reader, held against the API server's own reading, against PyYAML, and against adversaries."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes import manifests
from kubestill.domains.kubernetes.manifests import MAX_DEPTH, MAX_NODES, MAX_TEXT_BYTES, read

SHARED = Path(__file__).parents[5] / "shared" / "data"
SCALARS = SHARED / "yaml-scalars.json"


def value(text):
    reading = read(f"a: {text}\n")
    assert not reading.findings, reading.findings
    return reading.manifests[0].object["a"]


def codes(text):
    return [finding.code for finding in read(text).findings]


@pytest.mark.skipif(not SCALARS.exists(), reason="../shared/data/yaml-scalars.json is not here")
def test_all_recorded_scalars_read_as_the_api_server_reads_them():
    cases = json.loads(SCALARS.read_text())
    assert len(cases) == 76
    for case in cases:
        reading = read(f"apiVersion: v1\nkind: X\ndata:\n  a: {case['yaml']}\n")
        if case["api_server"].startswith("ERR"):
            assert reading.findings, case
            continue
        ours, server = reading.manifests[0].object["data"]["a"], json.loads(case["api_server"])
        assert not reading.findings and isinstance(ours, bool) == isinstance(server, bool), case
        # The server writes 12345678901234567890 as JSON, which rounds it.
        assert ours == server or float(ours) == float(server), case


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True), ("No", False), ("ON", True), ("off", False), ("y", True), ("N", False), ("nO", "nO"), ("yep", "yep"),
        ("~", None), ("null", None), ("", None), ("nullable", "nullable"), ("'no'", "no"), ('"5"', "5"),
        ("0644", 420), ("0o644", 420), ("-0644", -420), ("08", 8), ("0o9", "0o9"), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("+1", 1),
        ("1e3", 1000), ("1.0", 1), ("1.5", 1.5), (".5", 0.5), ("1.", 1), ("1e400", "1e400"), ("1.2.3", "1.2.3"), ("100m", "100m"),
        ("1:30", "1:30"), ("2024-01-01", "2024-01-01"), ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"), ("=", "="),
        ("9" * 5000, "9" * 5000), ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)),
        ("!!str 1", "1"), ('!!int "7"', 7), ("!!binary aGk=", "hi"), ("!thing x", "x"), ('!!bool "yes"', True),
        ("|\n  x\n", "x\n"), ("[1, no, x]", [1, False, "x"]), ("{b: 0x10}", {"b": 16}),
    ],
)  # fmt: skip
def test_a_scalar_has_the_value_that_kubernetes_gives_it(text, expected):
    found = value(text)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".NaN", '!!int "x"', "!!binary '*'", "{? [a] : 1}", "{~: 1}"])
def test_what_json_cannot_hold_is_a_finding(text):
    assert codes(f"a: {text}\n") == ["K8S015"]


def test_keys_become_strings_as_go_makes_them():
    assert read("yes: 1\n8080: 2\n1.5: 3\non: 4\n").manifests[0].object == {"true": 4, "8080": 2, "1.5": 3}
    assert codes("yes: 1\non: 4\n") == ["K8S012"]


def test_a_key_that_stands_twice_is_found_with_its_place_and_the_last_one_is_kept():
    reading = read("a: 1\nb:\n  c: 1\n  c: 2\n")
    [finding] = reading.findings
    assert (finding.code, finding.line, finding.column) == ("K8S012", 4, 3)
    assert reading.manifests[0].object == {"a": 1, "b": {"c": 2}}


def test_merge_keys_and_anchors():
    text = "x: &x {a: 1, b: 2}\nw: {<<: *x, b: 3}\nz: {<<: [{c: 1}, {c: 2, d: 2}]}\nq: {'<<': 1}\n"
    reading = read(text)
    assert not reading.findings
    assert reading.manifests[0].object == {
        "x": {"a": 1, "b": 2}, "w": {"a": 1, "b": 3}, "z": {"c": 1, "d": 2}, "q": {"<<": 1},
    }  # fmt: skip
    assert read("a: &x 1\nb: &x 2\nc: *x\n").manifests[0].object["c"] == 2  # an anchor may be given again
    assert codes("a: {<<: 5}\n") == ["K8S010"]
    assert codes("a: &a [*a]\n") == ["K8S010"]


def test_documents_are_split_and_a_broken_one_spoils_no_other():
    text = "# head\n---\na: 1\n---\n# nothing\n---\nb: [\n---\nc: 3\n...\n---\n- 1\n"
    reading = read(text)
    assert [(manifest.object, manifest.line) for manifest in reading.manifests] == [({"a": 1}, 3), ({"c": 3}, 9)]
    assert [(finding.code, finding.line) for finding in reading.findings] == [("K8S010", 7), ("K8S014", 12)]


def test_byte_order_mark_line_ends_directives_and_json():
    assert read("\ufeffa: 1\r\nb:\r\n- 2\r\n").manifests[0].object == {"a": 1, "b": [2]}
    assert read(b"\xef\xbb\xbfa: 1\n").manifests[0].object == {"a": 1}
    assert read("%YAML 1.1\n---\na: 1\n").manifests[0].object == {"a": 1}
    assert read('{\n\t"a": 1.0,\n\t"b": 1e2\n}\n').manifests[0].object == {"a": 1, "b": 100}
    assert codes('{"a": 1, "a": 2}') == ["K8S012"]
    assert read("").manifests == () and read("# only words\n").findings == ()


def test_a_list_stands_for_its_items_each_with_its_line():
    text = "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  x: 1\n- kind: B\n  y: {z: 2}\n"
    first, second = read(text).manifests
    assert (first.object, first.line) == ({"kind": "A", "x": 1}, 4)
    assert (second.object["kind"], second.line, second.place("y.z")) == ("B", 6, (7, 7))


def test_a_field_is_found_by_its_path():
    text = "---\nspec:\n  ports:\n  - name: a\n    port: 1\n  - port: 2\ndata:\n  my.key: x\n"
    [manifest] = read(text).manifests
    assert manifest.place("spec.ports[1].port") == (6, 5)
    assert manifest.place("data[my.key]") == (8, 3)
    assert manifest.place("spec.ports[0].protocol") == (4, 5)  # the nearest parent
    assert manifest.place("nowhere.at[3].all") == (2, 1)


def test_a_place_is_found_for_any_path():
    [manifest] = read('"a]": {"[": 1, "b.c": 2}\n').manifests
    assert manifest.place("[a]][[]") == (1, 8) and manifest.place("]][[..") == (1, 1) and manifest.place("[a]].x[") == (1, 1)


def test_the_pure_python_parser_reads_alike(monkeypatch):
    texts = [
        BOMB,
        "a: &x 1\nb: &x 2\n",
        "a: [1, yes, 0644, '5', !!str 5]\n---\nb: 1\nb: 2\n",
        "a: {b: [\n",
        "- " * 200 + "a",
        "a: \x00",
        "é: ☃\n",
    ]
    fast = [read(text) for text in texts]
    monkeypatch.setattr(manifests, "PARSER", yaml.SafeLoader)
    for text, one in zip(texts, fast, strict=True):
        slow = read(text)
        assert [manifest.object for manifest in slow.manifests] == [manifest.object for manifest in one.manifests]
        assert [(finding.code, finding.line) for finding in slow.findings] == [(finding.code, finding.line) for finding in one.findings]


def test_the_place_of_a_syntax_error():
    [finding] = read("a: 1\nb: {x: 1\nc: 2\n").findings
    assert finding.code == "K8S010" and finding.line >= 2
    [finding] = read("a:\n\t- 1\n").findings
    assert (finding.code, finding.line, finding.column) == ("K8S010", 2, 1)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + last] * 10)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB, "K8S013"),
        ("a: " + "[" * 100_000 + "]" * 100_000, "K8S013"),
        ("- " * 100_000 + "a", "K8S013"),
        ("? " * 50_000 + "a", "K8S013"),
        ("{a: " * 50_000 + "}" * 50_000, "K8S013"),
        ("[" * 200_000, "K8S013"),
        ("a: '" + "x" * MAX_TEXT_BYTES + "'", "K8S013"),
        ("a: \x00", "K8S011"),
        ("a: \ud800", "K8S011"),
        (b"a: \xff\xfe", "K8S011"),
        ("<!DOCTYPE html>\n<p>hello</p>\n", "K8S014"),
        ("*", "K8S010"),
    ],
    ids=range(12),
)
def test_hostile_text_ends_in_a_finding(text, code):
    reading = read(text)
    assert code in [finding.code for finding in reading.findings]
    assert all(finding.message and finding.line > 0 and finding.remedy for finding in reading.findings)


def test_a_text_of_nothing_but_faults_is_not_read_to_its_end():
    findings = read("---\nhello\n" * 50_000).findings
    assert len(findings) == 1001 and findings[-1].code == "K8S013" and findings[-1].line == 2001
    assert len(read("a: 1\n" * 50_000).findings) == 1000


def test_deep_json_goes_the_safe_way():
    assert codes('{"a":' * 5000 + "1" + "}" * 5000) == ["K8S013"]
    nested = '{"a":' * (MAX_DEPTH - 1) + "1" + "}" * (MAX_DEPTH - 1)
    assert not codes(nested)


def test_aliases_within_the_budget_are_fine():
    text = "x: &x {a: 1}\ny: [" + ", ".join(["*x"] * 1000) + "]\n"
    assert not codes(text) and MAX_NODES > 1000 * 2


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), max_size=20)
JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefgh.-", min_size=1, max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), JSONISH, min_size=1))
def test_what_json_writes_reads_back_as_it_was(data):
    text = json.dumps(data, ensure_ascii=False)
    for written in (text, "# as flow YAML\n" + text, yaml.safe_dump(data, default_style='"')):
        reading = read(written)
        assert not reading.findings
        if not written.startswith("#"):
            continue
        assert reading.manifests[0].object == data


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab: -[]{}&*!|>'\"%@`#\n\t,?~01e.<=é\x07\u2028"), max_size=60))
def test_any_text_gives_objects_or_findings(text):
    reading = read(text)
    assert all(isinstance(manifest.object, dict) for manifest in reading.manifests)
    for manifest in reading.manifests:
        manifest.place("a.b[0]")
