"""The command line asks a cluster, and keeps what it serves."""

import yaml

from kubestill.cli.main import answer

from ..test_definitions import CRD
from .server import serving
from .test_pulling import SCHEMAS

GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: b\n"


def test_a_cluster_is_asked_only_with_cluster_and_what_failed_here_is_not_sent(server, kubeconfig, tmp_path, capsys):
    path = tmp_path / "all.yaml"
    path.write_text(f"{GOOD}---\n{GOOD.replace('a: b', 'a: 1').replace('settings', 'broken')}")
    with serving(server) as address:
        config = str(kubeconfig(address, {"token": "abc"}))
        assert answer(["check", str(path), "--kubeconfig", config]) == 1
        alone = capsys.readouterr()
        assert answer(["check", str(path), "--cluster", "--kubeconfig", config]) == 1
        both = capsys.readouterr()
    assert alone.out == both.out and "1 passed, 1 failed" in both.err
    assert answer(["check", str(path), "--cluster", "--kubeconfig", config]) == 2  # the server is gone
    assert "Traceback" not in capsys.readouterr().err


def test_schemas_that_were_pulled_judge_without_the_cluster(server, kubeconfig, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server.schemas["definitions"] = dict(SCHEMAS)
    server.definitions = [yaml.safe_load(CRD)]
    path = tmp_path / "db.yaml"
    path.write_text("apiVersion: example.com/v1\nkind: Database\nmetadata: {name: main}\nspec: {engin: x}\n")
    assert answer(["check", str(path), "--schemas", "toy"]) == 2 and "kubestill schema pull" in capsys.readouterr().err
    with serving(server) as address:
        assert answer(["schema", "pull", "--kubeconfig", str(kubeconfig(address, {"token": "abc"}))]) == 0
    name = capsys.readouterr().out.partition(":")[0]
    assert answer(["check", str(path)]) == 0 and "1 skipped" in capsys.readouterr().err
    assert answer(["check", str(path), "--schemas", name]) == 1
    assert "engin" in capsys.readouterr().out
    path.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: x, imagePullPolicy: IfNotPresent}]}\n"
    )
    assert answer(["check", str(path)]) == 0  # which this cluster does not allow
    capsys.readouterr()
    assert answer(["check", str(path), "--schemas", name]) == 1
    assert "spec.containers[0].imagePullPolicy" in capsys.readouterr().out
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-sytem}\n")
    assert answer(["check", str(path)]) == 0 and answer(["check", str(path), "--schemas", name]) == 1
    assert "did you mean 'kube-system'" in capsys.readouterr().out
