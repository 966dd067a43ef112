from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubestill.ground.records import write_records
from kubestill.pipeline.report_data import pick_answers, thinned
from support.fake_pipeline import answer


@given(st.integers(0, 60), st.integers(1, 25))
def test_thinned_rows_keep_order_and_both_ends(count: int, most: int) -> None:
    rows = [{"step": step} for step in range(count)]
    kept = [row["step"] for row in thinned(rows, most)]
    assert len(kept) == min(count, most)
    assert kept == sorted(set(kept))
    assert not kept or kept[-1] == count - 1
    assert not kept or most == 1 or kept[0] == 0


@pytest.mark.parametrize(("failed", "passed", "told_failed"), [(30, 30, 10), (2, 30, 2), (30, 3, 17), (0, 40, 0), (40, 0, 20)])
def test_half_of_the_answers_shown_have_failed_where_there_are_as_many(tmp_path: Path, failed: int, passed: int, told_failed: int) -> None:
    write_records(tmp_path / "toy.jsonl", [answer(number, number >= failed) for number in range(failed + passed)])
    picked = pick_answers(tmp_path, 20)
    assert len(picked) == 20
    assert sum(not one["passed"] for one in picked) == told_failed
    assert len({one["request"] for one in picked}) == 20


def test_answers_are_dealt_over_the_suites(tmp_path: Path) -> None:
    for suite, count in (("a", 3), ("b", 0), ("c", 50)):
        write_records(tmp_path / f"{suite}.jsonl", [answer(number, True) for number in range(count)])
    picked = pick_answers(tmp_path, 20)
    assert [one["suite"] for one in picked] == ["a"] * 3 + ["c"] * 17
    assert pick_answers(tmp_path / "gone", 20) == []
