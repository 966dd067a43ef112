"""The mean cross-entropy of the dev slice's lessons, all together and by group (skill)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from kubestill.domains.api import Sample
from kubestill.ground.records import write_text
from kubestill.ground.stage import Job
from kubestill.stages.training.batches import Answers, read_samples
from kubestill.tools.modeling.encoding import ENCODED, Encoded, Encoding, Limits, encode_lines
from kubestill.tools.modeling.network import Reader

FOLDER = f"{ENCODED}/dev"  # below that of a training
GROUPS = "groups.json"


def save_dev(out: Path, encoded: Encoded, groups: Sequence[str]) -> None:
    """Lay the lessons of a dev slice beside the training of `out`; `groups` names the group of each."""
    encoded.save(out / FOLDER)
    write_text(out / FOLDER / GROUPS, json.dumps(list(groups)))


def prepare_dev(job: Job) -> None:
    """Encode the dev slice of the mix as it is asked: every answer whole, no word hidden."""
    path, count = job.inputs["mix"].path / "dev.jsonl", job.what.dev_samples
    if not path.exists() or not count:
        return
    encoded, _ = encode_lines(Encoding(job.out, Sample.from_record, Limits(job.what.max_tokens)), path, slice(0, count))
    skills = [record["skill"] for record in read_samples(path, count)]
    save_dev(job.out, encoded, [skills[line] for line in encoded.lines])


@dataclass(frozen=True)
class Loss:
    """Mean cross-entropy in nats over `labels` tokens, and that of each group."""

    mean: float
    labels: int
    groups: Mapping[str, float]


@dataclass(frozen=True)
class DevLessons:
    """The lessons that a dev loss is measured on."""

    encoded: Encoded
    groups: Sequence[str]
    block_tokens: int

    @classmethod
    def load(cls, out: Path, block_tokens: int) -> "DevLessons | None":
        """Return what `save_dev` laid there, to be read in blocks of at most `block_tokens`; None where there is nothing."""
        if not (out / FOLDER / GROUPS).exists():
            return None
        encoded = Encoded.load(out / FOLDER)
        return cls(encoded, json.loads((out / FOLDER / GROUPS).read_text()), block_tokens) if len(encoded.ends) else None

    @torch.no_grad()
    def measure(self, network: Reader) -> Loss:
        """Return the loss of the student as it is now."""
        lessons = Answers(self.encoded, 0)
        sums, labels = np.zeros(len(self.encoded.ends)), self.encoded.labels
        for numbers in self._blocks():
            block = lessons.block(numbers, (0, 0))
            logits = network.logits(torch.from_numpy(block.ids), torch.from_numpy(block.where))
            targets = torch.from_numpy(block.targets).to(logits.device)
            losses = functional.cross_entropy(logits.float(), targets, reduction="none")
            np.add.at(sums, numbers[block.rows], losses.double().cpu().numpy())
        named = np.array(self.groups)
        groups = {str(name): float(sums[named == name].sum() / labels[named == name].sum()) for name in sorted(set(self.groups))}
        return Loss(float(sums.sum() / labels.sum()), int(labels.sum()), groups)

    def _blocks(self) -> Iterator[NDArray[np.int64]]:
        """Yield the lessons by length, in rectangles of at most `block_tokens`."""
        lengths = self.encoded.lengths
        order = np.argsort(lengths, kind="stable")
        start = 0
        for place in range(1, len(order) + 1):
            if place == len(order) or int(lengths[order[place]]) * (place + 1 - start) > self.block_tokens:
                yield order[start:place]
                start = place
