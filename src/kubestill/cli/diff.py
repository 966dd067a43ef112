"""`kubestill diff ONE OTHER`: what differs between two runs or artifacts."""

import click

from kubestill.cli.list import columns
from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.ground.store import Store


@click.command()
@click.argument("first")
@click.argument("second", default="latest")
@workspace_option
@json_option
def diff(first: str, second: str, store: Store, as_json: bool) -> None:
    """Compare two runs (settings and scores) or two artifacts (all that entered their keys, their counts and figures)."""
    from kubestill.pipeline.looking import differences

    found = differences(store, first, second)
    if as_json:
        return print_json(found)
    for line in columns([{"name": row["name"], first: str(row["first"]), second: str(row["second"])} for row in found]):
        click.echo(line)
    if not found:
        click.echo("nothing differs", err=True)
    return None
