"""Manifests that the examples of policies start from, beside those of the checks. Each ends where a fragment can be added."""

from kubestill.domains.kubernetes.checks.examples import head

SAFE_POD = "  securityContext:\n    runAsNonRoot: true\n    seccompProfile:\n      type: RuntimeDefault\n"
SAFE_CONTAINER = "    securityContext:\n      allowPrivilegeEscalation: false\n      capabilities:\n        drop: [ALL]\n"
NGINX = "  containers:\n  - name: web\n    image: nginx:1.27\n"

# The least that the level restricted asks of a pod. Ends inside the container's securityContext: six spaces; fields of
# the container follow with four, fields of the pod with two.
RESTRICTED_POD = head("v1", "Pod") + "spec:\n" + SAFE_POD + NGINX + SAFE_CONTAINER

# The same within a CronJob, the deepest of all templates.
RESTRICTED_CRON_JOB = (
    head("batch/v1", "CronJob")
    + "spec:\n  schedule: '0 3 * * *'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n"
    + "".join(f"        {line}\n" for line in (SAFE_POD + NGINX + SAFE_CONTAINER).splitlines())
)

# A Windows pod says nothing of Linux: no capabilities, no seccomp profile, no privilege escalation.
WINDOWS_POD = (
    head("v1", "Pod")
    + "spec:\n  os: {name: windows}\n  securityContext: {runAsNonRoot: true}\n"
    + "  containers:\n  - name: web\n    image: mcr.microsoft.com/windows/nanoserver:ltsc2022\n"
)
