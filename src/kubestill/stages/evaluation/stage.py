"""Evaluation: weights → scores. Every suite is asked freely and under the domain's guide; what could not be asked says why.

A suite's score in `scores.json` is that of free decoding, which belongs to the weights alone; its `constrained` is what a person gets.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from kubestill.domains.api import CONSTRAINED, SUITE_SAMPLES, Document
from kubestill.ground.errors import UserError, near
from kubestill.ground.records import write_records, write_text
from kubestill.ground.settings import read_settings
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Done, How, Inputs, Job, Tally, What
from kubestill.stages.evaluation.asking import Questions, Scored, evaluate, share
from kubestill.stages.evaluation.fleet import Fleet, load_here
from kubestill.tools.engines.api import ANSWER_TOKENS, Ask, Engine

SCORES = "scores.json"
SIMILAR = "similar.json"  # of the mix: the questions of each suite that some training sample is like

Scores = dict[str, dict[str, Any]]


class EvaluationWhat(What):
    """What is asked, and how answers are generated: always greedily, so that a score does not hang on a draw."""

    suites: tuple[str, ...] = ()
    """Suites by name; none named: all of the domain's."""
    count: int = Field(default=SUITE_SAMPLES, ge=1)
    """Questions of each suite (fewer where it has fewer)."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Another number for single suites."""
    constrained: bool = True
    """Ask each suite once more, the domain's guide leading the answers."""
    max_new_tokens: int = Field(default=ANSWER_TOKENS, ge=1)
    """An answer that is not finished by then is judged as it is."""


class EvaluationHow(How):
    """Where the work runs."""

    processes: int = Field(default=0, ge=0)
    """Worker processes, of one thread each; 0: as many as KUBESTILL_PROCESSES or the usable cores allow. 1: this one."""


class Evaluation:
    """The stage."""

    name: ClassVar[str] = "evaluation"
    version: ClassVar[int] = 4
    what: ClassVar[type[What]] = EvaluationWhat
    how: ClassVar[type[How]] = EvaluationHow
    inputs: ClassVar[Inputs] = {"weights": ("training", "tuning"), "documents": "corpus", "mix": "curation"}
    output: ClassVar[str] = "scores"

    def run(self, job: Job) -> Done:
        """Write `<suite>.jsonl`, `<suite>.constrained.jsonl` and `scores.json`; what was finished before a cut is not asked again.

        Raises:
            UserError: a suite that the domain does not have.
        """
        scores = _finished(job.out)
        missing = [name for name in _suites(job) if name not in scores or (job.what.constrained and CONSTRAINED not in scores[name])]
        if missing:
            with ExitStack() as stack:
                engine = _engine(job, stack)
                for name in missing:
                    _score(job, name, engine, scores)
        return Done(_tally(scores), _figures(scores))


def _score(job: Job, name: str, engine: Engine, scores: Scores) -> None:
    """Ask a suite as often as it has not been asked yet, and write what came of it."""
    for constrained in (False, True) if job.what.constrained and job.domain.guide() is not None else (False,):
        if (CONSTRAINED if constrained else "passed") in scores.get(name, {}):
            continue
        scored = _ask(job, Questions(name, job.what.counts.get(name, job.what.count), constrained=constrained), engine)
        scored.score["by_likeness"] = _by_likeness(job, name, scored.records)
        write_records(job.out / f"{name}{f'.{CONSTRAINED}' if constrained else ''}.jsonl", scored.records)
        scores[name] = {**scores[name], CONSTRAINED: scored.score} if constrained else scored.score
        write_text(job.out / SCORES, json.dumps(scores, indent=1) + "\n")


def _by_likeness(job: Job, name: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the shares of questions like one that was trained on, and of the others; curation has found which."""
    path = job.inputs["mix"].path / SIMILAR
    alike = set(json.loads(path.read_text()).get(name, ())) if path.exists() else set()
    parts = {"similar": [one for one in records if one["id"] in alike], "other": [one for one in records if one["id"] not in alike]}
    return {part: share(found) for part, found in parts.items()}


def _suites(job: Job) -> tuple[str, ...]:
    known = job.domain.suites()
    for name in (*job.what.suites, *job.what.counts):
        if name not in known:
            raise UserError("evaluation.suites", f"no such suite: {name!r}", near(name, known) or f"known: {', '.join(known)}")
    return job.what.suites or tuple(sorted(known))


def _finished(out: Path) -> Scores:
    """Return the scores of the suites that an earlier run finished: the score is written after its answers."""
    path = out / SCORES
    found: Scores = json.loads(path.read_text()) if path.exists() else {}
    return found


def _engine(job: Job, stack: ExitStack) -> Engine:
    folder, processes = job.inputs["weights"].path, job.how.processes or read_settings().processes
    if processes > 1:
        return stack.enter_context(Fleet(folder, processes))
    return load_here(folder)


def _ask(job: Job, questions: Questions, engine: Engine) -> Scored:
    if job.domain.suites()[questions.suite].needs_documents:
        documents = tuple(Document(**record) for record in read_shards(job.inputs["documents"].path, "documents"))
        questions = replace(questions, documents=documents)
    return evaluate(engine, job.domain, questions, Ask(max_new_tokens=job.what.max_new_tokens), job.progress)


def _tally(scores: Scores) -> Tally:
    """Count free answers: kept are those that passed in full, the rest goes by the tier that failed."""
    tally = Tally()
    for score in scores.values():
        tally.keep(score["passed"])
        for tier, count in score["failed_on"].items():
            tally.drop(f"failed on {tier}", count)
    return tally


def _figures(scores: Scores) -> dict[str, str]:
    free = {name: _line(score) for name, score in scores.items()}
    return free | {f"{name}, {CONSTRAINED}": _line(score[CONSTRAINED]) for name, score in scores.items() if CONSTRAINED in score}


def _line(score: Mapping[str, Any]) -> str:
    if "skipped" in score:
        return f"skipped: {score['skipped']}"
    total = score["total"]
    return f"{score['passed']}/{total} = {score['passed'] / total:.1%} ({score['low']:.1%}-{score['high']:.1%})"


STAGE = Evaluation()
