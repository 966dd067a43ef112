"""Training tokens a second beside TRL's SFTTrainer: same start weights, samples, token ids, labels and bf16, in one run.

Run: pip install -e '.[bench]' && python bench/train_speed.py [--preset 4m] [--steps 40] [--rounds 2]
Ours runs as the stage does (Muon, one process a core); theirs with AdamW, all cores as threads, rows of like length together, no
gradient checkpointing. Rounds alternate, so that other work on the machine meets both alike; tokens are real ones, padding left out.
Processor time is told beside wall time, for busy machines. The last line is JSON.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import shutil
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
from kubestill.stages.training.settings import TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling.encoding import ENCODED, Encoded
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.memory import flops_per_token, muon_flops

SEED = Seed(11)
SAMPLES = 3_000
STEP_TOKENS = 2_048
WARM_STEPS = 3  # of each run, left out


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
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--domain", default="kubernetes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        figures = _compare(Path(place), options)
    print(f"wall: ours {figures['ours']:,.0f} tokens/s, TRL {figures['trl']:,.0f}: {figures['ratio']} times")
    cpu = figures["ours_per_cpu_second"], figures["trl_per_cpu_second"], figures["ratio_cpu"]
    print(f"a processor second: ours {cpu[0]:,.0f} tokens, TRL {cpu[1]:,.0f}: {cpu[2]} times")
    shares = f"{figures['peak_share']:.0%}, by processor time {figures['peak_share_cpu']:.0%}"
    print(f"measured bf16 matmul peak {figures['peak_gflops']:,.0f} GFLOP/s: ours is at {shares}")
    print(json.dumps(figures))


def _compare(place: Path, options: argparse.Namespace) -> dict[str, Any]:
    job = _job(place, options, _drawn(place, options))
    prepare.prepare(job, 1)
    encoded = Encoded.load(job.out / ENCODED)
    body, flat = prepare.prepare_weights(job)
    layout = body.layout
    assert isinstance(layout, Layout)
    start = place / "start"
    start.mkdir()
    body.save(start, flat, (0, 3))
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
        "peak_share_cpu": round(ours[1] * flops / 1e9 / peak, 3),
        "processes": processes,
        "labelled_share": round(labelled, 3),
        "mean_tokens": round(float(encoded.lengths.mean()), 1),
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
    tokens = options.steps * STEP_TOKENS
    what = TrainingWhat(preset=options.preset, tokens=tokens, tokens_per_step=STEP_TOKENS, max_tokens=384, dev_samples=0)
    return Job(what, TrainingHow(), {"mix": Artifact("mix", "", "curation", place / "mix")}, out, SEED, Clocks(), domain)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _ours(place: Path, options: argparse.Namespace, number: int) -> tuple[float, float]:
    """Return tokens a wall second and a processor second, of the stage as it runs over the encoded mix."""
    shutil.copytree(place / "out", place / f"ours-{number}")
    job = _job(place, options, None, f"ours-{number}")
    STAGE.run(job)
    marks = job.progress.marks
    first, last = marks[1], marks[-1]  # the first is told at the first step
    tokens = last[0] - first[0]
    return tokens / (last[1] - first[1]), tokens / (last[2] - first[2])


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
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
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
