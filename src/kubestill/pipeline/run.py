"""Executes a plan stage by stage: what stands is used, what was cut goes on, what fails leaves a note."""

import contextlib
import json
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from kubestill.ground.errors import UserError, near
from kubestill.ground.fingerprint import canonical
from kubestill.ground.manifest import Artifact, read_manifest, write_manifest
from kubestill.ground.progress import Progress
from kubestill.ground.records import write_text
from kubestill.ground.registry import need
from kubestill.ground.seeds import Seed
from kubestill.ground.settings import read_settings
from kubestill.ground.stage import Done, Job
from kubestill.ground.store import Store
from kubestill.pipeline.memory import PeakMemory
from kubestill.pipeline.plan import Plan, Step, check_ready, make_plan
from kubestill.pipeline.recipe import Recipe
from kubestill.pipeline.report_data import Outcome, collect
from kubestill.pipeline.spelling import duration, size
from kubestill.pipeline.surroundings import commit, versions
from kubestill.pipeline.table import NEEDS, PARTS

REPORT, BEGUN, FAILURE = "report.json", "run.json", "failure.json"


class Vanished(Exception):
    """A stage broke the law of conservation: a fault of ours, never of the user's."""


@dataclass(frozen=True)
class Result:
    """Where a run's report lies, what it says, and whether anything had to be done for it."""

    directory: Path
    report: dict[str, Any]
    worked: bool


def joined() -> contextlib.AbstractContextManager[bool]:
    """Join the processes that torchrun started with this one, where it did, and say whether this one runs the recipe.

    If not, it has by then taken part in the trainings of the one that does.
    """
    found: contextlib.AbstractContextManager[bool] = PARTS.load("joined")() if read_settings().ranks > 1 else contextlib.nullcontext(True)
    return found


def run_recipe(recipe: Recipe, store: Store, progress: Progress) -> Result:
    """Build all that the recipe asks for and the workspace does not hold, then report.

    Raises:
        UserError: another run holds the workspace; the recipe's domain or a stage refuses its settings.
        Unavailable: a stage that has to run needs a package that is not installed.
        Vanished: a stage's count did not close.
    """
    with store.locked():
        plan = make_plan(recipe, store)
        standing = _standing_run(plan, store)
        if standing is not None:
            _point_latest(store, standing)
            return Result(standing, json.loads((standing / REPORT).read_text()), worked=False)
        check_ready(plan)
        for name in (*(step.stage.name for step in plan.todo), "report"):
            for package in NEEDS.get(name, ()):
                need(package)
        directory = _run_directory(plan, store)
        with FailureNote(directory / FAILURE) as note:
            report = _execute(plan, note, directory, progress)
        for leftover in (FAILURE, FAILURE + ".part"):  # of an earlier, cut attempt; a part where the disk was full
            (directory / leftover).unlink(missing_ok=True)
        _point_latest(store, directory)
        return Result(directory, report, worked=True)


def run_until(recipe: Recipe, store: Store, progress: Progress, last: str) -> tuple[Artifact, ...]:
    """Build what the recipe asks for up to the stage `last`, and return the artifacts; there is nothing to report yet.

    Raises:
        UserError: there is no such stage, another run holds the workspace, or the domain or a stage refuses its settings.
        Unavailable: a stage that has to run needs a package that is not installed.
        Vanished: a stage's count did not close.
    """
    if last not in recipe.stages:
        raise UserError("--until", f"no such stage: {last!r}", near(last, recipe.stages) or f"stages: {', '.join(recipe.stages)}")
    with store.locked():
        plan = make_plan(recipe, store)
        names = [step.stage.name for step in plan.steps]
        if last not in names:
            raise UserError("--until", f"the recipe leaves the stage {last!r} out", f"it has: {', '.join(names)}")
        wanted = replace(plan, steps=plan.steps[: names.index(last) + 1])
        check_ready(wanted)
        for step in wanted.todo:
            for package in NEEDS.get(step.stage.name, ()):
                need(package)
        with FailureNote(_run_directory(plan, store) / FAILURE) as note:
            return tuple(_build_all(wanted, note, progress).values())


def _execute(plan: Plan, note: "FailureNote", directory: Path, progress: Progress) -> dict[str, Any]:
    begun = time.monotonic()
    artifacts = _build_all(plan, note, progress)
    note.stage = "report"
    reused = frozenset(step.stage.name for step in plan.steps if step.artifact is not None)
    report = collect(Outcome(plan.recipe, artifacts, reused, time.monotonic() - begun))
    _write_report(directory, report)
    return report


def _build_all(plan: Plan, note: "FailureNote", progress: Progress) -> dict[str, Artifact]:
    """Return the artifact of every step, building those that do not stand."""
    artifacts: dict[str, Artifact] = {}
    for number, step in enumerate(plan.steps, 1):
        note.stage = step.stage.name
        told = f"[{number}/{len(plan.steps)}] {step.stage.name:<11}"
        if step.artifact is not None:
            progress.say(f"{told} have it  {step.name}")
            artifacts[step.stage.name] = step.artifact
            continue
        expected = f"  (about {duration(step.seconds)})" if step.seconds else ""
        progress.say(f"{told} {'goes on with' if step.cut else 'builds'}  {step.name}{expected}")
        artifact = build(plan, step, artifacts, progress)
        progress.say(f"{told} done  {_summary(artifact)}")
        artifacts[step.stage.name] = artifact
    return artifacts


def build(plan: Plan, step: Step, artifacts: dict[str, Artifact], progress: Progress) -> Artifact:
    """Run one stage and seal what it made.

    Raises:
        Vanished: its count did not close.
    """
    stage, recipe = step.stage, plan.recipe
    inputs = {label: artifacts[maker] for label, maker in step.settled.inputs.items()}
    step.place.mkdir(parents=True, exist_ok=True)
    job = Job(
        what=step.settled.what,
        how=recipe.how[stage.name],
        inputs=inputs,
        out=step.place,
        seed=Seed(recipe.seed).child(stage.name),
        progress=progress,
        domain=plan.domain,
    )
    begun = time.monotonic()
    with PeakMemory() as peak:
        done: Done = stage.run(job)
    tally = done.tally
    if not tally.closed:
        raise Vanished(f"{stage.name}: {tally.came} came, {tally.kept} were kept and {sum(tally.dropped.values())} dropped")
    artifact = Artifact(
        kind=stage.output,
        key=step.key,
        stage=stage.name,
        path=step.place,
        what=canonical(step.settled.what.model_dump(mode="json")),
        parts=dict(step.settled.parts),
        tally={"came": tally.came, "kept": tally.kept, "dropped": dict(sorted(tally.dropped.items()))},
        figures=done.figures,
        seconds=round(time.monotonic() - begun, 3),
        peak_memory_bytes=peak.peak_bytes,
    )
    write_manifest(artifact)
    # Read back, so that the stages after this see the same record (the order of its keys too) whether it was built now or stood already.
    sealed = read_manifest(step.place)
    if sealed is None:
        raise OSError(f"{step.place}: the manifest that was just written cannot be read back")
    return sealed


def _summary(artifact: Artifact) -> str:
    tally = artifact.tally
    reasons = sorted(tally["dropped"].items(), key=lambda item: -item[1])
    told = [f"{count:,} {reason}" for reason, count in reasons[:3]] + ["..."] * (len(reasons) > 3)
    counted = f"{tally['kept']:,} of {tally['came']:,} kept" if tally["came"] else "made"
    dropped = f" (dropped: {', '.join(told)})" if told else ""
    return f"{counted}{dropped} in {duration(artifact.seconds)}, {size(artifact.peak_memory_bytes)} at most"


def _write_report(directory: Path, report: dict[str, Any]) -> None:
    """Write report.md and report.html, then report.json: its presence means that the run is finished."""
    from kubestill.pipeline.report import write_report

    write_report(directory, report)
    write_text(directory / REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


class FailureNote:
    """Leaves `failure.json` when the block ends with an exception of any kind, and lets it pass."""

    def __init__(self, path: Path) -> None:
        self.path, self.stage = path, ""

    def __enter__(self) -> "FailureNote":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None or error is None:
            return
        note = {
            "stage": self.stage,
            "error": kind.__name__,
            "message": str(error),
            "traceback": traceback.format_exception(kind, error, trace),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "versions": versions(),
        }
        with contextlib.suppress(OSError):  # on a full disk the fault itself matters more than its note
            write_text(self.path, json.dumps(note, indent=1, ensure_ascii=False) + "\n")


def _identity(plan: Plan) -> dict[str, Any]:
    return {"name": plan.recipe.name, "artifacts": {step.stage.name: step.name for step in plan.steps}}


def _matching(plan: Plan, store: Store) -> list[Path]:
    """Return the run directories that were begun for exactly these artifacts, newest first."""
    wanted = _identity(plan)
    found = []
    for begun in sorted(store.runs.glob(f"*/{BEGUN}"), reverse=True):
        if not begun.parent.is_symlink() and json.loads(begun.read_text()) == wanted:
            found.append(begun.parent)
    return found


def _standing_run(plan: Plan, store: Store) -> Path | None:
    """Return the newest finished run of this plan when nothing is left to build."""
    if plan.todo:
        return None
    return next((directory for directory in _matching(plan, store) if (directory / REPORT).exists()), None)


def _run_directory(plan: Plan, store: Store) -> Path:
    """Return the directory of the cut run that this one goes on with, or a new one."""
    for directory in _matching(plan, store):
        if not (directory / REPORT).exists():
            return directory
    stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    directory = store.runs / f"{stamp}-{plan.recipe.name}"
    number = 2
    while directory.exists():
        directory = store.runs / f"{stamp}-{plan.recipe.name}-{number}"
        number += 1
    directory.mkdir(parents=True)
    write_text(directory / "recipe.toml", plan.recipe.text)
    write_text(directory / BEGUN, json.dumps(_identity(plan), indent=1) + "\n")
    return directory


def _point_latest(store: Store, directory: Path) -> None:
    """Let runs/latest point at the run; the link changes in one step."""
    latest, fresh = store.runs / "latest", store.runs / ".latest"
    if latest.is_symlink() and latest.readlink() == Path(directory.name):
        return
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(directory.name)
    fresh.replace(latest)
