"""What a stage is: a name, a version, two kinds of settings, and a run from artifacts to one artifact.

Stages never import each other; the pipeline finds them in its table and joins them through artifacts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Progress
from kubestill.ground.seeds import Seed

# Input name -> name of the stage that makes it. Of several names it is the last stage that the recipe wants; where it wants none, the
# reader goes without that input.
Inputs = Mapping[str, str | tuple[str, ...]]


class What(BaseModel):
    """Settings that shape a result: they enter its key, so another value is another artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class How(BaseModel):
    """Settings that only say how the work is done (device, processes); they never enter a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass
class Tally:
    """The law of conservation: everything that came was kept or dropped for a named reason."""

    came: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def keep(self, count: int = 1) -> None:
        """Count items that came and stay."""
        self.came += count
        self.kept += count

    def drop(self, reason: str, count: int = 1) -> None:
        """Count items that came and leave, for `reason`."""
        self.came += count
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def add(self, other: "Tally") -> None:
        """Count all that another tally (of a shard, of a process) counted."""
        self.came += other.came
        self.kept += other.kept
        for reason, count in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    @property
    def closed(self) -> bool:
        """True when nothing vanished."""
        return self.came == self.kept + sum(self.dropped.values())


@dataclass
class Job:
    """All that a stage gets. `out` survives an interrupted run: what a stage finds there, it continues."""

    what: Any
    how: Any
    inputs: Mapping[str, Artifact]
    out: Path
    seed: Seed
    progress: Progress
    domain: Any  # kubestill.domains.api.Domain; ground knows no domain


@dataclass
class Done:
    """What a stage reports beside its files: both go into the artifact's manifest and the report."""

    tally: Tally
    figures: dict[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """One stage: an instance in `kubestill.stages.X.stage`. One that has `wanted(what) -> bool` may be left out by a recipe."""

    name: ClassVar[str]
    version: ClassVar[int]
    what: ClassVar[type[What]]
    how: ClassVar[type[How]]
    inputs: ClassVar[Inputs]
    output: ClassVar[str]  # kind of artifact

    def run(self, job: Job) -> Done:
        """Fill `job.out` and report. Called again after a cut, it goes on where it stopped."""
        ...


def is_wanted(stage: Stage, what: What) -> bool:
    """Say whether a recipe with these settings wants the stage at all; a stage that has no `wanted` is always wanted."""
    wanted = getattr(stage, "wanted", None)
    return wanted is None or bool(wanted(what))


def makers(stage: Stage, wanted: Collection[str]) -> dict[str, str]:
    """Return which of the `wanted` stages makes each input."""
    found = {}
    for label, names in stage.inputs.items():
        chosen = [name for name in ((names,) if isinstance(names, str) else names) if name in wanted]
        if chosen:
            found[label] = chosen[-1]
    return found
