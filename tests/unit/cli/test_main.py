import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kubestill.cli import main
from kubestill.ground.errors import Unavailable
from kubestill.ground.store import Store
from kubestill.pipeline import table
from support.fake_pipeline import STAGES as FAKE_STAGES

CLI = Path(main.__file__).parent
NOT_COMMANDS = {"__init__", "main", "options", "progress", "check_formats", "check_fix", "still"}


@pytest.fixture
def fake(toy_domain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table.STAGES, "rows", FAKE_STAGES.rows)


def raising(error: BaseException) -> Callable[..., None]:
    def run(*_: object, **__: object) -> None:
        raise error

    return run


def test_the_table_of_commands_is_the_folder() -> None:
    assert {path.stem for path in CLI.glob("*.py")} - NOT_COMMANDS == set(main.COMMANDS)


def test_help_lists_every_command_without_importing_one(capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name in {row[0].split(":")[0] for row in main.COMMANDS.values()}]:
        del sys.modules[name]
    assert main.answer(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in main.COMMANDS)
    assert "kubestill.cli.run" not in sys.modules


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_has_help_that_begins_as_the_table_says_nothing_else(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.answer([name, "--help"]) == 0
    assert f"Usage: kubestill {name}" in capsys.readouterr().out


def test_a_mistyped_command_is_told_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.answer(["pln", "x.toml"]) == 2
    assert "there is no command 'pln'; did you mean 'plan'?" in capsys.readouterr().err


@pytest.mark.usefixtures("fake")
def test_run_prints_results_on_stdout_and_the_rest_on_stderr(recipe_file: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", str(recipe_file), "--workspace", str(store.workspace)]
    assert main.answer(arguments) == 0
    first = capsys.readouterr()
    assert first.out.splitlines()[-1].endswith("report.md")
    assert "66.7%  (20/30, 95 %: 49.0% to 81.0%)" in first.out
    assert "[3/3] judged" in first.err and "builds" not in first.out
    assert main.answer([*arguments, "--json"]) == 0
    again = capsys.readouterr()
    assert "nothing to do" in again.err
    assert json.loads(again.out)["suites"]["toy"]["total"] == 30


@pytest.mark.usefixtures("fake")
def test_plan_says_what_is_there_what_will_be_built_and_why(recipe_file: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--workspace", str(store.workspace)]
    main.answer(["run", str(recipe_file), *place])
    capsys.readouterr()
    assert main.answer(["plan", str(recipe_file), *place]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to do"
    assert main.answer(["plan", str(recipe_file), *place, "--set", "thirds.by=4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("numbers     have it")
    assert "will build" in lines[1] and "by 3 -> 4 since samples/thirds-" in lines[1]
    assert lines[2].strip() == "judged      waits for thirds"
    assert lines[3].startswith("2 of 3 stages to build: about ")


@pytest.mark.usefixtures("fake")
def test_show_list_and_diff_tell_of_runs_and_artifacts(recipe_file: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--workspace", str(store.workspace)]
    main.answer(["run", str(recipe_file), *place])
    main.answer(["run", str(recipe_file), *place, "--set", "thirds.by=4"])
    capsys.readouterr()
    assert main.answer(["list", "artifacts", "--json", *place]) == 0
    listed = json.loads(capsys.readouterr().out)
    names = [row["artifact"] for row in listed if row["artifact"].startswith("samples/")]
    assert len(names) == 2 and all(row["whole"] for row in listed)
    assert main.answer(["diff", *names, "--json", *place]) == 0
    rows = {row["name"]: {row["first"], row["second"]} for row in json.loads(capsys.readouterr().out)}
    assert rows["parts.what.by"] == {3, 4} and rows["tally.kept"] == {6, 8}
    assert main.answer(["show", "latest", *place]) == 0
    assert "dropped 8: odd one" in capsys.readouterr().out
    assert main.answer(["show", names[0], *place]) == 0
    assert "odd one" in capsys.readouterr().out
    runs = [path.name for path in sorted(store.runs.iterdir()) if not path.is_symlink()]
    assert main.answer(["diff", runs[0], "latest", *place]) == 0
    assert "recipe.thirds.by" in capsys.readouterr().out
    assert main.answer(["show", names[0][:-1] + "x", *place]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_what_cannot_be_listed_or_explained_names_what_can(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.answer(["list", "artefacts"]) == 2
    assert "did you mean 'artifacts'?" in capsys.readouterr().err
    assert main.answer(["explain", "CRON009"]) == 2
    assert "did you mean 'CRON00" in capsys.readouterr().err


def test_explain_prints_what_the_check_itself_says(capsys: pytest.CaptureFixture[str]) -> None:
    from kubestill.domains.cron.checks import Readable

    assert main.answer(["explain", "cron002"]) == 0
    told = capsys.readouterr().out
    assert Readable.remedy in told and Readable.bad[0] in told and Readable.good[-1] in told


def test_examples_of_what_no_check_class_finds_keep_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    from kubestill.domains.kubernetes.answers import explain

    for code in ("K8S730", "K8S401", "K8S740", "K8S001"):
        assert main.answer(["explain", code, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        meaning = explain(code).partition("\n")[2]
        assert meaning.startswith(told["looks_for"]) and "Bad:" not in told["looks_for"]
        assert all(example in meaning for name in ("bad", "good") for example in told.get(name, ()))
        assert ("Remedy:" in meaning, "\nGood:\n" in meaning) == ("remedy" in told, "good" in told)
    assert main.answer(["explain", "K8S730"]) == 0
    assert "    1. kubectl describe pod a -n b\n    2. kubectl logs a -n b\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Unavailable("torch is not installed", "pip install torch"), 3, "torch is not installed; run: pip install torch"),
        (KeyboardInterrupt(), 130, "the next run goes on where this one stopped"),
        (OSError(errno.ENOSPC, "No space left on device", "/w/x.part"), 1, "the disk is full at /w/x.part; free some space and run again"),
        (ValueError("Error while serializing: I/O error: No space left on device (os error 28)"), 1, "the disk is full; free some space"),
    ],
    ids=["unavailable", "ctrl-c", "disk full", "disk full, told by Rust"],
)
@pytest.mark.usefixtures("fake")
def test_what_stops_a_run_is_one_sentence(
    error: BaseException, code: int, told: str, recipe_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kubestill.pipeline.run.run_recipe", raising(error))
    assert main.answer(["run", str(recipe_file)]) == code
    err = capsys.readouterr().err.strip()
    assert told in err and "Traceback" not in err and "\n" not in err


@pytest.mark.usefixtures("fake")
def test_a_fault_of_ours_keeps_its_traceback(recipe_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubestill.pipeline.run.run_recipe", raising(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        main.answer(["run", str(recipe_file)])


def test_a_user_error_is_one_sentence_with_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.answer(["plan", str(tmp_path / "gone.toml")]) == 2
    assert capsys.readouterr().err.startswith(f"kubestill: {tmp_path / 'gone.toml'}: there is no such recipe")


def test_doctor_tells_packages_and_how_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    store.place("mix", "curation", "a" * 40).mkdir(parents=True)
    assert main.answer(["doctor", "--json", "--workspace", str(tmp_path)]) == 0
    lines = {line["name"]: line for line in json.loads(capsys.readouterr().out)}
    assert lines["numpy"]["state"] == "ok" and lines["unfinished"]["found"] == "1: mix/curation-" + "a" * 12
    assert main.answer(["doctor", "--prune", "--workspace", str(tmp_path)]) == 0
    assert store.directories() == []
