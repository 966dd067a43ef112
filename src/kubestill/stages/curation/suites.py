"""What the suites ask and answer, and what of it a training sample would give away.

An equal request or an equal template is always one too many. A long answer or a run of 13 words counts only where few say it: what many
samples say is the voice of a tool (a table's head, a scheduler's message) or one of a few possible answers.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kubestill.domains.api import Sample
from kubestill.stages.curation.likeness import GRAM_WORDS, SHINGLE_WORDS, Gram, exact_key, grams, keys, shingles

SAME_REQUEST, SAME_ANSWER, SAME_TEMPLATE = "suite: same request", "suite: same answer", "suite: same template"
SAME_WORDS = f"suite: {GRAM_WORDS} words in a row"
SIMILAR = 0.5  # Jaccard index of two requests' shingles from which a question counts as similar to a training sample
GRAM_SHINGLES = GRAM_WORDS - SHINGLE_WORDS + 1  # shingles that a run of 13 words is made of


Key = TypeVar("Key", bound=Hashable)


@dataclass
class Suites:
    """The questions of all suites; says what a sample shares with them."""

    names: list[str] = field(default_factory=list)
    questions: list[tuple[int, str]] = field(default_factory=list)  # index of the suite, id of the sample
    sizes: list[int] = field(default_factory=list)  # of each question: how many shingles it has
    requests: dict[int, int] = field(default_factory=dict)  # key -> index of the suite, as in `templates`
    templates: dict[int, int] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)  # key -> index of the mark, as in `grams`
    grams: dict[Gram, int] = field(default_factory=dict)
    marks: list[tuple[int, str]] = field(default_factory=list)  # what gives a suite away unless many say it: the suite, the reason
    shingles: dict[Gram, list[int]] = field(default_factory=dict)  # -> indices of the questions that hold it

    def add(self, suite: str, sample: Sample) -> None:
        """Note a question."""
        if suite not in self.names:
            self.names.append(suite)
        index, words = self.names.index(suite), sample.request.lower().split()
        self.requests.setdefault(exact_key(" ".join(words)), index)
        self.templates.setdefault(keys(sample.request, sample.answer)[0], index)
        if tells(sample.answer):
            self._mark(self.answers, exact_key(sample.answer), (index, SAME_ANSWER))
        for gram in grams(words):
            self._mark(self.grams, gram, (index, SAME_WORDS))
        own = set(shingles(words))
        for shingle in own:
            self.shingles.setdefault(shingle, []).append(len(self.questions))
        self.questions.append((index, sample.id))
        self.sizes.append(len(own))

    def _mark(self, known: dict[Key, int], key: Key, about: tuple[int, str]) -> None:
        if key not in known:
            known[key] = len(self.marks)
            self.marks.append(about)

    def known(self, request_key: int, template: int) -> tuple[str, int]:
        """Return why a sample must not be trained on, and the suite; an empty reason where nothing is known against it."""
        if request_key in self.requests:
            return SAME_REQUEST, self.requests[request_key]
        if template in self.templates:
            return SAME_TEMPLATE, self.templates[template]
        return "", 0

    def met(self, words: Sequence[str], answer: str) -> tuple[bool, list[int]]:
        """Say whether a request could be similar to any question, and return the marks that it or its answer shares with the suites."""
        own = shingles(words)
        hits = [shingle for shingle in own if shingle in self.shingles]
        close = bool(hits) and len(set(hits)) >= SIMILAR * len(set(own))  # what they share is at most what both hold
        marks = [self.grams[gram] for gram in grams(words) if gram in self.grams] if len(hits) >= GRAM_SHINGLES else []
        if tells(answer) and (mark := self.answers.get(exact_key(answer))) is not None:
            marks.append(mark)
        return close, marks


def tells(answer: str) -> bool:
    """Say whether an answer is long enough to give its question away: `kubectl get nodes` and `yes` answer many questions."""
    return len(answer.split()) >= GRAM_WORDS


class Similar:
    """Which questions have a similar request in training; exact, by an inverted index over the questions' shingles."""

    def __init__(self, suites: Suites) -> None:
        self.suites = suites
        self.sizes = np.array(suites.sizes, dtype=np.int64)
        self.found: npt.NDArray[np.bool_] = np.zeros(len(suites.questions), dtype=bool)

    def add(self, request: str) -> None:
        """Note a training sample's request."""
        own = set(shingles(request.lower().split()))
        holders = [self.suites.shingles[shingle] for shingle in own if shingle in self.suites.shingles]
        if not holders:
            return
        shared = np.bincount([question for some in holders for question in some], minlength=len(self.sizes))
        self.found |= shared >= SIMILAR * (len(own) + self.sizes - shared)

    def by_suite(self) -> Mapping[str, list[str]]:
        """Return for each suite the ids of its similar questions, in the order of the suite."""
        told: dict[str, list[str]] = {name: [] for name in self.suites.names}
        for (index, name), similar in zip(self.suites.questions, self.found.tolist(), strict=True):
            if similar:
                told[self.suites.names[index]].append(name)
        return told
