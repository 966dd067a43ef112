"""`kubectl still`: ask, check and explain as a plugin of kubectl, with kubectl's own flags for namespace, context and kubeconfig.

kubectl finds plugins by the names of programs on the PATH: kubectl-still, and kubectl_complete-still for what the shell completes.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubestill.cli.main import answer_with
from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.ground.store import Store

if TYPE_CHECKING:
    from kubestill.pipeline.still import Target

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, allow_dash=True)
NO_FILES, FILES = ":4", ":0"  # directives of cobra: whether the shell may complete names of files when nothing else fits


def _target(command: Command) -> Command:
    """Give the command kubectl's flags."""
    for option in (
        click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Another kubeconfig than the usual one."),
        click.option("--context", default="", help="Another context.  [default: the current one]"),
        click.option("--namespace", "-n", default="", help="Another namespace.  [default: the context's]"),
    ):
        command = option(command)
    return command


def _made(given: dict[str, Any]) -> "Target":
    from kubestill.pipeline.still import Target

    return Target(given.pop("namespace"), given.pop("context"), given.pop("kubeconfig"))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 140})
@click.version_option(package_name="kubestill")
def still() -> None:
    """Kubernetes answers, checks and explanations that are right: kubectl still COMMAND."""


@still.command()
@click.argument("request", nargs=-1, required=True)
@click.option("--kind", "kinds", multiple=True, help="The answer is of this kind; may be given again.")
@click.option("--task", "skill", default="", help="What is asked for, as in manifest or kubectl.  [default: the model decides]")
@click.option(
    "--for-version", "version", default="", metavar="1.N", help="The cluster's version.  [default: as its schemas are kept, else 1.36]"
)
@click.option("--model", default="", help="As for kubestill ask.  [default: the last run's release, or the packaged student]")
@_target
@workspace_option
@json_option
def ask(request: tuple[str, ...], model: str, store: Store, as_json: bool, **given: Any) -> int:
    """Answer REQUEST: what to apply goes to stdout, so that `kubectl still ask ... | kubectl apply -f -` is one step.

    A manifest says the namespace that -n or the context gives, a command the namespace and the context. Exit 1 when a check fails.
    """
    from kubestill.pipeline.models import find_model
    from kubestill.pipeline.still import ask_for, version_of
    from kubestill.serving.api import Inquiry, Wish

    target = _made(given)
    wish = Wish(kinds=tuple(given["kinds"]), skill=given["skill"], version=given["version"] or version_of(target))
    words = " ".join(request)
    placed = ask_for(target, find_model(store, model), Inquiry(words, wish))
    if as_json:
        print_json({"request": words, **placed.answer.record(), "answer": placed.text, "passed": placed.passed, "remarks": placed.remarks})
    else:
        click.echo(placed.text.rstrip("\n"))
        for line in (*placed.answer.told(), *placed.remarks):
            click.echo(line, err=True)
    return 0 if placed.passed else 1


@still.command()
@click.argument("files", nargs=-1, type=_FILE)
@click.option("--filename", "-f", "named", multiple=True, type=_FILE, help="The same as FILES, as kubectl spells it; may be given again.")
@click.option("--command", "commands", multiple=True, metavar="COMMAND", help="Check a kubectl command; may be given again.")
@click.option("--policy", "policies", multiple=True, help="Also ask pod-security/baseline, pod-security/restricted or best-practice.")
@click.option("--cluster", is_flag=True, help="Try what passes on the cluster, too, in a dry run: nothing is changed.")
@_target
@click.pass_context
def check(ctx: click.Context, /, files: tuple[Path, ...], named: tuple[Path, ...], **given: Any) -> int:
    """Check manifests in FILES (-: standard input) and kubectl commands. Exit 1 when one fails.

    With --context the cluster's own schemas judge, its custom resources among them; they are fetched once and kept. An object that names
    another namespace than -n fails.
    """
    from kubestill.cli.check import check as lint
    from kubestill.pipeline.still import schemas_of

    target = _made(given)
    schemas, told = schemas_of(target)
    if told:
        click.echo(told, err=True)
    more = {"kubeconfig": target.kubeconfig, "context": target.context, "namespace": target.namespace, "schemas": schemas}
    code: int = ctx.invoke(lint, files=(*files, *named), **given, **more)
    return code


@still.command()
@click.argument("name", default="")
@click.option("--for-version", "version", default="", metavar="1.N", help="The cluster's version.  [default: with --context the cluster's]")
@_target
@json_option
def explain(name: str, version: str, as_json: bool, **given: Any) -> None:
    """Tell what NAME is: a kind, a field (deploy.spec.replicas) or the code of a finding; without one, list all kinds."""
    from kubestill.pipeline.still import explain_for, schemas_of
    from kubestill.serving.explained import Explained

    schemas, told = ("", "") if version else schemas_of(_made(given))
    if told:
        click.echo(told, err=True)
    record = explain_for(name, version, schemas)
    if as_json:
        return print_json(record)
    click.echo(Explained.of(record).told())
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the plugin and leave with its exit code, as `kubestill` does."""
    sys.exit(answer_with(still, "kubectl still", arguments))


def complete(arguments: Sequence[str] | None = None) -> None:
    """Print what may follow the words of a command line, the last of which is being typed, as kubectl asks plugins for it."""
    *words, unfinished = (sys.argv[1:] if arguments is None else list(arguments)) or [""]
    for one in completions(words, unfinished):
        click.echo(one)


def completions(words: Sequence[str], unfinished: str) -> list[str]:
    """Return what may come, a line each with its help behind a tab, and at the end a directive of cobra."""
    from click.shell_completion import ShellComplete

    found = ShellComplete(still, {}, "kubectl still", "_STILL_COMPLETE").get_completions(list(words), unfinished)
    lines = [f"{one.value}\t{one.help}" if one.help else one.value for one in found if one.type == "plain"]
    return [*lines, FILES if any(one.type in ("file", "dir") for one in found) else NO_FILES]
