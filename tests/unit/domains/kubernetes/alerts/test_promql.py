"""PromQL read against what Prometheus documents of label retention and of equal expressions."""

import sys

import pytest

pytest.importorskip("promql_parser", reason="PromQL is read by promql-parser: pip install 'kubestill[alerts]'")

from kubestill.domains.kubernetes.alerts import promql
from kubestill.ground.errors import Unavailable

SAME = [
    ("up == 0", "(up==0)"),
    ("x > 0.9", "0.9 < x"),
    ("100 * a / b > 90", "100*a/b > 90.0"),
    ("x * 100 > 90", "x > 0.9"),
    ('up{job="a",zone="b"} == 0', 'up{zone="b",job="a"} == 0'),
    ('x{job="kubelet",zone="b"} == 0', 'x{zone="b"} == 0'),  # which job a series is of is the cluster's own affair
    ("100 * a / b > 90", "a / b > 0.9"),
    ("x / 1024 > 2", "x > 2048"),
    ("x < 7 * 86400", "x < 604800"),
    ("rate(a[300s]) > 1", "rate(a[5m]) > 1"),
    # What holds of one side of a match holds of the other.
    ('a{x="1"} / b > 1', 'a{x="1"} / b{x="1"} > 1'),
    ('a / b{x="1"} > 1', 'a{x="1"} / b > 1'),
    ('a{x="1"} == 0 and b > 0', 'a{x="1"} == 0 and b{x="1"} > 0'),
    ('a{x!=""} / on (x, y) b', 'a{x!=""} / on (x, y) b{x!=""}'),
    ('a{x="1",y="2"} / ignoring (y) b', 'a{x="1",y="2"} / ignoring (y) b{x="1"}'),
    ('sum by (x) (rate(a{x="1"}[5m])) / sum by (x) (rate(b[5m]))', 'sum by (x) (rate(a{x="1"}[5m])) / sum by (x) (rate(b{x="1"}[5m]))'),
    ('time() - max by (x) (a{x="1"} and b > 0) > 3', 'time() - max by (x) (a{x="1"} and b{x="1"} > 0) > 3'),
]
OTHER = [
    ("x > 0.9", "x > 0.8"),
    ("x > 0.9", "x >= 0.9"),
    ("x > 0.9", "y > 0.9"),
    ('x{a="b"} > 1', 'x{a="c"} > 1'),
    ('x{a="b"} > 1', 'x{a!="b"} > 1'),
    ("rate(a[5m]) > 1", "rate(a[10m]) > 1"),
    ('absent(up{job="kube-proxy"})', 'absent(up{job="kube-scheduler"})'),
    ("up == 0", "up =="),
    ('a{x="1"} / on (y) b', 'a{x="1"} / on (y) b{x="1"}'),
    ('a{x="1"} / ignoring (x) b', 'a{x="1"} / ignoring (x) b{x="1"}'),
    ('a{x="1"} or b', 'a{x="1"} or b{x="1"}'),
    ('a unless b{x="1"}', 'a{x="1"} unless b{x="1"}'),
    ('sum(a{x="1"}) / sum(b)', 'sum(a{x="1"}) / sum(b{x="1"})'),
    ('sum by (y) (a{x="1"}) / sum by (y) (b)', 'sum by (y) (a{x="1"}) / sum by (y) (b{x="1"})'),
    ('absent(a{x="1"}) / b', 'absent(a{x="1"}) / b{x="1"}'),
]
# Expression, labels that its result has, labels that it has not.
KEPT = [
    ("up", "job pod", ""),
    ('up{a=""}', "job", "a"),
    ("sum by (a) (x)", "a", "b"),
    ("sum(x)", "", "a"),
    ("sum without (a) (x)", "b", "a"),
    ("topk(3, x)", "a b", ""),
    ("sum by (a) (sum by (a, b) (x))", "a", "b"),
    ('count_values by (a) ("v", x)', "a v", "b"),
    ("a + on (x) b", "x", "y"),
    ("a + ignoring (x) b", "y", "x"),
    ("a * on (x) group_left (z) sum by (x, z) (b)", "x y z", ""),
    ("sum by (x) (a) * on (x) group_right (z) b", "x y z", ""),
    ("sum by (a) (x) and on (a) y", "a", "b"),
    ("sum by (a) (x) or sum by (b) (x)", "a b", "c"),
    ('absent(up{job="x",b!="c"})', "job", "b instance"),
    ("histogram_quantile(0.9, sum by (a, le) (x))", "a", "le"),
    ('label_replace(sum by (a) (x), "n", "$1", "a", "(.*)")', "a n", "b"),
    ("vector(1)", "", "a"),
    ("100 * (1 - sum by (a) (x)) > 5", "a", "b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_expressions_that_ask_the_same_are_the_same(one, other):
    assert promql.same(one, other) and promql.same(other, one)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_expressions_that_ask_something_else_are_not(one, other):
    assert not promql.same(one, other) and not promql.same(other, one)


@pytest.mark.parametrize(("text", "has", "lacks"), KEPT)
def test_labels_of_a_result_are_those_that_the_engine_keeps(text, has, lacks):
    labels = promql.read(text).labels
    assert all(labels.has(name) for name in has.split())
    assert not any(labels.has(name) for name in lacks.split())


def test_facts_of_an_expression():
    query = promql.read('sum by (pod) (rate(a{x="1",y=~"b.*"}[5m])) / on (pod) b > 0.5')
    assert query.metrics == ("a", "b") and query.windows == {300.0} and query.comparisons == ((">", 0.5),)
    assert query.matchers == {("a", "x", "=", "1"), ("a", "y", "=~", "b.*")} and query.groups == {"pod"}
    assert query.functions == {"sum", "rate"} and query.type == "vector"


@pytest.mark.parametrize(
    "text", ["", "up ==", "rate(up)", "foo(up)", "sum(up", "x" * 30_000, "(" * 200, "a" + "+a" * 900, "kubectl get pods"]
)
def test_what_is_no_query_is_told(text):
    with pytest.raises(promql.NotAQuery):
        promql.read(text)


def test_without_the_package_the_command_that_mends_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    promql._parser.cache_clear()
    with pytest.raises(Unavailable, match=r"kubestill\[alerts\]"):
        promql.load()
    promql._parser.cache_clear()
