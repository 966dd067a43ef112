"""The skill of finding causes: what a cluster printed, and why; the answer names the cause and the command that shows it."""

import re
from collections.abc import Mapping, Sequence
from random import Random

from kubestill.domains.api import HELD, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.phrasing.lines import Table
from kubestill.domains.kubernetes.skills.diagnose.asking import Asking
from kubestill.domains.kubernetes.skills.diagnose.causes import SEEN, Cause, catalogue, seen
from kubestill.domains.kubernetes.skills.diagnose.judging import NEXT, UNSAID, judge_diagnosis, stands
from kubestill.domains.kubernetes.skills.diagnose.scene import DEFAULT, Scene
from kubestill.domains.kubernetes.skills.diagnose.screens import Screen
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Verdict

NAME = "diagnose"
TASK = Intent("task", (), NAME)
_PHRASED = ("pod", "namespace")  # what a phrase can say where the paste does not
_RUN = re.compile(r"kubectl [^\n|`]*")
_IN_DEFAULT = re.compile(rf" --namespace={DEFAULT}(?=\s|\Z)")  # as canonical commands say it
MOST_CHARS, MOST_LINES = 1400, 25  # of a paste: a request, its notes and its answer fit a small context

GRAMMAR = (
    "Two lines, or three: `Cause: <CauseName>: <one sentence with the values shown>`, `Next: kubectl ...` (one command that only reads), "
    "and `Fix: ...` only where the remedy is certain."
)


class DiagnoseSkill:
    """Plants a cause in an invented situation, shows what the cluster would say, and asks."""

    name = NAME
    version = 6  # of the catalogue, the screens, the questions and the judge
    reads: frozenset[str] = frozenset()  # pages show outputs of many faults at once: none has one cause and one next command

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent a case of a cause."""
        causes = catalogue()
        return _sample(causes[list(causes)[int(rng.random() * len(causes))]], rng, part)

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """No document is read."""
        del document, rng, part
        return Drop("no reverse road")

    def context(self, sample: Sample) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return the form of an answer, and the closed names that it may hold."""
        return {"grammar": GRAMMAR, "slice": "causes: " + ", ".join(catalogue())}

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Run form, commands and cause and, with `intents`, whether they are those of the case."""
        return judge_diagnosis(answer, intents)


def build(intents: Sequence[Intent]) -> str:
    """Return the answer that noted intents make.

    Raises:
        ValueError: they name no cause of the catalogue, or lack a value that its answer needs.
    """
    values = {intent.aspect: str(intent.value) for intent in intents}
    cause = catalogue().get(values.get("cause", ""))
    if cause is None:
        raise ValueError(f"no cause {values.get('cause', '')!r}")
    sentence, commands = cause.sentence(values), cause.commands(values)
    if sentence is None or not commands:
        raise ValueError(f"{cause.name} needs more values than {', '.join(sorted(values))}")
    remedy = cause.remedy(values)
    return "\n".join((f"Cause: {cause.name}: {sentence}", f"Next: {commands[0]}", *([f"Fix: {remedy}"] if remedy else [])))


def draw_cause(name: str, rng: Random, part: str) -> Sample | Drop:
    """Invent a case of one cause."""
    return _sample(catalogue()[name], rng, part)


def _sample(cause: Cause, rng: Random, part: str) -> Sample | Drop:
    case = rng.choice(cause.cases) if cause.cases else {}
    view, template = cause.choose(rng, part)
    forms = [f"diagnose.views/{cause.name}:{view}"]
    chosen = {name: _chosen(table, rng, part, forms) for name, table in cause.lists.items()}
    scene = Scene(rng, part, {"full": case.get("resource", ""), **cause.given, **case, **seen(template)})
    told = {name: scene.settle(text) for name, text in chosen.items()}
    scene.own(template)
    if "message" in told:
        scene.values["message"] = scene.fill(told["message"])
    paste = _paste(cause, scene, template, told.get("log", ""))
    if len(paste) > MOST_CHARS or paste.count("\n") >= MOST_LINES:
        return Drop("paste-too-long")
    asking = Asking(cause, scene)
    request = asking.request(paste, *_unshown(cause, scene, paste))
    noted = _noted(cause, scene, request)
    values = {intent.aspect: str(intent.value) for intent in noted}
    if cause.sentence(values) is None or not cause.commands(values):
        return Drop("paste-shows-too-little")
    intents = (TASK, *noted, Intent(NEXT, (), _accepted(cause, _known(cause, scene, request), scene.named, request)))
    answer = build(intents)
    identity = f"{stable_hash(request, answer):016x}"
    return Sample(identity, NAME, request, answer, intents, cause.name, "procedural", (*forms, *asking.forms))


def _accepted(cause: Cause, values: Mapping[str, str], named: bool, request: str) -> tuple[str, ...]:
    """Return every command that would show the cause, filled in with all that the request shows; -n default may be said or left out.

    What was run already shows nothing new.
    """
    commands = cause.commands(values)
    if not named:
        commands += cause.commands({**values, "namespace": DEFAULT})
    best, *others = dict.fromkeys(map(canonical, commands))
    run = {_placed(canonical(line)) for line in _RUN.findall(request)}
    return (best, *(command for command in others if _placed(command) not in run))


def _placed(command: str) -> str:
    """Return a command as it runs: -n default says what is so without it."""
    return _IN_DEFAULT.sub("", command)


def _paste(cause: Cause, scene: Scene, template: str, log: str) -> str:
    """Return the view as pasted; with its commands where the outputs alone do not name what the answer is about."""
    paste = Screen(scene, log).text(template)
    said = "\n".join((paste, *(scene[name] for name in _PHRASED if name in cause.asked)))
    known = _known(cause, scene, said)
    if cause.sentence(known) is None or not cause.commands(known):
        scene.prompt = scene.prompt or "$ "
        paste = Screen(scene, log, "get").text(template)
    return paste


def _chosen(table: Table, rng: Random, part: str, forms: list[str]) -> str:
    """Return a line of a list as it stands (brackets in it are its own), and note which."""
    lines = table.lines(part)
    line = lines[int(rng.random() * len(lines))]
    if table.has(part) and table.has(HELD):
        forms.append(f"{table.name}:{stable_hash(line):016x}")
    return line


def _unshown(cause: Cause, scene: Scene, paste: str) -> list[str]:
    """Return the names of the phrases that must say what the paste does not show: the pod's name, the namespace."""
    known = dict(_known(cause, scene, paste))
    missing = []
    if "pod" in cause.asked and "pod" not in known:
        named = {**known, "pod": scene["pod"]}
        if cause.sentence(known) is None or cause.commands(known)[:1] != cause.commands(named)[:1]:
            missing.append("naming")
            known = named
    if scene.named and "namespace" in scene.values and "namespace" in cause.asked and "namespace" not in known:
        placed = {**known, "namespace": scene["namespace"]}
        if any(say(known) != say(placed) for say in (cause.sentence, lambda values: cause.commands(values)[:1], cause.remedy)):
            missing.append("where")
    return missing


def _noted(cause: Cause, scene: Scene, request: str) -> list[Intent]:
    """Return the cause and the values of its answer that the request shows, or that follow from the cause, in the order of mention."""
    known = _known(cause, scene, request)
    used = _used(cause, known)
    places = {name: request.lower().find(value.lower()) for name, value in used.items()}
    order = sorted(used, key=lambda name: (places[name] if places[name] >= 0 else len(request), name))
    return [Intent("cause", (), cause.name), *(Intent(name, (), used[name]) for name in order)]


def _known(cause: Cause, scene: Scene, request: str) -> Mapping[str, str]:
    """Return the values that an answer may speak of: what stands in the request, and closed words that the cause itself gives."""
    closed = {name: scene[name] for name in cause.asked if "{" not in scene.given.get(name, "{") and name not in _PHRASED}
    shown = {name: scene[name] for name in cause.asked if name in scene.values and _stands(name, scene[name], request)}
    if not scene.named:
        shown.pop("namespace", None)  # nobody writes -n default
    return shown | {name: value for name, value in closed.items() if value}


def _stands(name: str, value: str, request: str) -> bool:
    """Say whether a request shows a value; `Liveness probe failed` shows which probe it is, but `Image:` no namespace `image`."""
    return stands(value, request.lower() if name == "probe" else request)


def _used(cause: Cause, known: Mapping[str, str]) -> Mapping[str, str]:
    """Return those of the values that the answer does say."""
    said = "\n".join((cause.sentence(known) or "", *cause.commands(known)[:1], cause.remedy(known)))
    return {name: value for name, value in known.items() if name == SEEN or (name not in UNSAID and stands(value, said))}
