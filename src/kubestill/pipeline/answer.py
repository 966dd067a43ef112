"""One checked answer from a model, and scores of a model on a suite: what `ask` and `eval` print."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubestill.domains.api import Document, Domain
from kubestill.ground.progress import Progress
from kubestill.ground.shards import read_shards
from kubestill.ground.store import Store
from kubestill.pipeline.models import Model
from kubestill.pipeline.table import DOMAINS, PARTS
from kubestill.tools.checks.api import Outcome, Verdict
from kubestill.tools.engines.api import Ask, Engine
from kubestill.tools.engines.table import engine_type

MAX_NEW_TOKENS = 768  # as evaluation asks, so that `ask` answers what was measured
SHOWN_FINDINGS = 8
USUAL_DOMAIN = "kubernetes"

Record = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A model's answer with its verdict; `cut` says that the token limit ended it, `notes` what it understood, line by line."""

    text: str
    verdict: Verdict
    cut: bool
    notes: str = ""

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        verdict = self.verdict
        findings = [{"code": f.code, "path": f.path, "message": f.message, "remedy": f.remedy} for f in verdict.findings]
        told = {"answer": self.text, "passed": verdict.passed, "failed_on": verdict.failed_on}
        return {**told, "understood": self.notes.splitlines(), "findings": findings, "cut": self.cut}

    def told(self) -> list[str]:
        """Return the verdict in lines for people."""
        judged = [result for result in self.verdict.results if result.outcome is not Outcome.SKIP]
        counted = f"{len(judged)} checks looked, {len(self.verdict.results) - len(judged)} had nothing to look at"
        outcome = "passed" if self.verdict.passed else f"failed on {self.verdict.failed_on}" if self.verdict.failed_on else "not judged"
        lines = [f"understood: {' · '.join(self.notes.splitlines())}"] if self.notes else []
        lines.append(f"verdict: {outcome} ({counted})")
        for found in self.verdict.findings[:SHOWN_FINDINGS]:
            lines.append(f"  {found.code} {found.path}: {found.message}" + (f". {found.remedy}" if found.remedy else ""))
        if len(self.verdict.findings) > SHOWN_FINDINGS:
            lines.append(f"  and {len(self.verdict.findings) - SHOWN_FINDINGS} more findings")
        return [*lines, "  the answer is cut: it reached the limit of tokens"] if self.cut else lines


def ask_model(model: Model, request: str, domain_name: str = "") -> Answer:
    """Generate one answer greedily and judge it by the domain's checks.

    Raises:
        UserError: the request is longer than the model's context, or there is no such domain.
        Unavailable: the engine's packages are not installed.
    """
    domain: Domain = load_domain(domain_name or model.domain)
    (reply,) = load_engine(model).generate([request], Ask(max_new_tokens=MAX_NEW_TOKENS))
    return Answer(reply.text, domain.judge(reply.text), reply.cut, reply.notes)


def score_model(model: Model, suite: str, store: Store, progress: Progress, count: int | None = None) -> tuple[Record, list[Record]]:
    """Ask the model a suite; return the score and the answers, in the shapes of an artifact of scores.

    Suites that need documents get those of the newest corpus of the workspace.

    Raises:
        UserError: the domain has no such suite.
        Unavailable: the engine's packages are not installed.
    """
    domain: Domain = load_domain(model.domain)
    documents = newest_documents(store)
    given: dict[str, Any] = {"count": count} if count else {}
    questions = PARTS.load("Questions")(suite, documents=documents, **given)
    scored = PARTS.load("evaluate")(load_engine(model), domain, questions, Ask(max_new_tokens=MAX_NEW_TOKENS), progress)
    return scored.score, scored.records


def compare_answers(first: list[Record], second: list[Record]) -> Record:
    """Compare two models by their answers to the same questions: difference, interval, p-value."""
    compared: Record = PARTS.load("compare")(first, second)
    return compared


def load_domain(name: str) -> Any:
    """Return the domain called `name` without options; Kubernetes where no name is known."""
    return DOMAINS.load(name or USUAL_DOMAIN)()


def load_engine(model: Model) -> Engine:
    """Return the engine that answers from a folder of weights."""
    engine: Engine = engine_type("transformers").load(model.folder)
    return engine


def newest_documents(store: Store) -> Sequence[Document]:
    """Return the documents of the corpus that was made last; none where there is none."""
    corpora = [artifact for artifact in store.all() if artifact.kind == "documents"]
    if not corpora:
        return ()
    newest = max(corpora, key=lambda artifact: (artifact.path / "manifest.json").stat().st_mtime)
    return tuple(Document(**record) for record in read_shards(newest.path, "documents"))
