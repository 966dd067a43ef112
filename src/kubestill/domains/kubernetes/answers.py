"""From text to verdict: a model's answer (exactly one manifest and nothing else), or a file of many documents."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from kubestill.domains.kubernetes import expressions, strangers
from kubestill.domains.kubernetes.checks import table
from kubestill.domains.kubernetes.checks.needs import present
from kubestill.domains.kubernetes.definitions import CustomKind
from kubestill.domains.kubernetes.manifests import SYNTAX_CODES, Manifest, Reading, read
from kubestill.domains.kubernetes.schema import SCHEMA_CODES, Schemas, schemas, split_api_version
from kubestill.domains.kubernetes.subject import Subject
from kubestill.domains.kubernetes.subject import table as table_of
from kubestill.tools.checks.api import Check, Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.checks.run import NOTHING_TO_JUDGE, judged, passed, quiet, run, skipped

FORM, SYNTAX, SCHEMA = "K8S001", "K8S010", "K8S020"  # the codes that the results of the three text tiers go by
STRANGER = "K8S002"
CEL, UNJUDGED = "K8S028", "K8S029"
NOTHING = Verdict()  # nobody was asked

FORM_CODES = {
    "K8S001": "The answer is not exactly one manifest: it is empty, or holds prose, a code fence or several objects.",
    "K8S002": "The document is no Kubernetes object (a template of Helm, values, another tool's file): it is left out and counted.",
}
CEL_CODES = {
    "K8S028": "A rule that the definition of the custom resource states in CEL (x-kubernetes-validations) does not hold.",
    "K8S029": "Some rules that the definition states in CEL could not be judged here: an API server would.",
}
_FORM_REMEDY = "Answer with one YAML manifest and nothing else: no words, no code fence, no second document."


@dataclass(frozen=True, slots=True)
class Answer:
    """A judged answer: its verdict, and the object where one could be read."""

    verdict: Verdict
    object: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class DocumentVerdict:
    """What was said of one object of a file. `document` counts objects from 0, `line` lines from 1.

    `policy` says how it fares with what was asked for beyond validity; it is empty where nothing was, or where the object is not valid.
    `manifest` is the object itself, where one could be read.
    """

    file: str
    document: int
    line: int
    api_version: str
    kind: str
    name: str
    verdict: Verdict
    policy: Verdict = NOTHING
    manifest: Manifest | None = None


def judge(answer: str, known: Schemas | None = None) -> Answer:
    """Judge a model's raw answer: form, syntax, schema, rules. A kind that the schemas do not know fails.

    `known`: the schemas to judge by, the usual version's unless told.
    """
    known = known or schemas()
    reading = read(answer)
    form = _form(answer, reading)
    if form:
        finding = Finding(FORM, "", form, Tier.FORM, 1, 1, remedy=_FORM_REMEDY)
        return Answer(_verdict(None, (judged(FORM, Tier.FORM, (finding,)),), known, False), None)
    before = (passed(FORM, Tier.FORM), _syntax(reading.findings))
    manifest = reading.manifests[0] if reading.manifests else None
    return Answer(_verdict(manifest, before, known, False), manifest.object if manifest else None)


def check_text(
    text: str | bytes, where: str, known: Schemas | None = None, policies: Sequence[Check[Subject]] = (), before: int = 0
) -> list[DocumentVerdict]:
    """Judge every document of a file called `where`; a fault that ends the reading gets a verdict of its own.

    `known`: the schemas to judge by, the usual version's unless told. A custom resource that they do not describe is skipped at
    the schema tier, with the reason, and so is what is no Kubernetes object. `policies` are asked of objects that are valid, apart
    from the verdict. `before` counts the lines before the text, where it is a part of the file.
    """
    known = known or schemas()
    reading = read(text, before)
    if reason := _template(text, where, reading):
        return [DocumentVerdict(where, 0, before + 1, "", "", "", _strange(reason))]
    doubles = sorted((one for one in reading.findings if one.code == "K8S012"), key=lambda finding: finding.line)
    lines = [finding.line for finding in doubles]
    documents: list[DocumentVerdict] = []
    held: set[int] = set()
    for manifest in reading.manifests:
        own = doubles[bisect_right(lines, manifest.start) : bisect_right(lines, manifest.last)] if doubles else []
        value = manifest.object
        reason = strangers.stranger(value)
        held.update(map(id, own if reason else ()))  # whatever is wrong with a stranger is not for us to say
        verdict = _strange(reason) if reason else _verdict(manifest, (_syntax(own),), known, True)
        name = value["metadata"].get("name") if isinstance(value.get("metadata"), dict) else None
        row = (manifest.line, _text(value.get("apiVersion")), _text(value.get("kind")), _text(name))
        policy = _policy(manifest, policies) if policies and not verdict.failed_on and not reason else NOTHING
        documents.append(DocumentVerdict(where, 0, *row, verdict, policy, manifest))
    if reading.findings:
        held |= {id(finding) for document in documents for finding in document.verdict.findings}
    for finding in reading.findings:
        if id(finding) not in held:
            is_list = finding.code == "K8S014" and finding.line in reading.lists
            verdict = _strange(strangers.A_LIST) if is_list else _verdict(None, (_syntax((finding,)),), known, True)
            documents.append(DocumentVerdict(where, 0, finding.line, "", "", "", verdict))
    documents.sort(key=lambda document: document.line)
    return [document if number == 0 else replace(document, document=number) for number, document in enumerate(documents)]


def _policy(manifest: Manifest, policies: Sequence[Check[Subject]]) -> Verdict:
    from kubestill.domains.kubernetes.policies import judge_policy  # not needed, so not loaded, for validity

    return judge_policy(manifest, policies)


def _template(text: str | bytes, where: str, reading: Reading) -> str:
    """Return why a whole file is a template, or an empty string."""
    if (b"{{" if isinstance(text, bytes) else "{{") not in text:  # type: ignore[operator]
        return ""
    string = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    names = [table_of(manifest.object.get("metadata")).get("name") for manifest in reading.manifests]
    return strangers.template(string, where, not reading.findings, names)


def _strange(reason: str) -> Verdict:
    return Verdict((skipped(STRANGER, Tier.FORM, reason),))


def explain(code: str) -> str:
    """Return what a code means, in plain text.

    Raises:
        KeyError: there is no such code.
    """
    if code in table.CHECKS:
        rule = table.load(code)
        examples = "".join(f"\nBad:\n{text}" for text in rule.bad[:1]) + "".join(f"\nGood:\n{text}" for text in rule.good[:1])
        return f"{code} ({rule.tier.name.lower()})\n{rule.__doc__}\nRemedy: {rule.remedy}\n{examples}"
    from kubestill.domains.kubernetes.cluster import CLUSTER_CODES  # 110 ms that a check of manifests need not wait for
    from kubestill.domains.kubernetes.kubectl import check, codes  # and another 55

    if code in codes.CODES:
        return check.explain(code)
    from kubestill.domains.kubernetes.skills.codes import task_codes

    if code in task_codes():
        return task_codes()[code]
    return f"{code}\n{ {**FORM_CODES, **SYNTAX_CODES, **SCHEMA_CODES, **CEL_CODES, **CLUSTER_CODES}[code] }"


def codes() -> tuple[str, ...]:
    """Return every code that a finding can carry."""
    from kubestill.domains.kubernetes.cluster import CLUSTER_CODES
    from kubestill.domains.kubernetes.kubectl.codes import CODES as KUBECTL_CODES
    from kubestill.domains.kubernetes.skills.codes import task_codes

    return (*FORM_CODES, *SYNTAX_CODES, *SCHEMA_CODES, *CEL_CODES, *table.CHECKS, *CLUSTER_CODES, *KUBECTL_CODES, *task_codes())


def _form(answer: str, reading: Reading) -> str:
    """Return what is wrong with the form of an answer, or an empty string."""
    if not answer.strip():
        return "the answer is empty"
    if "```" in answer and any(line.lstrip().startswith("```") for line in answer.splitlines()) and not _fence_is_data(reading):
        return "found a code fence, expected the manifest alone"
    others = [finding for finding in reading.findings if finding.code == "K8S014"]
    if others:
        return f"found text that is no manifest (line {others[0].line}), expected the manifest alone"
    if len(reading.manifests) > 1:
        return f"found {len(reading.manifests)} objects, expected one"
    prose = [key for manifest in reading.manifests for key in manifest.object if " " in key.strip()]
    if prose:  # "Here is the manifest:" is a key to YAML
        return f"found the words {prose[0]!r}, expected the manifest alone"
    return "found only comments, expected a manifest" if not reading.manifests and not reading.findings else ""


def _fence_is_data(reading: Reading) -> bool:
    """Return whether fences stand inside a value (a ConfigMap of Markdown): then the text as a whole is one clean object."""
    return not reading.findings and len(reading.manifests) == 1 and isinstance(reading.manifests[0].object.get("kind"), str)


def _verdict(manifest: Manifest | None, before: tuple[Result, ...], known: Schemas, custom: bool) -> Verdict:
    """Add schema and rules to the results of the text tiers; `custom` says whether resources without a schema may pass."""
    if manifest is None or before[-1].outcome is Outcome.FAIL:
        reason = "the syntax tier failed" if manifest is not None else "there is no object to judge"
        return run(table.rules(), None, (*before, skipped(SCHEMA, Tier.SCHEMA, reason)))
    subject = Subject((manifest,))
    kind = subject.views[0].kind
    keys = present(manifest.object)
    asked, others = table.plan(kind, keys)
    schema = tuple(_schema(manifest.object, known, custom))
    if not any(result.findings for result in schema) and (seen := quiet(asked, subject)) is not None:
        return _clean(kind, keys, (*before, *schema), seen)
    verdict = run(asked, subject, (*before, *schema, *others))
    return verdict if not verdict.findings else _placed(verdict, manifest)


@lru_cache(maxsize=4096)
def _clean(kind: str, keys: frozenset[str], before: tuple[Result, ...], seen: tuple[bool, ...]) -> Verdict:
    """Return what `run` makes of rules that found nothing, `seen` saying which of them looked: one verdict for all such objects."""
    asked, others = table.plan(kind, keys)
    told = [
        passed(rule.code, rule.tier) if looked else skipped(rule.code, rule.tier, NOTHING_TO_JUDGE)
        for rule, looked in zip(asked, seen, strict=True)
    ]
    return Verdict((*before, *others, *told))


def _syntax(findings: Sequence[Finding]) -> Result:
    return judged(SYNTAX, Tier.SYNTAX, findings) if findings else passed(SYNTAX, Tier.SYNTAX)


def _schema(value: Mapping[str, Any], known: Schemas, custom: bool) -> Iterator[Result]:
    api_version, kind = _text(value.get("apiVersion")), _text(value.get("kind"))
    if custom and api_version and kind and not (known.knows(api_version, kind) or known.owns(split_api_version(api_version)[0])):
        yield skipped(SCHEMA, Tier.SCHEMA, f"no schema of {api_version} {kind}")
        return
    findings = known.findings(value)
    yield judged(SCHEMA, Tier.SCHEMA, findings) if findings else passed(SCHEMA, Tier.SCHEMA)
    defined = known.custom(value["apiVersion"], value["kind"]) if not findings else None
    if defined and defined.cel_rules:
        yield from _expressions(value, defined)


def _expressions(value: Mapping[str, Any], custom: CustomKind) -> Iterator[Result]:
    """Judge the CEL rules of a definition; those that nobody could judge are told with the reason."""
    if not expressions.available():
        reason = f"{custom.cel_rules} rules in CEL need the package common-expression-language: {expressions.INSTALL}"
        yield skipped(UNJUDGED, Tier.CLUSTER, reason)
        return
    said = expressions.judge(value, custom.written)
    if said.judged:
        remedy = "Change the object so that the rule of its definition holds."
        yield judged(CEL, Tier.RULES, [Finding(CEL, path, message, Tier.RULES, remedy=remedy) for path, message in said.broken])
    if said.unjudged:
        yield skipped(UNJUDGED, Tier.CLUSTER, f"{said.unjudged} rules in CEL use what only an API server has")


def _placed(verdict: Verdict, manifest: Manifest) -> Verdict:
    """Give every finding that has none its line and column."""
    results = []
    for result in verdict.results:
        if result.findings and not result.findings[0].line:
            spots = [manifest.place(finding.path) for finding in result.findings]
            placed = [replace(finding, line=line, column=column) for finding, (line, column) in zip(result.findings, spots, strict=True)]
            result = replace(result, findings=tuple(placed))
        results.append(result)
    return Verdict(tuple(results))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
