"""Before the first step of a tuning: which requests are answered, and for dpo the samples, the pairs, and the reference's word on them."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_records, write_text
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Done, Job, Tally
from kubestill.stages.training import likelihood
from kubestill.stages.training.devloss import prepare_dev
from kubestill.stages.training.pairs import REFERENCE, make_pairs
from kubestill.stages.training.parallel import TYPES
from kubestill.stages.training.prepare import base_of, copy_texts, prepare_weights
from kubestill.stages.training.rollouts import STEM, Work, one_thread, roll_out
from kubestill.tools.modeling.encoding import ENCODED, Encoded, Encoding, Limits, encode_lines, shards_of

ASKED = "asked.jsonl"  # beside the encoded lessons: the samples whose requests are answered
START = "start.npy"  # the weights that tuning starts from, mapped by every process
DONE = "done.json"  # written last


def prepare_tuning(job: Job, processes: int) -> Done:
    """Fill `job.out` with all that the objective learns from, once.

    Raises:
        UserError: there is nothing to learn from.
    """
    folder, base = job.out / ENCODED, base_of(job)
    if (folder / DONE).exists():
        record = json.loads((folder / DONE).read_text())
        return Done(Tally(**record["tally"]), record["figures"])
    assert base is not None  # an input of the stage
    copy_texts(base, job.out)
    right, tally = _ask(job, folder)
    prepare_dev(job)
    figures: dict[str, Any] = {"requests": tally.kept}
    if job.what.objective == "dpo":
        pairs, figures = _pairs(job, right, processes)
        pairs.add(Tally(tally.came - tally.kept, 0, tally.dropped))
        tally = pairs
    elif job.what.grpo.kl:
        np.save(folder / START, prepare_weights(job)[1].numpy())
    write_text(folder / DONE, json.dumps({"tally": asdict(tally), "figures": figures}))
    return Done(tally, figures)


def _ask(job: Job, folder: Path) -> tuple[Encoded, Tally]:
    """Choose the requests, write those that fit, and encode them with their right answers."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ASKED
    write_records(path, _chosen(job))
    right, tally = encode_lines(Encoding(job.out, Sample.from_record, Limits(job.what.max_tokens)), path, slice(0, None))
    if not tally.kept:
        found = f"none of {tally.came} samples fits {job.what.max_tokens} tokens"
        raise UserError(str(job.inputs["mix"].path), found, "raise tuning.max_tokens or add samples")
    fitting = set(right.lines.tolist())
    write_records(path, [record for line, record in enumerate(read_records(path)) if line in fitting])
    right.save(folder)
    return right, tally


def _chosen(job: Job) -> Iterator[dict[str, Any]]:
    """Yield the samples of the mix that the seed chooses, in their order."""
    shards = shards_of(job.inputs["mix"].path)
    total = sum(1 for shard in shards for _ in read_records(shard))
    if not total:
        raise UserError(str(job.inputs["mix"].path), "no train-*.jsonl in it", "curation must keep at least one sample")
    places = range(total)
    chosen = set(job.seed.rng("requests").sample(places, min(job.what.requests, total)))
    records = (record for shard in shards for record in read_records(shard))
    return (record for place, record in enumerate(records) if place in chosen)


def _pairs(job: Job, right: Encoded, processes: int) -> tuple[Tally, dict[str, Any]]:
    """Draw samples, make pairs of them in place of the right answers, and let the reference judge the pairs."""
    what, folder, base = job.what, job.out / ENCODED, base_of(job)
    assert base is not None
    job.progress.say("drawing samples")
    work = Work(
        student=base,
        asked=folder / ASKED,
        domain=job.domain,
        lengths=tuple(right.labels.tolist()),
        starts=tuple(right.starts.tolist()),
        samples=what.samples,
        temperature=what.temperature,
        max_tokens=what.max_tokens,
        seed=job.seed.child("rollouts"),
    )
    figures = roll_out(work, job.out / STEM, processes, job.progress).figures
    made = make_pairs(read_shards(job.out / STEM, STEM), right, what.dpo, job.seed)
    if not made.rows:
        found = f"no pair in {figures['samples']} samples: {figures['all pass']} requests all pass, {figures['all fail']} all fail"
        raise UserError("tuning", found, "draw more samples, at a higher temperature, or set tuning.dpo.gold = true")
    made.encoded.save(folder)
    if what.dpo.form != "simpo":
        np.save(folder / REFERENCE, _reference(job, made.encoded))
    told = {"pairs": len(made.rows) // 2, "pairs with the mix's answer": made.gold}
    return made.tally, {"rollouts": figures, **told}


def _reference(job: Job, pairs: Encoded) -> Any:
    """Return the log-probability [rows] of each row under the weights that tuning starts from."""
    body, flat = prepare_weights(job)
    dtype = TYPES[job.what.precision]
    with one_thread():
        return likelihood.answers(body.build(flat, flat if dtype == torch.float32 else flat.to(dtype)), pairs, 0)
