"""A byte-level BPE made for manifests: a newline, its indentation and the key after it can be one token.

What one token may hold is decided by the splits below; within a split, byte-level BPE merges by frequency. Digits stand alone, so
that numbers are spelled alike everywhere. The probe measured 132 tokens a sample against 165-174 with GPT-style splits
(../shared/references/probes.md).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text
from kubestill.tools.chat.format import END, OUTLINES, PAD, POINTERS, SPECIAL

FILE = "tokenizer.json"
KEY = r"[A-Za-z][\w.\-/]*:(?: (?=\S|\z))?"  # a YAML key with its colon, and the space where a value or a pointer follows
SPLITS = (
    rf"\n *(?:- )*{KEY}",
    rf"\A{KEY}",
    r"\n *(?:- )*",
    r"[a-z][a-z0-9.]*/v\d[a-z0-9]*",  # an API group with its version
    r"\d",
    "{word}",
    r": (?=\S|\z)",
    r" +",
    r"[^\s\w]|_",
    r"\s",
)
# Among pointers a space may join the word after it, and one before a pointer the word before: names are pointers, so only English is left.
WORD = {"slots": r" ?[^\W\d_]+(?: \z)?", "spell": r"[^\W\d_]+"}

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>\\n' + message['content'] + '<|end|>' }}"
    "{% elif message['role'] == 'system' %}{{ '<|system|>\\n' + message['content'] }}"
    "{% else %}{{ '<|user|>\\n' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)

MARKS = (*POINTERS, *OUTLINES)  # one token each, and no special ones: decoding must show them


def train_tokenizer(texts: Iterable[str], vocabulary_size: int, copying: str) -> Tokenizer:
    """Train on `texts`; the vocabulary holds the special tokens, the pointers, all 256 bytes, and what BPE merges.

    Raises:
        UserError: `vocabulary_size` has no room for bytes, special tokens and pointers.
    """
    least = 256 + len(SPECIAL) + len(MARKS)
    if not least <= vocabulary_size <= 65_536:
        raise UserError("training.vocabulary_size", f"found {vocabulary_size}", f"give a number from {least} to 65536")
    tokenizer = Tokenizer(BPE())
    pattern = "|".join(SPLITS).replace("{word}", WORD[copying])
    tokenizer.pre_tokenizer = Sequence([Split(Regex(pattern), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary_size - len(MARKS),
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    pieces = (piece for text in texts for piece in _without_added(text))
    tokenizer.train_from_iterator(pieces, trainer)
    tokenizer.add_tokens([AddedToken(pointer, special=False, normalized=False) for pointer in MARKS])
    return tokenizer


def _without_added(text: str) -> list[str]:
    """Cut `text` at pointers and special tokens, as encoding will, so that the splits see the same starts."""
    import re

    return [piece for piece in re.split("|".join(re.escape(token) for token in (*MARKS, *SPECIAL)), text) if piece]


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_position: int) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` so that AutoTokenizer loads them, template included."""
    write_text(folder / FILE, tokenizer.to_str(pretty=False) + "\n")
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_position,
        "pad_token": PAD,
        "eos_token": END,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    write_text(folder / "tokenizer_config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "chat_template.jinja", TEMPLATE)


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Return the id of a token that `load_tokenizer` made sure of."""
    found = tokenizer.token_to_id(token)
    assert found is not None
    return found


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json`.

    Raises:
        UserError: no tokenizer there, or one without our special tokens.
    """
    path = folder / FILE
    if not path.is_file():
        raise UserError(str(folder), "no tokenizer.json", "give a folder that kubestill's training or export made")
    tokenizer = Tokenizer.from_file(str(path))
    missing = [token for token in (PAD, END) if tokenizer.token_to_id(token) is None]
    if missing:
        raise UserError(str(path), f"no token {missing[0]}", "give a student that kubestill made")
    return tokenizer
