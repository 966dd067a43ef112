"""`kubestill ask "..."`: one checked answer."""

import click

from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.ground.store import Store


@click.command()
@click.argument("request")
@click.option("--model", default="", help="A run, an artifact, a folder or a packaged student.  [default: the last run's release]")
@click.option("--domain", default="", help="Whose checks judge the answer.  [default: the model's own]")
@workspace_option
@json_option
def ask(request: str, model: str, domain: str, store: Store, as_json: bool) -> int:
    """Answer REQUEST. The answer goes to stdout, its verdict to stderr; exit 1 when it did not pass."""
    from kubestill.pipeline.answer import ask_model
    from kubestill.pipeline.models import find_model

    found = find_model(store, model)
    answer = ask_model(found, request, domain)
    if as_json:
        print_json({"model": found.name, "request": request, **answer.record()})
    else:
        click.echo(answer.text.rstrip("\n"))
        for line in answer.told():
            click.echo(line, err=True)
    return 0 if answer.verdict.passed else 1
