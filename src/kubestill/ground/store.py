"""The workspace: artifacts/<kind>/<stage>-<key>/ and runs/. One writer at a time; a directory without manifest is unfinished work."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kubestill.ground.errors import UserError
from kubestill.ground.manifest import MANIFEST, Artifact, read_manifest

KEY_DIGITS = 12  # of a key in a directory's name: 48 bits, so that 10,000 artifacts collide with a chance of 2e-7


@dataclass(frozen=True)
class Store:
    """All artifacts of one workspace."""

    workspace: Path

    @property
    def runs(self) -> Path:
        """The folder of run directories."""
        return self.workspace / "runs"

    def place(self, kind: str, stage: str, key: str) -> Path:
        """Return where the artifact with this key lies, or will lie."""
        return self.workspace / "artifacts" / kind / f"{stage}-{key[:KEY_DIGITS]}"

    def find(self, kind: str, stage: str, key: str) -> Artifact | None:
        """Return the whole artifact with this key, or None."""
        artifact = read_manifest(self.place(kind, stage, key))
        return artifact if artifact is not None and artifact.key == key else None

    def directories(self) -> list[Path]:
        """Return every directory of an artifact, whole or not, in the order of names."""
        return sorted(path for path in (self.workspace / "artifacts").glob("*/*") if path.is_dir())

    def all(self) -> list[Artifact]:
        """Return every whole artifact, in the order of kinds and names."""
        found = (read_manifest(path) for path in self.directories())
        return [artifact for artifact in found if artifact is not None]

    def unfinished(self) -> list[Path]:
        """Return the directories that a cut run left without manifest."""
        return [path for path in self.directories() if not (path / MANIFEST).exists()]

    def named(self, name: str) -> Artifact | None:
        """Return the artifact that plans and reports call `name` (`weights/training-77ab02c41d9e`), or None."""
        path = self.workspace / "artifacts" / name
        return read_manifest(path) if path.is_dir() else None

    def prune(self) -> list[Path]:
        """Delete the unfinished directories (work that a run could still go on with) and return them."""
        stale = self.unfinished()
        for path in stale:
            shutil.rmtree(path)
        return stale

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace for writing; the system lets go of it however this process ends.

        Raises:
            UserError: another run holds it; the message names its process.
        """
        self.workspace.mkdir(parents=True, exist_ok=True)
        path = self.workspace / ".lock"
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                mend = "wait for it, or give this one another folder with --workspace"
                raise UserError(str(self.workspace), f"another run (process {holder}) is writing here", mend) from error
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
