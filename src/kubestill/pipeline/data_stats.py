"""What an artifact of samples holds, counted by skill and road. Of each sample a few numbers are remembered, never the text."""

from __future__ import annotations  # array[int] is for the type checker: Python 3.11 cannot subscript it

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.pipeline.data import Record, domain_name, read_all
from kubestill.pipeline.data_rows import licence_of
from kubestill.pipeline.table import PARTS
from kubestill.tools.chat.format import ChatFormat

PERCENTILES = (50, 90, 99, 100)
KINDS_TOLD = 8
TOKEN_SAMPLES = 2_000  # of each group: counting tokens costs a hundred times what the rest does

Count = Callable[[Sample], int]  # tokens of a sample


@dataclass
class Group:
    """The samples of one skill that came by one road."""

    skill: str
    road: str
    samples: int = 0
    requests: array[int] = field(default_factory=lambda: array("Q"))
    skeletons: array[int] = field(default_factory=lambda: array("Q"))
    kinds: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    lengths: Mapping[str, Counter[int]] = field(default_factory=lambda: {"request": Counter(), "answer": Counter(), "tokens": Counter()})

    def add(self, record: Record, skeleton: int) -> None:
        """Count one more."""
        self.samples += 1
        self.requests.append(_key(record["request"]))
        self.skeletons.append(skeleton)
        self.kinds[record["kind"]] += 1
        self.licences[licence_of(record["source"])] += 1
        for name in ("request", "answer"):
            self.lengths[name][len(record[name])] += 1

    def told(self) -> Record:
        """Return the figures."""
        return {
            "skill": self.skill,
            "road": self.road,
            "samples": self.samples,
            "distinct_requests": distinct(self.requests),
            "distinct_skeletons": distinct(self.skeletons),
            "request_characters": percentiles(self.lengths["request"]),
            "answer_characters": percentiles(self.lengths["answer"]),
            "tokens": percentiles(self.lengths["tokens"]),
            "kinds": dict(self.kinds.most_common(KINDS_TOLD)),
            "num_kinds": len(self.kinds),
            "licences": dict(self.licences.most_common()),
        }


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def distinct(keys: array[int]) -> int:
    """Return how many different keys there are."""
    return len(np.unique(np.array(keys)))


def percentiles(lengths: Counter[int]) -> dict[str, int]:
    """Return the smallest length that so many percent of the samples do not exceed; nothing where nothing was counted."""
    total, passed, wanted = lengths.total(), 0, list(PERCENTILES)
    found: dict[str, int] = {}
    for length, count in sorted(lengths.items()):
        passed += count
        while wanted and 100 * passed >= wanted[0] * total:
            found[f"p{wanted.pop(0)}"] = length
    return found


def count_groups(records: Iterable[Record], count_tokens: Count | None = None) -> list[Group]:
    """Count the samples by skill and road, in the order of names."""
    groups: dict[tuple[str, str], Group] = {}
    skeleton = PARTS.load("skeleton_key")
    for record in records:
        names = record["skill"], record["road"]
        group = groups.setdefault(names, Group(*names))
        group.add(record, skeleton(record["request"], record["answer"]))
        if count_tokens is not None and group.samples <= TOKEN_SAMPLES:
            group.lengths["tokens"][count_tokens(Sample.from_record(record))] += 1
    return [groups[names] for names in sorted(groups)]


def token_counter(folder: Path) -> Count:
    """Return what counts a sample's tokens as the student in `folder` is trained on them: request, notes and answer in its chat format.

    Raises:
        UserError: no tokenizer lies there.
    """
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.exists():
        raise UserError("--tokens-of", f"there is no {file}", "give a folder of weights, or the name of such an artifact")
    tokenizer: Any = Tokenizer.from_file(str(file))
    chat = ChatFormat.load(folder)

    def count(sample: Sample) -> int:
        prompt = chat.prompt(sample.request)
        text = prompt.text + chat.target(sample.answer, prompt, sample.notes())
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


def statistics(artifact: Artifact, groups: Iterable[Group]) -> Record:
    """Return all that `data stats` prints."""
    tally = artifact.tally
    dropped = sorted(tally.get("dropped", {}).items(), key=lambda item: (-item[1], item[0]))
    return {
        "artifact": artifact.name,
        "domain": domain_name(artifact),
        "came": tally.get("came", 0),
        "kept": tally.get("kept", 0),
        "dropped": dict(dropped),
        "groups": [group.told() for group in groups],
    }


def measure(artifact: Artifact, count_tokens: Count | None = None) -> Record:
    """Read an artifact and return its statistics."""
    return statistics(artifact, count_groups(read_all(artifact), count_tokens))
