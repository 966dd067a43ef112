"""The tokenizer of a GGUF file: what each token stands for, which tokens are special, and how a chat is written."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from kubestill.ground.errors import UserError
from kubestill.tools.gguf.header import MEND, Header

TOKENIZER = "tokenizer.huggingface.json"  # gguf.md: the whole tokenizer.json, as a text
CHAT = "kubestill.chat"  # chat.json: how requests and answers are written for the student
TEMPLATE = "tokenizer.chat_template"
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)  # llama.h's llama_token_type


@dataclass(frozen=True)
class Vocabulary:
    """`texts`: each token as the file spells it; `kinds`: normal, control, user-defined, unused; ids are -1 where there is none."""

    model: str
    pre: str
    texts: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    begin: int
    end: int
    pad: int
    template: str
    tokenizer: str
    chat: str

    @property
    def token_bytes(self) -> list[bytes]:
        """The bytes that each token writes; empty for control and unused tokens."""
        found = []
        for text, kind in zip(self.texts, self.kinds, strict=True):
            if kind in (CONTROL, UNUSED):
                found.append(b"")
            else:
                found.append(text.encode() if kind == USER else spelled(text))
        return found

    @property
    def specials(self) -> dict[str, int]:
        """The control tokens and their ids."""
        return {text: place for place, (text, kind) in enumerate(zip(self.texts, self.kinds, strict=True)) if kind == CONTROL}


@cache
def alphabet() -> dict[str, int]:
    """Return GPT-2's letter for each byte: printable ones stand for themselves, the others for letters from U+0100 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


def spelled(text: str) -> bytes:
    """Return the bytes of a token of a byte-level vocabulary; what is not spelled in its alphabet stands for itself."""
    letters = alphabet()
    try:
        return bytes(letters[letter] for letter in text)
    except KeyError:
        return text.encode()


def read_vocabulary(header: Header) -> Vocabulary:
    """Read the tokenizer of a GGUF file.

    Raises:
        UserError: it has none, or one whose parts do not fit each other.
    """
    where = str(header.path)
    texts, merges = header.strings("tokenizer.ggml.tokens"), header.strings("tokenizer.ggml.merges")
    if not texts:
        raise UserError(where, "it has no vocabulary", MEND)
    kinds = header.metadata.get("tokenizer.ggml.token_type", np.full(len(texts), NORMAL, np.int32))
    if not isinstance(kinds, np.ndarray) or len(kinds) != len(texts) or kinds.dtype.kind not in "iu":
        raise UserError(where, f"its {len(texts)} tokens have no list of as many types", MEND)
    model = header.text("tokenizer.ggml.model")
    if model == "gpt2":
        _check_merges(where, texts, merges)
    ids = {name: _special(header, name, len(texts)) for name in ("bos", "eos", "padding")}
    return Vocabulary(
        model=model,
        pre=header.text("tokenizer.ggml.pre", "default"),
        texts=tuple(texts),
        kinds=tuple(int(kind) for kind in kinds),
        merges=tuple(merges),
        begin=ids["bos"],
        end=ids["eos"],
        pad=ids["padding"],
        template=header.text(TEMPLATE, ""),
        tokenizer=header.text(TOKENIZER, ""),
        chat=header.text(CHAT, ""),
    )


def _check_merges(where: str, texts: list[str], merges: list[str]) -> None:
    known = set(texts)
    if len(known) != len(texts):
        raise UserError(where, "a token stands twice in its vocabulary", MEND)
    for merge in merges:
        left, blank, right = merge.partition(" ")
        if not blank or (left + right not in known and spelled(left + right).decode("utf-8", "replace") not in known):
            raise UserError(where, f"its merge {merge[:40]!r} makes no token", MEND)


def _special(header: Header, name: str, count: int) -> int:
    """Return the id of a special token, -1 where there is none; llama.cpp ends the process over one that is out of reach."""
    key = f"tokenizer.ggml.{name}_token_id"
    if key not in header.metadata:
        return -1
    found = header.number(key, least=0)
    if found >= count:
        raise UserError(str(header.path), f"{key} is {found} of {count} tokens", MEND)
    return found
