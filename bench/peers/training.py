"""Other trainers over the lessons and start weights of bench/train_speed.py, each in a process, and if need be an environment, of its own.

Run by bench/train_speed.py: python bench/peers/training.py NAME FOLDER --rows 22 --steps 40 --threads 2. `FOLDER` holds lessons.npz (ids,
ends, starts) and start/, a Hugging Face folder with a tokenizer. All train fp32 weights by bf16 multiplications (autocast) and fused AdamW,
all cores as threads, rows of like length together, padded to the longest, losses on the answers alone:

trl       TRL's SFTTrainer, as it forms its own batches by length
litgpt    litgpt's GPT by the loop of `litgpt finetune_full`, embeddings tied
plain     twenty lines of PyTorch over Hugging Face's model

The last line is JSON: tokens, wall and processor seconds behind the first steps, and the first step's loss in nats; or why it cannot run.
Imports nothing of kubestill.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.optim.optimizer import register_optimizer_step_post_hook

RATE = 1e-3
IGNORED = -100
WARM_STEPS = 3  # of each run, left out


class Clock:
    """Wall and processor seconds at the end of each step of whatever optimizer; tokens and losses as they are told."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []
        self.tokens: list[int] = []
        self.losses: list[float] = []
        register_optimizer_step_post_hook(lambda *_: self.marks.append((time.monotonic(), time.process_time())))

    def record(self) -> dict[str, float]:
        """Return what the steps behind the first ones took."""
        (begun, begun_processor), (ended, ended_processor) = self.marks[WARM_STEPS - 1], self.marks[-1]
        return {
            "tokens": sum(self.tokens[WARM_STEPS : len(self.marks)]),
            "seconds": ended - begun,
            "processor_seconds": ended_processor - begun_processor,
            "first_loss": round(self.losses[0], 4) if self.losses else math.nan,
        }


@dataclass(frozen=True)
class Given:
    """What a peer learns from: the folder of weights and tokenizer, rows of ids, where each one's answer begins, and how much at once."""

    start: Path
    ids: list[list[int]]
    starts: list[int]
    rows: int  # of a step
    clock: Clock

    def batches(self) -> Iterator[list[int]]:
        """Yield the numbers of each step's rows: alike in length, the steps in a random order."""
        order = sorted(range(len(self.ids)), key=lambda number: len(self.ids[number]))
        steps = [order[begin : begin + self.rows] for begin in range(0, len(order), self.rows)]
        random.Random(5).shuffle(steps)
        yield from steps

    def labels(self, number: int) -> list[int]:
        """Return the ids of a row, those of the request ignored."""
        return [IGNORED] * self.starts[number] + self.ids[number][self.starts[number] :]

    def tensors(self, numbers: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and labels [rows, T] of a step, padded."""
        ids = pad_sequence([torch.tensor(self.ids[number]) for number in numbers], batch_first=True)
        return ids, pad_sequence([torch.tensor(self.labels(number)) for number in numbers], batch_first=True, padding_value=IGNORED)

    def count(self, numbers: list[int]) -> None:
        """Tell the clock of a step's tokens."""
        self.clock.tokens.append(sum(len(self.ids[number]) for number in numbers))


def main() -> None:
    """Run one peer and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(PEERS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(5)
    arrays = np.load(options.folder / "lessons.npz")
    count = min(len(arrays["ends"]), options.rows * (options.steps + WARM_STEPS)) // options.rows * options.rows
    ends = arrays["ends"][:count].tolist()
    ids = [arrays["ids"][begin:end].astype(int).tolist() for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
    given = Given(options.folder / "start", ids, arrays["starts"][:count].tolist(), options.rows, Clock())
    try:
        PEERS[options.name](given)
    except ModuleNotFoundError as error:
        print(json.dumps({"skipped": f"{error.name} is not installed"}))
        return
    print(json.dumps(given.clock.record()))


def _trl(given: Given) -> None:
    """TRL's SFTTrainer. Each batch's real tokens are counted as it comes by."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    clock = given.clock

    class Counted(SFTTrainer):  # type: ignore[misc]  # TRL is not typed
        def training_step(self, model: Any, inputs: Any, *more: Any, **others: Any) -> Any:
            clock.tokens.append(int(inputs["attention_mask"].sum()))
            loss = super().training_step(model, inputs, *more, **others)
            clock.losses.append(float(loss.detach()))
            return loss

    settings = SFTConfig(
        output_dir=str(given.start / "trl"),
        per_device_train_batch_size=given.rows,
        num_train_epochs=1,
        bf16=True,
        use_cpu=True,
        optim="adamw_torch_fused",
        learning_rate=RATE,
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=False,
        completion_only_loss=True,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    masks = [[0] * start + [1] * (len(ids) - start) for ids, start in zip(given.ids, given.starts, strict=True)]
    data = Dataset.from_dict({"input_ids": given.ids, "completion_mask": masks})
    model = AutoModelForCausalLM.from_pretrained(given.start, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(given.start)
    Counted(model=model, args=settings, train_dataset=data, processing_class=tokenizer).train()


def _litgpt(given: Given) -> None:
    """The loop of `litgpt finetune_full` over litgpt's own model and collation; its logs, dev counts and checkpoints are switched off."""
    import lightning
    from litgpt.args import EvalArgs, TrainArgs
    from litgpt.data.base import get_sft_collate_fn
    from litgpt.finetune import full
    from torch.utils.data import DataLoader

    steps = list(given.batches())
    for numbers in steps:
        given.count(numbers)
    rows = [_litgpt_row(given, number) for numbers in steps for number in numbers]
    fabric = lightning.Fabric(devices=1, accelerator="cpu", precision="bf16-mixed")
    fabric.launch()
    loaders = [DataLoader(part, batch_size=given.rows, collate_fn=get_sft_collate_fn()) for part in (rows, rows[: given.rows])]
    train, dev = fabric.setup_dataloaders(*loaders)
    model = fabric.setup(_litgpt_model(given.start))
    optimizer = fabric.setup_optimizers(torch.optim.AdamW(model.parameters(), lr=RATE, fused=True))
    scheduler = full.get_lr_scheduler(optimizer, warmup_steps=2, max_steps=len(steps))
    told = full.chunked_cross_entropy

    def listening(*values: Any, **options: Any) -> Any:
        loss = told(*values, **options)
        if loss.requires_grad:
            given.clock.losses.append(float(loss.detach()))
        return loss

    full.chunked_cross_entropy = listening
    full.fit(
        fabric=fabric,
        state={"model": model, "optimizer": optimizer, "scheduler": scheduler, "iter_num": 0, "step_count": 0},
        train_dataloader=train,
        val_dataloader=dev,
        devices=1,
        resume=False,
        checkpoint_dir=given.start,
        out_dir=given.start / "litgpt",
        train=TrainArgs(
            save_interval=None, log_interval=10**6, global_batch_size=given.rows, micro_batch_size=given.rows, lr_warmup_steps=2, epochs=1
        ),
        eval=EvalArgs(interval=10**6, max_iters=1),
        data=None,
    )


def _litgpt_row(given: Given, number: int) -> dict[str, Any]:
    """Return a row as litgpt's own datasets give it."""
    counts = {"raw": len(given.ids[number]), "raw_plus_prompt_template": len(given.ids[number])}
    return {"input_ids": torch.tensor(given.ids[number]), "labels": torch.tensor(given.labels(number)), "token_counts": counts}


def _litgpt_model(start: Path) -> Any:
    """Return the start weights as litgpt's GPT, by litgpt's own conversion of Qwen3."""
    from litgpt.model import GPT, Config
    from litgpt.scripts.convert_hf_checkpoint import copy_weights_qwen_3
    from safetensors.torch import load_file

    found = json.loads((start / "config.json").read_text(encoding="utf-8"))
    config = Config(
        name="Qwen3-student",
        block_size=found["max_position_embeddings"],
        vocab_size=found["vocab_size"],
        padded_vocab_size=found["vocab_size"],
        n_layer=found["num_hidden_layers"],
        n_head=found["num_attention_heads"],
        n_query_groups=found["num_key_value_heads"],
        n_embd=found["hidden_size"],
        head_size=found["head_dim"],
        intermediate_size=found["intermediate_size"],
        norm_eps=found["rms_norm_eps"],
        rope_base=int(found["rope_theta"]),
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
        norm_qk=True,
    )
    state: dict[str, torch.Tensor] = {}
    copy_weights_qwen_3(config, {}, state, load_file(start / "model.safetensors"))
    model = GPT(config)
    model.load_state_dict(state)
    model.lm_head.weight = model.transformer.wte.weight
    return model


def _plain(given: Given) -> None:
    """Twenty lines of PyTorch."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(given.start, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    for numbers in given.batches():
        ids, labels = given.tensors(numbers)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        given.count(numbers)
        given.clock.losses.append(float(loss.detach()))


PEERS: dict[str, Callable[[Given], None]] = {"trl": _trl, "litgpt": _litgpt, "plain": _plain}


if __name__ == "__main__":
    main()
