"""Checked samples a second on one core, by road; and the same with kubernetes_validate.validate as the checker.

Run: python bench/synthesis_speed.py [--domain kubernetes] [--samples 4000] [--sources manifests.jsonl.gz]
The peer reloads its schemas on each call; its ratio says what keeping them compiled is worth. The last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from kubestill.domains.api import TRAIN, Document, Drop, Sample
from kubestill.ground.seeds import Seed
from kubestill.pipeline.table import DOMAINS

SEED = Seed(7)
PEER_SAMPLES = 100  # the peer does about a hundred a second


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", default="kubernetes")
    parser.add_argument("--samples", type=int, default=4_000)
    parser.add_argument("--sources", type=Path, help="real documents, for the reverse road")
    options = parser.parse_args()
    domain = DOMAINS.load(options.domain)()
    roads: dict[str, Callable[[int], Sample | Drop]] = {"procedural": _drawer(domain)}
    if options.sources:
        roads["reverse"] = _reverser(domain, list(islice(_documents(domain, options.sources), 500)))
    figures: dict[str, Any] = {"bench": "synthesis_speed", "domain": options.domain, "cores": 1}
    for road, make in roads.items():
        figures[road] = _measure(domain, make, options.samples)
        print(f"{road:12} {figures[road]['samples_per_second']:>9,.0f} checked samples/s   {figures[road]}")
    if options.domain == "kubernetes":
        figures["peer_samples_per_second"] = peer = _peer(roads["procedural"])
        figures["ratio"] = round(figures["procedural"]["samples_per_second"] / peer, 1)
        print(f"{'peer':12} {peer:>9,.0f} samples/s with kubernetes_validate.validate: {figures['ratio']} times slower")
    print(json.dumps(figures))


def _drawer(domain: Any) -> Callable[[int], Sample | Drop]:
    skills = list(domain.skills().values())
    return lambda number: skills[number % len(skills)].draw(SEED.rng("procedural", number), TRAIN)


def _reverser(domain: Any, documents: list[Document]) -> Callable[[int], Sample | Drop]:
    skill = next(iter(domain.skills().values()))
    return lambda number: skill.reverse(documents[number % len(documents)], SEED.rng("reverse", number), TRAIN)


def _documents(domain: Any, path: Path) -> Any:
    return (found for found in domain.documents(path) if not isinstance(found, Drop))


def _measure(domain: Any, make: Callable[[int], Sample | Drop], count: int) -> dict[str, Any]:
    """Return the rate of admitted samples; processor time, because other work may share the machine."""
    for number in range(200):  # compiles schemas, fills caches: paid once a process
        _admitted(domain, make(number))
    started = time.process_time()
    admitted = sum(_admitted(domain, make(number)) for number in range(count))
    seconds = time.process_time() - started
    return {"samples_per_second": round(admitted / seconds, 1), "admitted": admitted, "tried": count, "seconds": round(seconds, 2)}


def _admitted(domain: Any, sample: Sample | Drop) -> bool:
    return not isinstance(sample, Drop) and domain.judge(sample.answer, sample.intents).passed


def _peer(make: Callable[[int], Sample | Drop]) -> float:
    """Return the rate at which kubernetes_validate checks the schema, and nothing else, of the same drawn samples."""
    import kubernetes_validate
    import yaml

    samples = [sample for number in range(PEER_SAMPLES) if isinstance(sample := make(number), Sample)]
    started = time.process_time()
    for sample in samples:
        for document in yaml.load_all(sample.answer, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if document:
                kubernetes_validate.validate(document, "1.36", strict=True)
    return round(len(samples) / (time.process_time() - started), 1)


if __name__ == "__main__":
    main()
