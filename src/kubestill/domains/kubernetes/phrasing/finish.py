"""The last touch on a request: one blank between words, the right article, a person's capitals, haste and slips; no value is touched."""

import re
from random import Random

from kubestill.domains.kubernetes.phrasing.clause import CLOSE, OPEN

# `an app`, `an 8 core node`; values stand between OPEN and CLOSE.
_ARTICLE = re.compile(
    rf"\b([Aa]) (?=[\"'`]?{OPEN}*(?:(?:[aei]|o(?!ne)|(?<={OPEN})[AEIO]|ExternalName)\w|"
    rf"Ingress\b|(?:hpa|HPA|sts|rs|rc|rbac|RBAC|http)\b|8\w?|1[18](?:[A-Z]|{CLOSE})))"
)
_UNIT_TWICE = re.compile(rf"\b(cpus?|cores?|vcpus?|millicores|millicpu)({CLOSE}?)( of)? (?:cpus?\b|{OPEN}cpus?{CLOSE})")
_ONE = re.compile(
    rf"((?<![\w.:/=-]){OPEN}(?:1|one){CLOSE}) ((?:more |running |spare |retry |failed |consecutive |missed |successful |identical |"
    r"parallel |further |nodeport |loadbalancer |load balancer )?)"
    r"(replica|pod|instance|clone|worker|backend|goe|retrie|attempt|time|second|minute|run|job|gpu|service|secret|configmap|copie|trie|"
    r"check|failure|probe|container|completion|revision|version|crashe|backup|exit|event|entrie)s\b"
)
_ONE_VERB = re.compile(rf"\bverbs ({OPEN}\w+{CLOSE})(?=[ ,.;)\n]|\Z)")
_CPU_OF_CPU = re.compile(rf"\b[cC]pu ({OPEN}[^{CLOSE}]*\b(?:cpus?|cores?|vcpus?){CLOSE})")
_SINGULAR = {"goe": "go", "retrie": "retry", "copie": "copy", "trie": "try", "entrie": "entry", "crashe": "crash"}


def tidy(text: str) -> str:
    """Return a text without the seams of its parts: blanks, stops and units that met."""
    text = text.replace(" " + CLOSE, CLOSE)
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    if OPEN + "at " in text:
        text = _AT_AT.sub("", text)
    text = _STRAY.sub("", text)
    text = _STOPS.sub("", text)
    if OPEN + "1" + CLOSE in text or OPEN + "one" + CLOSE in text:
        text = _ONE.sub(_in_singular, text)
    if "verbs " + OPEN in text:
        text = _ONE_VERB.sub(r"verb \1", text)
    if "pu " in text:
        text = _CPU_OF_CPU.sub(r"\1", text)
    if " cpu" in text or f" {OPEN}cpu" in text:
        text = _UNIT_TWICE.sub(r"\1\2", text)
    return _ARTICLE.sub(r"\1n ", text)


def _in_singular(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2]}{_SINGULAR.get(match[3], match[3])}"


_BLANKS = re.compile(r"(?<=\S) {2,}(?=\S)")
_AT_AT = re.compile(rf"\b(to|at) (?={OPEN}+at )")
_STRAY = re.compile(r"(?<=[\w\ue001]) (?=[,;.](?:\s|\Z))|,(?=[?!](?:\s|\Z))")
_STOPS = re.compile(r"(?<=[?!.]) ?\.(?=\s|\Z)|(?<=[:,;])[,.](?=\s|\Z)")


def bare(text: str) -> str:
    """Return a text without the marks around its values, and with round brackets for the ornamental ones of the phrase lines."""
    return _EDGES.sub("\n", text.translate(_MARKS)).strip()


_EDGES = re.compile(r"[ \t]+\n|\n[ \t]+(?=[A-Za-z])")
_MARKS = str.maketrans({OPEN: "", CLOSE: "", "\u2768": "(", "\u2769": ")"})


def finish(text: str, rng: Random) -> str:
    """Give the text a person's habits: capitals at sentence starts or none, a slip of the finger now and then."""
    text = tidy(text)
    roll = rng.random()
    if roll < 0.5:
        text = re.sub(r"(^|[.!?]\s+|\n)([a-z])(?=[a-z']*[\s,])", lambda match: match[1] + match[2].upper(), text)
        text = re.sub(r"\bi('|\b)(?=[ 'm])", r"I\1", text)
    roll = rng.random()
    if roll < 0.04:
        text = _slip(text, rng)
    elif roll < 0.10:
        text = _hasty(text, rng)
    return bare(text)


_SHORTHAND = {"with": "w/", "without": "w/o", "and": "&", "please": "pls", "you": "u", "because": "bc", "about": "abt"}
_ARTICLES = frozenset(("the", "a", "an"))


def _hasty(text: str, rng: Random) -> str:
    """Leave articles out, shorten small words, or drop apostrophes, as people in a hurry do; no value is touched."""
    pieces = re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", text)
    roll = rng.random()
    for place in range(0, len(pieces), 2):
        if roll < 0.4:
            pieces[place] = _PLAIN_WORD.sub(lambda match: "" if match[1] in _ARTICLES else match[0], pieces[place])
        elif roll < 0.8:
            pieces[place] = _PLAIN_WORD.sub(lambda match: _SHORTHAND.get(match[1], match[1]) + match[2], pieces[place])
        else:
            pieces[place] = re.sub(r"(?<=[a-z])'(?=[a-z])", "", pieces[place])
    return "".join(pieces)


_PLAIN_WORD = re.compile(r"(?<![^\s])([a-z]+)( )(?=\S|\Z)")


def _slip(text: str, rng: Random) -> str:
    """Misspell one plain word of five letters or more that is part of no value."""
    values = [match.span() for match in re.finditer(f"{OPEN}[^{CLOSE}]*{CLOSE}", text)]
    found = re.finditer(r"(?<![\w/.:=\"'`-])[a-z]{5,}(?![\w/.:=\"'`-])", text)
    words = [word for word in found if not any(start < word.start() < end for start, end in values)]
    if not words:
        return text
    word = rng.choice(words)
    place = rng.randrange(word.start() + 1, word.end() - 1)
    roll = rng.random()
    middle = "" if roll < 0.4 else text[place] * 2 if roll < 0.6 else text[place + 1] + text[place]
    return text[:place] + middle + text[place + (1 if roll < 0.6 else 2) :]
