"""When two samples are too much alike: equal requests, or equal once the words that were copied are taken out."""

import re
from collections.abc import Iterable
from hashlib import blake2b

from kubestill.domains.api import Sample

GRAM_WORDS = 13  # the run of words that counts as contamination: Brown et al. 2020, "Language Models are Few-Shot Learners", appendix C
WORD = re.compile(r"[^\s\"'`,;:=()\[\]{}]+")
DIGITS = re.compile(r"[0-9]+")
COPIED = "•"

Gram = tuple[str, ...]


def exact_key(text: str) -> int:
    """Return a 64-bit key of a text as it stands, but for white space at its ends."""
    return int.from_bytes(blake2b(text.strip().encode(), digest_size=8).digest(), "big")


def text_key(text: str) -> int:
    """Return a key that case and spacing do not change."""
    return exact_key(" ".join(text.lower().split()))


def skeleton_key(request: str, answer: str) -> int:
    """Return a key of what stays of a sample without its open words.

    Open words are those that stand in the request and in the answer: names, images, numbers that the student copies.
    Two samples with one skeleton differ in nothing else.
    """
    asked, said = WORD.findall(request), WORD.findall(answer)
    copied = set(said).intersection(asked)
    bare = [COPIED if word in copied else word for word in (*asked, "\x1f", *said)]
    return exact_key(DIGITS.sub("0", " ".join(bare)).lower())


def grams(request: str) -> Iterable[Gram]:
    """Return the runs of 13 words of a request, lower case; of a shorter request there is none."""
    words = request.lower().split()
    return zip(*(words[offset:] for offset in range(GRAM_WORDS)), strict=False)


class Contamination:
    """What the suites ask and answer; says whether a training sample gives any of it away."""

    def __init__(self) -> None:
        self.requests: set[int] = set()
        self.answers: set[int] = set()
        self.grams: set[Gram] = set()
        self.samples = 0

    def add(self, sample: Sample) -> None:
        """Note a sample of a suite."""
        self.samples += 1
        self.requests.add(text_key(sample.request))
        self.answers.add(exact_key(sample.answer))
        self.grams.update(grams(sample.request))

    def reason(self, request: str, answer: str, request_key: int) -> str:
        """Return why the sample must not be trained on, or an empty string."""
        if request_key in self.requests:
            return "suite: same request"
        if exact_key(answer) in self.answers:
            return "suite: same answer"
        if self.grams and not self.grams.isdisjoint(grams(request)):
            return f"suite: {GRAM_WORDS} words in a row"
        return ""
