import sys

import pytest

from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.registry import Table, load_object, need

TABLE = Table("shape", {"circle": "math:pi", "square": "math:sqrt"})


def test_a_row_is_loaded_by_name() -> None:
    import math

    assert TABLE.load("circle") == math.pi
    assert list(TABLE) == ["circle", "square"] and "circle" in TABLE


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"recipe\.toml: no shape is called 'sqare'; did you mean 'square'\?"):
        TABLE.load("sqare", "recipe.toml")
    with pytest.raises(UserError, match="known: circle, square"):
        TABLE.load("zzz")


def test_a_missing_package_of_an_extra_comes_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # what Python does for a package that is not there
    with pytest.raises(Unavailable, match=r"pip install 'kubestill\[report\]'") as caught:
        load_object("matplotlib:pyplot")
    assert caught.value.exit_code == 3


def test_a_missing_package_of_our_own_is_a_fault_and_no_advice() -> None:
    with pytest.raises(ModuleNotFoundError):
        load_object("kubestill.nowhere:thing")


def test_need_looks_at_versions_without_importing() -> None:
    need("numpy", "2.0", "train")
    with pytest.raises(Unavailable, match=r"too old, 999\.1 or later"):
        need("numpy", "999.1", "train")
    with pytest.raises(Unavailable, match=r"nopackage is not installed; run: pip install 'kubestill\[train\]'"):
        need("nopackage", "1", "train")
