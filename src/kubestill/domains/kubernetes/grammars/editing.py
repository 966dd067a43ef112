"""Editing: what a request says is noted under a grammar, written over the object of a file, and its text is changed only there.

A small student has learned to note what a request for a new object says. Asked to change one it does the same: kind and name are
given, and what it notes beside them is what shall be different: statements, and what is taken away or renamed (removing.py).
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.answers import check_text, judge
from kubestill.domains.kubernetes.documents import segments
from kubestill.domains.kubernetes.fixes.rewriting import Rewritten, rewrite
from kubestill.domains.kubernetes.grammars.notes import MARK, MAX_LINES, NotesGuide, line, noted, notes_step, terminal
from kubestill.domains.kubernetes.grammars.removing import (
    REMOVE,
    RENAME,
    Taking,
    asked_names,
    asked_removals,
    asks,
    held,
    is_asked,
    take_away,
    taking_of,
)
from kubestill.domains.kubernetes.intents.aspects import aspects_of
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import Facts
from kubestill.domains.kubernetes.intents.notes import LISTED, read_notes
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.intents.overlay import overlay, told
from kubestill.domains.kubernetes.intents.tree import Obj, look
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.phrasing.lines import EVERY, tables
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import Schemas, schemas
from kubestill.tools.checks.api import Verdict
from kubestill.tools.grammar.api import Given, Grammar, Guide, Reading, Span, Step

_BOM = "\ufeff"

_IMAGE = r"image|version|tag\b|upgrade|bump|switch"
# What every request for a new object says, and a request to change one seldom does: a student that was only taught the former notes it
# all the same. So these are offered only where the request has a word for them.
_EVIDENCE: dict[str, str] = {
    "container.image": rf"{_IMAGE}|\w:\w|@sha",
    "init.image": r"init",
    "port": r"port|:\d|listen|\d{2,5}",
    "selector": r"select|label|pods?\b|\bapp\b|=|route|point|behind|traffic|match",
    "spec.schedule": r"every|hour|minute|day\b|daily|week|month|year|night|noon|morning|evening|\bam\b|\bpm\b|\d[ap]m|:\d|cron|schedul|\*",
    "spec.maxReplicas": r"max|most|up to|between|more than|ceiling|upper|cap\b|limit|\d ?(-|to) ?\d",
    "target": r"target|scale (the|a)|deployment|statefulset|point|instead",
    "rule": r"host|path|route|/|\.\w",
    "roleRef": r"role",
    "spec.resources.requests.storage": r"\d",
    "provisioner": r"provision|driver",
}
_HABIT = "container.image"
# What people say in words of their own: a word of it that the request does not hold was invented.
_OWN_WORDS = frozenset(
    (
        "data label annotation podLabel podAnnotation selector podSelector parameter tls container.env container.env.secret "
        "container.env.configMap container.envFrom.secret container.envFrom.configMap mount.pvc mount.configMap mount.secret "
        "mount.hostPath pod.nodeSelector pod.serviceAccountName pod.imagePullSecret pod.toleration subject.User subject.Group "
        "subject.ServiceAccount namespace spec.storageClassName claim.storageClassName spec.ingressClassName rule backend"
    ).split()
)
_ANYBODYS = frozenset(("", "true", "false", "yes", "no", "/", "80", "443", "NoSchedule", "NoExecute", "PreferNoSchedule"))
_TAG = re.compile(r"v?\d+(?:\.\d+)*(?:-[\w.-]+)?")
# Statements of which an object may hold several under the same keys; of all others the first that changes something is meant.
_SEVERAL = re.compile(r"container\.port|port|container\.envFrom\..*|pod\.toleration|pod\.imagePullSecret|subject\..*|allow|sa\..*")
_SHOWN = "Change this manifest: "
# Taking away was only taught beside the object: one that is longer than those of training (skills/manifest/edits.py) is not shown.
MAX_SHOWN_CHARS = 560
MAX_REMARKS = 4
_DETAIL = re.compile(r"node ?port|target|\bname|protocol", re.IGNORECASE)  # of a port, which has to be said then, too


class Invented(ValueError):
    """A statement was noted whose words the request does not hold; `aspect` says about what."""

    def __init__(self, intent: Intent) -> None:
        super().__init__(f"understood {told(intent)}, which the request does not say")
        self.aspect = intent.aspect


@dataclass(frozen=True)
class EditGuide:
    """Leads a student that notes to the changed object; `rest` leads models without notes, and those about kinds that nobody notes.

    `document` counts the objects of the text from 0. Where the notes cannot be written over the object, or a check objects to what
    they make of it, the answer is a comment that says why: `edited` tells it as an error. Nothing is noted about the aspects `without`.
    """

    text: str
    rest: Guide
    document: int = 0
    without: frozenset[str] = frozenset()

    def start(self, reading: Reading) -> Step | Given:
        """Return the step of the notes.

        Raises:
            ValueError: the text holds no such object.
        """
        obj = object_of(self.text, self.document)
        if not reading.notes or obj.get("kind") not in KINDS:
            return self.rest.start(reading)
        request = _own_words(reading.request, obj)
        grammar = edit_grammar(reading, obj, request, self.without)
        return notes_step(grammar, reading.spans, lambda text: self._answer(text, reading, obj, request))

    def _answer(self, text: str, reading: Reading, obj: Obj, request: str) -> Given:
        known = self.rest.known if isinstance(self.rest, NotesGuide) else schemas()
        try:
            statements, taking = _understood(obj, noted(text, reading.spans), request)
            answer = dump(ordered(_changed(obj, statements, taking, known)))
        except ValueError as error:
            return Given(f"# not changed: {error}\n")
        verdict = judge(answer, known).verdict
        return Given(answer if verdict.passed else f"# not changed: it would fail on {verdict.failed_on}\n")


def edit_grammar(reading: Reading, obj: Obj, request: str, without: frozenset[str] = frozenset()) -> Grammar:
    """Return the grammar of notes about an object: kind and name are given, and the rest is what the `request` has words for.

    An image may be noted without such words, from habit, but not as the first thing: `edited` drops it. What is taken away is noted
    by what the object holds and the request names, and a new name by the words of the request.
    """
    kind, name = obj["kind"], str(look(obj, "metadata", "name"))
    written = next((span.surface for span in reading.spans if span.text == name), name)
    given = json.dumps(f"kind: {kind}\nname: {written}", ensure_ascii=False)
    found = sorted(aspects_of(kind) - without - {"name"})
    meant = [aspect for aspect in found if _has_words(aspect, request)]
    kept = [aspect for aspect in found if aspect in (*meant, _HABIT)]
    taking = {aspect: texts for aspect, texts in _taking(reading.spans, obj, request).items() if texts and aspect not in without}
    first, following = (" | ".join(map(terminal, (*aspects, *taking))) for aspects in (meant, kept))
    # A student that may not write the line that it wants to write next leaves values empty, if it may.
    lines = [f"{terminal(aspect)}: {line(aspect, empty=False)}" for aspect in kept]
    lines += [f"{terminal(aspect)}: {' | '.join(_quoted(text) for text in texts)}" for aspect, texts in taking.items()]
    start = f"start: {given} ({first}) ({following}){{0,{MAX_LINES - 1}}} {MARK}"
    return Grammar("\n".join((start, *lines, "")), name=f"changes of the {kind} {name}")


def _taking(spans: Sequence[Span], obj: Obj, request: str) -> dict[str, list[str]]:
    """Return the lines about taking away and renaming that may be noted, each also as it points at the request."""
    removals = [(one.aspect, " ".join(one.intent.keys[1:])) for one in asked_removals(obj, request)]
    ends = {
        REMOVE: [f"{aspect} {keys}".strip() for aspect, said in removals for keys in (said, _pointed(said, spans))],
        RENAME: [name for said in asked_names(obj, request) for name in (said, _pointed(said, spans))],
    }
    return {aspect: [f"{aspect}: {end}" for end in dict.fromkeys(found)] for aspect, found in ends.items()}


def _pointed(text: str, spans: Sequence[Span]) -> str:
    """Return a text with a pointer for each whole word that the request gave, the leftmost and longest first, as students write it."""
    surfaces = {span.text: span.surface for span in spans}
    words = "|".join(map(_alone, sorted(surfaces, key=len, reverse=True)))
    return re.sub(words, lambda found: surfaces[found[0]], text) if words else text


def _alone(word: str) -> str:
    """Return the pattern of a word that touches no other; plain letters are also parts of what slashes and dots join."""
    more = "/." if word.isalpha() else ""
    before = f"(?<![A-Za-z0-9_{more}])" if re.match(r"\w", word) else ""
    after = f"(?![A-Za-z0-9_{more}])" if re.search(r"\w\Z", word) else ""
    return f"{before}{re.escape(word)}{after}"


def _quoted(text: str) -> str:
    return json.dumps(f"\n{text}", ensure_ascii=False)


def _has_words(aspect: str, request: str) -> bool:
    """Say whether a request has a word for what students note of habit."""
    return re.search(_EVIDENCE.get(aspect, ""), request, re.IGNORECASE) is not None


def asked(text: str, request: str, notes: bool = True, document: int = 0) -> str:
    """Return a request to change an object as a model is asked it.

    A student with `notes` was only taught requests that name kind and name; any other model is shown the object itself.

    Raises:
        ValueError: the text holds no such object.
    """
    obj = object_of(text, document)
    if not notes or obj.get("kind") not in KINDS:
        return f"{_SHOWN}{request}\n\n{dump(obj)}"
    return f"{_head(obj)}{_port(obj) if _DETAIL.search(request) else ''}: {request}"


def _own_words(question: str, obj: Obj) -> str:
    """Return what a person said of what a model is asked."""
    shown = f"\n\n{dump(obj)}".rstrip()
    if question.startswith(_SHOWN) and question.rstrip().endswith(shown):
        return question.rstrip().removeprefix(_SHOWN).removesuffix(shown)
    return question.removeprefix(_head(obj)).removeprefix(_port(obj))


def _head(obj: Obj) -> str:
    """Return what stands before a request, so that it reads like one for a new object."""
    lines, plain = tables()[f"kinds/{obj['kind']}"].lines(EVERY), obj["kind"].lower()
    words = plain if plain in lines else next((line for line in lines if line.islower() and len(line) > 3), plain)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words} called {look(obj, 'metadata', 'name')}"


def _port(obj: Obj) -> str:
    """Return the words for the only port of a Service, which a request for its details seldom repeats."""
    ports = look(obj, "spec", "ports")
    only = ports[0] if isinstance(ports, list) and len(ports) == 1 else {}
    return f" on port {only['port']}" if obj["kind"] == "Service" and isinstance(only, dict) and "port" in only else ""


def edited(text: str, notes: str, known: Schemas | None = None, document: int = 0, request: str = "") -> tuple[Rewritten, Verdict]:
    """Change one object of a file as notes say; return the file's text and what the checks say of the object then.

    A new name is written where the object has its name, and nowhere else: a remark says so, and what in the file misses the old one.

    `known`: the schemas to judge by, the usual version's unless told. `document` counts the objects of the text from 0.
    `request`: what was asked, for a word about which container is meant.

    Raises:
        ValueError: the text holds no such object, or the notes cannot be written over it, with the reason.
    """
    obj = object_of(text, document)
    if obj["kind"] not in KINDS:
        raise ValueError(f"nobody has learned to note what is said of a {obj['kind']}: change it by hand")
    statements, taking = _understood(obj, notes, request)
    if not taking and all(intent.aspect in ("kind", "name") for intent in statements):
        raise ValueError("nothing was understood that is to be changed")
    rewritten = rewrite_file(text, document, _changed(obj, statements, taking, known))
    if taking:
        rewritten = replace(rewritten, remarks=(*_renamed(obj, taking), *_missed(text, rewritten.text)))
    judged = [one for one in check_text(rewritten.text, "", known) if one.manifest is not None]
    if document >= len(judged):
        raise ValueError("the file is a template: what it makes of the object is not known")
    return rewritten, judged[document].verdict


def _understood(obj: Obj, notes: str, request: str) -> tuple[list[Intent], Taking]:
    """Read notes about an object: what shall be, and what is taken away or renamed.

    Raises:
        ValueError: a line is no statement, or names what the object does not hold.
        Invented: the request does not say so.
    """
    lines = notes.splitlines()
    ours = [text for text in lines if text.startswith((f"{REMOVE}: ", f"{RENAME}: "))]
    statements = _statements(obj, "\n".join(text for text in lines if text not in ours), request)
    taking = taking_of(obj, ours, request)
    every = held(obj) if taking.removals else []
    unsaid = [one.intent for one in taking.removals if request and not is_asked(one, every, request)]
    if request and taking.name and taking.name not in asked_names(obj, request):
        unsaid.append(Intent(RENAME, (), taking.name))
    if unsaid:
        raise Invented(unsaid[0])
    return statements, taking


def _changed(obj: Obj, statements: Sequence[Intent], taking: Taking, known: Schemas | None) -> Obj:
    """Return an object with statements written over it, and then without what is taken away.

    Raises:
        ValueError: it cannot be written or cannot be missed, or one change undoes another.
    """
    written = overlay(obj, statements)
    if not taking:
        return written
    changed = take_away(written, taking, known)
    before, after = Facts(written), Facts(changed)
    undone = next((one for one in statements if one.aspect != "name" and before.holds(one) and not after.holds(one)), None)
    if undone is not None:
        raise ValueError(f"one change undoes another: {told(undone)}")
    return changed


def _renamed(obj: Obj, taking: Taking) -> tuple[str, ...]:
    """Return what a person should know of a new name."""
    old = look(obj, "metadata", "name")
    if taking.name in ("", old):
        return ()
    return (f"only the name changed: labels, selectors and containers stay, and so does what calls this {obj['kind']} {old} elsewhere",)


def _missed(before: str, after: str) -> tuple[str, ...]:
    """Return what the objects of a file miss of each other since it changed."""
    from kubestill.domains.kubernetes.relations import Member, judge_set  # not needed, so not loaded, for most edits

    then, now = ([(number, one) for number, one in judge_set([*map(Member, read(text).manifests)])] for text in (before, after))
    known = {(number, one.code, one.message) for number, one in then}
    manifests = read(after).manifests
    new = [(number, one) for number, one in now if (number, one.code, one.message) not in known]
    named = [(manifests[number].object, one.message) for number, one in new[:MAX_REMARKS]]
    return tuple(f"{obj.get('kind')} {look(obj, 'metadata', 'name')} of this file: {message}" for obj, message in named)


def rewrite_file(text: str, document: int, after: Obj) -> Rewritten:
    """Rewrite one object of a file; every other document stays as it is.

    Raises:
        ValueError: the text holds no such object.
    """
    before = object_of(text, document)
    end = len(_BOM) if text.startswith(_BOM) else 0
    for _, segment in segments(text[end:].encode("utf-8", "surrogatepass"), 0):
        part = segment.decode("utf-8", "surrogatepass")
        start = text.index(part, end)
        end = start + len(part)
        held = len(read(part).manifests)
        if document < held:
            changed = rewrite(part, before, after)
            return Rewritten(text[:start] + changed.text + text[end:], changed.whole)
        document -= held
    raise ValueError("the text holds no such object")


def object_of(text: str, document: int = 0) -> Obj:
    """Return one of the objects of a text, counted from 0.

    Raises:
        ValueError: there are not so many, or it is no object with a kind and a name.
    """
    reading = read(text)
    if not 0 <= document < len(reading.manifests):
        fault = f"; {reading.findings[0].message} (line {reading.findings[0].line})" if reading.findings else ""
        raise ValueError(f"the text holds {len(reading.manifests)} objects that can be read{fault}")
    obj = reading.manifests[document].object
    if not isinstance(obj.get("kind"), str) or not isinstance(look(obj, "metadata", "name"), str):
        raise ValueError("the object has no kind or no name")
    return dict(obj)


def _statements(obj: Obj, notes: str, request: str) -> list[Intent]:
    """Read notes about an object. A container of it may lead a line, though the notes name no two; else the `request` may name one.

    Raises:
        ValueError: a line is no statement.
    """
    lines = [line for line in notes.splitlines() if line.strip()]
    known = _containers(obj)
    named = [name for name in known if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", request)] if len(known) > 1 else []
    known |= {words[0] for line in lines if line.startswith("container.image: ") and len(words := line.split()[1:]) == 2}
    head = f"kind: {obj['kind']}\nname: {look(obj, 'metadata', 'name')}\n"
    noted = dict.fromkeys(intent for line in lines for intent in _line(line, head, known))
    try:
        found = _meant(obj, [intent for intent in noted if _is_asked(intent, request) or _is_tagged(obj, intent, request)])
    except (AttributeError, IndexError, KeyError, TypeError):  # of a stranger's object: a list where a mapping belongs
        raise ValueError(f"the {obj['kind']} is not of the shape that its kind has") from None
    if len(named) == 1 and not any(intent.aspect == "container.name" for intent in found):
        found = [_in(named[0], intent) for intent in found]
    facts = Facts(obj)
    invented = next((intent for intent in found if request and not (_stands(intent, request.lower()) or facts.holds(intent))), None)
    if invented is not None:
        raise Invented(invented)
    return [_tagged(obj, intent) for intent in found]


def _stands(intent: Intent, request: str) -> bool:
    """Say whether the words of a statement, where they are a person's own, stand in the request."""
    if intent.aspect not in _OWN_WORDS:
        return True
    values = intent.value if isinstance(intent.value, tuple) else (intent.value,)
    keys = intent.keys[1:] if intent.aspect.startswith(("container.", "mount.")) else intent.keys
    texts = {str(text) for text in (*values, *keys) if not isinstance(text, bool)} - _ANYBODYS
    return all(text.lower() in request for text in texts)


def _is_asked(intent: Intent, request: str) -> bool:
    """Say whether a request, where it is known, has words for a statement; an image has to stand in it as a word of its own."""
    if not request or intent.aspect != _HABIT:
        return not request or _has_words(intent.aspect, request)
    stands = re.search(rf"(?<![\w./-]){re.escape(str(intent.value))}(?![\w-])", request) is not None
    return stands and (":" in str(intent.value) or re.search(_IMAGE, request, re.IGNORECASE) is not None)


def _is_tagged(obj: Obj, intent: Intent, request: str) -> bool:
    """Say whether a statement gives an image of the object another tag that the request says: shown the object, students note the whole."""
    if intent.aspect != _HABIT:
        return False
    repository, _, tag = str(intent.value).rpartition(":")
    containers = look(obj, *(KINDS[obj["kind"]].template or ()), "spec", "containers") or []
    ours = any(str(one.get("image", "")).startswith(f"{repository}:") for one in containers) if repository else False
    return ours and re.search(rf"(?<![\w.-]){re.escape(tag)}(?![\w-])", request) is not None


def _tagged(obj: Obj, intent: Intent) -> Intent:
    """Return a statement about an image with its repository, where only its tag is noted (`use version 1.28`)."""
    if intent.aspect != _HABIT or not _TAG.fullmatch(str(intent.value)):
        return intent
    containers = look(obj, *(KINDS[obj["kind"]].template or ()), "spec", "containers") or []
    images = [str(one.get("image", "")) for one in containers if len(containers) == 1 or one.get("name") == intent.keys[0]]
    head, _, last = images[0].partition("@")[0].rpartition("/") if images else ("", "", "")
    repository = f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
    return Intent(intent.aspect, intent.keys, f"{repository}:{intent.value}") if repository else intent


def _in(container: str, intent: Intent) -> Intent:
    """Return a statement about a container with its name, where it has none."""
    ours = intent.aspect.startswith(("container.", "mount.")) and not intent.keys[0]
    return Intent(intent.aspect, (container, *intent.keys[1:]), intent.value) if ours else intent


def _meant(obj: Obj, found: Iterable[Intent]) -> list[Intent]:
    """Return statements of which none contradicts another: what the object says already goes first, then what was noted later."""
    facts, kept = Facts(obj), dict[object, Intent]()
    for intent in found:
        place = intent if _SEVERAL.fullmatch(intent.aspect) else (intent.aspect, intent.keys)
        if place not in kept or facts.holds(kept[place]):
            kept[place] = intent
    return list(kept.values())


def _line(line: str, head: str, containers: set[str]) -> Sequence[Intent]:
    aspect, _, rest = line.partition(": ")
    if aspect in ("kind", "name"):
        return [Intent(aspect, (), rest)]
    name, _, words = rest.partition(" ")
    leads = aspect.startswith(("container.", "mount.")) and name in containers and words and not words.startswith(LISTED.lstrip())
    found = read_notes(head + (f"{aspect}: {words}" if leads else line))[2:]
    return [Intent(one.aspect, (name, *one.keys[1:]), one.value) for one in found] if leads else found


def _containers(obj: Obj) -> set[str]:
    containers: Any = look(obj, *(KINDS[obj["kind"]].template or ()), "spec", "containers")
    return {str(look(one, "name")) for one in containers} if isinstance(containers, list) else set()


@dataclass(frozen=True)
class Editing:
    """The change of one object of a file: how it is asked for, what leads the answer, and what the file is then."""

    text: str
    document: int
    known: Schemas
    rest: Guide

    def guide(self, without: frozenset[str] = frozenset()) -> EditGuide:
        """Return what leads the answer; nothing is noted about the aspects `without`."""
        return EditGuide(self.text, self.rest, self.document, without)

    def asked(self, request: str, notes: bool) -> str:
        """Return the request as a model is asked it; `notes`: one that notes what it understood.

        A small object of which something is taken away is shown to both, as in training.

        Raises:
            ValueError: the text holds no such object.
        """
        shown = asks(request) and len(dump(object_of(self.text, self.document))) <= MAX_SHOWN_CHARS
        return asked(self.text, request, notes and not shown, self.document)

    def done(self, request: str, notes: str, answer: str) -> tuple[Rewritten, Verdict]:
        """Return the file's text and the verdict of its object: as the notes say, or as the answer is, where nothing was noted.

        Raises:
            ValueError: nothing that can be written was understood, with the reason.
        """
        if notes and asks(request, notes) and not re.search(rf"^(?:{REMOVE}|{RENAME}): ", notes, re.MULTILINE):
            raise ValueError("what is to be removed or renamed was not understood")
        if notes:
            return edited(self.text, notes, self.known, self.document, request)
        judged = judge(answer, self.known)
        if judged.object is None:
            raise ValueError("the answer is no manifest")
        return rewrite_file(self.text, self.document, dict(judged.object)), judged.verdict
