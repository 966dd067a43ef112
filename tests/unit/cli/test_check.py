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
