"""Collects what a finished run has to tell into one JSON-able dict: `report.json`, which report.md and report.html render.

The shape (every key is always present; lists may be empty; numbers are int or float, never strings)::

    {
      "name": str,                      # the recipe's name
      "recipe": str,                    # the resolved recipe, TOML text
      "seed": int,
      "domain": str,                    # "kubernetes"
      "created": str,                   # ISO 8601, UTC, second precision
      "commit": str,                    # git commit of the working tree ("" outside git), "+" appended when it was dirty
      "versions": {package: version},   # kubestill, python, torch, transformers, ...; only what is installed
      "hardware": {"cpu": str, "cores": int, "memory_bytes": int, "accelerator": str},   # accelerator "" on a CPU
      "seconds_total": float,           # what building every stage below cost, also those that this run found built
      "seconds_run": float,             # what this run itself took
      "peak_memory_bytes": int,         # the largest of the stages, children included
      "stages": [{                      # in the order of the pipeline table
          "name": str,                  # "training"
          "artifact": str,              # "weights/training-77ab02c41d9e"
          "seconds": float,
          "peak_memory_bytes": int,
          "reused": bool,               # True: an earlier run had made it
          "tally": {"came": int, "kept": int, "dropped": {reason: int}},
          "figures": {str: Any},        # whatever the stage reported, from its manifest
      }],
      "river": [{"stage": str, "came": int, "kept": int, "dropped": {reason: int}}],     # stages that counted anything
      "suites": {name: {                # from scores.json, word for word
          "passed": int, "total": int, "low": float, "high": float,                      # Wilson 95 % bounds, shares 0..1
          "by_kind": {kind: {"passed": int, "total": int, "low": float, "high": float}},
          "failed_on": {tier: int},     # form | syntax | schema | rules | policy | intent -> answers
          "skipped": str,               # only where the suite could not be asked: why (then total is 0)
          "tokens_mean": float, "forced_share": float, "seconds": float,
          "constrained": {...},         # the same figures under the domain's guide; {} where it was not asked so
      }},
      "curve": [{"step": int, "tokens": int, "loss": float, "learning_rate": float, "tokens_per_second": float,
                 "seconds": float}],    # weights/curve.jsonl, thinned to at most 2,000 rows
      "fullpass": [{"step": int, "tokens": int, "seconds": float, "passed": int, "total": int}],   # weights/fullpass.jsonl
      "factors": [{"interval": int, "tokens": int, "sampling": str, "clipped": [str], "unmeasured": [str],
                   "domains": {name: {"student": float | None, "teacher": float | None, "ratio": float | None, "factor": float,
                                      "share": float, "passes": float}}}],   # weights/factors.jsonl: where domains are weighed
      "answers": [{                     # 20 (fewer where there are fewer), dealt over suites, passed and failed
          "suite": str, "kind": str, "request": str, "expected": str, "answer": str,
          "passed": bool, "failed_on": str,                # "" when passed
          "findings": [{"code": str, "path": str, "message": str}],
      }],
    }
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubestill.domains.api import CONSTRAINED
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records
from kubestill.pipeline.recipe import Recipe
from kubestill.pipeline.surroundings import commit, hardware, versions

CURVE_ROWS = 2_000
ANSWERS = 20


@dataclass(frozen=True)
class Outcome:
    """What the runner knows once every stage stands."""

    recipe: Recipe
    artifacts: Mapping[str, Artifact]  # by stage, in the order of the work
    reused: frozenset[str]  # the stages that an earlier run had built
    seconds_run: float


def collect(outcome: Outcome) -> dict[str, Any]:
    """Gather the report of a finished run; the shape is told at the top of this file."""
    recipe, artifacts = outcome.recipe, outcome.artifacts
    return {
        "name": recipe.name,
        "recipe": recipe.text,
        "seed": recipe.seed,
        "domain": recipe.domain.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "hardware": hardware(),
        "seconds_total": sum(artifact.seconds for artifact in artifacts.values()),
        "seconds_run": outcome.seconds_run,
        "peak_memory_bytes": max((artifact.peak_memory_bytes for artifact in artifacts.values()), default=0),
        **gather(artifacts, outcome.reused),
    }


def gather(artifacts: Mapping[str, Artifact], reused: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the part of a report that whole artifacts tell by themselves, though the run may not be finished."""
    stages = [_stage(artifact, artifact.stage in reused) for artifact in artifacts.values()]
    of_kind = {artifact.kind: artifact.path for artifact in artifacts.values()}
    scores, weights = of_kind.get("scores"), of_kind.get("weights")
    return {
        "stages": stages,
        "river": [{"stage": stage["name"], **stage["tally"]} for stage in stages if stage["tally"]["came"]],
        "suites": _suites(scores) if scores else {},
        "curve": thinned(_records(weights, "curve.jsonl"), CURVE_ROWS),
        "fullpass": _records(weights, "fullpass.jsonl"),
        "factors": _records(artifacts["training"].path, "factors.jsonl") if "training" in artifacts else [],
        "answers": pick_answers(scores, ANSWERS) if scores else [],
    }


def _suites(scores: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((scores / "scores.json").read_text())
    return {name: {CONSTRAINED: {}, **score} for name, score in found.items()}


def _stage(artifact: Artifact, reused: bool) -> dict[str, Any]:
    return {
        "name": artifact.stage,
        "artifact": artifact.name,
        "seconds": artifact.seconds,
        "peak_memory_bytes": artifact.peak_memory_bytes,
        "reused": reused,
        "tally": artifact.tally,
        "figures": artifact.figures,
    }


def _records(folder: Path | None, name: str) -> list[dict[str, Any]]:
    return list(read_records(folder / name)) if folder is not None and (folder / name).exists() else []


def thinned(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return at most `most` of the rows, evenly spaced, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    if most == 1:
        return [rows[-1]]
    return [rows[round(place * (len(rows) - 1) / (most - 1))] for place in range(most)]


def pick_answers(scores: Path, count: int) -> list[dict[str, Any]]:
    """Deal `count` free answers over the suites, half of them failed where there are as many, evenly spaced in each."""
    files = sorted(file for file in scores.glob("*.jsonl") if not file.stem.endswith(f".{CONSTRAINED}"))
    picked: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        share = (count - len(picked)) // (len(files) - number)
        rows = list(read_records(file))
        failed, passed = [row for row in rows if not row["passed"]], [row for row in rows if row["passed"]]
        num_failed = min(len(failed), max(share // 2, share - len(passed)))
        chosen = thinned(failed, num_failed) if num_failed else []
        if share > num_failed:
            chosen += thinned(passed, share - num_failed)
        picked += [_answer(file.stem, row) for row in chosen]
    return picked


def _answer(suite: str, row: Mapping[str, Any]) -> dict[str, Any]:
    told = ("kind", "request", "expected", "answer", "passed", "failed_on", "findings")
    return {"suite": suite, **{name: row[name] for name in told}}
