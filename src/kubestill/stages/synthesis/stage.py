"""Synthesis: skills and documents → samples. Three roads: invented (procedural), read from real documents (reverse), and written by a
teacher over what the first two made.

Every candidate is judged by the domain with its own intents; only what passes is admitted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from kubestill.domains.api import Domain
from kubestill.ground.errors import UserError, near
from kubestill.ground.settings import read_key, read_settings
from kubestill.ground.shards import ShardWork, run_shards
from kubestill.ground.stage import Done, How, Inputs, Job, What
from kubestill.stages.synthesis.making import Maker


class SynthesisWhat(What):
    """How many candidates to make by each road."""

    procedural: int = Field(default=20_000, ge=0)
    """Invented candidates, drawn from the skills in turn."""
    reverse_variants: int = Field(default=4, ge=0)
    """Requests written for each real document that is not held out."""
    skills: tuple[str, ...] = ()
    """Skills by name; none named: all of the domain's."""
    teacher: str = ""
    """A teacher: the path of a TOML file, or a name in recipes/teachers; none: nothing is bought."""
    teacher_requests: int = Field(default=0, ge=0)
    """Questions to the teacher, the tasks in turn, each about a verified sample of the other roads."""
    teacher_tasks: tuple[Literal["rephrase", "answer"], ...] = Field(default=("rephrase", "answer"), min_length=1)
    """What the teacher does with a sample: say its request in other words, or answer it anew."""
    teacher_context: tuple[Literal["grammar", "slice", "vocabulary"], ...] = ("grammar", "slice", "vocabulary")
    """What its prompts carry of the domain context model (arXiv 2606.22578): the ablation leaves parts out."""


class SynthesisHow(How):
    """Where the work runs."""

    processes: int = Field(default=0, ge=0)
    """Worker processes; 0: as many as KUBESTILL_PROCESSES or the usable cores allow."""
    on: Literal["local", "ray"] = "local"
    """Where shards are made: in processes of this machine, or on Ray (RAY_ADDRESS, or an instance of one's own)."""
    limit: int = Field(default=0, ge=0)
    """Most questions that this run sends to the teacher, retries among them; a later run goes on. 0: no limit."""
    ledger: str = ""
    """The file in which purchases are written down; empty: teachers/ledger.sqlite in the workspace."""


class Synthesis:
    """The stage."""

    name: ClassVar[str] = "synthesis"
    version: ClassVar[int] = 3
    what: ClassVar[type[What]] = SynthesisWhat
    how: ClassVar[type[How]] = SynthesisHow
    inputs: ClassVar[Inputs] = {"documents": "corpus"}
    output: ClassVar[str] = "samples"

    def run(self, job: Job) -> Done:
        """Write `samples-*.jsonl` and `rejects.jsonl`, shard by shard.

        Raises:
            UserError: a skill that the domain does not have, nothing at all came through, or the teacher's budget or limit is spent.
            Unavailable: the teacher cannot be reached, or httpx is missing.
        """
        maker = Maker(job.domain, _skills(job.what, job.domain), job.seed, job.what.procedural, job.what.reverse_variants, _documents(job))
        work = ShardWork(job.out, "samples", maker.count, maker)
        made = run_shards(work, job.how.processes or read_settings().processes, job.progress, job.how.on)
        if not made.tally.kept:
            raise UserError("synthesis", f"none of {made.tally.came} candidates became a sample", _mend(made.tally.dropped))
        if _teaches(job.what):
            from kubestill.stages.synthesis.teaching import teach  # asyncio and SQLite, for those alone who buy

            made = teach(job, work, made)
        return Done(made.tally, dict(sorted(made.figures.items())))

    def ready(self, what: SynthesisWhat, domain: Domain) -> None:
        """Refuse, before a run begins, what would stop this stage.

        Raises:
            UserError: a skill that the domain does not have, or a teacher whose key is not set.
        """
        _skills(what, domain)
        if _teaches(what):
            from kubestill.tools.teachers.settings import read_teacher

            read_key(read_teacher(what.teacher).key_variable)

    def parts(self, what: SynthesisWhat) -> Mapping[str, Any]:
        """Return what enters the key beside the settings, or instead: for a teacher's path what its file says, and the prompts' versions.

        Raises:
            UserError: there is no such teacher.
        """
        teaches = _teaches(what)
        if not what.teacher:
            return {}
        settings = {"what": what.model_dump(mode="json", exclude={"teacher"})}  # a file by another name is the same teacher
        if not teaches:
            return settings
        from kubestill.stages.synthesis.teaching import identity

        return settings | identity(what.teacher)

    def cost(self, what: SynthesisWhat) -> str:
        """Return what will be bought, for `plan`; empty where nothing is.

        Raises:
            UserError: there is no such teacher.
        """
        if not _teaches(what):
            return ""
        from kubestill.stages.synthesis.teaching import expected

        return f"{what.teacher}: {expected(what.teacher, what.teacher_requests).describe()}"


def _teaches(what: SynthesisWhat) -> bool:
    if what.teacher_requests and not what.teacher:
        raise UserError("synthesis.teacher_requests", "nobody to ask", "name a teacher with synthesis.teacher")
    return bool(what.teacher_requests)


def _skills(what: SynthesisWhat, domain: Domain) -> tuple[str, ...]:
    known = domain.skills()
    for name in what.skills:
        if name not in known:
            raise UserError("synthesis.skills", f"no such skill: {name!r}", near(name, known) or f"known: {', '.join(known)}")
    return what.skills or tuple(known)


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
