"""Clauses → a whole request, in one of seven manners."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.phrasing.clause import Clause
from kubestill.domains.kubernetes.phrasing.clauses import clauses
from kubestill.domains.kubernetes.phrasing.finish import finish
from kubestill.domains.kubernetes.phrasing.request import Request

_QUESTION = re.compile(
    r"(can|could|would|will|may|might|any chance|is it|is there|how (about|do|does|would|can)|do you|does anyone|has anyone|mind|"
    r"what('s| does| would))\b",
    re.IGNORECASE,
)
_AT_ONCE = 6  # so many things are said in one sentence at most


@dataclass(frozen=True, slots=True)
class Composed:
    """A request, what it says in the order of mention, what it leaves unsaid, and the ids of its parts."""

    text: str
    said: tuple[Intent, ...]
    unsaid: tuple[Intent, ...]
    forms: tuple[str, ...]


def compose(intents: Sequence[Intent], rng: Random, part: str) -> Composed:
    """Say the intents in English, with phrase parts of `part` only."""
    facts = {intent.aspect: intent.value for intent in intents if not intent.keys}
    heads = [intent for intent in intents if intent.aspect in _HEAD]
    said, unsaid = clauses([intent for intent in intents if intent.aspect not in _HEAD], rng)
    rng.shuffle(said)
    said.sort(key=_weight if rng.random() < 0.6 else lambda _: 0)
    request = Request(rng, part, facts["kind"], str(facts["name"]), str(facts.get("namespace") or ""), said)
    text = rng.choices(_MANNERS, _SHARES)[0](request)
    mentioned = (*heads, *(intent for clause in request.spoken for intent in clause.intents))
    return Composed(finish(text, rng), mentioned, tuple(unsaid), tuple(request.forms))


_HEAD = ("kind", "name", "namespace")


def _weight(clause: Clause) -> int:
    """Images tend to come first, as in `a deployment of nginx`."""
    table = next(iter(clause.tables.values())).name
    return 0 if table.startswith(("container.image", "port/", "spec.schedule", "target", "roleRef", "data")) else 1


# Words that only the first, or only the last, of several things can be said with.
_EARLY = r"\b(first|to start with)\b"
_LATE = (
    r"\b(finally|lastly|last|forgot|forget,|forget:|one more|another|in the end|next|then|afterwards|after that|apart from|besides|"
    r"on top|in addition|furthermore|moreover|further)\b"
)
_FINAL = r"\b(finally|lastly|last (thing|step|but)|in the end)\b"
_NOT_FIRST, _NOT_LAST, _NEITHER = re.compile(_LATE), re.compile(f"{_EARLY}|{_FINAL}"), re.compile(_EARLY)


def _join(request: Request, texts: Sequence[str], register: str, ends: bool, breaks: bool = False) -> str:
    """Return several phrases as one enumeration; `ends` with all that is asked, `breaks` where a sentence may end in it."""
    if len(texts) < 2:
        return "".join(texts)
    names = (
        "and_joins",
        "and_joins",
        "and_joins",
        "np_joins" if register != "vp" else "and_joins",
        "and_breaks" if breaks else "and_joins",
    )
    last = request.frame(f"frames/{request.rng.choice(names)}", unfit=None if ends else _NOT_LAST)
    return ", ".join(texts[:-1]) + last + texts[-1]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":", "…")) else text + "."


def _in_one(request: Request) -> str:
    """One sentence, and perhaps a second: `create a deployment called x with …. it should …`."""
    rng = request.rng
    opener = request.opener()
    before = [request.talk("frames/greetings", 0.12), request.noise(0.12, before=True)]
    text = f"{opener} {request.head()}"
    most = min(len(request.clauses), _AT_ONCE)
    first = request.clauses[: most if rng.random() < 0.55 else rng.randint(0, most)]
    rest = request.clauses[len(first) :]
    asks = bool(_QUESTION.match(opener))
    if first:
        link = request.frame("frames/with_links")
        said = [request.say(clause, "np") for clause in first]
        text += _spaced(link.replace("{clauses}", _join(request, said, "np", not rest, breaks=not asks)))
    text += request.talk("frames/question_tail", 1.0) or "?" if asks else ""
    parts = [*before, text if not rest else _sentence(text), *_sentences(request, rest)]
    after = [request.noise(0.12), request.talk("frames/closers", 0.12)]
    if any(after):
        parts[-1] = _sentence(parts[-1])
    return " ".join(part for part in (*parts, *after) if part)


def _spaced(link: str) -> str:
    return link if link[:1] in ",:;. -" else " " + link


def _sentences(request: Request, rest: Sequence[Clause]) -> list[str]:
    """Return sentences for clauses, one or two clauses a sentence."""
    out, place = list[str](), 0
    while place < len(rest):
        register = "np" if request.rng.random() < 0.5 else "vp"
        number = 2 if request.rng.random() < 0.3 else 1
        ends = place + number >= len(rest)
        frame = request.frame(f"frames/sentence_{register}", unfit=_NOT_FIRST if not place else _NEITHER if ends else _NOT_LAST)
        unfit = None if register == "np" else DOES if of_the_thing(frame) else IS
        texts = [request.say(clause, register, unfit) for clause in rest[place : place + number]]
        place += number
        out.append(frame.replace("{" + register + "}", _join(request, texts, register, ends)))
    return out


# What a thing is, which nobody can be told to be; and what is done with it, which it does not do itself.
_ADVERB = r"^(if|when|for|under|on|as|in|at|the|to|with|from|please|pls|by)\b|"
IS = re.compile(
    _ADVERB + r"^(basically |ideally |obviously |just |always )?(be|not|get|show up|come|live|stay|carry|wear|bear|turn up|sit|end up|"
    r"land|reside|belong|exist|survive|wait|receive|answer|listen|need|act|work|fail|count|die|become|go (in|to|into|by|under))\b"
)
DOES = re.compile(
    _ADVERB + r"^(slap|throw in|let it|have it|label|tag|stick|give it|attach|name|call|kubectl|annotate|mark it|make it|keep it|add|"
    r"append|write|specify|list|assign|define|deploy it|create it|install it|put)\b|\b(on )?it$|\bon it\b"
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
    """Sentence after sentence, with a greeting and things that do not matter."""
    opener = request.opener()
    before = [request.talk("frames/greetings", 0.6), request.noise(0.5, before=True)]
    tail = request.talk("frames/question_tail", 1.0) or "?" if _QUESTION.match(opener) else "."
    parts = [f"{opener} {request.head()}{tail}"]
    parts = [part if part.endswith((".", "?", "!")) else f"{part}." for part in parts] + _sentences(request, request.clauses)
    if request.rng.random() < 0.3:
        parts.insert(request.rng.randint(1, len(parts)), request.noise(1.0))
    parts += [request.noise(0.4), request.talk("frames/closers", 0.5)]
    return " ".join(part for part in (*before, *parts) if part)


_HAS = re.compile(
    r"\b(have|has|with|having|including|gets|use|set|include|needs?|wants?|requires?|contents?|goes in|in it|values|fields|"
    r"ingredients):?$"
)
_SHALL = re.compile(r"^(it (should|must)|musts?|what it (must|should) do):?$")


def _ticket(request: Request) -> str:
    """A title and bullets, one of which may begin with a word as people say it."""
    rng = request.rng
    mark = request.frame("frames/bullet_marks")
    registers = rng.choice((("np",), ("vp",), ("kv",), ("np", "kv"), ("np", "kv")))
    lines = [request.frame("frames/ticket_titles").replace("{head}", request.head())]
    lines += [request.maybe("frames/ticket_intros", 0.6 if request.clauses else 0.0, _HAS if registers == ("vp",) else _SHALL)]
    tagged = rng.randrange(1, len(request.clauses)) if len(request.clauses) > 1 and rng.random() < 0.25 else 0
    for place, clause in enumerate(request.clauses):
        word = request.frame("frames/bullet_words") if tagged and place == tagged else ""
        lines.append(f"{mark}{word}{request.say(clause, rng.choice(registers))}")
    lines += [request.noise(0.3), request.talk("frames/closers", 0.15)]
    return "\n".join(line for line in lines if line)


def _terse(request: Request) -> str:
    """As few words as will do."""
    join = request.frame("frames/terse_joins")
    head = request.head("heads_kv/lines" if request.rng.random() < 0.75 else "heads/lines")
    texts = [head, *(request.say(clause, "kv") for clause in request.clauses)]
    last = request.frame("frames/terse_words") if len(texts) > 2 and request.rng.random() < 0.25 else join
    return join.join(texts[:-1]) + (last if len(texts) > 1 else "") + texts[-1]


def _form(request: Request) -> str:
    """A line for each thing."""
    return "\n".join([request.head("heads_kv/lines"), *(request.say(clause, "kv") for clause in request.clauses)])


def _steps(request: Request) -> str:
    """Numbered steps, or first … then …."""
    rng = request.rng
    lines = [f"{rng.choice(('create', 'make', 'add', 'set up', 'write', 'define'))} {request.head()}"]
    lines += [request.say(clause, "vp", IS) if rng.random() < 0.85 else request.say(clause, "np") for clause in request.clauses]
    if rng.random() < 0.6:
        mark = rng.choice(("{}. {}", "{}) {}", "({}) {}", "step {}: {}"))
        return "\n".join(mark.format(number, line) for number, line in enumerate(lines, 1))
    ends = len(lines) - 1 if len(lines) > 2 and rng.random() < 0.6 else 0
    tables = ["step_first", *("step_last" if place == ends else "step_next" for place in range(1, len(lines)))]
    return " ".join(_sentence(f"{request.frame(f'frames/{table}')} {line}") for table, line in zip(tables, lines, strict=True))


def _head_and_list(request: Request) -> str:
    """What is wanted, a colon, and the rest as an enumeration or lines."""
    rng = request.rng
    head = request.head()
    opener = request.opener() if rng.random() < 0.5 else ""
    texts = [request.say(clause, rng.choice(("np", "kv"))) for clause in request.clauses]
    if not texts:
        return f"{opener} {head}".strip()
    listed = len(texts) > _AT_ONCE or rng.random() < 0.4
    joined = "\n" + "\n".join(texts) if listed else _join(request, texts, "np", ends=True, breaks=True)
    return f"{opener} {head}{rng.choice((':', ':', ' -') if listed else (': ', ', ', ' - ', '; ', '. '))}{joined}".strip()


_MANNERS: tuple[Callable[[Request], str], ...] = (_in_one, _chatty, _ticket, _terse, _form, _steps, _head_and_list)
_SHARES = (0.32, 0.16, 0.14, 0.16, 0.06, 0.07, 0.09)
