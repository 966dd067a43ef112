"""What a run would do: which artifacts stand, which will be built and why, and at what cost. Spends nothing, loads no torch."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubestill.ground.fingerprint import canonical, digest, fingerprint
from kubestill.ground.manifest import Artifact
from kubestill.ground.stage import How, Stage, What, is_wanted, makers
from kubestill.ground.store import Store
from kubestill.pipeline.recipe import Recipe, takes_sources
from kubestill.pipeline.spelling import duration, size
from kubestill.tools.chat.format import FORMAT_VERSION
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.memory import Forecast

SHOWN_CHANGES = 3
OTHER = "other "
HAVE, BUILD, WAITS = "have it", "will build", "waits"
RENDERED = frozenset({"mix", "weights"})  # a stage that reads one of these turns requests into text: the chat format shapes its result


@dataclass(frozen=True)
class Settled:
    """A stage with the settings it will get, and everything that enters its key."""

    stage: Stage
    what: What
    parts: Mapping[str, Any]
    inputs: Mapping[str, str]  # label -> the stage that makes it


@dataclass(frozen=True)
class Step:
    """One stage of the plan."""

    settled: Settled
    key: str
    place: Path
    artifact: Artifact | None
    waits_for: tuple[str, ...]
    since: Artifact | None  # the most alike artifact that this stage made before
    changed: tuple[str, ...]  # since then: "learning_rate 2e-05 -> 1e-05" of its settings, "other mix" of its inputs
    forecast: Forecast | None = None  # of a stage that trains, whether it stands or not

    @property
    def stage(self) -> Stage:
        """The stage itself."""
        return self.settled.stage

    @property
    def state(self) -> str:
        """HAVE, BUILD or WAITS."""
        if self.artifact is not None:
            return HAVE
        return WAITS if self.waits_for else BUILD

    @property
    def name(self) -> str:
        """`kind/stage-key`, as reports print it."""
        return f"{self.place.parent.name}/{self.place.name}"

    @property
    def cut(self) -> bool:
        """True when an earlier run began this and was cut: the work goes on from there."""
        return self.artifact is None and self.place.is_dir() and any(self.place.iterdir())

    @property
    def seconds(self) -> float | None:
        """What it costs, forecast or judged by the most alike artifact; 0 where it stands, None where nothing is known."""
        if self.artifact is not None:
            return 0.0
        if self.forecast is not None and self.forecast.seconds is not None:
            return self.forecast.seconds
        return self.since.seconds if self.since is not None else None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "stage": self.stage.name,
            "state": self.state,
            "artifact": self.name,
            "waits_for": list(self.waits_for),
            "since": self.since.name if self.since is not None else None,
            "changed": list(self.changed),
            "goes_on": self.cut,
            "seconds": self.seconds,
            "parameters": self.forecast.parameters if self.forecast is not None else None,
            "memory_bytes": self.forecast.memory_bytes if self.forecast is not None else None,
        }


@dataclass(frozen=True)
class Plan:
    """All steps of a recipe in one workspace, in the order of the work."""

    recipe: Recipe
    domain: Any
    steps: tuple[Step, ...]

    @property
    def todo(self) -> list[Step]:
        """The steps that a run would build."""
        return [step for step in self.steps if step.artifact is None]


def make_plan(recipe: Recipe, store: Store) -> Plan:
    """Compare what the recipe asks for with what the workspace holds.

    Raises:
        UserError: the domain cannot be made with the recipe's options; there is no such student to start from.
    """
    domain = recipe.make_domain()
    earlier = store.all()
    steps: dict[str, Step] = {}
    for name in wanted_stages(recipe):
        step = _step(_settle(recipe, name, domain, steps), store, earlier, steps)
        steps[name] = replace(step, forecast=_forecast(step, recipe.how[name], steps))
    return Plan(recipe, domain, tuple(steps.values()))


def wanted_stages(recipe: Recipe) -> list[str]:
    """Return the stages that the recipe wants, in the order of the work."""
    return [name for name, stage in recipe.stages.items() if is_wanted(stage, recipe.what[name])]


def _settle(recipe: Recipe, name: str, domain: Any, before: Mapping[str, Step]) -> Settled:
    stage = recipe.stages[name]
    inputs = makers(stage, before)
    what, spelled = _settings(recipe, name)
    parts: dict[str, Any] = {
        "stage": name,
        "version": stage.version,
        "seed": recipe.seed,
        "what": spelled,
        "inputs": {label: before[maker].key for label, maker in inputs.items()},
        "domain": {"name": domain.name, **domain.identity()},
    }
    if RENDERED & {recipe.stages[maker].output for maker in inputs.values()}:
        parts["chat"] = FORMAT_VERSION
    base = getattr(what, "base", "")
    if base:  # the weights that training starts from shape the result by their content
        parts["base"] = digest(find_base(base))
    more = getattr(stage, "parts", None)  # of a stage whose result hangs on more than its settings and inputs
    return Settled(stage, what, canonical(parts | (more(what) if more is not None else {})), inputs)


def _step(settled: Settled, store: Store, earlier: Sequence[Artifact], before: Mapping[str, Step]) -> Step:
    stage, parts = settled.stage, settled.parts
    key = fingerprint(parts)
    artifact = store.find(stage.output, stage.name, key)
    waits = tuple(dict.fromkeys(maker for maker in settled.inputs.values() if before[maker].artifact is None))
    since, changed = (None, ()) if artifact is not None else _nearest(parts, [old for old in earlier if old.stage == stage.name])
    return Step(settled, key, store.place(stage.output, stage.name, key), artifact, waits, since, changed)


def _forecast(step: Step, how: How, before: Mapping[str, Step]) -> Forecast | None:
    """Ask a stage that can tell what it will cost."""
    told = getattr(step.stage, "forecast", None)
    if told is None:
        return None
    inputs = {label: before[maker] for label, maker in step.settled.inputs.items()}
    known = {label: earlier.forecast for label, earlier in inputs.items()}
    made = {label: earlier.artifact for label, earlier in inputs.items() if earlier.artifact is not None}
    found: Forecast | None = told(step.settled.what, how, known, made)
    return found


def _nearest(parts: Mapping[str, Any], earlier: Sequence[Artifact]) -> tuple[Artifact | None, tuple[str, ...]]:
    """Return the artifact whose parts differ least from `parts`, and how they differ."""
    now = dict(_leaves(parts))
    best: tuple[int, Artifact, tuple[str, ...]] | None = None
    for old in earlier:
        then = dict(_leaves(old.parts))
        differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        if best is None or len(differing) < best[0]:
            best = len(differing), old, tuple(_change(name, then.get(name), now.get(name)) for name in differing)
    return (best[1], best[2]) if best is not None else (None, ())


def _leaves(parts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in parts.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, name)
        else:
            yield name, value


def _change(name: str, then: Any, now: Any) -> str:
    if name.startswith("inputs."):
        return OTHER + name.removeprefix("inputs.")
    return f"{name.removeprefix('what.')} {_short(then)} -> {_short(now)}"


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _settings(recipe: Recipe, name: str) -> tuple[What, dict[str, Any]]:
    """Return the settings that the stage gets and how they enter its key: sources by their content, not by their place."""
    what = recipe.what[name]
    if not takes_sources(what):
        return what, what.model_dump(mode="json")
    found = [(source.form, source.path) for source in recipe.sources if source.path is not None]
    filled = {
        "sources": tuple((form, str(path)) for form, path in found),
        "digest": fingerprint([(form, digest(path)) for form, path in found]),
    }
    what = what.model_copy(update=filled)
    return what, what.model_dump(mode="json", exclude={"sources"})


def check_ready(plan: Plan) -> None:
    """Let every stage that is yet to be built look at its settings, before anything is spent.

    Raises:
        UserError: a stage would refuse them once it runs, or something that they need is not given.
    """
    for step in plan.todo:
        ready = getattr(step.stage, "ready", None)  # of a stage that can refuse more than its settings' types tell
        if ready is not None:
            ready(step.settled.what, plan.domain)


def cost(step: Step) -> str:
    """Return what a stage that is yet to be built will buy, with its price; empty where it buys nothing.

    Raises:
        UserError: there is no such seller.
    """
    priced = getattr(step.stage, "cost", None)
    return str(priced(step.settled.what)) if priced is not None and step.artifact is None else ""


def foretold(step: Step) -> str:
    """Spell what a training that is yet to be built will cost: "7.9 M parameters, 1.9 GiB, about 1 h 40 min (forecast)"; else nothing."""
    found = step.forecast
    if found is None or step.artifact is not None:
        return ""
    time = f"about {duration(found.seconds)}" if found.seconds is not None else "time unknown until a training was measured here"
    return f"{found.parameters / 1e6:.1f} M parameters, {size(found.memory_bytes)}, {time} (forecast)"


def describe(step: Step, told_before: Collection[str] = ()) -> str:
    """Spell a step for people: state, artifact, and which settings changed since the nearest one.

    Changes that were told of an earlier stage (of the domain, the seed) are not told again.
    """
    told = f"waits for {', '.join(step.waits_for)}" if step.state == WAITS else f"{step.state:<10}  {step.name}"
    if step.cut:
        told += "  (goes on where a cut run stopped)"
    # That a stage which waits gets other inputs goes without saying.
    fresh = [change for change in step.changed if change not in told_before]
    changed = [change for change in fresh if step.state == BUILD or not change.startswith(OTHER)]
    if step.since is not None and changed:
        rest = len(changed) - SHOWN_CHANGES
        told += f"  ({', '.join(changed[:SHOWN_CHANGES])}{f' and {rest} more' * (rest > 0)} since {step.since.name})"
    return told
