"""What is printed reads back as it was, to PyYAML and to Kubernetes, in one style."""

import itertools

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump, scalar

# Strings that YAML 1.1, the Go library, or a careless printer takes for something else.
NASTY = (
    "", " ", "yes", "No", "on", "OFF", "y", "n", "true", "False", "null", "~", "NULL", "0644", "0o17", "0x1F", "0b11", "1e3", "1E-3",
    "1_000", "-1", "+1", "1.", ".5", "-.5", ".inf", "-.INF", ".nan", "1:30", "12:30:45", "1.5:30", "2024-01-01",
    "2001-12-14t21:59:43.10-05:00", "<<", "=", "a: b", "a:", ": a", ":", "a #b", "#a", "a#b", "- a", "-", "--", "---", "--- a", "...",
    "-a", "--flag=1", "? a", "?", "!a", "!!str a", "&a", "*a", "|", ">", ">-", "%a", "@a", "`a`", "'a'", '"a"', 'a"b', "a\\b", "{a}",
    "{", "[a]", "]", "a,b", ",", "a\n", "a\nb", "a\nb\n", "a\nb\n\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b", "a\n\n  b\n", "a \nb ",
    "a\r\nb", "a\tb", "\ta", "a\t", "a\nb\t", "a ", " a", "é", "日本", "🙂", "a\u2028b", "a\nb\u2029", "\ufeff", "a\x85b", "a\x00b",
    "\x7f", "a\x1bb\n", "a\nb\ufeff", "\ufffe", "\u200b", "a\u00a0", "# a\nb", "---\nb", "a\n---\nb", "a\n...\n", "- a\n- b",
    "a: b\nc: d\n", "|\n", "⟨3⟩", "$(HOME)", "${A}", "/a:b", "a:0", "\\", "a\n#b",
)  # fmt: skip
STRINGS = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = STRINGS | st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False, width=32)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=15,
)


def same(value, other):
    """Equal, and of the same types all the way down: 1, 1.0, True and "1" are four things; -0.0 and 0 are one to JSON."""
    if isinstance(value, dict) and isinstance(other, dict):
        return list(value) == list(other) and all(same(value[key], other[key]) for key in value)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(same, value, other))
    number = isinstance(value, float) and isinstance(other, int | float) and not isinstance(other, bool)
    return value == other and (number or type(value) is type(other))


def check(obj):
    text = dump(obj)
    assert same(obj, yaml.load(text, yaml.CSafeLoader)), text
    reading = read(text)
    assert not reading.findings and len(reading.manifests) == 1, (text, reading.findings)
    assert same(obj, reading.manifests[0].object), text


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_a_nasty_string_is_the_same_string_everywhere(text):
    check({"kind": text})
    check({"kind": [text, [text], {"a": text}]})
    check({"kind": {"a": {"b": [text]}}, text: text, "z": 1})


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(STRINGS, VALUES, min_size=1, max_size=4))
def test_any_object_reads_back_as_it_was(obj):
    check(obj)


WORDS = st.sampled_from("abcdef")
PLAIN_VALUES = st.recursive(
    WORDS | st.integers(0, 9),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(WORDS, inner, min_size=1, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(WORDS, PLAIN_VALUES, min_size=1, max_size=3))
def test_it_prints_in_one_style(obj):
    """Printing what was read prints the same; a list's dashes stand at its key's column; fields stand two further in."""
    text = dump(obj)
    assert dump(read(text).manifests[0].object) == text
    lines = text.splitlines()
    for line, following in itertools.pairwise(lines):
        assert line == line.rstrip()
        column = len(line) - len(line.lstrip(" -")) if line.strip() != "-" else line.index("-")
        begins = len(following) - len(following.lstrip(" "))
        if line.endswith(":"):
            assert begins == (column if following.lstrip().startswith("-") else column + 2), text


def test_it_looks_as_people_write_it():
    obj = {
        "apiVersion": "apps/v1",
        "metadata": {"name": "web", "labels": {}, "annotations": {"a/b": "true"}},
        "spec": {
            "args": ["--port=80", "-v", "yes", "a: b", "0644"],
            "containers": [{"name": "a", "ports": [{"containerPort": 80}]}, {}, []],
            "nested": [["a", "b"], ["c"]],
            "script": "set -e\n\nrun\n",
            "tail": "a\nb",
            "ratio": 0.5,
            "none": None,
        },
    }
    assert (
        dump(obj)
        == """\
apiVersion: apps/v1
metadata:
  name: web
  labels: {}
  annotations:
    a/b: "true"
spec:
  args:
  - --port=80
  - -v
  - "yes"
  - "a: b"
  - "0644"
  containers:
  - name: a
    ports:
    - containerPort: 80
  - {}
  - []
  nested:
  -
    - a
    - b
  -
    - c
  script: |
    set -e

    run
  tail: |-
    a
    b
  ratio: 0.5
  none: null
"""
    )


@pytest.mark.parametrize(
    "text", ["nginx:1.27", "a/b:c", "/data", "./run.sh", "$(HOME)", "100m", "1Gi", "v1", "--a", "⟨3⟩", "a.b_c-d", "*/x"]
)
def test_no_quotes_without_need(text):
    assert scalar(text) == text or text == "*/x"
    check({"a": text})


@pytest.mark.parametrize("text", ["*/5 * * * *", "0 3 * * *", "30 2 1 * mon-fri", "15,45 0-6 * JAN *"])
def test_a_schedule_is_always_in_quotation_marks(text):
    assert scalar(text) == f'"{text}"'
    check({"schedule": text})


@pytest.mark.parametrize("text", ["5 a b", "run 1 2 3 4", "10 green bottles on the wall"])
def test_other_words_with_spaces_are_not(text):
    assert scalar(text) == text
