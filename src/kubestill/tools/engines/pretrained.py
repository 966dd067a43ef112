"""Models that somebody else trained, in Hugging Face folders: their own tokenizer and chat template, answers spelled out."""

from pathlib import Path
from typing import TYPE_CHECKING

from kubestill.ground.errors import UserError
from kubestill.tools.chat.template import read_ends, read_voice
from kubestill.tools.engines.local import LocalEngine, Words, read_tokenizer

if TYPE_CHECKING:
    import torch

ROWS = 16  # rows of a batch: these models are larger than ours, and so are their caches


class PretrainedEngine(LocalEngine):
    """A model of another's making."""

    name = "transformers"
    rows = ROWS

    @classmethod
    def load(cls, folder: Path, dtype: "torch.dtype") -> "PretrainedEngine":
        """Read a folder with config.json, safetensors and tokenizer.json.

        Raises:
            UserError: a file is missing, malformed or of another architecture, or the files do not fit each other.
        """
        from kubestill.tools.modeling.pretrained import context_of, load_pretrained

        path = folder / "tokenizer.json"
        if not path.is_file():
            raise UserError(str(folder), "no tokenizer.json", "give a folder with config.json, model.safetensors and tokenizer.json")
        tokenizer = read_tokenizer(path.read_text(encoding="utf-8", errors="replace"), str(path))
        vocabulary = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        words = Words(tokenizer, read_voice(folder), read_ends(folder, tokenizer), context_of(folder))
        return cls(load_pretrained(folder, vocabulary, dtype), words)
