"""Training: a mix becomes the weights of a student."""

import json
import os
import shutil
from typing import Any, ClassVar

from kubestill.ground.errors import KubestillError, Unavailable
from kubestill.ground.stage import Done, How, Inputs, Job, What
from kubestill.stages.training.settings import TrainingHow, TrainingWhat


class Training:
    """Fills a weights folder: the student, its tokenizer, chat.json, curve.jsonl and fullpass.jsonl."""

    name: ClassVar[str] = "training"
    version: ClassVar[int] = 1
    what: ClassVar[type[What]] = TrainingWhat
    how: ClassVar[type[How]] = TrainingHow
    inputs: ClassVar[Inputs] = {"mix": "curation"}
    output: ClassVar[str] = "weights"

    def run(self, job: Job) -> Done:
        """Train to the end of the budget, going on from the last checkpoint where there is one.

        Raises:
            UserError: settings, base or mix cannot be used, or the loss became no number.
            Unavailable: torch is not installed.
        """
        try:
            from kubestill.stages.training import batches, prepare
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("kubestill"):
                raise
            raise Unavailable(f"training needs {error.name}", "pip install 'kubestill[train]'") from None
        processes = min(job.how.processes or _cores(), job.what.blocks)
        tally = prepare.prepare(job, processes)
        figures = _train(job, processes)
        shutil.rmtree(job.out / batches.ENCODED)
        return Done(tally, figures)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _train(job: Job, processes: int) -> dict[str, Any]:
    import torch

    from kubestill.stages.training import checkpoint, parallel, prepare
    from kubestill.stages.training.batches import ENCODED, Encoded, Position
    from kubestill.stages.training.loop import Given, assist, lead
    from kubestill.stages.training.watch import Watch

    body, flat = prepare.prepare_weights(job)
    encoded = Encoded.load(job.out / ENCODED)
    digest = encoded.digest()
    found = checkpoint.load_checkpoint(job.out, digest)
    state = found[0] if found else checkpoint.State(0, 0, Position(), 0.0, digest, 0, 0)
    file = parallel.shared_file()
    arena = parallel.Arena.over(file, body.layout, processes, job.what)
    arena.masters.copy_(flat)
    for name, tensor in (found[1] if found else {}).items():
        arena.kept()[name].copy_(tensor)
    arena.working.copy_(arena.masters)
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
    watch = Watch(job, body, arena, state)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with parallel.Crew(processes, file, assist, given) as team:
            lead(given, arena, team, watch)
    finally:
        torch.set_num_threads(threads)
        os.close(file)
    return _finish(job, body, arena, watch.clock.seconds()) | {"processes": processes, "samples": len(encoded.ends)}


def _finish(job: Job, body: Any, arena: Any, seconds: float) -> dict[str, Any]:
    """Write the weights, read them back, and return the figures."""
    from kubestill.stages.training.checkpoint import NAME
    from kubestill.stages.training.watch import CURVE
    from kubestill.tools.chat.format import END, PAD
    from kubestill.tools.modeling.load import load_student
    from kubestill.tools.modeling.tokenizer import load_tokenizer, token_id
    from kubestill.tools.modeling.verify import verify_folder

    tokenizer = load_tokenizer(job.out)
    body.save(job.out, arena.masters, (token_id(tokenizer, PAD), token_id(tokenizer, END)))
    _, again = load_student(job.out)
    if not again.equal(arena.masters):
        raise KubestillError(f"{job.out}: the weights read back differ from those written; is the disk full or failing?")
    gap = verify_folder(job.out)
    (job.out / NAME).unlink(missing_ok=True)
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
