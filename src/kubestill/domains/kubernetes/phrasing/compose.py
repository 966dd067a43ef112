"""Clauses → a whole request, in one of seven manners."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import Clause
from kubestill.domains.kubernetes.phrasing.finish import finish
from kubestill.domains.kubernetes.phrasing.order import topic
from kubestill.domains.kubernetes.phrasing.request import HEAD, Request
from kubestill.domains.kubernetes.phrasing.style import COLON, WORDS

_LISTS = attrgetter("lists")  # of a clause
_QUESTION = re.compile(
    r"(can|could|would|will|may|might|any chance|is it|is there|how (about|do|does|would|can)|do you|does anyone|has anyone|mind|"
    r"what('s| does| would))\b",
    re.IGNORECASE,
)
_AT_ONCE = 3  # so many things are said in one sentence at most
_MANY, _VERY_MANY = 4, 7  # more than so many things are mostly listed, or always


@dataclass(frozen=True, slots=True)
class Composed:
    """A request, what it says in the order of mention, what it leaves unsaid, and the ids of its parts."""

    text: str
    said: tuple[Intent, ...]
    unsaid: tuple[Intent, ...]
    forms: tuple[str, ...]


def compose(intents: Sequence[Intent], rng: Random, part: str) -> Composed:
    """Say the intents in English, with phrase parts of `part` only."""
    request, unsaid = Request.about(intents, rng, part)
    much = sum(1 + len(clause.inner) // 2 + len(clause.intents) // 4 for clause in request.clauses)
    blocks = sum(clause.whole for clause in request.clauses)
    shares = _SHARES_OF_LISTS if blocks > 1 else _SHARES if much <= _MANY else _SHARES_OF_MANY if much <= _VERY_MANY else _SHARES_OF_LISTS
    text = rng.choices(_MANNERS, shares)[0](request)
    heads = [intent for intent in intents if intent.aspect in HEAD]
    return Composed(finish(text, rng), (*heads, *request.spoken), unsaid, tuple(request.forms))


def _join(request: Request, texts: Sequence[str]) -> str:
    """Return several phrases as one enumeration."""
    if len(texts) < 2:
        return "".join(texts)
    last = request.frame("frames/and_joins") if request.rng.random() < 0.4 else " and "
    nested = any(
        mark in text for text in texts[:-1] for mark in (", ", " and ", " to ")
    )  # behind an enumeration a bare `and` would go on with it
    if len(texts) > 2 and any(", " in text for text in texts[:-1]):
        return "; ".join((*texts[:-1], f"and {texts[-1]}"))
    if last.strip() in (",", ", and", "and"):
        last = ", and " if nested else " and " if len(texts) == 2 else last
    return ", ".join(texts[:-1]) + last + texts[-1]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":", "…")) else text + "."


def _around(request: Request, parts: list[str], most: float) -> str:
    """Return sentences with at most one piece of small talk about them: a greeting, a reason, or a farewell."""
    roll = request.rng.random()
    parts = [part for part in parts if part]
    if roll < 0.4 * most:
        parts.insert(0, request.talk("frames/greetings", 1.0))
    elif roll < 0.5 * most and len(request.spoken) > 2:
        parts.insert(0, request.noise(1.0, before=True))
    elif roll < 0.7 * most and len(request.spoken) > 1:
        parts = [*parts[:-1], _sentence(parts[-1]), request.noise(1.0)]
    elif roll < most:
        parts = [*parts[:-1], _sentence(parts[-1]), request.talk("frames/closers", 1.0)]
    return " ".join(part for part in parts if part)


def _opened(request: Request) -> tuple[str, bool]:
    """Return the words before the head, and whether they ask."""
    opener = request.opener()
    return opener, bool(_QUESTION.match(opener))


def _tail(request: Request, ends: bool) -> str:
    """Return how a question ends: mostly with its mark alone, and with thanks only where nothing follows."""
    return request.talk("frames/question_tail", 0.25 if ends else 0.0) or "?"


def _in_one(request: Request) -> str:
    """One sentence, and perhaps more after it: `create a deployment called x with …. it should …`."""
    rng = request.rng
    opener, asks = _opened(request)
    text = f"{opener} {request.head(opener=opener)}"
    plain = [clause for clause in request.clauses if not clause.whole]
    most = min(len(plain), _AT_ONCE)
    first = plain[: most if len(plain) <= _AT_ONCE and rng.random() < 0.75 else rng.randint(0, most)]
    rest = [clause for clause in request.clauses if clause not in first]
    first.sort(key=_LISTS)  # where only the last is a list, nobody loses count
    if first:
        texts = [request.say(clause, "np") for clause in first]
        listed = any(_IN_IT.search(one) for one in texts)
        unfit = _unlinked(
            request.attributed or bool(_WITH.search(text) or _WITH.search(texts[0])), " that " in text or request.tailed, asks, listed
        )
        link = request.frame("frames/with_links", unfit=unfit)
        text += _spaced(link.replace("{clauses}", _join(request, texts)))
    text += _tail(request, not rest) if asks else ""
    return _around(request, [text if not rest else _sentence(text), *_sentences(request, rest)], 0.3)


_WITH = re.compile(r"\b(with|having)\b|w/")  # once is enough
_FULL_STOP = re.compile(r"^[.;:]|: ?\{| - ")
_IN_IT, _FOLLOWING = re.compile(r"\b(in|inside|on|to|of) it\b"), re.compile(r"following|settings|config")  # `the following: a=b in it`
_THAT = re.compile(r"\b(that|which|set up|configured)\b|^,? ?having\b")


@cache
def _unlinked(with_it: bool, that_is: bool, asks: bool, in_it: bool) -> re.Pattern[str] | None:
    """Return what no link may have behind a text that has it already, or that asks."""
    patterns = [found.pattern for told, found in ((with_it, _WITH), (that_is, _THAT), (asks, _FULL_STOP), (in_it, _FOLLOWING)) if told]
    return re.compile("|".join(patterns)) if patterns else None


def _spaced(link: str) -> str:
    return link if link[:1] in ",:;. -" else " " + link


def _chunks(rest: Sequence[Clause]) -> list[list[Clause]]:
    """Return clauses by what they are about: a sentence each, of at most three."""
    out = list[list[Clause]]()
    for clause in rest:
        last = out[-1] if out else []
        if last and not clause.whole and not last[-1].whole and (len(last) < 2 or (topic(last[-1]) == topic(clause) and len(last) < 3)):
            last.append(clause)
        else:
            out.append([clause])
    return out


def _sentences(request: Request, rest: Sequence[Clause]) -> list[str]:
    """Return sentences for clauses: two or three frames a request, one register for what belongs together."""
    out, rng = list[str](), request.rng
    registers = rng.choice((("np",), ("vp",), ("np", "vp")))
    kept = ""  # what was said of one container, for the next one
    for place, chunk in enumerate(_chunks(rest)):
        register = registers[0] if chunk[0].whole else registers[place % len(registers)]
        unfit = _OF_ONE if len(chunk) > 1 else None
        frame = kept if chunk[0].whole and kept else request.frame(f"frames/sentence_{register}", unfit=unfit)
        kept = frame if chunk[0].whole else kept
        voice = None if register == "np" else DOES if of_the_thing(frame) else IS
        texts = [request.say(clause, register, voice) for clause in chunk]
        out.append(frame.replace("{" + register + "}", _join(request, texts)))
    return out


_OF_ONE = re.compile(r"^\{(np|vp)\}.* (is|would)\b|^\{vp\}")


# What a thing is, which nobody can be told to be; and what is done with it, which it does not do itself.
_ADVERB = r"^(if|when|for|under|on|as|in|at|the|to|with|from|please|pls|by)\b|"
IS = re.compile(
    _ADVERB + r"^(basically |ideally |obviously |just |always )?"
    r"(be|have|not|get|show up|come|live|stay|carry|wear|bear|turn up|sit|end up|"
    r"land|reside|belong|exist|survive|wait|receive|answer|listen|need|act|work|"
    r"hold|contain|offer|provide|consist|maintain|never|serve|accept|respond|"
    r"(run|start) (with|on|as|under|in)|use (between|at most|at least|no|up to|less)|require|support|fail|count|die|become|"
    r"go (in|to|into|by|under)|take (place|traffic|connections)|run (automatically|only|on|by|when|according|to)|come|begin|"
    r"execute|fire|trigger|repeat|follow|scale|grow|stop|restart|publish|mean|select|match|target|pick|start up|be)\b"
)
DOES = re.compile(
    _ADVERB + r"^(slap|throw in|let it|have it|label|tag|stick|"
    r"give (it|(the )?(\{k\}|label))|attach|name|call|kubectl|annotate|mark it|make it|keep it|add|"
    r"append|write|specify|list|assign|define|deploy it|create it|install it|"
    r"put|set|configure|make sure|ensure|turn|switch|enable|disable|(restrict|launch|feed|base|throttle|limit|cap) it|take)\b|\b(on )?it$|"
    r"\bon it\b"
)
_THING = re.compile(
    r"\b(it|its|this|thing|one|object|resource|manifest)\b|^(also )?(should|must|has to|needs to|shall|ought to|gotta|will)\b"
)
_IMPERSONAL = re.compile(
    r"\b(must|important|required|necessary|possible|ok|good|nice|great|best|needed|mandatory|crucial|desired)( for us)? (if you |to )$"
)


def of_the_thing(frame: str) -> bool:
    """Say whether a sentence is about what the thing does (`it should {vp}`), and not about what someone does with it."""
    before = frame.partition("{vp}")[0]
    return bool(_THING.search(before)) and not before.rstrip().endswith((",", ":", "please")) and not _IMPERSONAL.search(before)


def _chatty(request: Request) -> str:
    """Sentence after sentence."""
    opener, asks = _opened(request)
    first = f"{opener} {request.head(opener=opener)}" + (_tail(request, not request.clauses) if asks else ".")
    return _around(request, [_sentence(first), *_sentences(request, request.clauses)], 0.75)


_HAS = re.compile(
    r"\b(have|has|with|having|including|gets|use|set|include|needs?|wants?|requires?|require|contents?|goes in|in it|values|fields|"
    r"ingredients|contain|are|needed|required|needs are|want|expect|like|i need|we need):?$"
)
_SHALL = re.compile(r"^(it (should|must)|musts?|must|what it (must|should) do):?$", re.IGNORECASE)


def _ticket(request: Request) -> str:
    """A title and bullets, all of one kind."""
    rng = request.rng
    mark = request.frame("frames/bullet_marks")
    register = rng.choice(("np", "vp", "kv", "kv", "np"))
    lines = [request.frame("frames/ticket_titles").replace("{head}", request.head(tail=False))]
    shall = register == "vp" and rng.random() < 0.5
    if shall:
        lines.append(rng.choice(("it should:", "it must:", "it has to:", "it needs to:")))
    elif request.clauses:
        lines.append(request.maybe("frames/ticket_intros", 0.5, _HAS if register == "vp" else _SHALL))
    unfit = None if register != "vp" else DOES if shall else IS
    lines += [f"{mark}{request.say(clause, register, unfit)}" for clause in request.clauses]
    lines.append(request.noise(0.12) if rng.random() < 0.5 else request.talk("frames/closers", 0.12))
    return "\n".join(line for line in lines if line)


def _terse(request: Request) -> str:
    """As few words as will do."""
    join = request.frame("frames/terse_joins", unfit=_BLANK if len(request.clauses) > 2 or request.style.terse in (WORDS, COLON) else None)
    head = request.head("heads_kv/lines" if request.rng.random() < 0.75 else "heads/lines")
    texts = [head, *(request.say(clause, "kv") for clause in request.clauses)]
    words = len(texts) > 2 and request.style.terse == WORDS and join == ", " and request.rng.random() < 0.3
    last = request.frame("frames/terse_words") if words else join
    if "\n" in head or any(clause.whole for clause in request.clauses):
        join = last = "\n"  # what is said of one container fills a line
    if join.strip() == "," and any(", " in text for text in texts):
        join = last = "; "  # or nobody sees where one thing ends
    return join.join(texts[:-1]) + (last if len(texts) > 1 else "") + texts[-1]


_COLON = re.compile(r": ?\ue000|:$|: ")  # one is enough on a line
_BLANK = re.compile(r"^ $|^,$")


def _form(request: Request) -> str:
    """A line for each thing."""
    return "\n".join([request.head("heads_kv/lines"), *(request.say(clause, "kv") for clause in request.clauses)])


def _steps(request: Request) -> str:
    """Numbered steps, or first … then …."""
    rng = request.rng
    lines = [f"{rng.choice(('create', 'make', 'add', 'set up', 'write', 'define'))} {request.head()}"]
    lines += [request.say(clause, "vp", IS) for clause in request.clauses]
    if len(lines) > 1 and (rng.random() < 0.7 or len(lines) > _STEPS):
        mark = rng.choice(("{}. {}", "{}) {}", "({}) {}", "step {}: {}"))
        return "\n".join(mark.format(number, line) for number, line in enumerate(lines, 1))
    ends = len(lines) - 1 if len(lines) > 2 and rng.random() < 0.6 else 0
    tables = ["step_first", *("step_last" if place == ends else "step_next" for place in range(1, len(lines)))]
    opened = [len(lines) > 1 and (place == 1 or rng.random() < _STEP_WORDS) for place in range(len(lines))]  # most sentences go without one
    openers = [request.frame(f"frames/{table}") if told else "" for table, told in zip(tables, opened, strict=True)]
    return " ".join(_sentence(f"{opener} {line}".strip()) for opener, line in zip(openers, lines, strict=True))


_STEP_WORDS = 0.25
_STEPS = 5  # of more everybody numbers the steps


def _head_and_list(request: Request) -> str:
    """What is wanted, a colon, and the rest as an enumeration or lines."""
    rng = request.rng
    opener = request.opener() if rng.random() < 0.5 else ""
    head = request.head(opener=opener, tail=False)
    register = rng.choice(("np", "kv"))
    if len(request.clauses) <= _AT_ONCE:
        request.clauses.sort(key=_LISTS)
    texts = [request.say(clause, register) for clause in request.clauses]
    if not texts:
        return f"{opener} {head}".strip()
    long = len(texts) > _AT_ONCE or any(clause.whole for clause in request.clauses)
    if long or rng.random() < 0.4 or any(_COLON.search(text) for text in texts):
        return f"{opener} {head}:".strip() + "\n" + "\n".join(texts)
    end = "?" if _QUESTION.match(opener) else ""
    listed = ", ".join(texts) if register == "kv" else _join(request, texts)
    return f"{opener} {head}{rng.choice((': ', ': ', ' - '))}{listed}{end}".strip()


_MANNERS: tuple[Callable[[Request], str], ...] = (_in_one, _chatty, _ticket, _terse, _form, _steps, _head_and_list)
_SHARES = (0.36, 0.13, 0.13, 0.18, 0.05, 0.05, 0.10)
_SHARES_OF_LISTS = (0.0, 0.0, 0.5, 0.0, 0.22, 0.08, 0.2)
_SHARES_OF_MANY = (0.1, 0.16, 0.34, 0.08, 0.12, 0.07, 0.13)
