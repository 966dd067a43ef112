"""What the training loop asks of a model, whatever it is made of: logits with a graph, and gradients as one flat vector.

B rows, T places, M labelled places, V vocabulary.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from kubestill.ground.errors import KubestillError
from kubestill.tools.modeling.layout import Layout, Ordered
from kubestill.tools.modeling.load import load_student, save_student
from kubestill.tools.modeling.qwen3 import Student
from kubestill.tools.modeling.students import make_student
from kubestill.tools.modeling.verify import verify_folder


class Reader(Protocol):
    """A model that tells what it expects: all that a measure of it needs."""

    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V], of what is trained with a graph, at the flat places `where` [M] of right-padded `ids` [B,T]."""
        ...


class Network(Reader, Protocol):
    """A model over a flat vector of what is trained."""

    def collect(self, into: Tensor, add: bool) -> None:
        """Move the gradients into the flat vector `into` [total], adding to what is there or replacing it."""
        ...


class Body(Protocol):
    """What a network is made of, small enough to be sent to another process."""

    @property
    def layout(self) -> Ordered:
        """The order of what is trained."""
        ...

    def build(self, masters: Tensor, working: Tensor) -> Network:
        """Return the network over `masters` [total] fp32 and `working` [total] in the multiplications' type, which may be the same."""
        ...

    def save(self, folder: Path, masters: Tensor, ids: tuple[int, int]) -> None:
        """Write the trained model as a folder that `find_base` knows; `ids` are the tokens for padding and end."""
        ...

    def check(self, folder: Path, masters: Tensor) -> float:
        """Read back what `save` wrote, and let transformers compute from it; return the largest gap between its logits and ours.

        Raises:
            KubestillError: it is not what was written, or the gap is more than rounding.
        """
        ...


@dataclass(frozen=True)
class StudentBody:
    """A student of ours, all of whose weights are trained."""

    layout: Layout

    def build(self, masters: Tensor, working: Tensor) -> Student:
        """Return the student."""
        return make_student(self.layout, masters, working)

    def save(self, folder: Path, masters: Tensor, ids: tuple[int, int]) -> None:
        """Write config.json, generation_config.json and model.safetensors."""
        save_student(folder, self.layout, masters, ids)

    def check(self, folder: Path, masters: Tensor) -> float:
        """Compare the folder's weights bit by bit, and its logits to rounding."""
        _, again = load_student(folder)
        if not again.equal(masters):
            raise KubestillError(f"{folder}: the weights read back differ from those written; is the disk full or failing?")
        return verify_folder(folder)
