"""The one place where a request becomes the text that a student reads, and its text becomes an answer."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text
from kubestill.ground.seeds import stable_hash
from kubestill.tools.chat.slots import MAX_SLOTS, OUTLINES, POINTERS, Vocabulary, mark, point, resolve

FORMAT_VERSION = 1
PAD, USER, ASSISTANT, END, SYSTEM = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>", "<|system|>"
SPECIAL: tuple[str, ...] = (PAD, USER, ASSISTANT, END, SYSTEM)
FILE = "chat.json"
SHARE = 3e-4  # of the requests that must hold a word before it is read as English

Copying = Literal["slots", "spell"]

__all__ = ["END", "FILE", "FORMAT_VERSION", "OUTLINES", "PAD", "POINTERS", "SPECIAL", "ChatFormat", "Prompt"]


@dataclass(frozen=True)
class Prompt:
    """A rendered request: `text` is what the tokenizer sees, `slots` maps open words to pointer indices."""

    text: str
    slots: dict[str, int]


@dataclass(frozen=True)
class ChatFormat:
    """How requests and answers are written for one student; saved beside its weights.

    `copying` is "slots" (open words become pointers, for students from scratch) or "spell" (text as it stands,
    for pretrained bases). `known` holds the lower-case words that are read as English and never become a slot.
    """

    copying: Copying = "slots"
    known: frozenset[str] = field(default_factory=frozenset)

    def prompt(self, request: str) -> Prompt:
        """Render a request up to the point where the student writes."""
        request = _clean(request)
        if self.copying == "spell":
            return Prompt(f"{USER}\n{request}{ASSISTANT}\n", {})
        # A first pointer that depends on the request trains all pointers alike, though short requests use few.
        text, slots = mark(request, self._vocabulary, stable_hash("first-slot", request) % MAX_SLOTS)
        return Prompt(f"{USER}\n{text}{ASSISTANT}\n", slots)

    def target(self, answer: str, prompt: Prompt) -> str:
        """Return what the student is taught to write for `answer`, without the end token."""
        return point(answer, prompt.slots)

    def answer(self, text: str, prompt: Prompt) -> str:
        """Turn a student's raw text into the answer."""
        return resolve(text, prompt.slots)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.known)

    @cached_property
    def _record(self) -> dict[str, object]:
        return {"version": FORMAT_VERSION, "copying": self.copying, "known": sorted(self.known)}

    def save(self, folder: Path) -> None:
        """Write `chat.json` into the folder."""
        write_text(folder / FILE, json.dumps(self._record, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "ChatFormat":
        """Read `chat.json`; a folder without one speaks plain text, as pretrained models do.

        Raises:
            UserError: the student was taught another version of the format.
        """
        path = folder / FILE
        if not path.exists():
            return cls(copying="spell")
        record = json.loads(path.read_text())
        if record["version"] != FORMAT_VERSION:
            raise UserError(str(path), f"chat format {record['version']}, this kubestill speaks {FORMAT_VERSION}", "train it again")
        return cls(copying=record["copying"], known=frozenset(record["known"]))

    @classmethod
    def learn(cls, pairs: Iterable[tuple[str, str]], copying: Copying = "slots", words: frozenset[str] = frozenset()) -> "ChatFormat":
        """Learn the known words from (request, answer) pairs: the field's `words`, and those of enough requests.

        An occurrence counts only where the answer does not repeat the word as a value: then it may be a name. Names
        come from so large a vocabulary that none reaches the share, while every word of the phrasing does.
        """
        if copying == "spell":
            return cls(copying="spell")
        counts: Counter[str] = Counter()
        total = 0
        for request, answer in pairs:
            total += 1
            counts.update(_words(request) - set(_VALUE.findall(answer)))
        least = max(3, total * SHARE)
        return cls(copying=copying, known=words | {word for word, count in counts.items() if count >= least})


_WORD = re.compile(r"[A-Za-z]+(?:[0-9]+[A-Za-z]+)?(?:['-][A-Za-z]+)*")
_HUMPS = re.compile(r"[A-Z]?[a-z]+")
_VALUE = re.compile(r"(?<![\w])[a-z]+(?![\w]|:)")


_MARKS = re.compile("|".join(map(re.escape, (*SPECIAL, "⟨", "⟩", "‹", "›"))), re.IGNORECASE)  # known words are lower-cased later


def _clean(request: str) -> str:
    """Drop what could be taken for our own marks; what is no Unicode text (half of a surrogate pair) becomes `?`."""
    return _MARKS.sub(" ", request.encode("utf-8", "replace").decode("utf-8")).strip()


def _words(request: str) -> set[str]:
    """Return the lower-case words of a request, their parts around hyphens, and the humps of camelCase."""
    words = _WORD.findall(request)
    found = {word.lower() for word in words}
    for word in words:
        if "-" in word:
            found.update(word.lower().split("-"))
        if not word.islower():
            found.update(hump.lower() for hump in _HUMPS.findall(word))
    return found
