"""`ask --stream` and `ask --draft`, over engines that say what they are told and over a random model of another's making."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kubestill.cli.main import answer
from kubestill.pipeline import models
from kubestill.pipeline import serving as answering
from kubestill.tools.engines.api import Ask, Reply
from kubestill.tools.engines.fake import FakeEngine
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.grammar.api import Guide
from unit.tools.engines.test_pretrained import write_model


class Whole:
    """Answers, and cannot tell an answer before its end."""

    name = "whole"

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = list(texts), list[tuple[str, bool]]()

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        self.asked.append((requests[0], bool(guides and guides[0])))
        return [Reply(self.texts.pop(0), 3, 5)]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    (tmp_path / "model.safetensors").touch()
    monkeypatch.setattr(models, "packaged", lambda: {})

    def asked(engine: object, *arguments: str) -> int:
        monkeypatch.setattr(answering, "load_engine", lambda model: engine)
        return answer(["ask", *arguments, "--model", str(tmp_path), "--domain", "cron"])

    return asked


def test_the_streamed_page_is_the_page(ask: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    for text in ("0 9 * * 1-5\n", "0 9 * * 1-5", "a\n\nb: c\n\n", "\n", ""):
        for engine in (FakeEngine({"x": text}), Whole(text, text, text)):
            codes = ask(engine, "x"), capfd.readouterr()
            streamed = ask(engine, "x", "--stream"), capfd.readouterr()
            assert streamed[0] == codes[0]
            if codes[0] == 0:  # an answer that fails is repaired only where nobody has seen it
                assert streamed[1] == codes[1]
            else:
                assert streamed[1].out == codes[1].out and "failed" in streamed[1].err


def test_each_line_is_out_before_the_next_is_written(ask: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    seen = []

    class Slow(FakeEngine):
        def stream(self, request: str, ask: Ask, guide: Guide | None, told: Callable[[str], None]) -> Reply:
            for line in ("a: 1\n", "b: 2\n"):
                told(line)
                seen.append(capfd.readouterr())
            return Reply("a: 1\nb: 2\n", 1, 2)

    assert ask(Slow({}), "x", "--stream", "--explain") == 1
    assert [(one.out, one.err) for one in seen] == [("a: 1", ""), ("\nb: 2", "")]
    rest = capfd.readouterr()
    assert rest.out == "\n" and rest.err.startswith("verdict: failed") and "needed no choice" in rest.err


def test_what_was_streamed_is_not_repaired(ask: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    engine = Whole("0 25 * * *", "0 5 * * *")
    assert ask(engine, "x", "--stream") == 1
    assert capfd.readouterr().out == "0 25 * * *\n" and len(engine.asked) == 1


def test_a_draft_is_written_freely_and_stands_in_the_second_question(ask: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    engine = Whole("Sure! 9 in the morning is `0 9 * * 1-5`.", "0 9 * * 1-5")
    assert ask(engine, "weekdays at nine", "--draft", "--json") == 0
    record = json.loads(capfd.readouterr().out)
    assert (record["answer"], record["draft"], record["draft_tokens"]) == ("0 9 * * 1-5", "Sure! 9 in the morning is `0 9 * * 1-5`.", 5)
    (first, led), (second, then) = engine.asked
    assert first == "weekdays at nine" and (led, then) == (False, True)
    assert second.startswith("weekdays at nine\n") and record["draft"] in second
    engine = Whole("0 9 * * 1-5\n", "0 9 * * 1-5")
    assert ask(engine, "weekdays at nine", "--draft", "--explain", "--stream") == 0
    told = capfd.readouterr()
    assert told.out == "0 9 * * 1-5\n" and "drafted freely in 5 tokens, the same as the answer" in told.err


def test_each_of_several_answers_has_its_own_draft(ask: Callable[..., int]) -> None:
    engine = Whole("@daily?", "never", "@weekly?", "0 9 * * 1-5")
    assert ask(engine, "x", "--draft", "--n", "2") == 0
    assert [led for _, led in engine.asked] == [False, True, False, True]
    assert "@daily?" in engine.asked[1][0] and "@weekly?" in engine.asked[3][0] and "@daily?" not in engine.asked[3][0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stream", "--json"], "--stream: does not go with --json"),
        (["--stream", "--n", "2"], "--stream: does not go with --n"),
        (["--edit", "f.yaml", "--stream", "--draft"], "--edit: does not go with --draft, --stream"),
        (["--draft", "--free"], "leave one of them out"),
    ],
)
def test_what_does_not_go_together(ask: Callable[..., int], capfd: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    engine = Whole("x")
    assert ask(engine, "x", *arguments) == 2 and not engine.asked
    assert told in capfd.readouterr().err


def test_a_student_that_notes_does_not_draft(ask: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    engine = Whole("x")
    engine.notes = True  # type: ignore[attr-defined]
    assert ask(engine, "x", "--draft") == 2 and not engine.asked
    assert "--draft: this model notes what it understood" in capfd.readouterr().err


def test_a_model_of_anothers_making_drafts_freely_and_answers_under_the_grammar(
    ask: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    folder = tmp_path / "other"
    folder.mkdir()
    write_model(folder, "qwen2")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 2048}))
    engine = TransformersEngine.load(folder)
    whole = engine.generate
    monkeypatch.setattr(engine, "generate", lambda requests, ask, guides=None: whole(requests, replace(ask, max_new_tokens=60), guides))
    for arguments in ([], ["--temperature", "0.8"]):
        ask(engine, "every day", "--draft", "--json", *arguments)
        record = json.loads(capfd.readouterr().out)
        assert record["draft_tokens"] > 0 and record["draft"] != record["answer"]
        assert record["truncated"] or record["failed_on"] not in ("form", "syntax"), record
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 80}))
    assert ask(TransformersEngine.load(folder), "every day", "--draft") == 2
    assert "--draft: with its draft of" in capfd.readouterr().err
