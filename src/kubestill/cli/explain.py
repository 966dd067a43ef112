"""`kubestill explain CODE`: what a check looks for."""

import textwrap

import click

from kubestill.cli.options import json_option, print_json


@click.command()
@click.argument("code")
@json_option
def explain(code: str, as_json: bool) -> None:
    """Tell what the check CODE looks for, with bad and good examples and the remedy."""
    from kubestill.pipeline.looking import explain as look_up

    told = look_up(code)
    if as_json:
        return print_json(told)
    tier = f", tier {told['tier']}, version {told['version']}" if "tier" in told else ""
    click.echo(f"{told['code']}  ({told['domain']}{tier})\n")
    click.echo(textwrap.fill(told["looks_for"], 100))
    if "remedy" in told:
        click.echo(f"\nRemedy: {told['remedy']}")
    for name in ("bad", "good"):
        for example in told.get(name, ()):
            click.echo(f"\n{name.capitalize()}:\n{textwrap.indent(example or '(nothing)', '    ').rstrip()}")
    return None
