"""Options that several commands share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kubestill.ground.settings import read_settings
from kubestill.ground.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])


def _store(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Store:  # noqa: ARG001 - click gives them
    return Store(value or read_settings().workspace)


def workspace_option(command: Command) -> Command:
    """Give the command `--workspace`; it gets a Store as `store`."""
    told = "Folder of artifacts and runs.  [default: $KUBESTILL_WORKSPACE or ./workspace]"
    return click.option("--workspace", "store", type=click.Path(path_type=Path, file_okay=False), callback=_store, help=told)(command)


def json_option(command: Command) -> Command:
    """Give the command `--json`; it gets the switch as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def set_option(command: Command) -> Command:
    """Give the command `--set table.setting=value`, as often as wanted."""
    told = "Override a setting, as in training.learning_rate=1e-3; may be given again."
    return click.option("--set", "overrides", multiple=True, metavar="TABLE.SETTING=VALUE", help=told)(command)


def print_json(data: Any) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(data, indent=1, ensure_ascii=False))
