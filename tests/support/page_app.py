"""A small workspace and a service for the page; with EVIL in every place where a stranger's text may stand."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubestill.ground.manifest import Artifact, write_manifest
from kubestill.ground.records import write_records, write_text
from kubestill.ground.store import Store
from kubestill.pipeline.instruments import Workbench
from kubestill.pipeline.models import load_domain
from kubestill.serving.answer import Answer
from kubestill.serving.api import Trace, Turn, Wish
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Removed, Reply
from support.fake_service import PASSED, FakeDesk, FakeServed, FakeService
from support.manifests import DEPLOYMENT

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\"'><svg onload=document.title='owned'>"
FINISHED, GOING, FAILED = "2026-11-20-101500-small", "2026-11-21-090000-live", "2026-11-19-080000-broken"
EVIL_RUN = "2026-11-18-070000-<img src=x onerror=document.title='owned'>"
MIX = "mix/curation-0123456789ab"
WEIGHTS, NEXT = "weights/training-ba9876543210", "scores/evaluation-00ff00ff00ff"
BAD = Finding("K8S022", "spec.replica", f"unknown field {EVIL}", Tier.SCHEMA, 6, 3, remedy=f"Correct it. {EVIL}")
REJECTED = Verdict((Result("K8S001", Tier.SYNTAX, Outcome.PASS), Result("K8S022", Tier.SCHEMA, Outcome.FAIL, (BAD,))))


class PageModel(FakeServed):
    def domain(self, wish: Wish) -> Any:
        return load_domain("kubernetes", wish.version)


class PageService(FakeService):
    """Answers with a Deployment; of a request that holds "evil" with EVIL, and with findings; checks and explains in earnest."""

    def __init__(self, beat_seconds: float = 0.002) -> None:
        super().__init__(FakeDesk(beat_seconds))
        self.models = {name: PageModel(name, self.desk) for name in ("small", f"other {EVIL}")}
        self.bench = Workbench()

    def answer(self, turn: Turn, model: str = "") -> Answer:
        request, begun = turn.inquiry.request, time.monotonic()
        if request in ("slow", "odd", "late"):
            return super().answer(turn, model)
        self.turns.append(turn)
        turn.by = model or next(iter(self.models))
        evil = "evil" in request
        text = (
            DEPLOYMENT.replace("replicas: 3", "replicas: 5") if turn.inquiry.manifest else f"# {EVIL}\n{DEPLOYMENT}" if evil else DEPLOYMENT
        )
        text = text + "# free\n" if turn.inquiry.wish.free else text
        if turn.told is not None:
            for line in text.splitlines(keepends=True):
                turn.told(line)
        notes = f"kind: Deployment\nname: {EVIL if evil else 'web'}\nspec.replicas: 3"
        removed = (Removed(EVIL if evil else " replica", 0.61, " replicas", 7),)
        turn.traces.append(Trace("generate", time.monotonic() - begun, EVIL if evil else ""))
        reply = Reply(text, 12, 60, False, notes, 40, 8, removed, (EVIL,) if evil else ("quickly",))
        return Answer(reply, REJECTED if evil else PASSED, 0.25, by=turn.by)

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        return self.bench.check(text, wish)

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        return self.bench.explain(name, version)


def score(passed: int, total: int) -> dict[str, Any]:
    return {"passed": passed, "total": total, "low": max(0.0, passed / total - 0.1), "high": min(1.0, passed / total + 0.1)}


def curve_row(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "tokens": 1000 * step,
        "loss": 2.0 / step,
        "learning_rate": 1e-3,
        "tokens_per_second": 5000.0,
        "seconds": step / 2,
    }


def make_report(name: str) -> dict[str, Any]:
    """A report as `pipeline.report_data.collect` shapes it."""
    finding = {"code": "K8S022", "path": EVIL, "message": EVIL}
    answers = [
        {"suite": "procedural", "kind": EVIL, "request": EVIL, "expected": DEPLOYMENT, "answer": EVIL, "passed": False}
        | {"failed_on": "schema", "findings": [finding]},
        {"suite": "procedural", "kind": "Deployment", "request": "a deployment", "expected": DEPLOYMENT, "answer": DEPLOYMENT}
        | {"passed": True, "failed_on": "", "findings": []},
    ]
    suite = {**score(30, 40), "by_kind": {EVIL: score(2, 4), "Deployment": score(28, 36)}, "failed_on": {"schema": 6, EVIL: 4}}
    stage = {"seconds": 12.5, "peak_memory_bytes": 3 * 10**8, "reused": False, "figures": {}}
    tally = {"came": 100, "kept": 90, "dropped": {EVIL: 7, "too-long": 3}}
    return {
        **{
            "name": name,
            "recipe": f'name = "small"\n# {EVIL}\n',
            "seed": 1,
            "domain": "kubernetes",
            "created": "2026-11-20T10:15:00+00:00",
        },
        **{"commit": "abc", "versions": {}, "hardware": {"cpu": EVIL, "cores": 2, "memory_bytes": 1, "accelerator": ""}},
        **{"seconds_total": 512.0, "seconds_run": 512.0, "peak_memory_bytes": 3 * 10**8, "factors": []},
        "stages": [{**stage, "name": "curation", "artifact": MIX, "tally": tally}],
        "river": [{"stage": "curation", **tally}],
        "suites": {
            "procedural": {**suite, "constrained": score(32, 40)},
            EVIL: {**score(0, 1), "total": 0, "by_kind": {}, "failed_on": {}, "skipped": EVIL, "constrained": {}},
        },
        "curve": [curve_row(step) for step in range(1, 200)],
        "fullpass": [
            {"step": 100, "tokens": 1, "seconds": 1.0, "passed": 3, "total": 8},
            {"step": 199, "tokens": 2, "seconds": 2.0, "passed": 6, "total": 8},
        ],
        "answers": answers,
    }


def make_sample(number: int) -> dict[str, Any]:
    evil = number == 3
    return {
        **{"id": f"{number:016x}", "skill": "manifest", "request": EVIL if evil else f'Deployment number {number} Ünï "quoted"\nplease'},
        "answer": f"# {EVIL}\n" if evil else DEPLOYMENT,
        "intents": [
            {"aspect": "kind", "keys": [], "value": EVIL if evil else "Deployment"},
            {"aspect": "expect.x", "keys": [], "value": 1},
        ],
        **{"kind": EVIL if evil else ("Deployment", "Service")[number % 2], "road": ("procedural", "reverse")[number % 3 == 0]},
        **{"forms": [], "source": {"repository": EVIL, "path": "x.yaml"} if evil else {}},
    }


def make_workspace(root: Path) -> Store:
    """A finished run, one that goes on, a failed one, one with a name that is a script; a mix; a release."""
    store = Store(root)
    for name in (FINISHED, EVIL_RUN):
        write_text(store.runs / name / "report.json", json.dumps(make_report("small" if name == FINISHED else EVIL)))
    for name, artifacts in (
        (GOING, {"curation": MIX, "training": WEIGHTS, "evaluation": NEXT}),
        (FAILED, {"training": "weights/training-x"}),
    ):
        write_text(store.runs / name / "recipe.toml", f'name = "{name[18:]}"\n')
        write_text(store.runs / name / "run.json", json.dumps({"name": name[18:], "artifacts": artifacts}))
    write_text(store.runs / FAILED / "failure.json", json.dumps({"stage": "training", "error": "OSError", "message": EVIL}))
    old = time.time() - 9_000
    for path in (store.runs / FAILED).iterdir():
        os.utime(path, (old, old))
    write_records(root / "artifacts" / WEIGHTS / "curve.jsonl", map(curve_row, range(1, 20)))
    _make_mix(root)
    _make_release(root)
    return store


def _make_mix(root: Path) -> None:
    folder = root / "artifacts" / MIX
    write_records(folder / "train-00000.jsonl", map(make_sample, range(40)))
    write_records(folder / "train-00001.jsonl", map(make_sample, range(40, 65)))
    write_records(folder / "dev.jsonl", map(make_sample, range(65, 70)))
    sample = make_sample(3)
    rejects = [
        {"reason": EVIL, **sample, "findings": [{"code": "K8S022", "path": EVIL, "message": EVIL}]},
        {"reason": "too-long", "skill": "manifest", "road": "procedural", "draw": 17},
        {"reason": "too-long", "document": "d1", "text": EVIL},
    ]
    write_records(folder / "rejects.jsonl", rejects)
    tally = {"came": 73, "kept": 70, "dropped": {EVIL: 1, "too-long": 2}}
    figures = {
        "train_by_skill": {"manifest": 65},
        "train_by_road": {"procedural": 43, "reverse": 22},
        "kind.Deployment": 35,
        f"kind.{EVIL}": 1,
    }
    write_manifest(Artifact("mix", "0123456789ab" + "0" * 28, "curation", folder, tally=tally, figures=figures, seconds=3.0))


def _make_release(root: Path) -> None:
    folder = root / "artifacts" / "release" / "export-fedcba987654"
    head = "| suite | decoding | full-pass@1 | interval | n | fails on |\n|---|---|---|---|---|---|"
    table = f"{head}\n| procedural | free | 75.0% | 60% to 85% | 40 | x |"
    link = "[link](javascript:document.title='owned')"
    card = f"---\nlicense: x\n---\n# small\n\n{EVIL} **bold** `code` {link}\n\n{table}\n\n- {EVIL}\n\n```\n{EVIL}\n```\n"
    write_text(folder / "README.md", card)
    write_text(folder / "model.safetensors", "x" * 5000)
    write_manifest(Artifact("release", "fedcba987654" + "0" * 28, "export", folder, figures={"parameters": 4_500_000}))
