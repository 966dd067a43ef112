"""Full-pass: one answer, right form, parses, valid, follows the rules, and does all that was asked."""

from collections.abc import Sequence

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes import answers
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.intents.lens import Facts
from kubestill.domains.kubernetes.intents.notes import LISTED
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict

INTENT = "K8S100"


def full_pass(answer: str, intents: Sequence[Intent] | None = None, known: Schemas | None = None) -> Verdict:
    """Run form, syntax, schema and rules on an answer and, with `intents`, whether each of them holds.

    `known`: the schemas to judge by, the usual version's unless told.
    """
    judged = answers.judge(answer, known)
    if intents is None:
        return judged.verdict
    return Verdict((*judged.verdict.results, _intents(judged, intents)))


def _intents(judged: answers.Answer, intents: Sequence[Intent]) -> Result:
    """Judge whether the object does what was asked; an answer that failed before cannot be asked."""
    obj = judged.object
    if not judged.verdict.passed or obj is None:
        return Result(INTENT, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")
    if obj.get("kind") not in KINDS:
        finding = Finding(INTENT, "kind", f"found {obj.get('kind')}, expected {intents[0].value}", Tier.INTENT)
        return Result(INTENT, Tier.INTENT, Outcome.FAIL, (finding,))
    facts = Facts(dict(obj))
    missed = [
        Finding(INTENT, _place(intent), f"asked for {_quoted(intent)}; the manifest does not do so", Tier.INTENT)
        for intent in intents
        if not facts.holds(intent)
    ]
    extra = [Finding(INTENT, _place(intent), f"{_quoted(intent)} was not asked for", Tier.INTENT) for intent in facts.beyond(intents)]
    findings = (*missed, *extra)
    return Result(INTENT, Tier.INTENT, Outcome.FAIL if findings else Outcome.PASS, findings)


def _place(intent: Intent) -> str:
    return ".".join((intent.aspect, *filter(None, intent.keys)))


def _quoted(intent: Intent) -> str:
    words = intent.words.removeprefix(LISTED)  # traffic from anywhere: a list whose first part is empty
    return repr(words) if words else "nothing"
