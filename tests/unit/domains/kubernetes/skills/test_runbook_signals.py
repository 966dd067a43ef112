"""The signals are whole: names and commands exist, templates name what they have, queries parse, rules keep their labels."""

import re

import pytest

pytest.importorskip("promql_parser", reason="PromQL is read by promql-parser: pip install 'kubestill[alerts]'")

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.alerts import promql
from kubestill.domains.kubernetes.alerts.checks import check_rule
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.phrasing.lines import count
from kubestill.domains.kubernetes.phrasing.lines import parse as parse_line
from kubestill.domains.kubernetes.skills.runbook.answers import rule
from kubestill.domains.kubernetes.skills.runbook.filling import fill, names, scoped
from kubestill.domains.kubernetes.skills.runbook.requests import frames
from kubestill.domains.kubernetes.skills.runbook.signals import SETTINGS, catalogue, commands, needs, signals

ALL = pytest.mark.parametrize("signal", list(signals().values()), ids=lambda signal: signal.id)


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
    assert signal.next not in signal.checks and 2 <= len(signal.checks) <= 4
    assert signal.alerts or signal.stems


@ALL
def test_a_meaning_matches_what_other_meanings_are_judged_by(signal):
    values = dict.fromkeys((*signal.labels, *SETTINGS), "x")
    for known in (values, dict.fromkeys(signal.labels, "x")):
        assert re.search(signal.says, fill(signal.meaning, known), re.IGNORECASE)


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
    used = {command for signal in signals().values() for command in signal.accepted}
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
