"""Corpus: sources → documents. Reads what the domain can read and keeps one of each content."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from kubestill.domains.api import Document, Drop
from kubestill.ground.errors import UserError
from kubestill.ground.records import write_records
from kubestill.ground.stage import Done, How, Job, Tally, What
from kubestill.stages.corpus.likeness import exact_key, near_key

KINDS_TOLD = 40  # the most frequent ones, for the report
SHARD_DOCUMENTS = 500  # synthesis makes one of its shards from each: enough shards for every core, each done in seconds


class CorpusWhat(What):
    """Which sources; the pipeline resolves the paths and digests their content, so that a changed file is another corpus."""

    sources: tuple[tuple[str, str], ...] = ()
    """Pairs of form and path: folders, git clones or files. None: an empty corpus, which is fine for a domain that invents its samples."""
    digest: str = ""
    """Digest of the sources' content. The stage itself does not read it; the key does."""
    near_duplicates: int = Field(default=1, ge=0)
    """How many documents that differ only in numbers, comments and order of lines are kept; 0 keeps all."""


class CorpusHow(How):
    """Nothing to choose: reading is quick beside everything that follows."""


class Corpus:
    """The stage."""

    name: ClassVar[str] = "corpus"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = CorpusWhat
    how: ClassVar[type[How]] = CorpusHow
    inputs: ClassVar[Mapping[str, str]] = {}
    output: ClassVar[str] = "documents"

    def run(self, job: Job) -> Done:
        """Write `documents-*.jsonl`.

        Raises:
            UserError: a source does not exist, or gives no document at all.
        """
        tally, figures = Tally(), {"sources": len(job.what.sources), "units": 0, "kinds": {}}
        documents = _documents(job, tally, figures)
        for number, batch in enumerate(_batches(documents, SHARD_DOCUMENTS)):
            write_records(job.out / f"documents-{number:05d}.jsonl", batch)
        return Done(tally, figures)


def _documents(job: Job, tally: Tally, figures: dict[str, Any]) -> Iterator[dict[str, Any]]:
    seen: set[int] = set()
    near: dict[int, int] = {}
    units: set[str] = set()
    kinds: dict[str, int] = {}
    for form, source in job.what.sources:
        for found in _read(form, source, job):
            reason = found.reason if isinstance(found, Drop) else _duplicate(found, seen, near, job.what.near_duplicates)
            if isinstance(found, Drop) or reason:
                tally.drop(reason)
                continue
            tally.keep()
            units.add(found.unit)
            kinds[found.kind] = kinds.get(found.kind, 0) + 1
            yield {"id": found.id, "text": found.text, "kind": found.kind, "source": dict(found.source), "form": found.form}
            if tally.kept % 1_000 == 0:
                job.progress.step(tally.kept, 0, "documents", dropped=tally.came - tally.kept)
    figures["units"] = len(units)
    figures["kinds"] = dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:KINDS_TOLD])


def _read(form: str, source: str, job: Job) -> Iterator[Document | Drop]:
    """Yield what the domain finds at `source`; a given source that holds nothing of use is a mistake to be told."""
    path = Path(source)
    if not path.exists():
        raise UserError(f"sources.{form}: {source}", "no such file or folder", "give a folder, a git clone or a .jsonl file")
    documents, drops = 0, 0
    for found in job.domain.documents(path, form):
        drops += isinstance(found, Drop)
        documents += not isinstance(found, Drop)
        yield found
    if not documents:
        found_text = f"found {drops} entries, none usable" if drops else "found nothing to read"
        raise UserError(
            f"sources.{form}: {source}", f"{found_text} by the domain {job.domain.name!r}", "check the path, or leave the source out"
        )


def _duplicate(document: Document, seen: set[int], near: dict[int, int], cap: int) -> str:
    """Return why the document is one too many, or an empty string; remembers it either way."""
    exact = exact_key(document.text)
    if exact in seen:
        return "exact duplicate"
    seen.add(exact)
    likeness = near_key(document.text)
    near[likeness] = near.get(likeness, 0) + 1
    return "near duplicate" if cap and near[likeness] > cap else ""


def _batches(records: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


STAGE = Corpus()
