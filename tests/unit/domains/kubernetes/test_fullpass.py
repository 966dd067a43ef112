"""Full-pass names the tier that fails, takes equal meanings for equal, and where more is wrong, refuses more."""

import pytest
import yaml

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.fullpass import INTENT, full_pass
from kubestill.domains.kubernetes.intents.lens import Facts, read
from kubestill.domains.kubernetes.intents.schedule import schedule_meaning
from support.manifests import DEPLOYMENT

ASKED = (
    Intent("kind", (), "Deployment"),
    Intent("name", (), "web"),
    Intent("spec.replicas", (), 3),
    Intent("container.image", ("",), "nginx:1.27"),
)


def test_the_right_answer_passes_every_tier():
    verdict = full_pass(DEPLOYMENT, ASKED)
    assert verdict.passed and verdict.findings == () and verdict.failed_on == ""


BROKEN = {
    "words before": ("Here is your manifest:\n\n" + DEPLOYMENT, "form"),
    "words as a document after": (DEPLOYMENT + "---\nThis runs three replicas.\n", "form"),
    "words after": (DEPLOYMENT + "\nHope this helps!\n", "syntax"),  # they break the YAML
    "a fence": (f"```yaml\n{DEPLOYMENT}```\n", "form"),
    "nothing": ("", "form"),
    "two documents": (f"{DEPLOYMENT}---\n{DEPLOYMENT}", "form"),
    "tabs": (DEPLOYMENT.replace("  replicas", "\treplicas"), "syntax"),
    "a line cut in the middle": (DEPLOYMENT[: DEPLOYMENT.index("nginx")] + '"nginx:', "syntax"),
    "a key twice": (DEPLOYMENT.replace("  replicas: 3\n", "  replicas: 3\n  replicas: 3\n"), "syntax"),
    "an unknown field": (DEPLOYMENT.replace("replicas", "replicaCount"), "schema"),
    "a field in the wrong place": (DEPLOYMENT.replace("        image", "      image"), "schema"),
    "a wrong type": (DEPLOYMENT.replace("replicas: 3", "replicas: three"), "schema"),
    "a bad name": (DEPLOYMENT.replace("  name: web\nspec", "  name: Web_1\nspec"), "rules"),
    "a selector that selects nothing": (DEPLOYMENT.replace("      app: web\n  template", "      app: api\n  template"), "rules"),
    "no replicas": (DEPLOYMENT.replace("  replicas: 3\n", ""), "intent"),
    "other replicas": (DEPLOYMENT.replace("replicas: 3", "replicas: 2"), "intent"),
    "another image": (DEPLOYMENT.replace("nginx:1.27", "nginx:1.2"), "intent"),
    "another kind": ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n", "intent"),
    "a kind without intents": ("apiVersion: v1\nkind: PodTemplate\nmetadata:\n  name: web\n", "intent"),
}


@pytest.mark.parametrize(("answer", "tier"), BROKEN.values(), ids=BROKEN)
def test_the_failing_tier_is_named(answer, tier):
    verdict = full_pass(answer, ASKED)
    assert not verdict.passed and verdict.failed_on == tier, verdict.findings


def test_a_finding_says_what_was_asked_and_without_intents_nothing_is_asked():
    answer = DEPLOYMENT.replace("replicas: 3", "replicas: 2")
    [finding] = full_pass(answer, ASKED).findings
    assert (finding.code, finding.path) == (INTENT, "spec.replicas") and "3" in finding.message
    assert full_pass(answer).passed


def test_what_was_asked_is_said_in_words():
    asked = [Intent("kind", (), "NetworkPolicy"), Intent("allow", ("egress",), ((), ((53, "UDP"),)))]
    answer = POLICY.replace("[Ingress]", "[Egress]") + "  egress:\n  - {}\n"
    assert "asked for '53 UDP'" in full_pass(answer, asked).findings[0].message


def test_one_replica_is_what_silence_means():
    one = (*ASKED[:2], Intent("spec.replicas", (), 1), ASKED[3])
    assert full_pass(DEPLOYMENT.replace("  replicas: 3\n", ""), one).passed


# --- where more is wrong ---------------------------------------------------------------------------------------------

ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: reader\nrules:\n"
PODS = "- apiGroups: ['']\n  resources: [pods]\n  verbs: [get, list]\n"
NAMED = PODS + "  resourceNames: [web-0]\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n  selector:\n    app: web\n"
POLICY = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: web\nspec:\n  podSelector:\n    matchLabels:\n"
    "      app: web\n  policyTypes: [Ingress]\n"
)
ALLOW = POLICY + "  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          app: api\n    ports:\n    - port: 80\n"
BUDGET = (
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n  minAvailable: 1\n  selector:\n"
    "    matchLabels:\n      app: web\n"
)
CLUSTER_ROLE = ROLE.replace("kind: Role", "kind: ClusterRole")
BEYOND = {
    "a verb": (ROLE + PODS, ROLE + PODS.replace("list", "list, delete")),
    "a resource": (ROLE + PODS, ROLE + PODS.replace("[pods]", "[pods, secrets]")),
    "a rule": (ROLE + PODS, ROLE + PODS + PODS.replace("pods", "secrets")),
    "a group": (ROLE + PODS, ROLE + PODS.replace("['']", "['', apps]")),
    "everything": (ROLE + PODS, ROLE + PODS + "- apiGroups: ['*']\n  resources: ['*']\n  verbs: ['*']\n"),
    "a URL": (CLUSTER_ROLE + PODS, CLUSTER_ROLE + PODS + "- nonResourceURLs: [/metrics]\n  verbs: [get]\n"),
    "a name": (ROLE + NAMED, ROLE + NAMED.replace("web-0", "web-0, web-1")),
    "a rule without the names": (ROLE + NAMED, ROLE + NAMED + PODS),
    "a selector label": (SERVICE, SERVICE + "    tier: front\n"),
    "a label of a budget": (BUDGET, BUDGET + "      tier: front\n"),
    "an expression of a budget": (BUDGET, BUDGET + "    matchExpressions:\n    - key: tier\n      operator: Exists\n"),
    "a label of a policy": (ALLOW, ALLOW.replace("app: web\n", "app: web\n      tier: front\n")),
    "an open ingress rule": (ALLOW, ALLOW + "  - {}\n"),
    "an ingress rule": (ALLOW, ALLOW + "  - ports:\n    - port: 443\n"),
    "an ingress rule that no lens reads": (ALLOW, ALLOW + "  - ports:\n    - port: 1\n      endPort: 65535\n"),
    "a peer": (ALLOW, ALLOW.replace("    ports", "    - ipBlock:\n        cidr: 0.0.0.0/0\n    ports")),
    "egress closed": (ALLOW, ALLOW.replace("[Ingress]", "[Ingress, Egress]")),
    "an opened policy": (POLICY, POLICY + "  ingress:\n  - {}\n"),
}


@pytest.mark.parametrize(("right", "more"), BEYOND.values(), ids=BEYOND)
def test_more_than_was_asked_fails_where_more_is_wrong(right, more):
    asked = read(yaml.safe_load(right))
    assert full_pass(right, asked).passed, full_pass(right, asked).findings
    assert full_pass(more).passed, full_pass(more).findings  # valid in itself
    verdict = full_pass(more, asked)
    assert verdict.failed_on == "intent" and verdict.findings


def test_more_is_no_fault_where_nothing_of_the_sort_was_asked():
    head = (Intent("kind", (), "Service"), Intent("name", (), "web"), Intent("port", (), 80))
    assert full_pass(SERVICE, head).passed  # some selector is what a service needs
    assert not full_pass(SERVICE, (*head, Intent("selector", ("app",), "api"))).passed
    labelled = DEPLOYMENT.replace("  name: web\nspec", "  name: web\n  labels:\n    app: web\nspec")
    assert full_pass(labelled, ASKED).passed


def test_beyond_names_the_grant_that_is_too_much():
    asked = read(yaml.safe_load(ROLE + PODS))
    facts = Facts(yaml.safe_load(ROLE + PODS + PODS.replace("pods", "secrets")))
    assert facts.beyond(asked) == [Intent("grant", ("secrets",), ("get", "list"))]
    assert facts.beyond(asked[:2]) == [] and Facts(yaml.safe_load(ROLE + PODS)).beyond(asked) == []


# --- equal meanings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 3 * * MON-FRI", "0 3 * * 1-5"),
        ("0 3 * * mon", "0 3 * * 1"),
        ("0 3 * JAN,jul *", "0 3 * 1,7 *"),
        ("0 3 * * 6,0", "0 3 * * 0,6"),
        ("0 3 * * SUN,SAT", "0 3 * * 6,0"),
        ("0,30 * * * *", "30,0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "@daily"),
        ("@hourly", "0 * * * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "@annually"),
        ("0  3 * *  *", "0 3 * * *"),
    ],
)
def test_schedules_that_mean_the_same_are_the_same(one, other):
    assert schedule_meaning(one) == schedule_meaning(other)
    job = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: '%s'}\n"
    assert Facts(yaml.safe_load(job % one)).holds(Intent("spec.schedule", (), other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0 3 * * 1-5", "0 3 * * 1-6"),
        ("0 3 * * 1-5", "0 3 * * *"),
        ("0 3 * * *", "3 0 * * *"),
        ("0 3 1 * *", "0 3 * 1 *"),
        ("0 3 * * 5,6", "0 3 * * 5-7"),
        ("*/5 * * * *", "5 * * * *"),
        ("@daily", "@hourly"),
        ("@daily", "0 0 1 * *"),
        ("@every 1h", "@hourly"),
        ("0 0 * * MON", "0 0 * JAN *"),
        ("0 0 * *", "0 0 * * *"),
    ],
)
def test_schedules_that_mean_something_else_are_not(one, other):
    assert schedule_meaning(one) != schedule_meaning(other)


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n%s  containers:\n  - name: app\n    image: a:1\n"
FIELDS = {"runAsUser": (1000, 2000), "runAsGroup": (1000, 2000), "runAsNonRoot": (True, False)}


@pytest.mark.parametrize("field", FIELDS)
def test_who_the_only_container_runs_as_may_be_said_of_the_pod(field):
    value, another = FIELDS[field]
    said = f"securityContext: {{{field}: {str(value).lower()}}}\n"
    of_pod, of_container = POD % f"  {said}", POD % "" + f"    {said}"
    for manifest in map(yaml.safe_load, (of_pod, of_container)):
        facts = Facts(manifest)
        for aspect, keys in (("pod", ()), ("container", ("",)), ("container", ("app",))):
            assert facts.holds(Intent(f"{aspect}.securityContext.{field}", keys, value)), (manifest, aspect, keys)
            assert not facts.holds(Intent(f"{aspect}.securityContext.{field}", keys, another))


def test_a_container_that_says_otherwise_does_as_it_says():
    manifest = POD % "  securityContext: {runAsUser: 1}\n" + "    securityContext: {runAsUser: 2}\n"
    facts = Facts(yaml.safe_load(manifest))
    asked = {value: facts.holds(Intent("container.securityContext.runAsUser", ("",), value)) for value in (1, 2)}
    assert asked == {1: False, 2: True}


def test_with_a_second_container_the_pod_and_its_container_are_two_things():
    for second in ("  - {name: b, image: b}\n", "  initContainers: [{name: b, image: b}]\n"):
        of_pod = Facts(yaml.safe_load(POD % "  securityContext: {runAsUser: 1}\n" + second))
        of_one = Facts(yaml.safe_load(POD % "" + "    securityContext: {runAsUser: 1}\n" + second))
        address = "app" if "- {name: b" in second else ""
        assert not of_pod.holds(Intent("container.securityContext.runAsUser", (address,), 1))
        assert not of_one.holds(Intent("pod.securityContext.runAsUser", (), 1))
