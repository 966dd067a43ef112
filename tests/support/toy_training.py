"""What tests of every objective share: a student that trains in a second, on one thread, and a run that is cut at a step."""

import pytest
import torch

from kubestill.ground.progress import Silent
from kubestill.stages.training import watch
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.presets import Architecture

TINY = Architecture(hidden=64, layers=2, heads=2, kv_heads=1, head_dim=32, ffn=64, max_position=128)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)
    monkeypatch.setattr(watch, "CURVE_POINTS", 10_000)  # a line for every step
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Cut(Exception):
    pass


class CutAfter(Silent):
    """Cuts the run at a step, of a unit or of any: progress is told each step here."""

    def __init__(self, steps, unit=None):
        self.left, self.unit = steps, unit

    def step(self, done, total, unit, **figures):
        self.left -= self.unit in (None, unit)
        if not self.left:
            raise Cut
