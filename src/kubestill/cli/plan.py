"""`kubestill plan RECIPE`: what a run would do."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubestill.cli.options import json_option, print_json, set_option, workspace_option
from kubestill.ground.store import Store

if TYPE_CHECKING:
    from kubestill.pipeline.plan import Plan


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@set_option
@workspace_option
@json_option
def plan(recipe: Path, overrides: tuple[str, ...], store: Store, as_json: bool) -> None:
    """Show what a run of RECIPE would build, which setting changed since the nearest artifact, and at what cost.

    RECIPE is a file, or a name in recipes/.
    """
    from kubestill.pipeline.plan import check_ready, make_plan
    from kubestill.pipeline.recipe import read_recipe

    made = make_plan(read_recipe(recipe, overrides), store)
    if as_json:
        print_json([step.record() for step in made.steps])
    else:
        _tell(made)
    check_ready(made)  # last: what it would cost can be seen without a teacher's key


def _tell(made: "Plan") -> None:
    from kubestill.pipeline.plan import cost, describe, foretold
    from kubestill.pipeline.spelling import duration

    told_before: set[str] = set()
    for step in made.steps:
        click.echo(f"{step.stage.name:<11} {describe(step, told_before)}")
        told_before |= set(step.changed)
        for more in (foretold(step), cost(step)):
            if more:
                click.echo(f"{'':<11} {more}")
    if not made.todo:
        click.echo("nothing to do")
        return
    known = [step.seconds for step in made.todo if step.seconds is not None]
    told = [f"about {duration(sum(known))}"] if known else []
    told += [f"{len(made.todo) - len(known)} stages of unknown cost"] if len(known) < len(made.todo) else []
    click.echo(f"{len(made.todo)} of {len(made.steps)} stages to build: {' and '.join(told)}")
