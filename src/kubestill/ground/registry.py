"""Tables of things by name, loaded on first use: {"cron": "kubestill.domains.cron:domain"}. Importing a table imports nothing."""

import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.ground.errors import Unavailable, UserError, near

# Which extra of the package brings which module; used to say how to mend a missing one.
EXTRAS: Mapping[str, str] = {
    "torch": "train",
    "transformers": "train",
    "tokenizers": "",
    "safetensors": "train",
    "gguf": "gguf",
    "llguidance": "",
    "xllamacpp": "",
    "httpx": "http",
    "jinja2": "",
    "matplotlib": "report",
    "kubernetes": "cluster",
    "rensa": "data",
    "sklearn": "data",
    "pyarrow": "data",
    "promql_parser": "alerts",
    "ray": "ray",
    "peft": "lora",
    "tensorboardX": "tensorboard",
    "mcp": "mcp",
    "fastapi": "serve",
    "uvicorn": "serve",
    "prometheus_client": "serve",
}


DISTRIBUTIONS: Mapping[str, str] = {"sklearn": "scikit-learn"}  # what pip calls a module, where it is another name


def load_object(spelling: str) -> Any:
    """Import `package.module:NAME` and return the object.

    Raises:
        Unavailable: the module needs a package of an extra that is not installed.
    """
    module_name, _, name = spelling.partition(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in EXTRAS:
            raise Unavailable(f"{missing} is not installed", install_command(EXTRAS[missing])) from error
        raise


def install_command(extra: str) -> str:
    """Return the command that installs an extra, or what the plain install brings."""
    return f"pip install 'kubestill[{extra}]'" if extra else "pip install --upgrade kubestill"


def need(package: str, at_least: str = "0", extra: str = "") -> None:
    """Make sure that `package` is installed in a version that will do, without importing it; `extra` brings it.

    Raises:
        Unavailable: it is missing or too old; the message carries the pip command.
    """
    extra = extra or EXTRAS[package]
    if importlib.util.find_spec(package) is None:
        raise Unavailable(f"{package} is not installed", install_command(extra))
    found = importlib.metadata.version(DISTRIBUTIONS.get(package, package))
    if _numbers(found) < _numbers(at_least):
        raise Unavailable(f"{package} {found} is too old, {at_least} or later is needed", install_command(extra))


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: "2.13.0+cpu" is (2, 13, 0)."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in release.group().split(".")) if release else ()


class Table:
    """A literal table of lazy spellings; `what` is the word for one row ("stage", "domain")."""

    def __init__(self, what: str, rows: Mapping[str, str]) -> None:
        self.what, self.rows = what, dict(rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def load(self, name: str, where: str = "") -> Any:
        """Return the object of the row `name`.

        Raises:
            UserError: no such row; the message names `where` it was asked for and the nearest name.
            Unavailable: the row needs a package that is not installed.
        """
        if name not in self.rows:
            mend = near(name, self.rows) or f"known: {', '.join(self.rows)}"
            raise UserError(where or self.what, f"no {self.what} is called {name!r}", mend)
        return load_object(self.rows[name])
