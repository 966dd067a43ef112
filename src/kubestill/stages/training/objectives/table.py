"""The objectives by name: one file, one row. Each row makes an `Objective` (api.py) from a `Seat`."""

from kubestill.ground.registry import Table

OBJECTIVES = Table(
    "objective",
    {
        "cpt": "kubestill.stages.training.objectives.cpt:Cpt",
        "sft": "kubestill.stages.training.objectives.sft:Sft",
        "distill": "kubestill.stages.training.objectives.distill:Distill",
        "gkd": "kubestill.stages.training.objectives.gkd:Gkd",
        "dpo": "kubestill.stages.training.objectives.dpo:Dpo",
        "grpo": "kubestill.stages.training.objectives.grpo:Grpo",
    },
)
