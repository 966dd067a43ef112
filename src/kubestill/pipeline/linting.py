"""Checks files as a linter does: what `kubestill check` prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.pipeline.table import DOMAINS
from kubestill.tools.checks.api import Finding, Outcome, Tier, Verdict

PATTERNS = ("*.yaml", "*.yml", "*.json")
FILE_BYTES = 64 * 2**20  # a larger file is no manifest; etcd takes no object above 1.5 MiB
PASS, FAIL, SKIP, ERROR = Outcome.PASS.value, Outcome.FAIL.value, Outcome.SKIP.value, Outcome.ERROR.value


@dataclass(frozen=True)
class Checked:
    """One document of a file: what it is, how it fared, and why.

    `policy` is apart from `status`: pass or fail where policies were asked of a valid object, else empty.
    """

    file: str
    document: int
    line: int
    api_version: str
    kind: str
    name: str
    status: str  # pass | fail | skip | error
    reason: str  # of a skip or an error
    findings: tuple[Finding, ...]
    policy: str = ""
    policy_findings: tuple[Finding, ...] = ()

    @property
    def told(self) -> tuple[Finding, ...]:
        """All findings, those of validity first."""
        return (*self.findings, *self.policy_findings)

    @property
    def title(self) -> str:
        """`Deployment/web`, or where it stands when it says no kind."""
        return f"{self.kind}/{self.name}" if self.kind else f"document {self.document}"

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        told = {name: getattr(self, name) for name in ("file", "document", "line", "api_version", "kind", "name", "status", "reason")}
        policy = {"policy": {"status": self.policy, "findings": _records(self.policy_findings)}} if self.policy else {}
        return {**told, "findings": _records(self.findings), **policy}


_TOLD = ("code", "severity", "path", "line", "column", "message", "remedy")


def _records(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{"tier": found.tier.name.lower(), **{name: getattr(found, name) for name in _TOLD}} for found in findings]


@dataclass(frozen=True)
class Against:
    """What manifests are checked against.

    A cluster version ("": the usual one), files or folders that define custom resources, and sets of policies.
    """

    version: str = ""
    definitions: Sequence[Path] = ()
    policies: Sequence[str] = ()


def check_files(paths: Sequence[Path], stdin: bytes = b"", against: Against = Against()) -> list[Checked]:
    """Check every document of the files and folders; "-" stands for `stdin`.

    Raises:
        UserError: a path is not there, cannot be read or is far too large; a folder holds no manifest; there are no schemas of the
            version; a file of definitions defines nothing; no set of policies is called so.
    """
    factory = DOMAINS.load("kubernetes")
    domain = factory(against.version) if against.version else factory()
    if against.definitions:
        domain.learn_definitions(_contents(against.definitions, b""))
    domain.ask_policies(against.policies)
    checked = []
    for name, content in _contents(paths, stdin):
        for found in domain.check_text(content, name):
            status, reason = _status(found.verdict)
            place = (found.file, found.document, found.line, found.api_version, found.kind, found.name)
            policy = _policy(found.policy)
            checked.append(Checked(*place, status, reason, found.verdict.findings, policy, found.policy.findings))
    return checked


def check_commands(commands: Sequence[str]) -> list[Checked]:
    """Check kubectl commands, each a text as typed in a shell; `name` says what one would do to the cluster."""
    domain = DOMAINS.load("kubernetes")()
    checked = []
    for number, text in enumerate(commands):
        effect, verdict = domain.check_command(text)
        status, reason = _status(verdict)
        checked.append(Checked("<command>", number, 1, "", "kubectl", effect, status, reason, verdict.findings))
    return checked


def _policy(verdict: Verdict) -> str:
    if not verdict.results:
        return ""
    return FAIL if verdict.failed_on else PASS if verdict.passed else SKIP


def _status(verdict: Verdict) -> tuple[str, str]:
    """Return the outcome of a document and its reason. Without a schema nobody could look, which is no pass."""
    broken = next((result for result in verdict.results if result.outcome is Outcome.ERROR), None)
    if any(result.outcome is Outcome.FAIL for result in verdict.results):
        return FAIL, ""
    if broken is not None:
        return ERROR, f"{broken.code}: {broken.reason}"
    unseen = next((result for result in verdict.results if result.tier is Tier.SCHEMA and result.outcome is Outcome.SKIP), None)
    if unseen is not None:
        return SKIP, unseen.reason
    return (PASS, "") if verdict.passed else (SKIP, "no check could look")


def _contents(paths: Sequence[Path], stdin: bytes) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if str(path) == "-":
            yield "<stdin>", stdin
            continue
        if not path.exists():
            raise UserError(str(path), "no such file or folder", "give manifests, folders of them, or - for standard input")
        files = sorted({file for pattern in PATTERNS for file in path.rglob(pattern) if file.is_file()}) if path.is_dir() else [path]
        if not files:
            raise UserError(str(path), f"holds no {', '.join(PATTERNS)}", "name the files themselves")
        for file in files:
            yield str(file), _read(file)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > FILE_BYTES:
            raise UserError(str(file), f"is larger than {FILE_BYTES // 2**20} MiB", "this is no manifest; leave it out")
        return file.read_bytes()
    except PermissionError as error:
        raise UserError(str(file), "cannot be read", "mend its permissions or leave it out") from error
