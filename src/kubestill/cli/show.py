"""`kubestill show NAME`: a run, an artifact or a recipe."""

from pathlib import Path
from typing import Any

import click

from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.cli.run import summary
from kubestill.ground.store import Store
from kubestill.pipeline.spelling import duration, size


@click.command()
@click.argument("name", default="latest")
@workspace_option
@json_option
def show(name: str, store: Store, as_json: bool) -> None:
    """Show a run (NAME of `kubestill list runs`, or latest), an artifact (kind/stage-key) or a recipe with its defaults filled in."""
    from kubestill.pipeline.recipe import find_recipe, read_recipe

    if find_recipe(Path(name)).suffix == ".toml":
        text = read_recipe(Path(name)).text
        return print_json({"recipe": text}) if as_json else click.echo(text, nl=False)
    from kubestill.pipeline.looking import show as look_up

    record = look_up(store, name)
    if as_json:
        return print_json(record)
    for line in _run(record) if "suites" in record else _failure(record) if "traceback" in record else _artifact(record):
        click.echo(line)
    return None


def _run(report: dict[str, Any]) -> list[str]:
    lines = [f"{report['name']}, {report['created']}", ""]
    for stage in report["stages"]:
        reused = "  (stood already)" if stage["reused"] else ""
        lines.append(f"{stage['name']:<11} {stage['artifact']:<36} {duration(stage['seconds']):>12}{reused}")
        lines += [f"{'':<13}dropped {count:,}: {reason}" for reason, count in stage["tally"]["dropped"].items()]
    return [*lines, "", *summary(report)]


def _failure(note: dict[str, Any]) -> list[str]:
    told = f"failed in {note['stage'] or 'planning'}, {note['when']}: {note['error']}: {note['message']}"
    return [told, "", *"".join(note["traceback"]).splitlines()]


def _artifact(manifest: dict[str, Any]) -> list[str]:
    tally = manifest["tally"]
    lines = [
        f"{manifest['kind']} made by {manifest['stage']}, key {manifest['key']}",
        f"{tally.get('came', 0):,} came, {tally.get('kept', 0):,} kept",
        *(f"  dropped {count:,}: {reason}" for reason, count in tally.get("dropped", {}).items()),
        f"{duration(manifest['seconds'])}, {size(manifest['peak_memory_bytes'])} of memory at most",
        "",
        *(f"{name} = {value}" for name, value in manifest["what"].items()),
        "",
        *(f"{name}: {value}" for name, value in manifest["figures"].items()),
    ]
    return lines
