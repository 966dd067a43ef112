"""Does dropping documents that teach little help a student? The same recipe with and without the floor, same seed, tokens and questions.

    python bench/quality_ablation.py [--floors 0 3] [--tokens 1500000] [--count 200] [--workspace /tmp/quality]

A student of 1 M parameters learns from real manifests alone (the reverse road), so that what the filter drops is all that differs. Both are
asked the suite manifest-real; the difference is told with its exact p-value. About eight minutes on two cores.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from kubestill.cli.progress import Shown
from kubestill.ground.records import read_records
from kubestill.ground.store import Store
from kubestill.pipeline.recipe import read_recipe
from kubestill.pipeline.run import run_until
from kubestill.pipeline.scoring import compare_answers
from kubestill.pipeline.surroundings import commit, hardware

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "kubernetes-scratch.toml"
SUITE = "manifest-real"
SETTINGS = (
    "synthesis.procedural=0",
    "synthesis.reverse_variants=8",
    "training.preset=1m",
    "training.dev_samples=0",
    f'evaluation.suites=["{SUITE}"]',
    "evaluation.constrained=false",
)


def student(floor: float, options: argparse.Namespace) -> dict[str, Any]:
    """Train and ask one student; return its score, its answers, and what the filter dropped."""
    chosen = (f"corpus.quality_floor={floor}", f"training.tokens={options.tokens}", f"evaluation.count={options.count}")
    recipe = read_recipe(RECIPE, (*SETTINGS, *chosen))
    shown = Shown()
    try:
        made = {artifact.stage: artifact for artifact in run_until(recipe, Store(options.workspace), shown, "evaluation")}
    finally:
        shown.close()
    score = json.loads((made["evaluation"].path / "scores.json").read_text())[SUITE]
    return {
        "floor": floor,
        "documents": made["corpus"].tally["kept"],
        "dropped": {reason: count for reason, count in made["corpus"].tally["dropped"].items() if reason.startswith("educational")},
        "samples": made["curation"].tally["kept"],
        "score": {name: score[name] for name in ("passed", "total", "low", "high")},
        "records": list(read_records(made["evaluation"].path / f"{SUITE}.jsonl")),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--floors", type=float, nargs=2, default=(0.0, 3.0))
    parser.add_argument("--tokens", type=int, default=1_500_000)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--workspace", type=Path, default=Path("/tmp/quality"))
    options = parser.parse_args()
    students = [student(floor, options) for floor in options.floors]
    compared = compare_answers(*(one.pop("records") for one in students))
    for one in students:
        print(one)
    print(json.dumps({"students": students, "compared": compared, **hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
