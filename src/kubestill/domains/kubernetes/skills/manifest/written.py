"""Requests as people write them, as samples: as they stand, or with other names, images, hosts and numbers in request and manifest alike.

How people put a thing is worth most and is had least; the values that they put in are not what shall be learned of it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from kubestill.domains.api import TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import build, read, silent
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.manifests import read as read_manifests
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.skills.manifest.skill import texts_of
from kubestill.ground.numerals import WORDS, in_digits
from kubestill.ground.seeds import stable_hash

REQUESTS = "requests"  # the form of documents that hold them
ROAD = "written"
AS_IT_STANDS = 0.2  # share of the samples that keep the values of whoever wrote them


def written(document: Document, rng: Random, skill: str) -> Sample | Drop:
    """Return one of an entry's requests as a sample, mostly with other values than its writer gave."""
    entry = json.loads(document.text)
    request, obj = rng.choice(entry["requests"]), read_manifests(entry["reference"]).manifests[0].object
    if rng.random() >= AS_IT_STANDS:
        found = sample_of(*varied(request, obj, Words(rng, TRAIN)), skill, document.source)
        if isinstance(found, Sample) and full_pass(found.answer, found.intents).passed:
            return found  # else numbers no longer fit each other: a request above its limit
    return sample_of(request, obj, skill, document.source)


def every(document: Document, skill: str) -> Iterator[Sample]:
    """Yield each of an entry's requests as it stands."""
    entry = json.loads(document.text)
    obj = read_manifests(entry["reference"]).manifests[0].object
    for request in entry["requests"]:
        found = sample_of(request, obj, skill, document.source)
        if isinstance(found, Sample):
            yield found


def sample_of(request: str, obj: Mapping[str, Any], skill: str, source: Mapping[str, str]) -> Sample | Drop:
    """Return the sample in which a request asks for an object, its statements in the order of mention, or why it is none."""
    if obj.get("kind") not in KINDS or obj.get("apiVersion") != KINDS[obj["kind"]].api_version:
        return Drop("kind-without-intents")
    try:
        intents = mentioned(request, said_of(obj, request))
        if not any(one.aspect == "name" and isinstance(one.value, str) for one in intents):
            return Drop("name-unsayable")
        if any("[]" in one.aspect for one in intents):
            return Drop("statement-of-no-lens")
        if any("\n" in text for one in intents for text in texts_of((*one.keys, one.value))):
            return Drop("value-of-many-lines")
        answer = dump(ordered(build(intents)))
    except (AttributeError, TypeError, KeyError, ValueError):
        return Drop("unreadable-intents")
    identity = f"{stable_hash(request, answer):016x}"
    return Sample(identity, skill, request, answer, tuple(intents), str(obj["kind"]), ROAD, (), dict(source))


def said_of(obj: Mapping[str, Any], request: str = "") -> list[Intent]:
    """Return what an object says that somebody must have asked for: not what only the API or good form wants.

    The names of containers are the writer's affair, but for those that the request says; they come last.
    """
    asked_policy, said, names = obj["kind"] in ("Job", "CronJob"), list[Intent](), list[Intent]()
    for intent in read(dict(obj)):
        if intent.aspect == "container.name":
            names += [intent] * bool(_alone(str(intent.value)).search(request))
        elif not silent(intent) or (asked_policy and intent.aspect == "pod.restartPolicy"):
            said.append(intent)
    return [*said, *names]


def _alone(text: str) -> re.Pattern[str]:
    """Return what finds a text where it is a word of its own and part of no name, path or address."""
    return re.compile(rf"(?<![\w./:@-]){re.escape(text)}(?![\w@-]|[./:]\w)")


def mentioned(request: str, intents: Sequence[Intent]) -> list[Intent]:
    """Return the statements in the order in which a request comes to them, the kind first; what it implies follows its neighbour.

    What is said of a port or a mount follows the statement that there is one.
    """
    low, places, last, of = in_digits(request.lower(), _WORDED), list[tuple[int, int]](), 0, dict[tuple[str, str], int]()
    for number, intent in enumerate(intents):
        last = -1 if intent.aspect == "kind" else _place(low, intent, last)
        last = max(last, *(of.get((intent.aspect.rpartition(".")[0], str(key)), -1) for key in intent.keys or ("",)))
        of[intent.aspect, str(intent.value)] = last
        places.append((last, number))
        last = max(last, 0)
    return [intents[number] for _, number in sorted(places)]


def _place(low: str, intent: Intent, other: int) -> int:
    """Return where a request says a statement: at the longest of its words that stands there, else at `other`."""
    for text in sorted(dict.fromkeys(_spellings((*intent.keys, intent.value))), key=len, reverse=True):
        if found := re.search(rf"(?<![\w.-]){re.escape(text)}(?![\w-])", low):
            return found.start()
    return other


_WORDED = frozenset(WORDS)  # numbers that are looked for in words
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]{1,2}|%)\Z")


def _spellings(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from _spellings(value)
        elif not isinstance(value, bool) and value is not None and (text := str(value).lower()):
            yield text
            if text.isdigit() and int(text) < len(WORDS):
                yield WORDS[int(text)]
            if amount := _AMOUNT.match(str(value)):
                yield amount[1]


# What a field holds, and so what else it could hold; a field that is not here keeps its value, as do keys, commands and settings.
_IMAGES, _HOSTS, _PATHS = frozenset(("image",)), frozenset(("host", "hosts", "externalName")), frozenset(("mountPath", "path"))
_NAMED = frozenset(("name", "namespace", "claimName", "secretName", "serviceAccountName", "serviceName", "storageClassName", "volumeName"))
_LABELS = frozenset(("labels", "matchLabels", "selector", "nodeSelector"))
_FIXED = re.compile(r"kube-|kubernetes|k8s\.io|system[-:]")  # which mean something to Kubernetes, whoever writes them
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+\Z")  # of several words: one alone may be English
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+\Z")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9./_:-]*[/:][\w][\w.-]*\Z")
_PATH = re.compile(r"(?:/[\w-]+){2,}\Z")
_TAG = re.compile(r":[\w][\w.-]*\Z")
_LONGEST, _MOST = 253, 40  # characters of a value that is changed, and values that are


def _fresh(field: str, text: str, words: Words) -> str | None:
    """Return another value for a field; None where it keeps its own."""
    if len(text) > _LONGEST or _FIXED.search(text):
        return None
    if field in _IMAGES and _IMAGE.match(text):
        image = words.image()
        return image if not _TAG.search(text) else _TAG.sub("", image) + f":{words.tag()}"
    if field in _HOSTS and _HOST.match(text):
        return words.host()
    if field in _PATHS and _PATH.match(text):
        return "".join(f"/{words.word()}" for _ in text[1:].split("/"))
    return "-".join(words.word() for _ in text.split("-")) if field in _NAMED and _NAME.match(text) else None


def varied(request: str, obj: Mapping[str, Any], words: Words) -> tuple[str, dict[str, Any]]:
    """Return a request and its object with other values, the same in both: of whatever stands word for word in the request.

    A value stays where it would stay in part: in another mention, in a longer name that is made of it, in a command.
    """
    changes: dict[str, tuple[re.Pattern[str], str]] = {}
    for field, leaf in _leaves(obj):
        text = str(leaf)
        if len(changes) >= _MOST or not isinstance(leaf, str) or text in changes or text not in request:
            continue
        if (fresh := _fresh(field, text, words)) is not None:
            changes[text] = _alone(text), fresh
    for text, pattern in _numbers(request, obj):
        low, high = (2, 9) if len(text) == 1 else (10, 60)
        changes[text] = pattern, str(words.rng.randint(low, high))
    while True:
        swap = _swapper(list(changes.values()))
        said, changed = swap(request), _mapped(obj, swap)
        left = " ".join((said, *(str(leaf) for _, leaf in _leaves(changed)))).lower()
        parted = [text for text in changes if not text.isdigit() and text.lower() in left]
        if not parted:
            return said, changed
        for text in parted:
            del changes[text]


def _swapper(changes: Sequence[tuple[re.Pattern[str], str]]) -> Callable[[str], str]:
    """Return what replaces in one pass, the longest first, so that no fresh value is replaced again."""
    if not changes:
        return lambda text: text
    longest = sorted(changes, key=lambda change: len(change[0].pattern), reverse=True)
    joined = re.compile("|".join(f"(?P<c{place}>{pattern.pattern})" for place, (pattern, _) in enumerate(longest)))
    return lambda text: joined.sub(lambda match: longest[int(str(match.lastgroup)[1:])][1], text)


def _numbers(request: str, obj: Mapping[str, Any]) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the numbers of one or two digits that stand once in the request, and once in the object: as a number or before a unit.

    Longer ones are pointed at (tools/chat/slots.py), so their values teach nothing.
    """
    leaves = [str(leaf) for _, leaf in _leaves(obj)]
    digits, spoken = (re.findall(r"\d+", text) for text in (" ".join(leaves), in_digits(request, _WORDED)))
    for text in dict.fromkeys(number for _, leaf in _leaves(obj) if (number := _count(leaf))):
        spelled = int(text) < len(WORDS) and re.search(rf"\b{WORDS[int(text)]}\b", request, re.IGNORECASE)
        if int(text) < 2 or spelled or digits.count(text) != 1 or spoken.count(text) != 1:
            continue
        pattern = re.compile(rf"(?<![\w.:/@=-]){text}(?=\s?(?:[KMGTkmgt]i?[bB]?|megs?|gigs?|m|%)?(?![\w.:/@-]))")
        if pattern.search(request):
            yield text, pattern


def _count(leaf: Any) -> str:
    """Return the one or two digits of a number or an amount; an empty string of anything else."""
    if isinstance(leaf, bool) or not isinstance(leaf, int | str):
        return ""
    match = re.fullmatch(r"(\d{1,2})(?:[A-Za-z]{1,2}|%)?", str(leaf))
    return match[1] if match else ""


def _leaves(value: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar with the field that holds it; of labels, which may have any key, it is `name`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, "name" if field in _LABELS else key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, field)
    else:
        yield field, value


def _mapped(value: Any, swap: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(item, swap) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, swap) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    changed = swap(str(value))
    return value if changed == str(value) else int(changed) if isinstance(value, int) else changed
