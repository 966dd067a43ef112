"""Checked samples a second of one core, skill by skill, and the same samples made inside a distilabel pipeline.

Run: python bench/synthesis.py [--domain kubernetes] [--seconds 2] [--sources manifests.jsonl.gz]
Each skill draws and judges for so many seconds of processor time in one process. Then distilabel (pip install distilabel), a maker of
templated and asked-for data, does the very same draws as two steps of a pipeline of its own, which call our draw and our judge: what
differs is what carries the samples, its processes, queues and records. Loading and compiling are left out of both. Processor time is what
counts where other work shares the machine (of distilabel that of its steps and of its main process, from the first draw to the last
verdict); the clock shows that its steps run side by side. kubernetes_validate as the checker of manifests reloads its schemas on each
call: its ratio says what keeping them compiled is worth. The last line is JSON.
"""

import argparse
import importlib.util
import json
import os
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
BATCH = 200  # samples drawn, then judged, at once; also what distilabel hands from step to step
PATIENCE = 3  # a skill that gets no core stops after so many times its seconds by the clock
Make = Callable[[int], Sample | Drop]


def _drawer(skill: Skill) -> Make:
    return lambda number: skill.draw(SEED.rng("procedural", number), TRAIN)


def _warm(domain: Any, make: Make) -> None:
    """Compile schemas and fill caches: paid once a process."""
    for number in range(BATCH):
        _admitted(domain, make(number))


def _admitted(domain: Any, sample: Sample | Drop) -> bool:
    return not isinstance(sample, Drop) and domain.judge(sample.answer, sample.intents, sample.skill).passed


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

        def load(self) -> None:
            """Load the domain in the process that draws."""
            super().load()
            _warm(domain := DOMAINS.load(self.domain_name)(), _drawer(domain.skills()[self.skill_name]))

        def process(self, offset: int = 0) -> Iterator[tuple[list[dict[str, Any]], bool]]:
            """Yield batches of drawn samples."""
            make = _drawer(DOMAINS.load(self.domain_name)().skills()[self.skill_name])
            began, busy, main = time.time(), time.process_time(), _busy_of(self.folder)
            for first in range(offset, self.count, BATCH):
                drawn = map(make, range(first, min(first + BATCH, self.count)))
                rows = [{"sample": json.dumps(one.to_record())} for one in drawn if isinstance(one, Sample)]
                _note(self.folder, "draw", began, time.process_time() - busy, main)
                yield rows, first + BATCH >= self.count

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

        def load(self) -> None:
            """Load the domain in the process that judges."""
            super().load()
            self._domain = DOMAINS.load(self.domain_name)()
            _warm(self._domain, _drawer(self._domain.skills()[self.skill_name]))
            self._busy = time.process_time()

        def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:
            """Yield the batch with its verdicts."""
            for row in inputs:
                row["passed"] = _admitted(self._domain, Sample.from_record(json.loads(row["sample"])))
            _note(self.folder, "judge", time.time(), time.process_time() - self._busy, _busy_of(self.folder))
            yield inputs


def _note(folder: str, step: str, when: float, busy: float, main: float) -> None:
    """Note what a step has used so far, and what the main process had."""
    (Path(folder) / f"{step}.json").write_text(json.dumps({"when": when, "busy": busy, "main": main}))


def _busy_of(folder: str) -> float:
    """Return the seconds of processor time that the main process has used; 0 where the system does not tell."""
    stat = Path("/proc", (Path(folder) / "main").read_text(), "stat")
    fields = stat.read_text().rpartition(") ")[2].split() if stat.exists() else ("0",) * 13
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", default="kubernetes")
    parser.add_argument("--seconds", type=float, default=2.0, help="of processor time, for each skill")
    parser.add_argument("--sources", type=Path, help="real manifests, for the reverse road of the first skill")
    options = parser.parse_args()
    os.environ.setdefault("DISTILABEL_LOG_LEVEL", "ERROR")
    domain = DOMAINS.load(options.domain)()
    skills = domain.skills()
    rows: dict[str, Any] = {}
    print(_HEAD)
    for name, skill in skills.items():
        rows[name] = {"ours": (ours := _measure(domain, _drawer(skill), options.seconds))}
        print(_row(name, ours), flush=True)
        if importlib.util.find_spec("distilabel") is not None:
            rows[name] |= _compared(ours, peer := _distilled(options.domain, name, ours["tried"]))
            print(_row("  in distilabel", peer) + f"   ours {rows[name]['ratio']:.2f} times as fast a core", flush=True)
    if importlib.util.find_spec("distilabel") is None:
        print("distilabel: not installed, not compared")
    first = next(iter(skills.values()))
    if options.sources:
        documents = [found for found in islice(domain.documents(options.sources), 600) if not isinstance(found, Drop)]
        rows[f"{first.name}, reverse"] = {"ours": (ours := _measure(domain, _reverser(first, documents), options.seconds))}
        print(_row(f"{first.name}, reverse", ours))
    figures: dict[str, Any] = {"bench": "synthesis", "domain": options.domain, "skills": rows}
    if options.domain == "kubernetes":
        figures["kubernetes_validate"] = checked = _validated(_drawer(first))
        figures["ratio_kubernetes_validate"] = round(rows[first.name]["ours"]["samples_per_core_second"] / checked, 1)
        print(f"kubernetes_validate: {checked:,.0f} {first.name} samples/s with its checks of the schema alone")
    figures["ratios_distilabel"] = {name: row["ratio"] for name, row in rows.items() if "ratio" in row}
    print(json.dumps({**figures, **hardware(), "load": round(os.getloadavg()[0], 1), "niceness": os.nice(0), "commit": commit()}))


_HEAD = f"{'skill':18}{'samples/core s':>15}{'drawn/core s':>14}{'judged/core s':>15}{'samples/s':>11}"
_HEAD += f"{'admitted':>10}{'core s':>8}{'clock s':>9}"


def _row(name: str, found: dict[str, Any]) -> str:
    return (
        f"{name:18}{found['samples_per_core_second']:>15,.0f}{found['drawn_per_core_second']:>14,.0f}{found['judged_per_core_second']:>15,.0f}"
        f"{found['samples_per_second']:>11,.0f}{found['admitted']:>10,}{found['core_seconds']:>8.2f}{found['clock_seconds']:>9.2f}"
    )


def _reverser(skill: Skill, documents: list[Document]) -> Make:
    return lambda number: skill.reverse(documents[number % len(documents)], SEED.rng("reverse", number), TRAIN)


def _measure(domain: Any, make: Make, seconds: float) -> dict[str, Any]:
    """Draw and judge batch by batch for so many seconds of processor time; return what was made, and what it took."""
    _warm(domain, make)
    tried = admitted = 0
    drawing = judging = 0.0
    began = time.monotonic()
    while drawing + judging < seconds and time.monotonic() - began < PATIENCE * seconds:
        started = time.process_time()
        samples = [make(number) for number in range(tried, tried + BATCH)]
        drawn = time.process_time()
        admitted += sum(_admitted(domain, sample) for sample in samples)
        drawing, judging = drawing + drawn - started, judging + time.process_time() - drawn
        tried += BATCH
    return _told(tried, admitted, (drawing, judging), time.monotonic() - began)


def _told(tried: int, admitted: int, busy: tuple[float, float], clock: float, carried: float = 0.0) -> dict[str, Any]:
    """Return figures; `busy`: seconds of processor time spent drawing and judging, `carried`: those spent between them."""
    return {
        "samples_per_core_second": round(admitted / (sum(busy) + carried), 1),
        "drawn_per_core_second": round(tried / busy[0], 1),
        "judged_per_core_second": round(tried / busy[1], 1),
        "samples_per_second": round(admitted / clock, 1),
        "tried": tried,
        "admitted": admitted,
        "core_seconds": round(sum(busy) + carried, 2),
        "carrying_core_seconds": round(carried, 2),
        "clock_seconds": round(clock, 2),
    }


def _distilled(domain_name: str, skill_name: str, count: int) -> dict[str, Any]:
    """Return what a distilabel pipeline of two steps, drawing and judging, takes for the same samples."""
    from distilabel.pipeline import Pipeline

    folder = Path(tempfile.mkdtemp())
    (folder / "main").write_text(str(os.getpid()))
    with Pipeline(name="synthesis", cache_dir=folder) as pipeline:
        asked = {"domain_name": domain_name, "skill_name": skill_name, "folder": str(folder)}
        Draw(name="draw", batch_size=BATCH, count=count, **asked) >> Judge(name="judge", input_batch_size=BATCH, **asked)
    found = pipeline.run(use_cache=False)["default"]["train"]
    draw, judge = (json.loads((folder / f"{step}.json").read_text()) for step in ("draw", "judge"))
    carried = judge["main"] - draw["main"]
    return _told(count, sum(found["passed"]), (draw["busy"], judge["busy"]), judge["when"] - draw["when"], carried)


def _compared(ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    """Return the peer's figures and how many times as fast ours are: of processor time, and by the clock."""
    ratios = {
        name: round(ours[figure] / peer[figure], 2)
        for name, figure in (("ratio", "samples_per_core_second"), ("ratio_by_the_clock", "samples_per_second"))
    }
    return {"distilabel": peer, **ratios}


def _validated(make: Make) -> float:
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
