"""`kubestill ask "..."`: one checked answer."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.ground.errors import UserError
from kubestill.ground.store import Store

if TYPE_CHECKING:
    from kubestill.serving.api import Wish

MAX_REQUEST_BYTES = 1 << 20  # far more than any context holds

_MODEL = (
    "A run, an artifact, a folder, a GGUF file, a server's address (http://...) or a packaged student.  [default: the last run's release]"
)


@click.command()
@click.argument("request", default="-")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="The answer is of this kind, as in Deployment or apps/v1/Deployment; may be given again.",
)
@click.option(
    "--task", "skill", default="", metavar="TASK", help="What is asked for, as in manifest or kubectl.  [default: the model decides]"
)
@click.option("--for-version", "version", default="", metavar="1.N", help="The cluster's version.  [default: 1.36]")
@click.option(
    "--crd", "definitions", multiple=True, type=click.Path(path_type=Path), help="File or folder of custom resources; may be given again."
)
@click.option(
    "--edit", "file", type=click.Path(path_type=Path), help="Change this file: its new text goes to stdout, the difference to stderr."
)
@click.option("--document", type=click.IntRange(min=0), help="Which object of the file, counted from 0.  [default: the only one]")
@click.option("--free", is_flag=True, help="Without the grammar: the model may invent.")
@click.option("--draft", is_flag=True, help="Answer freely first, then once more under the grammar: for larger models that do not note.")
@click.option("--stream", is_flag=True, help="Print the answer as it is written; its verdict comes after, and it is not repaired.")
@click.option("--n", "tries", type=click.IntRange(1, 64), default=1, show_default=True, help="Answers to draw; the checks choose.")
@click.option("--temperature", type=click.FloatRange(0, 5), default=0.0, show_default=True, help="0 takes the likeliest token.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other answers.")
@click.option("--explain", is_flag=True, help="Tell what was forced, and what the grammar took away.")
@click.option("--model", default="", help=_MODEL)
@click.option("--domain", default="", help="Whose checks judge the answer.  [default: the model's own]")
@workspace_option
@json_option
def ask(request: str, model: str, store: Store, as_json: bool, **wished: Any) -> int:
    """Answer REQUEST (- or nothing: from stdin). The answer goes to stdout, its verdict to stderr; exit 1 when it did not pass."""
    from kubestill.pipeline.models import find_model
    from kubestill.pipeline.serving import ask_model
    from kubestill.serving.api import Inquiry, Wish

    text = request if request != "-" else "" if sys.stdin.isatty() else _read()
    if not text.strip():
        raise UserError("request", "it is empty", 'say what you want: kubestill ask "a deployment called web running nginx:1.27"')
    if not math.isfinite(wished["temperature"]):
        raise UserError("--temperature", f"found {wished['temperature']}", "give a number from 0 to 5")
    explain, stream = wished.pop("explain"), wished.pop("stream")
    file, document = wished.pop("file"), wished.pop("document")
    wished["kinds"], wished["definitions"] = tuple(wished["kinds"]), tuple(wished["definitions"])
    wish = Wish(**wished)
    _agree(wish, {"--json": as_json, "--edit": file is not None, "--document": document is not None, "--stream": stream})
    found = find_model(store, model)
    inquiry = Inquiry(text, wish)
    if file is not None:
        inquiry = Inquiry(text, wish, manifest=_read_manifest(file), document=document, file=str(file))
    answer = ask_model(found, inquiry, _Page() if stream else None)
    if as_json:
        print_json({"model": found.name, "request": text, **answer.record()})
    else:
        diff = answer.change.diff.splitlines() if answer.change else []
        _print("" if stream else answer.reply.text, [*diff, *answer.told()], answer.explained() if explain else ())
    return 0 if answer.verdict.passed else 1


def _agree(wish: "Wish", given: dict[str, bool]) -> None:
    """Refuse options that do not go together; `given` says which there are besides the wish.

    Raises:
        UserError: which one, and beside what.
    """
    if given["--document"] and not given["--edit"]:
        raise UserError("--document", "no file is edited", "give --edit FILE, or leave it out")
    if wish.free and wish.kinds:
        raise UserError("--free", "without the grammar nothing holds the model to a --kind", "leave one of them out")
    if wish.free and wish.draft:
        raise UserError("--draft", "it is the answer under the grammar that follows a draft, and --free has none", "leave one of them out")
    asked = {"--free": wish.free, "--kind": wish.kinds, "--task": wish.skill, "--n": wish.tries > 1, "--draft": wish.draft}
    asked |= {name: given[name] for name in ("--json", "--edit", "--stream")}
    beside = {"--edit": ("--free", "--kind", "--task", "--n", "--draft", "--stream"), "--stream": ("--json", "--n")}
    for name, others in beside.items():
        if asked[name] and (strange := [other for other in others if asked[other]]):
            raise UserError(name, f"does not go with {', '.join(strange)}", "leave one out")


class _Page:
    """Prints an answer as it comes; line breaks wait for what follows them, so that none is left over at the end."""

    def __init__(self) -> None:
        self._breaks = ""

    def __call__(self, text: str) -> None:
        shown = text.rstrip("\n")
        if shown:
            click.echo(self._breaks + shown, nl=False)  # and flushes
            self._breaks = ""
        self._breaks += text[len(shown) :]


def _print(text: str, told: Sequence[str], explained: Sequence[str]) -> None:
    click.echo(text.rstrip("\n"))
    for line in (*told, *explained):
        click.echo(line, err=True)


def _read() -> str:
    """Return the request that stands on stdin.

    Raises:
        UserError: it is too long to be one.
    """
    content: bytes = sys.stdin.buffer.read(MAX_REQUEST_BYTES + 1)
    if len(content) > MAX_REQUEST_BYTES:
        raise UserError("stdin", f"more than {MAX_REQUEST_BYTES:,} bytes", "give a request, not a file")
    return content.decode("utf-8", "replace")


def _read_manifest(path: Path) -> str:
    """Return the text of a file that is to be changed.

    Raises:
        UserError: it cannot be read, is too large, or no text.
    """
    from kubestill.serving.editing import MAX_MANIFEST_BYTES

    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise UserError(str(path), f"more than {MAX_MANIFEST_BYTES:,} bytes", "edit a smaller file")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(str(path), f"cannot be read ({error.strerror})", "give a file of manifests") from None
    except UnicodeDecodeError:
        raise UserError(str(path), "no UTF-8 text", "give a file of manifests") from None
    if not text:
        raise UserError(str(path), "holds no manifest that can be read", "`kubestill check` says why")
    return text
