"""The skill of writing manifests: a request in English, one manifest as the answer, and the intents that must hold."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from kubestill.domains.api import MANIFESTS, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.draw import draw_intents
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import build, read, silent
from kubestill.domains.kubernetes.intents.network import as_patterns
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.intents.tree import look
from kubestill.domains.kubernetes.manifests import read as read_manifests
from kubestill.domains.kubernetes.phrasing.compose import Composed, compose
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.skills.manifest.choosing import ESSENTIAL, choose
from kubestill.domains.kubernetes.skills.manifest.context import manifest_context
from kubestill.domains.kubernetes.skills.manifest.fragments import fragment, idle, unclear
from kubestill.domains.kubernetes.skills.manifest.granted import void_grant
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Verdict

NAME = "manifest"
Say = Callable[[Sequence[Intent], Random, str], Composed]  # how intents become a request
MAX_VALUE_CHARS, MAX_LINE_CHARS = 60, 150
MAX_GRANTS = 5
_NAME = re.compile(r"[\w.:/@-]+\Z")  # no `${APP}` that something else would have filled in
# What somebody else would have filled in; and values that say so, which names of variables (`CLIENT_ID`) do not.
_PLACEHOLDER = re.compile(r"<[\w .-]+>|\$\{|\{[A-Za-z][\w-]*\}|\{\{|%\(")
_STAND_IN = re.compile(
    r"(?i:placeholder|goes[-_ ]here|\*\*|^update_|^patched_|\byour_|^\$\w+$|change_?me|replace_?me|^your[-_ ]|\btodo\b)|"
    r"(?<![($\w])(?:[A-Z]+_)+(?:ID|NAME|IMAGE|TAG|HERE)\b"
)
_UNFILLED, _EXPANDS = re.compile(r"\$\("), ("container.", "init.")  # which kustomize would have filled in, but for containers
_NO_IMAGE = re.compile(
    r"((your|my|some|the|init|container)[-_]?)?(image|img)([-_](name|url))?\Z|(?-i:[^:@]*[A-Z])", re.IGNORECASE
)  # no name has capitals
_PLAIN = re.compile(r"[\x20-\x7e]+\Z")


class ManifestSkill:
    """Draws requests for manifests, or writes the request that a real manifest answers."""

    name = NAME
    version = 9  # of reading, building, drawing and phrasing
    reads = frozenset((MANIFESTS,))

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent an object and ask for it."""
        return asked(drawn(rng, part), rng, part)

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Ask for what a real manifest says, as far as a person would say it; the rest of it is left out."""
        chosen = wanted(document, rng)
        return chosen if isinstance(chosen, Drop) else asked(chosen, rng, part, document.source)

    def context(self, sample: Sample) -> Mapping[str, str]:
        """Return the form of manifests, and the fields that the schema has where the answer writes some."""
        return manifest_context(sample)

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Run form, syntax, schema and rules of the usual cluster version, and whether each intent holds."""
        return full_pass(answer, intents)


def drawn(rng: Random, part: str, kind: str = "") -> list[Intent]:
    """Return what is asked of an invented object; of any kind where none is given."""
    for _ in range(_TRIES):
        intents = [intent for intent in draw_intents(rng, part, kind) if _keeps(intent, rng)]
        if unclear(intents) is None:
            break
    return clear(intents)


_TRIES = 12  # draws of an object until a request for it can be read in one way only


def wanted(document: Document, rng: Random) -> list[Intent] | Drop:
    """Return what is asked of a real manifest, or why nothing can be."""
    manifests = read_manifests(document.text).manifests
    if len(manifests) != 1:
        return Drop("not-one-object")
    obj = manifests[0].object
    if obj.get("kind") not in KINDS or obj.get("apiVersion") != KINDS[obj["kind"]].api_version:
        return Drop("kind-without-intents")
    try:
        intents, shared = read(obj), _shares_scratch(obj)
    except (AttributeError, TypeError, KeyError, ValueError):
        return Drop("unreadable-intents")
    if void := void_grant(intents) or fragment(document, obj, intents):
        return void
    if any("$" in intent.aspect for intent in intents):
        return Drop("patch")  # of kustomize: `$patch: delete` is no field of an object
    sayable = [intent for intent in intents if _sayable(intent) and not silent(intent)]
    if not KINDS[obj["kind"]].namespaced:
        sayable = [intent for intent in sayable if intent.aspect != "namespace"]  # which the API server takes off
    chosen = clear(_run_whole(choose(sayable, rng), intents))
    if not all(_NAME.match(str(intent.value)) for intent in chosen if intent.aspect in ("name", "namespace", "container.image")):
        return Drop("template")
    if any(_UNFILLED.search(text) for intent in chosen if not intent.aspect.startswith(_EXPANDS) for text in texts_of(intent.value)):
        return Drop("template")
    if any(_NO_IMAGE.match(str(intent.value)) for intent in chosen if intent.aspect in ("container.image", "init.image")):
        return Drop("placeholder-image")
    if not any(intent.aspect == "name" for intent in chosen):
        return Drop("name-unsayable")
    if sum(intent.aspect.startswith("grant") for intent in chosen) > MAX_GRANTS:
        return Drop("too-long")
    if any(intent.aspect in ESSENTIAL and not _sayable(intent) for intent in intents):
        return Drop("essential-unsayable")
    if _names_in_part(intents):
        return Drop("names-of-some-verbs")
    numbers = [(intent.aspect, intent.keys, repr(intent.value)) for intent in intents if intent.aspect in ("port", "container.port")]
    if len(set(numbers)) < len(numbers):
        return Drop("ports-of-one-number")
    if _expands_unknown(chosen):
        return Drop("undefined-variable")
    if shared:
        return Drop("shared-scratch")
    if idle(chosen, intents):
        return Drop("nothing-to-run")
    if doubt := unclear(chosen):
        return doubt
    typed = {one.keys for one in chosen if one.aspect == "rule.pathType" and one.value == "ImplementationSpecific"}  # no `Exact` either
    if any(route.keys not in typed for route in as_patterns(intents)):
        return Drop("regex-path")
    wants = "container.image" if KINDS[obj["kind"]].template is not None else _HOLDS.get(obj["kind"], "")
    if obj["kind"] == "Service" and not any(intent.aspect in ("port", "spec.externalName") for intent in chosen):
        return Drop("nothing-in-it")
    if obj["kind"] == "NetworkPolicy" and not any(intent.aspect in ("allow", "allow.all", "deny") for intent in chosen):
        return Drop("nothing-in-it")  # which would silently deny
    if wants and not any(intent.aspect.partition(".")[0] == wants or intent.aspect == wants for intent in chosen):
        return Drop("nothing-in-it")
    return chosen


# What each is nothing without.
_HOLDS = {"ConfigMap": "data", "Secret": "data", "ResourceQuota": "hard", "LimitRange": "limit", "Role": "grant", "ClusterRole": "grant"}
_EXPANDED = re.compile(r"\$[({]?(\w+)")


def _expands_unknown(intents: Sequence[Intent]) -> bool:
    """Say whether a command or a value is asked for that expands a variable which nothing asked for defines."""
    known = {intent.keys for intent in intents if intent.aspect.startswith("container.env") and intent.keys}
    told = (intent for intent in intents if intent.aspect.startswith(("container.", "init.")))
    used = {(*intent.keys[:1], name) for intent in told for text in texts_of(intent.value) for name in _EXPANDED.findall(text)}
    return bool(used - known)


def _shares_scratch(obj: Mapping[str, Any]) -> bool:
    """Say whether containers hand files on through an empty volume: said container by container, each would get one of its own."""
    spec = look(obj, *(KINDS[obj["kind"]].template or ()), "spec") or {}
    empty = {one.get("name") for one in spec.get("volumes") or () if "emptyDir" in one or one.keys() <= {"name"}}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    mounted = [{mount.get("name") for mount in container.get("volumeMounts") or ()} & empty for container in containers]
    return sum(map(len, mounted)) > len(set().union(*mounted))


_SECURITY = "container.securityContext"


def _names_in_part(intents: Sequence[Intent]) -> bool:
    """Say whether some verbs of a resource are for named objects and others for all; or new objects, or all at once, are asked by name.

    Grants and names are one statement each: said so, `create` would go under the names, where a request for it holds none to compare.
    """
    named = {intent.keys for intent in intents if intent.aspect == "grant.names" and "/" not in intent.keys[0]}
    return any(
        intent.aspect == "grant.unnamed[]" or (intent.aspect == "grant" and intent.keys in named and _NAMELESS & set(intent.value))
        for intent in intents
    )


_NAMELESS = frozenset(("create", "deletecollection", "list", "watch"))


def clear(intents: Sequence[Intent]) -> list[Intent]:
    """Return intents without those that leave something open, or contradict others.

    Left out are what is frozen where it holds nothing, a workload's own `app` label, and what is refused beside the host's network or
    full privileges.

    Whoever asks for the label `app` of a Deployment may well mean its pods, which get their name for it unless told otherwise.
    """
    said = {intent.aspect: intent.value for intent in intents if not intent.keys}
    empty = "immutable" in said and not any(intent.aspect == "data" for intent in intents)
    privileged = {intent.keys for intent in intents if intent.aspect == f"{_SECURITY}.privileged" and intent.value}
    own = str(said.get("name")) if KINDS[str(said["kind"])].selects else ""
    pods = {str(intent.value) for intent in intents if intent.aspect == "podLabel" and intent.keys == ("app",)} or {own}
    return [
        intent
        for intent in intents
        if not (intent.aspect == "immutable" and empty)
        and not (own and intent.aspect == "label" and intent.keys == ("app",) and str(intent.value) not in pods)
        and not (intent.aspect == "container.port.hostPort" and said.get("pod.hostNetwork"))
        and not (intent.aspect == f"{_SECURITY}.allowPrivilegeEscalation" and intent.keys in privileged)
    ]


def asked(intents: Sequence[Intent], rng: Random, part: str, source: Mapping[str, str] | None = None, say: Say = compose) -> Sample | Drop:
    """Return the sample in which `say` asks for all of the intents; one with a `source` was read from there, any other invented."""
    composed = say([_in_cores(intent) for intent in intents], rng, part)
    if any(intent.aspect in ESSENTIAL for intent in composed.unsaid):
        return Drop("essential-unsayable")
    said = composed.said
    try:
        answer = dump(ordered(build(said)))
    except (AttributeError, TypeError, KeyError, ValueError):
        return Drop("unbuildable")
    kind, road = str(said[0].value), "procedural" if source is None else "reverse"
    identity = f"{stable_hash(composed.text, answer):016x}"
    return Sample(identity, NAME, composed.text, answer, said, kind, road, composed.forms, dict(source or {}))


def _in_cores(intent: Intent) -> Intent:
    """Return an amount of processor time in cores where it is large and comes out even: nobody says `10000m cpu`."""
    if not (intent.aspect.endswith(".cpu") or (intent.aspect in ("hard", "limit") and "cpu" in intent.keys[-1:])):
        return intent
    text = str(intent.value)
    even = text.endswith("000m") and len(text) > 5 and text[:-1].isdigit()
    return replace(intent, value=text[:-4]) if even else intent


def _keeps(intent: Intent, rng: Random) -> bool:
    """A default is seldom asked for."""
    return not silent(intent) or rng.random() < 0.3


def _sayable(intent: Intent) -> bool:
    if "[]" in intent.aspect or intent.value is None or intent.value == "":
        return False
    texts = [*intent.keys, *texts_of(intent.value)]
    if any(_PLACEHOLDER.search(text) for text in texts) or any(_STAND_IN.search(text) for text in texts_of(intent.value)):
        return False
    if isinstance(intent.value, tuple) and (any("'" in text for text in texts) or sum(map(len, texts)) > MAX_LINE_CHARS):
        return False  # which a shell has only as `'"'"'`, or is too long to be typed into a request
    return all(len(text) <= MAX_VALUE_CHARS and (text == "" or bool(_PLAIN.match(text))) for text in texts)


def texts_of(value: Any) -> list[str]:
    """Return the parts of a statement's value as texts, however deep they lie in tuples."""
    return [text for item in value for text in texts_of(item)] if isinstance(value, tuple) else [str(value)]


_RUN = ("container.command", "container.args")


def _run_whole(chosen: Sequence[Intent], intents: Sequence[Intent]) -> list[Intent]:
    """Return what is chosen without half a command line: its program alone, or arguments that would be run by themselves."""
    parted = {intent.keys for intent in intents if intent.aspect in _RUN and intent not in chosen}
    return [intent for intent in chosen if not (intent.aspect in _RUN and intent.keys in parted)]
