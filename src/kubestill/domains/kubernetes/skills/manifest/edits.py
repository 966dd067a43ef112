"""Edits: a wish about a manifest that is there, asked as `ask --edit` asks it, and answered with the changed manifest.

A sample has one of two forms, those of `grammars.editing.asked`. Any model is shown the manifest below the wish. A student that notes is
only told kind and name: then what the notes say must be enough for an object that is valid by itself, which is the answer.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from kubestill.domains.api import Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.draw import draw_intents
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fullpass import INTENT, full_pass
from kubestill.domains.kubernetes.grammars.editing import asked
from kubestill.domains.kubernetes.intents.kinds import KINDS, MAPS
from kubestill.domains.kubernetes.intents.lens import Facts, build, meaning, read, silent
from kubestill.domains.kubernetes.intents.network import as_patterns
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.intents.overlay import overlay
from kubestill.domains.kubernetes.intents.tree import Obj, copy, look
from kubestill.domains.kubernetes.manifests import read as read_manifests
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.domains.kubernetes.skills.manifest.additions import additions
from kubestill.domains.kubernetes.skills.manifest.changes import Change, offers
from kubestill.domains.kubernetes.skills.manifest.fragments import fragment
from kubestill.domains.kubernetes.skills.manifest.granted import void_grant
from kubestill.domains.kubernetes.skills.manifest.removal import REMOVE, RENAME, without
from kubestill.domains.kubernetes.skills.manifest.wishes import wish
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict

EDITED = "expect.object"  # the changed manifest: what an edit is judged by
SKILL = "manifest"
# Request and answer both hold the manifest: with more characters they do not fit a small context of some 480 tokens.
MAX_CHARS = 560
_TRIES = 12  # draws of an object until one is small enough
_NOTED = 0.98  # share of the form for students that note, where the notes are enough for an object, and the wish says it as of a new one
_COUNTS, _SHARES = (1, 2, 3), (0.6, 0.28, 0.12)


def draw_edit(rng: Random, part: str) -> Sample | Drop:
    """Invent an object and ask for changes of it."""
    for _ in range(_TRIES):
        intents = [intent for intent in draw_intents(rng, part) if not silent(intent)]
        try:
            obj = ordered(build(intents))
        except (AttributeError, TypeError, KeyError, ValueError):
            continue
        if len(shown := dump(obj)) <= MAX_CHARS:
            facts = _facts(obj)
            return facts if isinstance(facts, Drop) else _edit(obj, shown, facts, Words(rng, part), {})
    return Drop("too-long")


def reverse_edit(document: Document, rng: Random, part: str) -> Sample | Drop:
    """Ask for changes of a real manifest."""
    manifests = read_manifests(document.text).manifests
    if len(manifests) != 1:
        return Drop("not-one-object")
    obj = dict(manifests[0].object)
    if obj.get("kind") not in KINDS or obj.get("apiVersion") != KINDS[obj["kind"]].api_version:
        return Drop("kind-without-intents")
    text = dump(obj)
    if len(text) > MAX_CHARS or not text.isascii() or not isinstance(look(obj, "metadata", "name"), str):
        return Drop("too-long-to-edit")
    if not full_pass(text).passed:
        return Drop("not-valid")
    if _untidy(obj, text):
        return Drop("untidy")
    facts = _facts(obj)
    if isinstance(facts, Drop):
        return facts
    return fragment(document, obj, facts) or _edit(obj, text, facts, Words(rng, part), document.source)


def _untidy(obj: Obj, text: str) -> bool:
    """Say whether an object, printed as `text`, holds what no person would keep, or change, there.

    That are empty fields, a namespace where none is, what only the API server writes, rules that a controller overwrites, frozen data,
    and encoded values, which nobody says.
    """
    lost = not KINDS[obj["kind"]].namespaced and "namespace" in obj["metadata"]
    coded = obj["kind"] == "Secret" and "data" in obj
    written = not _WRITTEN.isdisjoint(obj["metadata"]) or not _OVERWRITTEN.isdisjoint(obj) or obj.get("immutable") is True
    return lost or coded or written or _NULL.search(text) is not None


_WRITTEN = frozenset("uid resourceVersion creationTimestamp generation selfLink managedFields".split())
_OVERWRITTEN = frozenset(("aggregationRule", "status"))
_NULL = re.compile(r": (null|~|\{\}|\[\])$", re.MULTILINE)


def _facts(obj: Obj) -> list[Intent] | Drop:
    try:
        return [fact for fact in read(obj) if not silent(fact)]
    except (AttributeError, TypeError, KeyError, ValueError):
        return Drop("unreadable-intents")


def _edit(obj: Obj, shown: str, facts: Sequence[Intent], words: Words, source: Mapping[str, str]) -> Sample | Drop:
    """Ask for changes of an object, `shown` as it stands printed; one without a `source` was invented."""
    rng, road = words.rng, "reverse" if source else "procedural"
    if void := void_grant(facts):
        return void
    if as_patterns(facts):
        return Drop("regex-path")  # of which half a rule cannot be changed by itself
    chosen, changed = _chosen(obj, facts, words, rng.choices(_COUNTS, _SHARES)[0])
    if not chosen:
        return Drop("nothing-to-change")
    text, forms = wish(chosen, rng, words.part)
    head = [Intent("kind", (), obj["kind"]), Intent("name", (), look(obj, "metadata", "name"))]
    noted = [*head, *(intent for change in chosen for intent in change.intents)]
    changes = any(change.values.get("o") and change.values["o"] in text for change in chosen)  # what stands there now
    if rng.random() < _NOTED and not changes and (short := _noted_form(obj, shown, text, noted)):
        request, said, answer = short
        intents = said
    else:
        request, answer = asked(shown, text, notes=False), changed
        intents = [*noted, Intent(EDITED, (), answer)]
    if len(request) + len(answer) > 3 * MAX_CHARS:
        return Drop("too-long")
    identity = f"{stable_hash(request, answer):016x}"
    return Sample(identity, SKILL, request, answer, tuple(intents), obj["kind"], road, forms, dict(source))


def _chosen(obj: Obj, facts: Sequence[Intent], words: Words, count: int) -> tuple[list[Change], str]:
    """Return changes that can be made one after the other, and the object then as it is printed."""
    kind = obj["kind"]
    alone = not any(fact.aspect == "container.image" and fact.keys[0] for fact in facts)
    found = [*offers(kind, _clear(facts), words), *additions(kind, facts, words, 2 if alone else 0)]
    words.rng.shuffle(found)
    chosen: list[Change] = []
    after, printed = obj, ""
    labels = Counter(_label_keys(obj))
    for offer in found:
        change = offer()
        if len(chosen) == count:
            break
        if change is None or any(change.unit == one.unit for one in chosen) or _elsewhere(labels, change):
            continue
        several = sorted([*chosen, change], key=lambda one: one.verb == RENAME)  # until then everybody uses the old name
        try:
            changed = _changed(obj, several)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            continue
        if changed != after and full_pass(text := dump(changed)).passed:
            chosen, after, printed = several, changed, text
    return chosen, printed


def _elsewhere(counted: Mapping[str, int], change: Change) -> bool:
    """Say whether a label is to be changed whose key (`counted`: how often each is there) stands in other places too.

    Such are the labels of the object, those of its pods, and what selects them.
    """
    said = [intent.keys if intent.aspect == REMOVE else (intent.aspect, *intent.keys) for intent in change.intents]
    own = 0 if change.verb == "add" else 1
    return any(names[0] in ("label", "podLabel") and counted[names[-1]] > own for names in said)


def _label_keys(value: Any) -> Iterator[str]:
    """Yield the keys of all labels and selectors below a value, each as often as it stands there."""
    if isinstance(value, list):
        for one in value:
            yield from _label_keys(one)
    elif isinstance(value, dict):
        for name, below in value.items():
            if name in _LABEL_MAPS and isinstance(below, dict):
                yield from (str(key) for key in below)
            yield from _label_keys(below)


_LABEL_MAPS = ("labels", "matchLabels", "selector")


def _clear(facts: Sequence[Intent]) -> list[Intent]:
    """Return the facts about which a short wish can mean nothing else: of the only container, of the only port."""
    there = Counter(fact.aspect for fact in facts)
    return [fact for fact in facts if _single(fact, there)]


def _single(fact: Intent, there: Mapping[str, int]) -> bool:
    if fact.keys and bool(fact.keys[0]) != (fact.aspect == "tls") and fact.aspect.startswith(("container.", "mount.", "tls")):
        return False
    if fact.aspect == "container.image" and there["init.image"]:
        return False
    head = "container.port" if fact.aspect.startswith("container.port") else fact.aspect.split(".")[0]
    return head not in ("port", "container.port") or there[head] == 1


def _changed(obj: Obj, changes: Sequence[Change]) -> Obj:
    """Return an object with all changes made at once, as an editor makes them.

    Raises:
        ValueError: one cannot be made, or takes away what another one says.
    """
    said = [intent for change in changes for intent in change.intents]
    statements = [intent for intent in said if intent.aspect not in (REMOVE, RENAME)]
    after: Obj = ordered_like(obj, overlay(obj, statements)) if statements else copy(obj)
    for intent in said:
        if intent.aspect == REMOVE:
            after = without(after, intent)
        elif intent.aspect == RENAME:
            after = {**after, "metadata": {**after["metadata"], "name": intent.value}}
    facts = Facts(after)
    if not all(facts.holds(intent) for intent in statements):
        raise ValueError("one change undoes another")
    return after


def ordered_like(before: Any, after: Any, is_map: bool = False) -> Any:
    """Return `after` with what is new at its idiomatic place, or last in a map with the user's own keys; all else stays as it stood."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in after if key in before]
        idiom = list(after if is_map else ordered(after))
        for place, key in enumerate(idiom):
            if key not in before:
                ahead = next((other for other in reversed(idiom[:place]) if other in keys), None)
                keys.insert(len(keys) if ahead is None else keys.index(ahead) + 1, key)
        return {key: ordered_like(before.get(key), after[key], key in MAPS and not is_map) for key in keys}
    if isinstance(before, list) and isinstance(after, list):
        return [ordered_like(before[place] if place < len(before) else None, value) for place, value in enumerate(after)]
    return ordered(after, is_map)


# Words of somebody who has the object before them, or in mind; and what is nothing without pods that a request to change it does not name.
_SHOWN = re.compile(
    r"\b(rest|else|untouched|touch(ing)?|manifest|here|keep|leave|edit|file|also|as well|too|chang(e|ing)|updat(e|ing)|adjust|correct|fix|"
    r"wrong|supposed|go|raise|lower|increase|decrease|reduce|bump|scale|bring|move|cut|drop|switch|swap|replace|instead|rather|"
    r"not .{1,60} but|now|currently|new|more|less|up|down|append|extend|expand|grow|freeze|stop|todo|follow-up|correction|there)\b|->|=>",
    re.IGNORECASE,
)
_GREETS = re.compile(r"(hi|hey|hello|good|morning|yo|dear|um|uh|ok|okay|so|well|alright)\b", re.IGNORECASE)  # it follows the name
_ASIDE = re.compile(r"[\w ]+: |.*, so (?:please|i|we)\b", re.IGNORECASE)  # one colon is enough, and nobody asked for reasons
_GRANTING = ("Role", "ClusterRole")
_OF_ITS_PODS = ("NetworkPolicy", "PodDisruptionBudget")


def _noted_form(obj: Obj, shown: str, text: str, noted: Sequence[Intent]) -> tuple[str, list[Intent], str] | None:
    """Return request, statements and answer for a student that is not shown the object; None where they are no object by themselves."""
    if any(intent.aspect in (REMOVE, RENAME) for intent in noted):
        return None
    if obj["kind"] in _GRANTING and not any(intent.aspect.startswith("grant") for intent in noted):
        return None  # it would grant nothing
    if any(intent.aspect in ("port", "port.target", "immutable") for intent in noted):
        return None  # of which pods, or of what, nobody says
    if ". " in text or "? " in text or _ASIDE.match(text) or _SHOWN.search(text) or _GREETS.match(text) or obj["kind"] in _OF_ITS_PODS:
        return None
    request = asked(shown, text, notes=True)
    if any(intent.aspect == "container.image" and str(intent.value) not in request for intent in noted):
        return None  # only the tag was said
    said = list(noted)
    head = request.removesuffix(f": {text}")
    if " on port " in head:
        said.insert(2, Intent("port", (), look(obj, "spec", "ports")[0]["port"]))
    try:
        answer = dump(ordered(build(said)))
    except (AttributeError, TypeError, KeyError, ValueError):
        return None
    return (request, said, answer) if full_pass(answer, said).passed else None


def judge_edit(answer: str, intents: Sequence[Intent], known: Schemas | None = None) -> Verdict:
    """Judge a changed manifest: valid, what was asked for is different, and everything else is as it was."""
    verdict = full_pass(answer, None, known)
    if not verdict.passed:
        return Verdict((*verdict.results, Result(INTENT, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")))
    expected = read_manifests(next(str(intent.value) for intent in intents if intent.aspect == EDITED)).manifests[0].object
    found = read_manifests(answer).manifests[0].object
    findings = () if found == expected else tuple(_differences(dict(expected), dict(found)))
    return Verdict((*verdict.results, Result(INTENT, Tier.INTENT, Outcome.FAIL if findings else Outcome.PASS, findings)))


def _differences(expected: Obj, found: Obj) -> list[Finding]:
    """Return what two objects say differently, defaults left out."""
    if found.get("kind") != expected["kind"]:
        return [Finding(INTENT, "kind", f"found {found.get('kind')}, expected {expected['kind']}", Tier.INTENT)]
    wanted, said = _meanings(expected), _meanings(found)
    missed = [Finding(INTENT, place, "asked for, or there before; the manifest does not hold it", Tier.INTENT) for place in wanted - said]
    return missed + [Finding(INTENT, place, "was neither asked for nor there before", Tier.INTENT) for place in said - wanted]


def _meanings(obj: Obj) -> set[str]:
    facts = [fact for fact in read(obj) if not silent(fact)]
    return {" ".join((fact.aspect, *fact.keys, str(meaning(fact.aspect, fact.value)))) for fact in facts}
