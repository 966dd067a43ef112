"""Sets: several objects asked for together and answered in one file, each valid by itself and fit for the others.

The statements of all objects stand one after another; each object's begin with its kind. So do the notes, and from them alone the
answer is built.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

from kubestill.domains.api import Drop, Intent, Sample
from kubestill.domains.kubernetes import answers
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fullpass import INTENT, full_pass
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import Facts, build
from kubestill.domains.kubernetes.intents.notes import groups
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.intents.tree import look
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.relations import judge_set
from kubestill.domains.kubernetes.relations.entries import Member as Related
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.domains.kubernetes.skills.manifest.parts import Speaker, finished, unpunctuated
from kubestill.domains.kubernetes.skills.manifest.set_drawing import SETS, Member, Scene
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict

SKILL = "manifest"
APART = "---\n"  # between the documents of an answer
_SPACE = "K8S602"  # of an object whose namespace is not in the set
TOGETHER = "K8S750"  # the result of what must hold between the objects of an answer

MAX_CHARS = 1_150  # of an answer: with its request and notes some 480 tokens

SET_CODES = {
    TOGETHER: "The objects of an answer do not fit each other, or are not those that were asked for: one is missing, or one too many."
}
_REMEDY = "Give every object that was asked for once, and let names, labels and ports agree."


def build_several(intents: Iterable[Intent]) -> str:
    """Return one file with the smallest idiomatic manifest of each object that statements are about.

    Raises:
        KeyError: the statements about an object name no kind that can be built, or no name.
    """
    return APART.join(dump(ordered(build(group))) for group in groups(intents))


# --- drawing ---------------------------------------------------------------------------------------------------------


def draw_set(rng: Random, part: str) -> Sample | Drop:
    """Invent objects that belong together and ask for all of them."""
    speaker = Speaker(rng, part)
    scene = Scene(speaker, Words(rng, part), [], rng.getrandbits(32))
    rng.choices(list(SETS), list(SETS.values()))[0](scene)
    names = [(member.intents[0].value, member.intents[1].value) for member in scene.members]
    if len(set(names)) < len(names):
        return Drop("same-name-twice")
    request = _asked(speaker, scene.members)
    intents = tuple(intent for member in scene.members for intent in member.intents)
    answer = build_several(intents)
    if len(answer) > MAX_CHARS:
        return Drop("too-long")
    kind = "+".join(str(kind) for kind, _ in names)
    return Sample(f"{stable_hash(request, answer):016x}", SKILL, request, answer, intents, kind, "procedural", tuple(speaker.forms), {})


def _asked(speaker: Speaker, members: Sequence[Member]) -> str:
    manner = speaker.rng.choices(_MANNERS, _SHARES)[0]
    text = manner(speaker, [member.text for member in members])
    if manner is _spoken:
        return finished(unpunctuated(text), capitals=False)
    return finished(text, capitals=speaker.rng.random() < 0.55)


def _in_one(speaker: Speaker, texts: Sequence[str]) -> str:
    joined = ", ".join(texts[:-1]) + speaker.say("sets.ask/and") + texts[-1]
    opening = speaker.say("sets.ask/open")
    return _closed(speaker, f"{opening} {joined}{'?' if _ASKS.match(opening) else ''}")


def _in_sentences(speaker: Speaker, texts: Sequence[str]) -> str:
    opening = speaker.say("sets.ask/open")
    first = f"{opening} {texts[0]}{'?' if _ASKS.match(opening) else '.'}"
    return _closed(speaker, " ".join([first, ". ".join(f"{speaker.say('sets.ask/then')} {text}" for text in texts[1:])]))


_ASKS = re.compile(r"(can|could|would)\b")


def _closed(speaker: Speaker, text: str) -> str:
    close = speaker.maybe("sets.ask/close", 0.2)
    stop = "" if text.endswith("?") else "."
    return f"{text}{stop} {close}" if close else text + speaker.rng.choice((stop, ""))


def _listed(speaker: Speaker, texts: Sequence[str]) -> str:
    mark = speaker.say("sets.ask/mark")
    return "\n".join([f"{speaker.say('sets.ask/list')}:", *(f"{mark}{text}" for text in texts)])


def _numbered(speaker: Speaker, texts: Sequence[str]) -> str:
    mark = speaker.rng.choice(("{}. {}", "{}) {}", "({}) {}"))
    lines = [mark.format(number, text) for number, text in enumerate(texts, 1)]
    return "\n".join([f"{speaker.say('sets.ask/open').removesuffix(':')}:", *lines]) if speaker.chance(0.5) else "\n".join(lines)


def _spoken(speaker: Speaker, texts: Sequence[str]) -> str:
    """As dictated."""
    joins = [f" {speaker.say('edits.wish/spoken_join')} {text}" for text in texts[1:]]
    return " ".join(filter(None, (speaker.maybe("edits.wish/spoken_open", 0.6), speaker.say("sets.ask/open"), texts[0]))) + "".join(joins)


def _terse(speaker: Speaker, texts: Sequence[str]) -> str:
    return speaker.rng.choice((" + ", ", ", "; ", " / ", "\n")).join(texts)


_MANNERS: tuple[Callable[[Speaker, Sequence[str]], str], ...] = (_in_one, _in_sentences, _listed, _numbered, _spoken, _terse)
_SHARES = (0.4, 0.26, 0.11, 0.08, 0.07, 0.08)


# --- judging ---------------------------------------------------------------------------------------------------------


def judge_several(answer: str, intents: Sequence[Intent], known: Schemas | None = None) -> Verdict:
    """Judge a file of several objects: each is valid, they fit each other, and each does what was asked of it.

    The order of the documents does not matter. `known`: the schemas to judge by, the usual version's unless told.
    """
    reading = read(answer)
    wanted = groups(intents)
    fault = _form(answer, len(reading.manifests), len(reading.findings), len(wanted))
    if fault:
        finding = Finding(answers.FORM, "", fault, Tier.FORM, 1, 1, remedy=_REMEDY)
        return Verdict((Result(answers.FORM, Tier.FORM, Outcome.FAIL, (finding,)),))
    results: list[Result] = []
    for manifest in reading.manifests:
        verdict = full_pass(dump(manifest.object), None, known)
        results.extend(verdict.results)
        if not verdict.passed:
            return Verdict((*results, Result(INTENT, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")))
    results.append(_together(reading.manifests))
    results.append(_asked_for(reading.manifests, wanted))
    return Verdict(tuple(results))


def _form(answer: str, found: int, faults: int, wanted: int) -> str:
    """Return what is wrong with the form of an answer, or an empty string."""
    if not answer.strip():
        return "the answer is empty"
    if "```" in answer:
        return "found a code fence, expected manifests alone"
    if faults or any(" " in key for manifest in read(answer).manifests for key in manifest.object):
        return "found text that is no manifest, expected manifests alone"
    return f"found {found} objects, expected {wanted}" if found != wanted else ""


def _together(manifests: Sequence[Manifest]) -> Result:
    """Judge what must hold between the objects, which are all that there is."""
    spaces = {look(manifest.object, "metadata", "namespace") for manifest in manifests} - {None}
    space = next(iter(spaces)) if len(spaces) == 1 else "default"
    told = judge_set([Related(manifest, space) for manifest in manifests], closed=True)
    brings = any(manifest.object.get("kind") == "Namespace" for manifest in manifests)  # else it is there already
    findings = tuple(finding for _, finding in told if brings or finding.code != _SPACE)
    return Result(TOGETHER, Tier.RULES, Outcome.FAIL if findings else Outcome.PASS, findings)


def _asked_for(manifests: Sequence[Manifest], wanted: Sequence[Sequence[Intent]]) -> Result:
    """Judge whether every object that was asked for is there and does what was asked of it."""
    given = {(manifest.object.get("kind"), look(manifest.object, "metadata", "name")): dict(manifest.object) for manifest in manifests}
    findings: list[Finding] = []
    for group in wanted:
        facts = {intent.aspect: intent.value for intent in group[:2]}
        obj = given.get((facts["kind"], facts.get("name")))
        if obj is None or obj["kind"] not in KINDS:
            findings.append(_finding("kind", f"there is no {facts['kind']} called {facts.get('name')}"))
            continue
        said = Facts(obj)
        tied = _selects(obj, given.values())
        rest = [intent for intent in group if not (tied and intent.aspect == "selector")]
        findings += [_finding(one.aspect, f"asked for {one.value!r}; the manifest does not do so") for one in rest if not said.holds(one)]
        findings += [_finding(one.aspect, f"{one.value!r} was not asked for") for one in said.beyond(rest)]
    return Result(INTENT, Tier.INTENT, Outcome.FAIL if findings else Outcome.PASS, tuple(findings))


def _finding(place: str, message: str) -> Finding:
    return Finding(INTENT, place, message, Tier.INTENT)


def _selects(obj: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether an object selects the pods of another one: then it does not matter by which label."""
    selector = look(obj, "spec", "selector", "matchLabels") if obj["kind"] == "PodDisruptionBudget" else look(obj, "spec", "selector")
    if obj["kind"] not in ("Service", "PodDisruptionBudget") or not isinstance(selector, dict) or not selector:
        return False
    for other in others:
        template = KINDS[other["kind"]].template if other.get("kind") in KINDS else None
        labels = look(other, *template, "metadata", "labels") if template is not None else None
        if isinstance(labels, dict) and selector.items() <= labels.items():
            return True
    return False
