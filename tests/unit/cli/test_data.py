"""`kubestill data`: what it prints, and what it says where it cannot."""

import json
from pathlib import Path

import pytest

from kubestill.cli import main
from kubestill.ground.manifest import Artifact, write_manifest
from kubestill.ground.records import read_records, write_records
from kubestill.ground.store import Store
from kubestill.pipeline.data import read_all

from ..pipeline.test_data import drawn, mix


@pytest.fixture
def made(store: Store, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    monkeypatch.setitem(main.COMMANDS, "data", ("kubestill.cli.data:data", "Show, measure and export samples."))
    samples = [sample.to_record() for sample in drawn(40)]
    rejects = [{"reason": "near duplicate", "id": "r1", "skill": "cron", "kind": "daily", "road": "procedural", "request": "each day"}]
    return mix(store, samples[8:], samples[:8], rejects)


def answer(store: Store, *arguments: str) -> int:
    return main.answer(["data", *arguments, "--workspace", str(store.workspace)])


def test_show_prints_samples_with_their_notes_and_verdicts(made: Artifact, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(store, "show", "--count", "3") == 0
    told = capsys.readouterr().out
    assert told.count("┄ answer") == told.count("┄ passed") == 3 and told.count("── cron · procedural · ") == 3
    assert answer(store, "show", "--count", "3", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert all(record in list(read_all(made)) for record in shown) and all(record["request"] in told for record in shown)


def test_show_tells_what_was_dropped_and_why(made: Artifact, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(store, "show", made.name, "--rejected", "near") == 0
    head, request = capsys.readouterr().out.splitlines()[:2]
    assert head.rstrip("─") == "── near duplicate · cron · procedural · daily · r1 " and request == "each day"
    assert answer(store, "show", "--rejected", "suite") == 2
    assert "reasons: near duplicate" in capsys.readouterr().err


def test_a_page_is_written_where_it_is_wanted(made: Artifact, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(store, "show", "--html", str(tmp_path / "page.html")) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "page.html") and made.name in (tmp_path / "page.html").read_text()
    assert answer(store, "show", "--html", str(tmp_path / "page.html"), "--json") == 2


def test_stats_for_people_and_for_programs(made: Artifact, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(store, "stats") == 0
    told = capsys.readouterr().out
    assert f"{made.name}: {made.tally['kept']} of {made.tally['came']} kept" in told and "near duplicate" in told
    assert answer(store, "stats", "--json") == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert group["samples"] == made.tally["kept"] and f"{group['distinct_skeletons']}" in told
    assert answer(store, "stats", "--tokens-of", "nowhere") == 2
    assert "there is no nowhere/tokenizer.json" in capsys.readouterr().err


def test_export_tells_its_files(made: Artifact, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(store, "export", "--to", str(tmp_path / "out"), "--json") == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert (
        sum(file["rows"] for file in files)
        == made.tally["kept"]
        == sum(1 for f in files for _ in read_records(tmp_path / "out" / f["file"]))
    )
    assert answer(store, "export", "--to", str(tmp_path / "out")) == 2
    assert "give a folder that is not there yet" in capsys.readouterr().err


def test_an_empty_workspace_is_told(made: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.answer(["data", "stats", "--workspace", str(tmp_path / "elsewhere")]) == 2
    assert "make some with `kubestill run RECIPE`" in capsys.readouterr().err


def test_documents_and_what_is_left_out_of_them_are_shown(made: Artifact, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    place = store.place("documents", "corpus", "d" * 40)
    source = {"repository": "a/b", "path": "x.md", "licence": "MIT"}
    write_records(place / "documents-00000.jsonl", [{"id": "d1", "form": "pages", "kind": "task", "text": "How to wait", "source": source}])
    write_records(place / "rejects.jsonl", [{"reason": "too few words", "id": "d2", "form": "pages", "kind": "task", "source": source}])
    write_manifest(Artifact("documents", "d" * 40, "corpus", place, tally={"came": 2, "kept": 1, "dropped": {"too few words": 1}}))
    name = "documents/corpus-dddddddddddd"
    assert answer(store, "show", name, "--grep", "WAIT") == 0
    assert [line.rstrip("─ ") for line in capsys.readouterr().out.splitlines()[:3]] == [
        "── pages · task · d1",
        "How to wait",
        "┄ from a/b x.md (MIT)",
    ]
    assert answer(store, "show", name, "--rejected", "any") == 0
    assert "from a/b x.md (MIT)" in capsys.readouterr().out
    assert answer(store, "show", name, "--html", "x.html") == 2
    assert answer(store, "stats", name) == 2
    assert "give one of the kinds mix and samples" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["export", "--to"], ["show", "--html"]])
def test_a_place_where_nothing_can_be_written_is_told(
    made: Artifact, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", Path("/proc/none")):
        assert answer(store, *command, str(place / "below" / "x")) == 2
        told = capsys.readouterr().err
        assert "cannot be made" in told and "give a place where you may write" in told and "Traceback" not in told
