"""`kubestill plan RECIPE`: what a run would do."""

from pathlib import Path

import click

from kubestill.cli.options import json_option, print_json, set_option, workspace_option
from kubestill.ground.store import Store


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@set_option
@workspace_option
@json_option
def plan(recipe: Path, overrides: tuple[str, ...], store: Store, as_json: bool) -> None:
    """Show what a run of RECIPE would build, which setting changed since the nearest artifact, and at what cost."""
    from kubestill.pipeline.plan import cost, describe, make_plan
    from kubestill.pipeline.recipe import read_recipe
    from kubestill.pipeline.spelling import duration

    made = make_plan(read_recipe(recipe, overrides), store)
    if as_json:
        print_json([step.record() for step in made.steps])
        return
    told_before: set[str] = set()
    for step in made.steps:
        click.echo(f"{step.stage.name:<11} {describe(step, told_before)}")
        told_before |= set(step.changed)
        if bought := cost(step):
            click.echo(f"{'':<11} {bought}")
    if not made.todo:
        click.echo("nothing to do")
        return
    known = [step.seconds for step in made.todo if step.seconds is not None]
    told = [f"about {duration(sum(known))}"] if known else []
    told += [f"{len(made.todo) - len(known)} stages of unknown cost"] if len(known) < len(made.todo) else []
    click.echo(f"{len(made.todo)} of {len(made.steps)} stages to build: {' and '.join(told)}")
