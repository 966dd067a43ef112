"""The signals are whole: names and commands exist, templates name what they have, queries parse, rules keep their labels."""

import re
from random import Random

import pytest

pytest.importorskip("promql_parser", reason="PromQL is read by promql-parser: pip install 'kubestill[alerts]'")

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.alerts import promql
from kubestill.domains.kubernetes.alerts.checks import check_rule
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.phrasing.lines import count
from kubestill.domains.kubernetes.phrasing.lines import parse as parse_line
from kubestill.domains.kubernetes.skills.runbook.answers import asking, reading, rule
from kubestill.domains.kubernetes.skills.runbook.drawing import draw_label
from kubestill.domains.kubernetes.skills.runbook.filling import fill, names, scoped
from kubestill.domains.kubernetes.skills.runbook.requests import frames
from kubestill.domains.kubernetes.skills.runbook.signals import SETTINGS, catalogue, commands, needs, signals

ALL = pytest.mark.parametrize("signal", list(signals().values()), ids=lambda signal: signal.id)


def every(signal):
    return (signal, *(case.signal for case in signal.cases))


def lines(table):
    return (*table.train, *table.held) if table else ()


@ALL
def test_what_a_signal_says_names_only_what_its_alerts_carry(signal):
    known = {*signal.labels, *SETTINGS}
    assert set(needs(signal)) <= set(signal.labels)
    for text in (signal.meaning, *lines(signal.firing), *lines(signal.when)):
        assert set(names(text)) <= known, text
        assert "{threshold}" not in text or signal.thresholds, text
        assert "{window}" not in text or signal.windows, text
    assert all("{threshold}" in text for text in lines(signal.when)) or not signal.thresholds
    for one in every(signal):
        assert one.next not in one.checks and 2 <= len(one.checks) <= 4
        assert set(names(one.meaning)) <= known and not names(one.impact)
    assert signal.alerts or signal.stems


@ALL
def test_the_cases_of_a_signal_are_by_values_that_are_drawn(signal):
    words = Words(Random(0), TRAIN)
    for case in signal.cases:
        assert case.label in signal.labels and signal.seen({case.label: min(case.values)}) is case.signal
        drawn = {draw_label(case.label, words, signal.id, signal.subject) for _ in range(300)}
        assert case.values <= drawn
    assert signal.seen({}) is signal


@ALL
def test_a_meaning_matches_what_other_meanings_are_judged_by(signal):
    values = dict.fromkeys((*signal.labels, *SETTINGS), "x")
    for known in (values, dict.fromkeys(signal.labels, "x")):
        for one in every(signal):
            assert re.search(one.says, fill(one.meaning, known), re.IGNORECASE)


def told(alert, signal, **values):
    said = {"alert": alert, "signal": signal, **values}
    return reading(said)


@pytest.mark.parametrize(
    ("signal", "label", "there", "elsewhere", "word"),
    [
        ("systemd-failed", "name", "kubelet.service", "sshd.service", "NotReady"),
        ("disk-space", "mountpoint", "/var/lib/kubelet", "/data", "DiskPressure"),
        ("disk-filling", "mountpoint", "/", "/srv", "DiskPressure"),
        ("aggregated-errors", "name", "v1beta1.metrics.k8s.io", "v1.packages.operators.coreos.com", "utoscaling"),
        ("api-slow", "verb", "POST", "LIST", "webhook"),
    ],
)
def test_what_follows_depends_on_the_value_of_a_label(signal, label, there, elsewhere, word):
    texts = [told("A", signal, node="n-1", **{label: value}).text() for value in (there, elsewhere)]
    assert word in texts[0] and word not in texts[1]


def test_what_a_managed_node_does_not_have_is_not_looked_for():
    for signal in signals().values():
        for one in every(signal):
            if "node" in signal.labels:
                assert not re.search(r"-l (component=|k8s-app=kube-proxy)", "\n".join(one.accepted)), signal.id


def test_a_setting_is_claimed_only_where_the_alert_states_it():
    for signal in signals().values():
        for line in lines(signal.firing):
            for sign in ("p99|99", "5xx"):
                if re.search(sign, signal.meaning) and "{threshold}" in line:
                    assert re.search(sign, line), line


def test_a_matcher_takes_the_place_of_a_wider_one():
    query = asking(signals()["api-slow"], {"verb": "LIST"})
    assert 'verb="LIST"' in query and "WATCH" not in query and "WATCH" in asking(signals()["api-slow"], {})
    for signal in signals().values():
        pairs = re.findall(r"\{([^{}]*)\}", asking(signal, dict.fromkeys(signal.scope, "x")))
        for found in (re.findall(r"(\w+)(?:!=|=~|!~|=)", pair) for pair in pairs):
            assert len(found) == len(set(found)), (signal.id, pairs)


@ALL
def test_a_rule_of_a_signal_passes_and_keeps_the_labels_that_it_tells_of(signal):
    if not signal.query:
        pytest.skip("nobody asks for such a rule")
    said = {"signal": signal.id, "alert": "A", "for": "5m", "severity": "page"}
    for labels in ({}, dict.fromkeys(signal.scope, "x")):
        text = rule(said | labels)
        assert check_rule(text).passed and not check_rule(text).findings, text
    matchers = {signal.shown(label): "x" for label in signal.scope}
    query = promql.read(fill(scoped(signal.query, matchers), {"threshold": "1", "window": "5m"}))
    assert {(label, value) for _, label, op, value in query.matchers if op == "="} >= {(label, "x") for label in matchers}


@ALL
def test_both_parts_have_words_of_their_own(signal):
    for table in filter(None, (signal.firing, signal.when)):
        assert table.has(TRAIN) and table.has(HELD)


def test_every_command_is_taken_by_kubectl_and_only_reads():
    for name, template in commands().items():
        parsed = parse(re.sub(r"\{\w+\}", "x-1", template.replace("[[", "").replace("]]", "")))
        assert not [finding for finding in check_parsed(parsed).findings if finding.severity == "error"], name
        assert len(parsed.calls) == 1 and parsed.effect is Effect.READS, name
    used = {command for signal in signals().values() for one in every(signal) for command in one.accepted}
    assert not {name for name, command in commands().items() if command not in used}


def test_well_known_alerts_are_known_once():
    every = [alert for signal in signals().values() for alert in signal.alerts]
    assert len(every) == len(set(every)) == len(catalogue()) >= 180
    assert catalogue()["KubePodCrashLooping"] == "pod-crashloop" and catalogue()["Watchdog"] == "watchdog"


def test_there_are_thousands_of_ways_to_say_it():
    tables = [*frames().values(), *(table for signal in signals().values() for table in (signal.firing, signal.when) if table)]
    assert sum(len(lines(table)) for table in tables) > 1_000
    assert sum(count(parse_line(line)) for table in tables for line in lines(table)) > 1_800
    assert all(table.has(TRAIN) and table.has(HELD) for table in tables)
