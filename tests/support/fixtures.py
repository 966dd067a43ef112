"""Fixtures for a pipeline of tiny stages."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kubestill.ground.store import Store
from kubestill.pipeline import table
from support import fake_pipeline


@pytest.fixture
def toy_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.DOMAINS.rows, "toy", "support.fake_pipeline:domain")
    monkeypatch.setattr(fake_pipeline, "RAN", [])
    # Drawing the report takes a second a run and has tests of its own.
    monkeypatch.setitem(sys.modules, "kubestill.pipeline.report", SimpleNamespace(write_report=lambda directory, report: None))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text('name = "toy"\nseed = 7\n[domain]\nname = "toy"\n[numbers]\ncount = 5\n')
    return path
