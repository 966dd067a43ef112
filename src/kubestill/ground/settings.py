"""The only place that reads environment variables.

KUBESTILL_WORKSPACE   folder of artifacts and runs (default ./workspace)
KUBESTILL_PROCESSES   most processes that a stage may start (default: the cores this process may use)
KUBESTILL_API_KEY     key of the server that an engine asks; never shown (default: none)
KUBESTILL_API_KEYS    keys that open our own API, separated by commas or spaces; never shown (default: none)
(a teacher's)          key of its server, in the variable that its file names; never shown
XDG_CACHE_HOME        folder of what can be fetched again (default ~/.cache)
RANK, LOCAL_RANK, WORLD_SIZE   which process of how many this is, in all and on this machine; torchrun sets them
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kubestill.ground.errors import UserError

WORKSPACE, PROCESSES, API_KEY = "KUBESTILL_WORKSPACE", "KUBESTILL_PROCESSES", "KUBESTILL_API_KEY"
API_KEYS = "KUBESTILL_API_KEYS"
PLACE, MASTER = {"rank": "RANK", "local_rank": "LOCAL_RANK", "ranks": "WORLD_SIZE"}, "MASTER_ADDR"


@dataclass(frozen=True)
class Settings:
    """What the surroundings say; everything else is in the recipe."""

    workspace: Path
    processes: int
    cache: Path
    api_key: str = field(default="", repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    rank: int = 0
    local_rank: int = 0
    ranks: int = 1


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environment` (the process's own by default).

    Raises:
        UserError: KUBESTILL_PROCESSES is not a positive whole number.
    """
    environment = os.environ if environment is None else environment
    given = environment.get(PROCESSES, "")
    if given and not (given.isdecimal() and int(given) > 0):
        raise UserError(PROCESSES, f"found {given!r}, expected a whole number from 1", "unset it to use every core")
    return Settings(
        workspace=Path(environment.get(WORKSPACE) or "workspace"),
        processes=int(given) if given else usable_cores(),
        cache=Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubestill",
        api_key=environment.get(API_KEY, "").strip(),
        api_keys=tuple(environment.get(API_KEYS, "").replace(",", " ").split()),
        **_place(environment),
    )


def _place(environment: Mapping[str, str]) -> dict[str, int]:
    """Return this process's place among those of torchrun; one of its kind where torchrun did not start it."""
    if MASTER not in environment or not all(environment.get(name, "").isdecimal() for name in PLACE.values()):
        return {}
    return {name: int(environment[variable]) for name, variable in PLACE.items()}


def usable_cores() -> int:
    """Return how many cores this process may run on (an affinity mask or a container may allow fewer than there are)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lend(variable: str, value: str) -> None:
    """Set a variable for a library that can be told in no other way, here and in the processes to come; the user's own value stays."""
    os.environ.setdefault(variable, value)


def read_key(variable: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the key that a teacher's file names by its `variable`; empty where there is no variable.

    Raises:
        UserError: the variable is not set.
    """
    environment = os.environ if environment is None else environment
    if variable and not environment.get(variable, "").strip():
        raise UserError(
            variable, "is not set", f"export {variable}=... with the server's key, or take key_variable out of the teacher's file"
        )
    return environment.get(variable, "").strip() if variable else ""
