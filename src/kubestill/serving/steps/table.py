"""The steps of a request's path, in their order: literal and lazy. Each row is a function from `Means` to a step, or None."""

from kubestill.ground.registry import Table

STEPS = Table(
    "step",
    {
        "exact_cache": "kubestill.serving.steps.exact_cache:step",
        "edit": "kubestill.serving.steps.edit:step",
        "generate": "kubestill.serving.steps.generate:step",
        "check": "kubestill.serving.steps.check:step",
        "repair": "kubestill.serving.steps.repair:step",
        "escalate": "kubestill.serving.steps.escalate:step",
        "keep": "kubestill.serving.steps.keep:step",
    },
)
