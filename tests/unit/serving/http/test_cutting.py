from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kubestill.serving.http.cutting import Cutter

letters = st.text("ab\n", max_size=30)


@given(letters, st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), st.lists(st.integers(0, 30), max_size=6))
def test_in_parts_it_is_cut_as_whole(text: str, stops: list[str], places: list[int]) -> None:
    whole, _ = Cutter.whole(stops, text)
    cuts = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    cutter, told = Cutter(stops), ""
    for start, end in pairwise(cuts):
        told += cutter.feed(text[start:end])
        assert whole.startswith(told)  # never more than may be told
    assert told + cutter.rest(whole) == whole
