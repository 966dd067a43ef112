"""The one place where a request becomes the text that a student reads, and its text becomes an answer."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from kubestill.ground.errors import UserError
from kubestill.ground.numerals import NUMERALS
from kubestill.ground.records import write_text
from kubestill.ground.seeds import stable_hash
from kubestill.tools.chat.slots import OUTLINES, POINTERS, Vocabulary, mark, point, resolve

FORMAT_VERSION = 2
PAD, USER, ASSISTANT, END, SYSTEM, ANSWER = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>", "<|system|>", "<|answer|>"
SPECIAL: tuple[str, ...] = (PAD, USER, ASSISTANT, END, SYSTEM, ANSWER)
FILE = "chat.json"
SHARE = 1e-4  # of the requests that must hold a word before it is read as English
RARE = 0.01  # of the requests: words that fewer hold may be hidden

Copying = Literal["slots", "spell"]

__all__ = ["END", "FILE", "FORMAT_VERSION", "OUTLINES", "PAD", "POINTERS", "SPECIAL", "ChatFormat", "Prompt"]


@dataclass(frozen=True)
class Prompt:
    """A rendered request: `text` is what the tokenizer sees, `slots` maps open words to pointer indices; `shown` ones may be English."""

    text: str
    slots: dict[str, int]
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ChatFormat:
    """How requests and answers are written for one student; saved beside its weights.

    `copying` is "slots" (open words become pointers, for students from scratch) or "spell" (text as it stands,
    for pretrained bases). `known` holds the words that are read as English and never become a slot. With `notes` the
    student writes first what it understood, line by line, then a mark, then the answer (docs/decisions/0010). `rare` are
    the known words that few requests hold: training hides some, as people will say what no request of the mix does.
    `namesakes` are words, known or not, that things are called by as well: they are pointed at, and show what they are.
    """

    copying: Copying = "slots"
    known: frozenset[str] = field(default_factory=frozenset)
    notes: bool = False
    rare: frozenset[str] = field(default_factory=frozenset)
    namesakes: frozenset[str] = field(default_factory=frozenset)
    tasks: frozenset[str] = field(default_factory=frozenset)  # skills that were taught beside the domain's first one

    @property
    def stop(self) -> str:
        """The name of the token that ends an answer."""
        return END

    def prompt(self, request: str, hidden: float = 0.0) -> Prompt:
        """Render a request up to the point where the student writes; a share of its rare words is `hidden`: read as if unknown."""
        request = _clean(request)
        if self.copying == "spell":
            return Prompt(f"{USER}\n{request}{ASSISTANT}\n", {})
        text, slots, shown = mark(request, self._vocabulary, self._hide(request, hidden) if hidden else frozenset())
        return Prompt(f"{USER}\n{text}{ASSISTANT}\n", slots, shown)

    def target(self, answer: str, prompt: Prompt, notes: str = "") -> str:
        """Return what the student is taught to write for `answer`, without the end token; `notes` say what was asked for."""
        pointed = point(answer, prompt.slots)  # apart from the mark, whose own letters may be open words
        return f"{point(notes, prompt.slots)}{ANSWER}{pointed}" if self.notes else pointed

    def document(self, text: str) -> tuple[str, str]:
        """Return a text that nobody asked for as a student learns to write it: what stands before it, and itself.

        It is written as answers are: as it stands, in its own capitals, with keys, flags and paths as they will be needed. A pointer means
        "that word of the request", and no request gave these: so open words are spelled. Nothing was asked, so nothing is noted.
        """
        return f"{USER}\n{ASSISTANT}\n{ANSWER if self.notes else ''}", _clean(text)

    def answer(self, text: str, prompt: Prompt) -> str:
        """Turn a student's raw text into the answer; a student that never came to its answer gave none."""
        return resolve(text.partition(ANSWER)[2] if self.notes else text, prompt.slots)

    def understood(self, text: str, prompt: Prompt) -> str:
        """Return what the student noted of the request before it answered: a line a statement."""
        return resolve(text.partition(ANSWER)[0], prompt.slots) if self.notes else ""

    def _hide(self, request: str, share: float) -> frozenset[str]:
        """Choose rare words of a request: which, the request alone decides."""
        return frozenset(word for word in _words(request) & self.rare if stable_hash(word, request) % 10_000 < share * 10_000)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.known, self.namesakes)

    @cached_property
    def _record(self) -> dict[str, object]:
        words = {"known": sorted(self.known), "rare": sorted(self.rare)}
        told = {name: sorted(some) for name, some in (("namesakes", self.namesakes), ("tasks", self.tasks)) if some}
        return {"version": FORMAT_VERSION, "copying": self.copying, "notes": self.notes, **words, **told}

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
        return cls.parse(path.read_text(), str(path)) if path.exists() else cls(copying="spell")

    @classmethod
    def parse(cls, text: str, where: str) -> "ChatFormat":
        """Read the text of a `chat.json`, which stands at `where`.

        Raises:
            UserError: it is none, or the student was taught another version of the format.
        """
        try:
            record = json.loads(text)
            if record["version"] != FORMAT_VERSION:
                raise UserError(where, f"chat format {record['version']}, this kubestill speaks {FORMAT_VERSION}", "train it again")
            words = {name: frozenset(record[name]) for name in ("known", "rare")}
            words |= {name: frozenset(record.get(name, ())) for name in ("namesakes", "tasks")}
            return cls(copying=record["copying"], notes=record["notes"], **words)
        except (ValueError, LookupError, TypeError):
            raise UserError(where, "no chat format of kubestill", "give a student that kubestill made") from None

    def widened(self, other: "ChatFormat") -> "ChatFormat":
        """Return the format that knows also the words that another one learned; a format of plain text stays as it is.

        Of several tasks there are no namesakes: commands are written in such words (`kubectl logs`), and none may be a pointer there.
        """
        if self.copying == "spell":
            return self
        rare, tasks = self.rare | (other.rare - self.known), self.tasks | other.tasks
        namesakes = frozenset[str]() if tasks else self.namesakes | other.namesakes
        return replace(self, known=self.known | other.known, rare=rare, namesakes=namesakes, tasks=tasks)

    @classmethod
    def learn(cls, pairs: Iterable[tuple[str, str]], copying: Copying = "slots", words: frozenset[str] = frozenset()) -> "ChatFormat":
        """Learn the known words from (request, answer) pairs: the field's `words`, and those of enough requests.

        A word is English where half of the requests that hold it have answers with no such value: else it may be a name. Names
        come from so large a vocabulary that none reaches the share, while every word of the phrasing does. Capitals and
        compounds (`CPU`, `--image`, `spec.replicas`) count as they stand, so that a name in capitals stays a name. Numbers in
        words are read as digits.
        """
        if copying == "spell":
            return cls(copying="spell")
        held: Counter[str] = Counter()
        repeated: Counter[str] = Counter()
        total = 0
        for request, answer in pairs:
            total += 1
            found = _words(request)
            held.update(found)
            repeated.update(found.intersection(_words(_KEY.sub("", answer))))
        least = max(3, total * SHARE)
        said = {word for word, count in held.items() if count >= least and 2 * repeated[word] <= count} - NUMERALS
        return cls(copying=copying, known=words | said, rare=frozenset(word for word in said - words if held[word] < total * RARE))


_WORD = re.compile(r"[A-Za-z]+(?:[0-9]+[A-Za-z]+)?(?:['-][A-Za-z]+)*")
_COMPOUND = re.compile(r"(?<![\w-])--[A-Za-z][A-Za-z-]*|(?<![\w./-])[A-Za-z]+(?:\.[A-Za-z]+)+(?![\w/-])")  # flags and paths of fields
_HUMPS = re.compile(r"[A-Z]?[a-z]+")
_KEY = re.compile(r"[\w./-]+:(?=\s|\Z)")

_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
# Whatever their case, since known words are lower-cased later.
_MARKS = re.compile("|".join((*map(re.escape, (*SPECIAL, "⟨", "⟩", "‹", "›")), _CONTROLS)), re.IGNORECASE)


def _clean(request: str) -> str:
    """Drop control characters and what could be taken for our own marks; what is no text (half of a surrogate pair) becomes `?`."""
    return _MARKS.sub(" ", request.encode("utf-8", "replace").decode("utf-8")).strip()


def _words(text: str) -> set[str]:
    """Return the words of a text in lower case, capitals also as they stand; parts around hyphens, humps of camelCase, compounds."""
    words = _WORD.findall(text)
    found = {word.lower() for word in words} | {word.lower() for word in _COMPOUND.findall(text)}
    for word in words:
        if "-" in word:
            found.update(word.lower().split("-"))
        if word.isupper():
            found.add(word)
        elif not word.islower():
            found.update(hump.lower() for hump in _HUMPS.findall(word))
    return found
