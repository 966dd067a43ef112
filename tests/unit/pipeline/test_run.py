import json
from pathlib import Path
from typing import Any

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.progress import Silent
from kubestill.ground.store import Store
from kubestill.pipeline.plan import describe, make_plan
from kubestill.pipeline.recipe import read_recipe
from kubestill.pipeline.run import Result, Vanished, run_recipe, run_until
from support import fake_pipeline
from support.fake_pipeline import STAGES

pytestmark = pytest.mark.usefixtures("toy_domain")


def go(path: Path, store: Store, *overrides: str) -> Result:
    return run_recipe(read_recipe(path, overrides, STAGES), store, Silent())


def states(path: Path, store: Store, *overrides: str) -> list[str]:
    return [step.state for step in make_plan(read_recipe(path, overrides, STAGES), store).steps]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_second_run_does_nothing_and_leaves_nothing(recipe_file: Path, store: Store) -> None:
    first = go(recipe_file, store)
    before = files(store.workspace)
    second = go(recipe_file, store)
    assert (first.worked, second.worked) == (True, False)
    assert second.directory == first.directory
    assert second.report == json.loads(json.dumps(first.report))
    assert fake_pipeline.RAN == ["numbers", "thirds", "judged"]
    assert files(store.workspace) == before
    assert (store.runs / "latest").resolve() == first.directory.resolve()


def test_a_stage_can_refuse_its_settings_before_anything_is_built(recipe_file: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only stages that are to be built are asked, and their settings are those that they would get."""
    asked = []

    def ready(what: Any, domain: Any) -> None:
        asked.append((what.by, domain.name))
        if what.by == 4:
            raise UserError("thirds.by", "found 4")

    monkeypatch.setattr(STAGES.load("thirds"), "ready", ready, raising=False)
    with pytest.raises(UserError, match="found 4"):
        go(recipe_file, store, "thirds.by=4")
    with pytest.raises(UserError, match="found 4"):
        run_until(read_recipe(recipe_file, ["thirds.by=4"], STAGES), store, Silent(), "thirds")
    assert fake_pipeline.RAN == [] and not store.all() and not any(store.runs.glob("*"))
    run_until(read_recipe(recipe_file, ["thirds.by=4"], STAGES), store, Silent(), "numbers")  # that stage is not wanted yet
    go(recipe_file, store)
    go(recipe_file, store)
    assert asked == [(4, "toy"), (4, "toy"), (3, "toy")]


def test_a_changed_setting_builds_its_stage_and_what_follows(recipe_file: Path, store: Store) -> None:
    go(recipe_file, store)
    assert states(recipe_file, store, "thirds.by=4") == ["have it", "will build", "waits"]
    plan = make_plan(read_recipe(recipe_file, ["thirds.by=4"], STAGES), store)
    assert plan.steps[1].changed == ("by 3 -> 4",)
    assert plan.steps[2].waits_for == ("thirds",)
    assert "by 3 -> 4 since samples/thirds-" in describe(plan.steps[1])
    result = go(recipe_file, store, "thirds.by=4")
    assert [stage["reused"] for stage in result.report["stages"]] == [True, False, False]


@pytest.mark.parametrize("override", ["seed=8", "domain.colour=blue", "numbers.count=6"])
def test_what_shapes_the_result_enters_every_key(recipe_file: Path, store: Store, override: str) -> None:
    go(recipe_file, store)
    assert states(recipe_file, store, override) == ["will build", "waits", "waits"]


@pytest.mark.parametrize("override", ["name=other", "how.thirds.processes=3"])
def test_what_does_not_shape_the_result_enters_no_key(recipe_file: Path, store: Store, override: str) -> None:
    go(recipe_file, store)
    assert states(recipe_file, store, override) == ["have it"] * 3


def test_sources_enter_the_key_by_content_and_not_by_place(tmp_path: Path, store: Store) -> None:
    def recipe(folder: str, content: str) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "data.jsonl").write_text(content)
        path = tmp_path / folder / "toy.toml"
        path.write_text('name = "toy"\n[domain]\nname = "toy"\n[sources]\nmanifests = ["data.jsonl"]\n')
        return path

    result = go(recipe("here", "one"), store)
    assert result.report["stages"][0]["figures"]["sources"] == [str(tmp_path / "here" / "data.jsonl")]
    assert states(recipe("there", "one"), store) == ["have it"] * 3
    assert states(recipe("there", "two"), store)[0] == "will build"


def test_a_base_enters_the_key_by_its_content(recipe_file: Path, store: Store, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"one")
    override = f"thirds.base={base}"
    go(recipe_file, store, override)
    assert states(recipe_file, store, override) == ["have it"] * 3
    (base / "model.safetensors").write_bytes(b"two")
    assert states(recipe_file, store, override) == ["have it", "will build", "waits"]
    with pytest.raises(UserError, match="no student 'gone'"):
        states(recipe_file, store, "thirds.base=gone")


def test_a_failure_is_noted_and_the_next_run_goes_on_in_its_directory(recipe_file: Path, store: Store) -> None:
    with pytest.raises(RuntimeError, match="asked to fail"):
        go(recipe_file, store, "how.numbers.fail=true")
    (note,) = store.runs.glob("*/failure.json")
    told = json.loads(note.read_text())
    assert (told["stage"], told["error"], told["message"]) == ("numbers", "RuntimeError", "asked to fail")
    result = go(recipe_file, store)
    assert result.directory == note.parent
    assert not note.exists() and (note.parent / "report.json").exists()


def test_nothing_may_vanish(recipe_file: Path, store: Store) -> None:
    with pytest.raises(Vanished, match="5 came, 4 were kept and 0 dropped"):
        go(recipe_file, store, "how.numbers.vanish=true")
    assert states(recipe_file, store)[0] == "will build"


def test_two_runs_in_one_workspace_are_refused(recipe_file: Path, store: Store) -> None:
    with store.locked(), pytest.raises(UserError, match=r"another run .* is writing here"):
        go(recipe_file, store)


def test_the_report_says_what_the_artifacts_say(recipe_file: Path, store: Store) -> None:
    report = go(recipe_file, store).report
    assert report["suites"]["toy"]["passed"] == 20
    assert report["river"][1] == {"stage": "thirds", "came": 12, "kept": 6, "dropped": {"odd one": 6}}
    assert len(report["answers"]) == 20 and sum(answer["passed"] for answer in report["answers"]) == 10
    assert report["seconds_total"] == sum(stage["seconds"] for stage in report["stages"])
    assert report["peak_memory_bytes"] > 10 * 2**20  # no Python with pydantic is smaller


def test_a_run_may_stop_early_and_the_next_goes_on(recipe_file: Path, store: Store) -> None:
    recipe = read_recipe(recipe_file, (), STAGES)
    made = run_until(recipe, store, Silent(), "thirds")
    assert [artifact.stage for artifact in made] == ["numbers", "thirds"]
    assert not (store.runs / "latest").exists() and states(recipe_file, store) == ["have it", "have it", "will build"]
    assert go(recipe_file, store).worked and fake_pipeline.RAN == ["numbers", "thirds", "judged"]
    with pytest.raises(UserError, match=r"no such stage: 'thrids'.*did you mean"):
        run_until(recipe, store, Silent(), "thrids")
