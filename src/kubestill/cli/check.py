"""`kubestill check FILE...`: the instruments as a linter."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubestill.cli.check_formats import junit, sarif

if TYPE_CHECKING:
    from kubestill.pipeline.linting import Checked


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif", "junit"]), default="text", show_default=True, help="Form.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option(
    "--crd", "definitions", multiple=True, type=click.Path(path_type=Path), help="Definitions of custom resources: a file or folder."
)
@click.option("--kubernetes-version", "version", default="", help="Version of the cluster, such as 1.34.  [default: 1.36]")
@click.option("--policy", "policies", multiple=True, help="Also ask pod-security/baseline, pod-security/restricted or best-practice.")
@click.option("--kubectl", "commands", multiple=True, metavar="COMMAND", help="Check a kubectl command; may be given again.")
def check(files: tuple[Path, ...], form: str, commands: tuple[str, ...], **asked: Any) -> int:
    """Check manifests in FILES (folders: all .yaml, .yml and .json below; -: standard input). Exit 1 when one fails.

    A document without a schema, such as a custom resource whose definition is not given with --crd, is skipped: that is told, and
    is neither a pass nor a failure. Policies are told apart from validity; exit 1 also when one is broken.
    """
    from kubestill.pipeline.linting import Against, check_commands, check_files

    if not files and not commands:
        raise click.UsageError("give files or folders of manifests, - for standard input, or --kubectl COMMAND")
    against, policies = Against(**asked), asked["policies"]
    checked = check_files(files, sys.stdin.buffer.read() if Path("-") in files else b"", against) + check_commands(commands)
    click.echo(FORMATS[form](checked), nl=bool(checked) or form != "text")
    counts = {status: sum(found.status == status for found in checked) for status in ("pass", "fail", "skip", "error")}
    told = f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped, {counts['error']} could not be checked"
    click.echo(f"{len(checked)} documents: {told}" if checked else "found no document: nothing was checked", err=True)
    broken = sum(found.policy == "fail" for found in checked)
    if policies:
        click.echo(f"{', '.join(policies)}: {sum(found.policy == 'pass' for found in checked)} met, {broken} broken", err=True)
    return 1 if counts["fail"] or counts["error"] or broken else 0


def text(checked: Sequence["Checked"]) -> str:
    """Spell findings as compilers do: place, code, what was found, how to mend it."""
    lines = []
    for found in checked:
        if found.status in ("pass", "fail"):
            lines.append(f"{found.file}:{found.line}: {found.status} {found.title}")
        else:
            lines.append(f"{found.file}:{found.line}: {found.status} {found.title}: {found.reason}")
        if found.policy:
            lines.append(f"{found.file}:{found.line}: policy {found.policy} {found.title}")
        for finding in found.told:
            place = f"{found.file}:{finding.line or found.line}:{finding.column or 1}"
            where = f"{finding.path}: " if finding.path else ""
            remedy = f". {finding.remedy}" if finding.remedy else ""
            lines.append(f"{place}: {finding.severity} {finding.code} {where}{finding.message}{remedy}")
    return "\n".join(lines)


def as_json(checked: Sequence["Checked"]) -> str:
    """Spell all documents as a JSON list."""
    return json.dumps([found.record() for found in checked], indent=1, ensure_ascii=False)


FORMATS: Mapping[str, Callable[[Sequence["Checked"]], str]] = {"text": text, "json": as_json, "sarif": sarif, "junit": junit}
