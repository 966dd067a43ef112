"""The objectives by name: one file, one row. Each row makes an `Objective` (api.py) from a `Seat`."""

from kubestill.ground.registry import Table

OBJECTIVES = Table(
    "objective",
    {
        "sft": "kubestill.stages.training.objectives.sft:Sft",
    },
)
