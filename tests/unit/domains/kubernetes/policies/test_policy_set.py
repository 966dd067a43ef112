"""The face of the room: sets by name, verdicts of nothing but policies, levels of objects."""

import pytest

from kubestill.domains.kubernetes.checks.table import rules
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.policies import Level, judge_policy, pod_security_level, policy_set
from kubestill.domains.kubernetes.policies.examples import RESTRICTED_CRON_JOB, RESTRICTED_POD
from kubestill.domains.kubernetes.subject import Subject
from kubestill.ground.errors import UserError
from kubestill.tools.checks.api import Outcome, Tier

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: nginx\n"
PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      %s\n"


def codes(names, version="1.36"):
    return [check.code for check in policy_set(names, version)]


def test_sets_hold_each_check_once_in_the_order_in_which_it_is_asked():
    both = codes(["pod-security/restricted", "pod-security/baseline", "best-practice", "best-practice"])
    assert both == sorted(set(both))
    assert {"K8S505", "K8S521", "K8S541"} <= set(both)  # asked for by name, the overridden one is there too
    assert "K8S505" not in codes(["pod-security/restricted"])
    assert codes(["pod-security/privileged"]) == codes([]) == []


def test_a_check_is_made_for_the_release_that_was_asked_for():
    assert "K8S507" not in codes(["pod-security/baseline"], "1.33") and "K8S507" in codes(["pod-security/baseline"], "v1.34")
    assert {check.minor for check in policy_set(["best-practice"], "1.29")} == {29}


@pytest.mark.parametrize(
    ("names", "version", "told"),
    [
        (["pod-security/restrict"], "1.36", "did you mean 'pod-security/restricted'"),
        (["best-practice", "zzz"], "1.36", "use pod-security/privileged, pod-security/baseline"),
        (["best-practice"], "1.99", "use 1.0 to 1.37"),
        (["best-practice"], "latest", "use 1.0 to 1.37"),
        (["best-practice"], "2.1", "use 1.0 to 1.37"),
    ],
)
def test_what_is_unknown_is_refused_with_a_way_out(names, version, told):
    with pytest.raises(UserError, match="policy") as error:
        policy_set(names, version)
    assert told in str(error.value)


def test_a_verdict_holds_policies_alone_and_says_where():
    [manifest] = read("# a comment\n" + POD + "    securityContext:\n      privileged: true\n").manifests
    checks = policy_set(["pod-security/baseline", "best-practice"])
    verdict = judge_policy(manifest, checks)
    assert [result.code for result in verdict.results] == [check.code for check in checks]
    assert {result.tier for result in verdict.results} == {Tier.POLICY} and verdict.failed_on == "policy"
    [found] = [finding for finding in verdict.findings if finding.code == "K8S503"]
    assert (found.path, found.line, found.column) == ("spec.containers[0].securityContext.privileged", 11, 7)
    with pytest.raises(ValueError, match="no policies: K8S101"):
        judge_policy(manifest, [*checks, rules()[0]])


def test_advice_fails_nothing():
    [manifest] = read(POD).manifests
    verdict = judge_policy(manifest, policy_set(["best-practice"]))
    assert verdict.passed and {finding.severity for finding in verdict.findings} == {"warning"}
    assert {"K8S543", "K8S545", "K8S546"} <= {finding.code for finding in verdict.findings}


def test_lines_are_those_of_the_right_object_among_several():
    text = f"{SERVICE}---\n{POD}  hostPID: true\n---\n{RESTRICTED_POD}  hostIPC: true\n"
    verdict = judge_policy(Subject(read(text).manifests), policy_set(["pod-security/baseline"]))
    lines = [text.splitlines().index(f"  {name}: true") + 1 for name in ("hostPID", "hostIPC")]
    assert [(finding.path, finding.line) for finding in verdict.findings] == [
        ("[1].spec.hostPID", lines[0]),
        ("[2].spec.hostIPC", lines[1]),
    ]


def test_where_nobody_could_look_nothing_passes():
    [service] = read(SERVICE).manifests
    verdict = judge_policy(service, policy_set(["pod-security/restricted"]))
    assert {result.outcome for result in verdict.results} == {Outcome.SKIP} and not verdict.passed
    assert pod_security_level(service) is None
    # A patch without containers: no level is proved, but a namespace of the host is enough to lose one.
    [patch], [open_] = read(PATCH % "serviceAccountName: web").manifests, read(PATCH % "hostNetwork: true").manifests
    assert pod_security_level(patch) is None
    assert not judge_policy(patch, policy_set(["pod-security/baseline", "best-practice"])).passed
    assert pod_security_level(open_) is Level.PRIVILEGED


def test_levels_of_plain_examples():
    levels = [pod_security_level(read(text).manifests[0]) for text in (RESTRICTED_POD, RESTRICTED_CRON_JOB, POD)]
    assert levels == [Level.RESTRICTED, Level.RESTRICTED, Level.BASELINE]
    probing = read(RESTRICTED_POD + "    livenessProbe:\n      tcpSocket: {port: 80, host: example.com}\n").manifests[0]
    assert pod_security_level(probing, "1.33") is Level.RESTRICTED
    assert pod_security_level(probing, "1.34") is Level.PRIVILEGED
    custom = read("apiVersion: example.com/v1\nkind: Pod\nmetadata: {name: x}\nspec: {hostPID: true}\n").manifests[0]
    assert pod_security_level(custom) is None
