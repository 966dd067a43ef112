"""The run as a Job: our own checks pass it, torchrun itself reads its command, and what is taken away from it is missed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubestill.cli.main import answer
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.store import Store
from kubestill.pipeline.cluster_job import Wanted, manifest, notes
from kubestill.pipeline.plan import Plan, make_plan
from kubestill.pipeline.recipe import read_recipe

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
IMAGE = "registry.example.com/kubestill:0.1.0"
POLICIES = ["--policy", "pod-security/restricted", "--policy", "best-practice"]
WAYS = {
    "one": {},
    "one-gpu": {"gpus": 1},
    "one-many": {"gpus": 8, "memory": "200Gi", "cpu": "32"},
    "several": {"nodes": 2, "processes": 4},
}
# The fields of JobSet v1alpha2 that we write, as kubernetes-sigs/jobset's api/jobset/v1alpha2/jobset_types.go has them; the Job within is
# checked on its own.
JOBSET = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: jobsets.jobset.x-k8s.io
  annotations: {api-approved.kubernetes.io: "https://github.com/kubernetes/community"}
spec:
  group: jobset.x-k8s.io
  names: {kind: JobSet, listKind: JobSetList, plural: jobsets, singular: jobset}
  scope: Namespaced
  versions:
    - name: v1alpha2
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            apiVersion: {type: string}
            kind: {type: string}
            metadata: {type: object}
            spec:
              type: object
              properties:
                ttlSecondsAfterFinished: {type: integer, format: int32, minimum: 0}
                suspend: {type: boolean}
                failurePolicy:
                  type: object
                  properties: {maxRestarts: {type: integer, format: int32}}
                network:
                  type: object
                  properties:
                    enableDNSHostnames: {type: boolean}
                    publishNotReadyAddresses: {type: boolean}
                    subdomain: {type: string}
                replicatedJobs:
                  type: array
                  items:
                    type: object
                    required: [name, template]
                    properties:
                      name: {type: string}
                      replicas: {type: integer, format: int32}
                      template:
                        type: object
                        properties:
                          metadata: {type: object, x-kubernetes-preserve-unknown-fields: true}
                          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return make_plan(read_recipe(RECIPES / "cron.toml"), Store(tmp_path_factory.mktemp("workspace")))


def objects(text: str) -> dict[str, dict[str, Any]]:
    return {found["kind"]: found for found in yaml.safe_load_all(text)}


def checked(text: str, folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    (folder / "run.yaml").write_text(text)
    capsys.readouterr()
    code = answer(["check", "--json", *POLICIES, *more, str(folder / "run.yaml")])
    return code, {row["kind"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("way", WAYS)
def test_our_own_checks_pass_it(plan: Plan, way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = Wanted(IMAGE, **WAYS[way])  # type: ignore[arg-type] # fields of several types
    text = manifest(plan, wanted)
    code, rows = checked(text, tmp_path, capsys, "--closed")
    assert code == 0 and {row["status"] for row in rows.values()} == {"pass"}
    assert not any(row["findings"] for row in rows.values()), rows
    assert rows["Job"]["policy"] == {"status": "pass", "findings": []}
    assert set(rows) == {"ConfigMap", "PersistentVolumeClaim", "Job", *(["Service"] if wanted.nodes > 1 else [])}
    spec = objects(text)["Job"]["spec"]
    assert spec["completions"] == spec["parallelism"] == wanted.nodes
    assert text == manifest(plan, wanted)


@pytest.mark.parametrize("taken", ["type: RuntimeDefault", "allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true", "- ALL"])
def test_what_is_taken_away_is_missed(plan: Plan, taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = manifest(plan, Wanted(IMAGE)).splitlines()
    lean = "\n".join(line for line in lines if line.strip() != taken)
    code, rows = checked(lean, tmp_path, capsys)
    assert rows["Job"]["policy"]["findings"] or rows["Job"]["findings"]
    assert code == (0 if taken == "readOnlyRootFilesystem: true" else 1)  # good practice that the standard does not ask for: a warning


def test_a_jobset_fits_its_definition_and_the_job_within_passes_as_a_job(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crd").mkdir()
    (tmp_path / "crd/jobset.yaml").write_text(JOBSET)
    text = manifest(plan, Wanted(IMAGE, nodes=3, gpus=2, jobset=True))
    code, rows = checked(text, tmp_path, capsys, "--crd", str(tmp_path / "crd"))
    assert code == 0 and rows["JobSet"]["status"] == "pass" and "Service" not in rows
    (within,) = objects(text)["JobSet"]["spec"]["replicatedJobs"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "within"}, "spec": within["template"]["spec"]}
    code, rows = checked(yaml.safe_dump(job), tmp_path, capsys)
    assert code == 0 and rows["Job"]["policy"]["status"] == "pass"
    code, _ = checked(text.replace("maxRestarts: 5", "maxRestart: 5"), tmp_path, capsys, "--crd", str(tmp_path / "crd"))
    assert code == 1


def test_torchrun_reads_its_command_as_meant(plan: Plan) -> None:
    from torch.distributed.run import get_args_parser

    for jobset, first in ((False, "kubestill-cron-0.kubestill-cron"), (True, "kubestill-cron-run-0-0.kubestill-cron")):
        found = objects(manifest(plan, Wanted(IMAGE, nodes=2, processes=4, jobset=jobset)))
        spec = found["JobSet"]["spec"]["replicatedJobs"][0]["template"]["spec"] if jobset else found["Job"]["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        program, *command = [part.replace("$(JOB_COMPLETION_INDEX)", "1") for part in container["command"]]
        asked = get_args_parser().parse_args(command)
        assert program == "torchrun" and asked.module and asked.training_script == "kubestill"
        assert (asked.nnodes, asked.nproc_per_node, asked.node_rank, asked.master_addr) == ("2", "4", 1, first)
        assert asked.training_script_args == ["run", "/etc/kubestill/recipe.toml"]
    service = objects(manifest(plan, Wanted(IMAGE, nodes=2)))["Service"]
    assert service["spec"]["clusterIP"] == "None" and service["metadata"]["name"] == "kubestill-cron"


def test_the_recipe_within_is_the_recipe(plan: Plan, tmp_path: Path) -> None:
    found = objects(manifest(plan, Wanted(IMAGE)))
    (tmp_path / "recipe.toml").write_text(found["ConfigMap"]["data"]["recipe.toml"])
    again = read_recipe(tmp_path / "recipe.toml")
    assert (again.what, again.how, again.seed) == (plan.recipe.what, plan.recipe.how, plan.recipe.seed)
    (volume,) = (one for one in found["Job"]["spec"]["template"]["spec"]["volumes"] if one["name"] == "recipe")
    assert volume["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]
    other = make_plan(read_recipe(RECIPES / "cron.toml", ["seed=2"]), Store(tmp_path))
    assert objects(manifest(other, Wanted(IMAGE)))["ConfigMap"]["metadata"]["name"] != volume["configMap"]["name"]


def test_memory_is_what_was_forecast_or_what_the_most_alike_run_took_and_some_more(plan: Plan) -> None:
    def memory(of: Plan, **more: str) -> str:
        (container,) = objects(manifest(of, Wanted(IMAGE, **more)))["Job"]["spec"]["template"]["spec"]["containers"]  # type: ignore[arg-type]
        assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
        return str(container["resources"]["limits"]["memory"])

    assert memory(plan) == "8Gi" and any("nothing like corpus, synthesis" in note for note in notes(plan, Wanted(IMAGE)))
    assert any(step.forecast is not None for step in plan.steps)
    since = [Artifact("weights", "k", step.stage.name, Path(), peak_memory_bytes=place << 30) for place, step in enumerate(plan.steps)]
    known = replace(plan, steps=tuple(replace(step, since=old, forecast=None) for step, old in zip(plan.steps, since, strict=True)))
    assert memory(known) == f"{-(-(len(since) - 1) * 13 // 10)}Gi" and not notes(known, Wanted(IMAGE))
    assert memory(known, memory="3Gi") == "3Gi"
    (training,) = (step.forecast for step in plan.steps if step.stage.name == "training")
    assert training is not None
    hungry = replace(known, steps=(replace(known.steps[0], forecast=replace(training, memory_bytes=20 << 30)), *known.steps[1:]))
    assert memory(hungry) == "26Gi"


def test_what_the_person_must_see_to_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.jsonl"
    labels.write_text("")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f'name = "my.run_1"\n[domain]\nname = "cron"\n[sources]\nlabels = ["{labels}"]\n')
    given = ["job", str(recipe), "--image", IMAGE, "--workspace", str(tmp_path / "w"), "--nodes", "2", "--namespace", "apps"]
    assert answer(given) == 0
    told = capsys.readouterr()
    assert "namespace: apps" in told.out and "kind: Namespace" not in told.out
    assert f"put into the image or onto the volume: {labels}" in told.err and "ReadWriteMany" in told.err
    assert objects(told.out)["Job"]["metadata"]["name"] == "kubestill-my-run-1"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"image": "registry.example.com:5000/kubestill"}, "names no version"),
        ({"image": "kubestill:latest"}, "names no version"),
        ({"image": IMAGE, "memory": "12 GB"}, "--memory"),
        ({"image": IMAGE, "storage": "-1Gi"}, "--storage"),
    ],
)
def test_what_cannot_be_is_one_sentence(plan: Plan, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        manifest(plan, Wanted(**given))
