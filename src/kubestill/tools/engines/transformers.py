"""Students in Hugging Face folders, answering in batches on the CPU.

The decode loop is our own (tools/modeling/decode.py): Hugging Face's `generate` spends most of its time at these sizes outside the model
(docs/log/2026-11-22-training-loop.md has both).
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from kubestill.tools.chat.format import END, ChatFormat
from kubestill.tools.chat.format import FILE as CHAT
from kubestill.tools.engines.local import LocalEngine, Words
from kubestill.tools.engines.pretrained import PretrainedEngine
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.students import make_decoder
from kubestill.tools.modeling.tokenizer import load_tokenizer, token_id


class TransformersEngine(LocalEngine):
    """A student, its tokenizer and its chat format; or, loaded from a folder without a chat format, any pretrained model there."""

    name = "transformers"

    def __init__(self, layout: Layout, flat: Tensor, texts: tuple[Tokenizer, ChatFormat], dtype: torch.dtype = torch.float32) -> None:
        """`flat` [total]: the weights; `texts`: the tokenizer and the chat format they were trained with."""
        tokenizer, chat = texts
        words = Words(tokenizer, chat, (token_id(tokenizer, END),), layout.arch.max_position)
        super().__init__(make_decoder(layout, flat, dtype), words)

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32) -> LocalEngine:
        """Read a weights or release folder, or one that somebody else trained.

        Raises:
            UserError: the folder holds no model, or one of another architecture.
        """
        if not (folder / CHAT).exists():
            return PretrainedEngine.load(folder, dtype)
        layout, flat = load_student(folder)
        return cls(layout, flat, (load_tokenizer(folder), ChatFormat.load(folder)), dtype)
