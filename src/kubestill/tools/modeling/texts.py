"""The words of a model to be trained, ours or another's: its tokenizer, how lessons are written for it, its tokens for padding and end."""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from kubestill.tools.chat.format import END, PAD, ChatFormat
from kubestill.tools.chat.format import FILE as CHAT
from kubestill.tools.chat.mask import Format
from kubestill.tools.chat.template import read_ends, read_voice
from kubestill.tools.modeling.tokenizer import FILE, load_tokenizer, token_id


@dataclass(frozen=True)
class Texts:
    """`pad` fills rows on the right, where a causal model never looks; the first of `ends` is taught at the end of each answer."""

    tokenizer: Tokenizer
    chat: Format
    pad: int
    ends: tuple[int, ...]

    @property
    def end(self) -> int:
        """The token that is taught at the end of each answer."""
        return self.ends[0]

    @property
    def vocabulary(self) -> int:
        """Tokens that the tokenizer can write; a model may have rows for more."""
        return max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def is_foreign(folder: Path) -> bool:
    """Say whether somebody else made the model in `folder`: it has no chat format of ours. `TransformersEngine.load` asks the same."""
    return not (folder / CHAT).exists()


def read_texts(folder: Path) -> Texts:
    """Read the tokenizer and the chat format of a folder whose tokenizer.json is known to be one.

    A model of others is taught what evaluation will ask it (tools/engines/pretrained.py): its own chat template around the plain request,
    answers spelled out, no notes.

    Raises:
        UserError: there is none, or no chat format or template, or no token that ends an answer.
    """
    if not is_foreign(folder):
        tokenizer = load_tokenizer(folder)
        return Texts(tokenizer, ChatFormat.load(folder), token_id(tokenizer, PAD), (token_id(tokenizer, END),))
    tokenizer = Tokenizer.from_file(str(folder / FILE))
    ends = read_ends(folder, tokenizer)
    return Texts(tokenizer, read_voice(folder, tokenizer.id_to_token(ends[0]) or ""), ends[0], ends)
