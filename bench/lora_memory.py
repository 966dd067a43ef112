"""Memory and speed of LoRA on a CPU: a Qwen2 of the size of Qwen2.5-0.5B with random weights, through the training stage as it is.

Run: python bench/lora_memory.py [--steps 4] [--checkpointing] [--keep FOLDER]
Rank 16 on attention and feed-forward, bf16, lessons of 512 tokens of which 384 are learned, two processes of one thread. Memory is the sum
of all processes' proportional shares (Pss in /proc/PID/smaps_rollup), so that what they share counts once; the mapped base is in it, which
the kernel may give back. Peaks are told of the steps and of the whole stage, which at its end merges, writes and reads back. The forecast
is for 1,200 samples and 3 epochs (recipes/k8s-distill-pilot.toml), each as long as these lessons. Processor time is told for busy machines.
The last line is JSON.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, Qwen2Config

from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.records import write_records
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.stages.training.settings import AdapterWhat, TrainingHow, TrainingWhat
from kubestill.stages.training.stage import STAGE

# Qwen/Qwen2.5-0.5B, config.json.
CONFIG = Qwen2Config(
    hidden_size=896,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    intermediate_size=4864,
    vocab_size=151_936,
    tie_word_embeddings=True,
    max_position_embeddings=32_768,
    rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
    bos_token_id=0,
    eos_token_id=2,
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['content'] + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>' }}{% endif %}"
)
TOKENS, LABELS = 512, 384
STEP_TOKENS = 2_048
SAMPLES, EPOCHS = 1_200, 3


def write_base(folder: Path) -> None:
    """Write the model in bf16, with a tokenizer of bytes: a token more or less in it changes nothing that is measured."""
    tokenizer = Tokenizer(BPE({letter: number + len(SPECIAL) for number, letter in enumerate(sorted(ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = ByteLevel(add_prefix_space=False, use_regex=False), ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = {token: tokenizer.token_to_id(token) for token in SPECIAL}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIAL[2], "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(1)
    torch.set_default_dtype(torch.bfloat16)
    model = AutoModelForCausalLM.from_config(CONFIG)
    torch.set_default_dtype(torch.float32)
    model.generation_config.eos_token_id = ids[SPECIAL[2]]
    model.save_pretrained(folder)


def write_mix(folder: Path, count: int) -> None:
    """Write lessons of exactly TOKENS tokens: a byte each, and four that frame them."""
    head, tail = TOKENS - LABELS - 3, LABELS - 1
    same = {"skill": "toy", "kind": "toy", "road": "procedural", "forms": [], "source": {}, "intents": []}
    texts = ((str(number) * TOKENS for number in (place, place + 7)) for place in range(11, 11 + count))
    write_records(folder / "train-00000.jsonl", ({"id": a[:9], "request": a[:head], "answer": b[:tail], **same} for a, b in texts))


class Watcher(Silent):
    """Clocks at each step, and the peaks of memory in between, looked at five times a second."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, float, float]] = []
        self.peak: dict[str, int] = {}
        self.at_steps = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def step(self, done: int, total: int, unit: str, **figures: float | int | str) -> None:  # noqa: ARG002 - none is drawn
        """Read the clocks."""
        self.marks.append((done, time.monotonic(), time.process_time() + sum(_ticks(pid) for pid in _children())))
        self.at_steps = self.peak.get("Pss", 0)

    def _look(self) -> None:
        while not self.over.wait(0.2):
            found: dict[str, int] = {}
            for pid in (os.getpid(), *_children()):
                for name, size in _shares(pid).items():
                    found[name] = found.get(name, 0) + size
            if found.get("Pss", 0) > self.peak.get("Pss", 0):
                self.peak = found


def _children() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid]


def _ticks(pid: int) -> float:
    """Processor seconds of a living process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _shares(pid: int) -> dict[str, int]:
    """Bytes of a process by kind, what it shares divided among those who share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return {}
    parts = (line.split() for line in lines)
    return {part[0].rstrip(":"): int(part[1]) << 10 for part in parts if part[0].startswith("Pss")}


def measure(folder: Path, steps: int, checkpointing: bool) -> dict[str, Any]:
    """Train for some steps and return what it took."""
    base, mix, out = (folder / name for name in ("base", "mix", "out"))
    for place in (mix, out):
        place.mkdir()
    write_mix(mix, steps * STEP_TOKENS // TOKENS)
    what = TrainingWhat(
        base=str(base),
        adapter=AdapterWhat(rank=16),
        optimizer="adamw",
        rest_rate=2e-4,
        tokens=steps * STEP_TOKENS,
        tokens_per_step=STEP_TOKENS,
        blocks=2,
        max_tokens=TOKENS,
        curriculum=0.0,
        dev_samples=0,
    )
    how = TrainingHow(processes=2, checkpoint_seconds=1e9, activation_checkpointing=checkpointing)
    watcher = Watcher()
    done = STAGE.run(Job(what, how, {"mix": Artifact("mix", "k", "curation", mix)}, out, Seed(1), watcher, None))
    watcher.over.set()
    watcher.thread.join()
    (first, wall, processor), (last, wall_end, processor_end) = watcher.marks[0], watcher.marks[-1]
    tokens, seconds = last - first, wall_end - wall
    return {
        "adapter_parameters": done.figures["parameters"],
        "tokens_measured": tokens,
        "tokens_per_second": round(tokens / seconds, 1),
        "tokens_per_processor_second": round(tokens / (processor_end - processor), 1),
        "peak_gib_steps": round(watcher.at_steps / 2**30, 2),
        "peak_gib": round(watcher.peak["Pss"] / 2**30, 2),
        "peak_gib_of_it": {name: round(size / 2**30, 2) for name, size in watcher.peak.items() if name != "Pss"},
        "forecast_hours": round(SAMPLES * EPOCHS * TOKENS / (tokens / seconds) / 3600, 2),
        "forecast_hours_two_idle_cores": round(SAMPLES * EPOCHS * TOKENS / (2 * tokens / (processor_end - processor)) / 3600, 2),
        "gap_of_the_merged_folder": done.figures["hugging_face_gap"],
        "activation_checkpointing": checkpointing,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="steps of 2,048 tokens; the first is left out of the rate")
    parser.add_argument("--checkpointing", action="store_true", help="compute activations again instead of keeping them")
    parser.add_argument("--keep", type=Path, help="folder in which the random base is kept for the next time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = given.keep or folder / "base"
        if not (base / "model.safetensors").exists():
            base.mkdir(parents=True, exist_ok=True)
            # In a process of its own, whose memory goes with it.
            child = multiprocessing.get_context("spawn").Process(target=write_base, args=(base,))
            child.start()
            child.join()
        if given.keep:
            (folder / "base").symlink_to(base.resolve())
        found = measure(folder, given.steps, given.checkpointing)
    for key, value in found.items():
        print(f"{key:<32} {value}")
    print(json.dumps(found | {"hardware": hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
