"""Finding, counting and exporting samples, against the samples that were written."""

import importlib.util
import json
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kubestill.domains.api import TRAIN, Sample
from kubestill.domains.cron import domain
from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.manifest import Artifact, write_manifest
from kubestill.ground.records import read_records, write_records
from kubestill.ground.seeds import Seed
from kubestill.ground.store import Store
from kubestill.pipeline import data_export
from kubestill.pipeline.data import SPLITS, Wanted, find_data, lineage, pick, read_all, read_rejects, some, source_line
from kubestill.pipeline.data_card import card
from kubestill.pipeline.data_export import export, read_rows
from kubestill.pipeline.data_page import Picked, lines_of, write_page
from kubestill.pipeline.data_rows import COLUMNS
from kubestill.pipeline.data_stats import measure, percentiles

from .test_report import ATTACK, Reader

SOURCE = {"repository": "a/b", "path": "x.cron", "commit": "0123456789abcdef", "licence": "MIT"}
TAUGHT = {"teacher": "m-1", "prompt": "rephrase/1", "origin": "12ab"}


def drawn(count: int, seed: int = 1) -> list[Sample]:
    skill = domain().skills()["cron"]
    samples = [skill.draw(Seed(seed).rng(number), TRAIN) for number in range(count)]
    return [sample for sample in samples if isinstance(sample, Sample)]


def mix(store: Store, train: list[dict[str, Any]], dev: list[dict[str, Any]], rejects: list[dict[str, Any]], key: str = "0") -> Artifact:
    key = key.ljust(40, "0")
    place = store.place("mix", "curation", key)
    half = len(train) // 2
    for number, part in enumerate((train[:half], train[half:])):
        write_records(place / f"train-{number:05d}.jsonl", part)
    write_records(place / "dev.jsonl", dev)
    write_records(place / "rejects.jsonl", rejects)
    kept, dropped = len(train) + len(dev), dict(Counter(reject["reason"] for reject in rejects))
    tally = {"came": kept + len(rejects), "kept": kept, "dropped": dropped}
    write_manifest(Artifact("mix", key, "curation", place, parts={"domain": {"name": "cron"}}, tally=tally))
    return find_data(store, f"mix/curation-{key[:12]}")


@pytest.fixture
def made(store: Store) -> Artifact:
    """A mix of invented and real samples, one of them with an attack in it; three dropped."""
    samples = [sample.to_record() for sample in drawn(60)]
    real = [{**record, "id": f"real-{place}", "road": "reverse", "source": SOURCE} for place, record in enumerate(samples[10:20])]
    hostile = {**samples[0], "id": "hostile", "request": ATTACK, "answer": "0 25 * * *", "kind": "<b>kind</b>"}
    rejects = [
        {"reason": "near duplicate", "id": "r1", "skill": "cron", "kind": "daily", "road": "procedural", "request": f"every day {ATTACK}"},
        {"reason": "near duplicate", "id": "r2", "skill": "cron", "kind": "daily", "road": "procedural", "request": "each day"},
        {"reason": "held out for evaluation", "skill": "cron", "road": "reverse", "document": "d7"},
    ]
    return mix(store, [*samples[20:], *real, hostile], samples[:10], rejects)


def test_the_newest_artifact_is_meant_unless_one_is_named(store: Store) -> None:
    with pytest.raises(UserError, match="holds no samples and no mix yet"):
        find_data(store)
    records = [sample.to_record() for sample in drawn(4)]
    for key, age in (("1", 100), ("2", 0)):
        artifact = mix(store, records, [], [], key)
        stamp = (artifact.path / "manifest.json").stat().st_mtime - age
        os.utime(artifact.path / "manifest.json", (stamp, stamp))
    assert find_data(store).key[0] == "2"
    assert (
        find_data(store, "mix/curation-100000000000").key[0]
        == "1"
        == find_data(store, str(store.place("mix", "curation", "1".ljust(40, "0")))).key[0]
    )
    with pytest.raises(UserError, match="did you mean 'mix/curation-100000000000'"):
        find_data(store, "mix/curation-100000000001")
    place = store.place("weights", "training", "3" * 40)
    place.mkdir(parents=True)
    write_manifest(Artifact("weights", "3" * 40, "training", place))
    with pytest.raises(UserError, match="is of the kind 'weights'; give one of the kinds mix and samples"):
        find_data(store, "weights/training-333333333333")


def test_what_is_wanted_is_what_is_shown(made: Artifact) -> None:
    everything = list(read_all(made))
    for wanted, expected in (
        (Wanted(), 61),
        (Wanted(road="reverse"), 10),
        (Wanted(kind="<b>kind</b>"), 1),
        (Wanted(text=ATTACK.upper()), 1),
        (Wanted(skill="cron", road="reverse", kind=everything[-20]["kind"] + "x"), 0),
    ):
        assert sum(map(wanted.holds, everything)) == expected
    with pytest.raises(UserError, match="there is no road 'revers'; did you mean 'reverse'"):
        pick(read_all(made), Wanted(road="revers"), 3, 0)
    with pytest.raises(UserError, match="nothing is like that"):
        pick(read_all(made), Wanted(text="nobody says this"), 3, 0)
    assert [reject["id"] for reject in read_rejects([made], "near")] == ["r1", "r2"] and len(list(read_rejects([made], "any"))) == 3
    with pytest.raises(UserError, match="nothing was dropped for 'nera duplicate'; did you mean 'near duplicate'"):
        read_rejects([made], "nera duplicate")
    with pytest.raises(UserError, match="these have no skill: leave it out"):
        pick(iter([{"kind": "Pod"}]), Wanted(skill="cron"), 3, 0)


def test_what_was_dropped_on_the_way_to_a_mix_is_found_from_the_mix(store: Store) -> None:
    """Keys of inputs lead from a mix to what it was made from; the artifacts of another recipe are not asked."""
    names = {}
    for kind, stage, key, inputs in (
        ("documents", "corpus", "a", {}),
        ("documents", "corpus", "z", {}),
        ("samples", "synthesis", "b", {"documents": "a"}),
        ("mix", "curation", "c", {"samples": "b", "documents": "a", "gone": "f"}),
    ):
        place = store.place(kind, stage, key * 40)
        write_records(place / "rejects.jsonl", [{"reason": f"bad {kind}", "id": key}])
        parts = {"inputs": {label: other * 40 for label, other in inputs.items()}}
        write_manifest(Artifact(kind, key * 40, stage, place, parts=parts, tally={"dropped": {f"bad {kind}": 1, "never one": 2}}))
        names[key] = f"{kind}/{stage}-{key * 12}"
    line = lineage(store, find_data(store, names["c"]))
    assert line[0].name == names["c"] and sorted(artifact.name for artifact in line) == sorted(names[key] for key in "abc")
    assert {reject["id"]: reject["artifact"] for reject in read_rejects(line, "any")} == {key: names[key] for key in "abc"}
    assert [reject["id"] for reject in read_rejects(line, "bad doc")] == ["a"]
    with pytest.raises(UserError, match="only its number is known"):
        read_rejects(line, "never")
    with pytest.raises(UserError, match="is of the kind 'documents'; give one of the kinds mix and samples"):
        find_data(store, names["a"])
    assert find_data(store, names["a"], SPLITS).kind == "documents"


@pytest.mark.parametrize(
    ("source", "licence", "line"),
    [
        ({}, "invented", ""),
        (SOURCE, "MIT", "from a/b x.cron (0123456789ab, MIT)"),
        ({"path": "x.cron"}, "unknown", "from x.cron"),
        (TAUGHT, "teacher's terms", "written by m-1 (rephrase/1) over 12ab"),
        ({**SOURCE, **TAUGHT}, "MIT", "from a/b x.cron (0123456789ab, MIT), written by m-1 (rephrase/1) over 12ab"),
    ],
)
def test_who_wrote_a_sample_and_under_which_terms_is_told_everywhere(
    store: Store, tmp_path: Path, source: dict[str, str], licence: str, line: str
) -> None:
    record = {**drawn(1)[0].to_record(), "source": source}
    artifact = mix(store, [record], [], [])
    (group,) = measure(artifact)["groups"]
    assert export(artifact, "jsonl", tmp_path / "out")["licences"] == group["licences"] == {licence: 1}
    (row,) = read_rows(tmp_path / "out" / "train.jsonl")
    assert all(row[name] == source.get(name, "") for name in ("licence", "path", "teacher", "prompt", "origin"))
    assert source_line(record) == line and list(lines_of(record, None))[-1].removeprefix("┄ not judged").removeprefix(", ") == line
    told = card(artifact, [], {licence: 1})
    assert ("teacher` names the model" in told, "of a file its path" in told) == (
        licence == "teacher's terms",
        licence in ("MIT", "unknown"),
    )


def test_each_is_as_likely_as_any_other_and_the_seed_decides() -> None:
    times = Counter(item for seed in range(2_000) for item in some(range(10), 3, seed))
    assert all(abs(times[item] - 600) < 5 * (2_000 * 0.3 * 0.7) ** 0.5 for item in range(10))
    assert some(range(1_000), 5, 7) == some(range(1_000), 5, 7) != some(range(1_000), 5, 8)
    assert some(range(3), 5, 0) == [0, 1, 2] and some(range(1_000), 5, 7) == sorted(some(range(1_000), 5, 7))


def test_the_figures_are_those_of_a_plain_count(made: Artifact) -> None:
    records, told = list(read_all(made)), measure(made)
    assert (told["came"], told["kept"], told["dropped"]) == (64, 61, {"near duplicate": 2, "held out for evaluation": 1})
    for group in told["groups"]:
        mine = [record for record in records if record["road"] == group["road"]]
        lengths = sorted(len(record["request"]) for record in mine)
        assert group["samples"] == len(mine) and group["distinct_requests"] == len({record["request"] for record in mine})
        assert (
            group["request_characters"]["p50"] == lengths[-(-len(lengths) // 2) - 1] and group["request_characters"]["p100"] == lengths[-1]
        )
        assert group["num_kinds"] == len({record["kind"] for record in mine}) and not group["tokens"]
        assert 1 <= group["distinct_skeletons"] <= group["distinct_requests"]
    assert [group["licences"] for group in told["groups"]] == [{"invented": 51}, {"MIT": 10}]
    assert percentiles(Counter()) == {} and percentiles(Counter({5: 99, 9: 1})) == {"p50": 5, "p90": 5, "p99": 5, "p100": 9}


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".jsonl", ".parquet"))
    found: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        found.setdefault(file.stem.partition("-")[0], []).extend(read_rows(file))
    return found


def check_rows(found: dict[str, list[dict[str, Any]]], made: Artifact) -> None:
    expected = {
        "train": [record for file in sorted(made.path.glob("train-*")) for record in read_records(file)],
        "dev": list(read_records(made.path / "dev.jsonl")),
    }
    assert found.keys() == expected.keys()
    for split, records in expected.items():
        for row, record in zip(found[split], records, strict=True):
            assert list(row) == list(COLUMNS) and [message["role"] for message in row["messages"]] == ["user", "assistant"]
            assert [message["content"] for message in row["messages"]] == [record["request"], record["answer"]]
            assert row["notes"] == Sample.from_record(record).notes() and row["forms"] == list(record["forms"])
            assert all(row[name] == record[name] for name in ("id", "skill", "kind", "road"))
            assert all(row[name] == record["source"].get(name, "") for name in ("repository", "path", "commit", "licence"))


def test_jsonl_holds_every_sample_once_and_in_order(made: Artifact, tmp_path: Path) -> None:
    told = export(made, "jsonl", tmp_path / "out")
    check_rows(rows(tmp_path / "out"), made)
    assert {file["file"]: file["rows"] for file in told["files"]} == {"train.jsonl": 51, "dev.jsonl": 10}
    assert all((tmp_path / "out" / file["file"]).stat().st_size == file["bytes"] for file in told["files"])
    assert told["licences"] == {"MIT": 10, "invented": 51} and not (tmp_path / "out.part").exists()
    for place in (tmp_path / "out", Path()):
        with pytest.raises(UserError, match="there is something at this place already"):
            export(made, "jsonl", place)


def test_what_does_not_read_back_is_not_given_out(made: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_export, "read_rows", lambda path: list(read_rows(path))[:-1])
    with pytest.raises(OSError, match="rows were written"):
        export(made, "jsonl", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    export(made, "jsonl", tmp_path / "out")  # what the failed one left is in nobody's way
    check_rows(rows(tmp_path / "out"), made)


def test_the_memory_of_an_export_does_not_grow_with_the_samples(store: Store, tmp_path: Path) -> None:
    record, peaks = drawn(1)[0].to_record(), []
    for times in (2_000, 8_000):
        artifact = mix(store, [{**record, "id": str(place)} for place in range(times)], [], [], str(times))
        tracemalloc.start()
        export(artifact, "jsonl", tmp_path / str(times))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 100_000


def test_without_pyarrow_the_command_that_brings_it_is_told(made: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"pyarrow is not installed; run: pip install 'kubestill\[data\]'"):
        export(made, "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed: the extra data")
needs_datasets = pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="datasets is not installed: the extra bench")

LOAD = """
import json, sys
import datasets
found = datasets.load_dataset(sys.argv[1])
features = {name: str(kind) for name, kind in found["train"].features.items()}
print(json.dumps({"rows": {split: list(rows) for split, rows in found.items()}, "features": features}))
"""


@needs_pyarrow
@pytest.mark.parametrize("form", ["parquet", "hf"])
def test_parquet_holds_every_sample_in_its_columns(made: Artifact, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_export, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(data_export, "FILE_ROWS", 20)
    told = export(made, form, tmp_path / "out")
    check_rows(rows(tmp_path / "out"), made)
    names = [file["file"] for file in told["files"]]
    several = [f"data/train-{number:05d}.parquet" for number in range(3)] + ["data/dev-00000.parquet"]
    assert names == (several if form == "hf" else ["train.parquet", "dev.parquet"])


@needs_pyarrow
def test_the_card_says_what_the_folder_holds(made: Artifact, tmp_path: Path) -> None:
    import yaml

    export(made, "hf", tmp_path / "out")
    _, head, body = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    card = yaml.safe_load(head)
    assert card["license"] == ["apache-2.0", "mit"] and [feature["name"] for feature in card["dataset_info"]["features"]] == list(COLUMNS)
    assert {split["name"]: split["num_examples"] for split in card["dataset_info"]["splits"]} == {"train": 51, "dev": 10}
    size = sum(file.stat().st_size for file in (tmp_path / "out" / "data").iterdir())
    assert card["dataset_info"]["download_size"] == size
    assert "| MIT | 10 |" in body and "| near duplicate | 2 |" in body


@needs_pyarrow
@needs_datasets
def test_the_hubs_own_library_reads_the_folder(made: Artifact, tmp_path: Path) -> None:
    export(made, "hf", tmp_path / "out")
    surroundings = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    told = subprocess.run([sys.executable, "-c", LOAD, str(tmp_path / "out")], env=surroundings, capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    check_rows(found["rows"], made)
    assert found["features"]["messages"] == "List({'role': Value('string'), 'content': Value('string')})"


def test_the_page_is_whole_and_well_formed_and_a_stranger_cannot_act_in_it(made: Artifact, tmp_path: Path) -> None:
    write_page(made, Picked(Wanted(), 100, 0), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    page = Reader(text)
    assert not page.open and "script" not in page.tags and "<b onclick" not in text
    assert page.texts.count(ATTACK) >= 2 and "<b>kind</b>" in page.texts
    assert all(link.startswith("#") for link in page.links) and {link[1:] for link in page.links} <= set(page.ids)
    assert page.tags.count("svg") == 2
    told = " ".join(page.texts)
    for words in ("61", "near duplicate", "held out for evaluation", "document d7", "every day", "a/b x.cron", "failed on"):
        assert words in told, words
    assert sum(text == "passed" for text in page.texts) == 60  # every sample but the hostile one


def test_a_page_of_few_samples_or_none(store: Store, tmp_path: Path) -> None:
    for count in (0, 1):
        artifact = mix(store, [sample.to_record() for sample in drawn(count)], [], [], str(count))
        write_page(artifact, Picked(Wanted(), 3, 0), tmp_path / "page.html")
        assert not Reader((tmp_path / "page.html").read_text()).open
