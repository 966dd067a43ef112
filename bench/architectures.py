"""What should layers mix tokens by? Full attention, windows and states, at equal parameters and equal time of training on one mix.

    python bench/architectures.py RECIPE [--preset 1m] [--minutes 3] [--seeds 1] [--kinds full sliding linear] [--window 64]
        [--set synthesis.procedural=40000] [--workspace /tmp/architectures]

The time is of the processor: each kind's speed is measured first, in turns, and each gets the tokens that it reads in so many minutes, so
that its rates fall to nothing as all others' do. Answers are free ones, greedy. Kinds are compared with `full` question by question
(McNemar's exact p), seeds together. The last line is JSON.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from kubestill.cli.progress import Shown
from kubestill.ground.intervals import wilson
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job
from kubestill.ground.store import Store
from kubestill.pipeline.recipe import Recipe, read_recipe
from kubestill.pipeline.run import run_until
from kubestill.pipeline.scoring import compare_answers
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.stages.training import forecast, prepare, watch
from kubestill.stages.training.settings import TrainingHow
from kubestill.stages.training.stage import STAGE
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling.load import read_architecture
from kubestill.tools.modeling.presets import CONV, LINEAR, SLIDING, Architecture

FIRST = "full"  # what the others are compared with
WARM_STEPS, STEPS, ROUNDS = 3, 12, 3  # of a measure of speed; the best round counts
CONTEXT = 512  # tokens of which the memory is told
TIMED = 20  # requests that are answered one by one, by the clock of the processor
ELEMENT_BYTES = 4  # of keys, values and states, which transformers' engine keeps in fp32


class Marks(Silent):
    """Tokens and seconds of the processor, step by step."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, float]] = []

    def step(self, done: int, total: int, unit: str, **figures: float | int | str) -> None:  # noqa: ARG002
        """Read the clock."""
        self.marks.append((done, time.process_time()))


def settings(kind: str, seed: int, options: argparse.Namespace) -> list[str]:
    """Return the settings of one student."""
    attention = f'training.attention={{kind="{kind}",full_every={options.full_every},window={options.window}}}'
    chosen = [f"seed={seed}", 'training.base=""', f'training.preset="{options.preset}"', "training.curriculum=0.0", attention]
    return [*chosen, "evaluation.constrained=false", f"evaluation.count={options.count}", "export.formats=[]", *options.set]


def stages(recipe: Recipe, options: argparse.Namespace, last: str) -> dict[str, Artifact]:
    """Run a recipe until a stage; return what it made."""
    shown = Shown()
    try:
        return {artifact.stage: artifact for artifact in run_until(recipe, Store(options.workspace), shown, last)}
    finally:
        shown.close()


def speeds(options: argparse.Namespace) -> dict[str, float]:
    """Return tokens a second of one core for each kind, the best of rounds that take turns."""
    found = dict.fromkeys(options.kinds, 0.0)
    watch.PROGRESS_SECONDS = 0.0  # tell of every step
    forecast.LEAST_SECONDS = float("inf")  # a bench is no measure for plans
    ready = Path(options.workspace) / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir(parents=True)
    prepare.prepare(measured_job(options, FIRST, ready), 1)
    for number in range(ROUNDS):
        for kind in options.kinds:
            out = shutil.copytree(ready, ready.with_name("speed"))
            job = measured_job(options, kind, out)
            STAGE.run(job)
            shutil.rmtree(out)
            assert isinstance(job.progress, Marks)
            (before, begun), (after, ended) = job.progress.marks[WARM_STEPS - 1], job.progress.marks[-1]
            found[kind] = max(found[kind], (after - before) / (ended - begun))
            print(f"round {number + 1}, {kind}: {(after - before) / (ended - begun):,.0f} tokens a second", file=sys.stderr)
    return found


def measured_job(options: argparse.Namespace, kind: str, out: Path) -> Job:
    """Return a training of a few steps in one process."""
    recipe = read_recipe(options.recipe, settings(kind, options.seeds[0], options))
    what = recipe.what["training"]
    what = what.model_copy(update={"tokens": (WARM_STEPS + STEPS) * what.tokens_per_step, "dev_samples": 0})
    mix = stages(recipe, options, "curation")["curation"]
    return Job(what, TrainingHow(processes=1), {"mix": mix}, out, Seed(1), Marks(), recipe.make_domain())


def state_bytes(arch: Architecture, context: int) -> int:
    """Return what an answer must keep of `context` tokens: keys and values, of sliding layers the window's, and states.

    Arithmetic of the architecture: our decoder keeps the keys of sliding layers whole, and each state twice.
    """
    keys = 2 * arch.kv_heads * arch.head_dim
    state = arch.heads * arch.head_dim * arch.head_dim + (CONV - 1) * 3 * arch.heads * arch.head_dim
    found = {LINEAR: state, SLIDING: keys * min(context, arch.window)}
    return ELEMENT_BYTES * sum(found.get(kind, keys * context) for kind in arch.kinds)


def taught(kind: str, seed: int, speed: float, options: argparse.Namespace) -> dict[str, Any]:
    """Teach and ask one student; return its figures, and its answers by suite."""
    tokens = round(speed * 60 * options.minutes)
    recipe = read_recipe(options.recipe, [*settings(kind, seed, options), f"training.tokens={tokens}"])
    made = stages(recipe, options, "evaluation")
    folder = made["training"].path
    answers = {suite: list(read_records(made["evaluation"].path / f"{suite}.jsonl")) for suite in _scores(made)}
    losses = list(read_records(folder / "devloss.jsonl"))
    arch = read_architecture(folder)
    asked = [record["request"] for records in answers.values() for record in records][:TIMED]
    return {
        "tokens": tokens,
        "seconds": made["training"].seconds,
        "parameters": made["training"].figures["parameters"],
        "dev_loss": losses[-1]["loss"] if losses else None,
        "answer_seconds": _answer_seconds(folder, asked, options.max_new_tokens),
        "state_bytes_per_token": state_bytes(arch, CONTEXT) / CONTEXT,
        "answers": answers,
    }


def _scores(made: Mapping[str, Artifact]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made["evaluation"].path / "scores.json").read_text())
    return {suite: score for suite, score in found.items() if "passed" in score}


def _answer_seconds(folder: Path, requests: Sequence[str], limit: int) -> float:
    """Return seconds of the processor of one answer, asked one by one."""
    engine = TransformersEngine.load(folder)
    engine.generate(requests[:1], Ask(max_new_tokens=limit))
    begun = time.process_time()
    for request in requests:
        engine.generate([request], Ask(max_new_tokens=limit))
    return (time.process_time() - begun) / len(requests)


def together(found: Sequence[Mapping[str, Any]], plain: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the figures of a kind over its seeds, compared by suite with those of full attention."""
    told: dict[str, Any] = {name: [one[name] for one in found] for name in ("tokens", "seconds", "dev_loss", "answer_seconds")}
    told |= {name: found[0][name] for name in ("parameters", "state_bytes_per_token")}
    told["suites"] = {}
    for suite in found[0]["answers"]:
        ours, theirs = (
            [{**record, "id": f"{seed}:{record['id']}"} for one, seed in zip(many, seeds, strict=True) for record in one["answers"][suite]]
            for many in (found, plain)
        )
        passed = sum(bool(record["passed"]) for record in ours)
        interval = [round(edge, 4) for edge in wilson(passed, len(ours))]
        against = compare_answers(theirs, ours) if found is not plain else None
        told["suites"][suite] = {"passed": passed, "total": len(ours), "interval": interval, "against": against}
    return told


def show(kind: str, told: Mapping[str, Any], plain: Mapping[str, Any]) -> None:
    """Print the rows of one kind."""
    speed, memory, answer = told["tokens_per_second"], told["state_bytes_per_token"], min(told["answer_seconds"])
    ratios = speed / plain["tokens_per_second"], memory / plain["state_bytes_per_token"], answer / min(plain["answer_seconds"])
    losses = " ".join("-" if loss is None else f"{loss:.3f}" for loss in told["dev_loss"])
    print(f"{kind:<8} {told['parameters']:,} parameters, {speed:,.0f} tokens/s ({ratios[0]:.2f}), dev loss {losses},", end=" ")
    print(f"{answer:.3f} s an answer ({ratios[2]:.2f}), {memory:,.0f} bytes a token of context ({ratios[1]:.2f})")
    for suite, one in told["suites"].items():
        low, high = one["interval"]
        print(f"         {suite}: {one['passed']}/{one['total']} ({low:.1%} to {high:.1%})", one["against"] or "")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--preset", default="1m")
    parser.add_argument("--minutes", type=float, default=3.0, help="of one core")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--kinds", nargs="+", default=[FIRST, "sliding", "linear"], choices=[FIRST, "sliding", "linear"])
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--full-every", type=int, default=4)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--workspace", type=Path, default=Path("/tmp/architectures"))
    options = parser.parse_args()
    options.kinds = [FIRST, *(kind for kind in options.kinds if kind != FIRST)]
    torch.set_num_threads(1)
    measured = speeds(options)
    found = {kind: [taught(kind, seed, measured[kind], options) for seed in options.seeds] for kind in options.kinds}
    told = {kind: {"tokens_per_second": measured[kind], **together(found[kind], found[FIRST], options.seeds)} for kind in options.kinds}
    for kind in options.kinds:
        show(kind, told[kind], told[FIRST])
    given = {name: getattr(options, name) for name in ("preset", "minutes", "seeds", "window", "full_every")}
    print(json.dumps({"bench": "architectures", "recipe": options.recipe.name, **given, "kinds": told, **hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
