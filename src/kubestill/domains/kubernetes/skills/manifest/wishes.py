"""Changes → a wish in English: what shall be different, in one of eight manners."""

import re
from collections.abc import Callable, Sequence
from random import Random

from kubestill.domains.kubernetes.skills.manifest.changes import Change
from kubestill.domains.kubernetes.skills.manifest.parts import Speaker, finished, has, unpunctuated

_PEOPLE = "Priya Tomás Wei Aisha Jonas Maria Dmitri Chloe Omar Ingrid Kenji Fatima Lars Amara Ravi Elena Marek Yuki Sam".split()
# Topics that are said by the lines of another one.
_PLAINLY = 0.02  # share of changes that are said as if of a new object
_SAME = {"schedule_words": "schedule", "pod_label": "label"}


def wish(changes: Sequence[Change], rng: Random, part: str) -> tuple[str, tuple[str, ...]]:
    """Return the request for changes, in their order, and the ids of its parts."""
    speaker = Speaker(rng, part)
    manner = rng.choices(_MANNERS, _SHARES)[0]
    text = manner(speaker, changes)
    return finished(text, capitals=manner not in (_terse, _dictated) and rng.random() < 0.55), tuple(speaker.forms)


def _do(speaker: Speaker, change: Change) -> str:
    """Return a change as a bare infinitive: `bump the memory limit to 1Gi`."""
    topic, verb, values = change.topic, change.verb, change.values
    if verb == "add":
        if speaker.chance(_PLAINLY) and (text := _as_for_new(speaker, change)):
            return text
        return speaker.say(f"edits.add/{topic}", **values)
    if verb == "remove":
        return _put(speaker.say("edits.do/remove", **values), "gone", speaker.say(f"edits.gone/{topic}", **values))
    if verb == "rename":
        return speaker.say("edits.do/rename", **values)
    if speaker.chance(_PLAINLY) and (text := _as_for_new(speaker, change)):
        return text
    own = _SAME.get(topic, topic)
    special = next((name for name in (f"edits.do.{own}/{verb}", f"edits.do.{own}/set") if has(name)), "")
    if special and (not has(f"edits.what/{topic}") or not values.get("o") or "s" in values or speaker.chance(0.5)):
        found = speaker.say(special, **values)
        if "{" not in found:  # a line that speaks of an old value, where there is none, is no line for us
            return found
    if not values.get("o"):
        return _put(speaker.say("edits.do/set", **values), "what", _what(speaker, change))
    verb = "change" if verb == "set" and speaker.chance(0.35) else verb
    return _put(speaker.say(f"edits.do/{verb}", **values), "what", _what(speaker, change))


# `Let it just hold x` would take the rest away, `it should have port 80 open` leave the old one there.
_BESIDE = ("data", "container_port", "service_port")


def _as_for_new(speaker: Speaker, change: Change) -> str:
    """Return a change in the words in which a new object is asked for: `give it two cores`."""
    if change.topic in _BESIDE:
        return ""
    text = speaker.clause(change.intents[0], "np")
    return _put(speaker.say("edits.whole/np"), "np", text) if text else ""


def _what(speaker: Speaker, change: Change) -> str:
    return speaker.say(f"edits.what/{_SAME.get(change.topic, change.topic)}", **change.values)


def _put(text: str, name: str, words: str) -> str:
    return text.replace("{" + name + "}", words)


def _plain(change: Change) -> bool:
    """Say whether a change sets a named thing from one value to another, so that any sentence about it will do."""
    return change.verb in ("set", "raise", "lower") and bool(change.values.get("o")) and change.topic != "schedule_words"


def _register(speaker: Speaker, change: Change, register: str) -> str:
    """Return a change as a statement or in terse form; one that cannot be said so, as an infinitive."""
    if not _plain(change):
        return _do(speaker, change)
    table = "set" if register == "order" or speaker.chance(0.5) else "change"
    what = _what(speaker, change)
    say = speaker.steadily if register == "kv" else speaker.say  # nobody mixes `->` and `=` in one list
    return _put(say(f"edits.{register}/{table}", **change.values), "what", what.removeprefix("the ") if register == "kv" else what)


def _why(speaker: Speaker, changes: Sequence[Change]) -> str:
    one = changes[0]
    name = f"edits.why/{one.topic}_{one.verb}"
    return speaker.say(name if has(name) and speaker.chance(0.8) else "edits.why/any")


def _joined(speaker: Speaker, texts: Sequence[str]) -> str:
    if len(texts) < 2:
        return "".join(texts)
    return ", ".join(_single(text) for text in texts[:-1]) + speaker.say("edits.wish/and") + _single(texts[-1])


def _single(text: str) -> str:
    """Return a change without words for `beside`, which stand between the changes."""
    return _BESIDES.sub("", text)


_BESIDES = re.compile(r"^also |(?<=\w) also\b|,? (too|as well)(?=\s*\Z)")


def _asked(speaker: Speaker, changes: Sequence[Change]) -> str:
    """One sentence that asks for all of it, perhaps with a reason."""
    joined = _joined(speaker, [_do(speaker, change) for change in changes])
    if speaker.chance(0.05):
        return f"{_why(speaker, changes)}, so {speaker.rng.choice(('please ', '', 'i want to ', 'we have to '))}{joined}"
    frame = speaker.say("edits.wish/ask")
    text = _put(frame, "do", joined if frame.endswith("{do}") else _single(joined))
    if not speaker.chance(0.1):
        return text
    return f"{text}{' ' if text.endswith(('.', '?', '!')) else '. '}{_why(speaker, changes)}"


def _told(speaker: Speaker, changes: Sequence[Change]) -> str:
    """A statement of what should be, and the rest as sentences after it."""
    first, *rest = changes
    if not _plain(first):
        return _asked(speaker, changes)
    text = _put(speaker.say("edits.wish/tell"), "st", _register(speaker, first, "st"))
    return ". ".join([text, *(_register(speaker, change, "st") if speaker.chance(0.5) else _do(speaker, change) for change in rest)])


def _terse(speaker: Speaker, changes: Sequence[Change]) -> str:
    join = speaker.rng.choice((", ", "; ", " / ", ". ", "\n"))
    return join.join(_register(speaker, change, "kv") for change in changes)


def _listed(speaker: Speaker, changes: Sequence[Change]) -> str:
    """A title and a line for each change."""
    mark = speaker.say("edits.wish/mark")
    register = speaker.rng.choice(("kv", "do", "do"))
    lines = [_register(speaker, one, "kv") if register == "kv" else _do(speaker, one) for one in changes]
    title = speaker.say("edits.wish/title")
    if any(set(_LONG_WORD.findall(title.lower())) & set(_LONG_WORD.findall(line.lower())) for line in lines):
        title = "edit"  # nobody writes `what to change: change it to …`
    return "\n".join([title + speaker.rng.choice((":", ":", "", " -")), *(f"{mark}{line}" for line in lines)])


_LONG_WORD = re.compile(r"[a-z]{5,}")


def _steps(speaker: Speaker, changes: Sequence[Change]) -> str:
    texts = [_do(speaker, change) for change in changes]
    if len(texts) == 1:
        return _asked(speaker, changes)
    if speaker.chance(0.6):
        mark = speaker.rng.choice(("{}. {}", "{}) {}", "({}) {}", "step {}: {}"))
        return "\n".join(mark.format(number, text) for number, text in enumerate(texts, 1))
    return f"first {texts[0]}, " + ", ".join(f"then {text}" for text in texts[1:])


def _mailed(speaker: Speaker, changes: Sequence[Change]) -> str:
    reader, writer = speaker.rng.sample(_PEOPLE, 2)
    opening = speaker.say("edits.wish/mail_open", n=reader)
    body = _joined(speaker, [_do(speaker, change) for change in changes])
    why = f" {_why(speaker, changes)}." if speaker.chance(0.3) else ""
    return f"{opening} please {body}.{why}\n\n{speaker.say('edits.wish/mail_close', n=writer)}"


def _dictated(speaker: Speaker, changes: Sequence[Change]) -> str:
    """As spoken into a phone: no punctuation, no capitals."""
    texts = [_do(speaker, change) for change in changes]
    join = f" {speaker.say('edits.wish/spoken_join')} "
    opening = speaker.maybe("edits.wish/spoken_open", 0.7)
    return unpunctuated(" ".join(filter(None, (opening, join.join(map(_single, texts)), speaker.maybe("edits.wish/spoken_close", 0.4)))))


def _reordered(speaker: Speaker, changes: Sequence[Change]) -> str:
    """English words in the order of another language."""
    return ", ".join(_register(speaker, change, "order") for change in changes)


_MANNERS: tuple[Callable[[Speaker, Sequence[Change]], str], ...] = (
    _asked,
    _told,
    _terse,
    _listed,
    _steps,
    _mailed,
    _dictated,
    _reordered,
)
_SHARES = (0.56, 0.08, 0.12, 0.08, 0.06, 0.05, 0.04, 0.01)
