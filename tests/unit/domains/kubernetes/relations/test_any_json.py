"""No relation breaks on any JSON, the index agrees with a plain search, and work grows with the set and no faster."""

import copy
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.relations import Member, judge_set, pods, table
from kubestill.domains.kubernetes.relations.entries import CLUSTER_KINDS, Entry
from kubestill.domains.kubernetes.relations.pods import Made, Pool, label_selector

DATA = Path(__file__).parents[6] / "shared" / "data"
SETS = [[one.object for one in read(text).manifests] for code in table.CHECKS for text in (*table.load(code).bad, *table.load(code).good)]
WORDS = ["", "web", "a", "default", "matchLabels", "matchExpressions", "key", "operator", "In", "values", "name", "100%", "None", "{{x}}"]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 70_000), st.floats(), st.sampled_from(WORDS), st.text(max_size=5))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


def places(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def holds_no_surprise(objects):
    for closed in (False, True):
        found = judge_set([Member(Manifest(value, 1)) for value in objects], closed=closed)
        assert [number for number, _ in found] == sorted(number for number, _ in found)
        assert all(0 <= number < len(objects) and finding.code in table.CHECKS and finding.path for number, finding in found)


@seed(6)
@settings(max_examples=250, deadline=None, database=None)
@given(st.data())
def test_any_json_may_stand_in_place_of_any_field(data):
    objects = copy.deepcopy(data.draw(st.sampled_from(SETS)))
    for _ in range(data.draw(st.integers(1, 3))):
        holder = data.draw(st.sampled_from(objects))
        *steps, last = data.draw(st.sampled_from([path for path in places(holder) if path]))
        for step in steps:
            holder = holder[step]
        holder[last] = data.draw(JSON)
    holds_no_surprise(objects)


@seed(7)
@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.tuples(st.sampled_from(SETS).flatmap(st.sampled_from), st.dictionaries(st.sampled_from(WORDS), JSON)), max_size=4))
def test_any_json_may_stand_below_any_kind(drawn):
    objects = [{"apiVersion": value["apiVersion"], "kind": value["kind"], **dict.fromkeys(value, more), **more} for value, more in drawn]
    holds_no_surprise(objects)


def test_nothing_and_the_emptiest_objects_are_sets():
    holds_no_surprise([])
    holds_no_surprise([{}, {"kind": None}, {"apiVersion": [], "kind": {}}, {"kind": "Service"}])


# --- the index against a plain search

LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xyz"))
TERMS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"key": st.sampled_from("abc"), "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
        st.fixed_dictionaries(
            {
                "key": st.sampled_from("abc"),
                "operator": st.sampled_from(["In", "NotIn"]),
                "values": st.lists(st.sampled_from("xyz"), min_size=1),
            }
        ),
    ),
    max_size=2,
)


def matches(selector, labels):
    """Label selectors as the documentation has them ("Labels and Selectors")."""
    terms = [{"key": key, "operator": "In", "values": [value]} for key, value in selector["matchLabels"].items()]
    answers = {
        "In": lambda term: labels.get(term["key"]) in term["values"],
        "NotIn": lambda term: labels.get(term["key"]) not in term["values"],
        "Exists": lambda term: term["key"] in labels,
        "DoesNotExist": lambda term: term["key"] not in labels,
    }
    return all(answers[term["operator"]](term) for term in (*terms, *selector["matchExpressions"]))


@seed(8)
@settings(max_examples=150, deadline=None, database=None)
@given(st.lists(LABELS, max_size=8), LABELS, TERMS)
def test_a_pool_finds_what_a_plain_search_finds(pods_labels, wanted, terms):
    pool = Pool()
    entries = [Entry(number, Member(Manifest({"kind": "Pod", "apiVersion": "v1"}, 1)), "") for number in range(len(pods_labels))]
    for entry, labels in zip(entries, pods_labels, strict=True):
        pool.add(Made(entry, None, labels))
    given_selector = {"matchLabels": wanted, "matchExpressions": terms}
    selector = label_selector(given_selector)
    assert (selector is None) is not (wanted or terms)
    picked = pool.pick(selector or given_selector)
    assert picked.whole
    expected = [number for number, labels in enumerate(pods_labels) if matches(given_selector, labels)]
    assert sorted(made.entry.number for made in picked.made) == expected


# --- real documents


def test_cluster_scoped_kinds_are_those_of_the_published_api():
    path = DATA / "openapi-v2-1.36.json.gz"
    if not path.exists():
        pytest.skip("../shared/data/openapi-v2-1.36.json.gz is not here")
    with gzip.open(path) as stream:
        published = json.load(stream)["paths"]
    spaced, plain = set(), set()
    for where, methods in published.items():
        kind = methods.get("post", {}).get("x-kubernetes-group-version-kind", {}).get("kind")
        if kind and "{name}" not in where:
            (spaced if "{namespace}" in where else plain).add(kind)
    gone = {"ComponentStatus", "PodSecurityPolicy"}  # read only, and of the past
    assert (plain - spaced) == CLUSTER_KINDS - gone


@pytest.fixture(scope="module")
def real_sets():
    """The files of real repositories, by folder."""
    path = DATA / "manifests.jsonl.gz"
    if not path.exists():
        pytest.skip("../shared/data/manifests.jsonl.gz is not here")
    with gzip.open(path, "rt") as lines:
        records = [record for record in map(json.loads, lines) if record["schema_1_36"] == "valid"]
    folders = {}
    for record in records[::4]:
        members = [Member(manifest, file=record["path"]) for manifest in read(record["text"]).manifests]
        folders.setdefault((record["repo"], record["path"].rpartition("/")[0]), []).extend(members)
    return list(folders.values())


def test_findings_on_real_sets_stand_where_the_text_has_the_field(real_sets):
    seen = set()
    for members in real_sets:
        for number, finding in judge_set(members):
            manifest, seen = members[number].manifest, seen | {finding.code}
            line = manifest.text.splitlines()[finding.line - 1 - manifest.start]
            assert finding.path.rpartition(".")[2].partition("[")[0] in line, (finding, line)
    assert len(seen) > 12, seen


def test_few_findings_of_a_real_set_are_errors_unless_it_is_closed(real_sets):
    found = [(finding, members) for members in real_sets for _, finding in judge_set(members) if finding.severity == "error"]
    assert not found, [finding for finding, _ in found]


# --- how much work a set costs


def crowd(count):
    """A set that would cost a pairwise search its square: alike workloads, each with a Service, a budget and names that are missing."""
    labels, found = {"app": "web"}, []
    for number in range(count):
        own = {**labels, "number": str(number)} if number % 2 else labels
        spec = {"containers": [{"name": "a", "image": "a", "envFrom": [{"configMapRef": {"name": f"conf-{number}"}}]}]}
        workload = {"selector": {"matchLabels": own}, "template": {"metadata": {"labels": own}, "spec": spec}}
        name = {"name": f"web-{number}"}
        found.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": workload})
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": name, "spec": {"selector": own, "ports": [{"port": 80}]}})
        absent = {"matchLabels": labels, "matchExpressions": [{"key": f"x{number}", "operator": "Exists"}]}
        found.append({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": name, "spec": {"selector": absent}})
    return [Member(Manifest(value, 1)) for value in found]


def test_work_grows_with_the_set_and_no_faster(monkeypatch):
    compared = 0
    real = pods.satisfied

    def counted(selector, labels):
        nonlocal compared
        compared += 1
        return real(selector, labels)

    monkeypatch.setattr(pods, "satisfied", counted)
    monkeypatch.setattr(pods, "MAX_SCANNED", 50)
    costs = []
    for count in (200, 400, 800):
        compared = 0
        judge_set(crowd(count))
        costs.append(compared)
    assert costs[2] - costs[1] <= 2.2 * (costs[1] - costs[0]) and costs[2] <= 800 * 2 * pods.MAX_SCANNED
