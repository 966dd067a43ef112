"""The page's view of a workspace: held against the records themselves, read in another way."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.ground.store import Store
from kubestill.pipeline.data import Wanted as Wish
from kubestill.pipeline.shelf import WorkspaceShelf, scores_of
from kubestill.serving.page.api import Row, Wanted
from kubestill.tools.modeling.bases import packaged
from support.page_app import EVIL, EVIL_RUN, FAILED, FINISHED, GOING, MIX, WEIGHTS, curve_row, make_workspace


@pytest.fixture
def shelf(tmp_path: Path) -> WorkspaceShelf:
    return WorkspaceShelf(make_workspace(tmp_path))


def every(shelf: WorkspaceShelf, wanted: Wanted, dropped: bool = False) -> list[Row]:
    """All records, page by page."""
    found: list[Row] = []
    for _ in range(100):
        page = shelf.drops(wanted) if dropped else shelf.samples(wanted)
        found += page.rows
        if not page.next:
            return found
        wanted = wanted.model_copy(update={"start": page.next})
    raise AssertionError("it never ends")


def test_runs_have_their_states_newest_first(shelf: WorkspaceShelf) -> None:
    assert [(line.run, line.state) for line in shelf.runs()] == [
        (GOING, "going"),
        (FINISHED, "finished"),
        (FAILED, "failed"),
        (EVIL_RUN, "finished"),
    ]


def test_a_run_that_wrote_nothing_for_long_is_cut_and_goes_on_when_it_writes_again(shelf: WorkspaceShelf) -> None:
    old = time.time() - 3_600
    for path in [*(shelf.store.runs / GOING).iterdir(), *(shelf.store.workspace / "artifacts").rglob("*")]:
        os.utime(path, (old, old))
    assert shelf.runs()[0].state == "cut"
    with (shelf.store.workspace / "artifacts" / WEIGHTS / "curve.jsonl").open("a") as file:
        file.write(json.dumps(curve_row(20)) + "\n")
    assert shelf.runs()[0].state == "going"


def test_a_run_that_is_tried_again_after_it_failed_goes_on(shelf: WorkspaceShelf) -> None:
    os.utime(shelf.store.runs / FAILED / "run.json")
    for path in (shelf.store.runs / GOING).iterdir():
        path.unlink()
    (shelf.store.runs / GOING).rmdir()
    assert {line.run: line.state for line in shelf.runs()}[FAILED] == "going"


def test_a_curve_is_followed_past_a_line_that_is_just_being_written(shelf: WorkspaceShelf) -> None:
    file = shelf.store.workspace / "artifacts" / WEIGHTS / "curve.jsonl"
    known = shelf.curve(GOING)
    with file.open("a") as more:
        more.write(json.dumps(curve_row(20)) + "\n" + '{"step": 21, "lo')
    assert [row.step for row in shelf.curve(GOING, known.loss[-1].step).loss] == [20]
    assert [row.model_dump() for row in shelf.curve(GOING).loss] == [curve_row(step) for step in range(1, 21)]


def test_a_run_that_goes_on_tells_what_stands_and_what_waits(shelf: WorkspaceShelf) -> None:
    told = shelf.run(GOING)
    assert [(stage.name, stage.seconds) for stage in told.stages] == [("curation", 3.0), ("training", None), ("evaluation", None)]
    assert [(flow.came, flow.kept + sum(flow.dropped.values())) for flow in told.river] == [(73, 73)]
    assert shelf.run(FAILED).failure.startswith("training: OSError: ")


def test_a_finished_run_tells_its_report(shelf: WorkspaceShelf) -> None:
    report = json.loads((shelf.store.runs / FINISHED / "report.json").read_text())
    told = shelf.run(FINISHED).model_dump()
    for name in ("river", "seconds", "recipe"):
        assert told[name] == report.get(name, report["seconds_total"])
    assert told["scores"] == {"procedural": report["suites"]["procedural"]["constrained"]}  # a suite that was not asked has none
    assert [answer["answer"] for answer in told["answers"]] == [answer["answer"] for answer in report["answers"]]


@pytest.mark.parametrize(
    "wish",
    [
        Wish(),
        Wish(kind="Service"),
        Wish(road="reverse", kind="Deployment"),
        Wish(text="NUMBER 1"),
        Wish(text='ünï "q'),
        Wish(text="nowhere"),
        Wish(kind=EVIL),
    ],
    ids=str,
)
def test_pages_hold_each_wanted_sample_once_in_order(shelf: WorkspaceShelf, wish: Wish) -> None:
    files = [shelf.store.workspace / "artifacts" / MIX / name for name in ("train-00000.jsonl", "train-00001.jsonl", "dev.jsonl")]
    expected = [record["id"] for file in files for record in read_records(file) if wish.holds(record)]
    wanted = Wanted(name=MIX, skill=wish.skill, kind=wish.kind, road=wish.road, text=wish.text)
    assert [row.id for row in every(shelf, wanted)] == expected


def test_a_place_within_a_line_leads_to_the_next_one(shelf: WorkspaceShelf) -> None:
    size = (shelf.store.workspace / "artifacts" / MIX / "train-00000.jsonl").stat().st_size
    known = {row.id for row in every(shelf, Wanted(name=MIX))}
    for start in ("0.5", f"0.{size - 3}", f"0.{size + 99}", "7.0", "1.1"):
        assert {row.id for row in every(shelf, Wanted(name=MIX, start=start))} < known


def test_what_was_dropped_is_shown_by_reason(shelf: WorkspaceShelf) -> None:
    assert [row.source for row in every(shelf, Wanted(name=MIX, reason="too-long"), dropped=True)] == ["draw 17", "document d1"]
    (evil,) = every(shelf, Wanted(name=MIX, reason=EVIL), dropped=True)
    assert evil.findings[0].message == EVIL
    assert len(every(shelf, Wanted(name=MIX), dropped=True)) == 3


def test_a_collection_is_counted(shelf: WorkspaceShelf) -> None:
    (mix,) = shelf.collections()
    assert (mix.name, mix.came, mix.kept) == (MIX, 73, 70)
    assert mix.came == mix.kept + sum(mix.dropped.values())
    assert mix.roads == {"procedural": 43, "reverse": 22}


@pytest.mark.parametrize("name", ["..", "../..", f"{FINISHED}/../{GOING}", "latest/..", "/etc", "", ".", "a\x00b", "x" * 400])
def test_a_name_is_never_a_path(shelf: WorkspaceShelf, name: str) -> None:
    for ask in (shelf.run, shelf.curve):
        with pytest.raises(UserError, match="no such run"):
            ask(name)
    for look in (shelf.samples, shelf.drops):
        with pytest.raises(UserError, match="no such artifact"):
            look(Wanted.model_construct(name=name, start="0.0"))


def test_an_empty_workspace_has_nothing_but_what_is_packaged(tmp_path: Path) -> None:
    shelf = WorkspaceShelf(Store(tmp_path / "nowhere"))
    assert shelf.runs() == [] and shelf.collections() == []
    assert {one.name for one in shelf.releases()} == set(packaged())


@pytest.mark.parametrize("name", sorted(packaged()))
def test_the_scores_of_a_packaged_student_are_those_that_its_card_prints(name: str) -> None:
    card = (packaged()[name] / "README.md").read_text()
    row = re.compile(r"^\| (\S+) \| (free|constrained) \| ([\d.]+)% \| ([\d.]+)% to ([\d.]+)% \| (\d+) \|", re.MULTILINE)
    printed = {(suite, decoding): tuple(map(float, rest)) for suite, decoding, *rest in row.findall(card)}
    scores = scores_of(card)
    found = {(suite, "free"): one for suite, one in scores.items()}
    found |= {(suite, "constrained"): one.constrained for suite, one in scores.items() if one.constrained}
    assert printed and set(found) == set(printed)
    for key, one in found.items():
        share, low, high, total = printed[key]
        assert (100 * one.passed / one.total, 100 * one.low, 100 * one.high) == pytest.approx((share, low, high), abs=0.06)
        assert one.total == total
