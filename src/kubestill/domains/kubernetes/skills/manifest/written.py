"""Requests that people wrote, as samples: as they stand, or with other names, images, hosts and numbers in request and manifest alike.

How people put a thing is worth most and is had least; the values that they put in are not what shall be learned of it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from kubestill.domains.api import TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import build, read, silent
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.manifests import read as read_manifests
from kubestill.domains.kubernetes.printing import dump
from kubestill.ground.seeds import stable_hash

REQUESTS = "requests"  # the form of documents that hold them
ROAD = "written"
AS_IT_STANDS = 0.2  # share of the samples that keep the values of whoever wrote them

Replacement = tuple[re.Pattern[str], str]


def written(document: Document, rng: Random, skill: str) -> Sample | Drop:
    """Return one of an entry's requests as a sample, mostly with other values than its writer gave."""
    entry = json.loads(document.text)
    request, obj = rng.choice(entry["requests"]), read_manifests(entry["reference"]).manifests[0].object
    if rng.random() >= AS_IT_STANDS:
        request, obj = varied(request, obj, Words(rng, TRAIN))
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
        intents = mentioned(request, said_of(obj))
        if not any(one.aspect == "name" and isinstance(one.value, str) for one in intents):
            return Drop("name-unsayable")
        if any("[]" in one.aspect for one in intents):
            return Drop("statement-of-no-lens")
        if any("\n" in text for one in intents for text in _texts((*one.keys, one.value))):
            return Drop("value-of-many-lines")
        answer = dump(ordered(build(intents)))
    except (AttributeError, TypeError, KeyError, ValueError):
        return Drop("unreadable-intents")
    identity = f"{stable_hash(request, answer):016x}"
    return Sample(identity, skill, request, answer, tuple(intents), str(obj["kind"]), ROAD, (), dict(source))


def said_of(obj: Mapping[str, Any]) -> list[Intent]:
    """Return what an object says that somebody must have asked for: not what only the API or good form wants."""
    asked_policy = obj["kind"] in ("Job", "CronJob")
    return [
        intent
        for intent in read(dict(obj))
        if not (silent(intent) and not (asked_policy and intent.aspect == "pod.restartPolicy")) and intent.aspect != "container.name"
    ]


def mentioned(request: str, intents: Sequence[Intent]) -> list[Intent]:
    """Return the statements in the order in which a request comes to them, the kind first; what it implies follows its neighbour.

    What is said of a port or a mount follows the statement that there is one.
    """
    low, places, last, of = request.lower(), list[tuple[int, int]](), 0, dict[tuple[str, str], int]()
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


def _texts(value: Any) -> list[str]:
    return [text for item in value for text in _texts(item)] if isinstance(value, tuple) else [str(value)]


_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]{1,2}|%)\Z")


def _spellings(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from _spellings(value)
        elif not isinstance(value, bool) and value is not None and (text := str(value).lower()):
            yield text
            if text.isdigit() and int(text) < len(_COUNTS):
                yield _COUNTS[int(text)]
            if amount := _AMOUNT.match(str(value)):
                yield amount[1]


# Values that mean something to Kubernetes, whoever writes them.
_FIXED = re.compile(
    r"kube-|kubernetes|k8s\.io|(?:[a-z]+\.)*(?:coreos|projectcalico)\.|\A(?:/|/etc|/tmp|/data)\Z|read-only|ssl-|max-|cluster-"
)
_IMAGE = re.compile(r"[a-z0-9][a-z0-9./_-]*:[\w][\w.-]*\Z|[a-z0-9.-]+\.[a-z0-9.-]+/[a-z0-9./_-]+\Z")
_KEY = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]+/[A-Za-z][\w.-]*\Z")  # of a label or an annotation; or an image without a tag, which may look so
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+\Z")
_PATH = re.compile(r"(?:/[\w.-]+)+/?\Z")
_NAMES = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+\Z")
_TAG = re.compile(r":[\w][\w.-]*\Z")


def _fresh(text: str, words: Words) -> str | None:
    """Return another value of the sort of `text`; None where it shall stay."""
    if _FIXED.search(text):
        return None
    if _KEY.match(text):
        return f"{words.host()}/{words.word()}"
    if _IMAGE.match(text):
        image = words.image()
        return image if ":" not in text else _TAG.sub("", image) + f":{words.tag()}"
    if _PATH.match(text):
        return "/" + "/".join(words.word() for _ in text.strip("/").split("/"))
    if _NAMES.match(text):
        return "-".join(words.word() for _ in text.split("-"))
    return words.host() if _HOST.match(text) and not text.replace(".", "").isdigit() and text.count(".") < 4 else None


_MEMORY = ("64", "96", "128", "192", "256", "320", "384", "512", "640", "768", "900")


def _number(text: str, words: Words) -> str:
    """Return another number of about the size of `text`."""
    low, high = {1: (2, 9), 2: (10, 60)}.get(len(text), (0, 0))
    if high:
        return str(words.rng.randint(low, high))
    return words.rng.choice(_MEMORY) if len(text) == 3 else str(words.port())


def varied(request: str, obj: Mapping[str, Any], words: Words) -> tuple[str, dict[str, Any]]:
    """Return a request and its object with other values, the same in both: whatever stands word for word in the request."""
    changes: list[Replacement] = []
    for text in sorted(set(_strings(obj)), key=len, reverse=True):
        pattern = re.compile(rf"(?<![\w./:@-]){re.escape(text)}(?![\w@-]|[./:]\w)")
        if pattern.search(request) and (fresh := _fresh(text, words)) is not None:
            changes.append((pattern, fresh))
    for text, pattern in _numbers(request, obj):
        changes.append((pattern, _number(text, words)))
    swap = _swapper(changes)
    return swap(request), _mapped(obj, swap)


def _swapper(changes: Sequence[Replacement]) -> Callable[[str], str]:
    """Return what replaces in one pass, so that no fresh value is replaced again."""
    if not changes:
        return lambda text: text
    joined = re.compile("|".join(f"(?P<c{place}>{pattern.pattern})" for place, (pattern, _) in enumerate(changes)))
    return lambda text: joined.sub(lambda match: changes[int(str(match.lastgroup)[1:])][1], text)


def _numbers(request: str, obj: Mapping[str, Any]) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the numbers that stand once in the request and once in the object, as a number or before a unit."""
    held = [found for leaf in _leaves(obj) if (found := _digits(leaf))]
    for text in dict.fromkeys(held):
        pattern = re.compile(rf"(?<![\w.:/@-]){text}(?=\s?(?:[KMGTkmgt]i?[bB]?|megs?|gigs?|m|%)?(?![\w.:/@-]))")
        if held.count(text) == 1 and int(text) > 1 and len(pattern.findall(request)) == 1 and len(re.findall(text, request)) == 1:
            yield text, pattern


def _digits(leaf: Any) -> str:
    if isinstance(leaf, bool):
        return ""
    if isinstance(leaf, int):
        return str(leaf)
    match = _AMOUNT.match(leaf) if isinstance(leaf, str) else None
    return match[1] if match and match[1].isdigit() else ""


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts of an object, and the keys that its author chose."""
    if isinstance(value, dict):
        for key, item in value.items():
            if any(sign in key for sign in "-./_"):
                yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def _mapped(value: Any, swap: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {swap(key): _mapped(item, swap) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, swap) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    changed = swap(str(value))
    return int(changed) if isinstance(value, int) and changed.isdigit() else changed
