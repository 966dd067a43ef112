"""`ask` and `eval` over an engine that says what it is told: the seam below is the engine's own."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kubestill.cli.main import answer
from kubestill.pipeline import answer as answering
from kubestill.pipeline import models
from kubestill.tools.engines.api import Ask, Reply


class Says:
    name = "says"

    def __init__(self, text: str, cut: bool = False, notes: str = "") -> None:
        self.text, self.cut, self.notes = text, cut, notes

    def generate(self, requests: Sequence[str], ask: Ask) -> list[Reply]:
        return [Reply(self.text, 3, 5, self.cut, self.notes) for _ in requests]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(models, "packaged", lambda: {})
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "model.safetensors").touch()
    return tmp_path / "student"


def says(monkeypatch: pytest.MonkeyPatch, text: str, cut: bool = False, notes: str = "") -> None:
    monkeypatch.setattr(answering, "load_engine", lambda model: Says(text, cut, notes))


def test_a_good_answer_goes_to_stdout_its_verdict_to_stderr(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, "0 9 * * 1-5\n")
    assert answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron"]) == 0
    told = capsys.readouterr()
    assert told.out == "0 9 * * 1-5\n"
    assert told.err.startswith("verdict: passed (3 checks looked")


def test_what_was_understood_is_told_apart_from_the_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, "0 9 * * 1-5\n", notes="hours: 9\ndays: 1-5")
    assert answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron"]) == 0
    told = capsys.readouterr()
    assert told.out == "0 9 * * 1-5\n" and told.err.startswith("understood: hours: 9 · days: 1-5\nverdict: passed")
    answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron", "--json"])
    assert json.loads(capsys.readouterr().out)["understood"] == ["hours: 9", "days: 1-5"]


def test_a_bad_answer_leaves_with_1_and_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    says(monkeypatch, "Sure! 0 9 * * 1-5", cut=True)
    assert answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron"]) == 1
    told = capsys.readouterr()
    assert "verdict: failed on form" in told.err and "CRON001" in told.err and "the answer is cut" in told.err
    assert answer(["ask", "weekdays", "--model", str(folder), "--domain", "cron", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert (record["passed"], record["failed_on"], record["cut"]) == (False, "form", True)


def test_a_model_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["ask", "x", "--model", str(folder) + "-gone"]) == 2
    assert "is no run, artifact, folder of weights or packaged student" in capsys.readouterr().err


def test_eval_prints_the_score_and_a_comparison(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(answering, "USUAL_DOMAIN", "cron")
    says(monkeypatch, "0 9 * * *")
    place = ["--workspace", str(folder.parent / "workspace")]
    assert answer(["eval", str(folder), "cron", "--count", "5", "--json", *place]) == 0
    score = json.loads(capsys.readouterr().out)["models"][str(folder)]
    assert score["total"] == 5 and score["passed"] + sum(score["failed_on"].values()) == 5
    other = folder.parent / "other"
    other.mkdir()
    (other / "model.safetensors").touch()
    assert answer(["eval", str(folder), str(other), "cron", "--count", "5", *place]) == 0
    assert "second minus first: +0.0%" in capsys.readouterr().out
    assert answer(["eval", str(folder), "crom", *place]) == 2
    assert "did you mean 'cron'" in capsys.readouterr().err
    assert answer(["eval", str(folder)]) == 2
    assert "give MODEL SUITE" in capsys.readouterr().err
