"""Where a teacher's word on a block comes from: a live network in each process, or signals that were captured before.

M labelled places of a block, V vocabulary, K kept words.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.ground.fingerprint import digest
from kubestill.stages.training.batches import Answers
from kubestill.stages.training.objectives.api import Block, Seat
from kubestill.stages.training.objectives.divergence import Told
from kubestill.stages.training.parallel import TYPES
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.teacher import load_teacher
from kubestill.tools.modeling.texts import read_texts
from kubestill.tools.signals import Signals, unpack

RECORDS = "signals"  # of a block's extras: a record a label


class Live:
    """A network of the student's vocabulary."""

    def __init__(self, seat: Seat, name: str, top_k: int = 0) -> None:
        """`name`: a packaged student or a folder; `top_k`: likeliest words that are looked at, 0: all.

        Raises:
            UserError: there is no such teacher, or it does not read what the student reads.
        """
        folder = find_base(name)
        vocabulary = _same_words(folder, seat.folder)
        self.teacher, self.top_k = load_teacher(folder, vocabulary, TYPES[seat.what.precision]), top_k
        self.vocabulary = self.teacher.vocabulary
        self.lessons = Answers(Encoded.load(seat.folder / ENCODED), seat.pad)

    def told(self, block: Block) -> Told:
        """Ask about the labelled places of a block."""
        logits = self.teacher.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
        logs = logits.float().log_softmax(1)
        if not 0 < self.top_k < logs.shape[1]:
            return Told(logs)
        top, ids = logs.topk(self.top_k)
        return Told(top, ids, logs.scatter_(1, ids, float("-inf")).logsumexp(1))


def _same_words(teacher: Path, student: Path) -> int:
    """Return how many tokens the tokenizer of both knows.

    Raises:
        UserError: they are not the same, or the chat formats write other things.
    """
    mend = "give a teacher of the same tokenizer, let a student from nothing read its tokens, or set training.distill.words = 'across'"
    texts = [read_texts(folder) for folder in (teacher, student)]
    vocabularies = [text.tokenizer.get_vocab(with_added_tokens=True) for text in texts]
    if vocabularies[0] != vocabularies[1]:
        shared = len(vocabularies[0].items() & vocabularies[1].items())
        raise UserError(str(teacher), f"of its {len(vocabularies[0])} tokens the student reads {shared} alike", mend)
    for name in ("copying", "notes"):
        theirs, ours = (getattr(text.chat, name) for text in texts)
        if theirs != ours:
            raise UserError(str(teacher), f"its chat format has {name} = {theirs!r}, the student's {ours!r}", mend)
    return texts[0].vocabulary


@dataclass(frozen=True)
class Signalled(Answers):
    """Lessons with what was captured of them."""

    signals: Signals

    def block(self, numbers: NDArray[np.int64], place: tuple[int, int]) -> Block:
        """Return the lessons as one block, a record of signals beside each label."""
        return replace(super().block(numbers, place), extras={RECORDS: self.signals.many(numbers)})


class Captured:
    """Signals of the very tokens that are learned."""

    def __init__(self, seat: Seat) -> None:
        """Map the signals.

        Raises:
            UserError: there are none, or they belong to other tokens.
        """
        signals = Signals(signals_folder(seat))
        encoded = Encoded.load(seat.folder / ENCODED)
        if signals.header.lessons["encoded"] != encoded.digest():
            raise UserError(str(signals.folder), _difference(signals, seat), "capture them with the settings of training, or set "
                            "training.distill.words = 'across'")  # fmt: skip
        self.form, self.vocabulary = signals.form, signals.form.vocabulary
        self.lessons = Signalled(encoded, seat.pad, signals)

    def told(self, block: Block) -> Told:
        """Decode the signals of a block."""
        top = unpack(self.form, block.extras[RECORDS])
        if self.form.kept == self.form.vocabulary:
            logs = torch.full((len(top.ids), self.form.vocabulary), float("-inf"))
            return Told(logs.scatter_(1, torch.from_numpy(top.ids), torch.from_numpy(top.logs)))
        return Told(torch.from_numpy(top.logs), torch.from_numpy(top.ids), torch.from_numpy(top.rest))


def signals_folder(seat: Seat) -> Path:
    """Return the folder of the captured signals.

    Raises:
        UserError: nothing was captured.
    """
    if "signals" not in seat.given:
        raise UserError("training.objective", "distill without a teacher", "name training.distill.teacher, or capture.teacher for signals")
    return seat.given["signals"]


def _difference(signals: Signals, seat: Seat) -> str:
    """Say in what the signals' tokens differ from those that training sees."""
    theirs = signals.header.lessons
    if "tokenizer" not in theirs:
        return "signals of a server, whose tokens are not the student's"
    files = {"tokenizer": "tokenizer.json", "chat": "chat.json"}
    ours = {name: digest(seat.folder / file) if (seat.folder / file).exists() else "" for name, file in files.items()}
    found = [f"another {name}" for name in files if theirs[name] != ours[name]]
    names = ("max_tokens", "answers", "hidden")
    found += [f"{name} {theirs[name]} and not {getattr(seat.what, name)}" for name in names if theirs[name] != getattr(seat.what, name)]
    return f"captured of other tokens than training sees ({', '.join(found) or 'another mix'})"
