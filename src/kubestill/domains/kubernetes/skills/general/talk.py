"""Plain talk and the reflex: what a greeting gets, and what a request that lacks something gets.

Replies are a closed catalogue (facts.toml). Another reply of the same class counts as well: it says what marks the class, and ends as a
sentence ends. The reflex names what is missing and a command that reads.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic

_SLOT = re.compile(r"\{(\w+)\}")
_ENDS = (".", "!", "?")


def reply(talk: str, rng: Random | None) -> str:
    """Return one of the replies to a class of talk; without `rng` the first."""
    replies: list[str] = facts()["talk"][talk]["replies"]
    return rng.choice(replies) if rng else replies[0]


def says(found: str, talk: str) -> bool:
    """Say whether a reply is one to this class of talk: it ends as a sentence, and holds each of the marks of the class."""
    classes = _classes().get(found.strip(), frozenset())
    if classes:
        return talk in classes  # what is a reply to something else is none to this, whatever words it shares
    if any(text.startswith(found.strip()) for text in _classes()):
        return False  # a reply that was cut, though at the end of a sentence
    return f"{found.strip()} "[-2] in _ENDS and all(mark.search(found) for mark in _marks(talk))


@cache
def _classes() -> Mapping[str, frozenset[str]]:
    """Return the classes of talk that each reply of the catalogue belongs to."""
    found: dict[str, set[str]] = {}
    for talk, row in facts()["talk"].items():
        for text in row["replies"]:
            found.setdefault(text, set()).add(talk)
    return {text: frozenset(classes) for text, classes in found.items()}


@cache
def _marks(talk: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(mark, re.IGNORECASE) for mark in facts()["talk"][talk]["marks"])


def _chat(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    talk = rng.choice(tuple(facts()["talk"]))
    return Asked({"talk": talk}, table=talk)


def _solve_chat(said: Said) -> Solved:
    if said["talk"] not in facts()["talk"]:
        raise ValueError(f"unknown class of talk {said['talk']!r}")
    return Solved("is", {"reply": said["talk"]})


def _reflex(rng: Random, words: Words) -> Asked:
    """Draw something that cannot be done yet; each row of facts.toml says what it lacks and what to look at."""
    action = rng.choice(tuple(facts()["reflex"]))
    row = facts()["reflex"][action]
    drawn: Mapping[str, Callable[[], str]] = {
        "name": words.name,
        "namespace": words.namespace,
        "image": words.image,
        "number": lambda: str(rng.randrange(2, 20)),
    }
    return Asked({"action": action, **{slot: drawn[slot]() for slot in row.get("says", ())}}, table=action)


def _solve_reflex(said: Said) -> Solved:
    row = facts()["reflex"][said["action"]]
    command = _SLOT.sub(lambda slot: said[slot[1]], row["next"])
    return Solved("is", {"missing": ", ".join(row["missing"]), "next": command})


TOPICS = (
    Topic("chat", _chat, _solve_chat, {"is": "{reply:talk}"}, 2.5, closed=True),
    Topic("reflex", _reflex, _solve_reflex, {"is": "Missing: {missing:set}\nNext: {next:command}"}, 5.0, closed=True),
)
