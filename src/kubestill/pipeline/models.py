"""Finds the model that a person means: a run, an artifact, a folder, a GGUF file, a server, a packaged student, or the last one made."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.ground.store import Store
from kubestill.pipeline.run import REPORT
from kubestill.pipeline.table import DOMAINS
from kubestill.tools.engines.api import Engine
from kubestill.tools.engines.table import engine_type
from kubestill.tools.modeling.bases import GGUF, WEIGHTS, holds_student, packaged

PACKAGED = "kubernetes-base"
USUAL_DOMAIN = "kubernetes"


@dataclass(frozen=True)
class Model:
    """A folder of weights, a GGUF file or the address of a server, what to call it, and its domain ("" where nobody noted it)."""

    place: str
    name: str
    domain: str

    @property
    def engine(self) -> str:
        """The engine that answers from it: llama.cpp where there is a GGUF file and the package that reads it."""
        if self.place.startswith(("http://", "https://")):
            return "openai_http"
        place = Path(self.place)
        if place.is_file() or not (place / WEIGHTS).exists():
            return "llama_cpp"
        return "llama_cpp" if any(place.glob(GGUF)) and find_spec("xllamacpp") else "transformers"


def find_model(store: Store, wanted: str = "") -> Model:
    """Return the model called `wanted`: a run ("latest"), an artifact ("release/export-…"), a folder, a GGUF file, a server's address
    or a packaged student.

    With nothing wanted it is the release of the last run, and the packaged student where there was none.

    Raises:
        UserError: nothing of that name holds weights.
    """
    if not wanted:
        return _of_run(store.runs / "latest") or _packaged(PACKAGED) or _none(store)
    if wanted.startswith(("http://", "https://")) or (wanted.endswith(".gguf") and Path(wanted).is_file()):
        return Model(wanted, wanted, "")
    artifact = store.named(wanted)
    if artifact is not None and holds_student(artifact.path):
        return Model(str(artifact.path), artifact.name, str(artifact.parts.get("domain", {}).get("name", "")))
    for folder in (Path(wanted), store.runs / wanted):
        found = Model(str(folder), wanted, "") if holds_student(folder) else _of_run(folder)
        if found is not None:
            return found
    found = _packaged(wanted)
    if found is not None:
        return found
    raise UserError(
        wanted,
        "is no run, artifact, folder of weights, GGUF file, address or packaged student",
        "`kubestill list artifacts` shows what there is",
    )


def load_engine(model: Model) -> Engine:
    """Return the engine that answers from a model.

    Raises:
        UserError: the files are none that it can read.
        Unavailable: its packages are not installed.
    """
    place = model.place if model.engine == "openai_http" else Path(model.place)
    engine: Engine = engine_type(model.engine).load(place)
    return engine


def load_domain(name: str, version: str = "") -> Any:
    """Return the domain called `name`, Kubernetes where no name is known; `version`: of its schemas, the usual one where none is told.

    Raises:
        UserError: there is no such domain, or it has no such version.
    """
    factory = DOMAINS.load(name or USUAL_DOMAIN)
    if not version:
        return factory()
    if (name or USUAL_DOMAIN) != USUAL_DOMAIN:
        raise UserError("version", f"the domain {name} has none", "leave it out")
    return factory(version)


def _of_run(directory: Path) -> Model | None:
    """Return the release of a finished run, None where there is none."""
    path = directory / REPORT
    if not path.exists():
        return None
    report: dict[str, Any] = json.loads(path.read_text())
    workspace = directory.resolve().parent.parent
    for stage in reversed(report["stages"]):
        folder = workspace / "artifacts" / stage["artifact"]
        if holds_student(folder):
            return Model(str(folder), stage["artifact"], report["domain"])
    return None


def _packaged(name: str) -> Model | None:
    folder = packaged().get(name)
    return Model(str(folder), name, USUAL_DOMAIN) if folder is not None else None


def _none(store: Store) -> Model:
    raise UserError(str(store.workspace), "holds no release, and the package carries no student", "run a recipe first: kubestill run ...")
