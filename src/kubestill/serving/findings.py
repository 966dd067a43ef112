"""A finding as clients are told it: the record that answers and checks give, and its type in the API and the page."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from kubestill.tools.checks.api import Finding

_TOLD = ("code", "severity", "path", "line", "column", "message", "remedy")


class Found(BaseModel):
    """A fault, or with the severity "skip" why nobody could look; lines and columns count from 1, 0 where unknown."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tier: str = ""
    code: str = ""
    path: str = ""
    message: str = ""
    remedy: str = ""
    severity: str = "error"
    line: int = 0
    column: int = 0


def finding_record(one: Finding) -> dict[str, Any]:
    """Return the JSON form of a finding."""
    return {"tier": one.tier.name.lower(), **{name: getattr(one, name) for name in _TOLD}}
