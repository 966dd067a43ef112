"""Other manners of asking for one object: stories, tickets, mails, chats, dictation, comments, the word order of other languages.

What is asked is what the plain road asks, clause by clause from the same tables; who asks, what for, under which constraint, with which
words and at what length is drawn apart, so that no two requests share a skeleton by accident (TinyStories, arXiv 2305.07759).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import Clause
from kubestill.domains.kubernetes.phrasing.compose import IS, Composed
from kubestill.domains.kubernetes.phrasing.request import HEAD, Request, listed
from kubestill.domains.kubernetes.skills.manifest.parts import Speaker, finished, has, unpunctuated

_PEOPLE = "Priya Tomás Wei Aisha Jonas Maria Dmitri Chloe Omar Ingrid Kenji Fatima Lars Amara Ravi Elena Marek Yuki Sam".split()
_ALWAYS = (*HEAD, "data", "spec.nfs.server", "spec.nfs.path", "spec.hostPath.path")
_AT_MOST = 5  # of more things everybody makes a list
_NUMBERED = 5  # so many steps and more are numbered
_AT_LENGTH = 4  # more than so many things nobody says in one breath
_LANGUAGES = ("spanish", "slavic", "chinese", "hindi")


@dataclass
class Seeds:
    """What is drawn of a request beside its content: who asks, under which constraint, with which words, at what length."""

    speaker: Speaker
    request: Request
    register: str  # np, vp or kv: in which the clauses are said where the manner leaves it open
    background: bool  # whether the person says something about themselves
    constraint: bool  # whether something is said about the answer that holds anyway

    def head(self) -> str:
        """Return what is wanted: kind, name and namespace."""
        return self.request.head()

    def items(self, register: str = "", in_line: bool = False) -> list[str]:
        """Return every clause that is not said yet; for one enumeration (`in_line`) those last that are lists themselves."""
        found: list[Clause] = list(self.request.clauses)
        if in_line:
            found.sort(key=lambda clause: clause.lists)
        self.request.clauses.clear()
        register = register or self.register
        return [self.request.say(clause, register, IS if register == "vp" else None) for clause in found]

    def around(self, text: str) -> str:
        """Return a text with the person's background before it and the constraint after it, where they are said."""
        before = f"{self.speaker.say('manners.persona/intro')}.{chr(10) if text.startswith('1. ') else ' '}" if self.background else ""
        after = f" {self.speaker.say('manners.constraint/line')}" if self.constraint else ""
        stop = "" if not after or text.endswith((".", "!", "?")) else "."
        return f"{before}{text}{stop}{after}"


def compose_otherwise(intents: Sequence[Intent], rng: Random, part: str) -> Composed:
    """Say the intents of one object in another manner, with phrase parts of `part` only."""
    heads = [intent for intent in intents if intent.aspect in HEAD]
    request, unsaid = Request.about(intents, rng, part)
    seeds = Seeds(Speaker(rng, part), request, rng.choice(("np", "np", "kv", "vp")), rng.random() < 0.12, rng.random() < 0.12)
    long = len(request.clauses) > _AT_LENGTH or any(clause.whole for clause in request.clauses)
    manner = rng.choices(_MANNERS, _SHARES_OF_LONG if long else _SHARES)[0]
    if manner is _dictated and any(clause.inner or clause.after for clause in request.clauses):
        manner = _ticketed  # nobody hears brackets
    said = sum(len(clause.said()) for clause in request.clauses)
    much = len(request.clauses) > _AT_MOST or said > _AT_MOST + 1 or any(clause.whole for clause in request.clauses)
    if manner in (_chatted, _mailed, _abroad) and much:
        manner = _ticketed  # nor says all of that, or what two containers have, in one breath
    text = manner(seeds)
    low = manner in (_dictated, _chatted, _coded)
    text = finished(unpunctuated(text) if manner is _dictated else text, capitals=not low and rng.random() < 0.6)
    return Composed(text, (*heads, *request.spoken), unsaid, (*request.forms, *seeds.speaker.forms))


def fewer(intents: Sequence[Intent], essential: frozenset[str], rng: Random) -> list[Intent]:
    """Return what nobody can leave out, and two or three things more: of all else people take the default."""
    kept = [place for place, intent in enumerate(intents) if intent.aspect in _ALWAYS or intent.aspect in essential]
    rest = [place for place in range(len(intents)) if place not in set(kept)]
    chosen = {*kept, *rng.sample(rest, min(len(rest), rng.randint(0, 3)))}
    return [intent for place, intent in enumerate(intents) if place in chosen]


def _put(text: str, name: str, words: str) -> str:
    return text.replace("{" + name + "}", words)


def _story(seeds: Seeds) -> str:
    """As somebody, I want something, so that."""
    speaker, head = seeds.speaker, seeds.head()
    items = seeds.items("np")
    apart = len(items) > 2 or " with " in head or speaker.chance(0.3)  # once is enough
    text = speaker.say(f"manners.story/{'bare' if apart or not items else 'frame'}")
    for name in ("who", "reason"):
        text = _put(text, name, speaker.say(f"manners.persona/{name}"))
    text = _put(_put(text, "head", head), "items", listed(items))
    if not (apart and items):
        return text + "."
    mark = speaker.say("manners.ticket/mark")
    return "\n".join([f"{text}.", f"{speaker.say('manners.story/criteria')}:", *(f"{mark}{item}" for item in items)])


def _ticketed(seeds: Seeds) -> str:
    """A form with fields."""
    speaker, head = seeds.speaker, seeds.head()
    register = speaker.rng.choice(("np", "kv"))
    short = not any(clause.whole for clause in seeds.request.clauses)
    items = seeds.items(register)
    meta = [speaker.say("manners.ticket/meta") for _ in range(speaker.rng.randint(0, 2))]
    meta = list({line.partition(":")[0]: line for line in meta}.values())  # nothing has two priorities
    mark = speaker.say("manners.ticket/mark")
    lines = [_put(speaker.say("manners.ticket/title"), "head", head), *meta]
    if items:
        details = speaker.say("manners.ticket/details")
        lines += (
            [f"{details} {listed(items)}"]
            if register == "np" and short and len(items) < 4 and speaker.chance(0.5)
            else [details, *(f"{mark}{item}" for item in items)]
        )
    return "\n".join(lines)


def _mailed(seeds: Seeds) -> str:
    speaker, head = seeds.speaker, seeds.head()
    items = seeds.items("np", in_line=True)
    reader, writer = speaker.rng.sample(_PEOPLE, 2)
    text = _put(speaker.say("manners.mail/open", n=reader), "head", head)
    if items:
        text += " " + _put(speaker.say("manners.mail/body"), "items", listed(items))
    text += f" {speaker.say('manners.constraint/line')}." if seeds.constraint else ""
    return f"{text}\n\n{speaker.say('manners.mail/close', n=writer)}"


def _strung(seeds: Seeds, manner: str, register: str, join: str) -> str:
    """An opening, and what is asked for in one breath or two, each with words of its own before it."""
    speaker, head = seeds.speaker, seeds.head()
    parts = [_put(speaker.say(f"manners.{manner}/open"), "head", head)]
    nominal = register == "np" and has(f"manners.{manner}/more_np")
    items = seeds.items(register, in_line=True)
    half = len(items) if len(items) < 3 and speaker.chance(0.6) else (len(items) + 1) // 2
    for breath in (items[:half], items[half:]):
        if breath:
            table = f"manners.{manner}/{'more_np' if nominal and speaker.chance(0.7) else 'more'}"
            parts.append(_put(speaker.fresh(table) or "{item}", "item", listed(breath)))
    return join.join(parts)


def _chatted(seeds: Seeds) -> str:
    """A line in a chat: what is wanted, and the rest after a comma or with a word."""
    speaker, head = seeds.speaker, seeds.head()
    text = _put(speaker.say("manners.chat/open"), "head", head)
    if speaker.chance(0.5):
        items = seeds.items("kv")
        text += speaker.rng.choice((", ", "\n")).join(["", *items]) if items else ""
    elif items := seeds.items("np", in_line=True):
        text += ", " + _put(speaker.say("manners.chat/more_np"), "item", listed(items))
    close = speaker.maybe("manners.chat/close", 0.35)
    return f"{text}, {close}" if close else text


def _dictated(seeds: Seeds) -> str:
    text = _strung(seeds, "spoken", "np", " ")
    told = bool(seeds.request.spoken)  # else `a service account that's it` would be about the account
    return f"{text} {seeds.speaker.maybe('manners.spoken/close', 0.5)}" if told else text


def _abroad(seeds: Seeds) -> str:
    """English words in the order of another language."""
    language = seeds.speaker.rng.choice(_LANGUAGES)
    text = _strung(seeds, language, "np", ", ")
    return seeds.around(text)


def _coded(seeds: Seeds) -> str:
    """A comment above what is to be written, or the message of a commit."""
    speaker, head = seeds.speaker, seeds.head()
    items = seeds.items("kv")
    if speaker.chance(0.4):
        mark = speaker.say("manners.ticket/mark")
        return "\n".join([_put(speaker.say("manners.code/commit"), "head", head), "", *(f"{mark}{item}" for item in items)])
    mark = speaker.say("manners.code/mark")
    return "\n".join(f"{mark}{line}" for line in (_put(speaker.say("manners.code/title"), "head", head), *items))


def _stepped(seeds: Seeds) -> str:
    """One thing after the other."""
    speaker, head = seeds.speaker, seeds.head()
    items = seeds.items("vp")
    parts = [_put(speaker.say("manners.steps/first"), "head", head)]
    words = len(items) < _NUMBERED
    for place, item in enumerate(items, 2):
        table = "last" if place > 2 and place == len(items) + 1 else "next"
        line = speaker.fresh(f"manners.steps/{table}", 1.0 if place == 2 else 0.25) if words else ""  # most go without a word before them
        parts.append(_put(line or "{item}", "item", item))
    if not words:
        return seeds.around("\n".join(f"{number}. {part}" for number, part in enumerate(parts, 1)))
    return seeds.around(speaker.rng.choice((". ", ". ", "\n", "; ")).join(parts))


_MANNERS: tuple[Callable[[Seeds], str], ...] = (_story, _ticketed, _mailed, _chatted, _dictated, _abroad, _coded, _stepped)
_SHARES = (0.13, 0.225, 0.17, 0.18, 0.12, 0.005, 0.08, 0.09)
_SHARES_OF_LONG = (0.2, 0.45, 0.08, 0.04, 0.0, 0.0, 0.12, 0.11)
