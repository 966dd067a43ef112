"""Models that somebody else trained, in Hugging Face folders: their own tokenizer and chat template, answers spelled out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubestill.ground.errors import UserError
from kubestill.tools.engines.llama.template import TemplateVoice
from kubestill.tools.engines.local import LocalEngine, Words, read_tokenizer

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

SETTINGS = ("generation_config.json", "config.json")  # where the tokens stand that end an answer; the first that names some
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
        words = Words(tokenizer, _voice(folder), _ends(folder, tokenizer), context_of(folder))
        return cls(load_pretrained(folder, vocabulary, dtype), words)


def _voice(folder: Path) -> TemplateVoice:
    settings = _read(folder / "tokenizer_config.json")
    path = folder / "chat_template.jinja"
    template = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else settings.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {row.get("name"): row.get("template") for row in template if isinstance(row, dict)}
        template = named.get("default")
    if not isinstance(template, str) or not template:
        raise UserError(str(folder), "no chat template", "give a model that was trained for chats")
    return TemplateVoice(template, _token(settings, "bos_token"), _token(settings, "eos_token"), str(folder))


def _token(settings: dict[str, Any], name: str) -> str:
    """Return the name of a token, which stands there plainly or with its properties."""
    token = settings.get(name)
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else ""


def _ends(folder: Path, tokenizer: "Tokenizer") -> tuple[int, ...]:
    """Return the tokens that end an answer, the one of the chat template first."""
    named = tokenizer.token_to_id(_token(_read(folder / "tokenizer_config.json"), "eos_token"))
    found = [] if named is None else [named]
    for file in SETTINGS:
        ends = _read(folder / file).get("eos_token_id")
        found += [end for end in (ends if isinstance(ends, list) else [ends]) if isinstance(end, int) and not isinstance(end, bool)]
    known = [end for end in dict.fromkeys(found) if tokenizer.id_to_token(end) is not None] if all(end >= 0 for end in found) else []
    if not known:
        raise UserError(str(folder), "no token that ends an answer", "give eos_token_id in generation_config.json")
    return tuple(known)


def _read(path: Path) -> dict[str, Any]:
    """Return the settings of a JSON file, none where it is not there.

    Raises:
        UserError: it holds something else.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(str(path), f"not JSON ({error})", "fetch it again") from None
    if not isinstance(found, dict):
        raise UserError(str(path), "no settings in it", "fetch it again")
    return found
