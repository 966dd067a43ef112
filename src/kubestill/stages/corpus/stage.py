"""Corpus: sources → documents. Reads what the domain can read, keeps what is fit to learn from, one of each content."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from kubestill.domains.api import MANIFESTS, Document, Drop
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_records
from kubestill.ground.stage import Done, How, Inputs, Job, What
from kubestill.stages.corpus.account import UNKNOWN, Account, licence, ranked
from kubestill.stages.corpus.likeness import Alike, exact_key
from kubestill.stages.corpus.prose import unfit
from kubestill.stages.corpus.quality import EVEN, LABELS, Asked, chances, read_labels
from kubestill.stages.corpus.rubric import MOST
from kubestill.stages.corpus.splits import LEVELS, Splits, unit

SHARD_DOCUMENTS = 500  # synthesis makes one of its shards from each: enough shards for every core, each done in seconds
SPOOL = "spool.jsonl.part"  # documents that wait for their value; gone when the stage is done
EXAMPLES_TOLD = 10
LOW_VALUE = "educational value"
LICENCE = "licence"  # reasons that begin so
REASONS_TOLD = 5


class CorpusWhat(What):
    """Which sources; the pipeline resolves the paths and digests their content, so that a changed file is another corpus."""

    sources: tuple[tuple[str, str], ...] = ()
    """Pairs of form and path: folders, git clones or files. None: an empty corpus, which is fine for a domain that invents its samples."""
    digest: str = ""
    """Digest of the sources' content. The stage itself does not read it; the key does."""
    licences: tuple[str, ...] = ()
    """Licences (SPDX names) that documents may have; one of unknown licence is then dropped, too. None: all, and the report counts them."""
    prose: tuple[str, ...] = ("pages", "runbooks")
    """Forms that are prose: English is asked of them, and a length. Code, facts and exchanges are judged where they are used."""
    min_words: int = Field(default=12, ge=0)
    """Fewest words of prose beside its code; 12 passes the shortest runbook and drops pages that name a thing and say no more."""
    max_words: int = Field(default=30_000, ge=1)
    """Most words of prose; the longest page of kubernetes.io, the list of metrics, has 27,428."""
    near_duplicates: int = Field(default=1, ge=0)
    """How many documents of a kind that say nearly the same are kept; 0 keeps all."""
    near_threshold: float = Field(default=0.9, ge=0.5, le=1.0)
    """From which likeness on they do: share of common runs of five words (Jaccard), numbers masked. At 0.8, manifests of ten lines that
    differ in one are alike; the reason for 0.9 is in docs/decisions (near duplicates)."""
    quality_floor: float = Field(default=0.0, ge=0.0, le=MOST)
    """Least educational value, 0 to 5, of a document of manifests or prose; 0: none is asked for."""
    quality_slice: int = Field(default=2_000, ge=100)
    """About how many documents the rubric labels where no `sources.labels` does. phi-1 had 100,000 of some millions labelled."""


class CorpusHow(How):
    """Nothing to choose: reading is quick beside everything that follows."""


class Corpus:
    """The stage."""

    name: ClassVar[str] = "corpus"
    version: ClassVar[int] = 3
    what: ClassVar[type[What]] = CorpusWhat
    how: ClassVar[type[How]] = CorpusHow
    inputs: ClassVar[Inputs] = {}
    output: ClassVar[str] = "documents"

    def ready(self, what: CorpusWhat, domain: Any) -> None:  # noqa: ARG002 - every stage is asked alike
        """Refuse labels that nothing asks for, before a run begins.

        Raises:
            UserError: there are some, and no floor; or they cannot be read.
        """
        _labels(what)

    def run(self, job: Job) -> Done:
        """Write `documents-*.jsonl` and `rejects.jsonl`.

        Raises:
            UserError: a source does not exist or gives no document; nothing of a form is kept; labels cannot be read, or are too few.
            Unavailable: a setting needs a package that is not installed.
        """
        account, what = Account(), job.what
        labels = _labels(what)
        found: Iterator[Document] = _fit(job, account)
        figures: dict[str, Any] = {"sources": sum(form != LABELS for form, _ in what.sources)}
        if what.quality_floor:
            found = _worthy(found, job, account, labels, figures)
        splits = Splits()
        records = (_record(document) for document in _counted(found, job, account, splits))
        for number, batch in enumerate(_batches(records, SHARD_DOCUMENTS)):
            write_records(job.out / f"documents-{number:05d}.jsonl", batch)
        _demand_some(account)
        figures |= _split(job, account, splits)
        if account.tally.came:
            write_records(job.out / "rejects.jsonl", account.rejects)
        return Done(account.tally, {**figures, **account.figures()})


def _labels(what: CorpusWhat) -> dict[str, float] | None:
    """Return the labels of all files of labels; None where there is none."""
    paths = [Path(path) for form, path in what.sources if form == LABELS]
    if paths and not what.quality_floor:
        raise UserError(f"sources.{LABELS}", "no quality_floor asks for them", "set corpus.quality_floor, or leave the labels out")
    return {name: given for path in paths for name, given in read_labels(path).items()} if paths else None


def _fit(job: Job, account: Account) -> Iterator[Document]:
    """Yield the documents that pass every filter but that of value, the first of each content."""
    what, seen, alike = job.what, set[tuple[str, int]](), dict[tuple[str, str], Alike]()
    for form, source in what.sources:
        if form == LABELS:
            continue
        for found in _read(form, source, job):
            if isinstance(found, Drop):
                account.drop(form, found.reason)
            elif reason := _unfit(found, what) or _twice(found, what, seen, alike):
                account.drop(form, reason, found)
            else:
                yield found


def _unfit(document: Document, what: CorpusWhat) -> str:
    """Return why a document is not fit to learn from, or an empty string."""
    if what.licences and licence(document) not in what.licences:
        return f"{LICENCE} {licence(document)}"
    return unfit(document.text, what.min_words, what.max_words) if document.form in what.prose else ""


def _twice(document: Document, what: CorpusWhat, seen: set[tuple[str, int]], alike: dict[tuple[str, str], Alike]) -> str:
    """Return why the document is one too many, or an empty string; remembers it either way.

    Documents of two kinds are never near duplicates: a Role and a ClusterRole with equal rules teach two things.
    """
    exact = document.form, exact_key(document.text)
    if exact in seen:
        return "exact duplicate"
    seen.add(exact)
    if not what.near_duplicates:
        return ""
    group = document.form, document.kind
    if group not in alike:
        alike[group] = Alike(what.near_threshold, what.near_duplicates)
    return "near duplicate" if alike[group].one_too_many(document.text) else ""


def _worthy(
    found: Iterator[Document], job: Job, account: Account, labels: Mapping[str, float] | None, figures: dict[str, Any]
) -> Iterator[Document]:
    """Yield the documents whose educational value is not below the floor. They wait on disk until all are known."""
    what, spool, kinds = job.what, job.out / SPOOL, Counter[tuple[str, str]]()

    def noted() -> Iterator[dict[str, Any]]:
        for document in found:
            kinds[document.form, document.kind] += 1
            yield _record(document)

    write_records(spool, noted())
    prose = frozenset(what.prose)
    asked = Asked(prose | {MANIFESTS}, prose, kinds, what.quality_slice, labels)
    job.progress.say(f"educational value of {sum(kinds.values()):,} documents")
    chance, told = chances(read_records(spool), asked, what.quality_floor)
    low: list[tuple[float, Document]] = []
    for place, record in enumerate(read_records(spool)):
        document = Document(**record)
        if chance.get(place, 1.0) >= EVEN:
            yield document
        else:
            account.drop(document.form, LOW_VALUE, document)
            account.rejects[-1]["chance"] = round(chance[place], 2)
            low.append((chance[place], document))
    spool.unlink()
    figures["quality"] = {"floor": what.quality_floor, "labelled_by": "rubric" if labels is None else "file", **told, **_low(low)}


def _low(low: list[tuple[float, Document]]) -> dict[str, Any]:
    """Tell what fell below the floor: by kind, by licence, and examples from the surest to the closest case."""
    ordered = sorted(low, key=lambda item: (item[0], item[1].id))
    chosen = ordered[:: max(1, len(ordered) // EXAMPLES_TOLD)][:EXAMPLES_TOLD]
    return {
        "dropped": len(low),
        "dropped_kinds": ranked(Counter(document.kind for _, document in low), EXAMPLES_TOLD),
        "dropped_licences": ranked(Counter(licence(document) for _, document in low)),
        "examples": [
            {"id": document.id, "path": document.source.get("path", ""), "chance": round(chance, 2)} for chance, document in chosen
        ],
    }


def _demand_some(account: Account) -> None:
    """A form of which filters leave nothing is a mistake to be told: the run would go on without what the user gave."""
    for form, of in account.forms.items():
        if not of.documents:
            count, reasons = sum(of.dropped.values()), ranked(of.dropped, REASONS_TOLD)
            licences = any(reason.startswith(LICENCE) for reason in reasons)
            mend = f'add them to corpus.licences ("{UNKNOWN}" can be one of them)' if licences else "loosen what [corpus] asks for"
            told = ", ".join(f"{reason} ({many})" for reason, many in reasons.items())
            raise UserError(f"sources.{form}", f"none of {count} is kept: {told}", f"{mend}, or leave the source out")


def _split(job: Job, account: Account, splits: Splits) -> dict[str, Any]:
    """Write the units of the forms that are not split by repository into their documents; return which those are, for the report."""
    chosen = splits.chosen()
    if not chosen:
        return {}
    account.units.clear()
    for path in sorted(job.out.glob("documents-[0-9]*.jsonl")):
        documents = [_with_unit(Document(**record), chosen) for record in read_records(path)]
        account.units.update(document.unit for document in documents)
        write_records(path, map(_record, documents))
    for form, level in chosen.items():
        held, count = splits.held(form, level)
        away = f"{held:,} of {count:,} documents are kept for evaluation"
        job.progress.say(f"{form}: split for evaluation by {LEVELS[level]}, since by repository it would take all, most or nothing: {away}")
    return {"split_by": {form: LEVELS[level] for form, level in chosen.items()}}


def _with_unit(document: Document, chosen: Mapping[str, int]) -> Document:
    if document.form not in chosen or document.source.get("page"):
        return document
    return replace(document, source={**document.source, "page": unit(document, chosen[document.form])})


def _counted(found: Iterator[Document], job: Job, account: Account, splits: Splits) -> Iterator[Document]:
    for document in found:
        account.keep(document)
        splits.count(document)
        yield document
        if account.tally.kept % 1_000 == 0:
            job.progress.step(account.tally.kept, 0, "documents", dropped=account.tally.came - account.tally.kept)


def _record(document: Document) -> dict[str, Any]:
    return {"id": document.id, "text": document.text, "kind": document.kind, "source": dict(document.source), "form": document.form}


def _read(form: str, source: str, job: Job) -> Iterator[Document | Drop]:
    """Yield what the domain finds at `source`; a given source that holds nothing of use is a mistake to be told."""
    path = Path(source)
    if not path.exists():
        raise UserError(f"sources.{form}: {source}", "no such file or folder", "give a folder, a git clone or a .jsonl file")
    documents, dropped = 0, Counter[str]()
    for found in _found(path, form, job):
        if isinstance(found, Drop):
            dropped[found.reason] += 1
        documents += not isinstance(found, Drop)
        yield found
    drops = dropped.total()
    if not documents:
        told = ", ".join(f"{reason} ({count})" for reason, count in ranked(dropped, REASONS_TOLD).items())
        found_text = f"found {drops} {'entry' if drops == 1 else 'entries'}, none usable ({told})" if drops else "found nothing to read"
        raise UserError(
            f"sources.{form}: {source}", f"{found_text} by the domain {job.domain.name!r}", "check the path, or leave the source out"
        )
    job.progress.say(f"{form}: {documents:,} documents, {drops:,} left out in {path.name}")


def _found(path: Path, form: str, job: Job) -> Iterator[Document | Drop]:
    """Yield what the domain reads. Its readers know paths alone: the form, under which a recipe names the path, is told here."""
    try:
        yield from job.domain.documents(path, form)
    except UserError as error:
        raise UserError(error.where.replace("sources: ", f"sources.{form}: ", 1), error.found, error.mend) from None


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
