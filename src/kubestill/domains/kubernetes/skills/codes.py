"""The codes of findings on answers that are no manifest: what each means, gathered from the skills."""

from functools import cache
from typing import Protocol

from kubestill.domains.kubernetes.alerts import checks as alerts
from kubestill.domains.kubernetes.skills.diagnose.codes import CODES as DIAGNOSE
from kubestill.domains.kubernetes.skills.general.codes import CODES as GENERAL
from kubestill.domains.kubernetes.skills.manifest.sets import SET_CODES
from kubestill.domains.kubernetes.skills.runbook import codes as runbook
from kubestill.tools.checks.api import Tier


class _Code(Protocol):
    @property
    def tier(self) -> Tier: ...
    @property
    def text(self) -> str: ...
    @property
    def remedy(self) -> str: ...


@cache
def task_codes() -> dict[str, str]:
    """Return the meaning of every code, for people."""
    found = {code: f"{code}\n{text}" for code, text in SET_CODES.items()}
    found |= {code: _told(code, meaning) for codes in (DIAGNOSE, GENERAL) for code, meaning in codes.items()}
    found |= {check.code: runbook.explain(check.code) for check in runbook.CHECKS}
    return found | {check.code: alerts.explain(check.code) for check in alerts.CHECKS}


def _told(code: str, meaning: _Code) -> str:
    return f"{code} ({meaning.tier.name.lower()})\n{meaning.text}\nRemedy: {meaning.remedy}"
