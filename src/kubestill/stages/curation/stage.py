"""Curation: samples → mix. Takes out what is twice there, what a suite asks, and what is too much alike; splits, weighs, shuffles."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kubestill.domains.api import SUITE_SEED, Document
from kubestill.ground.errors import UserError
from kubestill.ground.records import write_records
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Done, How, Job, Tally, What
from kubestill.stages.curation.likeness import Contamination
from kubestill.stages.curation.mixing import Mix, write_mix
from kubestill.stages.curation.sifting import Kept, Sieve

SHARD_SAMPLES = 20_000


class CurationWhat(What):
    """What stays, and how often."""

    near_cap: int = Field(default=24, ge=0)
    """Most samples that differ only in the words they copy; 0: no cap. Some must stay: copying is learned from them."""
    dev_samples: int = Field(default=400, ge=0)
    """Samples set apart to watch training with; at most a tenth of what is left."""
    weights: dict[str, float] = Field(default_factory=dict)
    """How often a sample of a road (procedural, reverse) stands in the mix: 2.5 is two or three times; default 1."""
    suite_samples: int = Field(default=400, ge=0)
    """How many samples of each suite are kept out of training; at least as many as any evaluation asks."""


class CurationHow(How):
    """Nothing to choose: one pass in one process, about 20,000 samples a second."""


class Curation:
    """The stage."""

    name: ClassVar[str] = "curation"
    version: ClassVar[int] = 1
    what: ClassVar[type[What]] = CurationWhat
    how: ClassVar[type[How]] = CurationHow
    inputs: ClassVar[Mapping[str, str]] = {"samples": "synthesis", "documents": "corpus"}
    output: ClassVar[str] = "mix"

    def run(self, job: Job) -> Done:
        """Write `train-*.jsonl`, `dev.jsonl` and `rejects.jsonl`.

        Raises:
            UserError: nothing is left to train on, or a weight is negative.
        """
        what, tally, kept = job.what, Tally(), Kept()
        if bad := [road for road, weight in what.weights.items() if weight < 0]:
            raise UserError("curation.weights", f"{bad[0]!r} is negative", "use 0 to leave a road out")
        suites = _contamination(job)
        job.progress.say(f"kept out of training: {suites.samples} samples of the suites")
        files = sorted(job.inputs["samples"].path.glob("samples-[0-9]*.jsonl"))
        sieve = Sieve(suites, what.near_cap, what.weights, job.seed)
        write_records(job.out / "rejects.jsonl", sieve.sift(files, kept, tally, job.progress))
        if not tally.kept:
            raise UserError("curation", f"none of {tally.came} samples is left: {tally.dropped}", "make more samples, or raise near_cap")
        mix = Mix(files, kept, dev_samples=min(what.dev_samples, tally.kept // 10), weights=what.weights, seed=job.seed)
        figures = write_mix(mix, job.out, SHARD_SAMPLES)
        return Done(tally, {"suite_samples": suites.samples, **figures})


def _contamination(job: Job) -> Contamination:
    """Build every suite as evaluation builds it, and note what it asks."""
    found = Contamination()
    for _, suite in sorted(job.domain.suites().items()):
        documents = _documents(job.inputs["documents"].path) if suite.needs_documents else iter(())
        for sample in suite.samples(documents, job.what.suite_samples, SUITE_SEED):
            found.add(sample)
    return found


def _documents(folder: Path) -> Iterator[Document]:
    for record in read_shards(folder, "documents"):
        yield Document(**record)


STAGE = Curation()
