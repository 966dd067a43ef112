"""Rules about what may change in what makes pods: Deployments and their kin, StatefulSets, Jobs."""

import copy
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import DAEMON, DEPLOYMENT, JOB, STATEFUL
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.subject import rows, table
from kubestill.domains.kubernetes.updates.examples import step
from kubestill.domains.kubernetes.updates.meaning import differences
from kubestill.domains.kubernetes.updates.rule import FrozenRule, Update, UpdateRule, dig, shown, told


class Selector(FrozenRule):
    """Strategy.ValidateUpdate of apps/v1: spec.selector of Deployment, ReplicaSet and DaemonSet is immutable."""

    code, remedy = (
        "K8S664",
        "Keep the selector; to change it delete the object (kubectl delete --cascade=orphan keeps its pods) or use a new name.",
    )
    kinds, fields = frozenset({"Deployment", "ReplicaSet", "DaemonSet"}), ("spec.selector",)
    bad = (
        step(DEPLOYMENT, DEPLOYMENT.replace("app: web", "app: api")),
        step(DAEMON, DAEMON.replace("app: web", "app: api")),
    )
    good = (
        step(DEPLOYMENT, DEPLOYMENT.replace("nginx:1.27", "nginx:1.28") + "  replicas: 3\n"),
        step(DEPLOYMENT, DEPLOYMENT.replace("        app: web\n", "        app: web\n        tier: front\n")),
    )


_CLAIMS = (
    "  volumeClaimTemplates:\n  - metadata: {name: data}\n"
    "    spec:\n      accessModes: [ReadWriteOnce]\n      resources: {requests: {storage: %s}}\n"
)
# By field of the spec: the minor since which it may change (0: always). ordinals: StatefulSetStartOrdinal is on since 1.27;
# revisionHistoryLimit: kubernetes/kubernetes issue 130263 has a 1.31 server refuse it, later messages list it as free.
_FREE = {
    **dict.fromkeys(("replicas", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"), 0),
    "ordinals": 27,
    "revisionHistoryLimit": 33,
}


class StatefulSetFields(UpdateRule):
    """ValidateStatefulSetUpdate: updates for fields other than replicas, template, updateStrategy and a few more are forbidden."""

    code = "K8S665"
    remedy = "Delete the StatefulSet and keep its pods (kubectl delete --cascade=orphan), then create it anew; grow the claims themselves."
    kinds = frozenset({"StatefulSet"})
    bad = (
        step(STATEFUL, STATEFUL.replace("serviceName: web", "serviceName: api")),
        step(STATEFUL, STATEFUL + "  podManagementPolicy: Parallel\n"),
        step(STATEFUL + _CLAIMS % "1Gi", STATEFUL + _CLAIMS % "2Gi"),
        step(STATEFUL, STATEFUL.replace("app: web", "app: api")),
    )
    good = (
        step(STATEFUL, STATEFUL.replace("nginx:1.27", "nginx:1.28") + "  replicas: 3\n  minReadySeconds: 5\n"),
        step(STATEFUL, STATEFUL + "  podManagementPolicy: OrderedReady\n  updateStrategy: {type: OnDelete}\n"),
        step(STATEFUL + _CLAIMS % "1Gi", STATEFUL + _CLAIMS % "1024Mi" + "      volumeMode: Filesystem\n"),
        step(STATEFUL, STATEFUL + "  ordinals: {start: 2}\n  revisionHistoryLimit: 3\n"),
    )
    bad_at = (("1.31", step(STATEFUL, STATEFUL + "  revisionHistoryLimit: 3\n")),)
    good_at = (("1.31", step(STATEFUL, STATEFUL + "  revisionHistoryLimit: 10\n  ordinals: {start: 2}\n")),)

    def faults(self, update: Update) -> Faults:
        """Compare the specs without what may change."""
        before, after = (
            {name: value for name, value in table(whole.get("spec")).items() if _FREE.get(name, 99) > self.minor}
            for whole in (update.was, update.becomes)
        )
        yield from told(differences(before, after, "spec"))


_SUSPENDED = JOB + "  suspend: true\n"
_JOB_RECREATE = "Delete the Job and create it anew, or give the new one another name: a Job runs once."
_ELASTIC = 27  # ElasticIndexedJob
_STEERED = 36  # MutableSchedulingDirectivesForSuspendedJobs and MutablePodResourcesForSuspendedJobs are on


class JobTemplate(UpdateRule):
    """validatePodTemplateUpdate: the template is immutable, but for scheduling directives while the Job is suspended."""

    code, remedy, kinds = "K8S666", _JOB_RECREATE, frozenset({"Job"})
    bad = (
        step(JOB, JOB.replace("nginx:1.27", "nginx:1.28")),
        step(JOB, JOB + "      nodeSelector: {disk: ssd}\n"),
        step(_SUSPENDED, _SUSPENDED.replace("nginx:1.27", "nginx:1.28")),
    )
    good = (
        step(JOB, JOB + "      dnsPolicy: ClusterFirst\n  parallelism: 2\n  backoffLimit: 3\n  suspend: true\n"),
        step(JOB + "  suspend: true\n", JOB + "      nodeSelector: {disk: ssd}\n      tolerations: [{operator: Exists}]\n"),
        step(_SUSPENDED, JOB + "        resources: {requests: {cpu: 1}}\n  suspend: true\n"),
    )
    bad_at = (("1.35", step(_SUSPENDED, JOB + "        resources: {requests: {cpu: 1}}\n  suspend: true\n")),)

    def faults(self, update: Update) -> Faults:
        """Compare the templates; for a suspended Job without what may still be chosen."""
        before, after = (copy.deepcopy(table(dig(whole, "spec.template"))) for whole in (update.was, update.becomes))
        if dig(update.old, "spec.suspend") is True:
            for template in (before, after):
                self._forget(template, started=self._started(update))
        yield from told(differences(before, after, "spec.template"))

    def _started(self, update: Update) -> bool:
        """Return whether pods of the Job may run: since 1.36 only active ones count, before that the Job must never have started."""
        status = update.status()
        return bool(status.get("active") if self.minor >= _STEERED else status.get("startTime"))

    def _forget(self, template: Any, started: bool) -> None:
        """Take away what a suspended Job may change."""
        spec = table(template.get("spec"))
        if self.minor >= _STEERED:
            for container in (one for role in ("containers", "initContainers") for one in rows(spec.get(role))):
                _drop(container, "resources")
        if started:
            return
        _drop(spec, "nodeSelector", "tolerations", "schedulingGates")
        _drop(template.get("metadata"), "labels", "annotations")
        _drop(spec.get("affinity"), "nodeAffinity")
        for holder, name in ((spec, "affinity"), (template, "metadata")):
            if not holder.get(name):
                _drop(holder, name)


def _drop(holder: Any, *names: str) -> None:
    for name in names:
        if isinstance(holder, dict):
            holder.pop(name, None)


_JOB_FIXED = "selector completionMode podFailurePolicy backoffLimitPerIndex managedBy successPolicy".split()
_INDEXED = JOB + "  completionMode: Indexed\n  completions: %d\n  parallelism: %d\n"


class JobFields(FrozenRule):
    """ValidateJobSpecUpdate: selector, completionMode, podFailurePolicy and the like are immutable."""

    code, remedy = "K8S667", _JOB_RECREATE
    kinds, fields = frozenset({"Job"}), tuple(f"spec.{name}" for name in _JOB_FIXED)
    bad = (
        step(JOB + "  completions: 2\n", JOB + "  completions: 2\n  completionMode: Indexed\n"),
        step(_INDEXED % (2, 2), _INDEXED % (2, 2) + "  backoffLimitPerIndex: 1\n"),
        step(JOB, JOB + "  managedBy: example.com/a\n"),
    )
    good = (step(JOB, JOB + "  completionMode: NonIndexed\n  activeDeadlineSeconds: 60\n  ttlSecondsAfterFinished: 60\n"),)


class JobCompletions(UpdateRule):
    """validateCompletions: completions is immutable, but in an Indexed Job, where it may change together with parallelism."""

    code, remedy, kinds = (
        "K8S668",
        f"Keep completions; in an Indexed Job (1.27) set parallelism to the same. {_JOB_RECREATE}",
        frozenset({"Job"}),
    )
    bad = (
        step(JOB + "  completions: 2\n", JOB + "  completions: 3\n"),
        step(JOB, JOB + "  completions: 2\n"),
        step(_INDEXED % (2, 2), _INDEXED % (3, 2)),
    )
    good = (step(_INDEXED % (2, 2), _INDEXED % (3, 3)), step(JOB, JOB + "  completions: 1\n  parallelism: 1\n"))
    bad_at = (("1.26", step(_INDEXED % (2, 2), _INDEXED % (3, 3))),)

    def faults(self, update: Update) -> Faults:
        """Compare the numbers; what the server wrote by default stays until someone says another (SetDefaults_Job)."""
        old, spec = (table(whole.get("spec")) for whole in (update.old, update.after))
        before = _completions(old)
        after = before if old.get("completions") is None and spec.get("completions") is None and before == 1 else _completions(spec)
        if before == after:
            return
        if self.minor < _ELASTIC or spec.get("completionMode") != "Indexed":
            yield "spec.completions", f"found {shown(after)}, expected {shown(before)} as before"
        elif after is not None and after != (parallelism := spec.get("parallelism", 1)):
            yield (
                "spec.completions",
                f"found {shown(after)}, expected {shown(before)} as before, or parallelism ({shown(parallelism)}) alike",
            )


def _completions(spec: Mapping[str, Any]) -> Any:
    """Return completions, with 1 where neither that nor parallelism is set."""
    given = spec.get("completions")
    return 1 if given is None and spec.get("parallelism") is None else given
