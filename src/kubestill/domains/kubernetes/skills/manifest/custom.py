"""Custom resources: a small object is drawn from a definition, asked for by the names of its fields, and judged by the definition's schema.

A sample is judged without the definition at hand: it carries the part of the schema that its answer touches. There the neighbours
of a field are known by name, so that an invented field fails and one that was merely not asked for does not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from kubestill.domains.api import Document, Drop, Intent, Sample
from kubestill.domains.kubernetes import answers
from kubestill.domains.kubernetes.definitions import CustomKind, Kind, custom_kinds, strict_root
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fullpass import INTENT
from kubestill.domains.kubernetes.intents.kinds import MAPS
from kubestill.domains.kubernetes.intents.tree import Obj, flatten, look
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import Schemas, schemas
from kubestill.domains.kubernetes.skills.manifest.custom_drawing import Undrawable, draw_spec, humanised, slice_of
from kubestill.domains.kubernetes.skills.manifest.parts import Speaker, finished
from kubestill.ground.errors import UserError
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict

DEFINITIONS = "definitions"  # the form of documents
DEFINED = "expect.schema"  # what of a definition it takes to judge an answer, as JSON
SKILL = "manifest"
MAX_FIELDS, MAX_CHARS = 10, 600
_TRIES = 4
_DOTTED = 0.2  # share of requests that name fields as they stand
# Nobody writes the first three by hand, since cert-manager makes them; the last is made of expressions, which words cannot be drawn for.
_LEFT_OUT = frozenset(("Challenge", "Order", "CertificateRequest", "PrometheusRule"))


def reverse_definition(document: Document, rng: Random, part: str) -> Sample | Drop:
    """Ask for an object of the kind that a CustomResourceDefinition defines."""
    kinds = _kinds(document.text)
    if not kinds:
        return Drop("no-definition")
    if kinds[-1][0].kind.kind in _LEFT_OUT:
        return Drop("kind-not-asked-for")
    custom, namespaced = kinds[-1] if len(kinds) == 1 or rng.random() < 0.85 else rng.choice(kinds)
    words = Words(rng, part)
    spec_schema = (custom.written.get("properties") or {}).get("spec") or {}
    for _ in range(_TRIES):
        try:
            spec = draw_spec(spec_schema, words)
        except Undrawable:
            continue
        metadata = {"name": words.name(), **({"namespace": words.namespace()} if namespaced and rng.random() < 0.3 else {})}
        obj: Obj = {"apiVersion": custom.kind.api_version, "kind": custom.kind.kind, "metadata": metadata, "spec": spec}
        if _judged_whole(document.text, dump(obj)):
            return _sample(obj, custom, rng, part, document.source)
    return Drop("no-valid-object-drawn")


@lru_cache(maxsize=64)
def _kinds(text: str) -> tuple[tuple[CustomKind, bool], ...]:
    """Return the served kinds of a definition, the stored version last, each with whether it lives in a namespace."""
    found: list[tuple[CustomKind, bool]] = []
    for manifest in read(text).manifests:
        try:
            namespaced = look(manifest.object, "spec", "scope") == "Namespaced"
            stored = [one["name"] for one in look(manifest.object, "spec", "versions") or () if one.get("storage")]
            kinds = sorted(custom_kinds(manifest.object, "definition"), key=lambda one: one.kind.version in stored)
        except UserError:
            continue
        found += [(one, namespaced) for one in kinds]
    return tuple(found)


@lru_cache(maxsize=64)
def _schemas(text: str) -> Schemas:
    return Schemas(custom=[kind for kind, _ in _kinds(text)])


def _judged_whole(definition: str, answer: str) -> bool:
    """Say whether an object passes all that its definition says, rules in CEL included."""
    return answers.judge(answer, _schemas(definition)).verdict.passed


def _sample(obj: Obj, custom: CustomKind, rng: Random, part: str, source: Mapping[str, str]) -> Sample | Drop:
    leaves = list(flatten(obj["spec"], "spec"))
    answer = dump(obj)
    if len(leaves) > MAX_FIELDS or len(answer) > MAX_CHARS or any("\n" in str(leaf.value) for leaf in leaves):
        return Drop("too-long")
    speaker = Speaker(rng, part)
    head = _head(obj, custom.kind, speaker)
    spoken = _grouped(leaves, rng)
    dotted = rng.random() < _DOTTED
    request = _asked(speaker, head, [_said(leaf, speaker, dotted) for leaf in spoken])
    space = obj["metadata"].get("namespace")
    identity = [Intent("kind", (), obj["kind"]), Intent("name", (), obj["metadata"]["name"])]
    identity += [Intent("namespace", (), space)] if space else []
    kept = slice_of(custom.written, obj)
    told = json.dumps({"kind": list(custom.kind), "schema": kept}, sort_keys=True)
    intents = (*identity, *spoken, Intent(DEFINED, (), told))
    key = f"{stable_hash(request, answer):016x}"
    return Sample(key, SKILL, request, answer, intents, obj["kind"], "reverse", tuple(speaker.forms), dict(source))


def _grouped(leaves: Sequence[Intent], rng: Random) -> list[Intent]:
    """Return the fields in an order in which people name them: those of one place together."""
    groups: dict[str, list[Intent]] = {}
    for leaf in leaves:
        groups.setdefault(".".join(leaf.aspect.split(".")[:2]), []).append(leaf)
    order = list(groups.values())
    rng.shuffle(order)
    return [leaf for group in order for leaf in group]


def _head(obj: Obj, kind: Kind, speaker: Speaker) -> str:
    rng = speaker.rng
    called = kind.kind if rng.random() < 0.6 else humanised((kind.kind,))
    article = "an" if called[0].lower() in "aeio" else "a"
    text = speaker.say("custom.head/named", k=called, n=obj["metadata"]["name"], a=article)
    if rng.random() < 0.35:
        text += " " + speaker.say("custom.head/group", g=kind.group, w=kind.version)
    if space := obj["metadata"].get("namespace"):
        text += " " + speaker.say("custom.head/space", s=space)
    return text if text.startswith(("custom", "\ue000" + obj["metadata"]["name"])) else f"{article} {text}"


def _said(leaf: Intent, speaker: Speaker, dotted: bool) -> tuple[str, str]:
    """Return a field as a noun phrase and in terse form; `dotted`: named as it stands."""
    path = leaf.aspect.split(".")[1:]
    if isinstance(leaf.value, bool) and path[-1].startswith(_VERBS):  # nobody says `is CA switched off`
        text = f"{'.'.join(path[-2:]) if dotted else path[-1]}: {'true' if leaf.value else 'false'}"
        return text, text
    if isinstance(leaf.value, bool):
        text = speaker.steadily(f"custom.field/{'on' if leaf.value else 'off'}", f=humanised(path, dotted))
        return text, text
    if leaf.value == "":
        text = speaker.steadily("custom.field/empty", f=humanised(path, dotted))
        return text, text
    value = " and ".join(map(str, leaf.value)) if isinstance(leaf.value, tuple) else str(leaf.value)
    value = f'"{value}"' if " " in value and not isinstance(leaf.value, tuple) else value
    if path[-1] in MAPS:
        path, value = [*path[:-1], "label"], f"{leaf.keys[-1]}={value}"
    table = "list" if isinstance(leaf.value, tuple) else "np"
    terse = speaker.steadily("custom.field/kv", f=humanised(path, dotted), v=value)
    return speaker.steadily(f"custom.field/{table}", f=humanised(path, dotted), v=value), terse


_VERBS = tuple("is has use allow should can must do no not skip".split())


def _asked(speaker: Speaker, head: str, fields: Sequence[tuple[str, str]]) -> str:
    manner = speaker.rng.choices(_MANNERS, (0.5, 0.2, 0.15, 0.15))[0]
    text = manner(speaker, head, fields)
    close = speaker.maybe("custom.ask/close", 0.15)
    return finished(f"{text}. {close}" if close and "\n" not in text else text, capitals=manner is not _terse and speaker.chance(0.5))


def _in_one(speaker: Speaker, head: str, fields: Sequence[tuple[str, str]]) -> str:
    texts = [np for np, _ in fields]
    joined = ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + texts[-1]
    return f"{speaker.say('custom.ask/open')} {head}{speaker.say('custom.ask/with')}{joined}"


def _listed(speaker: Speaker, head: str, fields: Sequence[tuple[str, str]]) -> str:
    mark = speaker.say("custom.ask/mark")
    return "\n".join([f"{speaker.say('custom.ask/open')} {head}:", *(f"{mark}{kv}" for _, kv in fields)])


def _terse(speaker: Speaker, head: str, fields: Sequence[tuple[str, str]]) -> str:
    return speaker.rng.choice((", ", "; ", "\n")).join([head.removeprefix("a ").removeprefix("an "), *(kv for _, kv in fields)])


def _in_two(speaker: Speaker, head: str, fields: Sequence[tuple[str, str]]) -> str:
    """The object first, then what it should have."""
    texts = [np for np, _ in fields]
    joined = ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + texts[-1]
    return (
        f"{speaker.say('custom.ask/open')} {head}. it {speaker.rng.choice(('should have', 'needs', 'has', 'must have', 'gets'))} {joined}"
    )


_MANNERS: tuple[Callable[[Speaker, str, Sequence[tuple[str, str]]], str], ...] = (_in_one, _listed, _terse, _in_two)


# --- judging ---------------------------------------------------------------------------------------------------------


class _Beside(Schemas):
    """The published schemas and one kind beside them: what is published is read once for all samples, and shared."""

    def __init__(self, one: CustomKind) -> None:
        published = schemas()
        self.version, self.served, self.customs = published.version, published.served, (one,)
        self.definitions = {**published.definitions, one.name: dict(one.written)}
        self.names, self.enums = {**published.names, one.kind: one.name}, published.enums
        self._custom = {one.kind: one}
        self._compiled = {**published._compiled, one.name: dict(one.strict)}
        self._validators = {}


@lru_cache(maxsize=256)
def _slice(text: str) -> Schemas:
    """Return the schemas to judge by: the part of a definition that a sample carries, beside the published ones."""
    told = json.loads(text)
    return _Beside(CustomKind(Kind(*told["kind"]), told["schema"], strict_root(told["schema"]), 0))


def judge_custom(answer: str, intents: Sequence[Intent], known: Schemas | None = None) -> Verdict:
    """Judge a custom resource by its definition, and whether every field that was asked for holds what was asked.

    `known`: schemas that may describe the kind; where they do not, what the sample carries of its definition decides.
    """
    told = next(str(intent.value) for intent in intents if intent.aspect == DEFINED)
    kind = Kind(*json.loads(told)["kind"])
    describes = known is not None and known.knows(kind.api_version, kind.kind)
    judged = answers.judge(answer, known if describes else _slice(told))
    if not judged.verdict.passed or judged.object is None:
        return Verdict((*judged.verdict.results, Result(INTENT, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")))
    said = _facts(judged.object)
    missed = tuple(
        Finding(INTENT, intent.aspect, f"asked for {intent.value!r}; the manifest does not do so", Tier.INTENT)
        for intent in intents
        if intent.aspect != DEFINED and _key(intent) not in said
    )
    return Verdict((*judged.verdict.results, Result(INTENT, Tier.INTENT, Outcome.FAIL if missed else Outcome.PASS, missed)))


def _facts(obj: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    metadata = obj.get("metadata") or {}
    own = [Intent("kind", (), obj.get("kind")), *(Intent(key, (), metadata.get(key)) for key in ("name", "namespace"))]
    return {_key(intent) for intent in (*own, *flatten(obj.get("spec") or {}, "spec"))}


def _key(intent: Intent) -> tuple[Any, ...]:
    value = intent.value
    plain = value if isinstance(value, bool) else tuple(map(str, value)) if isinstance(value, tuple) else str(value)
    return intent.aspect, intent.keys, plain
