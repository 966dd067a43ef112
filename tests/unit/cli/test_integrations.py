"""The hook and the action call the command as it is."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
BROKEN = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{prt: 80}]}\n"


def run(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True)


def test_the_hook_of_pre_commit_fails_a_broken_manifest(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (tmp_path / "a.yaml").write_text(BROKEN)
    assert {"yaml", "json"} == set(hook["types_or"]) and hook["language"] == "python"
    done = run(f"{hook['entry']} a.yaml", tmp_path)
    assert done.returncode == 1 and "did you mean 'port'? Correct" in done.stdout


def test_the_action_annotates_and_takes_arguments(tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    assert step["env"] == {"PATHS": "${{ inputs.paths }}", "ARGUMENTS": "${{ inputs.arguments }}"}
    assert set(action["inputs"]) == {"paths", "arguments"} and action["runs"]["using"] == "composite"
    (tmp_path / "a.yaml").write_text(BROKEN)
    done = run(step["run"], tmp_path, PATHS="a.yaml", ARGUMENTS="--kubernetes-version 1.34")
    assert done.returncode == 1 and done.stdout.startswith("::error file=a.yaml,line=4,")
    (tmp_path / "a.yaml").write_text(BROKEN.replace("prt", "port"))
    assert run(step["run"], tmp_path, PATHS="a.yaml", ARGUMENTS="").returncode == 0
