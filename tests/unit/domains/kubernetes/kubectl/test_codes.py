"""One code, one meaning: the bad examples of a code give it and no other, the good ones give nothing."""

import re
from pathlib import Path

import pytest

import kubestill.domains.kubernetes.kubectl as room
from kubestill.domains.kubernetes.checks.table import CHECKS
from kubestill.domains.kubernetes.kubectl.check import check_command, explain
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.tools.checks.api import Outcome

BAD = [(code, text) for code, meaning in CODES.items() for text in meaning.bad]
GOOD = [(code, text) for code, meaning in CODES.items() for text in meaning.good]


@pytest.mark.parametrize(("code", "text"), BAD)
def test_a_bad_example_gives_its_code_and_no_other(code: str, text: str):
    verdict = check_command(text)
    severity = CODES[code].severity
    assert {finding.code for finding in verdict.findings if finding.severity == severity} == {code}
    assert verdict.passed is (severity == "warning")


@pytest.mark.parametrize(("code", "text"), GOOD)
def test_a_good_example_gives_nothing(code: str, text: str):
    verdict = check_command(text)
    assert not verdict.findings
    assert verdict.passed


def test_every_code_in_the_source_is_documented_and_every_documented_one_is_used():
    sources = [path.read_text() for path in Path(room.__file__).parent.glob("*.py") if path.name != "codes.py"]
    used = set(re.findall(r"K8S\d{3}", "".join(sources)))
    assert used == set(CODES)
    assert not used & set(CHECKS)
    assert all(meaning.text and meaning.remedy and meaning.bad and meaning.good for meaning in CODES.values())


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained(code: str):
    assert code in explain(code)
    assert CODES[code].remedy in explain(code)


def test_what_kubectl_would_not_reach_is_skipped_and_never_passed():
    verdict = check_command("kubectl get pods --namepace=x")
    outcomes = {result.code: result.outcome for result in verdict.results}
    assert outcomes["K8S405"] is Outcome.FAIL
    assert outcomes["K8S403"] is Outcome.PASS
    assert {outcomes[code] for code in ("K8S411", "K8S417", "K8S421")} == {Outcome.SKIP}
    assert verdict.failed_on == "schema"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("kubectl get pods --namepace=x", "did you mean '--namespace'?"),
        ("kubectl describe pod web --output=yaml", "it is a flag of kubectl annotate"),
        ("kubectl scale deployment/web -replicas=3", "did you mean '--replicas'?"),
        ("kubectl rollout restrat deployment/web", "did you mean 'restart'?"),
        ("kubectl gett pods", "did you mean 'get'?"),
        ("kubectl get deploymnet", "did you mean 'deployment'?"),
        ("kubectl get pods -o yml", "did you mean 'yaml'?"),
        ("kubectl -A get pods", "write flags after the command"),
        ("kubectl get deployments.batch", "deployments is 'deployments.apps'"),
        ("kubectl scale deployment/web", "usage: kubectl scale"),
        ("kubectl exec web ls", "the command comes after '--'"),
    ],
)
def test_a_finding_says_how_to_mend_it(text: str, part: str):
    [finding] = check_command(text).findings[:1]
    assert part in finding.message
    assert finding.remedy


def test_a_finding_has_line_and_column_of_its_word():
    verdict = check_command("kubectl get pods\nkubectl get \\\n  pods --fooo")
    [finding] = verdict.findings
    assert (finding.line, finding.column, finding.path) == (3, 8, "--fooo")
    [finding] = check_command("kubectl get pods\r\nkubectl get podz").findings
    assert (finding.line, finding.column) == (2, 13)


def test_an_unknown_name_far_from_all_is_a_warning_since_it_may_be_a_custom_resource():
    [finding] = check_command("kubectl get virtualservices").findings
    assert (finding.code, finding.severity) == ("K8S417", "warning")
    assert check_command("kubectl get virtualservices").passed
    assert not check_command("kubectl get virtualservices.networking.istio.io").findings
