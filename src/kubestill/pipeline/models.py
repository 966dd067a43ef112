"""Finds the model that a person means: a run, an artifact, a folder, a packaged student, or simply the last one made."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.ground.store import Store
from kubestill.pipeline.run import REPORT
from kubestill.tools.modeling.bases import WEIGHTS, packaged

PACKAGED = "kubernetes-base"


@dataclass(frozen=True)
class Model:
    """A folder of weights, what to call it, and the domain that it was made for ("" where nobody noted it)."""

    folder: Path
    name: str
    domain: str


def find_model(store: Store, wanted: str = "") -> Model:
    """Return the model called `wanted`: a run ("latest"), an artifact ("release/export-…"), a folder or a packaged student.

    With nothing wanted it is the release of the last run, and the packaged student where there was none.

    Raises:
        UserError: nothing of that name holds weights.
    """
    if not wanted:
        return _of_run(store.runs / "latest") or _packaged(PACKAGED) or _none(store)
    artifact = store.named(wanted)
    if artifact is not None and (artifact.path / WEIGHTS).exists():
        return Model(artifact.path, artifact.name, str(artifact.parts.get("domain", {}).get("name", "")))
    for folder in (Path(wanted), store.runs / wanted):
        found = Model(folder, wanted, "") if (folder / WEIGHTS).exists() else _of_run(folder)
        if found is not None:
            return found
    packaged = _packaged(wanted)
    if packaged is not None:
        return packaged
    raise UserError(wanted, "is no run, artifact, folder of weights or packaged student", "`kubestill list artifacts` shows what there is")


def _of_run(directory: Path) -> Model | None:
    """Return the release of a finished run, None where there is none."""
    path = directory / REPORT
    if not path.exists():
        return None
    report: dict[str, Any] = json.loads(path.read_text())
    workspace = directory.resolve().parent.parent
    for stage in reversed(report["stages"]):
        folder = workspace / "artifacts" / stage["artifact"]
        if (folder / WEIGHTS).exists():
            return Model(folder, stage["artifact"], report["domain"])
    return None


def _packaged(name: str) -> Model | None:
    folder = packaged().get(name)
    return Model(folder, name, "kubernetes") if folder is not None else None


def _none(store: Store) -> Model:
    raise UserError(str(store.workspace), "holds no release, and the package carries no student", "run a recipe first: kubestill run ...")
