import gzip
import json
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.schema import Kind, Schemas, schemas, versions
from kubestill.ground.errors import UserError

SERVED = Path(__file__).parents[5] / "shared" / "data" / "openapi-v2-1.36-served.json.gz"

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, creationTimestamp: null}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: nginx, ports: [{containerPort: 80}], resources: {limits: {cpu: 0.5, memory: 1Gi}}}
"""


def found(text):
    return [(finding.code, finding.path) for finding in schemas().findings(read(text).manifests[0].object)]


def test_a_valid_object_has_no_findings_and_null_is_as_good_as_absent():
    assert found(DEPLOYMENT) == []
    assert found(DEPLOYMENT.replace("replicas: 2", "replicas: null\n  strategy: null")) == []


@pytest.mark.parametrize(
    ("before", "after", "code", "path"),
    [
        ("replicas: 2", "replicas: two", "K8S023", "spec.replicas"),
        ("replicas: 2", "replicas: 99999999999", "K8S026", "spec.replicas"),
        ("replicas: 2", "replica: 2", "K8S022", "spec.replica"),
        ("image: nginx", "image: 5", "K8S023", "spec.template.spec.containers[0].image"),
        ("cpu: 0.5", "cpu: 1 core", "K8S026", "spec.template.spec.containers[0].resources.limits.cpu"),
        ("image: nginx", "image: nginx, imagePullPolicy: always", "K8S025", "spec.template.spec.containers[0].imagePullPolicy"),
        ("{containerPort: 80}", "{name: http}", "K8S024", "spec.template.spec.containers[0].ports[0].containerPort"),
        (
            "app: web}}\n  template",
            "app.kubernetes.io/name: true}}\n  template",
            "K8S023",
            "spec.selector.matchLabels[app.kubernetes.io/name]",
        ),
        ("apps/v1", "extensions/v1beta1", "K8S021", "apiVersion"),
        ("kind: Deployment", "kind: Deploymnt", "K8S021", "kind"),
        ("kind: Deployment\n", "", "K8S020", "kind"),
        ("name: web, c", "name: web, deletionTimestamp: yesterday, c", "K8S026", "metadata.deletionTimestamp"),
    ],
)
def test_a_finding_names_the_field(before, after, code, path):
    assert before in DEPLOYMENT
    assert found(DEPLOYMENT.replace(before, after)) == [(code, path)]


def test_messages_say_what_was_found_what_was_expected_and_a_near_name():
    def message(before, after):
        return schemas().findings(read(DEPLOYMENT.replace(before, after)).manifests[0].object)[0].message

    assert message("image: nginx", "imagee: nginx") == "unknown field 'imagee'; did you mean 'image'?"
    assert message("replicas: 2", "replicas: two") == "found string 'two', expected integer"
    assert "did you mean 'Always'?" in message("image: nginx", "image: nginx, imagePullPolicy: always")
    assert "expected apps/v1" in message("apps/v1", "extensions/v1beta1")
    assert "did you mean 'Deployment'?" in message("kind: Deployment", "kind: Deploymnt")


def test_secret_data_is_base64():
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: %s}\n"
    assert found(text % "aGVsbG8=") == [] and found(text % "''") == []
    assert found(text % "hello") == [("K8S026", "data.a")]


def test_the_whole_group_version_kind_picks_the_schema():
    other = "apiVersion: example.com/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {anything: 1}\n"
    assert found(other) == [("K8S021", "apiVersion")]
    assert not schemas().owns("example.com") and schemas().owns("apps") and schemas().owns("")


def test_properties_tell_type_format_order_and_enum():
    known = schemas()
    port = known.property("v1", "Service", ("spec", "ports", 0, "targetPort"))
    assert port is not None and port.type == "int-or-string" and "ports" in known.property("v1", "Service", ("spec",)).keys
    container = ("spec", "template", "spec", "containers", "[]")
    assert known.property("apps/v1", "Deployment", (*container, "imagePullPolicy")).enum == ("Always", "IfNotPresent", "Never")
    assert known.property("apps/v1", "Deployment", (*container, "name")).required
    assert known.property("apps/v1", "Deployment", (*container, "ports")).required_keys == ("containerPort",)
    assert known.property("apps/v1", "Deployment", (*container, "resources", "limits", "cpu")).type == "quantity"
    assert known.property("v1", "ConfigMap", ("data",)).type == "map"
    assert known.property("apps/v1", "Deployment", ("spec", "nothing")) is None
    assert known.property("v1", "Nothing") is None
    assert known.property("apps/v1", "Deployment", ("spec", "replicas")).format == "int32"


def test_every_bundled_version_loads_and_knows_deployments():
    assert {"1.25", "1.36", "1.37"} <= set(versions())
    assert Schemas("1.25").findings(read(DEPLOYMENT).manifests[0].object) == ()
    with pytest.raises(UserError, match=r"no schemas of Kubernetes '1\.2'"):
        Schemas("1.2")


@pytest.mark.skipif(not SERVED.exists(), reason="../shared/data/openapi-v2-1.36-served.json.gz is not here")
def test_the_stable_kinds_are_those_that_a_running_server_lets_one_create():
    with gzip.open(SERVED) as file:
        served = json.load(file)
    created = set()
    for path, operations in served["paths"].items():
        gvk = operations.get("post", {}).get("x-kubernetes-group-version-kind")
        if gvk and "{name}/" not in path:
            created.add(Kind(gvk["group"], gvk["version"], gvk["kind"]))
    ours = {kind for kind in schemas().kinds() if not re.search("alpha|beta", kind.version)}
    assert ours == {kind for kind in created if not re.search("alpha|beta", kind.version)}
    enums = json.loads((Path(read.__code__.co_filename).parent / "data" / "enums-1.36.json").read_text())
    for name, fields in enums.items():
        for field, values in fields.items():
            schema = served["definitions"][name]["properties"][field]
            assert sorted(schema.get("enum") or schema["items"]["enum"]) == values
