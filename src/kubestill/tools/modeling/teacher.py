"""A model that is asked and not trained: logits at chosen places, without a graph. A student of ours, or a pretrained folder.

B rows, T places, M chosen places, V vocabulary.
"""

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from kubestill.tools.chat.format import FILE as CHAT
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.students import make_student


class Teacher(Protocol):
    """What distillation asks of a teacher."""

    vocabulary: int

    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V] at the flat places `where` [M] of right-padded `ids` [B,T]."""
        ...


class StudentTeacher:
    """A student of ours."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        """`dtype` is what multiplications use; norms stay in fp32."""
        layout, flat = load_student(folder)
        self.student = make_student(layout, flat, flat if dtype == torch.float32 else flat.to(dtype))
        self.vocabulary = layout.arch.vocabulary

    @torch.no_grad()
    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V] in the multiplications' type."""
        return self.student.logits(ids, where)


class PretrainedTeacher:
    """A model of another's making. Rows are padded on the right and every place looks back alone, so no mask is needed."""

    def __init__(self, folder: Path, vocabulary: int, dtype: torch.dtype) -> None:
        """`vocabulary`: tokens that its tokenizer knows; rows of the embedding beyond them are never asked for."""
        from kubestill.tools.modeling.pretrained import load_pretrained

        self.model, self.vocabulary = load_pretrained(folder, vocabulary, dtype), vocabulary

    @torch.no_grad()
    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V] in the multiplications' type."""
        seen = self.model.body(input_ids=ids, use_cache=False).last_hidden_state
        found: Tensor = self.model.head(seen.flatten(0, 1)[where])
        return found[:, : self.vocabulary]


def load_teacher(folder: Path, vocabulary: int, dtype: torch.dtype = torch.float32) -> Teacher:
    """Read a student's folder, or a pretrained one whose tokenizer knows `vocabulary` tokens.

    Raises:
        UserError: the folder holds no model that can be read.
    """
    return StudentTeacher(folder, dtype) if (folder / CHAT).exists() else PretrainedTeacher(folder, vocabulary, dtype)
