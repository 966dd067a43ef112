import math
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubestill.ground.fingerprint import canonical, digest, fingerprint

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Colour(StrEnum):
    RED = "red"


@given(plain)
def test_plain_data_is_its_own_canonical_form(value: object) -> None:
    assert canonical(value) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


def test_other_values_have_other_fingerprints() -> None:
    values = [None, False, 0, 0.0, "", [], {}, "0", [0], [[0]], {"a": 0}, {"a": None}, 1, True, "1", -1]
    assert len({fingerprint(value) for value in values}) == len(values)


UNSPELLABLE = [{1, 2}, Path("x"), object(), len, b"x", math.nan, math.inf, {1: 2}, [{"a": {3}}]]


@pytest.mark.parametrize("value", UNSPELLABLE, ids=lambda value: type(value).__name__)
def test_what_has_no_stable_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        fingerprint(value)


def test_tuples_and_enumerations_are_spelled_as_what_they_hold() -> None:
    assert fingerprint((1, (2,))) == fingerprint([1, [2]])
    assert fingerprint(Colour.RED) == fingerprint("red")


def test_another_process_with_another_hash_seed_agrees() -> None:
    value = {"b": [1, 2.5, "ä\n"], "a": {"y": None, "x": True}}
    code = f"from kubestill.ground.fingerprint import fingerprint; print(fingerprint({value!r}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"})
    assert told.stdout.strip() == fingerprint(value)


def test_a_folder_is_the_names_and_bytes_below_it(tmp_path: Path) -> None:
    def folder(name: str, files: dict[str, str]) -> str:
        for place, content in files.items():
            (tmp_path / name / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / place).write_text(content)
        return digest(tmp_path / name)

    one = folder("one", {"a.yaml": "1", "sub/b.yaml": "2"})
    assert folder("two", {"sub/b.yaml": "2", "a.yaml": "1", ".git/HEAD": "x"}) == one
    assert folder("three", {"a.yaml": "1", "sub/b.yaml": "3"}) != one
    assert folder("four", {"a.yaml": "1", "b.yaml": "2"}) != one
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "gone")


def test_a_link_to_its_own_folder_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    assert digest(tmp_path)
