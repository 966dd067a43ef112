"""The judge of short answers: one line or two, the shape of the topic, commands that kubectl takes, and the values that are right."""

from collections.abc import Iterator, Mapping, Sequence

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.skills.general import exchanges
from kubestill.domains.kubernetes.skills.general.codes import CODES, COMMAND, EFFECT, FORM, SHAPE
from kubestill.domains.kubernetes.skills.general.shapes import agrees, read, slot_types
from kubestill.domains.kubernetes.skills.general.table import TOPICS
from kubestill.tools.checks.api import Finding, Result, Tier, Verdict
from kubestill.tools.checks.run import BAD, judged, passed, skipped

INTENT = "K8S100"
MAX_CHARS = 300
MAX_LINES = 2
TASK, TOPIC, SHAPED, VALUE, REPLY = "task", "topic", "expect.form", "expect.value", "expect.reply"
NEXT = "next"  # the slot that holds a next step: a command that only reads
# Slots whose texts are commands for people to run: what they hold must be what kubectl takes.
_COMMAND_SLOTS = (NEXT, "use")


def judge(answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
    """Judge a raw answer: its form; with intents its shape, its command and its values, too.

    Without intents nobody can tell which shape was asked for: then the form alone is judged.
    """
    if intents is not None and any(intent.aspect == REPLY for intent in intents):
        return exchanges.judge(answer, intents)
    fault = _form(answer)
    if fault:
        return Verdict((_failed(FORM, fault), *_skipped((SHAPE, COMMAND, EFFECT), "the form tier failed", intents)))
    first = passed(FORM, Tier.FORM)
    if intents is None:
        return Verdict((first, *_skipped((SHAPE, COMMAND, EFFECT), "nobody said what was asked", None)))
    return Verdict((first, *_by_intents(answer, intents)))


def _by_intents(answer: str, intents: Sequence[Intent]) -> Iterator[Result]:
    values = {intent.aspect: str(intent.value) for intent in intents if not intent.keys}
    topic = TOPICS.get(values.get(TOPIC, ""))
    if topic is None:
        yield _failed(SHAPE, "the intents name no topic")
        return
    wanted = values.get(SHAPED, "")
    shapes = {name: found for name, template in topic.answers.items() if (found := read(template, answer)) is not None}
    if not shapes:
        yield _failed(SHAPE, f"expected {_shown(topic.answers.get(wanted, ''))}")
        yield from _skipped((COMMAND, EFFECT), "the syntax tier failed", intents)
        return
    form = wanted if wanted in shapes else next(iter(shapes))
    yield passed(SHAPE, Tier.SYNTAX)
    results = tuple(_commands(shapes[form]))
    yield from results
    if any(result.outcome in BAD for result in results):
        yield skipped(INTENT, Tier.INTENT, "an earlier tier failed")
        return
    yield _values(intents, form, shapes[form], slot_types(topic.answers[form]))


def _commands(slots: Mapping[str, str]) -> Iterator[Result]:
    """Judge what is told to run: kubectl takes it, and a next step only reads."""
    said = [slots[name] for name in _COMMAND_SLOTS if slots.get(name, "").startswith("kubectl ")]
    if not said:
        yield from _skipped((COMMAND, EFFECT), "no command was asked for", None)
        return
    parsed = [parse(text) for text in said]
    faults = [finding for one in parsed for finding in check_parsed(one).findings if finding.severity == "error"]
    yield _failed(COMMAND, faults[0].message, faults[0].path) if faults else passed(COMMAND, Tier.SCHEMA)
    if faults:
        yield skipped(EFFECT, Tier.RULES, "the schema tier failed")
        return
    changes = NEXT in slots and parse(slots[NEXT]).effect not in (Effect.READS, Effect.LOCAL)
    yield _failed(EFFECT, f"{slots[NEXT]!r} changes the cluster", NEXT) if changes else passed(EFFECT, Tier.RULES)


def _values(intents: Sequence[Intent], form: str, slots: Mapping[str, str], types: Mapping[str, str]) -> Result:
    findings = []
    for intent in intents:
        if intent.aspect == SHAPED and intent.value != form:
            findings.append(Finding(INTENT, "", f"the answer says {form!r}, right is {intent.value!r}", Tier.INTENT))
        elif intent.aspect == VALUE:
            name, found = intent.keys[0], slots.get(intent.keys[0])
            if found is None or not agrees(types[name], found, str(intent.value)):
                findings.append(Finding(INTENT, name, f"found {found!r}, right is {intent.value!r}", Tier.INTENT))
    return judged(INTENT, Tier.INTENT, findings) if findings else passed(INTENT, Tier.INTENT)


def _form(answer: str) -> str:
    """Return what is wrong with the form of an answer, or an empty string."""
    lines = answer.strip().splitlines()
    if not lines:
        return "the answer is empty"
    if "```" in answer:
        return "found a code fence, expected the answer alone"
    if len(lines) > MAX_LINES:
        return f"found {len(lines)} lines, expected at most {MAX_LINES}"
    return f"found {len(answer)} characters, expected at most {MAX_CHARS}" if len(answer) > MAX_CHARS else ""


def _failed(code: str, message: str, path: str = "") -> Result:
    meaning = CODES[code]
    return judged(code, meaning.tier, (Finding(code, path, message, meaning.tier, 1, 1, remedy=meaning.remedy),))


def _skipped(codes: Sequence[str], reason: str, intents: Sequence[Intent] | None) -> Iterator[Result]:
    yield from (skipped(code, CODES[code].tier, reason) for code in codes)
    if intents is not None:
        yield skipped(INTENT, Tier.INTENT, "an earlier tier failed")


def _shown(template: str) -> str:
    return repr(template) if template else "another shape"
