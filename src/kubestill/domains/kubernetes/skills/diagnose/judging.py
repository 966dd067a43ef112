"""Judges a diagnosis: its form, its command, its cause, and whether it says of this case what must be said."""

import re
from collections.abc import Mapping, Sequence

from kubestill.domains.api import EXPECTED, Intent
from kubestill.domains.kubernetes.kubectl.canonical import canonical_parsed
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect, Parsed
from kubestill.domains.kubernetes.skills.diagnose.causes import SEEN, catalogue
from kubestill.domains.kubernetes.skills.diagnose.codes import CODES
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.checks.run import BAD, judged, passed, skipped

INTENT = "K8S100"
NEXT = EXPECTED + "next"
UNSAID = frozenset(("task", "cause", SEEN))  # they name the form, the first word and which command is next; no value of the case
_ANSWER = re.compile(
    r"Cause: (?P<cause>[A-Za-z0-9]+): (?P<says>\S[^\n]*)\nNext: (?P<next>kubectl [^\n]*\S)(?:\nFix: (?P<fix>\S[^\n]*))?\n?\Z"
)
_QUOTED = re.compile(r"`([^`]*)`")
_OF_POD = re.compile(r"_[a-z0-9-]+\(")
_OF_SERVICE = re.compile(r"\.(?:[a-z0-9-]+\.)?svc\b")
_LOOKS = (Effect.READS, Effect.LOCAL)  # LOCAL: the kubeconfig, where the fault lies in it
_MAX_SENTENCE = 400  # characters: one sentence, no essay


def judge_diagnosis(answer: str, intents: Sequence[Intent] | None) -> Verdict:
    """Judge form, commands and cause and, with `intents`, whether the cause, the values and the next command are right."""
    match = _ANSWER.match(answer)
    faults = dict.fromkeys(CODES, "")
    parsed: Parsed | None = None
    if match is None or len(match["says"]) > _MAX_SENTENCE:
        faults["K8S700"] = "expected the lines Cause and Next, perhaps Fix, and nothing else"
    else:
        parsed = parse(match["next"])
        _schema(match, parsed, faults)
    results = [*_results(faults)]
    if intents is not None:
        failed = match is None or parsed is None or any(result.outcome in BAD for result in results)
        results.append(
            Result(INTENT, Tier.INTENT, Outcome.SKIP, reason="an earlier tier failed")
            if failed or match is None or parsed is None
            else judged(INTENT, Tier.INTENT, _missed(match, parsed, intents))
        )
    return Verdict(tuple(results))


def _schema(match: re.Match[str], parsed: Parsed, faults: dict[str, str]) -> None:
    """Put down what is wrong with the name of the cause and with the commands."""
    if match["cause"] not in catalogue():
        faults["K8S701"] = f"found {match['cause']!r}"
    if not check_parsed(parsed).passed or len(parsed.calls) != 1 or parsed.others:
        faults["K8S702"] = f"found {match['next']!r}, expected one command that kubectl takes"
    elif parsed.effect not in _LOOKS:
        faults["K8S703"] = f"found a command that {parsed.effect.value}"
    for command in _QUOTED.findall(match["fix"] or ""):
        if command.startswith("kubectl"):
            mends = parse(command)
            if not check_parsed(mends).passed:
                faults["K8S702"] = f"found {command!r} in the fix"
            elif mends.effect in (Effect.DESTROYS, Effect.UNKNOWN):
                faults["K8S704"] = f"found {command!r}"


def _results(faults: Mapping[str, str]) -> list[Result]:
    """Return a result a code; what comes after a tier that failed is skipped."""
    results: list[Result] = []
    failed: Tier | None = None
    for code, meaning in CODES.items():
        if failed is not None and meaning.tier > failed:
            results.append(skipped(code, meaning.tier, f"the {failed.name.lower()} tier failed"))
        elif faults[code]:
            failed = meaning.tier
            results.append(judged(code, meaning.tier, [Finding(code, "", faults[code], meaning.tier, 1, 1, remedy=meaning.remedy)]))
        else:
            results.append(passed(code, meaning.tier))
    return results


def _missed(match: re.Match[str], parsed: Parsed, intents: Sequence[Intent]) -> list[Finding]:
    """Return which intents the answer does not keep."""
    said = "\n".join((match["says"], match["next"], match["fix"] or ""))
    missed = []
    for intent in intents:
        if intent.aspect == "cause" and match["cause"] != intent.value:
            missed.append(Finding(INTENT, "cause", f"found {match['cause']}, expected {intent.value}", Tier.INTENT))
        elif intent.aspect == NEXT and canonical_parsed(parsed) not in intent.value:
            missed.append(Finding(INTENT, "next", f"found {match['next']!r}, expected one like {intent.value[0]!r}", Tier.INTENT))
        elif intent.aspect not in UNSAID and not intent.aspect.startswith(EXPECTED) and not stands(str(intent.value), said):
            missed.append(Finding(INTENT, intent.aspect, f"{intent.value!r} is not said", Tier.INTENT))
    return missed


def stands(value: str, text: str) -> bool:
    """Say whether a value stands in a text as a word of its own; a path may follow a host.

    So do a pod and its namespace in `pod_namespace(uid)`, as the kubelet writes them, and those of `service.namespace.svc`.
    """
    found = text.find(value)
    while found >= 0:
        before, rest = text[max(0, found - 1) : found], text[found + len(value) :]
        ends = not rest[1:2].isalnum() or bool(_OF_SERVICE.match(rest)) if rest[:1] == "." else not _glues(rest[:1])
        begins = not (_glues(before) and _glues(value[:1]))
        if (ends or _OF_POD.match(rest)) and (begins or (before == "_" and rest[:1] == "(")):
            return True
        found = text.find(value, found + 1)
    return False


def _glues(letter: str) -> bool:
    return letter.isalnum() or letter in ("_", "-")
