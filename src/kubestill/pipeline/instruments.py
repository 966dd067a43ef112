"""What a service looks at texts with: the linter that `kubestill check` is, and what `kubestill explain` and the schemas know."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from kubestill.domains.api import Explains
from kubestill.ground.errors import UserError, near
from kubestill.pipeline.linting import Asked, Checked, Lint, check_commands
from kubestill.pipeline.looking import every_check
from kubestill.pipeline.looking import explain as explain_check
from kubestill.pipeline.models import USUAL_DOMAIN, load_domain
from kubestill.pipeline.table import OTHER_CODES
from kubestill.serving.api import Wish
from kubestill.serving.findings import finding_record

MAX_TEXT_CHARS = 1 << 20  # below the size from which the linter starts processes of its own
COMMANDS, STDIN = "kubectl", Path("-")  # the skill whose answers are commands; what the linter calls a text without a file


class Workbench:
    """Checks and explains, for many threads: one linter a version of the cluster, all with the same `definitions`."""

    def __init__(self, version: str = "", definitions: Sequence[Path] = (), domain: str = "") -> None:
        self.version, self.definitions, self.domain = version, tuple(definitions), domain or USUAL_DOMAIN
        self._linters: dict[str, Lint] = {}
        self._lock = Lock()

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        """Return what the checks find in a text, as `Service.check` says.

        Raises:
            UserError: the text is too long, or there is no such version or skill.
        """
        if len(text) > MAX_TEXT_CHARS:
            raise UserError("text", f"{len(text):,} characters", f"check at most {MAX_TEXT_CHARS:,} at once")
        name = wish.domain or self.domain
        domain: Any = self._linter(wish.version).domain if name == USUAL_DOMAIN else load_domain(name, wish.version)
        skills = list(domain.skills())
        if wish.skill and wish.skill not in skills:
            raise UserError("task", f"no task {wish.skill[:80]!r}", near(wish.skill[:80], skills) or f"one of {', '.join(skills)}")
        if name == USUAL_DOMAIN and wish.skill == COMMANDS:
            return [row for one in check_commands([text]) for row in _rows(one)]
        if name == USUAL_DOMAIN and wish.skill in ("", skills[0]):
            content = text.encode("utf-8", "surrogatepass")
            rows = [row for one in self._linter(wish.version).files([STDIN], content) for row in _rows(one)]
            return rows if rows or text.strip() else [_skip("", "there is nothing to check")]
        verdict = domain.judge(text, None, wish.skill)
        told: list[Mapping[str, Any]] = [finding_record(finding) for finding in verdict.findings]
        return told if verdict.passed or verdict.failed_on else [*told, _skip("", "no check could look")]

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        """Tell what a kind, a field or a check is, as `Service.explain` says.

        Raises:
            UserError: there is none of that name, or no such version.
        """
        code = name.strip().upper()
        if code in _codes():
            told = explain_check(code)
            about = {"path": code, "version": "", "api_version": "", "kind": "", "type": "check", "required": False, "format": ""}
            return {**about, "description": told["looks_for"], "values": [], "fields": [], "check": told}
        domain = self._linter(version).domain if self.domain == USUAL_DOMAIN else load_domain(self.domain, version)
        if not isinstance(domain, Explains):
            raise UserError("explain", f"the domain {self.domain} has no kinds and fields", "give the code of a check")
        return domain.explain(name)

    def _linter(self, version: str) -> Lint:
        wanted = version or self.version
        with self._lock:
            if wanted not in self._linters:
                self._linters[wanted] = Lint(Asked(wanted, self.definitions))
            return self._linters[wanted]


@cache
def _codes() -> frozenset[str]:
    return frozenset((*(check.code for _, check in every_check()), *(code for name in OTHER_CODES for code in OTHER_CODES.load(name)())))


def _rows(one: Checked) -> list[Mapping[str, Any]]:
    """Return the findings of a document, and why it could not be judged, if so."""
    place = {"document": one.document, "kind": one.kind, "name": one.name}
    found: list[Mapping[str, Any]] = [{**finding_record(finding), **place} for finding in one.told]
    if one.status not in ("skip", "error"):
        return found
    return [*found, {**_skip(one.status, one.reason or "no check could look"), **place, "line": one.line}]


def _skip(status: str, reason: str) -> dict[str, Any]:
    """Return what stands where a finding would: nobody could look, which is no pass."""
    severity = "error" if status == "error" else "skip"
    return {"tier": "", "code": "", "severity": severity, "path": "", "line": 0, "column": 0, "message": reason, "remedy": ""}
