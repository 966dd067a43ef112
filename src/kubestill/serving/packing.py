"""An answer as bytes and back: JSON, packed, since most of it is the same few checks again and again."""

import json
import zlib
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from kubestill.serving.answer import Answer, Change
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Removed, Reply

KNOWN_RESULTS = 2048
LEVEL = 1  # of zlib: 20 times smaller than the JSON, in a tenth of a millisecond


def pack(answer: Answer) -> bytes:
    """Return an answer as bytes."""
    told = {"seconds": answer.seconds, "repaired": answer.repaired, "held": answer.held, "by": answer.by, "escalated": answer.escalated}
    parts = {name: None if part is None else asdict(part) for name, part in _parts(answer).items()}
    head = json.dumps({**told, **parts}, separators=(",", ":"))
    return zlib.compress(f'{head[:-1]},"verdict":[{",".join(map(_row, answer.verdict.results))}]}}'.encode(), LEVEL)


@lru_cache(KNOWN_RESULTS)
def _row(result: Result) -> str:
    """Return the JSON of a check's result; most of them are the same in every answer."""
    found = [asdict(finding) for finding in result.findings]
    return json.dumps([result.code, int(result.tier), result.outcome.value, found, result.reason], separators=(",", ":"))


def _parts(answer: Answer) -> dict[str, Reply | Change | None]:
    return {"reply": answer.reply, "draft": answer.draft, "change": answer.change}


def unpack(packed: bytes) -> Answer | None:
    """Return the answer that was packed; None where the bytes are none, or another kubestill's."""
    try:
        found = json.loads(zlib.decompress(packed))
        change = found.pop("change")
        verdict = Verdict(tuple(_result(*row) for row in found.pop("verdict")))
        reply, draft = _reply(found.pop("reply")), found.pop("draft")
        kept = Change(change["diff"], change["whole"], tuple(change["remarks"])) if change else None
        return Answer(reply, verdict, draft=_reply(draft) if draft else None, change=kept, **found)
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError):
        return None


def _reply(fields: dict[str, Any]) -> Reply:
    removed = tuple(Removed(**one) for one in fields["removed"])
    return Reply(**{**fields, "removed": removed, "unused": tuple(fields["unused"])})


def _result(code: str, tier: int, outcome: str, findings: list[dict[str, Any]], reason: str) -> Result:
    if not findings:
        return _plain(code, tier, outcome, reason)
    found = tuple(Finding(**{**one, "tier": Tier(one["tier"])}) for one in findings)
    return Result(code, Tier(tier), Outcome(outcome), found, reason)


@lru_cache(KNOWN_RESULTS)
def _plain(code: str, tier: int, outcome: str, reason: str) -> Result:
    """Return a result without findings; most of them are the same in every answer."""
    return Result(code, Tier(tier), Outcome(outcome), (), reason)
