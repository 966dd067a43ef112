"""Which way of teaching helps a small student? The same mix, tokens, size and seeds, taught in several ways by one teacher.

    python bench/teaching_methods.py RECIPE TEACHER [--base FOLDER | --preset 1m] [--tokens 2000000] [--seeds 1 2] [--methods sft kd ...]
        [--set synthesis.procedural=40000] [--workspace /tmp/teaching]

TEACHER is a packaged student or a folder. The student begins at BASE, which reads the teacher's words, or from nothing. `sft` is
distillation of weight nought, so that all of them read the same tokens of the same captured mix. Each way is compared with sft question by
question (McNemar's exact p), seeds together.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubestill.cli.progress import Shown
from kubestill.ground.records import read_records
from kubestill.ground.store import Store
from kubestill.pipeline.recipe import read_recipe
from kubestill.pipeline.run import run_until
from kubestill.pipeline.scoring import compare_answers
from kubestill.pipeline.surroundings import commit, hardware

FIRST = "sft"  # what the others are compared with
METHODS: Mapping[str, tuple[str, ...]] = {
    FIRST: ('training.objective="distill"', "training.distill.weight=0"),
    "kd": ('training.objective="distill"',),
    "kd-alone": ('training.objective="distill"', "training.distill.ce=0", "training.distill.weight=1"),
    "kd-equal": ('training.objective="distill"', 'training.domains.by="skill"', 'training.domains.sampling="equal"'),
    "kd-ddk": ('training.objective="distill"', 'training.domains.by="skill"', 'training.domains.sampling="ddk"'),
    "gkd": ('training.objective="gkd"',),
    "sft+dpo": ('training.objective="distill"', "training.distill.weight=0", 'tuning.objective="dpo"', "tuning.tokens=300000"),
    "sft+grpo": ('training.objective="distill"', "training.distill.weight=0", 'tuning.objective="grpo"', "tuning.tokens=300000"),
}


def taught(method: str, seed: int, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Teach and ask one student; return by suite its score and answers."""
    chosen = [
        f"seed={seed}",
        f'training.base="{options.base}"',
        f'training.preset="{options.preset}"',
        f"training.tokens={options.tokens}",
        "training.curriculum=0.0",
        "training.dev_samples=0",
        f'training.gkd.teacher="{options.teacher}"',
        f'training.domains.teacher="{options.teacher if method == "kd-ddk" else ""}"',
        "evaluation.constrained=false",
        f"evaluation.count={options.count}",
    ]
    settings = [*chosen, *METHODS[method], *options.set]
    if method != "gkd":
        training = read_recipe(options.recipe, settings).what["training"]
        settings += [f'capture.teacher="{options.teacher}"', *_alike(training)]
    recipe = read_recipe(options.recipe, settings)
    shown = Shown()
    try:
        made = {artifact.stage: artifact for artifact in run_until(recipe, Store(options.workspace), shown, "evaluation")}
    finally:
        shown.close()
    scores = json.loads((made["evaluation"].path / "scores.json").read_text())
    kept = ("passed", "total", "low", "high")
    return {
        suite: {
            "score": {name: score[name] for name in kept},
            "records": list(read_records(made["evaluation"].path / f"{suite}.jsonl")),
            "seconds": made["training"].seconds,
        }
        for suite, score in scores.items()
    }


def _alike(training: Any) -> list[str]:
    """Return the settings that let capture see what training sees."""
    return [f"capture.{name}={getattr(training, name)}" for name in ("max_tokens", "answers", "hidden")]


def compared(method: str, found: Mapping[tuple[str, int], dict[str, dict[str, Any]]], options: argparse.Namespace) -> dict[str, Any]:
    """Return by suite the passes of a way of teaching, all seeds together, and how they compare with FIRST's."""
    told = {}
    for suite in found[method, options.seeds[0]]:
        ours, theirs = (
            [record for seed in options.seeds for record in _seeded(found[name, seed][suite], seed)] for name in (method, FIRST)
        )
        passed = sum(found[method, seed][suite]["score"]["passed"] for seed in options.seeds)
        told[suite] = {
            "passed": passed,
            "total": len(ours),
            "by_seed": [found[method, seed][suite]["score"] for seed in options.seeds],
            "against": compare_answers(theirs, ours) if method != FIRST and ours else None,  # a suite may have no questions
        }
    return told


def _seeded(scored: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    return [{**record, "id": f"{seed}:{record['id']}"} for record in scored["records"]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("teacher")
    parser.add_argument("--base", default="", help="a student whose tokenizer and chat.json are the teacher's")
    parser.add_argument("--preset", default="1m")
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--workspace", type=Path, default=Path("/tmp/teaching"))
    options = parser.parse_args()
    options.methods = [FIRST, *(method for method in options.methods if method != FIRST)]
    found = {(method, seed): taught(method, seed, options) for seed in options.seeds for method in options.methods}
    told = {method: compared(method, found, options) for method in options.methods}
    for method, suites in told.items():
        for suite, one in suites.items():
            print(f"{method:<10} {suite:<22} {one['passed']}/{one['total']}", one["against"] or "")
    print(json.dumps({"bench": "teaching_methods", "teacher": options.teacher, "methods": told, **hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
