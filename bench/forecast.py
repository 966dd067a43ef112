"""What `kubestill plan` says of a training beside what happens: memory, and time by the rates of the other sizes.

Run: python bench/forecast.py [--presets 1m 4m 12m] [--steps 120] [--processes 2]
Each size is trained in a process of its own on the Kubernetes domain's samples. Memory is measured as the runner does: resident bytes of
all processes, what they share counted in each. The time of each size is forecast from what was measured of all others: of the steps in
seconds of the processor, so that other work on the machine does not count, and of the whole stage (lessons made ready, processes begun,
steps, dev counts, weights read back) in seconds of the clock, which a busy machine makes worth nothing. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kubestill.domains.api import TRAIN, Drop
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.records import write_records
from kubestill.ground.seeds import Seed
from kubestill.ground.settings import read_settings
from kubestill.ground.stage import Job
from kubestill.pipeline.memory import PeakMemory
from kubestill.pipeline.table import DOMAINS
from kubestill.stages.training import forecast
from kubestill.stages.training.settings import TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling.rates import Rate, add_rate, expected, processor, read_rates, work

SEED = Seed(11)
SAMPLES, DEV_SAMPLES = 1_500, 24
STEP_TOKENS, MAX_TOKENS = 2_048, 384


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["1m", "4m", "12m"])
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one", type=Path, help="folder of the mix: train one size there and print what it took")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(_one(options.one, options)))
        return
    with tempfile.TemporaryDirectory() as place:
        _draw(Path(place))
        found = [_apart(Path(place), preset, options) for preset in options.presets]
        rows = [_compared(Path(place), one, [other for other in found if other is not one] or found, options) for one in found]
    for row in rows:
        told = [
            f"memory {row['memory_forecast_mib']} MiB of {row['memory_mib']} ({row['memory_ratio']})",
            f"steps {row['processor_forecast']} s of the processor of {row['processor_seconds']} ({row['time_ratio']})",
            f"all {row['seconds_forecast']} s of {row['seconds']} ({row['clock_ratio']})",
        ]
        print(f"{row['preset']}: {', '.join(told)}")
    print(json.dumps({"bench": "forecast", "processes": options.processes, "steps": options.steps, "rows": rows, "machine": processor()}))


def _draw(place: Path) -> None:
    skills = list(DOMAINS.load("kubernetes")().skills().values())
    drawn = [skills[number % len(skills)].draw(SEED.rng("sample", number), TRAIN) for number in range(SAMPLES + DEV_SAMPLES)]
    records = [sample.to_record() for sample in drawn if not isinstance(sample, Drop)]
    write_records(place / "mix" / "dev.jsonl", records[:DEV_SAMPLES])
    write_records(place / "mix" / "train-00000.jsonl", records[DEV_SAMPLES:])


def _settings(options: argparse.Namespace, preset: str) -> tuple[TrainingWhat, TrainingHow]:
    tokens = int(options.steps * STEP_TOKENS * 0.93)
    what = TrainingWhat(
        preset=preset,
        tokens=tokens,
        tokens_per_step=STEP_TOKENS,
        max_tokens=MAX_TOKENS,
        dev_samples=DEV_SAMPLES,
        dev_every_tokens=tokens // 2,
        curriculum=0.0,
    )
    return what, TrainingHow(processes=options.processes, device="cpu")


def _apart(place: Path, preset: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train in a fresh process whose measured rate lands in a cache of its own."""
    command = [sys.executable, __file__, "--one", str(place), "--presets", preset]
    command += ["--steps", str(options.steps), "--processes", str(options.processes)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(place / preset)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _one(place: Path, options: argparse.Namespace) -> dict[str, Any]:
    (preset,) = options.presets
    what, how = _settings(options, preset)
    out = place / f"out-{preset}"
    out.mkdir()
    job = Job(what, how, {"mix": Artifact("mix", "", "curation", place / "mix")}, out, SEED, Silent(), DOMAINS.load("kubernetes")())
    foretold = forecast.forecast(what, how, None)
    assert foretold is not None
    forecast.LEAST_SECONDS = 0.0  # a bench is short
    begun = time.monotonic()
    with PeakMemory() as peak:
        done = STAGE.run(job)
    seconds = time.monotonic() - begun
    (rate,) = read_rates(read_settings().cache)
    return {
        "preset": preset,
        "memory_forecast": foretold.memory_bytes,
        "memory": peak.peak_bytes,
        "work": work(foretold.arch, done.figures["tokens"], done.figures["steps"], rate.lessons),
        "rate": rate.__dict__,
        "lessons": done.tally.came,
        "seconds": seconds,
    }


def _compared(place: Path, one: dict[str, Any], others: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Forecast one training as a plan does on a machine where the others were measured."""
    rate, measured = Rate(**one["rate"]), [Rate(**other["rate"]) for other in others]
    by = expected(measured, rate)
    assert by is not None
    took, foretold = (one["work"] / (which.work_per_second * rate.processes) for which in (rate, by))
    os.environ["XDG_CACHE_HOME"] = str(place / f"without-{one['preset']}")
    for other in measured:
        add_rate(read_settings().cache, other)
    plan = forecast.forecast(*_settings(options, one["preset"]), None, one["lessons"])
    assert plan is not None and plan.seconds is not None
    return {
        "preset": one["preset"],
        "memory_mib": one["memory"] >> 20,
        "memory_forecast_mib": one["memory_forecast"] >> 20,
        "memory_ratio": round(one["memory_forecast"] / one["memory"], 2),
        "processor_seconds": round(took, 1),
        "processor_forecast": round(foretold, 1),
        "time_ratio": round(foretold / took, 2),
        "seconds": round(one["seconds"], 1),
        "seconds_forecast": round(plan.seconds, 1),
        "clock_ratio": round(plan.seconds / one["seconds"], 2),
        "rate": one["rate"],
    }


if __name__ == "__main__":
    main()
