"""Samples drawn once for all tests of this room."""

import gzip
import json
from pathlib import Path

import pytest

from kubestill.domains.api import HELD, TRAIN, Sample
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill
from kubestill.ground.seeds import Seed

DRAWS = 300
MANIFESTS = Path(__file__).parents[5] / "shared" / "data" / "manifests.jsonl.gz"


@pytest.fixture(scope="session")
def drawn():
    """Samples of both parts; a draw that is dropped would fail a test of its own."""
    skill = ManifestSkill()
    found = {part: [skill.draw(Seed(41).rng(part, number), part) for number in range(DRAWS)] for part in (TRAIN, HELD)}
    assert all(isinstance(sample, Sample) for samples in found.values() for sample in samples)
    return found


@pytest.fixture(scope="session")
def real_records():
    """A spread of some 400 records of real manifests; a test that needs them is skipped where they are not."""
    if not MANIFESTS.exists():
        pytest.skip("../shared/data/manifests.jsonl.gz is not here")
    with gzip.open(MANIFESTS, "rt") as lines:
        return [json.loads(line) for number, line in enumerate(lines) if number % 37 == 5]
