"""Ask a model the questions of a suite and judge every answer. The stage and `kubestill eval` both come here.

Free decoding tells what the weights know. Constrained decoding tells what a person gets: the domain's guide leads every answer.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubestill.domains.api import CONSTRAINED, SUITE_SAMPLES, SUITE_SEED, Document, Domain, Sample
from kubestill.ground.errors import UserError, near
from kubestill.ground.intervals import mcnemar_exact, paired_difference, wilson
from kubestill.ground.progress import Progress, Silent
from kubestill.ground.seeds import Seed
from kubestill.tools.engines.api import Ask, Engine, Reply, TooLong
from kubestill.tools.grammar.api import Guide, TooComplex

ASKED_AT_ONCE = 256  # requests handed to the engine between two lines of progress; it sorts and batches them as it likes
# Ways to fail that are no tier: no answer fits the context; none can be led to its end; no check could look.
TOO_LONG, TOO_COMPLEX, UNJUDGED = "context", "grammar", "unjudged"
FINDINGS_KEPT = 8  # of one answer, in the records

Record = dict[str, Any]


@dataclass(frozen=True)
class Questions:
    """Which questions: a suite, how many of it, and what it may need; with `constrained` the domain's guide leads the answers."""

    suite: str
    count: int = SUITE_SAMPLES
    seed: Seed = SUITE_SEED
    documents: Sequence[Document] = ()
    constrained: bool = False


@dataclass
class Scored:
    """The answers, one record each, and their score; `score["skipped"]` says why nothing was asked."""

    records: list[Record] = field(default_factory=list)
    score: Record = field(default_factory=dict)


def evaluate(engine: Engine, domain: Domain, questions: Questions, ask: Ask, progress: Progress | None = None) -> Scored:
    """Ask, judge, count.

    Raises:
        UserError: the domain has no such suite, or the engine refuses whatever is asked.
    """
    suites = domain.suites()
    if questions.suite not in suites:
        mend = near(questions.suite, suites) or f"known: {', '.join(sorted(suites))}"
        raise UserError("suite", f"{domain.name} has no suite {questions.suite!r}", mend)
    suite = suites[questions.suite]
    samples = suite.samples(questions.documents, questions.count, questions.seed)
    if not samples:
        return Scored([], skipped("no held-out documents: give sources" if suite.needs_documents else "the suite gave no questions"))
    guide = domain.guide() if questions.constrained else None
    started, records = time.monotonic(), list[Record]()
    for first in range(0, len(samples), ASKED_AT_ONCE):
        some = samples[first : first + ASKED_AT_ONCE]
        replies = answers(engine, [sample.request for sample in some], ask, guide)
        records.extend(judged(domain, sample, reply) for sample, reply in zip(some, replies, strict=True))
        passed = sum(record["passed"] for record in records)
        (progress or Silent()).step(
            len(records), len(samples), f"{CONSTRAINED if questions.constrained else 'free'} answers of {questions.suite}", passed=passed
        )
    return Scored(records, score_of(records, time.monotonic() - started))


def answers(engine: Engine, requests: Sequence[str], ask: Ask, guide: Guide | None = None) -> list[Reply | TooLong | TooComplex]:
    """Return a reply to each request, led by the guide, or why this one alone has none: what hinders all of them is raised."""
    try:
        return list(engine.generate(requests, ask, [guide] * len(requests)))
    except (TooLong, TooComplex) as error:
        if len(requests) == 1:
            return [error]
        return [reply for request in requests for reply in answers(engine, [request], ask, guide)]


def judged(domain: Domain, sample: Sample, reply: Reply | TooLong | TooComplex) -> Record:
    """Return the record of one answer."""
    asked = {"id": sample.id, "kind": sample.kind, "request": sample.request, "expected": sample.answer}
    if isinstance(reply, TooLong | TooComplex):
        failed = TOO_LONG if isinstance(reply, TooLong) else TOO_COMPLEX
        finding = {"code": failed, "path": "", "message": str(reply)}
        return {
            **asked,
            "answer": "",
            "passed": False,
            "failed_on": failed,
            "findings": [finding],
            "tokens": 0,
            "forced": 0,
            "cut": False,
        }
    verdict = domain.judge(reply.text, sample.intents, sample.skill)
    findings = [{"code": f.code, "path": f.path, "message": f.message} for f in verdict.findings[:FINDINGS_KEPT]]
    return {
        **asked,
        "answer": reply.text,
        "passed": verdict.passed,
        "failed_on": "" if verdict.passed else verdict.failed_on or UNJUDGED,
        "findings": findings,
        "tokens": reply.tokens,
        "forced": reply.forced,
        "cut": reply.cut,
    }


def score_of(records: Sequence[Record], seconds: float) -> Record:
    """Return the score of a suite's records, in the shape of scores.json."""
    failed_on: dict[str, int] = {}
    for record in records:
        if not record["passed"]:
            failed_on[record["failed_on"]] = failed_on.get(record["failed_on"], 0) + 1
    kinds, tokens = sorted({record["kind"] for record in records}), sum(record["tokens"] for record in records)
    return {
        **share(records),
        "by_kind": {kind: share([record for record in records if record["kind"] == kind]) for kind in kinds},
        "failed_on": dict(sorted(failed_on.items())),
        "cut": sum(record["cut"] for record in records),
        "tokens_mean": round(tokens / max(1, len(records)), 1),
        "forced_share": round(sum(record["forced"] for record in records) / max(1, tokens), 4),
        "seconds": round(seconds, 3),
    }


def share(records: Sequence[Mapping[str, Any]]) -> Record:
    """Return how many passed, of how many, with the bounds of the 95 % interval."""
    passed = sum(record["passed"] for record in records)
    low, high = wilson(passed, len(records))
    return {"passed": passed, "total": len(records), "low": round(low, 4), "high": round(high, 4)}


def skipped(reason: str) -> Record:
    """Return the score of a suite that could not be asked."""
    return {**score_of([], 0.0), "skipped": reason}


def compare(first: Iterable[Record], second: Iterable[Record]) -> Record:
    """Compare two models on the questions that both were asked: difference (second minus first), interval, p-value.

    Raises:
        UserError: they share no question.
    """
    one, two = ({record["id"]: bool(record["passed"]) for record in records} for records in (first, second))
    both = sorted(one.keys() & two.keys())
    if not both:
        raise UserError("compare", "the two score sets share no question", "evaluate both models on the same suite and seed")
    only_first = sum(one[name] and not two[name] for name in both)
    only_second = sum(two[name] and not one[name] for name in both)
    difference, low, high = paired_difference(only_first, only_second, len(both))
    return {
        "total": len(both),
        "first": sum(one[name] for name in both),
        "second": sum(two[name] for name in both),
        "only_first": only_first,
        "only_second": only_second,
        "difference": round(difference, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "p_value": mcnemar_exact(only_first, only_second),
    }
