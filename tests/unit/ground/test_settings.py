import os
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.settings import read_settings


def test_defaults_and_given_values() -> None:
    assert read_settings({}).workspace == Path("workspace")
    assert read_settings({}).processes == len(os.sched_getaffinity(0))
    assert read_settings({"KUBESTILL_WORKSPACE": "/x", "KUBESTILL_PROCESSES": "3"}) == read_settings(
        {"KUBESTILL_PROCESSES": "3", "KUBESTILL_WORKSPACE": "/x"}
    )
    assert read_settings({"KUBESTILL_PROCESSES": "3"}).processes == 3


def test_a_key_is_read_and_never_shown() -> None:
    settings = read_settings({"KUBESTILL_API_KEY": "sk-secret\n"})
    assert settings.api_key == "sk-secret" and "secret" not in repr(settings) and read_settings({}).api_key == ""


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5"])
def test_a_number_of_processes_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="KUBESTILL_PROCESSES"):
        read_settings({"KUBESTILL_PROCESSES": given})
