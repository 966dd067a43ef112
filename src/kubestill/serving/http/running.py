"""Runs the app: one process, or several that share a socket."""

import logging
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from kubestill.ground.errors import KubestillError, UserError
from kubestill.ground.settings import lend
from kubestill.serving.http.reception import LOG
from kubestill.serving.http.settings import HttpSettings

if TYPE_CHECKING:
    from uvicorn import Config

Make = Callable[[], FastAPI]
METRICS = "PROMETHEUS_MULTIPROC_DIR"  # the package reads it when it is imported
BACKLOG = 2048
CANCEL_SECONDS = 5  # after the drain, for what is still there
FAILED = 3  # uvicorn.config.STARTUP_FAILURE
HEALTH_SECONDS = 30  # a worker that loads a model answers its parent late


@contextmanager
def shared_folder(workers: int) -> Iterator[Path | None]:
    """Give the folder that several workers share while they run; one alone needs none."""
    if workers == 1:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="kubestill-serve-"))
    lend(METRICS, str(folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def listen(settings: HttpSettings) -> socket.socket:
    """Return a socket that is bound; nobody is answered before `serve`.

    Raises:
        UserError: the address is taken, or none of this machine.
    """
    where = f"--host {settings.host} --port {settings.port}"
    found: socket.socket | None = None
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        # By its protocol asyncio knows a TCP socket, and sends parts at once; else a client's delayed acknowledgement costs 40 ms a reply.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((settings.host, settings.port))
    except OSError as error:
        if found is not None:
            found.close()
        raise UserError(where, str(error.strerror or error), "choose another port; 0 takes a free one") from None
    found.set_inheritable(True)
    return found


def configured(make: Make, settings: HttpSettings) -> "Config":
    """Return uvicorn's configuration."""
    from uvicorn import Config

    from kubestill.serving.http.protocol import PatientProtocol

    return Config(
        make,
        factory=True,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,  # it writes whole addresses, and with them what stands in their queries
        proxy_headers=False,
        server_header=False,
        workers=settings.workers,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=CANCEL_SECONDS,
        timeout_worker_healthcheck=HEALTH_SECONDS,
    )


def serve(make: Make, settings: HttpSettings, bound: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, and end well. With several workers `make` is pickled and called in each."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    _log()
    config = configured(make if settings.workers == 1 else Worker(make), settings)
    # uvicorn raises the signal that ended it once more for whoever had it before: for us the end is the end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    if settings.workers == 1:
        return uvicorn.Server(config).run([bound])
    parent = Multiprocess(config, [bound])
    parent.run()
    if any(process.exitcode == FAILED for process in parent.processes):
        raise UserError("--workers", "one could not start; why, it says above")


@dataclass(frozen=True)
class Worker:
    """Makes the app in a worker; what the user did wrong is told once, and not tried again."""

    make: Make

    def __call__(self) -> FastAPI:
        """Return the app, or end the process with the status by which uvicorn knows that it is no use to start another."""
        _log()
        try:
            return self.make()
        except KubestillError as error:
            LOG.error("%s", error)
            sys.exit(FAILED)


def _log() -> None:
    """Let a line a request go to stderr, and uvicorn's warnings."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for name in ("uvicorn.error", "httpx", "httpx2", "mcp"):
        logging.getLogger(name).setLevel(logging.WARNING)
