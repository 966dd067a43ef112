"""`kubestill mcp`: check, explain and ask for MCP clients."""

import socket

import click

from kubestill.cli.options import workspace_option
from kubestill.ground.errors import UserError
from kubestill.ground.store import Store

LOOPBACK = "127.0.0.1"
DRAIN_SECONDS = 30  # for answers under way when the server is told to stop


@click.command()
@click.option("--model", "models", multiple=True, help="What answers, as for ask; may be given again.  [default: the last run's release]")
@click.option("--http", is_flag=True, help="Serve streamable HTTP on this machine instead of stdin and stdout.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8081, show_default=True, help="With --http: port; 0 takes a free one.")
@click.option("--timeout", "timeout_seconds", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Seconds for an answer.")
@workspace_option
def mcp(models: tuple[str, ...], http: bool, port: int, timeout_seconds: float, store: Store) -> None:
    """Serve the tools check, explain and ask over the Model Context Protocol, on stdin and stdout unless --http is given.

    With --http only this machine is let in; `kubestill serve` offers the same at /mcp behind its API keys.
    """
    from kubestill.ground.registry import load_object
    from kubestill.ground.settings import read_settings
    from kubestill.pipeline.serving import ServiceSettings, open_service

    make_server, make_app = (load_object(f"kubestill.serving.mcp:{name}") for name in ("make_server", "make_mcp_app"))
    state = read_settings().cache / "mcp"  # clients start this in folders where nobody may write
    service = open_service(store, ServiceSettings(models=models, state=state))
    try:
        if http:
            _serve_http(make_app(service, timeout_seconds), port)
        else:
            make_server(service, timeout_seconds).run("stdio")
    finally:
        service.close()


def _serve_http(app: object, port: int) -> None:
    """Serve until told to stop.

    Raises:
        UserError: the port is taken.
    """
    import uvicorn

    try:
        listening = socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise UserError("--port", f"{port} cannot be had ({error.strerror})", "give another one, or 0 for a free one") from error
    with listening:
        click.echo(f"MCP at http://{LOOPBACK}:{listening.getsockname()[1]}/mcp", err=True)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=DRAIN_SECONDS)  # type: ignore[arg-type] # any ASGI app
        uvicorn.Server(config).run(sockets=[listening])
