"""Commands that the documentation shows, asked for in its own words: examples of the reference, and blocks of pages."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import PROGRAM, parse
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.skills.kubectl.compose import framed
from kubestill.domains.kubernetes.skills.kubectl.idiom import idiomatic
from kubestill.domains.kubernetes.skills.kubectl.intention import intention
from kubestill.domains.kubernetes.skills.kubectl.swapping import swapped
from kubestill.domains.kubernetes.skills.kubectl.unsaid import completed

COMMANDS, PAGES = "commands", "pages"
FORMS = frozenset((COMMANDS, PAGES))
MAX_COMMAND = 300  # characters
_SWAPPED = 0.6  # how often a documented example gets other names for training


class Shown(NamedTuple):
    """A command that a document shows, and the sentence that says what it is for."""

    sentence: str
    command: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the documentation's words with the commands that answer it, the answer first."""

    request: str
    commands: tuple[str, ...]
    path: str
    forms: tuple[str, ...]


def ask(document: Document, rng: Random, part: str) -> Asked | Drop:
    """Write the request that one of the document's commands answers; which one is drawn."""
    shown = list(_examples(document.text) if document.form == COMMANDS else _blocks(document.text))
    if not shown:
        return Drop("no-command")
    # A page is asked once: of what it shows, the first that can be asked, beginning anywhere.
    start = rng.randrange(len(shown))
    reason = Drop("no-command")
    for one in (*shown[start:], *shown[:start]):
        found = _asked(one, rng, part)
        if isinstance(found, Asked):
            return found
        reason = found
    return reason


def _asked(shown: Shown, rng: Random, part: str) -> Asked | Drop:
    read = _read(shown.command)
    if isinstance(read, Drop):
        return read
    core = intention(shown.sentence)
    if isinstance(core, Drop):
        return core
    said = completed(core, read)
    if isinstance(said, Drop):
        return said
    command = idiomatic(read, shown.command)
    if rng.random() < _SWAPPED:
        said, command = swapped(said, command, read, rng, part)
    text, forms = framed(said, rng, part)
    return Asked(text, (command, *_as_right(command, said, read)), " ".join(read.path), forms)


def _read(command: str) -> Call | Drop:
    """Return the one call of a command that kubectl would take as it stands."""
    parsed = parse(command)
    if len(parsed.calls) != 1 or parsed.others or len(parsed.script.commands) != 1 or parsed.script.fault is not None:
        return Drop("not-one-command")
    call = parsed.calls[0]
    words, values = call.simple.words, (use.text for use in call.uses)
    is_open = any(word.opaque or word.placeholder for word in words) or any(map(_OPEN.search, (*(word.text for word in words), *values)))
    if call.redirections or call.environment or is_open:
        return Drop("open-command")
    verdict = check_parsed(parsed)
    if not verdict.passed or verdict.findings or len(command) > MAX_COMMAND:
        return Drop("refused-command")
    return call


_OPEN = re.compile(r"<|\A[A-Z][A-Z_]{3,}\Z|(?<!\w)\.\.\.(?!\w)")  # places that a reader is to fill in: <name>, POD_NAME


def _as_right(command: str, said: str, call: Call) -> Iterator[str]:
    """Yield the other command that does what is said: a file is created or applied, unless one of both is asked for."""
    words = said.lower()
    other = {"apply": "create", "create": "apply"}.get(call.path[0])
    if other and len(call.path) == 1 and not call.has("edit", "prune", "server-side", "save-config") and not re.search(r"\bappl", words):
        alternative = command.replace(f"{PROGRAM} {call.path[0]} ", f"{PROGRAM} {other} ", 1)
        if not isinstance(_read(alternative), Drop):
            yield alternative


_COMMENT = re.compile(r"(?:\A|\s+)#.*")


def _joined(lines: Sequence[str]) -> list[str]:
    """Return commands without comments, prompts and broken lines."""
    text = "\n".join(lines).replace("\\\n", " ")
    found = (re.sub(r"\s+", " ", _COMMENT.sub("", line)).strip().removeprefix("$ ") for line in text.splitlines())
    return [line for line in found if line]


def _examples(text: str) -> Iterator[Shown]:
    """Yield the examples of a page of the reference; an example of several commands says what all of them do."""
    for example in json.loads(text).get("examples", ()):
        commands = _joined(str(example["command"]).splitlines())
        if len(commands) == 1:
            yield Shown(str(example["description"]), commands[0])


_FENCE = re.compile(r"\s*(```|~~~)")


def _blocks(text: str) -> Iterator[Shown]:
    """Yield the fenced blocks of a page that hold one command, with the sentence before each."""
    before: list[str] = []
    inside: list[str] | None = None
    for line in text.splitlines():
        if _FENCE.match(line):
            if inside is None:
                inside = []
                continue
            commands = _joined(inside)
            sentence = _last_sentence(before)
            if len(commands) == 1 and commands[0].startswith(f"{PROGRAM} ") and sentence:
                yield Shown(sentence, commands[0])
            inside, before = None, []
        elif inside is not None:
            inside.append(line)
        elif line.strip():
            before = [*before, line.strip()] if before and before[-1] else [line.strip()]
        elif before and before[-1]:
            before.append("")


_LINK, _MARKS, _BULLET = re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), re.compile(r"[`*]|(?<!\w)_|_(?!\w)"), re.compile(r"(?:[-*+]|\d+[.)])\s+")


def _last_sentence(lines: Sequence[str]) -> str:
    """Return the last sentence of the paragraph before a block, without markup."""
    paragraph = " ".join(_BULLET.sub("", line) for line in lines if line and not line.startswith(("#", "{{", "<", "|", ":::")))
    plain = _MARKS.sub("", _LINK.sub(r"\1", paragraph)).strip()
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", plain)[-1] if plain else ""
