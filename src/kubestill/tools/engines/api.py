"""What an engine is: messages in, text out. Whatever stands behind it (a model, a server, a script) hides here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ask:
    """How to generate. Temperature 0 is greedy."""

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `cut` says that the token limit ended it, `prompt_tokens` and `tokens` count.

    `notes`: what the model wrote down of the request before it answered, a line a statement; empty where it does not do so.
    """

    text: str
    prompt_tokens: int
    tokens: int
    cut: bool = False
    notes: str = ""


class Engine(Protocol):
    """Requests in, replies out, in order. A request is one user message."""

    name: str

    def generate(self, requests: Sequence[str], ask: Ask) -> list[Reply]:
        """Answer every request.

        Raises:
            UserError: a request is longer than the context.
        """
        ...
