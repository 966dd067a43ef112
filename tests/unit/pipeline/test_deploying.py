"""The service as objects: our own checks pass it, what is taken away is missed, and the Helm chart holds the same."""

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from kubestill.cli.main import answer
from kubestill.ground.errors import UserError
from kubestill.pipeline.deploying import manifests, render, wanted

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/chart"
IMAGE = "registry.example.com/kubestill:0.1.0"
WAYS: dict[str, dict[str, Any]] = {
    "usual": {},
    "watched": {"monitoring.enabled": True, "namespace": "1e3", "name": "x", "replicas": 3},
    "escalating": {
        **{"escalate.model": "http://vllm.ai:8000/v1#q", "clients.label": "team", "clients.value": "123", "keySecret": "7"},
        **{"image": f"registry.example.com:5000/a/b@sha256:{'0' * 64}", "resources.cpu": "2", "model": "kubernetes-skills"},
    },
}
KEYS = "apiVersion: v1\nkind: Secret\nmetadata: {name: kubestill-keys}\nstringData: {keys: a}\n"
# The fields of ServiceMonitor that we write, as prometheus-operator's pkg/apis/monitoring/v1/servicemonitor_types.go has them.
SERVICE_MONITOR = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  names: {kind: ServiceMonitor, listKind: ServiceMonitorList, plural: servicemonitors, singular: servicemonitor}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            apiVersion: {type: string}
            kind: {type: string}
            metadata: {type: object}
            spec:
              type: object
              required: [selector, endpoints]
              properties:
                selector:
                  type: object
                  properties: {matchLabels: {type: object, additionalProperties: {type: string}}}
                endpoints:
                  type: array
                  items:
                    type: object
                    properties:
                      port: {type: string}
                      path: {type: string}
                      interval: {type: string, pattern: "^(0|(([0-9]+)s)?)$"}
"""


def objects(text: str) -> dict[str, dict[str, Any]]:
    return {found["kind"]: found for found in yaml.safe_load_all(text)}


def nested(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in given.items():
        *holders, last = path.split(".")
        place = found
        for step in holders:
            place = place.setdefault(step, {})
        place[last] = value
    return found


def checked(text: str, folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    (folder / "all.yaml").write_text(text)
    (folder / "crd.yaml").write_text(SERVICE_MONITOR)
    capsys.readouterr()
    policies = ["--policy", "pod-security/restricted", "--policy", "best-practice"]
    code = answer(["check", "--json", *policies, "--crd", str(folder / "crd.yaml"), *more, str(folder / "all.yaml")])
    return code, {row["kind"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("way", WAYS)
def test_our_own_checks_pass_it(way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = WAYS[way]
    keys = KEYS.replace("kubestill-keys", json.dumps(given.get("keySecret", "kubestill-keys")))
    if place := given.get("namespace"):
        keys = keys.replace("{name", f'{{namespace: "{place}", name')
        keys += f'---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: "{place}"}}\n'
    code, rows = checked(manifests(given) + "---\n" + keys, tmp_path, capsys, "--closed")
    assert code == 0 and {row["status"] for row in rows.values()} == {"pass"}, rows
    assert not any(row["findings"] for row in rows.values()), rows
    assert rows["Deployment"]["policy"] == {"status": "pass", "findings": []}
    watched = {"HorizontalPodAutoscaler", "ServiceMonitor"} if "monitoring.enabled" in given else set()
    usual = {"ServiceAccount", "ConfigMap", "Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "Secret"}
    assert set(rows) - {"Namespace"} == usual | watched


@pytest.mark.parametrize("taken", ["type: RuntimeDefault", "allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true", "- ALL"])
def test_what_is_taken_away_is_missed(taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lean = "\n".join(line for line in manifests({}).splitlines() if line.strip() != taken)
    _, rows = checked(lean, tmp_path, capsys)
    assert rows["Deployment"]["policy"]["findings"] or rows["Deployment"]["findings"]


def test_objects_agree_with_each_other_and_with_the_image() -> None:
    found = objects(manifests({"monitoring.enabled": True}))
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    spec = {kind: one["spec"] for kind, one in found.items() if "spec" in one}
    selectors = [spec["Service"]["selector"], spec["NetworkPolicy"]["podSelector"]["matchLabels"]]
    selectors += [spec[kind]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]
    assert all(one.items() <= labels.items() for one in selectors)
    assert spec["ServiceMonitor"]["selector"]["matchLabels"].items() <= found["Service"]["metadata"]["labels"].items()
    assert spec["HorizontalPodAutoscaler"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    assert "replicas" not in spec["Deployment"] and spec["NetworkPolicy"]["egress"] == []
    pod = spec["Deployment"]["template"]["spec"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"] + wanted({})["drainSeconds"]
    assert pod["terminationGracePeriodSeconds"] > waits and f"--drain={wanted({})['drainSeconds']}" in container["args"]
    stages = containerfile()
    assert pod["securityContext"]["runAsUser"] == int(dict(stages[-1])["USER"].split(":")[0])
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= set(json.loads(dict(stages[-1])["VOLUME"]))
    assert found["ConfigMap"]["data"]["KUBESTILL_WORKSPACE"] == "/state"


def test_pods_reach_nothing_but_the_escalation_and_names() -> None:
    (names, model) = objects(manifests({"escalate.model": "https://a.example/v1#m", "escalate.port": 443}))["NetworkPolicy"]["spec"][
        "egress"
    ]
    assert {(port["port"], port["protocol"]) for port in names["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert model == {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 443}]}


def test_the_manifests_of_the_repository_are_these(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["deploy", "--dry-run", "--image", IMAGE]) == 0
    assert (ROOT / "deploy/kubestill.yaml").read_text() == capsys.readouterr().out == manifests({})


@pytest.mark.parametrize("way", WAYS)
def test_helm_renders_the_same_objects(way: str) -> None:
    helm = pytest.importorskip("helm_python", reason="Helm's own engine: pip install helm-python-sdk (0.2.2 was used)")
    with helm.Chart.load(str(CHART)) as chart:
        theirs = [
            one for text in chart.render(nested(WAYS[way]), name="a", namespace="b").values() for one in yaml.safe_load_all(text) if one
        ]
    assert {one["kind"]: one for one in theirs} == objects(manifests(WAYS[way]))


def test_the_chart_is_whole_and_its_templates_keep_to_two_forms() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["version"] == about["appVersion"] == project["version"]
    values, schema = yaml.safe_load((CHART / "values.yaml").read_text()), json.loads((CHART / "values.schema.json").read_text())
    jsonschema_rs.meta.validate(schema)
    jsonschema_rs.validate(schema, values)
    used: set[str] = set()
    for path in (CHART / "templates").iterdir():
        text = path.read_text()
        used |= set(re.findall(r"\.Values\.([\w.]+)", text))
        assert render(text, values) and len(re.findall(r"\{\{- if", text)) == len(re.findall(r"\{\{- end", text))

    def leaves(part: Mapping[str, Any], prefix: str = "") -> set[str]:
        return set().union(*(leaves(v, f"{prefix}{k}.") if isinstance(v, dict) else {prefix + k} for k, v in part.items()))

    assert used == leaves(values)
    for form in ("{{ .Values.name | upper }}", "{{ .Release.Name }}", "{{- range .Values.name }}"):
        with pytest.raises(ValueError, match="no form that is known"):
            render(form, values)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"image": "registry.example.com:5000/kubestill"}, "image: found"),
        ({"image": "kubestill:latest"}, "other than latest"),
        ({"name": "Web"}, "lower-case"),
        ({"name": "true"}, "name: found"),
        ({"resources.memory": "12 GB"}, "resources.memory: found '12 GB'; expected an amount"),
        ({"replicas": 0}, "replicas"),
        ({"model": "a b"}, "model"),
        ({"clients.label": "a/b/c"}, "clients.label"),
        ({"escalate.model": 'http://a"b'}, "escalate.model"),
        ({"drainSeconds": 70}, "terminationSeconds"),
        ({"monitoring.enabled": True, "replicas": 9}, "maxReplicas"),
    ],
)
def test_what_cannot_be_is_one_sentence(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        manifests(given)


@pytest.mark.parametrize(
    ("arguments", "told"), [((), "add --dry-run and pipe it into: kubectl apply -f -"), (("--dry-run", "--clients", "a"), "LABEL=VALUE")]
)
def test_nothing_is_sent_from_here(arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["deploy", "--image", IMAGE, *arguments]) == 2
    printed = capsys.readouterr()
    assert told in printed.err and not printed.out


def test_every_option_sets_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    given = "--name a --namespace b --replicas 3 --model kubernetes-skills --key-secret k --rows 4 --queue 9 --cpu 250m --memory 1Gi"
    more = "--escalate http://c:1/v1#m --escalate-port 1 --escalate-cidr 192.0.2.0/24 --clients team=x --monitoring --max-replicas 5"
    assert answer(["deploy", "--dry-run", "--image", "i:1", *shlex.split(given), *shlex.split(more)]) == 0
    found = objects(capsys.readouterr().out)
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert {"--rows=4", "--queue=9", "--model=kubernetes-skills", "--escalate", "http://c:1/v1#m"} <= set(container["args"])
    assert container["image"] == "i:1" and container["resources"] == {
        "requests": {"cpu": "250m", "memory": "1Gi"},
        "limits": {"memory": "1Gi"},
    }
    assert (found["HorizontalPodAutoscaler"]["spec"]["minReplicas"], found["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]) == (3, 5)
    assert {one["metadata"]["name"] for one in found.values()} == {"a"} and {one["metadata"]["namespace"] for one in found.values()} == {
        "b"
    }
    policy = found["NetworkPolicy"]["spec"]
    assert policy["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"] == {"team": "x"}
    assert policy["egress"][1]["to"][0]["ipBlock"]["cidr"] == "192.0.2.0/24"


def containerfile() -> list[list[tuple[str, str]]]:
    """The stages of the Containerfile, each a list of instructions with their arguments, the last of a name last."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "deploy/Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line.strip()]
    stages: list[list[tuple[str, str]]] = []
    for name, _, rest in lines:
        stages = [*stages, []] if name == "FROM" else stages
        stages[-1].append((name, rest.strip()))
    return stages


def test_the_final_image_has_no_shell_no_root_and_says_which_versions() -> None:
    *_, final = containerfile()
    for stage in containerfile():
        image = dict(stage)["FROM"].partition(" ")[0]
        assert ":" in image and not image.endswith(":latest") and image.count("/") >= 2
    names = [name for name, _ in final]
    assert "RUN" not in names and "distroless" in dict(final)["FROM"] and "debug" not in dict(final)["FROM"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", dict(final)["USER"])
    for name in ("ENTRYPOINT", "CMD"):
        assert json.loads(dict(final)[name])
    health = json.loads(dict(final)["HEALTHCHECK"].partition("CMD ")[2])
    assert health[0].startswith("/") and "sh" not in health[0].split("/")[-1] and compile(health[2], "health", "exec")
    copied = [rest for stage in containerfile() for name, rest in stage if name == "COPY" and not rest.startswith("--from")]
    assert all((ROOT / path).exists() for rest in copied for path in rest.split()[:-1])
    ignored = (ROOT / "deploy/Containerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*" and {f"!{path}" for rest in copied for path in rest.split()[:-1]} <= set(ignored)
