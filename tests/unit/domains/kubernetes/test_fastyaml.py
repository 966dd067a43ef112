"""The reader in C against the slow one: whatever it takes, it reads alike, and it leaves alone what is not its own."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes import manifests
from kubestill.domains.kubernetes.printing import dump
from kubestill.ground.records import read_records

fastyaml = pytest.importorskip("kubestill.domains.kubernetes.fastyaml", reason="no compiler built it")
SHARED = Path(__file__).parents[5] / "shared" / "data" / "manifests.jsonl.gz"
DEPLOYMENT = """# head
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "web"  # named
  annotations: {a: 'b''c', "d": e}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: a
        args: ["--x", '-y', 0x1F, 1e3, yes, ~, 1_000, .5]
        command:
        - sh
        - -c
        - |
          set -e
            run it

          done
        - >-
          folded
          text
      -   name: b
          image: c:1 # d
"""
TOKENS = (
    *(": ", "- ", "\n", "  ", "'", '"', "|\n", ">-\n", " #", "{", "}", "[", "]", "&a ", "*a", "!!str ", "\t", "\\u00e9", "0o17", "~"),
    *("yes", "<<: ", "? ", "---\n", "...\n", "%YAML 1.1\n", "é", "\\n", ",", "\r\n", "1:30", "2001-01-01", "\x00", "\u2028", "="),
    *("|+\n", ">2\n"),
)


def slow(text, monkeypatch):
    monkeypatch.setattr(manifests, "_quick", None)
    found = manifests.read(text)
    monkeypatch.undo()
    return found


def told(reading):
    return [(repr(one.object), one.line, one.start) for one in reading.manifests], reading.findings, reading.lists


def mutated(text, rng):
    letters = list(text)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(letters) + 1)
        if rng.random() < 0.6:
            letters[place:place] = rng.choice(TOKENS)
        else:
            del letters[place : place + rng.randint(1, 6)]
    return "".join(letters)


def test_it_takes_a_common_manifest_and_reads_it_as_the_slow_one(monkeypatch):
    assert fastyaml.document(DEPLOYMENT, manifests.number) is not None
    assert told(manifests.read(DEPLOYMENT)) == told(slow(DEPLOYMENT, monkeypatch))


UNUSUAL = (
    *("a: &x 1\nb: *x\n", "a: !!str 1\n", "<<: {a: 1}\n", "a: 1\na: 2\n", "\ta: 1\n", "[1, 2]\n", "a\n", "a: [\n"),
    *("%YAML 1.1\n---\na: 1\n", "a: é\n"),
)


@pytest.mark.parametrize("text", UNUSUAL)
def test_what_is_unusual_is_left_to_the_slow_reader(text):
    assert fastyaml.document(text, manifests.number) is None


def test_mutated_manifests_read_alike(monkeypatch):
    rng, taken = random.Random(5), 0
    for _ in range(3000):
        text = mutated(DEPLOYMENT, rng)
        taken += fastyaml.document(text, manifests.number) is not None
        assert told(manifests.read(text)) == told(slow(text, monkeypatch)), text
    assert 200 < taken < 2800  # both readers had their say


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=12
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=6), TREES, min_size=1, max_size=4))
def test_whatever_we_print_reads_alike(value):
    text = dump(value)
    patch = pytest.MonkeyPatch()
    assert told(manifests.read(text)) == told(slow(text, patch))


@pytest.mark.skipif(not SHARED.exists(), reason="needs the real manifests in ../shared")
def test_real_manifests_read_alike_and_nearly_all_are_taken(monkeypatch):
    texts = [record["text"] for record in read_records(SHARED)][::40]
    taken = 0
    for text in texts:
        taken += fastyaml.document(text, manifests.number) is not None
        assert told(manifests.read(text)) == told(slow(text, monkeypatch))
    assert taken > 0.95 * len(texts)
