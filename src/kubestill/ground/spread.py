"""Shards over Ray: on an instance of our own on this machine, or on the cluster that RAY_ADDRESS names.

The nodes of a cluster need the same kubestill and see the workspace under the same path; a task that a lost node leaves is
made again by another. Ray runs whatever it is sent, so it is used with token authentication only.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from typing import Any

from kubestill.ground.errors import Unavailable
from kubestill.ground.registry import need

# From here on an instance of one's own has token authentication on by default: docs.ray.io, "Ray token authentication".
RAY_VERSION = "2.59"
TASKS_PER_CORE = 2  # handed to Ray at once, so that no core waits for the next
UNREACHABLE = "RAY_ADDRESS=... RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=... ray status"


def over_ray(make: Callable[[int], int], todo: Sequence[int], processes: int) -> Iterator[int]:
    """Yield the indices as they are made; `processes` bounds an instance of our own, a cluster gives all its cores.

    Raises:
        Unavailable: Ray is missing or too old, the cluster cannot be reached, or it takes work from anybody.
    """
    need("ray", RAY_VERSION, extra="ray")
    ray = importlib.import_module("ray")
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))  # Ray tells of lost workers on stdout, which belongs to results
        if not ray.is_initialized():
            stack.callback(ray.shutdown)
            _begin(ray, processes)
        yield from _made(ray, make, list(todo))


def _begin(ray: Any, processes: int) -> None:
    """Join the cluster that Ray's own settings name, or begin an instance here; without dashboard, and with tokens."""
    settings = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    try:
        try:
            ray.init(num_cpus=max(1, processes), **settings)
        except ValueError:  # a cluster is there; how many cores it has is its own affair
            ray.init(**settings)
    except (ConnectionError, RuntimeError) as error:
        raise Unavailable(f"Ray cannot be reached ({error})", UNREACHABLE) from error
    inside = importlib.import_module("ray._raylet")  # Ray has no public way to ask
    if inside.get_authentication_mode() != inside.AuthenticationMode.TOKEN:
        raise Unavailable("Ray's token authentication is off: whoever reaches the cluster can run code on it", "export RAY_AUTH_MODE=token")


def _made(ray: Any, make: Callable[[int], int], todo: list[int]) -> Iterator[int]:
    task, function = ray.remote(num_cpus=1)(_call), ray.put(make)
    most = TASKS_PER_CORE * int(ray.cluster_resources().get("CPU", 1))
    waiting: list[Any] = []
    todo.reverse()
    try:
        while todo or waiting:
            while todo and len(waiting) < most:
                waiting.append(task.remote(function, todo.pop()))
            ready, waiting = ray.wait(waiting, num_returns=1)
            yield _result(ray, ready[0])
    finally:
        for reference in waiting:
            ray.cancel(reference)


def _call(make: Callable[[int], int], index: int) -> int:
    return make(index)


def _result(ray: Any, reference: Any) -> int:
    """Return what a task returned, or raise what it raised, as if it had been made here."""
    try:
        index: int = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    return index
