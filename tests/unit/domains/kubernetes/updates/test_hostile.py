"""Any JSON may stand in any field of either object: there is always an answer, and never a traceback."""

import json
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.updates import judge_update, pair
from kubestill.domains.kubernetes.updates import table as update_table
from kubestill.domains.kubernetes.updates.merge import LAST_APPLIED

ODD = [None, {}, [], "", 0, -1, 1.5, True, "x", [None], [[]], [{}], {"a": None}, {"": {}}, [{"name": []}], [{"name": "a"}, {"name": "a"}]]
EXAMPLES = [
    [one.object for one in read(text).manifests]
    for code in update_table.CHECKS
    for rule in (update_table.load(code),)
    for text in (*rule.bad, *rule.good)
]
KINDS = sorted({(new["apiVersion"], new["kind"]) for _, new in EXAMPLES})
WORDS = """
spec metadata status template containers name image ports port volumes tolerations schedulingGates nodeSelector affinity data immutable
storage resources requests limits clusterIP clusterIPs type completions parallelism selector key annotations finalizers versions
""".split()
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["1Gi", "None", "Local"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=5),
    max_leaves=10,
)


def mutated(value, rng):
    """Return a copy with something odd somewhere."""
    value = json.loads(json.dumps(value))
    holder = value
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return value
        key = rng.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and rng.random() < 0.75:
            holder = holder[key]
            continue
        holder[key] = rng.choice(ODD)
        return value


def judged(old, new, version):
    """Judge a pair, and hold what every finding must be."""
    for finding in judge_update(old, Manifest(new, 1), version):
        assert finding.path and finding.message and finding.remedy and len(finding.message) < 1_000
    assert [index for index, _ in pair([Manifest(old, 1)], [Manifest(new, 1)])] in ([], [0])


def test_examples_with_something_odd_in_either_object():
    rng = random.Random(29)
    for old, new in EXAMPLES:
        for _ in range(12):
            pieces = [old, new]
            for _ in range(rng.randrange(1, 4)):
                place = rng.randrange(2)
                pieces[place] = mutated(pieces[place], rng)
            if all(isinstance(one, dict) for one in pieces):
                judged(*pieces, rng.choice(("1.25", "1.31", "1.36")))


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KINDS), *(st.dictionaries(st.sampled_from(WORDS), ANY, max_size=6) for _ in range(2)), st.booleans(), ANY)
def test_objects_of_any_json(known, old, new, alive, said):
    names = {"apiVersion": known[0], "kind": known[1]}
    metadata = {"name": "a", "uid": "1", "annotations": {LAST_APPLIED: json.dumps(said)}} if alive else old.get("metadata")
    judged({**old, **names, "metadata": metadata}, {**new, **names, "metadata": {"name": "a"} if alive else old.get("metadata")}, "1.36")


def test_texts_that_are_no_json_and_depths_that_no_reader_lets_through():
    deep = json.loads('{"a":' * 90 + "1" + "}" * 90)
    for said in ("{", "[" * 100_000, "null", "7", '"x"', 7, None, ["a"]):
        old = {"apiVersion": "v1", "kind": "Pod", "metadata": {"uid": "1", "name": "a", "annotations": {LAST_APPLIED: said}}, "spec": deep}
        judged(old, {**old, "metadata": {"name": "a"}, "spec": {"a": deep}}, "1.36")
    for annotations in ([], "x", 7):
        judged({"metadata": {"uid": "1", "annotations": annotations}}, {}, "1.36")
    judged({}, {}, "1.36")
