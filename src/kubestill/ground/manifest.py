"""An artifact is an immutable directory whose `manifest.json` is written last: its presence means whole."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kubestill.ground.records import write_text

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Artifact:
    """One result of a stage, found by its key."""

    kind: str
    key: str
    stage: str
    path: Path
    what: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)  # everything that entered the key
    tally: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_bytes: int = 0

    @property
    def name(self) -> str:
        """`kind/stage-key`, as plans and reports print it."""
        return f"{self.kind}/{self.stage}-{self.key[:12]}"


def write_manifest(artifact: Artifact) -> None:
    """Seal the directory: after this write the artifact counts as whole."""
    record = asdict(artifact)
    record.pop("path")
    write_text(artifact.path / MANIFEST, json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_manifest(path: Path) -> Artifact | None:
    """Return the artifact at `path`, or None where no whole one is."""
    try:
        record = json.loads((path / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return Artifact(path=path, **record)
