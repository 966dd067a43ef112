"""Answers that were recorded before, found by a hash of the request and of how it was asked."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_records
from kubestill.ground.seeds import stable_hash
from kubestill.tools.engines.api import Ask, Engine, Reply


def request_key(request: str, ask: Ask) -> str:
    """Return the hash under which an answer is recorded."""
    return f"{stable_hash(request, *asdict(ask).values()):016x}"


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
        self.replies = {record["key"]: Reply(**record["reply"]) for record in read_records(path)}

    def generate(self, requests: Sequence[str], ask: Ask) -> list[Reply]:
        """Return the recorded answers.

        Raises:
            UserError: a request was never recorded.
        """
        return [self._reply(request, ask) for request in requests]

    def _reply(self, request: str, ask: Ask) -> Reply:
        key = request_key(request, ask)
        if key not in self.replies:
            raise UserError(str(self.path), f"no answer to {request[:60]!r} ({key})", "record it, or ask as it was asked then")
        return self.replies[key]


def record(engine: Engine, requests: Sequence[str], ask: Ask, path: Path) -> list[Reply]:
    """Ask an engine and write its answers beside those already in the file."""
    replies = engine.generate(requests, ask)
    kept = {old["key"]: old for old in read_records(path)} if path.exists() else {}
    for request, reply in zip(requests, replies, strict=True):
        key = request_key(request, ask)
        kept[key] = {"key": key, "request": request, "reply": asdict(reply)}
    write_records(path, kept.values())
    return replies
