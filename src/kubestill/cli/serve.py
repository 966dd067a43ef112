"""`kubestill serve`: checked answers over OpenAI's API, and the page."""

import gc
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubestill.cli.options import workspace_option
from kubestill.ground.errors import UserError
from kubestill.ground.registry import load_object, need
from kubestill.ground.settings import read_settings
from kubestill.ground.store import Store

if TYPE_CHECKING:
    from fastapi import FastAPI

    from kubestill.pipeline.serving import ServiceSettings
    from kubestill.serving.http.settings import HttpSettings

_MODEL = (
    "A run, an artifact, a folder, a GGUF file, a server's address or a packaged student; may be given again.  [default: the last run's]"
)
_ROWS = "Answers written at once, in each process.  [default: 8; with several workers and GGUF files 8 over all, 2 each at least]"
_KEYS = "File with API keys, one a line; beside those in KUBESTILL_API_KEYS."
SWITCH_SECONDS = (
    0.0005  # what a thread with logits waits for one that runs Python: 8 at once 90 answers/s, 72 by Python's 0.005, 80 by 0.0001
)
ROWS, LEAST_ROWS = 8, 2  # a small model reads two rows at once in a third more time than one, more only in as much more
COLLECTED = 10_000, 20, 20  # objects that were made, until the new ones are looked through; rounds, until older ones are
_OF_SERVICE = {"models", "escalate", "version", "definitions", "log", "cache_seconds"}


@click.command()
@click.option("--model", "models", multiple=True, help=_MODEL)
@click.option("--escalate", default="", metavar="MODEL", help="A larger model, asked where an answer fails its checks.")
@click.option("--for-version", "version", default="", metavar="1.N", help="The cluster's version, where a request names none.")
@click.option("--crd", "definitions", multiple=True, type=click.Path(path_type=Path), help="File or folder of custom resources.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Any but loopback needs an API key.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="Without keys: a name by which it may be asked; may be given again."
)
@click.option("--api-key-file", "key_file", type=click.Path(path_type=Path, dir_okay=False), help=_KEYS)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes, each with its own models.")
@click.option("--rows", type=click.IntRange(1, 1024), help=_ROWS)
@click.option("--queue", type=click.IntRange(0, 100_000), default=32, show_default=True, help="Answers that may wait; beyond: 429.")
@click.option(
    "--timeout", "timeout_seconds", type=click.FloatRange(0, min_open=True), default=120, show_default=True, help="Seconds a request."
)
@click.option("--drain", "drain_seconds", type=click.FloatRange(0), default=60, show_default=True, help="Seconds for answers at SIGTERM.")
@click.option("--rpm", "requests_per_minute", type=click.IntRange(0), default=0, help="Requests a minute and key.  [default: no limit]")
@click.option("--tpm", "tokens_per_minute", type=click.IntRange(0), default=0, help="Tokens a minute and key.  [default: no limit]")
@click.option("--max-body", "max_body_bytes", type=click.IntRange(1), default=1 << 20, show_default=True, help="Bytes of a request.")
@click.option("--cache-ttl", "cache_seconds", type=click.FloatRange(0), help="Seconds that an answer is kept; 0: none is.")
@click.option("--log", is_flag=True, help="Keep requests and answers in the state, redacted.")
@click.option("--trace-content", is_flag=True, help="Requests and answers stand in OpenTelemetry's spans.")
@workspace_option
def serve(store: Store, key_file: Path | None, **given: Any) -> None:
    """Serve checked answers: OpenAI's API under /v1, the page under /, MCP under /mcp, metrics under /metrics."""
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        need(package)
    from kubestill.pipeline.models import find_model
    from kubestill.pipeline.serving import ServiceSettings
    from kubestill.serving.http.running import listen, serve, shared_folder
    from kubestill.serving.http.settings import HttpSettings

    of_service = {name: value for name, value in given.items() if name in _OF_SERVICE and value is not None}
    models = [find_model(store, name) for name in of_service["models"] or ("",)]
    workers = given["workers"]
    if given["rows"] is None:  # a server behind this one has its own way to read many at once
        given["rows"] = max(LEAST_ROWS, ROWS // workers) if all(model.engine == "llama_cpp" for model in models) else ROWS
    of_http = {name: value for name, value in given.items() if name not in _OF_SERVICE}
    with shared_folder(workers) as shared:
        many = {"rows": given["rows"], "workers": workers, "shared": shared}
        settings = ServiceSettings(timeout_seconds=given["timeout_seconds"], **many, **of_service)
        http = HttpSettings(keys=(*read_settings().api_keys, *_keys(key_file)), shared=shared, **of_http)
        with listen(http) as bound:
            shown = f"[{http.host}]" if ":" in http.host else http.host
            told = f"{', '.join(model.name for model in models)} at http://{shown}:{bound.getsockname()[1]}"
            serve(Opening(store.workspace, settings, http, told), http, bound)


@dataclass
class Opening:
    """Makes the app of one worker; it can be pickled."""

    workspace: Path
    service: "ServiceSettings"
    http: "HttpSettings"
    told: str = ""  # what is served, and where

    def __call__(self) -> "FastAPI":
        """Load the models, say so, and return the app over them."""
        from kubestill.pipeline.serving import open_service
        from kubestill.pipeline.shelf import WorkspaceShelf
        from kubestill.serving.api import Wish
        from kubestill.serving.http.app import make_app
        from kubestill.serving.page.routes import page_router

        sys.setswitchinterval(SWITCH_SECONDS)
        store = Store(self.workspace)
        service = open_service(store, self.service)
        for one in service.models.values():
            one.identity(Wish())  # hashes the model's files: else the first request would wait for it
        mcp = load_object("kubestill.serving.mcp:mcp_routes") if find_spec("mcp") else None
        app = make_app(service, self.http, page_router(service, WorkspaceShelf(store)), mcp)
        gc.collect()
        gc.freeze()  # what is loaded now stays: to look through it once more took a tenth of a second, between two answers
        gc.set_threshold(*COLLECTED)
        if self.told:
            who = f"kubestill, process {getpid()}," if self.http.workers > 1 else "kubestill"
            click.echo(f"{who} serves {self.told}", err=True)
        return app


def _keys(file: Path | None) -> tuple[str, ...]:
    """Return the keys in a file; empty lines and those that begin with # are none.

    Raises:
        UserError: it cannot be read, or holds no key.
    """
    if file is None:
        return ()
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--api-key-file {file}", getattr(error, "strerror", None) or "not text", "give a file with a key a line") from None
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise UserError(f"--api-key-file {file}", "holds no key", "write one a line: openssl rand -hex 24")
    return keys
