"""Checks files as a linter does: what `kubestill check` prints."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kubestill.ground.settings import read_settings
from kubestill.pipeline.lint_files import Unread, contents
from kubestill.pipeline.lint_work import Against, domain_of, judge_contents
from kubestill.pipeline.table import DOMAINS, PULLED
from kubestill.tools.checks.api import Finding, Outcome, Tier, Verdict

SET_OBJECTS = 20_000  # most documents that are held at once, to be judged together: some 300 MB
CLUSTERS = "clusters"  # folder of pulled schemas in the cache
DRY_RUN = "K8S301"  # the code that a cluster's own verdict goes by
PASS, FAIL, SKIP, ERROR = Outcome.PASS.value, Outcome.FAIL.value, Outcome.SKIP.value, Outcome.ERROR.value


@dataclass(frozen=True)
class Ignored:
    """A finding that the settings of a repository ignore, and why."""

    finding: Finding
    reason: str


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
    ignored: tuple[Ignored, ...] = ()
    stranger: bool = False  # no Kubernetes object at all

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
        ignored = [{**_records([one.finding])[0], "reason": one.reason} for one in self.ignored]
        return {**told, "findings": _records(self.findings), **policy, **({"ignored": ignored} if ignored else {})}


_TOLD = ("code", "severity", "path", "line", "column", "message", "remedy")


def _records(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{"tier": found.tier.name.lower(), **{name: getattr(found, name) for name in _TOLD}} for found in findings]


@dataclass(frozen=True)
class Asked:
    """What is asked of manifests.

    A cluster version ("": the usual one), files or folders that define custom resources, sets of policies. `together` judges what
    holds between the objects, too; with `closed` they are all that the cluster will hold. `olds`: files or folders of the objects
    as they are now. `excludes` says which files are left out. `schemas` names a cluster whose schemas were pulled; `cluster` asks
    one for a dry run of what passes. `namespace`: the one that all objects are for, as `kubectl apply --namespace` takes it.
    `namespaces`: those that the cluster has, with those that were pulled ("*" in a name stands for any text); none: nobody knows.
    """

    version: str = ""
    definitions: Sequence[Path] = ()
    policies: Sequence[str] = ()
    together: bool = True
    closed: bool = False
    olds: Sequence[Path] = ()
    excludes: Callable[[str], bool] = lambda _: False
    schemas: str = ""
    cluster: "Cluster | None" = None
    namespace: str = ""
    namespaces: Sequence[str] = ()


@dataclass(frozen=True)
class Cluster:
    """A cluster to ask: the kubeconfig (None: the usual one) and the context ("": its current one)."""

    kubeconfig: Path | None = None
    context: str = ""


class Lint:
    """Checks files; `notes` say afterwards what could not be looked at."""

    def __init__(self, asked: Asked = Asked()) -> None:
        """Learn the definitions, and greet the cluster.

        Raises:
            UserError: there are no schemas of the version; a file of definitions defines nothing; no set of policies is called so;
                no cluster answers; no schemas were pulled of one called so.
        """
        self.asked = asked
        version, pulled, enums, namespaces = "", (), None, ()
        if asked.schemas:
            version, pulled, enums, namespaces = PULLED.load("kubernetes")(read_settings().cache / CLUSTERS, asked.schemas)
        definitions = (*pulled, *contents(asked.definitions, b""))
        self.namespaces = {*asked.namespaces, *namespaces}
        needs_objects = asked.together or bool(asked.olds or asked.namespace or self.namespaces) or asked.cluster is not None
        self.against = Against(asked.version or version, definitions, tuple(asked.policies), needs_objects, enums)
        self.domain = domain_of(self.against)
        if asked.cluster:
            self.domain.use_cluster(asked.cluster.kubeconfig, asked.cluster.context, asked.namespace)
        self.notes: list[str] = []

    def files(self, paths: Sequence[Path], stdin: bytes = b"") -> Iterator[Checked]:
        """Check every document of the files and folders, in their order; "-" stands for `stdin`.

        What cannot be read within a folder comes last, as a skip or an error.

        Raises:
            UserError: a path that is named is not there, is no file, cannot be read or is far too large; a folder holds no manifest.
        """
        unread: list[Unread] = []
        judged = self._judged(paths, stdin, unread)
        return chain(judged, (_unread(one) for one in unread if not self.asked.excludes(one.file)))

    def _judged(self, paths: Sequence[Path], stdin: bytes, unread: list[Unread]) -> Iterator[Checked]:
        olds = [manifest for name, content in contents(self.asked.olds, stdin) for manifest in self.domain.objects(content)]
        wanted = ((name, content) for name, content in contents(paths, stdin, unread) if not self.asked.excludes(name))
        found = map(self.domain.try_on_cluster, judge_contents(wanted, self.against, self.domain))
        if not self.against.sets:
            return map(_checked, found)
        held = list(islice(found, SET_OBJECTS + 1))
        if len(held) <= SET_OBJECTS:
            return (_checked(one, more) for one, more in zip(held, self._between(held, olds), strict=True))
        self.notes.append(f"more than {SET_OBJECTS:,} documents: what holds between them was not judged; check smaller folders for that")
        return map(_checked, chain(held, found))

    def _between(self, held: Sequence[Any], olds: Sequence[Any]) -> list[list[Finding]]:
        """Return for each document what is wrong between it and the others, and between it and what was there before."""
        more: list[list[Finding]] = [[] for _ in held]
        places = [place for place, one in enumerate(held) if one.manifest is not None]
        members = [(held[place].manifest, held[place].file) for place in places]
        if self.asked.together and (len(members) > 1 or self.asked.closed):
            told = self.domain.judge_set(members, self.asked.closed, self.namespaces)
        else:
            told = self.domain.judge_homes(members, self.namespaces) if self.namespaces else []
        manifests = [manifest for manifest, _ in members]
        told += self.domain.judge_places(manifests, self.asked.namespace) if self.asked.namespace else []
        for index, finding in [*told, *self.domain.judge_updates(olds, manifests)]:
            more[places[index]].append(finding)
        return more


def _unread(one: Unread) -> Checked:
    return Checked(one.file, 0, 1, "", "", "", one.status, one.reason, ())


def _checked(found: Any, more: Sequence[Finding] = ()) -> Checked:
    status, reason = _status(found.verdict)
    if status == PASS and any(finding.severity == "error" for finding in more):
        status = FAIL
    place = (found.file, found.document, found.line, found.api_version, found.kind, found.name)
    stranger = any(result.code == "K8S002" for result in found.verdict.results)
    findings = (*found.verdict.findings, *more)
    return Checked(*place, status, reason, findings, _policy(found.policy), found.policy.findings, stranger=stranger)


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
    unseen = next((result for result in verdict.results if result.tier <= Tier.SCHEMA and result.outcome is Outcome.SKIP), None)
    tried = next((result for result in verdict.results if result.code == DRY_RUN), None)
    if unseen is not None and (tried is None or tried.outcome is Outcome.SKIP):
        return SKIP, unseen.reason if tried is None else f"{unseen.reason}, and the cluster: {tried.reason}"
    if tried is not None and tried.outcome is Outcome.SKIP:
        return SKIP, f"passed here; the cluster: {tried.reason}"
    return (PASS, "") if verdict.passed else (SKIP, "no check could look")
