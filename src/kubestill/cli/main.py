"""The command line: `kubestill COMMAND`. Each command lies in a file of its own and is imported when it is called."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from kubestill.ground.errors import KubestillError, near

# name -> (where the command is, its line in the help). The line stands here so that `kubestill --help` imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("kubestill.cli.run:run", "Build all that a recipe asks for, and report; goes on where it stopped."),
    "plan": ("kubestill.cli.plan:plan", "Show what a run would do, why, and at what cost."),
    "job": ("kubestill.cli.job:job", "Print a run as a Kubernetes Job, on one machine or several."),
    "check": ("kubestill.cli.check:check", "Check manifests: syntax, schema, rules. Exit 1 when one fails."),
    "schema": ("kubestill.cli.schema:schema", "Keep a cluster's schemas, to check by without it."),
    "ask": ("kubestill.cli.ask:ask", "Answer one request, and check the answer."),
    "serve": ("kubestill.cli.serve:serve", "Serve checked answers: OpenAI's API, the page, MCP, metrics."),
    "mcp": ("kubestill.cli.mcp:mcp", "Serve check, explain and ask to MCP clients."),
    "deploy": ("kubestill.cli.deploy:deploy", "Print the service as Kubernetes objects."),
    "eval": ("kubestill.cli.eval:evaluate", "Measure a model on a suite, or compare two."),
    "data": ("kubestill.cli.data:data", "Show, measure and export samples."),
    "show": ("kubestill.cli.show:show", "Show a run, an artifact or a recipe."),
    "diff": ("kubestill.cli.diff:diff", "Compare two runs or artifacts: settings and scores."),
    "list": ("kubestill.cli.list:list_things", "List artifacts, runs, stages, domains, suites, checks or engines."),
    "explain": ("kubestill.cli.explain:explain", "Tell what a check looks for, with examples and the remedy."),
    "doctor": ("kubestill.cli.doctor:doctor", "Tell what is installed, what is missing, and how to mend it."),
}
STOPPED = 130  # what a shell expects after ctrl-C: 128 + SIGINT


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one is meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}; {near(args[0], COMMANDS) or 'known: ' + ', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click gives it
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 140})
@click.version_option(package_name="kubestill")
def cli() -> None:
    """Build, prove and serve small language models that are right about Kubernetes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 2 for the user's mistakes, 3 for what is not installed."""
    sys.exit(answer(arguments))


def answer(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. What is nobody's foreseen mistake propagates with its traceback."""
    return answer_with(cli, "kubestill", arguments)


def answer_with(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command that goes by `name` as `answer` does."""
    try:
        code = command.main(args=None if arguments is None else list(arguments), prog_name=name, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except KubestillError as error:
        return _told(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _told("stopped; nothing is lost: the next run goes on where this one stopped", STOPPED)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        return 1
    except Exception as error:
        if not disk_full(error):
            raise
        place = getattr(error, "filename", None)
        told = f"the disk is full{f' at {place}' if place else ''}; free some space and run again: it goes on where it stopped"
        return _told(told, 1)


def disk_full(error: BaseException) -> bool:
    """Say whether a full disk is behind the error. Libraries in other languages (safetensors) tell it only in their text."""
    return getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error)


def _told(sentence: str, code: int) -> int:
    click.echo(f"kubestill: {sentence}", err=True)
    return code
