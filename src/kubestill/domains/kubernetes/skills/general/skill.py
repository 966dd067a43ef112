"""The skill of short answers: facts of the API and of kubectl, sums, plain talk, and right-or-wrong questions."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from kubestill.domains.api import EXPECTED, HELD, TRAIN, Document, Drop, Intent, Sample
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.phrasing.lines import Table, read_tables
from kubestill.domains.kubernetes.skills.general import exchanges, judging
from kubestill.domains.kubernetes.skills.general.shapes import slot_types, write
from kubestill.domains.kubernetes.skills.general.table import TOPICS
from kubestill.domains.kubernetes.skills.general.topic import Asked, Topic
from kubestill.ground.seeds import held_out, stable_hash
from kubestill.tools.checks.api import Verdict

NAME = "general"
PACKAGE = "kubestill.domains.kubernetes.skills.general"
RECORDS = "records"  # the form of documents that tell what a student invented
FILES = ("frames", "api", "kubectl", "numbers", "cluster", "stories", "contrast", "talk", "purposes")
HELD_VALUES = 0.2  # share of the questions of an open topic whose values are kept for evaluation
TRIES = 60  # until a topic gives a question of the part: one in five is held out, so that one in a million draws fails
_SLOT = re.compile(r"\{(\w+)\}")
CHAT, REFLEX = "chat", "reflex"  # a whole message already, and one that people dress otherwise than a question
ASKED_BY_NAME = ("check-kind", "check-version", "version-removed")  # where the spelling of the kind is what the question is about

GRAMMAR = "One short line, or two: the value that is asked for in the form of its kind of question, and nothing else."


class GeneralSkill:
    """Draws short questions with exact answers, or takes over a real exchange."""

    name = NAME
    version = 5  # of what is drawn, how it is said and how it is judged
    reads = frozenset((exchanges.DOCUMENTS, RECORDS))

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Choose a topic, invent a question of the part and solve it."""
        names, weights = _weights()
        topic = TOPICS[rng.choices(names, cum_weights=weights)[0]]
        words = Words(rng, part)
        for _ in range(TRIES):
            asked = topic.draw(rng, words)
            sample = ask(topic, asked, rng, part) if topic.closed or belongs(topic, asked.said) == part else None
            if isinstance(sample, Sample):
                return sample
        return Drop("no-question-of-the-part")

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Return the first turn of a real exchange, where it is short and English; or ask about something that a student invented."""
        if document.form == RECORDS:
            from kubestill.domains.kubernetes.skills.general.mining import contrast, read_invention  # it asks as this module does

            return contrast(read_invention(document.text), rng, part)
        return exchanges.sample(document, NAME)

    def context(self, sample: Sample) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return the form of an answer, and the closed names that it may hold."""
        return {"grammar": GRAMMAR, "slice": "kinds of question: " + ", ".join(TOPICS)}

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Run form, shape and commands, and whether the values are right."""
        return judging.judge(answer, intents)


def belongs(topic: Topic, said: Mapping[str, str]) -> str:
    """Return the part that a question of an open topic belongs to, by a hash of its values."""
    return HELD if held_out(f"general:{topic.name}", "\x1f".join(f"{k}={v}" for k, v in sorted(said.items())), HELD_VALUES) else TRAIN


def ask(topic: Topic, asked: Asked, rng: Random, part: str, source: Mapping[str, str] | None = None) -> Sample | Drop:
    """Put a question in words and solve it."""
    try:
        solved = topic.solve(asked.said)
    except (KeyError, ValueError):
        return Drop("unsolvable")
    request, order, forms = _worded(topic, asked, rng, part)
    answer = write(topic.answers[solved.form], solved.slots, rng)
    if len(answer) > judging.MAX_CHARS:
        return Drop("answer-too-long")
    types = slot_types(topic.answers[solved.form])
    intents = (
        Intent(judging.TASK, (), NAME),
        Intent(judging.TOPIC, (), topic.name),
        *(Intent(name, (), asked.said[name]) for name in order),
        Intent(judging.SHAPED, (), solved.form),
        *(Intent(judging.VALUE, (name,), solved.slots[name]) for name in types),
    )
    identity = f"{stable_hash(request, answer):016x}"
    return Sample(identity, NAME, request, answer, intents, topic.name, "procedural", forms, dict(source or {}))


def build(intents: Sequence[Intent]) -> str:
    """Return the answer that follows from what was noted of a question: the notes of any topic are enough.

    Raises:
        ValueError: the notes make no question.
    """
    noted = {intent.aspect: str(intent.value) for intent in intents if not intent.aspect.startswith(EXPECTED)}
    topic = TOPICS.get(noted.get(judging.TOPIC, ""))
    if topic is None:
        raise ValueError(f"no topic is noted, or an unknown one: {noted.get(judging.TOPIC, '')!r}")
    try:
        solved = topic.solve(noted)
    except KeyError as error:
        raise ValueError(f"{topic.name} needs {error} noted") from error
    return write(topic.answers[solved.form], solved.slots)


@cache
def tables() -> Mapping[str, Table]:
    """Return every table of phrase parts by name, such as `general.field-path/ask`."""
    found: dict[str, Table] = {}
    for file in FILES:
        found |= read_tables(PACKAGE, f"phrases/{file}.toml", prefix=f"{NAME}.")
    return found


@cache
def _weights() -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the names of the topics and their weights, each with all before it."""
    total, sums = 0.0, list[float]()
    for topic in TOPICS.values():
        total += topic.weight
        sums.append(total)
    return tuple(TOPICS), tuple(sums)


def _worded(topic: Topic, asked: Asked, rng: Random, part: str) -> tuple[str, list[str], tuple[str, ...]]:
    """Return the request, the names of what it says in the order of mention, and the ids of its parts."""
    line, form = tables()[f"{NAME}.{topic.name}/{asked.table}"].pick(rng, part)
    forms = [form]
    for slot, table in asked.parts.items():
        inner, form = tables()[f"{NAME}.{table}"].pick(rng, part)
        line = line.replace(f"{{{slot}}}", inner)
        forms.append(form)
    mentioned = [slot.removeprefix("a_") for slot in _SLOT.findall(line)]
    implied = [name for name in asked.said if name not in mentioned]
    order = [*implied, *(name for name in dict.fromkeys(mentioned) if name in asked.said)]
    plain = rng.random() < 0.4  # as people type: lower case, sometimes without the question mark
    bare = plain and line.endswith("?") and rng.random() < 0.35
    if bare:
        line = line[:-1]
    elif not plain:
        line = _capital(line)
    text = _filled(line, asked.said, plain and topic.name not in ASKED_BY_NAME and rng.random() < 0.6)
    if bare or topic.name == CHAT or rng.random() < 0.45:
        return text, order, tuple(forms)
    frame, form = tables()[_frames(topic, line.endswith("?"), rng)].pick(rng, part)
    if not frame.startswith("{q}") and not plain and not frame.split("{q}")[0].rstrip().endswith((".", "!", "?")):
        text = text[:1].lower() + text[1:] if line[:1].isupper() and line[:2] != "I " else text
    return _cased(frame, plain).replace("{q}", text), order, (*forms, form)


def _capital(line: str) -> str:
    """Return a line with a capital at its start, unless it starts with a slot or a word whose spelling matters (`maxSurge`)."""
    first = line.split(" ")[0].rstrip(",:?.")
    return line[:1].upper() + line[1:] if first.isalpha() and first.islower() and first != "kubectl" else line


def _frames(topic: Topic, question: bool, rng: Random) -> str:
    """Return the table of what stands around a question of a topic."""
    if topic.name == REFLEX:
        return f"{NAME}.frames/demand"
    own = "check" if topic.name.startswith("check") else "fact" if topic.closed else "any"
    return f"{NAME}.frames/{own if rng.random() < 0.5 else 'any'}-{'question' if question else 'terse'}"


def _cased(frame: str, plain: bool) -> str:
    return frame if plain or frame.startswith("{q}") else frame[:1].upper() + frame[1:]


def _filled(line: str, said: Mapping[str, str], lowered: bool) -> str:
    """Fill the slots; `{a_kind}` gets its article, and kinds may stand in lower case as people type them."""

    def value(slot: re.Match[str]) -> str:
        name = slot[1].removeprefix("a_")
        text = said[name]
        text = text.lower() if lowered and name == "kind" and text in KINDS else text
        return f"{'an' if text[:1] in 'AEIOaeio' else 'a'} {text}" if slot[1].startswith("a_") else text

    return _SLOT.sub(value, line)
