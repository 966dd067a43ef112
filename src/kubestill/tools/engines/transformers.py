"""Students in Hugging Face folders, answering in batches on the CPU.

The decode loop is our own (tools/modeling/decode.py): Hugging Face's `generate` spends most of its time at these sizes outside the model
(docs/log/2026-11-22-training-loop.md has both).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.ground.seeds import stable_hash
from kubestill.tools.chat.format import END, ChatFormat, Prompt
from kubestill.tools.engines.api import Ask, Reply
from kubestill.tools.modeling.decode import Choose, Decoder
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.tokenizer import load_tokenizer, token_id

ROWS = 64  # rows of a batch: more gain little on a CPU and cost cache


class TransformersEngine:
    """A student, its tokenizer and its chat format."""

    name = "transformers"

    def __init__(self, layout: Layout, flat: Tensor, texts: tuple[Tokenizer, ChatFormat], dtype: torch.dtype = torch.float32) -> None:
        """`flat` [total]: the weights; `texts`: the tokenizer and the chat format they were trained with."""
        self.tokenizer, self.chat = texts
        self.decoder = Decoder(layout, flat, dtype)
        self.context = layout.arch.max_position
        self.end = token_id(self.tokenizer, END)

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32) -> "TransformersEngine":
        """Read a weights or release folder.

        Raises:
            UserError: the folder is no student's.
        """
        layout, flat = load_student(folder)
        return cls(layout, flat, (load_tokenizer(folder), ChatFormat.load(folder)), dtype)

    def generate(self, requests: Sequence[str], ask: Ask) -> list[Reply]:
        """Answer every request; batches are of like length, and no answer depends on its batch.

        Raises:
            UserError: a request leaves no room in the context.
        """
        prompts = [self.chat.prompt(request) for request in requests]
        ids = [coded.ids for coded in self.tokenizer.encode_batch_fast([p.text for p in prompts], add_special_tokens=False)]
        for request, coded in zip(requests, ids, strict=True):
            if len(coded) >= self.context:
                raise UserError(f"request {request[:40]!r}…", f"{len(coded)} tokens, the context holds {self.context}", "shorten it")
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        replies: dict[int, Reply] = {}
        for start in range(0, len(order), ROWS):
            batch = order[start : start + ROWS]
            limits = [min(ask.max_new_tokens, self.context - len(ids[number])) for number in batch]
            chooser = _chooser(ask, [requests[number] for number in batch])
            found = self.decoder.generate([ids[number] for number in batch], limits, self.end, chooser)
            for number, limit, tokens in zip(batch, limits, found, strict=True):
                replies[number] = self._reply(prompts[number], len(ids[number]), tokens, limit)
        return [replies[number] for number in range(len(requests))]

    def _reply(self, prompt: Prompt, length: int, tokens: list[int], limit: int) -> Reply:
        text = self.tokenizer.decode(tokens, skip_special_tokens=False)
        answer, notes = self.chat.answer(text, prompt), self.chat.understood(text, prompt)
        return Reply(answer, length, len(tokens), len(tokens) >= limit, notes)


def _chooser(ask: Ask, requests: list[str]) -> Choose:
    """Return the rule that picks the next tokens: the likeliest, or a draw by each row's own generator."""
    if ask.temperature <= 0:
        return lambda logits, _: logits.argmax(-1)
    draws = [np.random.default_rng(stable_hash("sample", ask.seed, request)) for request in requests]

    def draw(logits: Tensor, rows: list[int]) -> Tensor:
        chances, ids = (logits / ask.temperature).softmax(-1).sort(-1, descending=True)
        total = chances.cumsum(-1)
        # The nucleus (Holtzman et al. 2020): the fewest tokens that hold top_p, so the first whose sum reaches it stays.
        chances = chances.masked_fill(total - chances >= ask.top_p, 0.0)
        total = chances.cumsum(-1)
        marks = torch.tensor([draws[row].random() for row in rows], dtype=total.dtype)[:, None] * total[:, -1:]
        place = (total <= marks).sum(-1, keepdim=True).clamp_max(total.shape[-1] - 1)
        return ids.gather(-1, place)[:, 0]

    return draw
