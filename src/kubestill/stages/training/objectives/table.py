"""The objectives by name: one file, one row. `loss(logits [M,V], targets [M]) -> summed loss` is all that the loop asks of one."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVES = {
    "sft": "kubestill.stages.training.objectives.sft:loss",
}


def objective(name: str) -> "Callable[[Tensor, Tensor], Tensor]":
    """Load the objective called `name`."""
    module, attribute = OBJECTIVES[name].split(":")
    found: Callable[[Tensor, Tensor], Tensor] = getattr(import_module(module), attribute)
    return found
