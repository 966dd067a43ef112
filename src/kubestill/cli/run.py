"""`kubestill run RECIPE`: the main job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kubestill.cli.options import json_option, print_json, set_option, workspace_option
from kubestill.cli.progress import Shown
from kubestill.ground.store import Store
from kubestill.pipeline.spelling import duration, size


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@set_option
@click.option("--on", type=click.Choice(["local", "ray"]), help="Where samples are made: here, or on Ray (RAY_ADDRESS).  [default: local]")
@click.option("--limit", type=click.IntRange(min=1), help="Most questions that this run sends to a teacher; a later one goes on.")
@click.option("--until", metavar="STAGE", default="", help="Stop after this stage, as in curation; nothing is reported yet.")
@workspace_option
@json_option
def run(recipe: Path, overrides: tuple[str, ...], store: Store, as_json: bool, until: str, **given: Any) -> None:
    """Build all that RECIPE (a file, or a name in recipes/) asks for, and report.

    Each stage's result is kept in the workspace under a key of everything that shaped it: what stands is used again,
    what was cut goes on, and a second run does nothing. The report lies in workspace/runs/latest. With several processes, here or
    on machines that share the workspace: torchrun --nproc-per-node N -m kubestill run RECIPE.
    """
    from kubestill.pipeline.run import joined

    with joined() as leads:
        return _run(recipe, overrides, store, {"as_json": as_json, "until": until}, given) if leads else None


def _run(recipe: Path, overrides: tuple[str, ...], store: Store, asked: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    from kubestill.pipeline.recipe import read_recipe
    from kubestill.pipeline.run import run_recipe, run_until

    as_json, until = asked["as_json"], asked["until"]
    shown = Shown()
    more = tuple(f"how.synthesis.{name}={value}" for name, value in given.items() if value is not None)
    try:
        if until:
            made = run_until(read_recipe(recipe, (*overrides, *more)), store, shown, until)
            return print_json([artifact.name for artifact in made]) if as_json else click.echo(str(made[-1].path))
        result = run_recipe(read_recipe(recipe, (*overrides, *more)), store, shown)
    finally:
        shown.close()
    if not result.worked:
        shown.say(f"nothing to do: every artifact of {recipe} stands, and so does the report of its last run")
    if as_json:
        return print_json(result.report)
    for line in summary(result.report):
        click.echo(line)
    click.echo(str(result.directory / "report.md"))
    return None


def _score(head: str, suite: Mapping[str, Any]) -> str:
    share = suite["passed"] / suite["total"] if suite["total"] else 0.0
    return f"{head} {share:6.1%}  ({suite['passed']}/{suite['total']}, 95 %: {suite['low']:.1%} to {suite['high']:.1%})"


def summary(report: Mapping[str, Any]) -> list[str]:
    """Return the lines that matter most: a score a suite, time and memory."""
    lines = []
    for name, suite in report["suites"].items():
        if suite.get("skipped"):
            lines.append(f"{name:<22} skipped: {suite['skipped']}")
            continue
        lines += [_score(f"{way:<12}{name:<22}", score) for way, score in (("free", suite), ("constrained", suite["constrained"])) if score]
    return [*lines, f"built in {duration(report['seconds_total'])}, {size(report['peak_memory_bytes'])} of memory at most"]
