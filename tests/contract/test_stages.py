"""What every row of the table of stages keeps to."""

import pytest
from pydantic import ValidationError

from kubestill.ground.fingerprint import fingerprint
from kubestill.ground.stage import How, Stage, What
from kubestill.pipeline.table import NEEDS, STAGES

ROWS = list(STAGES)


@pytest.fixture(params=ROWS)
def stage(request: pytest.FixtureRequest) -> Stage:
    loaded: Stage = STAGES.load(request.param)
    return loaded


def test_settings_are_frozen_and_refuse_what_they_do_not_know(stage: Stage) -> None:
    for settings, root in ((stage.what, What), (stage.how, How)):
        assert issubclass(settings, root)
        made = settings()  # a recipe may leave the whole table out
        with pytest.raises(ValidationError):
            settings.model_validate({"no_such_setting": 1})
        for name in settings.model_fields:
            with pytest.raises(ValidationError):
                setattr(made, name, None)


def test_settings_have_a_stable_spelling_that_reads_back(stage: Stage) -> None:
    made = stage.what()
    again = stage.what.model_validate(made.model_dump(mode="json"))
    assert again == made
    assert fingerprint(again.model_dump(mode="json")) == fingerprint(made.model_dump(mode="json"))


def test_no_setting_says_both_what_and_how(stage: Stage) -> None:
    assert not set(stage.what.model_fields) & set(stage.how.model_fields)


def named(stage: Stage) -> set[str]:
    return {name for names in stage.inputs.values() for name in ([names] if isinstance(names, str) else names)}


def test_inputs_are_made_by_other_stages_and_no_two_make_the_same_kind(stage: Stage) -> None:
    assert stage.name not in named(stage)
    assert named(stage) <= set(ROWS)
    makers = {row for row in ROWS if STAGES.load(row).output == stage.output}
    alike = {STAGES.load(row).__module__.rpartition(".")[0] for row in makers}
    assert len(alike) == 1, f"{makers} make the same kind, and do not live in one room"
    assert stage.version >= 1


def test_needs_name_stages_and_the_report() -> None:
    assert set(NEEDS) <= {*ROWS, "report"}
