"""Samples for other programs: chat messages as JSON lines, Parquet, a Hugging Face dataset folder. Read back before it counts as done.

Everything is written into a folder beside the one asked for, which takes its name when all of it has been read back. Memory stays
that of one group of rows, whatever the number of samples.
"""

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Progress, Silent
from kubestill.ground.records import read_records, write_records, write_text
from kubestill.ground.registry import need
from kubestill.pipeline.data import SPLITS, Record, make_folder, read_split, spelled
from kubestill.pipeline.data_card import Split, card
from kubestill.pipeline.data_rows import COLUMNS, licence_of, row_of

FORMATS = ("jsonl", "parquet", "hf")
ROWS_AT_ONCE = 2_000  # a row group: about 4 MB of text
FILE_ROWS = 100_000  # of a file of a dataset folder


@dataclass
class Written:
    """A file as it was written: how many rows, how many bytes they take as Arrow tables, a digest of them in their order."""

    path: Path
    rows: int = 0
    arrow_bytes: int = 0
    digest: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def noted(self, rows: Iterable[Record]) -> Iterator[Record]:
        """Yield the rows, and note each."""
        for row in rows:
            self.rows += 1
            self.digest.update(spelled(row).encode())
            yield row


def export(artifact: Artifact, form: str, folder: Path, progress: Progress | None = None) -> Record:
    """Write the artifact into the new `folder` and return its files with rows and bytes.

    Raises:
        UserError: `folder` holds something already, or cannot be made.
        Unavailable: Parquet needs pyarrow, which is not installed.
        OSError: what was written does not read back as what it was.
    """
    if form != "jsonl":
        need("pyarrow", "16", extra="data")
    make_folder(folder.parent, "--to")
    if not folder.name or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UserError(f"--to {folder}", "there is something at this place already", "give a folder that is not there yet")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)  # of an export that was cut
    licences: dict[str, int] = {}
    place = part / "data" if form == "hf" else part
    place.mkdir(parents=True)
    made = {
        split: list(_write(_counted(artifact, split, licences), place / split, form, progress or Silent()))
        for split in SPLITS[artifact.kind]
    }
    for written in chain.from_iterable(made.values()):
        _read_back(written)
    files = [
        {"file": str(w.path.relative_to(part)), "rows": w.rows, "bytes": w.path.stat().st_size} for some in made.values() for w in some
    ]
    if form == "hf":
        write_text(part / "README.md", card(artifact, [_split(name, some) for name, some in made.items() if some], licences))
    part.replace(folder)
    return {"artifact": artifact.name, "folder": str(folder), "format": form, "files": files, "licences": dict(sorted(licences.items()))}


def _counted(artifact: Artifact, split: str, licences: dict[str, int]) -> Iterator[Record]:
    for row in map(row_of, read_split(artifact, split)):
        licence = licence_of(row)
        licences[licence] = licences.get(licence, 0) + 1
        yield row


def _write(rows: Iterator[Record], stem: Path, form: str, progress: Progress) -> Iterator[Written]:
    """Write the rows of a split into one file, or into several of a dataset folder; no file where there is no row."""
    most = FILE_ROWS if form == "hf" else None
    for number in count():
        first = list(islice(rows, 1))
        if not first:
            return
        some = chain(first, islice(rows, most - 1 if most else None))
        if form == "jsonl":
            yield _write_lines(some, Written(stem.with_suffix(".jsonl")), progress)
        else:
            name = f"{stem.name}-{number:05d}.parquet" if form == "hf" else f"{stem.name}.parquet"
            yield _write_parquet(some, Written(stem.with_name(name)), progress)


def _write_lines(rows: Iterable[Record], written: Written, progress: Progress) -> Written:
    def shown() -> Iterator[Record]:
        for row in written.noted(rows):
            if written.rows % ROWS_AT_ONCE == 0:
                progress.step(written.rows, 0, f"rows of {written.path.name}")
            yield row

    write_records(written.path, shown())
    return written


def _write_parquet(rows: Iterator[Record], written: Written, progress: Progress) -> Written:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    noted, columns = written.noted(rows), schema()
    with written.path.open("wb") as file:
        with parquet.ParquetWriter(file, columns, compression="zstd") as writer:
            while some := list(islice(noted, ROWS_AT_ONCE)):
                batch = arrow.RecordBatch.from_pylist(some, schema=columns)
                written.arrow_bytes += batch.nbytes
                writer.write_batch(batch)
                progress.step(written.rows, 0, f"rows of {written.path.name}")
        file.flush()
        os.fsync(file.fileno())
    return written


def schema() -> Any:
    """Return the Arrow schema of the rows."""
    arrow = importlib.import_module("pyarrow")
    text = arrow.string()
    lists = {"messages": arrow.list_(arrow.struct([("role", text), ("content", text)])), "forms": arrow.list_(text)}
    return arrow.schema([(name, lists.get(name, text)) for name in COLUMNS])


def read_rows(path: Path) -> Iterator[Record]:
    """Yield the rows of an exported file."""
    if path.suffix == ".jsonl":
        yield from read_records(path)
        return
    parquet = importlib.import_module("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            yield from batch.to_pylist()


def _read_back(written: Written) -> None:
    again = Written(written.path)
    for _ in again.noted(read_rows(written.path)):
        pass
    if (again.rows, again.digest.digest()) != (written.rows, written.digest.digest()):
        raise OSError(f"{written.path}: {written.rows} rows were written, but what reads back are {again.rows} or other ones")


def _split(name: str, files: list[Written]) -> Split:
    counted = [(file.rows, file.arrow_bytes, file.path.stat().st_size) for file in files]
    return Split(name, *(sum(numbers) for numbers in zip(*counted, strict=True)))


def told_files(made: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell an export to people."""
    lines = [f"{file['file']:<28} {file['rows']:>10,} rows {file['bytes']:>14,} bytes" for file in made["files"]]
    return [*lines, f"read back and equal; licences: {json.dumps(made['licences'])}"]
