"""The kubectl plugin: kubectl itself finds, completes and runs it, and the namespace is the one that kubectl would take."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kubestill.cli.main import answer_with
from kubestill.cli.still import completions, still
from kubestill.pipeline.still import Target, namespace_of

NEEDS_KUBECTL = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH")
CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "one",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [
        {"name": "u", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}}}
    ],
    "contexts": [
        {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}},
        {"name": "two", "context": {"cluster": "c", "user": "u"}},
    ],
}
Run = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a kubeconfig that kubectl takes, nothing kept of any cluster, and the plugin on the PATH."""
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "bin").mkdir()
    for program, function in (("kubectl-still", "main"), ("kubectl_complete-still", "complete")):
        path = tmp_path / "bin" / program
        path.write_text(f"#!{sys.executable}\nfrom kubestill.cli.still import {function}\n{function}()\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KUBESTILL_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def plugin(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = answer_with(still, "kubectl still", shlex.split(line))
        return (code, *capsys.readouterr())

    return plugin


@NEEDS_KUBECTL
def test_kubectl_finds_completes_and_runs_it(here: Path) -> None:
    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["kubectl", *arguments], capture_output=True, text=True, timeout=60)

    assert str(here / "bin/kubectl-still") in kubectl("plugin", "list").stdout
    done = kubectl("still", "ask", "a deployment called web running nginx:1.27", "-n", "shop")
    assert done.returncode == 0 and yaml.safe_load(done.stdout)["metadata"] == {"name": "web", "namespace": "shop"}
    assert kubectl("still", "explain", "K8S161").stdout.startswith("K8S161 (check)")
    assert kubectl("still", "chek").returncode == 2
    offered = kubectl("__complete", "still", "").stdout.splitlines()
    assert [line.partition("\t")[0] for line in offered] == ["ask", "check", "explain", ":4"]
    offered = kubectl("__complete", "still", "ask", "--na").stdout.splitlines()
    assert offered[0].startswith("--namespace\t") and offered[-1] == ":4"


def test_files_are_the_shells_to_complete(here: Path) -> None:
    assert completions(["check"], "") == [":0"] and completions(["check", "-f"], "a") == [":0"]
    assert completions(["explain"], "") == [":4"]


@NEEDS_KUBECTL
def test_the_namespace_is_that_of_the_context_unless_another_is_given(run: Run, here: Path) -> None:
    ask = "ask a configmap called settings --kind ConfigMap"
    for more, namespace in (("", "team-a"), ("-n shop", "shop"), ("--context two", None), ("--context two -n default", "default")):
        code, out, err = run(f"{ask} {more}")
        assert code == 0 and yaml.safe_load(out)["metadata"].get("namespace") == namespace, err
        assert ("namespace:" in err) is (namespace is not None)
    (here / "other").write_text(yaml.safe_dump({**CONFIG, "current-context": "two"}))
    assert "namespace" not in yaml.safe_load(run(f"{ask} --kubeconfig other")[1])["metadata"]
    told = json.loads(run(f"{ask} --json")[1])
    assert yaml.safe_load(told["answer"])["metadata"]["namespace"] == "team-a" and told["passed"]


def test_where_there_is_no_kubeconfig_there_is_no_namespace(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    assert namespace_of(Target()) == ""
    monkeypatch.setenv("PATH", "/nowhere")
    assert namespace_of(Target()) == ""
    code, _, err = run("ask a configmap called a --context one")
    assert code == 3 and "kubectl is not on the PATH" in err


@NEEDS_KUBECTL
def test_kubectl_agrees_with_what_is_read_of_a_kubeconfig(here: Path) -> None:
    """The official Python client reads the same namespace."""
    config = pytest.importorskip("kubernetes.config", reason="needs the extra 'cluster'")
    contexts, _ = config.list_kube_config_contexts(str(here / "kubeconfig"))
    for one in contexts:
        assert namespace_of(Target(context=one["name"])) == one["context"].get("namespace", "default")


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("ask a configmap called x in namespace prod -n shop --kind ConfigMap", 2, "names another (ConfigMap/"),
        ("ask a configmap called x -n Shop!", 2, "is no name of a namespace"),
        ("check all.yaml -n Shop!", 2, "is no name of a namespace"),
        ("ask", 2, "Missing argument"),
        ("explain Deploymint", 2, "did you mean"),
        ("explain K8S9", 2, "no check has this code"),
    ],
)
def test_a_mistake_is_one_sentence(run: Run, line: str, code: int, told: str) -> None:
    found, out, err = run(line)
    assert found == code and told in err and not out


@NEEDS_KUBECTL
def test_a_context_that_is_not_there_is_told_in_kubectls_words(run: Run) -> None:
    code, _, err = run("ask a configmap called a --context three")
    assert code == 2 and "three" in err and "kubectl config get-contexts" in err


def test_check_fails_what_is_for_another_namespace_and_takes_kubectls_flag(run: Run, here: Path) -> None:
    objects = [("ConfigMap", {"name": "a", "namespace": "shop"}), ("ConfigMap", {"name": "b"}), ("Namespace", {"name": "shop"})]
    text = "---\n".join(yaml.safe_dump({"apiVersion": "v1", "kind": kind, "metadata": metadata}) for kind, metadata in objects)
    (here / "all.yaml").write_text(text)
    assert run("check all.yaml")[0] == run("check -f all.yaml -n shop")[0] == 0
    code, out, err = run("check -f all.yaml -n web")
    assert code == 1 and out.count("K8S304") == 1 and "found 'shop'" in out and "2 passed, 1 failed" in err
    code, out, _ = run('check --command "kubectl get po -o wde"')
    assert code == 1 and "did you mean 'wide'" in out


def test_explain_lists_and_describes(run: Run) -> None:
    assert "  apps/v1/Deployment\n" in run("explain")[1]
    _, out, _ = run("explain deploy.spec.strategy --for-version 1.33")
    assert (
        out.startswith("Deployment.spec.strategy (object)\nDeployment of apps/v1, Kubernetes 1.33\n")
        and "  rollingUpdate (object): " in out
    )
    assert json.loads(run("explain Pod.spec.restartPolicy --json")[1])["values"] == ["Always", "Never", "OnFailure"]
