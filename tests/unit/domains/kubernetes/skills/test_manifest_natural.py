"""Requests for manifests read as people write them: what belongs together is said together, and what reads stiffly is left out."""

import re
from random import Random

import pytest

from kubestill.domains.api import TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.phrasing.clause import REGISTERS, pick_tables
from kubestill.domains.kubernetes.phrasing.clauses import clauses
from kubestill.domains.kubernetes.phrasing.compose import compose
from kubestill.domains.kubernetes.phrasing.finish import tidy
from kubestill.domains.kubernetes.phrasing.joins import resource_texts
from kubestill.domains.kubernetes.phrasing.lines import tables
from kubestill.domains.kubernetes.phrasing.values import list_text
from kubestill.domains.kubernetes.skills.manifest.edits import draw_edit, reverse_edit
from kubestill.domains.kubernetes.skills.manifest.parts import unpunctuated
from kubestill.domains.kubernetes.skills.manifest.skill import wanted
from kubestill.ground.seeds import Seed

HEAD = [Intent("kind", (), "Deployment"), Intent("name", (), "web"), Intent("container.image", ("",), "nginx:1.27")]
PROBED = [
    Intent("container.readinessProbe.httpGet", ("",), ("/ready", 8080)),
    Intent("container.readinessProbe.periodSeconds", ("",), 17),
    Intent("container.readinessProbe.timeoutSeconds", ("",), 39),
]
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: counter
spec:
  containers:
  - name: writer
    image: counter
    volumeMounts:
    - name: logs
      mountPath: /var/log
  - name: reader
    image: counter
{reader}  volumes:
  - name: logs
    emptyDir: {{}}
"""


def _document(text: str) -> Document:
    return Document("d", text, "Pod", {"repository": "r"})


def _chosen(text: str, seed: int = 1) -> list[Intent] | Drop:
    return wanted(_document(text), Random(seed))


@pytest.mark.parametrize("seed", range(40))
def test_a_probe_and_its_timing_are_one_clause(seed: int) -> None:
    said, unsaid = clauses(PROBED, Random(seed))
    assert not unsaid and len(said) == 1 and set(said[0].said()) == set(PROBED)
    composed = compose([*HEAD, *PROBED], Random(seed), TRAIN)
    assert set(composed.said) == {*HEAD, *PROBED}
    assert re.search(r"\([^()]*(?<!\d)17(?!\d)[^()]*(?<!\d)39(?!\d)[^()]*\)", composed.text), composed.text


def test_a_scratch_volume_that_hands_files_on_is_not_asked_for_container_by_container() -> None:
    shared = POD.format(reader="    volumeMounts:\n    - name: logs\n      mountPath: /in\n")
    assert _chosen(shared) == Drop("shared-scratch")
    alone = _chosen(POD.format(reader=""))
    assert not isinstance(alone, Drop) and any(intent.aspect == "container.image" for intent in alone)


def test_a_variable_of_one_container_defines_nothing_in_another() -> None:
    reader = '    args: ["--at=$(ADDRESS)"]\n    env:\n    - name: ADDRESS\n      value: here\n'
    defined = POD.format(reader=reader)
    elsewhere = POD.format(reader='    args: ["--at=$(ADDRESS)"]\n').replace(
        "    image: counter\n    volumeMounts", "    image: counter\n    env:\n    - name: ADDRESS\n      value: here\n    volumeMounts"
    )
    asked = [_chosen(elsewhere, seed) for seed in range(30)]
    assert Drop("undefined-variable") in asked
    said = [one for one in asked if not isinstance(one, Drop)]
    assert not any(intent.aspect == "container.args" for one in said for intent in one)
    assert any(not isinstance(one, Drop) for one in (_chosen(defined, seed) for seed in range(30)))


def test_of_many_things_of_one_sort_a_few_are_asked_for_and_of_annotations_those_that_are_plain() -> None:
    env = "".join(f"    - name: V{n}\n      valueFrom: {{secretKeyRef: {{name: s, key: k{n}}}}}\n" for n in range(7))
    text = POD.format(reader=f"    env:\n{env}").replace(
        "  name: counter\n", '  name: counter\n  annotations:\n    plain: "yes"\n    listed: "a, b"\n    json: "{}"\n'
    )
    for seed in range(20):
        chosen = _chosen(text, seed)
        assert not isinstance(chosen, Drop)
        assert sum(intent.aspect == "container.env.secret" for intent in chosen) <= 3
        noted = {intent.keys for intent in chosen if intent.aspect == "annotation"}
        assert len(noted) < 2 or noted == {("plain",)}


@pytest.mark.parametrize("value", ["<base64_encoded_secret>", "${TOKEN}", "{{ .Values.token }}", "{account-name}"])
def test_what_somebody_was_to_fill_in_is_not_asked_for(value: str) -> None:
    text = f'apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  token: "{value}"\n'
    assert _chosen(text) == Drop("nothing-in-it")


def test_a_quota_or_a_range_of_nothing_is_not_asked_for() -> None:
    for kind, spec in (("ResourceQuota", "  hard: {}\n"), ("LimitRange", "  limits: []\n")):
        assert _chosen(f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: q\nspec:\n{spec}") == Drop("nothing-in-it")


def test_a_request_without_the_manifest_speaks_of_no_old_value() -> None:
    seed, noted, shown = Seed(5), 0, 0
    change = re.compile(r"\b(raise|lower|bump|increase|reduce|decrease|swap|replace|instead|currently|change|update)\b|->", re.IGNORECASE)
    for number in range(500):
        sample = draw_edit(seed.rng("edit", number), TRAIN)
        assert isinstance(sample, Sample | Drop)
        if isinstance(sample, Drop):
            continue
        if sample.request.startswith("Change this manifest"):
            shown += bool(change.search(sample.request))
        else:
            noted += 1
            assert not change.search(sample.request), sample.request
    assert noted > 10 and shown > 50  # the words are still taught, beside the manifest


def test_versions_stay_versions_and_switches_stay_switches() -> None:
    words = Words(Random(3), TRAIN)
    for _ in range(50):
        assert re.fullmatch(r"\d+\.\d+\.\d+", words.like("1.21.0")) and re.fullmatch(r"v\d+\.\d+\.\d+", words.like("v1.8.2"))
        assert re.fullmatch(r"local-provisioner-\d+\.\d+\.\d+", words.like("local-provisioner-2.9.0"))
        assert words.like("true") == "false" and words.like("dev") != "dev"
        key, value = words.label()
        assert key != "version" or re.fullmatch(r"v\d|\d+\.\d+\.\d+", value)


def test_a_value_with_marks_of_its_own_stays_out_of_lists() -> None:
    asked = [Intent("annotation", (f"k{n}",), f"v{n}") for n in range(3)] + [Intent("annotation", ("csv",), "a, b")]
    said, _ = clauses(asked, Random(1))
    assert sorted(len(clause.intents) for clause in said) == [1, 3]
    attributes = [Intent("spec.csi.volumeAttributes", (f"k{n}",), f"v{n}") for n in range(3)]
    assert [len(clause.intents) for clause in clauses(attributes, Random(1))[0]] == [3]


def test_seams_between_parts_read_well() -> None:
    assert tidy("can i have web, a namespace,? it is new") == "can i have web, a namespace? it is new"
    assert all("/" not in list_text(["pods/log", "services", "x (y)"], Random(seed)).replace("pods/log", "") for seed in range(60))
    assert unpunctuated("run \ue000app:1\ue001, \ue0006\ue001 pods, please") == "run \ue000app:1\ue001 and \ue0006\ue001 pods please"


def test_the_index_of_tables_is_what_their_names_say() -> None:
    for name in ("container.image", "label", "spec.type=NodePort", "nothing.like.it", "spec.replicas"):
        for suffix in ("", "_true", "_words"):
            by_name = {register: tables().get(f"{name}/{register}{suffix}") for register in REGISTERS}
            if any(by_name.values()):
                by_name["at"] = by_name["at"] or tables().get(f"at.{name}/at{suffix}")
            assert dict(pick_tables(name, suffix)) == {register: table for register, table in by_name.items() if table}


ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: r\nrules:\n- {rule}\n"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("{apiGroups: [projectcontour.io], resources: [httpproxies], verbs: [get, put, post]}", "verbs-of-no-api"),
        ("{nonResourceURLs: [/metrics], verbs: [list]}", "verbs-of-no-api"),
        ("{apiGroups: [extensions], resources: [ingresses], verbs: [get]}", "resource-not-served"),
        ('{apiGroups: [""], resources: [deployments], verbs: [get]}', "resource-not-served"),
        ("{apiGroups: [policy], resources: [podsecuritypolicies], verbs: [use]}", "resource-not-served"),
        ("{apiGroups: [apps, batch], resources: [deployments], verbs: [get]}", "resource-not-served"),
        ("{apiGroups: [networking.k8s.io], resources: [ingresses/status], verbs: [update]}", ""),
        ('{apiGroups: [""], resources: [users, groups, serviceaccounts], verbs: [impersonate]}', ""),
        ("{apiGroups: [certificates.k8s.io], resources: [signers], verbs: [approve, sign]}", ""),
        ("{apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: ['*']}", ""),
        ("{apiGroups: ['*'], resources: ['*'], verbs: ['*']}", ""),
        ("{nonResourceURLs: [/healthz], verbs: [get, post]}", ""),
    ],
)
def test_a_rule_that_grants_nothing_is_not_asked_for(rule: str, why: str) -> None:
    text = ROLE.replace("{rule}", rule)
    assert _chosen(text) == Drop(why) if why else not isinstance(_chosen(text), Drop)
    edited = reverse_edit(_document(text), Random(1), TRAIN)
    assert not why or edited == Drop(why)


def test_a_schedule_is_said_with_one_preposition() -> None:
    cron = [Intent("kind", (), "CronJob"), Intent("name", (), "tidy"), Intent("container.image", ("",), "app:1")]
    twice = re.compile(r"\bsched(ule)?( of| set to| to| is|:|)? (at|on|from|in) |@ (at|every|each)", re.IGNORECASE)
    for expression in ("*/2 * * * *", "0 * * * *", "30 7 * * *", "0 9 * * 1-5", "0 4 * * 0", "0 1 * * 6,0", "0 0 1 * *"):
        for seed in range(60):
            text = compose([*cron, Intent("spec.schedule", (), expression)], Random(seed), TRAIN).text
            assert not twice.search(text), text


def test_a_namespace_that_is_a_word_of_english_has_its_noun() -> None:
    for seed in range(120):
        asked = [Intent("kind", (), "ConfigMap"), Intent("name", (), "web"), Intent("namespace", (), "example")]
        text = compose([*asked, Intent("data", ("a",), "b")], Random(seed), TRAIN).text
        assert not re.search(r"\b(for|in|inside|within|under|to|into|as) example(?! (namespace|ns))\b", text), text


@pytest.mark.parametrize("image", ["web", "nginx"])
def test_an_image_that_looks_like_a_name_is_said_to_be_one(image: str) -> None:
    for seed in range(200):
        asked = [Intent("kind", (), "Deployment"), Intent("name", (), "web"), Intent("container.image", ("",), image)]
        text = compose([*asked, Intent("spec.replicas", (), 3)], Random(seed), TRAIN).text
        assert not re.search(rf"\b{image} container(?! image)", text), text
        assert image != "web" or re.search(r"image|img|imgae|iamge", text, re.IGNORECASE) or _slipped(text), text


def _slipped(text: str) -> bool:
    return bool(re.search(r"\b[imageIMAGE]{4,6}\b", text))


ROUTED = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
spec:
  rules:
  - http:
      paths:
      - path: {path}
        pathType: {kind}
        backend: {{service: {{name: web, port: {{number: 80}}}}}}
"""


def test_a_path_that_is_a_regular_expression_is_asked_for_with_its_type_or_not_at_all() -> None:
    """As a prefix, which a request that gives no type means, ingress-nginx refuses it."""
    assert _chosen(ROUTED.format(path="/shop(/|$)(.*)", kind="Prefix")) == Drop("regex-path")
    assert not isinstance(_chosen(ROUTED.format(path="/shop/v1.2", kind="Prefix")), Drop)
    drawn = [_chosen(ROUTED.format(path="/shop(/|$)(.*)", kind="ImplementationSpecific"), seed) for seed in range(20)]
    typed = [any(intent.aspect == "rule.pathType" for intent in chosen) for chosen in drawn if not isinstance(chosen, Drop)]
    assert typed and all(typed)
    edited = reverse_edit(_document(ROUTED.format(path="/shop/?(.*)", kind="ImplementationSpecific")), Random(1), TRAIN)
    assert edited == Drop("regex-path")


@pytest.mark.parametrize("seed", range(60))
def test_where_pod_and_container_are_asked_the_same_each_is_named(seed: int) -> None:
    both = [Intent("container.securityContext.runAsNonRoot", ("",), True), Intent("pod.securityContext.runAsNonRoot", (), True)]
    text = compose([*HEAD, *both], Random(seed), TRAIN).text
    assert re.search(r"pod|spec\.securityContext", text, re.IGNORECASE), text
    assert re.search(r"\bc[ontaier]{6,9}\b|ctr", text, re.IGNORECASE), text  # as slips of the keyboard spell it, too


def test_a_group_stands_before_the_part_of_a_resource() -> None:
    texts = {resource_texts(["prometheuses/api.monitoring.coreos.com"], Random(seed))[0] for seed in range(20)}
    assert texts == {"prometheuses.monitoring.coreos.com/api", "prometheuses/api (monitoring.coreos.com)"}


def test_no_label_is_changed_whose_key_stands_twice() -> None:
    labelled = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels:\n    app: web\n    tier: front\nspec:\n  ports:\n  - port: 80\n"
    )
    asked = {"twice": 0, "once": 0}
    for seed in range(150):
        for sort, tail in (("twice", "  selector:\n    app: web\n    tier: front\n"), ("once", "  selector:\n    role: web\n")):
            sample = reverse_edit(_document(labelled + tail), Random(seed), TRAIN)
            if isinstance(sample, Sample):
                noted = [intent.keys if intent.aspect == "remove" else (intent.aspect, *intent.keys) for intent in sample.intents]
                asked[sort] += any(one[:1] == ("label",) and one[1] in ("app", "tier") for one in noted)
    assert not asked["twice"] and asked["once"], asked
