"""The words of a GGUF file: its tokenizer, and how the model is spoken to.

A file that kubestill wrote holds both whole (`tokenizer.huggingface.json`, `kubestill.chat`); others have them beside, or llama.cpp's own
vocabulary and a chat template.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kubestill.ground.errors import UserError
from kubestill.tools.chat.format import FILE as CHAT_FILE
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.chat.template import TemplateVoice
from kubestill.tools.engines.llama.weights import Weights
from kubestill.tools.engines.local import Voice, Words, read_tokenizer
from kubestill.tools.gguf.header import Header
from kubestill.tools.gguf.vocabulary import Vocabulary, read_vocabulary
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"


def read_words(header: Header, weights: Weights) -> Words:
    """Read the tokenizer and the way of speaking from a file's metadata, or from what stands beside it.

    Raises:
        UserError: what is there cannot be read, or does not fit the weights.
    """
    vocabulary, ends = read_vocabulary(header), weights.ends()
    if not ends:
        raise UserError(str(header.path), "no token ends an answer", "export it with tokenizer.ggml.eos_token_id")
    voice = _voice(vocabulary, header.path)
    tokenizer = _tokenizer(vocabulary, header.path)
    if tokenizer is None:
        if vocabulary.model != "gpt2":  # its tokens do not spell their bytes as GPT-2's do
            found = f"a tokenizer of the kind {vocabulary.model[:40]!r} that stands in it only as llama.cpp reads it"
            raise UserError(str(header.path), found, f"put the model's {TOKENIZER_FILE} beside it")
        return _OwnWords(cast("Tokenizer", LlamaTokenizer(weights, vocabulary)), voice, ends, weights.context, vocabulary)
    if tokenizer.get_vocab_size() > weights.vocabulary:
        found = f"a tokenizer of {tokenizer.get_vocab_size()} tokens for {weights.vocabulary} rows"
        raise UserError(str(header.path), found, "fetch it or export it again")
    return Words(tokenizer, voice, ends, weights.context)


def _voice(vocabulary: Vocabulary, path: Path) -> Voice:
    if vocabulary.chat:
        return ChatFormat.parse(vocabulary.chat, str(path))
    if (path.parent / CHAT_FILE).exists():
        return ChatFormat.load(path.parent)
    return TemplateVoice(vocabulary.template, _named(vocabulary, vocabulary.begin), _named(vocabulary, vocabulary.end), str(path))


def _named(vocabulary: Vocabulary, token: int) -> str:
    return vocabulary.texts[token] if token >= 0 else ""


def _tokenizer(vocabulary: Vocabulary, path: Path) -> "Tokenizer | None":
    beside = path.parent / TOKENIZER_FILE
    if not vocabulary.tokenizer and not beside.is_file():
        return None
    if vocabulary.tokenizer:
        return read_tokenizer(vocabulary.tokenizer, str(path))
    return read_tokenizer(beside.read_text(encoding="utf-8", errors="replace"), str(beside))


@dataclass(frozen=True)
class Coded:
    """The tokens of a text, in the shape that `tokenizers` gives."""

    ids: list[int]


class LlamaTokenizer:
    """llama.cpp's own tokenizer, in the shape of `tokenizers`."""

    def __init__(self, weights: Weights, vocabulary: Vocabulary) -> None:
        self.weights = weights
        self.pieces = vocabulary.token_bytes
        for name, token in vocabulary.specials.items():
            self.pieces[token] = name.encode()

    def encode_batch_fast(self, texts: Sequence[str], add_special_tokens: bool = False) -> list[Coded]:
        """Return the tokens of each text; a model's chat template writes its special tokens itself."""
        assert not add_special_tokens
        return [Coded(self.weights.tokenize(text)) for text in texts]

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = False) -> str:
        """Return the text of tokens, special ones by name."""
        assert not skip_special_tokens
        return b"".join(self.pieces[token] for token in tokens).decode("utf-8", "replace")


@dataclass(frozen=True)
class _OwnWords(Words):
    """Words whose tokenizer is llama.cpp's own."""

    vocabulary: Vocabulary

    @cached_property
    def compiler(self) -> Compiler:
        """What compiles grammars for this vocabulary; made when the first guide comes."""
        tokenizer = cast(LlamaTokenizer, self.tokenizer)
        vocabulary = self.vocabulary
        pieces = Pieces.of_tokens(vocabulary.token_bytes, vocabulary.specials, self.ends[0], tokenizer.weights.tokenize)
        return Compiler(pieces)
