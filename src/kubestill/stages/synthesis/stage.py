"""Synthesis: skills and documents → samples. Two roads: invented (procedural) and read from real documents (reverse).

Every candidate is judged by the domain with its own intents; only what passes is admitted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kubestill.ground.errors import UserError, near
from kubestill.ground.settings import read_settings
from kubestill.ground.shards import ShardWork, run_shards
from kubestill.ground.stage import Done, How, Job, What
from kubestill.stages.synthesis.making import Maker


class SynthesisWhat(What):
    """How many candidates to make by each road."""

    procedural: int = Field(default=20_000, ge=0)
    """Invented candidates, drawn from the skills in turn."""
    reverse_variants: int = Field(default=4, ge=0)
    """Requests written for each real document that is not held out."""
    skills: tuple[str, ...] = ()
    """Skills by name; none named: all of the domain's."""


class SynthesisHow(How):
    """Where the work runs."""

    processes: int = Field(default=0, ge=0)
    """Worker processes; 0: as many as KUBESTILL_PROCESSES or the usable cores allow."""


class Synthesis:
    """The stage."""

    name: ClassVar[str] = "synthesis"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = SynthesisWhat
    how: ClassVar[type[How]] = SynthesisHow
    inputs: ClassVar[Mapping[str, str]] = {"documents": "corpus"}
    output: ClassVar[str] = "samples"

    def run(self, job: Job) -> Done:
        """Write `samples-*.jsonl` and `rejects.jsonl`, shard by shard.

        Raises:
            UserError: a skill that the domain does not have, or nothing at all came through.
        """
        maker = Maker(job.domain, _skills(job), job.seed, job.what.procedural, job.what.reverse_variants, _documents(job))
        work = ShardWork(job.out, "samples", maker.count, maker)
        made = run_shards(work, job.how.processes or read_settings().processes, job.progress)
        if not made.tally.kept:
            raise UserError("synthesis", f"none of {made.tally.came} candidates became a sample", _mend(made.tally.dropped))
        return Done(made.tally, dict(sorted(made.figures.items())))


def _skills(job: Job) -> tuple[str, ...]:
    known = job.domain.skills()
    for name in job.what.skills:
        if name not in known:
            raise UserError("synthesis.skills", f"no such skill: {name!r}", near(name, known) or f"known: {', '.join(known)}")
    return job.what.skills or tuple(known)


def _documents(job: Job) -> tuple[Path, ...]:
    """Return the files of documents: one becomes one shard."""
    if not job.what.reverse_variants:
        return ()
    return tuple(sorted(job.inputs["documents"].path.glob("documents-[0-9]*.jsonl")))


def _mend(dropped: Mapping[str, int]) -> str:
    if not dropped:
        return "ask for procedural samples, or give sources"
    return "reasons: " + ", ".join(f"{reason} ({count})" for reason, count in sorted(dropped.items(), key=lambda item: -item[1])[:5])


STAGE = Synthesis()
