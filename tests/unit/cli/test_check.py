import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kubestill.cli.main import answer

GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: b\n"
BAD = GOOD.replace("a: b", "a: 1").replace("settings", "broken")  # a ConfigMap's values are text
CUSTOM = "apiVersion: example.com/v1\nkind: Database\nmetadata:\n  name: main\n"
RUBBISH = "a: [\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "all.yaml"
    path.write_text("---\n".join([GOOD, BAD, CUSTOM]))
    return path


def test_each_document_is_told_and_one_failure_makes_exit_1(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["check", str(file)]) == 1
    told = capsys.readouterr()
    assert f"{file}:1: pass ConfigMap/settings" in told.out
    assert "fail ConfigMap/broken" in told.out and "data.a" in told.out
    assert "skip Database/main: no schema of example.com/v1 Database" in told.out
    assert told.err.strip() == "3 documents: 1 passed, 1 failed, 1 skipped, 0 could not be checked"


def test_good_manifests_leave_with_0_and_skipped_ones_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.yml").write_text(GOOD)
    (tmp_path / "custom.yaml").write_text(CUSTOM)
    assert answer(["check", str(tmp_path)]) == 0
    assert "2 documents: 1 passed, 0 failed, 1 skipped" in capsys.readouterr().err


def test_json_sarif_and_junit_tell_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["check", "--json", str(file)]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["status"] for row in rows] == ["pass", "fail", "skip"]
    (finding,) = rows[1]["findings"]
    answer(["check", "--format", "sarif", str(file)])
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["ruleId"] == finding["code"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == finding["line"]
    assert file.read_text().splitlines()[finding["line"] - 1].strip() == "a: 1"
    answer(["check", "--format", "junit", str(file)])
    suite = ElementTree.fromstring(capsys.readouterr().out)
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]
    assert [len(case) for case in suite] == [0, 1, 1]


def test_kubectl_commands_are_checked_and_their_effect_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["check", "--kubectl", "kubectl get po -n web -o wide", "--kubectl", "kubectl delete ns web"]) == 0
    told = capsys.readouterr()
    assert "pass kubectl/reads" in told.out and "pass kubectl/destroys" in told.out and "2 documents: 2 passed" in told.err
    assert answer(["check", "--kubectl", "kubectl get pods --all-namespace"]) == 1
    out = capsys.readouterr().out
    assert "fail kubectl/" in out and "K8S405" in out and "did you mean '--all-namespaces'" in out
    assert answer(["check"]) == 2 and "give files or folders" in capsys.readouterr().err
    assert answer(["explain", "K8S405"]) == 0


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: true\n  containers: [{name: a, image: x:1}]\n"


def test_policies_are_off_until_asked_for_and_apart_from_validity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(POD)
    assert answer(["check", str(path)]) == 0
    assert answer(["check", str(path), "--policy", "best-practice"]) == 0  # advice fails nothing
    assert "warning K8S543" in capsys.readouterr().out
    assert answer(["check", str(path), "--policy", "pod-security/baseline"]) == 1
    told = capsys.readouterr()
    assert f"{path}:1: pass Pod/a" in told.out and f"{path}:1: policy fail Pod/a" in told.out and ":5:3: error K8S502" in told.out
    assert "1 passed, 0 failed" in told.err and "pod-security/baseline: 0 met, 1 broken" in told.err
    answer(["check", "--json", str(path), "--policy", "pod-security/baseline"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["status"], row["findings"], row["policy"]["status"]) == ("pass", [], "fail")
    assert row["policy"]["findings"][0]["tier"] == "policy"
    answer(["check", "--format", "junit", str(path), "--policy", "pod-security/baseline"])
    suite = ElementTree.fromstring(capsys.readouterr().out)
    assert suite.get("failures") == "1" and suite[0][0].get("type") == "policy"
    assert answer(["check", str(path), "--policy", "pod-security/basline"]) == 2
    assert "did you mean 'pod-security/baseline'" in capsys.readouterr().err
    assert answer(["explain", "K8S502"]) == 0 and "host" in capsys.readouterr().out


def test_custom_resources_are_judged_by_definitions_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = "{type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}"
    crd = tmp_path / "crd.yaml"
    crd.write_text(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: databases.example.com}\n"
        "spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Database, plural: databases}\n"
        f"  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]\n"
    )
    path = tmp_path / "db.yaml"
    path.write_text(CUSTOM + "spec: {sise: 1}\n")
    assert answer(["check", str(path)]) == 0 and "1 skipped" in capsys.readouterr().err
    assert answer(["check", str(path), "--crd", str(crd)]) == 1
    assert "K8S022 spec.sise: unknown field 'sise'; did you mean 'size'?" in capsys.readouterr().out
    assert answer(["check", str(path), "--crd", str(path)]) == 2
    assert "holds no CustomResourceDefinition" in capsys.readouterr().err
    assert answer(["check", str(path), "--kubernetes-version", "1.2"]) == 2
    assert "no schemas of Kubernetes '1.2'" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "code"), [(b"", 0), (RUBBISH.encode(), 1), (b"\xff\xfe\x00rubbish", 1), (b"just prose\n", 1)])
def test_empty_input_and_rubbish(tmp_path: Path, content: bytes, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    assert answer(["check", str(path)]) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert ("nothing was checked" in told.err) == (content == b"")


def test_a_file_that_is_not_there_and_a_folder_without_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["check", str(tmp_path / "gone.yaml")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert answer(["check", str(tmp_path)]) == 2
    assert "holds no *.yaml" in capsys.readouterr().err
