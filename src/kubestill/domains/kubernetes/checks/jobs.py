"""Rules about a Job's policies: when pods fail for good, when the whole succeeds, how an Indexed Job counts."""

import re
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import JOB
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_FAIL = JOB + "  podFailurePolicy:\n    rules:\n    - "
_INDEXED = JOB + "  completionMode: Indexed\n  completions: 3\n"
_MAX_INDEXES = 100_000  # batch/validation: completionsSoftLimit, maxFailedIndexesForIndexedJob


def _job(view: View) -> tuple[Mapping[str, Any], str]:
    """Return the spec of a Job, or of the Jobs that a CronJob makes, and its path."""
    if view.kind == "CronJob":
        return table(table(view.spec.get("jobTemplate")).get("spec")), "spec.jobTemplate.spec"
    return view.spec, "spec"


class _JobRule(ObjectRule):
    kinds = frozenset({"Job", "CronJob"})


class FailurePolicy(_JobRule):
    """A podFailurePolicy needs pods that never restart; each rule looks at exit codes or at conditions, of containers that exist."""

    code, remedy = "K8S166", "Set restartPolicy: Never, and give each rule onExitCodes (no 0 with In) or onPodConditions."
    bad = (
        _FAIL + "{action: Ignore}\n",
        _FAIL + "{action: FailJob, onExitCodes: {operator: In, values: [0]}}\n",
        _FAIL + "{action: FailJob, onExitCodes: {operator: In, values: [2, 1]}}\n",
        _FAIL + "{action: FailJob, onExitCodes: {containerName: api, operator: In, values: [1]}}\n",
        _FAIL + "{action: FailIndex, onExitCodes: {operator: In, values: [1]}}\n",
        (_FAIL + "{action: FailJob, onExitCodes: {operator: In, values: [1]}}\n").replace("Never", "OnFailure"),
    )
    good = (_FAIL + "{action: FailJob, onExitCodes: {containerName: web, operator: In, values: [1, 42]}}\n",)

    def faults(self, view: View) -> Faults:
        """Look at every rule."""
        job, path = _job(view)
        policy = table(job.get("podFailurePolicy"))
        if not policy:
            return
        spec = table(table(job.get("template")).get("spec"))
        names = {one.get("name") for role in ("containers", "initContainers") for one in rows(spec.get(role))}
        if spec.get("restartPolicy") != "Never":
            yield f"{path}.template.spec.restartPolicy", "must be Never where podFailurePolicy is used"
        if job.get("podReplacementPolicy") not in (None, "", "Failed"):
            yield f"{path}.podReplacementPolicy", "must be Failed where podFailurePolicy is used"
        for index, rule in enumerate(rows(policy.get("rules"))):
            yield from self._rule(rule, f"{path}.podFailurePolicy.rules[{index}]", names, job)

    @staticmethod
    def _rule(rule: Mapping[str, Any], path: str, names: set[Any], job: Mapping[str, Any]) -> Faults:
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if rule.get("action") == "FailIndex" and job.get("backoffLimitPerIndex") is None:
            yield f"{path}.action", "FailIndex needs backoffLimitPerIndex"
        if codes is not None and conditions:
            yield path, "onExitCodes and onPodConditions exclude each other"
        elif codes is None and not conditions:
            yield path, "onExitCodes or onPodConditions is required"
        elif codes is not None:
            values = [value for value in codes.get("values") or () if value is not None]
            if codes.get("operator") == "In" and 0 in values:
                yield f"{path}.onExitCodes.values[{values.index(0)}]", "0 is no failure"
            if values != sorted(values):
                yield f"{path}.onExitCodes.values", "must be in ascending order"
            if codes.get("containerName") and codes["containerName"] not in names:
                yield f"{path}.onExitCodes.containerName", f"no container is called {codes['containerName']!r}"


class IndexedJobs(_JobRule):
    """Limits per index and a successPolicy belong to an Indexed Job; its pods are called name-index, which must be a DNS label."""

    code, remedy = "K8S167", "Set completionMode: Indexed, or remove what belongs to it; shorten the name."
    bad = (
        JOB + "  backoffLimitPerIndex: 1\n",
        _INDEXED + "  maxFailedIndexes: 1\n",
        _INDEXED + "  backoffLimitPerIndex: 1\n  maxFailedIndexes: 4\n",
        JOB + "  successPolicy: {rules: [{succeededCount: 1}]}\n",
        _INDEXED.replace("name: web\nspec", "name: web.v1\nspec"),
        (_INDEXED + "  backoffLimitPerIndex: 1\n").replace("Never", "OnFailure"),
    )
    good = (_INDEXED + "  backoffLimitPerIndex: 1\n  maxFailedIndexes: 3\n  successPolicy: {rules: [{succeededIndexes: '0,2'}]}\n",)

    def faults(self, view: View) -> Faults:
        """Compare the fields with the completion mode."""
        job, path = _job(view)
        indexed, completions = job.get("completionMode") == "Indexed", job.get("completions")
        for name in () if indexed else ("backoffLimitPerIndex", "successPolicy"):
            if job.get(name) is not None:
                yield f"{path}.{name}", "needs completionMode: Indexed"
        failed = job.get("maxFailedIndexes")
        if failed is not None and job.get("backoffLimitPerIndex") is None:
            yield f"{path}.backoffLimitPerIndex", "maxFailedIndexes needs it"
        elif failed is not None and completions is not None and failed > min(completions, _MAX_INDEXES):
            yield f"{path}.maxFailedIndexes", f"found {failed}, more than completions ({completions})"
        template = table(table(job.get("template")).get("spec"))
        if job.get("backoffLimitPerIndex") is not None and template.get("restartPolicy") != "Never":
            yield f"{path}.template.spec.restartPolicy", "must be Never where backoffLimitPerIndex is used"
        if indexed and completions and view.kind == "Job":
            host = f"{view.metadata.get('name') or ''}-{completions - 1}"
            if view.metadata.get("name") and (fault := formats.dns_label(host)):
                yield "metadata.name", f"the pod's name {host!r} {fault}"


_INTERVALS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


class SuccessPolicy(_JobRule):
    """A rule of a successPolicy names indexes that the Job has, in ascending order, or how many have to succeed."""

    code, remedy = "K8S168", "Write succeededIndexes such as 0,2-4 below completions, or succeededCount up to completions."
    bad = tuple(_INDEXED + f"  successPolicy: {{rules: [{rule}]}}\n" for rule in ("{}", "{succeededIndexes: '3'}", "{succeededCount: 4}"))
    good = (_INDEXED + "  successPolicy: {rules: [{succeededIndexes: '0,1-2', succeededCount: 2}]}\n",)

    def faults(self, view: View) -> Faults:
        """Look at every rule."""
        job, path = _job(view)
        completions = job.get("completions") or 0
        for index, rule in enumerate(rows(table(job.get("successPolicy")).get("rules"))):
            here, indexes, count = f"{path}.successPolicy.rules[{index}]", rule.get("succeededIndexes"), rule.get("succeededCount")
            if indexes is None and count is None:
                yield here, "succeededIndexes or succeededCount is required"
            if indexes is not None:
                numbers = [int(text) for text in re.findall(r"\d{1,9}", indexes)]
                if not _INTERVALS.fullmatch(indexes) or numbers != sorted(set(numbers)) or numbers[-1] >= completions:
                    yield f"{here}.succeededIndexes", f"found {indexes!r}, expected ascending indexes below {completions}"
            if count is not None and count > completions:
                yield f"{here}.succeededCount", f"found {count}, more than completions ({completions})"
