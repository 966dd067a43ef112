"""The settings of the stages that train: pretraining, training, tuning."""

from typing import Literal

from pydantic import Field

from kubestill.ground.errors import UserError
from kubestill.ground.registry import need
from kubestill.ground.stage import How, What


class AdapterWhat(What):
    """Low-rank matrices beside frozen weights (LoRA, Hu et al. 2021, arXiv 2106.09685) in place of the weights themselves. No dropout."""

    rank: int = Field(default=0, ge=0, le=1024, description="Rank of the adapters; 0: none, all weights are trained.")
    alpha: float = Field(default=32.0, gt=0, description="What they add is scaled by alpha / rank.")
    targets: tuple[Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        min_length=1,
        description="Matrices of each layer that have one.",
    )
    merge: bool = Field(default=True, description="Add them to the weights at the end; else PEFT's own folder is written, for that base.")

    def refuse(self) -> None:
        """Make sure of PEFT before a run begins.

        Raises:
            Unavailable: adapters are asked for, and it is not installed.
        """
        if self.rank:
            need("peft", extra="lora")


class StepsWhat(What):
    """For how long is learned, and by what steps. Rates and warm-up are the probe's (../shared/references/probes.md)."""

    tokens: int = Field(8_000_000, ge=0, description="Budget: tokens of requests and answers that are seen, all epochs together.")
    tokens_per_step: int = Field(2048, ge=64, description="Tokens of one step at most, padding included.")
    blocks: int = Field(2, ge=1, le=64, description="Blocks that a step is made of; each is length-bucketed, and one process's work.")
    optimizer: Literal["muon", "adamw"] = Field("muon", description="What updates the matrices; the rest is AdamW's in any case.")
    matrix_rate: float = Field(0.02, gt=0, description="Muon's peak learning rate.")
    rest_rate: float = Field(0.004, gt=0, description="AdamW's peak learning rate, for embeddings and norms, or for all.")
    curriculum: float = Field(0.5, ge=0, lt=1, description="Share of the budget in which the limit of length opens; 0: no curriculum.")
    warmup: float = Field(0.02, ge=0, lt=1, description="Share of the budget in which the rates rise; then they fall.")
    schedule: Literal["linear", "cosine", "constant", "wsd"] = Field("linear", description="How the rates fall (schedule.py).")
    floor: float = Field(0.0, ge=0, le=1, description="Share of the peak rates at which the fall ends. Unread by constant.")
    decay: float = Field(0.1, gt=0, le=1, description="Share of the budget, at its end, in which wsd falls (Hu et al. 2024: a tenth).")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled decay of the matrices, times the learning rate.")
    clip: float = Field(1.0, gt=0, description="Greatest norm of a step's gradient; longer ones are shortened.")
    max_tokens: int = Field(512, ge=16, description="Longest sample, request and answer; longer ones are dropped and counted.")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="Type of the multiplications; masters are fp32 in any case.")
    dev_every_tokens: int = Field(2_000_000, ge=1, description="Tokens between two full-pass counts on the dev slice.")
    dev_samples: int = Field(48, ge=0, description="Size of the dev slice; 0 for none.")
    adapter: AdapterWhat = Field(default_factory=AdapterWhat, description="What is trained in place of all weights.")
    keep: Literal["last", "best"] = Field("last", description="Which weights are saved at the end; the best by dev counts (standing.py).")
    patience: int = Field(0, ge=0, description="Dev counts without a gain after which the training stops early; 0: never.")


class DomainsWhat(What):
    """What share of the tokens each domain gets, measured anew in intervals (domains.py; DDK, arXiv 2407.16154)."""

    by: Literal["", "skill", "kind", "form"] = Field(default="", description="What a domain is; empty: lessons as they come.")
    sampling: Literal["ddk", "equal", "mix"] = Field(default="ddk", description="By DDK's factors, the same for all, or as in the mix.")
    interval_tokens: int = Field(default=500_000, ge=1, description="Tokens from one measure to the next. DDK: 1,000 steps.")
    alpha: float = Field(default=0.5, ge=0, le=1, description="How much the factors count against equal shares. DDK: 0.5.")
    clip: float = Field(default=5.0, gt=0, description="Greatest ratio of perplexities that counts; e^5 is 148 times.")
    samples: int = Field(default=200, ge=1, description="Dev samples of a domain that perplexity is measured on, at most. DDK: 500.")
    teacher: str = Field(default="", description="A student or folder with the same words, whose perplexities are measured.")
    teacher_perplexity: dict[str, float] = Field(default={}, description="The teacher's perplexity by domain, where it is known.")

    def refuse(self, table: str, known: tuple[str, ...], what: StepsWhat) -> None:
        """Refuse what cannot be meant in a recipe's `table`, whose lessons have domains of the `known` sorts.

        Raises:
            UserError: there are no such domains, or an order is asked for that they cannot keep.
        """
        if not self.by:
            return
        if self.by not in known:
            raise UserError(f"{table}.domains.by", f"its lessons have no {self.by}", f"give one of {', '.join(known)}")
        if what.curriculum:
            raise UserError(f"{table}.curriculum", "lessons cannot come by domain and by length", "set it to 0, or leave domains.by out")
        if self.interval_tokens < what.tokens_per_step:
            mend = f"give at least {what.tokens_per_step}"
            raise UserError(f"{table}.domains.interval_tokens", "an interval is shorter than a step", mend)
        if bad := [name for name, value in self.teacher_perplexity.items() if not 1 <= value < float("inf")]:
            where = f"{table}.domains.teacher_perplexity.{bad[0]}"
            raise UserError(where, "no perplexity", "give exp(mean loss in nats), which is 1 or more")


class AttentionWhat(What):
    """What the layers of a student mix tokens by (tools/modeling/mixing.py)."""

    kind: Literal["full", "sliding", "linear"] = Field(
        default="full", description="All that was read; but for some layers a window of it, or a state (gated delta rule)."
    )
    full_every: int = Field(default=4, ge=2, le=64, description="One layer in so many stays full. Unread by full.")
    window: int = Field(default=64, ge=1, description="Tokens that a sliding layer sees, its own included. Unread by the others.")


PLAIN = AttentionWhat()


class StartWhat(StepsWhat):
    """What is trained. Unread where an earlier stage of the recipe hands its student on."""

    base: str = Field("", description="Student to start from: the name of a packaged one or a folder. Empty: from nothing.")
    layers: int = Field(0, ge=0, le=64, description="Layers that a base is deepened to before training; 0: as many as it has.")
    preset: str = Field("4m", description="Size of a student from nothing (tools/modeling/presets.py). Unread with a base.")
    # Left out of the key where it is plain, so that what was trained before there was a choice is not trained again.
    attention: AttentionWhat = Field(
        default=PLAIN, exclude_if=lambda value: value == PLAIN, description="What its layers mix tokens by. Unread with a base."
    )
    vocabulary_size: int = Field(4096, ge=320, le=65_536, description="Tokens of a new tokenizer. Unread with a base.")
    copying: Literal["slots", "spell"] = Field("slots", description="How open words are copied (tools/chat). Unread with a base.")
    notes: bool = Field(False, description="Write what was understood before the answer (tools/chat). Unread with a base.")
    words: Literal["base", "mix"] = Field("base", description="Words read as English: the base's, or those of the mix, too. For a base.")
    domains: DomainsWhat = Field(default=DomainsWhat(), description="Shares of the domains.")


class PretrainingWhat(StartWhat):
    """Documents: what is learned of them before requests are. Left out with `tokens = 0`."""

    tokens: int = Field(0, ge=0, description="Budget: tokens of documents that are seen, all epochs together. 0: no pretraining.")
    objective: Literal["cpt"] = Field("cpt", description="What the loss is (objectives/table.py).")
    curriculum: float = Field(0.0, ge=0, lt=1, description="Share of the budget in which the limit of length opens; 0: no curriculum.")
    dev_samples: int = Field(0, ge=0, description="Requests of the dev slice that are asked meanwhile; 0 for none.")
    forms: tuple[str, ...] = Field(
        ("pages", "fields", "commands", "runbooks", "manifests"), description="Forms of documents that are read: names of [sources]."
    )
    order: Literal["shuffled", "forms"] = Field("shuffled", description="Mixed, or form by form as `forms` lists them.")
    held: float = Field(0.02, ge=0, lt=0.5, description="Share of pages and repositories that the loss is measured on, and not learned.")
    replay: float = Field(0.0, ge=0, lt=1, description="Share of the tokens that are requests and answers of the mix, against forgetting.")


class DistillWhat(What):
    """Learning from a teacher's distributions beside the right tokens (objectives/distill.py). Weight and temperature are DDK's."""

    teacher: str = Field(
        default="", description="Live teacher: the name of a packaged student, or a folder. Empty: the signals of capture."
    )
    top_k: int = Field(
        default=0, ge=0, le=1024, description="Likeliest words of a live teacher that are seen; 0: all. Signals have their own."
    )
    weight: float = Field(default=0.2, ge=0, description="Weight of the divergence (gamma).")
    ce: float = Field(default=1.0, ge=0, description="Weight of the cross-entropy of the right tokens.")
    temperature: float = Field(
        default=1.0, gt=0, description="What both distributions are softened by. With one bucket for the rest it must be 1."
    )
    divergence: Literal["forward", "reverse", "jensen"] = Field(
        default="forward", description="KL(teacher‖student), KL(student‖teacher), JSD."
    )
    beta: float = Field(default=0.5, gt=0, lt=1, description="The teacher's part of the mixture that jensen measures from.")
    rest: Literal["one bucket", "renormalised", "uniform"] = Field(
        default="one bucket", description="What becomes of the mass beyond the top k."
    )
    words: Literal["same", "across"] = Field(default="same", description="Whether both must cut texts alike, or are aligned by spans.")
    aligned: float = Field(default=0.5, gt=0, le=1, description="Across: least share of the labels that must lie in aligned spans.")
    tokenizer: Literal["teacher", "own"] = Field(
        default="teacher", description="Whose tokens a student from nothing reads. Unread with a base."
    )


class GkdWhat(What):
    """Learning from a teacher's distributions on the student's own answers (objectives/gkd.py; Agarwal et al. 2024, arXiv 2306.13649)."""

    teacher: str = Field(default="", description="Live teacher of the same vocabulary: the name of a packaged student, or a folder.")
    share: float = Field(default=0.5, ge=0, le=1, description="Chance that a step's answers are the student's own samples (lambda).")
    beta: float = Field(
        default=0.5, gt=0, lt=1, description="The teacher's part of the mixture that the Jensen-Shannon divergence measures from."
    )
    temperature: float = Field(default=1.0, gt=0, description="Of the samples.")


class TrainingWhat(StartWhat):
    """Requests and answers: what is learned of them."""

    objective: Literal["sft", "distill", "gkd"] = Field("sft", description="What the loss is (objectives/table.py).")
    answers: float = Field(1.0, gt=0, le=1, description="Share of samples whose answer is taught; with notes, the rest stops before it.")
    hidden: float = Field(0.0, ge=0, lt=1, description="Share of a request's rare words that are shown as unknown (tools/chat).")
    distill: DistillWhat = Field(default_factory=DistillWhat, description="Settings of distill.")
    gkd: GkdWhat = Field(default_factory=GkdWhat, description="Settings of gkd.")

    @property
    def teacher(self) -> str:
        """The live teacher that the objective asks; empty where it asks none."""
        return {"distill": self.distill.teacher, "gkd": self.gkd.teacher}.get(self.objective, "")


class DpoWhat(What):
    """Learning from pairs of answers, one better than the other (objectives/dpo.py has the formulas)."""

    form: Literal["dpo", "ipo", "simpo"] = Field(default="dpo", description="The loss of a pair; SimPO's needs no reference.")
    beta: float = Field(default=0.1, gt=0, description="How closely the reference is kept to; SimPO: the scale of means.")
    margin: float = Field(default=0.0, ge=0, description="SimPO's gamma: how much better the chosen answer shall be.")
    sft: float = Field(default=0.0, ge=0, description="RPO's alpha: weight of the chosen answer's cross-entropy beside.")
    gold: bool = Field(default=False, description="Take the mix's right answer as chosen where none of a request's samples passed.")
    pairs: int = Field(default=1, ge=1, le=64, description="Pairs of a request at most, of samples that differ.")


class RewardsWhat(What):
    """How much each term of a reward weighs (stages/training/rewards.py); each term lies in [0, 1], and so does the weighted mean."""

    passed: float = Field(default=1.0, ge=0, description="Full pass: everything held.")
    form: float = Field(default=0.25, ge=0, description="The answer is in the asked form and can be parsed.")
    schema_fit: float = Field(default=0.25, ge=0, description="It is valid by the schema.")
    rules: float = Field(default=0.25, ge=0, description="It keeps to the rules, the policy and the cluster's word.")
    intents: float = Field(default=1.0, ge=0, description="Share of what was asked that holds.")
    length: float = Field(default=0.1, ge=0, description="It ends, and is not much longer than the right answer.")
    variety: float = Field(default=0.1, ge=0, description="It repeats itself no more than the right answer does.")


class GrpoWhat(What):
    """Learning from rewards of the student's own samples (objectives/grpo.py has the formulas)."""

    form: Literal["dapo", "grpo", "dr-grpo"] = Field(
        default="dapo", description="Mean over tokens, over samples, or over a constant without std."
    )
    kl: float = Field(default=0.02, ge=0, description="Weight of the divergence from the weights that tuning starts from; 0: none is kept.")
    rewards: RewardsWhat = Field(default_factory=RewardsWhat, description="Weights of the reward's terms.")


class TuningWhat(StepsWhat):
    """What is learned from the verdicts on the student's own answers. Left out with `tokens = 0`.

    A step's lessons are whole groups, so a block may be longer than its share of `tokens_per_step` where one group is.
    """

    tokens: int = Field(0, ge=0, description="Budget in tokens, samples included; grpo counts them as long as right answers. 0: no tuning.")
    matrix_rate: float = Field(0.001, gt=0, description="Muon's peak learning rate: a twentieth of training's.")
    rest_rate: float = Field(0.0002, gt=0, description="AdamW's peak learning rate, for embeddings and norms, or for all.")
    curriculum: float = Field(0.0, ge=0, lt=1, description="Share of the budget in which the limit of length opens; 0: no curriculum.")
    objective: Literal["dpo", "grpo"] = Field("dpo", description="Pairs of samples drawn before, or samples drawn at each step.")
    requests: int = Field(2_000, ge=1, description="Requests of the mix that are answered, spread evenly over it by the seed.")
    samples: int = Field(8, ge=2, le=64, description="Answers that are drawn for each request.")
    temperature: float = Field(1.0, gt=0, description="Of the draws; grpo learns at this temperature, too.")
    dpo: DpoWhat = Field(default_factory=DpoWhat, description="Settings of dpo.")
    grpo: GrpoWhat = Field(default_factory=GrpoWhat, description="Settings of grpo.")


class TrainingHow(How):
    """How the work is done; none of it changes what comes out, but for the rounding of sums."""

    processes: int = Field(0, ge=0, description="Data-parallel processes of one thread each; 0: as many as cores, at most one a block.")
    activation_checkpointing: bool = Field(False, description="Compute inner values twice instead of keeping them (foreign.py alone).")
    packed_tokens: int = Field(0, ge=0, description="Width of rows that lessons share; 0: one lesson a row, padded (foreign.py alone).")
    strategy: Literal["auto", "processes", "ddp", "fsdp"] = Field(
        "auto", description="Processes of one memory; or torchrun's, which hold all weights (ddp) or rows (fsdp). auto: as it was started."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the work is done; auto: on a GPU where there is one.")
    checkpoint_seconds: float = Field(60.0, gt=0, description="Seconds between two checkpoints.")
    checkpoints: int = Field(1, ge=1, le=100, description="Checkpoints that stay while the training runs: the last so many.")
    tracker: Literal["", "tensorboard", "trackio", "wandb", "mlflow"] = Field("", description="Who draws the curves as they grow.")
