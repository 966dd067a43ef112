"""Scores of a model on a suite, freely and under the domain's guide, and the comparison of two: what `eval` prints."""

from collections.abc import Sequence
from typing import Any

from kubestill.domains.api import CONSTRAINED, Document, Domain
from kubestill.ground.progress import Progress
from kubestill.ground.shards import read_shards
from kubestill.ground.store import Store
from kubestill.pipeline.models import Model, load_domain, load_engine
from kubestill.pipeline.table import PARTS
from kubestill.tools.engines.api import ANSWER_TOKENS, Ask

Record = dict[str, Any]
FREE = "free"


def score_model(
    model: Model, suite: str, store: Store, progress: Progress, count: int | None = None
) -> dict[str, tuple[Record, list[Record]]]:
    """Ask the model a suite; return for each way of decoding the score and the answers, in the shapes of an artifact of scores.

    Suites that need documents get those of the newest corpus of the workspace.

    Raises:
        UserError: the domain has no such suite.
        Unavailable: the engine's packages are not installed.
    """
    domain: Domain = load_domain(model.domain)
    given: dict[str, Any] = {"documents": newest_documents(store), **({"count": count} if count else {})}
    engine, evaluate, questions = load_engine(model), PARTS.load("evaluate"), PARTS.load("Questions")
    found = {}
    for way in (FREE, CONSTRAINED):
        asked = questions(suite, constrained=way == CONSTRAINED, **given)
        scored = evaluate(engine, domain, asked, Ask(max_new_tokens=ANSWER_TOKENS), progress)
        found[way] = scored.score, scored.records
    return found


def compare_answers(first: list[Record], second: list[Record]) -> Record:
    """Compare two models by their answers to the same questions: difference, interval, p-value."""
    compared: Record = PARTS.load("compare")(first, second)
    return compared


def newest_documents(store: Store) -> Sequence[Document]:
    """Return the documents of the corpus that was made last; none where there is none."""
    corpora = [artifact for artifact in store.all() if artifact.kind == "documents"]
    if not corpora:
        return ()
    newest = max(corpora, key=lambda artifact: (artifact.path / "manifest.json").stat().st_mtime)
    return tuple(Document(**record) for record in read_shards(newest.path, "documents"))
