"""From text to verdict: is it one kubectl command or several, and would kubectl take them?"""

from collections.abc import Iterable

from kubestill.domains.kubernetes.kubectl.arguments import argument_faults
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.domains.kubernetes.kubectl.constraints import constraint_faults
from kubestill.domains.kubernetes.kubectl.fault import Fault
from kubestill.domains.kubernetes.kubectl.parse import PROGRAM, parse
from kubestill.domains.kubernetes.kubectl.parsed import Call, Parsed
from kubestill.domains.kubernetes.kubectl.shell import Places
from kubestill.tools.checks.api import Finding, Result, Tier, Verdict
from kubestill.tools.checks.run import BAD, judged, passed, skipped

MAX_FINDINGS = 50  # of one code; more only hide the first
_FENCE = "```"


def check_command(text: str) -> Verdict:
    """Judge a text of one or several kubectl commands.

    Each code gives one result. Tiers run as in all checks: a text that no shell reads, or a command, flag or value that
    kubectl does not know, leaves what comes after it unjudged (SKIP), since kubectl would have stopped there.
    """
    return check_parsed(parse(text))


def check_parsed(parsed: Parsed) -> Verdict:
    """Judge what `parse` has read."""
    faults: dict[str, list[Fault]] = {}
    _sort(_form_faults(parsed), faults)
    if not faults:
        for call in parsed.calls:
            _sort(_call_faults(call), faults)
    places = Places.of(parsed.text.replace("\r\n", "\n"))
    results: list[Result] = []
    failed: Tier | None = None
    for code, meaning in CODES.items():
        if failed is not None and meaning.tier > failed:
            results.append(skipped(code, meaning.tier, f"the {failed.name.lower()} tier failed"))
            continue
        found = [_finding(fault, places) for fault in faults.get(code, ())[:MAX_FINDINGS]]
        result = judged(code, meaning.tier, found) if found else passed(code, meaning.tier)
        if result.outcome in BAD and failed is None:
            failed = meaning.tier
        results.append(result)
    return Verdict(tuple(results))


def explain(code: str) -> str:
    """Return what a code means, in plain text.

    Raises:
        KeyError: there is no such code.
    """
    meaning = CODES[code]
    bad = f"\nBad:\n{meaning.bad[0] or '(an empty answer)'}\n"
    good = f"\nGood:\n{meaning.good[0]}\n" if meaning.good else ""
    return f"{code} ({meaning.tier.name.lower()})\n{meaning.text}\nRemedy: {meaning.remedy}\n{bad}{good}"


def _sort(found: Iterable[Fault], faults: dict[str, list[Fault]]) -> None:
    for fault in found:
        faults.setdefault(fault.code, []).append(fault)


def _form_faults(parsed: Parsed) -> list[Fault]:
    """Return why there is no command to judge, if there is none."""
    text = parsed.text
    if any(line.lstrip().startswith(_FENCE) for line in text.splitlines()) and PROGRAM in text:
        return [Fault("K8S401", "found a code fence, expected the command alone", start=text.index(_FENCE))]
    if not text.strip():
        return [Fault("K8S401", "the text is empty")]
    if parsed.script.fault is not None and (parsed.calls or PROGRAM in text or not parsed.others):
        return [parsed.script.fault]
    if not parsed.calls:
        first = parsed.others[0][0][:60] if parsed.others else ""
        return [Fault("K8S401", f"found {first!r}, expected kubectl" if first else "found no command, expected kubectl")]
    return []


def _call_faults(call: Call) -> Iterable[Fault]:
    """Yield everything that is wrong with one call, whatever the tier."""
    yield from call.faults
    for word in call.simple.words:
        if word.placeholder:
            yield Fault("K8S420", f"{word.placeholder} is a placeholder", word.placeholder, word.start, "warning")
    if call.command is not None and not any(fault.severity == "error" for fault in call.faults):
        yield from argument_faults(call)
        yield from constraint_faults(call)


def _finding(fault: Fault, places: Places) -> Finding:
    line, column = places.at(fault.start)
    meaning = CODES[fault.code]
    return Finding(fault.code, fault.path, fault.message, meaning.tier, line, column, fault.severity, meaning.remedy)
