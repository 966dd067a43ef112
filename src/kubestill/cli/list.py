"""`kubestill list WHAT`: what there is."""

from typing import Any

import click

from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.ground.errors import UserError, near
from kubestill.ground.store import Store


@click.command("list")
@click.argument("what", default="artifacts")
@workspace_option
@json_option
def list_things(what: str, store: Store, as_json: bool) -> None:
    """List WHAT: artifacts (the default), runs, stages, domains, suites, checks or engines."""
    from kubestill.pipeline.looking import LISTS

    if what not in LISTS:
        raise UserError(what, "is nothing that can be listed", near(what, LISTS) or f"known: {', '.join(LISTS)}")
    records = LISTS[what](store)
    if as_json:
        return print_json(records)
    for line in columns(records):
        click.echo(line)
    if not records:
        click.echo(f"no {what}" + (f" in {store.workspace}" if what in ("artifacts", "runs") else ""), err=True)
    return None


def columns(records: list[dict[str, Any]]) -> list[str]:
    """Lay records out in columns, the names of the fields above them."""
    if not records:
        return []
    rows = [[name.replace("_", " ") for name in records[0]], *([_cell(value) for value in record.values()] for record in records)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
