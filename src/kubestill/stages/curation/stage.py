"""Curation: samples → mix. Takes out what is twice there, what a suite asks, and what is too much alike; splits, weighs, shuffles.

Beside the mix stands `similar.json`: which questions of the suites have a similar request in training, so that scores can be told apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from kubestill.domains.api import SUITE_SEED, Document, Domain
from kubestill.ground.errors import UserError, near
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Done, How, Inputs, Job, Tally, What
from kubestill.stages.curation.deciding import Decided, Mask, Numbers, Rules, decide
from kubestill.stages.curation.mixing import Lines, write_mix, write_rejects, write_similar
from kubestill.stages.curation.reading import Read, read_samples
from kubestill.stages.curation.splitting import split
from kubestill.stages.curation.suites import Suites


class CurationWhat(What):
    """What stays, and how often."""

    near_cap: int = Field(default=24, ge=0)
    """Most samples that differ only in the words they copy; 0: no cap. Some must stay: copying is learned from them."""
    dev_samples: int = Field(default=400, ge=0)
    """Samples set apart to watch training with, of each skill in proportion; at most a tenth of what is left."""
    weights: dict[str, float] = Field(default_factory=dict)
    """How often a sample of a road (procedural, reverse) stands in the mix: 2.5 is two or three times; default 1."""
    skills: dict[str, float] = Field(default_factory=dict)
    """Shares of the mix by skill, together at most 1; skills that are not named share the rest as they come. Default: all as they come."""
    without: tuple[str, ...] = ()
    """Kinds of samples that are left out, `*` for any letters: `check-*` are the contrast questions about what is right and wrong."""
    suite_samples: int = Field(default=400, ge=0)
    """How many samples of each suite are kept out of training; at least as many as any evaluation asks."""


class CurationHow(How):
    """Nothing to choose: two passes in one process, about 7,000 samples a second."""


class Curation:
    """The stage."""

    name: ClassVar[str] = "curation"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = CurationWhat
    how: ClassVar[type[How]] = CurationHow
    inputs: ClassVar[Inputs] = {"samples": "synthesis", "documents": "corpus"}
    output: ClassVar[str] = "mix"

    def run(self, job: Job) -> Done:
        """Write `train-*.jsonl`, `dev.jsonl`, `rejects.jsonl` and `similar.json`.

        Raises:
            UserError: nothing is left to train on.
        """
        what: CurationWhat = job.what
        suites = _suites(job)
        job.progress.say(f"kept out of training: {len(suites.questions)} samples of the suites")
        files = sorted(job.inputs["samples"].path.glob("samples-[0-9]*.jsonl"))
        read = read_samples(files, suites, job.progress, what.without)
        decided = decide(read, suites, Rules(what.near_cap, what.weights, what.skills, job.seed), job.progress.say)
        tally = _tally(read, decided)
        with Lines(files, read) as lines:
            taken = write_rejects(lines, decided, suites, job.out)
            if not tally.kept:
                found = f"none of {tally.came} samples is left: {tally.dropped}"
                raise UserError("curation", found, "make more samples, or raise near_cap")
            dev, by_level = split(read, decided, min(what.dev_samples, tally.kept // 10), job.seed)
            train = write_mix(lines, decided, dev, job.seed, job.out)
            similar = write_similar(lines, decided.stays & ~dev, suites, job.out)
        about_suites = {name: {**taken[name], "similar": len(similar[name])} for name in suites.names}
        figures = {**_figures(read, train, dev), "dev_by_unit": by_level, "suite_samples": len(suites.questions), "suites": about_suites}
        return Done(tally, figures)

    def ready(self, what: CurationWhat, domain: Domain) -> None:
        """Refuse settings that cannot be meant, before a run begins.

        Raises:
            UserError: a weight or a share is impossible, or the domain has no such skill.
        """
        _refuse(what, domain.skills())


def _refuse(what: CurationWhat, skills: Mapping[str, Any]) -> None:
    """Raise on settings that cannot be meant."""
    if bad := [road for road, weight in what.weights.items() if weight < 0]:
        raise UserError("curation.weights", f"{bad[0]!r} is negative", "use 0 to leave a road out")
    for name, share in what.skills.items():
        if name not in skills:
            raise UserError("curation.skills", f"no such skill: {name!r}", near(name, skills) or f"known: {', '.join(skills)}")
        if not 0 <= share <= 1:
            raise UserError(f"curation.skills.{name}", f"found {share:g}", "give a share of the mix, from 0 to 1")
    if (total := sum(what.skills.values())) > 1 + 1e-9:
        raise UserError("curation.skills", f"the shares make {total:g} together", "give shares that make at most 1")


def _suites(job: Job) -> Suites:
    """Build every suite as evaluation builds it, and note what it asks."""
    found = Suites()
    for name, suite in sorted(job.domain.suites().items()):
        documents = _documents(job) if suite.needs_documents else iter(())
        for sample in suite.samples(documents, job.what.suite_samples, SUITE_SEED):
            found.add(name, sample)
    return found


def _documents(job: Job) -> Iterator[Document]:
    for record in read_shards(job.inputs["documents"].path, "documents"):
        yield Document(**record)


def _tally(read: Read, decided: Decided) -> Tally:
    tally = Tally(len(read), int(decided.stays.sum()))
    counts = np.bincount(decided.reason, minlength=len(read.reasons)).tolist()
    tally.dropped = {reason: count for reason, count in zip(read.reasons[1:], counts[1:], strict=True) if count}
    return tally


def _figures(read: Read, train: Numbers, dev: Mask) -> dict[str, Any]:
    places = np.flatnonzero(dev)
    return {
        "train": len(train),
        "train_distinct": len(np.unique(train)),
        "train_templates": len(np.unique(read["template"][train])),
        "train_by_road": _by(read.roads, read.numbers("road")[train]),
        "train_by_skill": _by(read.skills, read.numbers("skill")[train]),
        "dev": len(places),
        "dev_by_skill": _by(read.skills, read.numbers("skill")[places]),
    }


def _by(names: Sequence[str], numbers: Numbers) -> dict[str, int]:
    counts = np.bincount(numbers, minlength=len(names)).tolist()
    return dict(sorted(zip(names, counts, strict=True)))


STAGE = Curation()
