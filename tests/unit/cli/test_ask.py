"""`ask` and `eval` over an engine that says what it is told: the seam below is the engine's own."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kubestill.cli.main import answer
from kubestill.pipeline import models, scoring
from kubestill.pipeline import serving as answering
from kubestill.tools.engines.api import Ask, Removed, Reply, TooLong
from kubestill.tools.grammar.api import Guide


class Says:
    name = "says"

    def __init__(self, text: str, cut: bool = False, notes: str = "", more: Sequence[str] = ()) -> None:
        self.text, self.cut, self.notes, self.more = text, cut, notes, list(more)
        self.asked: list[tuple[str, Ask, bool]] = []
        self.unused: tuple[str, ...] = ()

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        self.asked += [(request, ask, guide is not None) for request, guide in zip(requests, guides or [None], strict=True)]
        text = self.more.pop(0) if self.more and len(self.asked) > 1 else self.text
        removed = (Removed("@dialy", 0.75, "@daily", 0),)
        return [Reply(text, 3, 5, self.cut, self.notes, forced=2, drafted=1, removed=removed, unused=self.unused) for _ in requests]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(models, "packaged", lambda: {})
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "model.safetensors").touch()
    return tmp_path / "student"


def says(monkeypatch: pytest.MonkeyPatch, text: str, cut: bool = False, notes: str = "", more: Sequence[str] = ()) -> Says:
    engine = Says(text, cut, notes, more)
    for room in (answering, scoring):
        monkeypatch.setattr(room, "load_engine", lambda model: engine)
    return engine


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
    assert "was not held against it" in told.err  # cron knows no notes
    answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron", "--json"])
    assert json.loads(capsys.readouterr().out)["understood"] == ["hours: 9", "days: 1-5"]


def test_a_bad_answer_leaves_with_1_and_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    says(monkeypatch, "Sure! 0 9 * * 1-5", cut=True)
    assert answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron"]) == 1
    told = capsys.readouterr()
    assert "verdict: failed on form" in told.err and "CRON001" in told.err and "the answer is cut" in told.err
    assert answer(["ask", "weekdays", "--model", str(folder), "--domain", "cron", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert (record["passed"], record["failed_on"], record["truncated"]) == (False, "form", True)
    assert record["findings"][0]["tier"] == "form" and (record["tokens"], record["forced_tokens"]) == (5, 2) and record["seconds"] >= 0


def test_the_answer_is_led_by_the_domains_guide_unless_free(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = says(monkeypatch, "0 9 * * 1-5")
    asked = ["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron"]
    assert answer(asked) == answer([*asked, "--free"]) == 0
    assert [led for _, _, led in engine.asked] == [True, False]


def test_of_several_answers_the_one_that_passes_and_that_most_agree_with_is_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = says(monkeypatch, "never", more=["0 8 * * *", "0 9 * * *", "0 9 * * *"])
    assert answer(["ask", "at nine", "--model", str(folder), "--domain", "cron", "--n", "4", "--seed", "7"]) == 0
    assert capsys.readouterr().out == "0 9 * * *\n"
    asks = [ask for _, ask, _ in engine.asked]
    assert [ask.seed for ask in asks] == [7, 8, 9, 10] and [ask.temperature > 0 for ask in asks] == [False, True, True, True]


def test_an_answer_that_fails_is_asked_for_once_more_with_what_was_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = says(monkeypatch, "0 25 * * *", more=["0 5 * * *", "never asked for"])
    assert answer(["ask", "at five", "--model", str(folder), "--domain", "cron", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["answer"] == "0 5 * * *" and record["repaired"] and len(engine.asked) == 2
    assert engine.asked[1][0].startswith("at five\n") and "25" in engine.asked[1][0]


def test_a_repair_that_fails_too_leaves_the_first_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, "0 25 * * *", more=["rubbish"])
    assert answer(["ask", "at five", "--model", str(folder), "--domain", "cron"]) == 1
    told = capsys.readouterr()
    assert told.out == "0 25 * * *\n" and "repair" not in told.err


def test_a_repair_that_leaves_no_room_leaves_the_first_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = says(monkeypatch, "0 25 * * *")
    first = engine.generate

    def generate(requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        if engine.asked:
            raise TooLong("request", "too long")
        return first(requests, ask, guides)

    monkeypatch.setattr(engine, "generate", generate)
    assert answer(["ask", "at five", "--model", str(folder), "--domain", "cron"]) == 1
    told = capsys.readouterr()
    assert told.out == "0 25 * * *\n" and "failed on syntax" in told.err


def test_what_the_grammar_took_away_is_told_on_demand(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, "@daily")
    assert answer(["ask", "every day", "--model", str(folder), "--domain", "cron", "--explain"]) == 0
    told = capsys.readouterr().err
    assert "2 of 5 tokens needed no choice, 1 were guessed" in told
    assert "at token 0: wanted '@dialy' (75%), the grammar left '@daily'" in told


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        (["  "], "it is empty"),
        (["x", "--domain", "cron", "--kind", "Pod"], "cron's answers are of no kind"),
        (["x", "--domain", "cron", "--for-version", "1.36"], "the domain cron has none"),
        (["x", "--for-version", "1.99"], "no schemas of Kubernetes '1.99'"),
        (["x", "--crd", "nowhere.yaml"], "nowhere.yaml"),
        (["x", "--kind", "Deploymnet"], "did you mean 'Deployment'"),
        (["x", "--document", "1"], "no file is edited"),
        (["x", "--edit", "f.yaml", "--free", "--n", "2"], "does not go with --free, --n"),
    ],
)
def test_bad_wishes_are_one_message(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], mend: str
) -> None:
    says(monkeypatch, "x")
    assert answer(["ask", *arguments, "--model", str(folder)]) == 2
    assert mend in capsys.readouterr().err


def test_a_model_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["ask", "x", "--model", str(folder) + "-gone"]) == 2
    assert "is no run, artifact, folder of weights, GGUF file, address or packaged student" in capsys.readouterr().err


def test_eval_prints_the_score_and_a_comparison(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(models, "USUAL_DOMAIN", "cron")
    says(monkeypatch, "0 9 * * *")
    place = ["--workspace", str(folder.parent / "workspace")]
    assert answer(["eval", str(folder), "cron", "--count", "5", "--json", *place]) == 0
    ways = json.loads(capsys.readouterr().out)["models"][str(folder)]
    score = ways["free"]
    assert set(ways) == {"free", "constrained"} and score["total"] == 5 and score["passed"] + sum(score["failed_on"].values()) == 5
    other = folder.parent / "other"
    other.mkdir()
    (other / "model.safetensors").touch()
    assert answer(["eval", str(folder), str(other), "cron", "--count", "5", *place]) == 0
    assert "second minus first, constrained: +0.0%" in capsys.readouterr().out
    assert answer(["eval", str(folder), str(folder), "cron", *place]) == 2
    assert "name two models" in capsys.readouterr().err
    assert answer(["eval", str(folder), "crom", *place]) == 2
    assert "did you mean 'cron'" in capsys.readouterr().err
    assert answer(["eval", str(folder)]) == 2
    assert "give MODEL SUITE" in capsys.readouterr().err


def test_words_of_the_request_that_nothing_uses_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = says(monkeypatch, "0 9 * * 1-5")
    engine.unused = ("pods", "10")
    assert answer(["ask", "weekdays at nine", "--model", str(folder), "--domain", "cron"]) == 0
    assert "not used of the request: 'pods', '10'" in capsys.readouterr().err


def test_a_kind_is_not_promised_without_the_grammar(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, "x")
    assert answer(["ask", "a pod", "--model", str(folder), "--kind", "Pod", "--free"]) == 2
    assert "nothing holds the model to a --kind" in capsys.readouterr().err
    assert answer(["ask", "a pod", "--model", str(folder), "--temperature", "nan"]) == 2
    assert "give a number from 0 to 5" in capsys.readouterr().err
