"""The settings of the stages that train: pretraining, training, tuning."""

from typing import Literal

from pydantic import Field

from kubestill.ground.stage import How, What


class StepsWhat(What):
    """For how long is learned, and by what steps. Rates and warm-up are the probe's (../shared/references/probes.md)."""

    tokens: int = Field(8_000_000, ge=0, description="Budget: tokens of requests and answers that are seen, all epochs together.")
    tokens_per_step: int = Field(2048, ge=64, description="Tokens of one step at most, padding included.")
    blocks: int = Field(2, ge=1, le=64, description="Blocks that a step is made of; each is length-bucketed, and one process's work.")
    optimizer: Literal["muon", "adamw"] = Field("muon", description="What updates the matrices; the rest is AdamW's in any case.")
    matrix_rate: float = Field(0.02, gt=0, description="Muon's peak learning rate.")
    rest_rate: float = Field(0.004, gt=0, description="AdamW's peak learning rate, for embeddings and norms, or for all.")
    curriculum: float = Field(0.5, ge=0, lt=1, description="Share of the budget in which the limit of length opens; 0: no curriculum.")
    warmup: float = Field(0.02, ge=0, lt=1, description="Share of the budget in which the rates rise; then they fall to zero.")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled decay of the matrices, times the learning rate.")
    clip: float = Field(1.0, gt=0, description="Greatest norm of a step's gradient; longer ones are shortened.")
    max_tokens: int = Field(512, ge=16, description="Longest sample, request and answer; longer ones are dropped and counted.")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="Type of the multiplications; masters are fp32 in any case.")
    dev_every_tokens: int = Field(2_000_000, ge=1, description="Tokens between two full-pass counts on the dev slice.")
    dev_samples: int = Field(48, ge=0, description="Size of the dev slice; 0 for none.")


class StartWhat(StepsWhat):
    """What is trained. Unread where an earlier stage of the recipe hands its student on."""

    base: str = Field("", description="Student to start from: the name of a packaged one or a folder. Empty: from nothing.")
    layers: int = Field(0, ge=0, le=64, description="Layers that a base is deepened to before training; 0: as many as it has.")
    preset: str = Field("4m", description="Size of a student from nothing (tools/modeling/presets.py). Unread with a base.")
    vocabulary_size: int = Field(4096, ge=320, le=65_536, description="Tokens of a new tokenizer. Unread with a base.")
    copying: Literal["slots", "spell"] = Field("slots", description="How open words are copied (tools/chat). Unread with a base.")
    notes: bool = Field(False, description="Write what was understood before the answer (tools/chat). Unread with a base.")
    words: Literal["base", "mix"] = Field("base", description="Words read as English: the base's, or those of the mix, too. For a base.")


class TrainingWhat(StartWhat):
    """Requests and answers: what is learned of them."""

    objective: Literal["sft"] = Field("sft", description="What the loss is (objectives/table.py).")
    answers: float = Field(1.0, gt=0, le=1, description="Share of samples whose answer is taught; with notes, the rest stops before it.")
    hidden: float = Field(0.0, ge=0, lt=1, description="Share of a request's rare words that are shown as unknown (tools/chat).")


class TrainingHow(How):
    """How the work is done; none of it changes what comes out, but for the rounding of sums."""

    processes: int = Field(0, ge=0, description="Data-parallel processes of one thread each; 0: as many as cores, at most one a block.")
    checkpoint_seconds: float = Field(60.0, gt=0, description="Seconds between two checkpoints.")
