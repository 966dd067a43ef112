"""GGUF files, answering on the CPU through llama.cpp: no torch, no compiler, a file alone suffices."""

from collections.abc import Sequence
from pathlib import Path

from kubestill.ground.errors import UserError
from kubestill.tools.engines.api import ANSWER_TOKENS, Ask
from kubestill.tools.engines.llama.seats import Seats
from kubestill.tools.engines.llama.weights import Reader, Weights
from kubestill.tools.engines.llama.words import read_words
from kubestill.tools.engines.local import SharedEngine, Words
from kubestill.tools.engines.writing import Guesser
from kubestill.tools.gguf.read import check

ROWS = 16  # answers of a batch: more gain nothing on a CPU, and each takes its memory
LANES = 3  # batches side by side at most: a fourth to a third of a guided answer's time is Python's, which one thread has at a time
PROMPT_SMALL, PROMPT_LARGE = 256, 64  # tokens of a pass: 43 ms of the packaged student on a core; large ones heed a stop soon, too
USUAL = ("q8_0", "f16", "f32", "q4_k_m")  # of several files in a folder: the first that is there


class _Brief:
    """Guesses one token at a time: all that pays with a small model, whose passes cost as much as their tokens.

    Measured with 4.5 M parameters in q8_0, one thread: 0.33 ms for a token, 0.43 for two, 0.65 for three, 0.82 for four, 1.75 for eight.
    """

    def __init__(self, guesser: Guesser) -> None:
        self.guesser = guesser

    def propose(self, tokens: Sequence[int], limit: int) -> list[int]:
        return self.guesser.propose(tokens, min(limit, 1))


class LlamaCppEngine(SharedEngine):
    """A GGUF file: its weights, and the words that stand in it or beside it."""

    name = "llama_cpp"
    rows = ROWS

    def __init__(self, weights: Weights, words: Words, guesser: Guesser | None = None) -> None:
        super().__init__(Reader(weights, ANSWER_TOKENS), words, _Brief(guesser) if guesser and weights.small else guesser)
        self.weights = weights

    def model_for(self, ask: Ask) -> Reader:
        """Return a reader whose contexts hold as much as is asked for."""
        return Reader(self.weights, ask.max_new_tokens)

    def lanes(self, cores: int) -> int:
        """Return as many as there are cores, up to LANES: a small model's passes have one thread each (SMALL says why)."""
        return min(LANES, cores) if self.weights.small else 1

    @property
    def pass_tokens(self) -> int:
        """Nearly every request to a small model is read at once, as without a desk: rounded weights may answer otherwise in parts."""
        return PROMPT_SMALL if self.weights.small else PROMPT_LARGE

    def table(self, rows: int) -> Seats:
        """Return a batch of no rows yet and `rows` at most, each of as many places as the context."""
        return Seats(self.weights, rows, self.context)

    @classmethod
    def load(cls, path: Path, guesser: Guesser | None = None) -> "LlamaCppEngine":
        """Read a GGUF file, or the usual one of a folder.

        Raises:
            UserError: there is none, or it is malformed.
            Unavailable: xllamacpp is missing, or another version.
        """
        file = find_file(path)
        header = check(file)
        weights = Weights(file)
        return cls(weights, read_words(header, weights), guesser)


def find_file(path: Path) -> Path:
    """Return the GGUF file that `path` means: itself, or the usual one of a folder.

    Raises:
        UserError: there is none, or several of which none is usual.
    """
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.gguf"))
    if not files:
        raise UserError(str(path), "no GGUF file there", "give one, or a folder that holds one")
    usual = [file for form in USUAL for file in files if file.stem.lower().endswith(form)]
    if len(files) > 1 and not usual:
        raise UserError(str(path), f"{len(files)} GGUF files", f"name one, as {files[0]}")
    return (usual or files)[0]
