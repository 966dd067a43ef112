"""`kubestill check FILE...`: the instruments as a linter."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubestill.cli.check_formats import as_json, github, junit, sarif, text

if TYPE_CHECKING:
    from kubestill.pipeline.lint_settings import LintSettings
    from kubestill.pipeline.linting import Asked, Checked

FORMATS: Mapping[str, Callable[[Iterable["Checked"]], Iterator[str]]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
}
_PATH = click.Path(path_type=Path, allow_dash=True)


def _explain(ctx: click.Context, parameter: click.Parameter, code: str | None) -> None:  # noqa: ARG001 - click gives them
    if code:
        from kubestill.cli.explain import explain

        ctx.invoke(explain, code=code, as_json=False)
        ctx.exit()


@click.command()
@click.argument("files", nargs=-1, type=_PATH)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="Form of the report.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--crd", "definitions", multiple=True, type=_PATH, help="Definitions of custom resources: a file or folder.")
@click.option("--kubernetes-version", "version", default="", help="Version of the cluster, such as 1.34.  [default: 1.36]")
@click.option("--policy", "policies", multiple=True, help="Also ask pod-security/baseline, pod-security/restricted or best-practice.")
@click.option("--closed", is_flag=True, help="The files are all that the cluster will hold: a reference to anything else fails.")
@click.option("--alone", is_flag=True, help="Judge each document alone, not what holds between them.")
@click.option("--against", "olds", multiple=True, type=_PATH, help="Objects as they are now: what may not change is told.")
@click.option("--cluster", is_flag=True, help="Try what passes on a cluster, too, in a dry run: nothing is changed.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="With --cluster: another kubeconfig.")
@click.option("--context", default="", help="With --cluster: another context.  [default: the current one]")
@click.option("--namespace", "-n", default="", help="What the objects are for: one that names another fails. Also where --cluster tries.")
@click.option(
    "--known-namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="One that the cluster has, beside those of the settings: an object in any other fails.",
)
@click.option("--schemas", default="", metavar="NAME", help="Schemas of a cluster, kept by `kubestill schema pull`.")
@click.option("--kubectl", "commands", multiple=True, metavar="COMMAND", help="Check a kubectl command; may be given again.")
@click.option("--fix", is_flag=True, help="Show what can be mended for certain as a diff, ask, and write it.")
@click.option("--yes", is_flag=True, help="With --fix: write without asking.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings.  [default: the nearest .kubestill.toml]")
@click.option("--explain", metavar="CODE", expose_value=False, is_eager=True, callback=_explain, help="Tell what CODE means, and leave.")
def check(files: tuple[Path, ...], form: str, commands: tuple[str, ...], **given: Any) -> int:
    """Check manifests in FILES (folders: all .yaml, .yml and .json below; -: standard input). Exit 1 when one fails.

    A document without a schema, such as a custom resource whose definition is not given with --crd, is skipped: that is told, and
    is neither a pass nor a failure. Policies are told apart from validity; exit 1 also when one is broken.
    """
    from kubestill.pipeline.ignoring import Ignoring
    from kubestill.pipeline.lint_settings import find_settings, read_settings
    from kubestill.pipeline.linting import Lint, check_commands

    if not files and not commands:
        raise click.UsageError("give files or folders of manifests, - for standard input, or --kubectl COMMAND")
    config = given["config"]
    settings = read_settings(config) if config else find_settings(Path())
    asked = _asked(settings, given)
    stdin = sys.stdin.buffer.read() if Path("-") in (*files, *given["olds"]) else b""
    ignoring, lint = Ignoring(settings), Lint(asked)
    if given["fix"]:
        from kubestill.cli.check_fix import fix

        if (left := fix(files, stdin, lint, given["yes"])) is not None:
            return left
    tally = Tally(form == "text")
    checked = ignoring.apply([*lint.files(files, stdin), *check_commands(commands)] if commands else lint.files(files, stdin))
    for line in FORMATS[form](tally.watch(checked)):
        click.echo(line)
    for line in (*tally.told(asked.policies), *lint.notes, *ignoring.notes()):
        click.echo(line, err=True)
    return 1 if tally.failed else 0


def _asked(settings: "LintSettings", given: Mapping[str, Any]) -> "Asked":
    """Lay what the command says over what the repository's settings say."""
    from kubestill.pipeline.linting import Asked, Cluster

    return Asked(
        version=given["version"] or settings.version,
        definitions=(*settings.definitions, *given["definitions"]),
        policies=given["policies"] or settings.policies,
        together=not given["alone"],
        closed=given["closed"] or settings.closed,
        olds=given["olds"],
        excludes=settings.excludes,
        schemas=given["schemas"],
        namespace=given["namespace"],
        namespaces=(*settings.namespaces, *given["namespaces"]),
        cluster=Cluster(given["kubeconfig"], given["context"]) if given["cluster"] else None,
    )


class Tally:
    """Counts documents as they pass by."""

    def __init__(self, shows: bool) -> None:
        self.counts = dict.fromkeys(("pass", "fail", "skip", "error"), 0)
        self.policies = dict.fromkeys(("pass", "fail", "skip"), 0)
        self.strangers: dict[str, int] = {}
        self.ignored = 0
        self.shows = shows  # whether those who read want judged documents only

    def watch(self, checked: Iterable["Checked"]) -> Iterator["Checked"]:
        """Yield what comes, counted; a text for people leaves out what is no Kubernetes object, other forms say that, too."""
        for one in checked:
            self.ignored += len(one.ignored)
            if one.stranger:
                self.strangers[one.reason] = self.strangers.get(one.reason, 0) + 1
            else:
                self.counts[one.status] += 1
                if one.policy:
                    self.policies[one.policy] += 1
            if not (one.stranger and self.shows):
                yield one

    @property
    def failed(self) -> bool:
        """Say whether anything failed, broke or violates a policy."""
        return bool(self.counts["fail"] or self.counts["error"] or self.policies["fail"])

    def told(self, policies: Iterable[str]) -> Iterator[str]:
        """Yield the lines that sum up."""
        total, counts = sum(self.counts.values()), self.counts
        judged = f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped, {counts['error']} could not be checked"
        ignored = f"; {self.ignored} findings ignored with a reason" if self.ignored else ""
        yield f"{total} document{'' if total == 1 else 's'}: {judged}{ignored}" if total else "found no document: nothing was checked"
        if names := ", ".join(policies):
            yield f"{names}: {self.policies['pass']} met, {self.policies['fail']} broken"
        for reason, count in self.strangers.items():
            yield f"left out: {count} x {reason}"
