"""A pipeline of three tiny stages and a domain without knowledge: the runner's seam, without the work."""

import json
from types import SimpleNamespace
from typing import Any, ClassVar

from kubestill.ground.records import write_records, write_text
from kubestill.ground.registry import Table
from kubestill.ground.shards import Shard, ShardWork, run_shards
from kubestill.ground.stage import Done, How, Inputs, Job, Tally, What

RAN: list[str] = []


class NumbersWhat(What):
    count: int = 6
    sources: tuple[tuple[str, str], ...] = ()
    digest: str = ""


class NumbersHow(How):
    fail: bool = False
    vanish: bool = False


class Numbers:
    name: ClassVar[str] = "numbers"
    version: ClassVar[int] = 1
    what: ClassVar[type[What]] = NumbersWhat
    how: ClassVar[type[How]] = NumbersHow
    inputs: ClassVar[Inputs] = {}
    output: ClassVar[str] = "documents"

    def run(self, job: Job) -> Done:
        RAN.append(self.name)
        if job.how.fail:
            raise RuntimeError("asked to fail")
        write_records(job.out / "documents-00000.jsonl", ({"number": number} for number in range(job.what.count)))
        kept = job.what.count - 1 if job.how.vanish else job.what.count
        return Done(Tally(came=job.what.count, kept=kept), {"sources": [path for _, path in job.what.sources]})


class ThirdsWhat(What):
    by: int = 3
    base: str = ""


class ThirdsHow(How):
    processes: int = 1


def make_shard(index: int) -> Shard:
    records = [{"shard": index, "number": number} for number in range(4)]
    kept = [record for record in records if record["number"] % 2 == index % 2]
    rejects = [{"reason": "odd one", **record} for record in records if record not in kept]
    return Shard(kept, rejects, Tally(4, len(kept), {"odd one": len(rejects)}), {"seen": 4})


class Thirds:
    name: ClassVar[str] = "thirds"
    version: ClassVar[int] = 1
    what: ClassVar[type[What]] = ThirdsWhat
    how: ClassVar[type[How]] = ThirdsHow
    inputs: ClassVar[Inputs] = {"documents": "numbers"}
    output: ClassVar[str] = "samples"

    def run(self, job: Job) -> Done:
        RAN.append(self.name)
        assert job.inputs["documents"].kind == "documents"
        made = run_shards(ShardWork(job.out, "samples", job.what.by, make_shard), job.how.processes, job.progress)
        return Done(made.tally, dict(made.figures))


class Judged:
    name: ClassVar[str] = "judged"
    version: ClassVar[int] = 1
    what: ClassVar[type[What]] = What
    how: ClassVar[type[How]] = How
    inputs: ClassVar[Inputs] = {"samples": "thirds"}
    output: ClassVar[str] = "scores"

    def run(self, job: Job) -> Done:
        RAN.append(self.name)
        rows = [answer(number, passed=number % 3 > 0) for number in range(30)]
        write_records(job.out / "toy.jsonl", rows)
        share = {"passed": 20, "total": 30, "low": 0.49, "high": 0.81}
        scores = {"toy": {**share, "by_kind": {"Toy": share}, "failed_on": {"intent": 10}, "tokens_mean": 3.0, "seconds": 0.1}}
        write_text(job.out / "scores.json", json.dumps(scores))
        return Done(Tally(30, 30))


def answer(number: int, passed: bool) -> dict[str, Any]:
    findings = [] if passed else [{"code": "T001", "path": "spec", "message": "not so"}]
    told = {"id": str(number), "kind": "Toy", "request": f"request {number}", "expected": "yes", "answer": "no"}
    return {**told, "passed": passed, "failed_on": "" if passed else "intent", "findings": findings, "tokens": 3, "cut": False}


NUMBERS, THIRDS, JUDGED = Numbers(), Thirds(), Judged()
STAGES = Table("stage", {name.lower(): f"support.fake_pipeline:{name}" for name in ("NUMBERS", "THIRDS", "JUDGED")})


def domain(colour: str = "red") -> Any:
    return SimpleNamespace(name="toy", identity=lambda: {"colour": colour}, forms=lambda: {"manifests": "toys"})
