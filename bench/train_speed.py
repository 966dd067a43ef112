"""Training tokens a second beside TRL's SFTTrainer: same start weights, samples, token ids, labels and bf16, in one run.

Run: pip install -e '.[bench]' && python bench/train_speed.py [--preset 4m] [--steps 40] [--rounds 2]
Ours runs as the stage does (Muon, one process a core); theirs with AdamW, all cores as threads, rows of like length together, no
gradient checkpointing. Rounds alternate, so that other work on the machine meets both alike; tokens are real ones, padding left out.
Processor time is told beside wall time, for busy machines. The last line is JSON.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from kubestill.domains.api import TRAIN, Drop
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.records import write_records
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job
from kubestill.pipeline.table import DOMAINS
from kubestill.stages.training import prepare
from kubestill.stages.training.batches import Encoded
from kubestill.stages.training.settings import TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling.load import save_student
from kubestill.tools.modeling.memory import flops_per_token, muon_flops

SEED = Seed(11)
SAMPLES = 3_000
STEP_TOKENS = 2_048
WARM_STEPS = 3  # of each run, left out


class Times(Silent):
    """Clocks of wall and processors at each step of ours."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, float]] = []


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="4m")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--domain", default="kubernetes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        figures = _compare(Path(place), options)
    print(f"ours {figures['ours']:,.0f} tokens/s, TRL {figures['trl']:,.0f} tokens/s: {figures['ratio']} times (wall), {figures['ratio_cpu']} (processors)")
    print(f"{figures['peak_share']:.0%} of the measured bf16 matmul peak of {figures['peak_gflops']:,.0f} GFLOP/s on {figures['processes']} cores")
    print(json.dumps(figures))


def _compare(place: Path, options: argparse.Namespace) -> dict[str, Any]:
    job = _job(place, options)
    prepare.prepare_mix(job, 1)
    encoded = Encoded.load(job.out / prepare.ENCODED)
    layout, flat = prepare.prepare_weights(job)
    start = place / "start"
    start.mkdir()
    save_student(start, layout, flat, (0, 3))
    rounds = [(_ours(place, options, number), _theirs(start, encoded, options)) for number in range(options.rounds)]
    ours, theirs = (max(rates, key=lambda rate: rate[0]) for rates in zip(*rounds, strict=True))
    peak, processes = _peak(), len(os.sched_getaffinity(0))
    labelled = float(encoded.labels.sum() / encoded.lengths.sum())
    flops = flops_per_token(layout.arch, int(encoded.lengths.mean()), labelled) + muon_flops(layout.arch) / STEP_TOKENS
    return {
        "bench": "train_speed",
        "preset": options.preset,
        "parameters": layout.total,
        "ours": round(ours[0], 1),
        "trl": round(theirs[0], 1),
        "ratio": round(ours[0] / theirs[0], 2),
        "ratio_cpu": round(ours[1] / theirs[1], 2),
        "ours_per_cpu_second": round(ours[1], 1),
        "trl_per_cpu_second": round(theirs[1], 1),
        "rounds": [[round(rate[0], 1) for rate in pair] for pair in rounds],
        "peak_gflops": round(peak * processes, 1),
        "peak_share": round(ours[0] * flops / 1e9 / (peak * processes), 3),
        "processes": processes,
        "labelled_share": round(labelled, 3),
        "mean_tokens": round(float(encoded.lengths.mean()), 1),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "commit": _commit(),
    }


def _job(place: Path, options: argparse.Namespace) -> Job:
    domain = DOMAINS.load(options.domain)()
    skills = list(domain.skills().values())
    drawn = (skills[number % len(skills)].draw(SEED.rng("sample", number), TRAIN) for number in range(SAMPLES))
    write_records(place / "mix" / "train-00000.jsonl", (sample.to_record() for sample in drawn if not isinstance(sample, Drop)))
    what = TrainingWhat(preset=options.preset, tokens=options.steps * STEP_TOKENS, tokens_per_step=STEP_TOKENS, dev_samples=0)
    out = place / "out"
    out.mkdir()
    return Job(what, TrainingHow(), {"mix": Artifact("mix", "", "curation", place / "mix")}, out, SEED, Silent(), domain)


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _ours(place: Path, options: argparse.Namespace, number: int) -> tuple[float, float]:
    """Return tokens a wall second and a processor second, of the stage as it runs."""
    job = _job_again(place, options, number)
    STAGE.run(job)
    points = [json.loads(line) for line in (job.out / "curve.jsonl").read_text().splitlines()]
    first, last = points[WARM_STEPS], points[-1]
    tokens, seconds = last["tokens"] - first["tokens"], last["seconds"] - first["seconds"]
    # Each process is one thread that never sleeps but at meetings, so its processor time is at most the wall time.
    return tokens / seconds, tokens / (seconds * len(os.sched_getaffinity(0)))


def _job_again(place: Path, options: argparse.Namespace, number: int) -> Job:
    """Return the job over the encoded mix, in a fresh folder."""
    import shutil

    out = place / f"ours-{number}"
    shutil.copytree(place / "out", out)
    domain = DOMAINS.load(options.domain)()
    what = TrainingWhat(preset=options.preset, tokens=options.steps * STEP_TOKENS, tokens_per_step=STEP_TOKENS, dev_samples=0)
    return Job(what, TrainingHow(), {"mix": Artifact("mix", "", "curation", place / "mix")}, out, SEED, Silent(), domain)


def _theirs(start: Path, encoded: Encoded, options: argparse.Namespace) -> tuple[float, float]:
    """Return tokens a wall second and a processor second of TRL's SFTTrainer."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    rows = max(1, round(STEP_TOKENS / float(encoded.lengths.mean())))
    count = min(len(encoded.ends), rows * options.steps)
    ids = [encoded.sample(number).astype(int).tolist() for number in range(count)]
    masks = [[0] * int(encoded.starts[number]) + [1] * (len(ids[number]) - int(encoded.starts[number])) for number in range(count)]
    marks: list[tuple[float, float]] = []
    seen: list[int] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            marks.append((time.monotonic(), _processor_seconds()))

    class Counted(SFTTrainer):
        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(int(inputs["attention_mask"].sum()))
            return super().training_step(model, inputs, *args, **kwargs)

    settings = SFTConfig(
        output_dir=str(start / "trl"),
        per_device_train_batch_size=rows,
        num_train_epochs=1,
        bf16=True,
        use_cpu=True,
        optim="adamw_torch",
        learning_rate=1e-3,
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=False,
        completion_only_loss=True,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(start.parent / "out")
    data = Dataset.from_dict({"input_ids": ids, "completion_mask": masks})
    model = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32)
    Counted(model=model, args=settings, train_dataset=data, processing_class=tokenizer, callbacks=[Clock()]).train()
    tokens = sum(seen[WARM_STEPS + 1 :])
    return tokens / (marks[-1][0] - marks[WARM_STEPS][0]), tokens / (marks[-1][1] - marks[WARM_STEPS][1])


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
