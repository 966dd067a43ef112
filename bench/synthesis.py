"""Checked samples a second on one core, by skill; the same work inside distilabel, and manifests with kubernetes_validate as the checker.

Run: python bench/synthesis.py [--domain kubernetes] [--samples 4000] [--sources manifests.jsonl.gz]
distilabel (pip install distilabel) draws and judges the very same samples as two steps of a pipeline of its own, its loading left out:
the ratio is the price of its queues and processes. kubernetes_validate reloads its schemas on each call: its ratio says what keeping them
compiled is worth. Rates of ours and of kubernetes_validate are of processor time; distilabel's is of the clock while no step waits for
another machine. The last line is JSON.
"""

import argparse
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from kubestill.domains.api import TRAIN, Document, Drop, Sample, Skill
from kubestill.ground.seeds import Seed
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.pipeline.table import DOMAINS

SEED = Seed(7)
PEER_SAMPLES = 100  # kubernetes_validate does about a hundred a second
BATCH = 500  # samples that distilabel hands from step to step at once

if importlib.util.find_spec("distilabel") is not None:  # its steps go to other processes, so they stand in the module
    from distilabel.steps import GeneratorStep, Step, StepInput

    class Draw(GeneratorStep):  # type: ignore[misc] # distilabel ships no types
        """Draws as our maker does."""

        domain_name: str
        skill_name: str
        folder: str
        count: int

        @property
        def outputs(self) -> list[str]:
            """The columns."""
            return ["sample"]

        def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:
            """Yield batches of drawn samples."""
            skill = DOMAINS.load(self.domain_name)().skills()[self.skill_name]
            (Path(self.folder) / "started").write_text(repr(time.time()))
            for first in range(offset, self.count, BATCH):
                drawn = [skill.draw(SEED.rng("procedural", number), TRAIN) for number in range(first, min(first + BATCH, self.count))]
                yield [{"sample": json.dumps(one.to_record())} for one in drawn if isinstance(one, Sample)], first + BATCH >= self.count

    class Judge(Step):  # type: ignore[misc] # distilabel ships no types
        """Judges as our maker does."""

        domain_name: str
        skill_name: str
        folder: str

        @property
        def inputs(self) -> list[str]:
            """The columns read."""
            return ["sample"]

        @property
        def outputs(self) -> list[str]:
            """The columns written."""
            return ["passed"]

        def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
            """Yield the batch with its verdicts."""
            domain = DOMAINS.load(self.domain_name)()
            for row in inputs:
                sample = Sample.from_record(json.loads(row["sample"]))
                row["passed"] = domain.judge(sample.answer, sample.intents, sample.skill).passed
            (Path(self.folder) / "ended").write_text(repr(time.time()))
            yield inputs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", default="kubernetes")
    parser.add_argument("--samples", type=int, default=4_000)
    parser.add_argument("--sources", type=Path, help="real manifests, for the reverse road of the first skill")
    options = parser.parse_args()
    domain = DOMAINS.load(options.domain)()
    skills = domain.skills()
    figures: dict[str, Any] = {"bench": "synthesis", "domain": options.domain, "cores": 1}
    for name, skill in skills.items():
        figures[name] = _measure(domain, _drawer(skill), options.samples)
    first = next(iter(skills.values()))
    if options.sources:
        documents = [found for found in islice(domain.documents(options.sources), 600) if not isinstance(found, Drop)]
        figures[f"{first.name}, reverse"] = _measure(domain, _reverser(first, documents), options.samples)
    for name in [name for name, found in figures.items() if isinstance(found, dict)]:
        print(f"{name:20} {figures[name]['samples_per_second']:>9,.0f} checked samples/s   {figures[name]}")
    if options.domain == "kubernetes":
        figures["kubernetes_validate"] = peer = _validated(_drawer(first))
        figures["ratio_kubernetes_validate"] = ratio = round(figures[first.name]["samples_per_second"] / peer, 1)
        print(f"{'kubernetes_validate':20} {peer:>9,.0f} samples/s with its checks of the schema alone: {ratio} times slower")
    if importlib.util.find_spec("distilabel") is None:
        print("distilabel: not installed, not compared")
    else:
        for name in skills:
            peer, wall = _distilled(options.domain, name, options.samples), _wall(domain, skills[name], options.samples)
            figures[f"{name}, distilabel"] = {"samples_per_second": peer, "ours_by_the_clock": wall, "ratio": round(wall / peer, 2)}
            print(f"{name:20} {wall:>9,.0f} a second by the clock, distilabel {peer:,.0f}: {wall / peer:.2f} times as fast")
    print(json.dumps({**figures, **hardware(), "commit": commit()}))


def _drawer(skill: Skill) -> Callable[[int], Sample | Drop]:
    return lambda number: skill.draw(SEED.rng("procedural", number), TRAIN)


def _reverser(skill: Skill, documents: list[Document]) -> Callable[[int], Sample | Drop]:
    return lambda number: skill.reverse(documents[number % len(documents)], SEED.rng("reverse", number), TRAIN)


def _measure(domain: Any, make: Callable[[int], Sample | Drop], count: int) -> dict[str, Any]:
    """Return the rate of admitted samples; processor time, because other work may share the machine."""
    for number in range(200):  # compiles schemas, fills caches: paid once a process
        _admitted(domain, make(number))
    started = time.process_time()
    admitted = sum(_admitted(domain, make(number)) for number in range(count))
    seconds = time.process_time() - started
    return {"samples_per_second": round(admitted / seconds, 1), "admitted": admitted, "tried": count, "seconds": round(seconds, 2)}


def _wall(domain: Any, skill: Skill, count: int) -> float:
    started = time.monotonic()
    admitted = sum(_admitted(domain, make) for make in map(_drawer(skill), range(count)))
    return round(admitted / (time.monotonic() - started), 1)


def _admitted(domain: Any, sample: Sample | Drop) -> bool:
    return not isinstance(sample, Drop) and domain.judge(sample.answer, sample.intents, sample.skill).passed


def _validated(make: Callable[[int], Sample | Drop]) -> float:
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


def _distilled(domain_name: str, skill_name: str, count: int) -> float:
    """Return the rate at which a distilabel pipeline of two steps, drawing and judging, admits the same samples."""
    from distilabel.pipeline import Pipeline

    folder = Path(tempfile.mkdtemp())
    with Pipeline(name="synthesis", cache_dir=folder) as pipeline:
        asked = {"domain_name": domain_name, "skill_name": skill_name, "folder": str(folder)}
        Draw(name="draw", batch_size=BATCH, count=count, **asked) >> Judge(name="judge", input_batch_size=BATCH, **asked)
    found = pipeline.run(use_cache=False)["default"]["train"]
    seconds = float((folder / "ended").read_text()) - float((folder / "started").read_text())
    return round(sum(found["passed"]) / seconds, 1)


if __name__ == "__main__":
    main()
