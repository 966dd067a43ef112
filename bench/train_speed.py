"""Training tokens a second beside other trainers: same start weights, samples, token ids, labels and bf16, in one run.

Run: pip install -e '.[bench]' && python bench/train_speed.py [--preset 4m] [--steps 40] [--step-tokens 2048] [--rounds 3]
     [--peers trl litgpt plain] [--litgpt-python DIR/bin/python]
Ours runs as the stage does (Muon, one process a core); bench/peers/training.py says how the others do. litgpt wants versions beside which
ours cannot be installed, so it may have an environment of its own; a peer that cannot run is left out, with the reason. Rounds go through
all of them in turn, each beginning with another, and medians are told, so that other work on the machine meets all alike; tokens are real
ones, padding left out. Processor time is told beside wall time, for busy machines. Shares of the peak count the products that the lessons
need, the head at labels alone, for each alike; ours with Muon's, and without. The last line is JSON.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from kubestill.domains.api import TRAIN, Drop
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.records import read_records, write_records
from kubestill.ground.seeds import Seed
from kubestill.ground.settings import usable_cores
from kubestill.ground.stage import Job
from kubestill.pipeline.table import DOMAINS
from kubestill.stages.training import forecast, prepare, watch
from kubestill.stages.training.settings import TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.memory import flops_per_token, muon_flops
from kubestill.tools.modeling.presets import Architecture

SEED = Seed(11)
SAMPLES = 3_000
WARM_STEPS = 3  # of each run, left out
PEERS = Path(__file__).parent / "peers" / "training.py"
OURS, LITGPT = "kubestill", "litgpt"
NAMES = ("trl", LITGPT, "plain")


@dataclass(frozen=True)
class Rate:
    """Tokens a second of the clock and of the processor, and the first step's loss."""

    wall: float
    processor: float
    first_loss: float


@dataclass(frozen=True)
class Lessons:
    """What all learn from: where it lies, how it is trained, the student's numbers, and means over the lessons."""

    place: Path
    options: argparse.Namespace
    arch: Architecture
    parameters: int
    mean_tokens: float
    labelled: float


class Clocks(Silent):
    """Tokens, wall and processor seconds of ours, as often as the stage tells its progress."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, float, float]] = []

    def step(self, done: int, total: int, unit: str, **figures: float | int | str) -> None:  # noqa: ARG002
        """Read the clocks of this process and of those that it started."""
        processor = time.process_time() + sum(_ticks(child.pid) for child in multiprocessing.active_children())
        self.marks.append((done, time.monotonic(), processor))


def _ticks(pid: int | None) -> float:
    """Processor seconds of a living process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="4m")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--step-tokens", type=int, default=2_048, help="of a step; the packaged students had 4,096")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--domain", default="kubernetes")
    parser.add_argument("--peers", nargs="+", choices=NAMES, default=list(NAMES), help="bench/peers/training.py says what they are")
    parser.add_argument("--python", default=sys.executable, help="of an environment where the peers are installed")
    parser.add_argument("--litgpt-python", help="the same for litgpt")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        lessons = _lessons(Path(place), options)
        figures = _figures(lessons, _rounds(lessons))
    _tell(figures)
    print(json.dumps(figures))


def _tell(figures: Mapping[str, Any]) -> None:
    """Print for people."""
    print(f"measured bf16 matmul peak: {figures['peak_gflops']:,.0f} GFLOP/s, {figures['processes']} cores")
    for name, found in figures["trainers"].items():
        shares = f"{found['peak_share']:.0%} of the peak, {found['peak_share_cpu']:.0%} by processor time"
        line = f"{name:<10} {found['wall']:>7,.0f} tokens/s, {found['cpu']:>6,.0f} a processor second; {shares}"
        print(line + (f"; ours {found['ratio']} times, {found['ratio_cpu']} by processor time" if name != OURS else ""))
    print(f"ours without Muon's products: {figures['peak_share_without_muon']:.0%} of the peak")
    for name, reason in figures["left_out"].items():
        print(f"{name:<10} left out: {reason}")


def _lessons(place: Path, options: argparse.Namespace) -> Lessons:
    """Draw and encode samples, and lay them and the start weights where every trainer finds them."""
    job = _job(place, options, _drawn(place, options))
    prepare.prepare(job, 1)
    encoded = Encoded.load(job.out / ENCODED)
    body, flat = prepare.prepare_weights(job)
    layout = body.layout
    assert isinstance(layout, Layout)
    body.save(shutil.copytree(job.out, place / "start", ignore=shutil.ignore_patterns(ENCODED)), flat, (0, 3))
    np.savez(place / "lessons.npz", ids=encoded.ids, ends=encoded.ends, starts=encoded.starts)
    labelled = float(encoded.labels.sum() / encoded.lengths.sum())
    return Lessons(place, options, layout.arch, layout.total, float(encoded.lengths.mean()), labelled)


def _rounds(lessons: Lessons) -> list[dict[str, Rate | str]]:
    """Run every trainer once a round, each round beginning with another; one that cannot run is the reason why."""
    names = [OURS, *lessons.options.peers]
    rounds: list[dict[str, Rate | str]] = []
    for number in range(lessons.options.rounds):
        turn = number % len(names)
        found = {name: _ours(lessons, number) if name == OURS else _theirs(lessons, name) for name in names[turn:] + names[:turn]}
        names = [name for name in names if isinstance(found[name], Rate)]
        rounds.append(found)
        told = (f"{name} {rate.wall:,.0f} ({rate.processor:,.0f})" for name, rate in found.items() if isinstance(rate, Rate))
        print(f"round {number + 1}, tokens a second (of the processor): {', '.join(told)}", file=sys.stderr)
    return rounds


def _figures(lessons: Lessons, rounds: list[dict[str, Rate | str]]) -> dict[str, Any]:
    peak, cores = _peak(), usable_cores()
    needed = flops_per_token(lessons.arch, int(lessons.mean_tokens), lessons.labelled)
    muon = muon_flops(lessons.arch) / lessons.options.step_tokens
    whole = [{name: rate for name, rate in each.items() if isinstance(rate, Rate)} for each in rounds]
    trainers = {}
    for name in whole[-1]:
        wall, cpu = (median(getattr(each[name], clock) for each in whole) for clock in ("wall", "processor"))
        flops = (needed + muon * (name == OURS)) / 1e9
        trainers[name] = {
            "wall": round(wall, 1),
            "cpu": round(cpu, 1),
            "ratio": round(median(each[OURS].wall / each[name].wall for each in whole), 2),
            "ratio_cpu": round(median(each[OURS].processor / each[name].processor for each in whole), 2),
            "peak_share": round(wall * flops / (peak * cores), 3),
            "peak_share_cpu": round(cpu * flops / peak, 3),
            "first_loss": whole[-1][name].first_loss,
            "rounds": [round(each[name].wall, 1) for each in whole],
        }
    return {
        "bench": "train_speed",
        "preset": lessons.options.preset,
        "step_tokens": lessons.options.step_tokens,
        "parameters": lessons.parameters,
        "trainers": trainers,
        "left_out": {name: why for each in rounds for name, why in each.items() if isinstance(why, str)},
        "peak_gflops": round(peak * cores, 1),
        "peak_share_without_muon": round(trainers[OURS]["wall"] * needed / 1e9 / (peak * cores), 3),
        "processes": cores,
        "labelled_share": round(lessons.labelled, 3),
        "mean_tokens": round(lessons.mean_tokens, 1),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "commit": _commit(),
    }


def _drawn(place: Path, options: argparse.Namespace) -> Any:
    """Write a mix of the domain's own samples; return the domain."""
    domain = DOMAINS.load(options.domain)()
    skills = list(domain.skills().values())
    drawn = (skills[number % len(skills)].draw(SEED.rng("sample", number), TRAIN) for number in range(SAMPLES))
    write_records(place / "mix" / "train-00000.jsonl", (sample.to_record() for sample in drawn if not isinstance(sample, Drop)))
    return domain


def _job(place: Path, options: argparse.Namespace, domain: Any, name: str = "out") -> Job:
    out = place / name
    out.mkdir(exist_ok=True)
    tokens = (options.steps + WARM_STEPS) * options.step_tokens
    what = TrainingWhat(preset=options.preset, tokens=tokens, tokens_per_step=options.step_tokens, max_tokens=384, dev_samples=0)
    return Job(what, TrainingHow(device="cpu"), {"mix": Artifact("mix", "", "curation", place / "mix")}, out, SEED, Clocks(), domain)


def _ours(lessons: Lessons, number: int) -> Rate:
    """Return the rate of the stage as it runs over the encoded mix."""
    shutil.copytree(lessons.place / "out", lessons.place / f"ours-{number}")
    job = _job(lessons.place, lessons.options, None, f"ours-{number}")
    watch.PROGRESS_SECONDS = 0.0  # tell of every step
    forecast.LEAST_SECONDS = float("inf")  # a bench is no measure for plans
    STAGE.run(job)
    assert isinstance(job.progress, Clocks)
    first, last = job.progress.marks[WARM_STEPS - 1], job.progress.marks[-1]
    tokens = last[0] - first[0]
    loss = next(read_records(job.out / "curve.jsonl"))["loss"]
    return Rate(tokens / (last[1] - first[1]), tokens / (last[2] - first[2]), loss)


def _theirs(lessons: Lessons, name: str) -> Rate | str:
    """Return a peer's rate, or why it cannot run."""
    options = lessons.options
    python = (options.litgpt_python if name == LITGPT else None) or options.python
    rows = max(1, round(options.step_tokens / lessons.mean_tokens))
    command = [python, str(PEERS), name, str(lessons.place), "--rows", str(rows)]
    command += ["--steps", str(options.steps), "--threads", str(usable_cores())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{python}: {error.strerror}"
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2_000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    if "skipped" in found:
        return f"{found['skipped']} for {python}"
    return Rate(found["tokens"] / found["seconds"], found["tokens"] / found["processor_seconds"], found["first_loss"])


def _peak() -> float:
    """Return GFLOP a second of one thread on the best of three sizes of bf16 matrices, by processor time."""
    torch.set_num_threads(1)
    best = 0.0
    for size in (512, 1024, 2048):
        left, right = torch.randn(2, size, size, dtype=torch.bfloat16)
        left @ right
        for _ in range(5):
            start = time.process_time()
            left @ right
            best = max(best, 2 * size**3 / (time.process_time() - start) / 1e9)
    return best


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return found.stdout.strip() or "none"


if __name__ == "__main__":
    main()
