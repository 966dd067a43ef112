"""A workspace as the page reads it: runs, finished or going on, samples and what was dropped, students.

Names that come from a client are looked up among those that stand there; none is ever made into a path.
"""

import contextlib
import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubestill.domains.api import CONSTRAINED, Sample
from kubestill.ground.errors import UserError
from kubestill.ground.intervals import wilson
from kubestill.ground.manifest import MANIFEST, Artifact
from kubestill.ground.store import Store
from kubestill.pipeline import data, looking
from kubestill.pipeline.report_data import CURVE_ROWS, gather, thinned
from kubestill.pipeline.run import BEGUN, FAILURE, REPORT
from kubestill.serving.page.api import Collection, Curve, Passes, Release, Row, Rows, Run, RunLine, Score, Step, Suite, Wanted
from kubestill.tools.modeling.bases import GGUF, WEIGHTS, packaged

Record = dict[str, Any]

GOING_SECONDS = 120  # a run that wrote nothing for so long is taken for cut; the longest silence that we saw, an evaluation, was 45 s
PAGE_ROWS = 20
PAGE_BYTES = 32 << 20  # read of a collection for one page at most: about a third of a second
CARD = "README.md"
ROAD_SHOWN = ("skill", "kind", "road")


@dataclass
class WorkspaceShelf:
    """The shelf of one workspace. What never changes again (reports) is read once; threads may share it."""

    store: Store
    _lines: dict[Path, RunLine] = field(default_factory=dict)

    def runs(self) -> list[RunLine]:
        """Return every run, newest first."""
        folders = self._folders()
        going = self._going(folders)
        return [self._line(folder, "going" if folder == going else "") for folder in folders]

    def run(self, name: str) -> Run:
        """Return a run, finished or not."""
        folder, state = self._find(name)
        line = self._line(folder, state)
        if line.state == "finished":
            report = _read(folder / REPORT)
            told = {**report, "cpu": report["hardware"]["cpu"]}
        else:
            told = {**gather(self._whole(folder)), "recipe": _text(folder / "recipe.toml"), "failure": _failure(folder)}
            told["stages"] += [{"name": stage, "artifact": name} for stage, name in self._waiting(folder)]
        return Run.model_validate({**told, "suites": _suites(told["suites"]), **line.model_dump()})

    def curve(self, name: str, after: int = -1) -> Curve:
        """Return the points of a run's training whose step is greater than `after`."""
        folder, state = self._find(name)
        line = self._line(folder, state)
        if line.state == "finished":
            report = _read(folder / REPORT)
            loss, passes = report["curve"], report["fullpass"]
        else:
            place = next((place for place in reversed(self._places(folder, "weights/")) if (place / "curve.jsonl").exists()), None)
            loss, passes = (_rows(place, "curve.jsonl"), _rows(place, "fullpass.jsonl")) if place else ([], [])
        loss = thinned([row for row in loss if row["step"] > after], CURVE_ROWS)
        return Curve(
            state=line.state,
            loss=[Step.model_validate(row) for row in loss],
            fullpass=[Passes.model_validate({**row, **_bounds(row)}) for row in passes if row["total"] and row["step"] > after],
        )

    def collections(self) -> list[Collection]:
        """Return every artifact of samples, newest first."""
        known = self.store.all()
        found = sorted((a for a in known if a.kind in data.SAMPLES), key=lambda a: (a.path / MANIFEST).stat().st_mtime, reverse=True)
        return [self._collection(artifact) for artifact in found]

    def samples(self, wanted: Wanted) -> Rows:
        """Return some samples that are wanted."""
        artifact = self._artifact(wanted.name)
        files = [path for pattern in data.SPLITS[artifact.kind].values() for path in sorted(artifact.path.glob(pattern))]
        return _page(files, wanted, _sample)

    def drops(self, wanted: Wanted) -> Rows:
        """Return some of what was dropped for a reason."""
        return _page([self._artifact(wanted.name).path / data.REJECTS], wanted, _drop)

    def releases(self) -> list[Release]:
        """Return the students that there are: releases, newest first, and the packaged ones."""
        made = sorted((a for a in self.store.all() if a.kind == "release"), key=lambda a: (a.path / MANIFEST).stat().st_mtime, reverse=True)
        scores = {artifact.key: artifact for artifact in self.store.all() if artifact.kind == "scores"}
        found = []
        for artifact in made:
            of = scores.get(artifact.parts.get("inputs", {}).get("scores", ""))
            told = {"parameters": artifact.figures.get("parameters", 0), "scores": _suites(_read(of.path / "scores.json")) if of else {}}
            found.append(_release(artifact.name, artifact.path, {"road": "release", **told}))
        return found + [_release(name, folder, {"road": "packaged"}) for name, folder in packaged().items()]

    def _folders(self) -> list[Path]:
        return [self.store.runs / record["run"] for record in reversed(looking.runs(self.store))]

    def _find(self, name: str) -> tuple[Path, str]:
        """Return the folder of a run, and "going" where it goes on."""
        folders = self._folders()
        folder = next((folder for folder in folders if folder.name == name), None)
        if folder is None:
            raise UserError(name, "there is no such run", "the list of runs has their names")
        return folder, "going" if folder == self._going(folders) else ""

    def _going(self, folders: list[Path]) -> Path | None:
        """Return the run that goes on: of the unfinished ones that wrote something of late the newest, since one writes at a time."""
        since = time.time() - GOING_SECONDS
        for folder in folders:
            if (folder / REPORT).exists():
                continue
            failed = (folder / FAILURE).stat().st_mtime if (folder / FAILURE).exists() else 0.0
            touched = max((_touched(place) for place in [*self._places(folder), folder]), default=0.0)
            if touched > max(since, failed):
                return folder
        return None

    def _line(self, folder: Path, going: str) -> RunLine:
        """Return a run's line; that of a finished one never changes."""
        if folder in self._lines:
            return self._lines[folder]
        if not (folder / REPORT).exists():
            state = going or ("failed" if (folder / FAILURE).exists() else "cut")
            return RunLine.model_validate({"run": folder.name, "name": _recipe_name(folder), "state": state})
        report = _read(folder / REPORT)
        suites = {name: suite[CONSTRAINED] or suite for name, suite in _suites(report["suites"]).items() if suite["total"]}
        told = {"run": folder.name, "name": report["name"], "state": "finished", "seconds": report["seconds_total"], "scores": suites}
        return self._lines.setdefault(folder, RunLine.model_validate(told))

    def _begun(self, folder: Path) -> dict[str, str]:
        return dict(_read(folder / BEGUN)["artifacts"]) if (folder / BEGUN).exists() else {}

    def _whole(self, folder: Path) -> dict[str, Artifact]:
        found = {stage: self.store.named(name) for stage, name in self._begun(folder).items()}
        return {stage: artifact for stage, artifact in found.items() if artifact is not None}

    def _waiting(self, folder: Path) -> list[tuple[str, str]]:
        return [(stage, name) for stage, name in self._begun(folder).items() if self.store.named(name) is None]

    def _places(self, folder: Path, kind: str = "") -> list[Path]:
        """Return the directories of a run's artifacts (of a kind), as far as they are begun."""
        known = {f"{path.parent.name}/{path.name}": path for path in self.store.directories()}
        return [known[name] for name in self._begun(folder).values() if name in known and name.startswith(kind)]

    def _artifact(self, name: str) -> Artifact:
        found = next((artifact for artifact in self.store.all() if artifact.name == name and artifact.kind in data.SAMPLES), None)
        if found is None:
            raise UserError(name, "there is no such artifact of samples", "the list of collections has their names")
        return found

    def _collection(self, artifact: Artifact) -> Collection:
        """Return what is counted of an artifact; synthesis counts kinds, so a mix tells those of the samples that it was made from."""
        counts: dict[str, dict[str, int]] = {name: {} for name in ROAD_SHOWN}
        for one in data.lineage(self.store, artifact):
            for name, found in counts.items():
                own = one.figures.get(f"train_by_{name}") or _counted(one.figures, f"{name}.")
                counts[name] = found or own
        tally = artifact.tally
        return Collection(
            name=artifact.name,
            came=tally.get("came", 0),
            kept=tally.get("kept", 0),
            **{f"{name}s": found for name, found in counts.items()},
            dropped=dict(sorted(tally.get("dropped", {}).items(), key=lambda item: -item[1])),
        )


def _counted(figures: Mapping[str, Any], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in figures.items() if name.startswith(prefix) and isinstance(count, int)}


def _read(path: Path) -> Record:
    found: Record = json.loads(path.read_text(encoding="utf-8"))
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _failure(folder: Path) -> str:
    if not (folder / FAILURE).exists():
        return ""
    note = _read(folder / FAILURE)
    return ": ".join(filter(None, (note["stage"], note["error"], note["message"])))


def _recipe_name(folder: Path) -> str:
    """Return the name of the recipe of a run that is not finished."""
    return str(tomllib.loads(_text(folder / "recipe.toml")).get("name", "")) or folder.name


def _touched(place: Path) -> float:
    """Return when something was last written below a directory; a file may go, or get its final name, while we look."""
    latest = 0.0
    for path in place.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            latest = max(latest, path.stat().st_mtime)
    return latest


def _rows(place: Path, name: str) -> list[Record]:
    """Return the whole lines of a file that somebody may just be writing to."""
    if not (place / name).exists():
        return []
    whole = (place / name).read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def _bounds(score: Mapping[str, Any]) -> dict[str, float]:
    low, high = wilson(score["passed"], score["total"])
    return {"low": low, "high": high}


def _suites(suites: Mapping[str, Record]) -> dict[str, Record]:
    """Return scores with None where nothing was asked under a grammar."""
    return {name: {**suite, CONSTRAINED: suite.get(CONSTRAINED) or None} for name, suite in suites.items()}


def _release(name: str, folder: Path, told: Mapping[str, Any]) -> Release:
    files = {path.name: path.stat().st_size for path in sorted([*folder.glob(GGUF), *folder.glob(WEIGHTS)])}
    card = _text(folder / CARD)
    return Release.model_validate({"name": name, "files": files, "scores": scores_of(card), "card": card, **told})


def scores_of(card: str) -> dict[str, Suite]:
    """Return the scores that a model card tells in a table of `suite | decoding | full-pass@1 | interval | n`, as export writes it.

    A packaged student has no other record of them.
    """
    found: dict[str, dict[str, Score]] = {}
    table = False
    for line in card.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        table = cells[:5] == ["suite", "decoding", "full-pass@1", "interval", "n"] or (table and line.startswith("|"))
        if table and len(cells) >= 5 and cells[4].isdecimal() and int(cells[4]) and cells[2].endswith("%"):
            total = int(cells[4])
            passed = round(float(cells[2].rstrip("%")) / 100 * total)
            found.setdefault(cells[0], {})[cells[1]] = Score(passed=passed, total=total, **_bounds({"passed": passed, "total": total}))
    return {
        name: Suite(**scores["free"].model_dump(), constrained=scores.get(CONSTRAINED))
        for name, scores in found.items()
        if "free" in scores
    }


def _page(files: list[Path], wanted: Wanted, row: Callable[[Record], Row]) -> Rows:
    """Return the next records that are wanted, and where to go on: after PAGE_ROWS of them, or after PAGE_BYTES were read in vain."""
    wish = data.Wanted(wanted.skill, wanted.road, wanted.kind, wanted.text)
    found, looked, budget, place = [], 0, PAGE_BYTES, ""
    for line, after in _lines(files, wanted.start):
        looked, budget, place = looked + 1, budget - len(line), after
        if _may_hold(line, wanted):
            record = json.loads(line)
            if wish.holds(record) and (not wanted.reason or record.get("reason") == wanted.reason):
                found.append(row(record))
        if len(found) == PAGE_ROWS or budget < 0:
            return Rows(rows=found, looked=looked, next=place)
    return Rows(rows=found, looked=looked)


def _lines(files: list[Path], start: str) -> Iterator[tuple[bytes, str]]:
    """Yield the lines from a place on, each with the place after it."""
    number, offset = map(int, start.split("."))
    for place in range(number, len(files)):
        if not files[place].exists():
            continue
        with files[place].open("rb") as file:
            file.seek(offset if place == number else 0)
            if place == number and offset:
                file.seek(offset - 1)
                file.readline()  # a place is one after a line break; from any other the next line is meant
            while line := file.readline():
                yield line, f"{place}.{file.tell()}"


def _may_hold(line: bytes, wanted: Wanted) -> bool:
    """Say quickly, before a line is parsed, that what is wanted cannot be in it (records escape nothing but what JSON must)."""
    exact = (wanted.skill, wanted.kind, wanted.road, wanted.reason)
    if any(wish and json.dumps(wish, ensure_ascii=False).encode() not in line for wish in exact):
        return False
    return not wanted.text.isascii() or json.dumps(wanted.text)[1:-1].lower().encode() in line.lower()


def _sample(record: Record) -> Row:
    sample = Sample.from_record({name: record[name] for name in Sample.__slots__})
    return Row.model_validate({**record, "notes": sample.notes(), "source": data.source_line(record)})


def _drop(record: Record) -> Row:
    known = {name: value for name, value in record.items() if name in Row.model_fields}
    rest = {
        name: value for name, value in record.items() if name not in (*known, "intents", "forms") and not isinstance(value, dict | list)
    }
    told = ", ".join(f"{name} {value}" for name, value in rest.items())
    return Row.model_validate({**known, "source": ", ".join(filter(None, (data.source_line(record), told)))})
