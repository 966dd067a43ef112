"""Rules about what makes pods: Deployments and their kin, Jobs, CronJobs."""

import re
from functools import cache, lru_cache
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import CRON_JOB, DAEMON, DEPLOYMENT, JOB, STATEFUL
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.checks.storage import claim_faults
from kubestill.domains.kubernetes.subject import View, rows, table

_COUNTS = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
_JOB_COUNTS = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "backoffLimitPerIndex")
_CRON_COUNTS = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
_WORKLOADS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"})


class WorkloadNumbers(ObjectRule):
    """Replicas, seconds and history limits are not negative."""

    code, remedy = "K8S160", "Use a number of 0 or more."
    kinds = _WORKLOADS
    bad = (DEPLOYMENT + "  replicas: -1\n", DEPLOYMENT + "  minReadySeconds: 600\n  progressDeadlineSeconds: 600\n")
    good = (DEPLOYMENT + "  replicas: 0\n  revisionHistoryLimit: 3\n  progressDeadlineSeconds: 60\n",)

    def faults(self, view: View) -> Faults:
        """Compare with zero, and the deadline with minReadySeconds."""
        for name in _COUNTS:
            if (view.spec.get(name) or 0) < 0:
                yield f"spec.{name}", f"found {view.spec[name]}, expected at least 0"
        deadline, ready = view.spec.get("progressDeadlineSeconds"), view.spec.get("minReadySeconds") or 0
        if deadline is not None and deadline <= ready:
            yield "spec.progressDeadlineSeconds", f"found {deadline}, expected more than minReadySeconds ({ready})"


class RollingUpdate(ObjectRule):
    """A rolling update may take pods away or add some, by count or percentage, but not neither; Recreate and OnDelete do not roll."""

    code, remedy = "K8S161", "Set maxSurge or maxUnavailable above 0 (a number or 25%); remove rollingUpdate beside Recreate."
    kinds = frozenset({"Deployment", "DaemonSet", "StatefulSet"})
    bad = (
        DEPLOYMENT + "  strategy:\n    rollingUpdate: {maxSurge: 0, maxUnavailable: 0}\n",
        DEPLOYMENT + "  strategy:\n    type: Recreate\n    rollingUpdate: {maxSurge: 1}\n",
        DEPLOYMENT + "  strategy:\n    rollingUpdate: {maxSurge: '25'}\n",
        DAEMON + "  updateStrategy:\n    rollingUpdate: {maxUnavailable: 0}\n",
        DEPLOYMENT + "  strategy:\n    rollingUpdate: {maxUnavailable: 101%}\n",
    )
    good = (DEPLOYMENT + "  strategy:\n    rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}\n",)

    def faults(self, view: View) -> Faults:
        """Look at the strategy."""
        name = "strategy" if view.kind == "Deployment" else "updateStrategy"
        strategy = table(view.spec.get(name))
        rolling, kind = strategy.get("rollingUpdate"), strategy.get("type") or "RollingUpdate"
        if rolling is None:
            return
        path = f"spec.{name}.rollingUpdate"
        if kind != "RollingUpdate":
            if view.kind == "Deployment" or (kind == "OnDelete" and view.kind == "StatefulSet"):
                yield path, f"cannot stand beside type {kind}"
            return
        for part in ("maxSurge", "maxUnavailable"):
            value = rolling.get(part)
            if value is not None and (fault := formats.count_or_percent(value)):
                yield f"{path}.{part}", f"{value!r} {fault}"
            elif part == "maxUnavailable" and isinstance(value, str) and int(value[:-1]) > 100:
                yield f"{path}.{part}", f"found {value}, expected at most 100%"
        surge, gone = rolling.get("maxSurge"), rolling.get("maxUnavailable")
        if _none(gone) and (view.kind == "StatefulSet" or _none(surge) or (view.kind == "DaemonSet" and surge is None)):
            yield f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0 too: nothing could ever be updated"
        if view.kind == "DaemonSet" and surge is not None and not _none(surge) and gone is not None and not _none(gone):
            yield f"{path}.maxSurge", "a DaemonSet takes maxSurge or maxUnavailable, not both"


def _none(value: Any) -> bool:
    return value in (0, "0%")


class JobNumbers(ObjectRule):
    """A Job's counts and seconds are not negative; an Indexed Job says how many completions it has."""

    code, remedy = "K8S162", "Use numbers of 0 or more; set completions for an Indexed Job."
    kinds = frozenset({"Job", "CronJob"})
    bad = (JOB + "  backoffLimit: -1\n", JOB + "  completionMode: Indexed\n", CRON_JOB + "'@daily'\n  failedJobsHistoryLimit: -1\n")
    good = (JOB + "  backoffLimit: 0\n  completionMode: Indexed\n  completions: 3\n",)

    def faults(self, view: View) -> Faults:
        """Compare with zero."""
        job, path = view.spec, "spec"
        if view.kind == "CronJob":
            job, path = table(table(view.spec.get("jobTemplate")).get("spec")), "spec.jobTemplate.spec"
            for name in _CRON_COUNTS:
                if (view.spec.get(name) or 0) < 0:
                    yield f"spec.{name}", f"found {view.spec[name]}, expected at least 0"
        for name in _JOB_COUNTS:
            if (job.get(name) or 0) < 0:
                yield f"{path}.{name}", f"found {job[name]}, expected at least 0"
        if job.get("completionMode") == "Indexed" and job.get("completions") is None:
            yield f"{path}.completions", "completionMode Indexed needs completions"


class JobSelector(ObjectRule):
    """The server makes a Job's selector; one written by hand needs manualSelector and matching labels."""

    code, remedy = "K8S163", "Remove spec.selector."
    kinds = frozenset({"Job", "CronJob"})
    bad = (JOB + "  selector:\n    matchLabels:\n      app: web\n",)
    good = (
        JOB,
        JOB.replace("    spec:\n", "    metadata: {labels: {a: b}}\n    spec:\n")
        + "  manualSelector: true\n  selector: {matchLabels: {a: b}}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look for a selector."""
        job, path = view.spec, "spec"
        if view.kind == "CronJob":
            job, path = table(table(view.spec.get("jobTemplate")).get("spec")), "spec.jobTemplate.spec"
        if job.get("selector") and not job.get("manualSelector"):
            yield f"{path}.selector", "a selector needs manualSelector: true; leave both out"
        if view.kind == "CronJob" and job.get("manualSelector"):
            yield f"{path}.manualSelector", "cannot be set in a CronJob's template"


_MACROS = frozenset(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"])
_MONTH_NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTHS = {name: index for index, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: index for index, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
# robfig/cron v3, parser.go: bounds of minute, hour, day of month, month, day of week.
_BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = ((0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _MONTHS), (0, 6, _DAYS))
_EVERY = re.compile(r"@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+")


def cron_fault(schedule: str) -> str:
    """Return what is wrong with a CronJob's schedule, or ""."""
    if schedule.startswith("@"):
        return "" if schedule in _MACROS or _EVERY.fullmatch(schedule) else f"{schedule!r} is no macro such as @daily"
    fields = schedule.split()
    if len(fields) != 5:
        return f"found {len(fields)} fields, expected 5: minute, hour, day of month, month, day of week"
    for text, bounds in zip(fields, _BOUNDS, strict=True):
        for part in text.split(","):
            if not _cron_part(part, *bounds):
                return f"{part!r} is outside {bounds[0]}-{bounds[1]} or no range, list or step"
    return ""


def _cron_part(part: str, low: int, high: int, names: dict[str, int]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isdigit() and int(step) > 0):
        return False
    if span in ("*", "?"):
        return True
    ends = [names.get(end.lower(), int(end) if end.isdigit() and end.isascii() else -1) for end in span.split("-")]
    return len(ends) <= 2 and all(low <= end <= high for end in ends) and ends[0] <= ends[-1]


class Schedule(ObjectRule):
    """A CronJob's schedule has five fields (or is a macro such as @daily); the time zone has its own field."""

    code, remedy = "K8S164", "Write five fields, such as '30 2 * * 1-5'; the zone goes to spec.timeZone."
    kinds = frozenset({"CronJob"})
    bad = tuple(
        CRON_JOB + text
        for text in (
            "'* * * *'\n",
            "'60 * * * *'\n",
            "'0 0 * * 7'\n",
            "'@often'\n",
            "''\n",
            "'TZ=UTC 0 0 * * *'\n",
            "'@daily'\n  timeZone: Mars/Base\n",
        )
    )
    good = tuple(CRON_JOB + text for text in ("'*/5 8-18 * JAN-MAR mon,fri'\n", "'@hourly'\n  timeZone: Europe/Paris\n"))

    def faults(self, view: View) -> Faults:
        """Read the schedule."""
        schedule = view.spec.get("schedule") or ""
        if "TZ" in schedule:
            yield "spec.schedule", "the time zone goes to spec.timeZone"
        elif fault := cron_fault(schedule) if schedule else "a schedule is required":
            yield "spec.schedule", fault
        zone = view.spec.get("timeZone")
        if zone is not None and not _is_zone(zone):
            yield "spec.timeZone", f"{zone!r} is no zone such as Europe/Paris"


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    """Return whether the tz database has the zone; where the machine has no database, whether it is written like one."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", name) or name.lower() == "local":
        return False
    return name in _zones() if _zones() else True


@cache
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones  # reads folders: only for the rare manifest that names a zone

    return frozenset(available_timezones())


class ClaimTemplates(ObjectRule):
    """A StatefulSet's claims have names of their own, access modes and a size."""

    code, remedy = "K8S165", "Give every volumeClaimTemplate a name, accessModes and resources.requests.storage."
    kinds = frozenset({"StatefulSet"})
    bad = (
        STATEFUL + "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce]}\n",
        STATEFUL + "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {resources: {requests: {storage: 1Gi}}}\n",
    )
    good = (
        STATEFUL + "  volumeClaimTemplates:\n  - metadata: {name: data}\n"
        "    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every template."""
        for index, claim in enumerate(rows(view.spec.get("volumeClaimTemplates"))):
            yield from claim_faults(table(claim.get("spec")), f"spec.volumeClaimTemplates[{index}].spec")
