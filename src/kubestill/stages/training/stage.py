"""Training: a mix becomes the weights of a student."""

import json
import shutil
from collections.abc import Mapping
from typing import Any, ClassVar

from kubestill.ground.errors import Unavailable
from kubestill.ground.fingerprint import digest
from kubestill.ground.manifest import Artifact
from kubestill.ground.settings import usable_cores
from kubestill.ground.stage import Done, How, Inputs, Job, What
from kubestill.stages.training.settings import StartWhat, TrainingHow, TrainingWhat
from kubestill.tools.modeling.bases import find_base


class Training:
    """Fills a weights folder: the student, its tokenizer, chat.json, curve.jsonl and fullpass.jsonl."""

    name: ClassVar[str] = "training"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = TrainingWhat
    how: ClassVar[type[How]] = TrainingHow
    inputs: ClassVar[Inputs] = {"mix": "curation", "before": ("pretraining",), "signals": ("capture",)}
    output: ClassVar[str] = "weights"

    def ready(self, what: Any, domain: Any) -> None:  # noqa: ARG002 - every stage is asked alike
        """Refuse settings that cannot be meant, before a run begins.

        Raises:
            UserError: the shares of domains cannot be as they are asked for.
            Unavailable: adapters are asked for, and PEFT is not installed.
        """
        what.adapter.refuse()
        if isinstance(what, StartWhat):
            what.domains.refuse(self.name, ("skill", "kind"), what)

    def parts(self, what: Any) -> dict[str, Any]:
        """Return what shapes the result beside settings and inputs: the contents of teachers, of which one may measure the domains."""
        teacher = what.domains.teacher if isinstance(what, StartWhat) and what.domains.by else ""
        found = {"domains_teacher": teacher, "teacher": what.teacher if isinstance(what, TrainingWhat) else ""}
        return {name: digest(find_base(folder)) for name, folder in found.items() if folder}

    def run(self, job: Job) -> Done:
        """Train to the end of the budget, going on from the last checkpoint where there is one.

        Raises:
            UserError: settings, base or mix cannot be used, or the loss became no number.
            Unavailable: torch is not installed.
        """
        processes = min(job.how.processes or usable_cores(), job.what.blocks)
        try:
            from kubestill.stages.training.forecast import Outlay, is_fresh
            from kubestill.tools.modeling.encoding import ENCODED

            outlay = Outlay(ready=(job.out / ENCODED).exists())
            made = self.prepare(job, processes)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("kubestill"):
                raise
            raise Unavailable(f"training needs {error.name}", "pip install 'kubestill[train]'") from None
        outlay.prepared(made.tally.came, processes, is_fresh(job.what, "before" in job.inputs))
        figures = _train(job, processes, outlay)
        shutil.rmtree(job.out / ENCODED)
        outlay.remember(job.what)
        return Done(made.tally, made.figures | figures)

    def forecast(self, what: Any, how: Any, given: Mapping[str, Any], made: Mapping[str, Artifact]) -> Any:
        """Return what it will cost (a `Forecast`), by the forecasts of inputs, and inputs that are made; None where nobody can tell."""
        from kubestill.stages.training.forecast import forecast

        read = made.get("documents" if "documents" in self.inputs else "mix")
        lessons = int(read.figures.get("train", read.tally["kept"])) if read is not None else None
        return forecast(what, how, given.get("before"), lessons)

    def prepare(self, job: Job, processes: int) -> Done:
        """Put what is learned from into `job.out`, once: the tokenizer, chat.json and the encoded lessons."""
        from kubestill.stages.training import prepare

        return Done(prepare.prepare(job, processes))


def _train(job: Job, processes: int, outlay: Any) -> dict[str, Any]:
    import torch

    from kubestill.stages.training import prepare
    from kubestill.stages.training.batches import Position
    from kubestill.stages.training.checkpoint import Checkpoints, State
    from kubestill.stages.training.distributed import arranged
    from kubestill.stages.training.loop import Given, lead
    from kubestill.stages.training.watch import Watch
    from kubestill.tools.modeling.encoding import ENCODED, Encoded
    from kubestill.tools.modeling.heap import few_kernels

    body, flat = prepare.prepare_weights(job)
    encoded = Encoded.load(job.out / ENCODED)
    digest = encoded.digest()
    checkpoints = Checkpoints(job.out, job.how.checkpoints)
    found = checkpoints.load(digest)
    state = found[0] if found else State(0, 0, Position(), 0.0, digest)
    given = Given(
        what=job.what,
        objective=job.what.objective,
        body=body,
        domain=job.domain,
        folder=job.out,
        more={label: artifact.path for label, artifact in job.inputs.items()},
        pad=0,
        seed=job.seed,
        start=state.step,
        tokens=state.tokens,
        position=state.position,
    )
    few_kernels()
    threads = torch.get_num_threads()
    with arranged(job.how, job.what, body, processes) as group:
        group.arena.masters.copy_(flat)
        for name, tensor in (found[1] if found else {}).items():
            group.arena.kept()[name].copy_(tensor)
        watch = Watch(job, body, (group.arena, checkpoints), state)
        torch.set_num_threads(1)
        try:
            if not state.stopped:
                with group.start(given) as trainer:
                    lead(trainer, watch)
                on_cpu = group.arena.masters.device.type == "cpu"
                outlay.stepped(getattr(body.layout, "arch", None) if on_cpu else None, group.processes, watch.meter, encoded)
        finally:
            watch.tracker.close()
            torch.set_num_threads(threads)
        weights = checkpoints.best(watch.standing.step) if job.what.keep == "best" else group.arena.whole()
        figures = _finish(job, body, weights, watch.clock.seconds())
    checkpoints.clear()
    watch.draw()
    return figures | watch.figures() | {"processes": group.processes, "samples": len(encoded.ends)}


def _finish(job: Job, body: Any, weights: Any, seconds: float) -> dict[str, Any]:
    """Write the weights, read them back, and return the figures."""
    from kubestill.stages.training.trackers import CURVE
    from kubestill.tools.modeling.texts import read_texts

    texts = read_texts(job.out)
    body.save(job.out, weights, (texts.pad, texts.end))
    gap = body.check(job.out, weights)
    last = json.loads((job.out / CURVE).read_text().splitlines()[-1])
    return {
        "parameters": body.layout.total,
        "steps": last["step"],
        "tokens": last["tokens"],
        "loss": last["loss"],
        "training_seconds": round(seconds, 1),
        "tokens_per_second": round(last["tokens"] / max(seconds, 1e-9), 1),
        "hugging_face_gap": gap,
    }


STAGE = Training()
