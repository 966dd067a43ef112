import json
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact, write_manifest
from kubestill.ground.store import Store
from kubestill.pipeline import models
from kubestill.pipeline.models import find_model


@pytest.fixture
def release(store: Store, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    monkeypatch.setattr(models, "packaged", lambda: {})
    place = store.place("release", "export", "a" * 40)
    place.mkdir(parents=True)
    (place / "model.safetensors").touch()
    artifact = Artifact(kind="release", key="a" * 40, stage="export", path=place, parts={"domain": {"name": "cron"}})
    write_manifest(artifact)
    run = store.runs / "2026-01-01-000000-toy"
    run.mkdir(parents=True)
    stages = [{"artifact": "weights/training-bbbbbbbbbbbb"}, {"artifact": artifact.name}]
    (run / "report.json").write_text(json.dumps({"stages": stages, "domain": "cron"}))
    (store.runs / "latest").symlink_to(run.name)
    return artifact


def test_a_model_is_found_by_run_artifact_folder_or_no_name_at_all(store: Store, release: Artifact) -> None:
    for wanted in ("", "latest", "2026-01-01-000000-toy", release.name):
        found = find_model(store, wanted)
        assert (Path(found.place).resolve(), found.domain) == (release.path.resolve(), "cron"), wanted
    assert find_model(store, str(release.path)).place == str(release.path)


def test_packaged_students_are_found_by_name_and_where_there_is_no_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "packaged", lambda: {"kubernetes-base": Path("/packaged")})
    assert find_model(store, "").place == "/packaged"
    assert find_model(store, "kubernetes-base").domain == "kubernetes"


def test_nothing_found_is_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "packaged", lambda: {})
    with pytest.raises(UserError, match="run a recipe first"):
        find_model(store, "")
    with pytest.raises(UserError, match="gone: is no run, artifact, folder of weights, GGUF file, address or packaged student"):
        find_model(store, "gone")


def test_the_engine_follows_from_what_the_model_is(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: object())
    assert find_model(store, "http://localhost:8080/v1").engine == "openai_http"
    file = tmp_path / "model-q8_0.gguf"
    file.touch()
    assert find_model(store, str(file)).engine == find_model(store, str(tmp_path)).engine == "llama_cpp"
    (tmp_path / "model.safetensors").touch()
    assert find_model(store, str(tmp_path)).engine == "llama_cpp"
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    assert find_model(store, str(tmp_path)).engine == "transformers"
