"""A tokenizer.json as GGUF's metadata: tokens, their kinds, merges, special ids, and the name of the split that llama.cpp knows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kubestill.ground.errors import UserError
from kubestill.tools.gguf.header import Value
from kubestill.tools.gguf.source import read_json
from kubestill.tools.gguf.vocabulary import CHAT, CONTROL, NORMAL, TEMPLATE, TOKENIZER, UNUSED, USER, spelled

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # its tokenizer.json
)
LLAMA3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")
SPLITS = {QWEN2: "qwen2", LLAMA3: "llama-bpe"}  # pattern → llama.cpp's name (llama-vocab.cpp)
NEAREST = "smollm"  # for splits that llama.cpp does not know: digits one by one, words with the space before them, signs in runs
LINES = r"\n *(?:- )*"  # what the splits of our own students begin with: a newline, its indentation, a key (tools/modeling/tokenizer.py)
# Tokens of theirs that llama.cpp would never make, since its splits part newline, dash, key and colon. As user-defined tokens it cuts them
# out before it splits, the longest first; of keys without a newline only those that cannot be the end of a longer word.
WHOLE = re.compile(rf"{LINES}(?:[A-Za-z][\w.\-/]*: ?)?|: |[a-z]+[A-Z]\w*: ?|[a-z][a-z0-9.]*/v\d[a-z0-9]*")


@dataclass(frozen=True)
class Tokens:
    """`metadata` for the file; `exact`: whether llama.cpp splits text as the tokenizer does."""

    metadata: dict[str, Value]
    exact: bool


def read_tokens(folder: Path, config: Mapping[str, Any]) -> Tokens:
    """Read the tokenizer of a Hugging Face folder; the vocabulary is filled up to the rows of the embedding.

    Raises:
        UserError: there is none, it is no byte-level BPE, or it has more tokens than the embedding has rows.
    """
    path = folder / "tokenizer.json"
    record = read_json(path)
    if not record:
        raise UserError(str(folder), "no tokenizer.json", "give a whole Hugging Face folder")
    settings = read_json(folder / "tokenizer_config.json")
    try:
        texts, kinds = _vocabulary(record, int(config["vocab_size"]))
        if LINES in json.dumps(record["pre_tokenizer"]).replace("\\\\", "\\"):
            _cut_out(texts, kinds)
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in record["model"]["merges"]]
        pre, exact = _split(record, str(path))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(str(path), f"not the tokenizer of a byte-level BPE ({error})", "GGUF is written for byte-level BPE") from None
    ids = {text: place for place, text in enumerate(texts)}
    special = _special(settings, config, ids)
    metadata: dict[str, Value] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.token_type": np.array(kinds, np.int32),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.add_bos_token": _begins(record, settings, special.get("bos", -1)),
    }
    metadata |= {f"tokenizer.ggml.{name}_token_id": place for name, place in special.items()}
    metadata |= _texts(folder, settings, record)
    return Tokens(metadata, exact)


def _vocabulary(record: Mapping[str, Any], rows: int) -> tuple[list[str], list[int]]:
    if record["model"]["type"] != "BPE" or record["model"].get("byte_fallback"):
        raise KeyError("model")
    texts = [f"[PAD{place}]" for place in range(rows)]
    kinds = [UNUSED] * rows
    for text, place in record["model"]["vocab"].items():
        texts[place], kinds[place] = text, NORMAL
    for token in record["added_tokens"]:
        texts[token["id"]], kinds[token["id"]] = token["content"], CONTROL if token["special"] else USER
    return texts, kinds


def _cut_out(texts: list[str], kinds: list[int]) -> None:
    for place, kind in enumerate(kinds):
        text = spelled(texts[place]).decode("utf-8", "replace")
        if kind == NORMAL and WHOLE.fullmatch(text):
            texts[place], kinds[place] = text, USER


def _split(record: Mapping[str, Any], where: str) -> tuple[str, bool]:
    """Return llama.cpp's name of the split, and whether it splits all text as the tokenizer does."""
    outer = record["pre_tokenizer"]
    parts = outer["pretokenizers"] if outer["type"] == "Sequence" else [outer]
    if not any(part["type"] == "ByteLevel" for part in parts) or any(part.get("add_prefix_space") for part in parts):
        raise UserError(where, "its text is not cut into bytes as GPT-2 does", "GGUF is written for byte-level BPE")
    first, whole = parts[0], bool(record["model"].get("ignore_merges"))  # llama.cpp takes words that are tokens whole for Llama 3 alone
    if len(parts) == 1 and first.get("use_regex", True):
        return "gpt-2", not whole
    pattern = str(first["pattern"].get("Regex")) if first["type"] == "Split" else ""
    exact = pattern in SPLITS and len(parts) == 2 and first["behavior"] == "Isolated" and not parts[1].get("use_regex", True)
    return (SPLITS[pattern], whole == (pattern == LLAMA3)) if exact else (NEAREST, False)


def _special(settings: Mapping[str, Any], config: Mapping[str, Any], ids: Mapping[str, int]) -> dict[str, int]:
    """Return the ids of begin, end, end of turn and padding, as far as they are known."""
    found: dict[str, int] = {}
    for name, key in (("bos", "bos_token"), ("eos", "eos_token"), ("padding", "pad_token")):
        token = settings.get(key)
        text = token.get("content") if isinstance(token, dict) else token
        place = ids[text] if isinstance(text, str) and text in ids else config.get(f"{key}_id")
        places = [one for one in (place if isinstance(place, list) else [place]) if type(one) is int and one >= 0]  # -1: there is none
        found |= dict(zip((name, "eot") if name == "eos" else (name,), places, strict=False))
    return found


def _begins(record: Mapping[str, Any], settings: Mapping[str, Any], begin: int) -> bool:
    """Whether every text begins with the token `begin`: the settings say so, or the tokenizer's last step adds it."""
    if begin < 0:
        return False
    if isinstance(settings.get("add_bos_token"), bool):
        return bool(settings["add_bos_token"])
    return "TemplateProcessing" in json.dumps(record.get("post_processor"))


def _texts(folder: Path, settings: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {TOKENIZER: json.dumps(record, ensure_ascii=False, separators=(",", ":"))}
    template = folder / "chat_template.jinja"
    text = template.read_text(encoding="utf-8") if template.is_file() else settings.get("chat_template")
    if isinstance(text, str) and text:
        found[TEMPLATE] = text
    chat = folder / "chat.json"
    if chat.is_file():
        found[CHAT] = chat.read_text(encoding="utf-8")
    return found
