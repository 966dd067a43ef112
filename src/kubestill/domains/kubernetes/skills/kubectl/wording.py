"""How a command is asked for: a core in a frame, options where they cannot be misread, words before and after it as people add them."""

import re
from collections.abc import Callable, Sequence

from kubestill.domains.kubernetes.skills.kubectl.catalogue import FILTER, PLACE, TRAIT, WAY, Option, frames
from kubestill.domains.kubernetes.skills.kubectl.draft import Draft

# How often each manner is taken where a family has all of them: most people write a verb, some name what they want to see.
_MANNERS = {"do": 0.46, "np": 0.2, "want": 0.2, "ask": 0.13, "say": 0.1, "terse": 0.11}
_BARE, _BULLETS, _FRONT, _OPENED, _CLOSED, _CAPITAL = 0.42, 0.06, 0.1, 0.1, 0.1, 0.35
_CONJUNCTIONS = ("and ", "but ")
# Frames that ask somebody else for it: what stands in them is an imperative.
_ASKED = re.compile(
    r"(?:\{\}|please|pls|now|next|then|ok|go ahead|task|todo|kubectl:|with|using|as a|before|can you|could you|would you|.*\bthat will )"
)
_SHOWN = re.compile(r"show (?:me )?")
_SEEN = re.compile(r"(?:see|look at|take a (?:quick )?look at) (?!if |whether )")
_TESTED = re.compile(r"see (?=if |whether )")


def request(draft: Draft) -> tuple[str, bool]:
    """Return the request with its slots open, and whether it is written in few words."""
    having = [manner for manner in _MANNERS if manner in draft.family.tables]
    manner = draft.rng.choices(having, [_MANNERS[one] for one in having])[0]
    core = _cleaned(draft.pick(draft.family.tables[manner]))
    if manner == "terse":
        return _terse(draft, core), True
    if draft.chosen and manner in ("do", "np", "want") and draft.chance(_BULLETS):
        return _listed(draft, core), False
    frame = _frame(draft, manner, core)
    core = _spoken(core, frame)
    question = frame.endswith("?") or core.endswith("?")
    before, tight, commas, sentences = _placed(draft, manner, core, frame)
    if question:  # nobody asks "which pods are there, wide output?"
        commas, sentences = [], [f".{one[1:]}" for one in commas] + sentences
    body = frame.removesuffix("?").replace("{}", " ".join((core.rstrip("?."), *tight)))
    text = " ".join((*before, body)) + "".join(commas) + ("?" if question else "")
    return finished(draft, text, sentences, bool(before or _LEADS.match(frame))), False


def in_frame(draft: Draft, core: str) -> str:
    """Return an infinitive as a whole request."""
    frame = _frame(draft, "do", core)
    text = frame.removesuffix("?").replace("{}", _spoken(core, frame)) + ("?" if frame.endswith("?") else "")
    return finished(draft, text, (), _LEADS.match(frame) is not None)


# A frame that begins with words of its own: "next: ...", "the runbook says to ...". Nothing leads in to it but a greeting.
_LEADS = re.compile(
    r"(?:task|todo|next|now|ok|then|time|we're supposed|my task|the |i was asked|i've been|someone|for the|as a|before|kubectl|with |using|"
    r"in kubectl|command|use kubectl|need |i need (?:the|a) |write|remind|i forgot|i never|i keep|our |one of|go ahead|let's)"
)
_SESSION = r".*\b(?:shell|terminal|interactive|temporary|throwaway|disposable|debugging|proxy|dump|token)\b"
# Frames that do not take every core: (the frame, the core that it does not take).
_UNFIT = tuple(
    (re.compile(frame), re.compile(core))
    for frame, core in (
        # "get me what the pod logged" lacks its verb, and so does "how far the rollout is please"
        (r"(?!.*\b(?:shows?|see|prints?|display|output|to)\b)", r"(?:what|how|who|whatever) "),
        # "we need the deployments" asks to have some, not to see them
        (
            r"(?:(?:i|we) )?(?:need|want) \{\}",
            r"(?:(?:all|the|my|our|every|both|any|one|of|just|only) )*(?:\{\w+\}|pods|nodes|objects|resources|events|contexts)"
            r"(?:,|\Z| (?:that|with|in|on|from|and|we|as|of)\b)",
        ),
        # no service and no ticket asks for a session, and nobody sets one up
        (r".*\b(?:needs|asks for|asked for|have|create|set up|make) \{\}", _SESSION),
        # "get me a namespace web" may ask to see it
        (
            r".*\b(?:get|gets?|gives?)(?: me| us)? \{\}",
            rf"an? (?!{_SESSION})(?!.*\b(?:list|overview|view|table|description|stream|diff)\b)",
        ),
        # "see how much of it is requested by pods right now"
        (r".*\{\} .*now", r".*\b(?:what|how|which|if|whether|why|who)\b"),
        # what a frame says last belongs to all of the core: "..., and fail if they exist already with kubectl?"
        (r".*\{\} (?!please)\w", r".*[,:] "),
    )
)


def _frame(draft: Draft, manner: str, core: str) -> str:
    """Return what stands around a core: nothing around sentences and many infinitives."""
    if manner not in ("np", "want", "do") or (manner == "do" and draft.chance(_BARE)):
        return "{}"
    frame = draft.pick(frames()[manner])
    while any(one.match(frame) and other.match(core) for one, other in _UNFIT):
        draft.forms.pop()
        frame = draft.pick(frames()[manner])
    return frame


def _spoken(core: str, frame: str) -> str:
    """Return the core as it is said in a frame: one asks to be shown, and wants to see."""
    if not _ASKED.match(frame):
        return f"see {core[found.end() :]}" if (found := _SHOWN.match(core)) else core
    if found := _TESTED.match(core):
        return f"check {core[found.end() :]}"
    return f"show me {core[found.end() :]}" if (found := _SEEN.match(core)) else core


def _placed(draft: Draft, manner: str, core: str, frame: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """Say each option somewhere: before the core, close behind it, after commas, in sentences of their own."""
    before: list[str] = []
    close: list[tuple[float, str, Option]] = []
    apart: list[str] = []
    share = 0.85 if frame.endswith("?") else 0.65
    for place, option in enumerate(draft.chosen):
        roll, owner = draft.rng.random(), str(place)
        if "front" in option.tables and roll < _FRONT and not before and not _LEADS.match(frame):
            before.append(draft.pick(option.tables["front"], owner))
        elif roll < share:
            close.append((option.near + 2 * draft.rng.random(), owner, option))
        else:
            apart.append(draft.pick(option.tables["loose"], owner))
    tight: list[str] = []
    ways = 0  # "with a timeout of 5m with --dry-run=server" is one too many
    for _, owner, option in sorted(close, key=lambda row: row[0]):
        text = draft.pick(option.tables["tight"], owner)
        if _fits(option, text, manner, core, tight) and (option.sits != WAY or not ways):
            tight.append(text)
            ways += option.sits == WAY
        else:
            draft.forms.pop()
            apart.append(draft.pick(option.tables["loose"], owner))
    return before, tight, [one for one in apart if one[0] == ","], [one for one in apart if one[0] == "."]


_CLAUSE = re.compile(
    r"\b(?:whose|that|which|where|who|whom|what|how|until|if|whether|before|when|they|why|to (?:be|become|have|reach|fail))\b"
)
_BROKEN = re.compile(r"[,:?] ")
_COUNTED = re.compile(r"(?:which|what) .*\b(?:there|exist|have|got|run)\??\Z")
_ENDS_IN_VERB = re.compile(r".*\b(?:say|log|print|write)\??\Z")  # "what does it say of the container web" asks about that
_ENDS_IN_COMMAND = re.compile(r".*\{command\}\Z")


def _fits(option: Option, text: str, manner: str, core: str, tight: Sequence[str]) -> bool:
    """Say whether an option close behind all this would be read as it is meant: its way, not that of another clause."""
    if text.startswith("("):
        return not (core.endswith(")") or (tight and tight[-1].endswith(")")))
    if manner == "say" or _BROKEN.search(core) or (manner != "do" and text.startswith(_CONJUNCTIONS)):
        return False
    clause = _CLAUSE.search(" ".join(tight)) is not None
    if option.sits == PLACE:
        return not (_ENDS_IN_COMMAND.match(core) or (_ENDS_IN_VERB.match(core) and text.startswith(("of ", "for "))))
    if option.sits == TRAIT:
        return manner in ("do", "want") and not clause
    if option.sits == FILTER:
        return not clause and not core.endswith(")") and bool(_COUNTED.match(core) if manner == "ask" else not _CLAUSE.search(core))
    return manner in ("do", "np") and not clause and not _CLAUSE.search(core)


def _terse(draft: Draft, core: str) -> str:
    """Write the options behind the core in few words; flags follow a blank."""
    joint = draft.rng.choice((", ", ", ", " - ", "; ", *(" " for _ in range(4) if len(draft.chosen) == 1)))
    text = core.removesuffix("?")
    for place, option in enumerate(draft.chosen):
        piece = draft.pick(option.tables["terse"], str(place))
        text += (" " if piece.startswith("-") else joint) + piece
    return text + core[len(core.removesuffix("?")) :]


def _listed(draft: Draft, core: str) -> str:
    """Write the options as a list below the core; a colon stands only where it cannot announce what the core names last."""
    pieces = [draft.pick(option.tables["terse"], str(place)) for place, option in enumerate(draft.chosen)]
    sign = "" if len(pieces) == 1 or any(piece.startswith("-") for piece in pieces) else draft.rng.choice(("- ", "- ", "* ", ""))
    colon = draft.rng.choice((":", "", ":")) if sign and not _ANNOUNCES.search(core) else ""
    return "\n".join((_spoken(core, "{}") + colon, *(sign + piece for piece in pieces)))


_ANNOUNCES = re.compile(r"(?:s|\{(?:since|\w*file|folder|url|local|remote|cert|many\w*|literal\w*|variable\w*|grants.\w+|hard)\d?\}|\))\Z")


def finished(draft: Draft, text: str, sentences: Sequence[str], led: bool) -> str:
    """Add sentences, an opener, a closer, capitals and a full stop; `led` says that the text has words that lead in to it."""
    text = _cleaned(text)
    for sentence in map(_cleaned, sentences):
        text += sentence[1:] if text.endswith("?") else sentence
    if draft.chance(_OPENED):
        text = f"{_fitting(draft, 'opener', lambda one: _opens(one, text, led))} {text}"
    if draft.chance(_CLOSED):
        closer = _fitting(draft, "closer", lambda one: not any(word in one and word in text for word in ("please", "command")))
        text += (" " if text[-1] in "?.!" else draft.rng.choice((". ", ", ") if closer[0] == "t" else (". ",))) + closer
    if draft.chance(_CAPITAL):
        text = _capitalised(text)
        return text if text[-1] in "?.!" or draft.chance(0.3) else f"{text}."
    return f"{text}." if text[-1] not in "?.!" and draft.chance(0.08) else text


def _fitting(draft: Draft, name: str, fits: Callable[[str], bool]) -> str:
    """Return a part of a table that fits."""
    while not fits(part := draft.pick(frames()[name])):
        draft.forms.pop()
    return part


_GREETINGS = re.compile(r"h(?:ey|i|ello)\b|(?:good )?morning")
_PERSONAL = re.compile(r"(?:i|we|my|our|can|could|how|is|any|do|does|what|which|please|pls|help|let)\b")
_QUESTIONS = re.compile(r".*question")
_HEADINGS = re.compile(r".*(?:request|ticket|runbook|script|demo):|another one")  # an order follows these


def _opens(opener: str, text: str, led: bool) -> bool:
    """Say whether an opener goes before a text."""
    if led:
        return _GREETINGS.match(opener) is not None
    if _QUESTIONS.match(opener):
        return "?" in text
    return not (_HEADINGS.match(opener) and _PERSONAL.match(text))


_LOOSE = re.compile(r"\A +(?! )| +(?=[ ,]|[.?!](?: |\Z)|\Z)")


def _cleaned(text: str) -> str:
    """Drop the blanks that optional words left behind."""
    return _LOOSE.sub("", text)


_SENTENCE = re.compile(r"(?:\A|(?<=[?.!] ))[a-z](?=[a-z' ])")
_I = re.compile(r"\bi(?=[ ']|\Z)")


def _capitalised(text: str) -> str:
    """Write sentences and the word I with capitals, slots aside."""
    return _I.sub("I", _SENTENCE.sub(lambda match: match[0].upper(), text))
