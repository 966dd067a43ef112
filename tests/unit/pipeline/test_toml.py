import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubestill.pipeline.toml import to_toml

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
plain = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | text
values = st.recursive(plain | st.lists(plain, max_size=3), lambda inner: st.dictionaries(text, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(text, values, max_size=4))
def test_the_standard_library_reads_back_what_was_written(data: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(data)) == data


def test_tables_in_lists_and_nothing_at_all() -> None:
    assert tomllib.loads(to_toml({"a": [{"b": 1}, {"c": [2]}], "gone": None, "empty": {}})) == {"a": [{"b": 1}, {"c": [2]}], "empty": {}}


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError):
        to_toml({"a": object()})
