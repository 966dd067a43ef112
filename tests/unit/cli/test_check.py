import io
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


DEPLOYMENT = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n"
    "    metadata: {labels: {app: web}}\n    spec:\n      containers:\n"
    "      - name: web\n        image: x:1\n        imagePullPolicy: always # now\n"
)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: wbe}\n  ports: [{port: 80}]\n"


def test_the_settings_of_a_repository_are_laid_under_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "bad.yaml").write_text(BAD)
    (tmp_path / "pod.yaml").write_text(POD)
    settings = 'policy = ["pod-security/baseline"]\nexclude = ["vendor/*"]\n'
    (tmp_path / ".kubestill.toml").write_text(settings)
    assert answer(["check", "."]) == 1 and "K8S502" in capsys.readouterr().out
    ignore = '[[ignore]]\ncode = "K8S502"\nobject = "Pod/a"\nreason = "the agent"\n'
    (tmp_path / ".kubestill.toml").write_text(settings + ignore)
    assert answer(["check", "."]) == 0
    told = capsys.readouterr()
    assert "K8S502" not in told.out and "1 document: 1 passed" in told.err and "1 findings ignored with a reason" in told.err
    assert answer(["check", ".", "--format", "sarif"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": "the agent"}]
    (tmp_path / ".kubestill.toml").write_text("polcy = []\n")
    assert answer(["check", "."]) == 2 and "did you mean 'policy'" in capsys.readouterr().err
    assert answer(["check", ".", "--config", "gone.toml"]) == 2 and "gone.toml" in capsys.readouterr().err


def test_known_namespaces_hold_for_single_documents_and_from_settings_and_command_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shpo}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    (tmp_path / "service.yaml").write_text(text)
    assert answer(["check", "service.yaml"]) == 0
    capsys.readouterr()
    for more in ([], ["--alone"]):
        assert answer(["check", "service.yaml", "--known-namespace", "shop", *more]) == 1
        told = capsys.readouterr().out
        assert "K8S602" in told and told.count("K8S6") == 1  # nothing is known of what else the cluster holds
    (tmp_path / ".kubestill.toml").write_text('namespaces = ["shp?"]\n')
    assert answer(["check", "service.yaml"]) == 0 == answer(["check", "service.yaml", "--known-namespace", "shop"])
    (tmp_path / ".kubestill.toml").write_text('namespaces = ["team-*"]\n')
    assert answer(["check", "service.yaml"]) == 1 and answer(["check", "service.yaml", "--known-namespace", "shpo"]) == 0


def test_annotations_of_github_escape_what_would_end_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a,b:c.yaml"
    path.write_text(BAD.replace("broken", '"50%\\nbroken"'))
    assert answer(["check", str(path), "--format", "github"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(line.startswith("::error file=") for line in lines)
    assert "a%2Cb%3Ac.yaml,line=6,col=3,title=" in lines[0] and "50%25%0Abroken" in lines[0]


def test_what_holds_between_documents_is_judged_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(f"{DEPLOYMENT.replace('always', 'Always')}---\n{SERVICE}")
    assert answer(["check", str(path)]) == 0
    out = capsys.readouterr().out
    assert "warning K8S6" in out and "wbe" in out and "pass Service/web" in out
    assert answer(["check", str(path), "--closed"]) == 1 and "fail Service/web" in capsys.readouterr().out
    assert answer(["check", str(path), "--alone"]) == 0 and "K8S6" not in capsys.readouterr().out


def test_what_may_not_change_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = DEPLOYMENT.replace("always", "Always")
    old.write_text(text)
    new.write_text(text.replace("app: web", "app: shop"))
    assert answer(["check", str(new)]) == 0 and answer(["check", str(new), "--against", str(new)]) == 0
    capsys.readouterr()
    assert answer(["check", str(new), "--against", str(old)]) == 1
    out = capsys.readouterr().out
    assert "fail Deployment/web" in out and "spec.selector" in out and "as before" in out


def test_a_fix_is_a_diff_first_and_leaves_the_rest_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(DEPLOYMENT)
    path.chmod(0o640)
    assert answer(["check", "--fix", str(path)]) == 1
    told = capsys.readouterr()
    assert "-        imagePullPolicy: always # now" in told.out and "nothing was written" in told.err and path.read_text() == DEPLOYMENT
    assert answer(["check", "--fix", "--yes", str(path)]) == 0
    assert path.read_text() == DEPLOYMENT.replace("always", "Always") and path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["web.yaml"]
    capsys.readouterr()
    assert answer(["check", "--fix", str(path)]) == 0 and "nothing to mend" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(DEPLOYMENT.encode())))
    assert answer(["check", "--fix", "-"]) == 0
    assert capsys.readouterr().out == DEPLOYMENT.replace("always", "Always")


def test_strangers_are_counted_and_codes_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    (tmp_path / "web.yaml").write_text("metadata:\n  name: {{ .Values.name }}\n")
    (tmp_path / "good.yaml").write_text(GOOD)
    assert answer(["check", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out.count("\n") == 1 and "1 document: 1 passed" in told.err
    assert "left out: 1 x is a template of Helm" in told.err and "left out: 1 x is no Kubernetes object" in told.err
    assert answer(["check", str(tmp_path), "--json"]) == 0 and len(json.loads(capsys.readouterr().out)) == 3
    assert answer(["check", "--explain", "K8S117"]) == 0 and "selector" in capsys.readouterr().out
    assert answer(["check", "--explain", "K8S999"]) == 2


def test_control_characters_of_a_name_forge_no_line_and_no_xml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD.replace("settings", '"a\\u001b[31m\\u0000\\uFFFF\\nx.yaml:1: pass Pod/good"'))
    assert answer(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2 and all(line.isprintable() for line in out.splitlines())
    assert "a\\x1b[31m\\x00\\uffff\\x0ax.yaml" in out
    assert answer(["check", str(path), "--format", "junit"]) == 1
    assert "a\\x1b[31m" in (ElementTree.fromstring(capsys.readouterr().out)[0].get("name") or "")
    assert answer(["check", str(path), "--format", "github"]) == 1
    assert all(line.startswith("::") and line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_annotations_tell_what_could_not_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kubestill.domains.kubernetes.checks.metadata import NameGiven

    path = tmp_path / "a.yaml"
    path.write_text(GOOD)
    monkeypatch.setattr(NameGiven, "look", lambda *_: 1 / 0)
    assert answer(["check", str(path), "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith(f"::error file={path},line=1,title=ConfigMap/settings::K8S101: ZeroDivisionError")
