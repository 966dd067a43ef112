"""Answers that were recorded before, found by a hash of the request and of how it was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_records
from kubestill.ground.seeds import stable_hash
from kubestill.tools.engines.api import Ask, Engine, Removed, Reply
from kubestill.tools.grammar.api import Given, Guide, Reading


def request_key(request: str, ask: Ask, guide: Guide | None = None) -> str:
    """Return the hash under which an answer is recorded: a guide counts by the grammar that its answers start under, and by how much
    it favours anything there."""
    led: list[str | float] = []
    if guide is not None:
        first = guide.start(Reading(request))
        led = [first.text] if isinstance(first, Given) else [first.grammar.digest, *([first.nats] if first.nats else [])]
    return f"{stable_hash(request, *asdict(ask).values(), *led):016x}"


class ReplayEngine:
    """Answers from a JSONL file of {key, request, reply}."""

    name = "replay"

    def __init__(self, path: Path) -> None:
        """Read the records.

        Raises:
            UserError: there is no such file.
        """
        if not path.is_file():
            raise UserError(str(path), "no recorded answers there", "record them with kubestill.tools.engines.replay.record")
        self.path = path
        self.replies = {record["key"]: _reply(record["reply"]) for record in read_records(path)}

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        """Return the recorded answers.

        Raises:
            UserError: a request was never recorded.
        """
        return [self._find(request, ask, guide) for request, guide in zip(requests, guides or [None] * len(requests), strict=True)]

    def _find(self, request: str, ask: Ask, guide: Guide | None) -> Reply:
        key = request_key(request, ask, guide)
        if key not in self.replies:
            raise UserError(str(self.path), f"no answer to {request[:60]!r} ({key})", "record it, or ask as it was asked then")
        return self.replies[key]


def _reply(record: Mapping[str, Any]) -> Reply:
    removed = tuple(Removed(**one) for one in record.get("removed", ()))
    return Reply(**{**record, "removed": removed, "unused": tuple(record.get("unused", ()))})


def record(engine: Engine, requests: Sequence[str], ask: Ask, path: Path, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
    """Ask an engine and write its answers beside those already in the file."""
    replies = engine.generate(requests, ask, guides)
    kept = {old["key"]: old for old in read_records(path)} if path.exists() else {}
    for request, reply, guide in zip(requests, replies, guides or [None] * len(requests), strict=True):
        key = request_key(request, ask, guide)
        kept[key] = {"key": key, "request": request, "reply": asdict(reply)}
    write_records(path, kept.values())
    return replies
