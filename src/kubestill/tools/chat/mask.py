"""From a request and an answer to token ids and labels: what is learned is the answer and its end, nothing else."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from kubestill.tools.chat.format import Prompt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IGNORE = -100  # the label that torch's and Hugging Face's losses leave out
# Request, answer, and the notes between them, which a format without notes leaves out. Answer None: the lesson ends with the notes.
Taught = tuple[str, str | None, str]
CHUNK = 512  # samples that the tokenizer gets at once


class Format(Protocol):
    """How lessons are written: `ChatFormat` for a student of ours, `TemplateVoice` for a model of others."""

    @property
    def notes(self) -> bool:
        """Whether notes stand before answers."""
        ...

    @property
    def stop(self) -> str:
        """The name of the token that ends an answer."""
        ...

    def prompt(self, request: str, hidden: float = 0.0) -> Prompt:
        """Render a request up to the point where the model writes; a share of its rare words may be `hidden`."""
        ...

    def target(self, answer: str, prompt: Prompt, notes: str = "") -> str:
        """Return what the model is taught to write, without the end token."""
        ...

    def document(self, text: str) -> tuple[str, str]:
        """Return what stands before a text that nobody asked for, and how it is written."""
        ...


def encode(tokenizer: "Tokenizer", chat: Format, taught: Taught, max_tokens: int) -> tuple[list[int], list[int]] | None:
    """Return ids and labels of one sample, or None when they are more than `max_tokens`.

    Labels are IGNORE over the prompt; label t is the token at place t (the loss shifts).
    """
    (found,) = encode_many(tokenizer, chat, [taught], max_tokens)
    if found is None:
        return None
    ids, start = found
    return ids, [IGNORE] * start + ids[start:]


def encode_many(
    tokenizer: "Tokenizer", chat: Format, lessons: Iterable[Taught], max_tokens: int, hidden: float = 0.0
) -> Iterator[tuple[list[int], int] | None]:
    """Yield, for each lesson, the ids and the place where the answer starts; None where they are too long.

    `hidden` is the share of a request's rare words that are shown as unknown.

    Prompt and answer are split apart, since that is how they meet again at generation: no token spans the border.
    """
    end = tokenizer.token_to_id(chat.stop)
    assert end is not None  # whoever read the tokenizer made sure
    stream = iter(lessons)
    while chunk := list(islice(stream, CHUNK)):
        prompts = [chat.prompt(request, hidden) for request, _, _ in chunk]
        targets = [chat.target(answer or "", prompt, notes) for (_, answer, notes), prompt in zip(chunk, prompts, strict=True)]
        heads = tokenizer.encode_batch_fast([prompt.text for prompt in prompts], add_special_tokens=False)
        tails = tokenizer.encode_batch_fast(targets, add_special_tokens=False)
        for (_, answer, _), head, tail in zip(chunk, heads, tails, strict=True):
            ids = [*head.ids, *tail.ids] if answer is None else [*head.ids, *tail.ids, end]
            yield (ids, len(head.ids)) if len(ids) <= max_tokens else None
