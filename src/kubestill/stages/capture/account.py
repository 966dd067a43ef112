"""What a capture tells of itself: sizes, errors against the dense distributions, the teacher's perplexity by skill and kind."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kubestill.ground.records import read_records
from kubestill.tools.modeling.encoding import shards_of
from kubestill.tools.signals import Form

GROUPS = ("skill", "kind")


def summed(shards: Sequence[dict[str, Any]], form: Form) -> dict[str, Any]:
    """Return the figures of a capture from the sums of its shards; variations and divergences are of the whole distributions."""
    tokens = sum(found["tokens"] for found in shards)
    means = {name: sum(found[name] for found in shards) / max(tokens, 1) for name in ("entropy", "rest", "variation", "divergence")}
    return {
        "tokens": tokens,
        "bytes_per_token": form.bytes_per_token,
        "mean_entropy_nats": round(means["entropy"], 4),
        "mean_rest": round(means["rest"], 6),
        "mean_variation": round(means["variation"], 6),
        "most_variation": round(max((found["variation_most"] for found in shards), default=0.0), 6),
        "mean_divergence_nats": round(means["divergence"], 6),
        "bound_variation": round(form.bound_variation, 6),
        "bound_divergence_nats": round(form.bound_divergence, 6),
    }


def perplexities(folder: Path, mix: Path, form: Form, shards: int) -> dict[str, dict[str, float]]:
    """Return exp of the mean cross-entropy of the teacher on the lessons' own tokens, by skill and by kind."""
    sums: dict[str, dict[str, list[float]]] = {group: {} for group in GROUPS}
    records = enumerate(record for shard in shards_of(mix) for record in read_records(shard))
    for line, loss, tokens in _losses(folder, form, shards):
        record = next(record for number, record in records if number == line)
        for group in GROUPS:
            found = sums[group].setdefault(str(record[group]), [0.0, 0])
            found[0] += loss
            found[1] += tokens
    return {
        group: {name: round(float(np.exp(loss / max(tokens, 1))), 4) for name, (loss, tokens) in sorted(found.items())}
        for group, found in sums.items()
    }


def _losses(folder: Path, form: Form, shards: int) -> Iterator[tuple[int, float, int]]:
    """Yield line, summed cross-entropy and tokens of each lesson, in their order."""
    for number in range(shards):
        records = np.load(folder / f"signals-{number:05d}.npy", mmap_mode="r", allow_pickle=False)
        lessons = np.load(folder / f"lessons-{number:05d}.npy", mmap_mode="r", allow_pickle=False)
        assert records.dtype == form.dtype
        start = 0
        for line, tokens, _ in lessons.tolist():
            yield line, -float(records["chosen"][start : start + tokens].sum(dtype=np.float64)), tokens
            start += tokens
