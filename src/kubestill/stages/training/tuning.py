"""Tuning: a trained student becomes a better one by the verdicts on its own answers."""

from typing import Any, ClassVar

from kubestill.ground.errors import UserError
from kubestill.ground.stage import Done, Inputs, Job, What
from kubestill.stages.training.settings import TuningWhat
from kubestill.stages.training.stage import Training


class Tuning(Training):
    """Fills a weights folder as training does, and `rollouts/` where pairs were made of samples."""

    name: ClassVar[str] = "tuning"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = TuningWhat
    inputs: ClassVar[Inputs] = {"mix": "curation", "before": ("training",)}

    def wanted(self, what: TuningWhat) -> bool:
        """Say whether there is a budget."""
        return what.tokens > 0

    def ready(self, what: Any, domain: Any) -> None:  # noqa: ARG002 - every stage is asked alike
        """Refuse rewards that nothing weighs in.

        Raises:
            UserError: all weights are nought.
            Unavailable: adapters are asked for, and PEFT is not installed.
        """
        what.adapter.refuse()
        if not any(what.grpo.rewards.model_dump().values()):
            raise UserError("tuning.grpo.rewards", "no term weighs anything", "give at least one a weight above nought")

    def prepare(self, job: Job, processes: int) -> Done:
        """Put the requests into `job.out`, and for dpo the samples, the pairs and what the reference makes of them."""
        from kubestill.stages.training.asking import prepare_tuning

        return prepare_tuning(job, processes)


STAGE = Tuning()
