"""The dialogue of `kubestill check --fix`: a diff, a question, and only then a change."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kubestill.pipeline.linting import Lint


def fix(files: Sequence[Path], stdin: bytes, lint: "Lint", yes: bool) -> int | None:
    """Show what can be mended and mend it; return an exit code where the check shall not go on.

    Standard input is a filter: the mended text goes to standard output, the diff to standard error.
    """
    from kubestill.pipeline.lint_fixing import fixes

    found = list(fixes(files, stdin, lint))
    if Path("-") in files:
        if len(files) > 1:
            raise click.UsageError("--fix takes either files or - for standard input")
        click.echo(found[0].diff if found else "nothing to mend for certain", err=True, nl=not found)
        sys.stdout.write(found[0].after if found else stdin.decode("utf-8", "replace"))
        return 0
    for one in found:
        click.echo(one.diff, nl=False)
    total = sum(len(one.done) for one in found)
    if not total:
        click.echo("nothing to mend for certain", err=True)
        return None
    click.echo(f"{total} findings can be mended in {len(found)} files", err=True)
    if not yes and not (sys.stdin.isatty() and click.confirm("write them?", err=True)):
        click.echo("nothing was written; --yes writes without asking", err=True)
        return 1
    for one in found:
        one.write()
    return None
