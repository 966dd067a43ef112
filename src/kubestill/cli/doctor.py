"""`kubestill doctor`: what is well, what is not, and how to mend it."""

import click

from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.ground.store import Store


@click.command()
@click.option("--prune", is_flag=True, help="Delete the work that cut runs left unfinished; they can then not go on.")
@workspace_option
@json_option
def doctor(prune: bool, store: Store, as_json: bool) -> None:
    """Tell versions, packages, machine and workspace, with the command that mends what is missing."""
    from kubestill.pipeline.doctor import examine

    if prune:
        with store.locked():
            for path in store.prune():
                click.echo(f"deleted {path}", err=True)
    lines = examine(store)
    if as_json:
        return print_json([line.record() for line in lines])
    for line in lines:
        click.echo(f"{line.state:<8} {line.name:<20} {line.found}")
        if line.mend:
            click.echo(f"{'':<29} {line.mend}")
    return None
