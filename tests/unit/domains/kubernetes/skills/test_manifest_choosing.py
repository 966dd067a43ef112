"""Which real manifests are asked for, and which of their facts: held against manifests written here, and against many seeds."""

from random import Random

import pytest

from kubestill.domains.api import TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.draw import draw_intents
from kubestill.domains.kubernetes.skills.manifest.choosing import ESSENTIAL, TOTALS, choose
from kubestill.domains.kubernetes.skills.manifest.edits import reverse_edit
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill, drawn, wanted
from kubestill.domains.kubernetes.skills.manifest.wide import WideManifestSkill

POD = """apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: {image}
    {more}
"""
BUDGET = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n  minAvailable: 1\n"
BINDING = """apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: web
  namespace: shop
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: view
subjects:
- kind: Group
  name: people
  apiGroup: rbac.authorization.k8s.io
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  selector:
    app: web
  ports:
  - port: {port}
"""
SCALER = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
spec:
  maxReplicas: 3
  scaleTargetRef:
    apiVersion: example.com/v1
    kind: Widget
    name: web
"""


def _document(text: str, path: str = "deploy/web.yaml") -> Document:
    return Document("1", text, "", {"repository": "r", "path": path})


def _pod(image: str = "shop/web:1", more: str = "ports: []") -> str:
    return POD.format(image=image, more=more)


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        (_pod(), "overlays/patches/web.yaml", "patch"),
        (_pod(), "overlays/web-patch.yaml", "patch"),
        (BUDGET, "web.yaml", "no-selector"),
        (
            _pod().replace("  name: web\nspec", "  name: web\n  labels:\n    pod-template-hash: a1\nspec"),
            "web.yaml",
            "made-by-a-controller",
        ),
        (BINDING.replace("name: people", "name: $TEAM_NAME"), "web.yaml", "template"),
        (_pod(image="ko://example.com/web"), "web.yaml", "template"),
        (SCALER, "web.yaml", "target-of-another-group"),
        (SERVICE.format(port=30080), "web.yaml", "port-of-nodes"),
        (_pod(more='command: ["sh", "-c"]'), "web.yaml", "half-a-command"),
        (_pod(image="library/busybox:1.36"), "web.yaml", "nothing-to-run"),
        (_pod(image="IMAGE_URL"), "web.yaml", "placeholder-image"),
    ],
)
def test_what_is_no_whole_object_of_a_person_is_left_out_with_its_reason(text: str, path: str, reason: str) -> None:
    assert all(wanted(_document(text, path), Random(seed)) == Drop(reason) for seed in range(5))


def test_capabilities_in_lower_case_are_never_asked_for() -> None:
    found = [wanted(_document(_pod(more="securityContext: {capabilities: {drop: [all]}}")), Random(seed)) for seed in range(60)]
    assert Drop("lower-case-capability") in found
    assert not any(intent.value == ("all",) for one in found if not isinstance(one, Drop) for intent in one)


def test_no_cluster_wide_object_is_asked_for_in_a_namespace_nor_changed_there() -> None:
    chosen = wanted(_document(BINDING), Random(1))
    assert not isinstance(chosen, Drop) and not any(intent.aspect == "namespace" for intent in chosen)
    assert reverse_edit(_document(BINDING), Random(1), TRAIN) == Drop("untidy")
    assert not isinstance(reverse_edit(_document(BINDING.replace("  namespace: shop\n", "")), Random(1), TRAIN), Drop)


def test_a_command_is_kept_with_an_image_that_does_nothing_by_itself() -> None:
    for seed in range(20):
        chosen = wanted(_document(_pod(image="busybox", more='command: ["sleep", "60"]')), Random(seed))
        assert not isinstance(chosen, Drop) and Intent("container.command", ("",), ("sleep", "60")) in chosen


def test_fewer_facts_are_asked_for_but_all_that_matter_and_each_at_times() -> None:
    for number in range(60):
        intents = draw_intents(Random(number), TRAIN)
        kept = [choose(intents, Random(seed), TOTALS) for seed in range(12)]
        essential = [intent for intent in intents if intent.aspect in ESSENTIAL]
        assert all(set(essential) <= set(one) <= set(intents) for one in kept)
        assert all(len(one) <= max(max(TOTALS), len(essential) + 4) for one in kept)
    exotic = Intent("pod.hostUsers", (), False)
    common = [Intent("kind", (), "Pod"), Intent("name", (), "web"), *(Intent("data", (f"k{n}",), "v") for n in range(5))]
    said = [exotic in choose([*common, exotic], Random(seed)) for seed in range(400)]
    assert 0.02 < sum(said) / len(said) < 0.5


def test_no_invented_request_has_a_service_port_that_may_be_a_node_port() -> None:
    ports = [one.value for number in range(400) for one in drawn(Random(number), TRAIN) if one.aspect == "port"]
    assert ports and not [port for port in ports if 30_000 <= port < 32_768]


def test_whole_cores_are_not_said_in_thousandths() -> None:
    text = _pod(more="resources: {limits: {cpu: 12000m}}")
    samples = [ManifestSkill().reverse(_document(text), Random(seed), TRAIN) for seed in range(20)]
    assert all(isinstance(sample, Sample) for sample in samples)
    said = {
        str(one.value) for sample in samples if isinstance(sample, Sample) for one in sample.intents if one.aspect.endswith("limits.cpu")
    }
    assert said == {"12"}


MALFORMED = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {config.yaml: {server: x}}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, annotations: {a: [1]}}\ndata: {a: b}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: [80]}]}\n",
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"
    "spec: {scaleTargetRef: {kind: [], name: web, apiVersion: apps/v1}, maxReplicas: 3}\n",
)


@pytest.mark.parametrize("text", MALFORMED)
def test_a_value_of_a_wrong_shape_ends_nothing(text: str) -> None:
    for seed in range(20):
        assert isinstance(WideManifestSkill().reverse(_document(text), Random(seed), TRAIN), Sample | Drop)


@pytest.mark.parametrize("image", ["prom/node-exporter:v1", "nvcr.io/nvidia/k8s-device-plugin:v0.1", "gcr.io/k8s-testimages/grafana:1"])
def test_an_image_that_does_something_needs_no_command(image: str) -> None:
    found = [ManifestSkill().reverse(_document(_pod(image)), Random(seed), TRAIN) for seed in range(20)]
    assert not any(isinstance(one, Drop) and one.reason == "nothing-to-run" for one in found) and any(
        isinstance(one, Sample) for one in found
    )


def test_arguments_may_stand_before_their_command() -> None:
    text = _pod(more="args: ['echo hi']\n    command: ['sh', '-c']")
    found = [ManifestSkill().reverse(_document(text), Random(seed), TRAIN) for seed in range(20)]
    assert not any(isinstance(one, Drop) and one.reason == "half-a-command" for one in found)
