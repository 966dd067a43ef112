import subprocess
import sys
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.manifest import MANIFEST, Artifact, write_manifest
from kubestill.ground.store import Store


def sealed(store: Store, key: str, kind: str = "samples", stage: str = "synthesis") -> Artifact:
    place = store.place(kind, stage, key)
    place.mkdir(parents=True)
    (place / "samples-00000.jsonl").write_text("{}\n")
    artifact = Artifact(kind=kind, key=key, stage=stage, path=place)
    write_manifest(artifact)
    return artifact


def test_an_artifact_is_whole_once_its_manifest_is_there(tmp_path: Path) -> None:
    store, key = Store(tmp_path), "a" * 40
    artifact = sealed(store, key)
    assert store.find("samples", "synthesis", key) == artifact
    assert store.named(artifact.name) == artifact
    assert store.all() == [artifact] and store.unfinished() == []
    (artifact.path / MANIFEST).unlink()
    assert store.find("samples", "synthesis", key) is None
    assert store.all() == [] and store.unfinished() == [artifact.path]


def test_a_key_that_begins_alike_is_not_taken_for_another(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sealed(store, "a" * 40)
    assert store.find("samples", "synthesis", "a" * 39 + "b") is None


def test_prune_deletes_unfinished_work_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    whole, stale = sealed(store, "a" * 40), store.place("mix", "curation", "b" * 40)
    stale.mkdir(parents=True)
    assert store.prune() == [stale]
    assert whole.path.exists() and not stale.exists()


HOLD = """
import sys
from pathlib import Path
from kubestill.ground.store import Store
with Store(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_writer_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdin is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=rf"process {holder.pid}\) is writing here; .*--workspace"), Store(tmp_path).locked():
            pass
        holder.kill()
    with Store(tmp_path).locked():
        pass
    with Store(tmp_path).locked():  # and the one before let go too
        pass
