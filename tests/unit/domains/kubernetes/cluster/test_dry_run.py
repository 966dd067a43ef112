"""What a server's answer becomes: the recorded Status objects of a real one, told in the right place, and nothing written."""

import json
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.cluster import CLUSTER_CODES, dry_run
from kubestill.domains.kubernetes.manifests import read
from kubestill.tools.checks.api import Outcome, Tier

from .server import status

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())["answers"]

KUBERAY = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: kuberay-operator
spec:
  template:
    spec:
      containers:
      - name: a
"""
PATCHED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    spec:
      containers:
      - name: a
        ports:
        - $patch: delete
        volumeMounts:
        - name: x
          $patch: delete
      volumes:
      - {name: x, $patch: delete}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a}
spec:
  rules:
  - http: {paths: [{path: /a, backend: {service: {name: a, port: {number: 80}}}}]}
  - http:
      paths:
      - path: /b
        backend:
          service:
            port:
              number: http
"""
IMAGES = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    spec:
      containers:
      - image: nginx
      - image:
        - nginx
"""
VOLUME = """\
apiVersion: v1
kind: PersistentVolume
metadata: {name: a}
spec:
  awsElasticBlockStore:
    volumeID: {id: x}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: ui-nlb
  annotations:
    a: b
    service.beta.kubernetes.io/load-balancer-source-ranges: $INBOUND_CIDRS
"""


def pod(name):
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n"


def plain(kind, name="a", version="v1", **metadata):
    told = "".join(f", {key}: {value!r}" for key, value in metadata.items())
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name!r}{told}}}\n"


def asked(connection, text):
    (manifest,) = read(text).manifests
    return dry_run(connection, manifest)


def found(result):
    return [(one.code, one.path, one.line) for one in result.findings]


@pytest.mark.parametrize(
    ("digest", "text", "expected"),
    [
        ("602f5abab951832d", KUBERAY.replace("spec:\n  temp", "spec:\n  triggers: 1\n  temp"), [("spec.triggers", 6)]),
        ("f640ee46e5c86167", plain("Service") + "spec:\n  type: NodePort\n", [("spec.ports", 4)]),
        (
            "d36ff25597253a93",
            KUBERAY,
            [("spec.selector", 5), ("spec.template.metadata.labels", 6), ("spec.template.spec.containers[0].image", 9)],
        ),
        (
            "12748c4eeb550443",
            PATCHED,
            [
                ("spec.template.spec.containers[0].ports[0].$patch", 10),
                ("spec.template.spec.containers[0].volumeMounts[0].$patch", 13),
                ("spec.template.spec.volumes[0].$patch", 15),
            ],
        ),
        ("fbfae9ccea03e5cb", INGRESS, [("spec.rules[1].http.paths[0].backend.service.port.number", 13)]),
        ("95eed76cd20aa5ea", IMAGES, [("spec.template.spec.containers[1].image", 9)]),
        ("bf77606d72c84f0a", VOLUME, [("spec.awsElasticBlockStore.volumeID", 6)]),
        ("37b704ac98daf34c", plain("Secret"), [("", 1)]),
        ("e2cabf3c336ef24a", SERVICE, [("metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]", 7)]),
        ("d302ef57acc08c2b", INGRESS, [("spec.rules[0].http.paths[0].pathType", 6), ("spec.rules[1].http.paths[0].pathType", 9)]),
    ],
)
def test_a_recorded_refusal_is_told_at_its_field_and_line(connection, server, digest, text, expected):
    answer = RECORDED[digest]
    server.answers["POST", read(text).manifests[0].object["metadata"]["name"]] = answer["code"], answer["body"], []
    result = asked(connection, text)
    assert (result.code, result.tier, result.outcome) == ("K8S301", Tier.CLUSTER, Outcome.FAIL)
    assert found(result) == [("K8S301", path, line) for path, line in expected]
    assert all(one.message in answer["body"]["message"] or "field" in one.message for one in result.findings)
    assert all(one.remedy and one.severity == "error" for one in result.findings)


@pytest.mark.parametrize(
    ("digest", "names"),
    [
        ("336267f981e2d5e5", 'RuntimeClass "kata"'),
        ("cc52a673ac978fb1", 'PriorityClass "high-priority"'),
        ("615af3b423d3259a", 'the namespace "($namespace)" does not exist'),
    ],
)
def test_what_the_cluster_lacks_is_a_skip_with_its_name(connection, server, digest, names):
    answer = RECORDED[digest]
    server.answers["POST", "a"] = answer["code"], answer["body"], []
    result = asked(connection, pod("a"))
    assert result.outcome is Outcome.SKIP and names in result.reason and not result.findings


def test_a_good_object_passes_and_warnings_stand_beside_the_pass(connection, server):
    assert asked(connection, pod("b")).outcome is Outcome.PASS
    text = plain("Deployment", version="apps/v1") + "spec:\n  template:\n    spec:\n      affinity:\n        nodeAffinity: {}\n"
    warnings = [*RECORDED["7caa55d9d71e0d67"]["warnings"], '299 - "one", 299 - "annotation \\"x\\" is deprecated, use: y"']
    server.answers["POST", "a"] = 201, {"apiVersion": "apps/v1", "kind": "Deployment"}, warnings
    result = asked(connection, text)
    assert result.outcome is Outcome.PASS
    key = "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[1].matchExpressions[0].key"
    assert found(result) == [("K8S303", f"spec.template.spec.affinity.nodeAffinity.{key}", 8), ("K8S303", "", 1), ("K8S303", "", 1)]
    assert {one.severity for one in result.findings} == {"warning"}
    assert result.findings[0].message == 'node-role.kubernetes.io/master is use "node-role.kubernetes.io/control-plane" instead'
    assert result.findings[2].message == 'annotation "x" is deprecated, use: y'


def test_a_dry_run_writes_nothing_and_asks_as_the_documentation_says(connection, server):
    text = (
        plain("ConfigMap", "kept")
        + 'data: {a: "1"}\n---\n'
        + plain("Namespace", "n")
        + "---\n"
        + plain("ConfigMap", "x y", namespace="o/p")
    )
    for manifest in read(text).manifests:
        assert dry_run(connection, manifest).outcome is Outcome.PASS
    writes = [request for request in server.requests if request[0] != "GET"]
    assert server.stored == []
    assert [request[1] for request in writes] == [
        "/api/v1/namespaces/web/configmaps",
        "/api/v1/namespaces",
        "/api/v1/namespaces/o/p/configmaps",
    ]
    for method, _, query, headers, body in writes:
        assert method == "POST" and query == {"dryRun": ["All"], "fieldValidation": ["Strict"], "fieldManager": ["kubestill"]}
        assert headers["Content-Type"] == "application/json" and headers["Authorization"] == "Bearer abc"
        assert json.loads(body) in [manifest.object for manifest in read(text).manifests]


def test_discovery_is_asked_once_for_a_group_version(connection, server):
    for name in "abc":
        asked(connection, pod(name))
        asked(connection, plain("Widget", name, "example.com/v1"))
    reads = [request[1] for request in server.requests if request[0] == "GET"]
    assert sorted(reads) == ["/api/v1", "/apis/example.com/v1", "/openapi/v3/apis/example.com/v1", "/version"]


@pytest.mark.parametrize(
    "refusal",
    [
        status(409, 'pods "a" already exists', "AlreadyExists", name="a", kind="pods"),
        status(422, 'Service "a" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated'),
        status(403, 'pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5'),
    ],
)
def test_what_exists_is_applied_in_a_dry_run(connection, server, refusal):
    server.answers["POST", "a"] = refusal["code"], refusal, []
    assert asked(connection, pod("a")).outcome is Outcome.PASS
    method, path, query, headers, body = server.requests[-1]
    assert (method, path, headers["Content-Type"]) == ("PATCH", "/api/v1/namespaces/web/pods/a", "application/apply-patch+yaml")
    assert query == {"dryRun": ["All"], "fieldValidation": ["Strict"], "fieldManager": ["kubestill"], "force": ["true"]}
    assert json.loads(body)["metadata"] == {"name": "a"} and not server.stored
    server.answers["PATCH", "a"] = 422, RECORDED["f640ee46e5c86167"]["body"], []
    assert found(asked(connection, pod("a"))) == [("K8S301", "spec.ports", 1)]


def test_an_apply_that_does_not_fit_the_schema_is_told_at_the_item_that_is_meant(connection, server):
    """structured-merge-diff names items by their keys, and the server answers 500 without a reason."""
    text = IMAGES.replace("- image: nginx", "- name: web\n        imag: x").replace("name: a}", "name: c}")
    message = (
        "failed to create typed patch object (web/c; apps/v1, Kind=Deployment): errors:\n"
        '  .spec.template.spec.containers[name="web"].imag: field not declared in schema\n  .spec.replcias: field not declared in schema'
    )
    server.answers["POST", "c"] = 409, status(409, "there", "AlreadyExists"), []
    server.answers["PATCH", "c"] = 500, status(500, message, ""), []
    result = asked(connection, text)
    assert result.outcome is Outcome.FAIL
    assert found(result) == [("K8S301", "spec.template.spec.containers[0].imag", 9), ("K8S301", "spec.replcias", 4)]


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (plain("Deployment", version="extensions/v1beta1"), "apiVersion", "knows no group 'extensions'"),
        (plain("Deployment", version="apps/v1beta1"), "apiVersion", "of this group it serves apps/v1"),
        (plain("Widget", version="exmple.com/v1"), "apiVersion", "did you mean 'example.com'?"),
        (plain("Deploiment", version="apps/v1"), "kind", "did you mean 'Deployment'?"),
        (plain("Eviction"), "kind", "serves no kind 'Eviction'"),
        (plain("ComponentStatus"), "kind", "lets nobody create a ComponentStatus"),
        (plain("Pod", version="v7"), "apiVersion", "does not serve v7"),
    ],
)
def test_a_kind_that_is_not_served_is_a_failure_of_its_own(connection, server, text, path, says):
    result = asked(connection, text)
    assert result.outcome is Outcome.FAIL and [(one.code, one.path) for one in result.findings] == [("K8S302", path)]
    assert says in result.findings[0].message
    assert all(request[0] == "GET" for request in server.requests)


@pytest.mark.parametrize(
    ("message", "code", "outcome", "says"),
    [
        # k8s.io/apiserver, pkg/admission/plugin/webhook/errors/statuserror.go: a webhook chooses the status itself
        ('admission webhook "policy.example.com" denied the request: no latest', 403, Outcome.FAIL, "policy.example.com"),
        ('admission webhook "policy.example.com" denied the request without explanation', 400, Outcome.FAIL, "policy.example.com"),
        ('admission webhook "w.example.com" denied the request: User "x" cannot create resource "y"', 500, Outcome.FAIL, "w.example.com"),
        ('admission webhook "w.example.com" does not support dry run', 400, Outcome.SKIP, "w.example.com takes part in no dry run"),
        ('Internal error occurred: failed calling webhook "w.example.com": Post "x": EOF', 500, Outcome.SKIP, "w.example.com could not"),
        # plugin/pkg/admission and pod-security-admission: forbidden, and not for want of a right
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest": hostNetwork', 403, Outcome.FAIL, 'violates PodSecurity "restri'),
        ('pods "a" is forbidden: maximum cpu usage per Container is 1, but limit is 2', 403, Outcome.FAIL, "maximum cpu usage"),
        ("pods \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", 422, Outcome.FAIL, "'p'"),
        (
            'pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "web"',
            403,
            Outcome.SKIP,
            "the user jane may not create pods in the namespace web",
        ),
        (
            'nodes is forbidden: User "jane" cannot create resource "storageclasses" in API group "storage.k8s.io" at the cluster scope',
            403,
            Outcome.SKIP,
            "the user jane may not create storageclasses.storage.k8s.io in the cluster",
        ),
        (
            'clusterroles "a" is forbidden: user "jane" (groups=["dev"]) is attempting to grant RBAC permissions not currently held:\n{}',
            403,
            Outcome.SKIP,
            "the user jane may not grant rights",
        ),
        (
            'pods "a" is forbidden: error looking up service account web/b: serviceaccount "b" not found',
            403,
            Outcome.SKIP,
            'ServiceAccount "b"',
        ),
        (
            'pods "a" is forbidden: unable to create new content in namespace web because it is being terminated',
            403,
            Outcome.SKIP,
            "the namespace web is being deleted",
        ),
        ("Unauthorized", 401, Outcome.SKIP, "credentials"),
        ("Request entity too large: limit is 3145728", 413, Outcome.FAIL, "too large"),
        ("the server does not allow this method on the requested resource", 405, Outcome.FAIL, "does not allow"),
        ("Too many requests, please try again later.", 429, Outcome.SKIP, "429"),
        ("etcdserver: request timed out", 500, Outcome.SKIP, "500"),
        ("Timeout: request did not complete within requested timeout", 504, Outcome.SKIP, "504"),
        ("error trying to reach service", 503, Outcome.SKIP, "503"),
    ],
)
def test_refusals_and_failures_to_look_are_told_apart(connection, server, message, code, outcome, says):
    server.answers["POST", "a"] = code, status(code, message), []
    result = asked(connection, pod("a"))
    assert result.outcome is outcome
    assert says in (result.reason if outcome is Outcome.SKIP else result.findings[0].message)
    assert {one.code for one in result.findings} <= set(CLUSTER_CODES)
    assert "\n" not in result.reason


def test_a_webhook_that_names_fields_is_told_at_them_with_its_name(connection, server):
    causes = [{"reason": "FieldValueInvalid", "message": "Invalid value: 5: too big", "field": "spec.size"}]
    message = 'admission webhook "v.kb.io" denied the request: Widget.example.com "a" is invalid: spec.size: Invalid value: 5: too big'
    server.answers["POST", "a"] = 422, status(422, message, causes=causes), []
    (finding,) = asked(connection, plain("Widget", version="example.com/v1") + "spec:\n  size: 5\n").findings
    assert (finding.path, finding.line) == ("spec.size", 5)
    assert finding.message == 'admission webhook "v.kb.io" denied the request: Invalid value: 5: too big'


def test_a_server_that_might_really_create_is_not_asked(connection, server):
    result = asked(connection, plain("Relic", version="old.example.org/v1"))
    assert result.outcome is Outcome.SKIP and "without being created" in result.reason
    assert all(request[0] == "GET" for request in server.requests)


@pytest.mark.parametrize("text", [plain("ConfigMap", namespace=".."), "kind: ConfigMap\n", "apiVersion: [v1]\nkind: 7\n", "{}"])
def test_what_cannot_be_asked_is_skipped(connection, server, text):
    assert asked(connection, text).outcome is Outcome.SKIP
    assert all(request[0] == "GET" for request in server.requests)


def test_without_a_cluster_it_is_skipped():
    result = asked(None, pod("a"))
    assert (result.code, result.outcome, result.reason) == ("K8S301", Outcome.SKIP, "no cluster was given to ask")


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (200, b"<html>log in</html>"),
        (201, {"kind": "Other"}),
        (201, b"{"),
        (201, b"[" * 100_000),
        (403, b"<html>Forbidden</html>"),
        (422, b'"x"'),
        (422, {"kind": "Status", "message": 7, "details": [], "code": "x"}),
        (301, b""),
        (400, {"kind": "Status", "details": {"causes": [{"field": 7}, None, "x"]}}),
        (404, {"kind": "Status", "message": "gone", "details": None}),
    ],
)
def test_rubbish_from_a_server_never_passes_and_never_raises(connection, server, code, body):
    server.answers["POST", "a"] = code, body, []
    result = asked(connection, pod("a"))
    assert result.outcome is not Outcome.PASS
    assert result.reason or result.findings


def test_hostile_words_of_a_server_stay_short_and_on_one_line(connection, server):
    for message in (
        "\x1b[2J\r\n\x00" + "x" * 10**6,
        "failed to create typed patch object: " + ".[]" * 10**5 + "!",
        'unknown field "\\' * 10**5,
    ):
        server.answers["POST", "a"] = 400, status(400, message), []
        for finding in asked(connection, pod("a")).findings:
            assert len(finding.message) <= 1000 and finding.message.isprintable()


def test_an_item_of_a_list_is_told_at_its_own_line(connection, server):
    text = "apiVersion: v1\nkind: List\nitems:\n- " + pod("z").replace("\n", "\n  ") + "\n- " + pod("a").replace("\n", "\n  ")
    server.answers["POST", "a"] = 422, RECORDED["f640ee46e5c86167"]["body"], []
    results = [dry_run(connection, manifest) for manifest in read(text).manifests]
    assert [result.outcome for result in results] == [Outcome.PASS, Outcome.FAIL]
    assert results[1].findings[0].line == read(text).manifests[1].line > 4
