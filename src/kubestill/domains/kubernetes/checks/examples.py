"""Manifests that the examples of the rules start from. Each ends where a fragment can be added."""

_HEAD = "apiVersion: {}\nkind: {}\nmetadata:\n  name: {}\n"


def head(api_version: str, kind: str, name: str = "web") -> str:
    """Return the first lines of a manifest."""
    return _HEAD.format(api_version, kind, name)


# Ends inside its container: fields of the container follow with four spaces, fields of the pod with two.
POD = head("v1", "Pod") + "spec:\n  containers:\n  - name: web\n    image: nginx:1.27\n"

# Ends inside its container: eight spaces; fields of the pod follow with six, fields of the Deployment with two.
TEMPLATE = (
    "  template:\n    metadata:\n      labels:\n        app: web\n"
    "    spec:\n      containers:\n      - name: web\n        image: nginx:1.27\n"
)
SELECTOR = "  selector:\n    matchLabels:\n      app: web\n"
DEPLOYMENT = head("apps/v1", "Deployment") + "spec:\n" + SELECTOR + TEMPLATE
STATEFUL = head("apps/v1", "StatefulSet") + "spec:\n  serviceName: web\n" + SELECTOR + TEMPLATE
DAEMON = head("apps/v1", "DaemonSet") + "spec:\n" + SELECTOR + TEMPLATE

# Ends inside the pod's spec: six spaces.
JOB = (
    head("batch/v1", "Job") + "spec:\n  template:\n    spec:\n      restartPolicy: Never\n"
    "      containers:\n      - name: web\n        image: nginx:1.27\n"
)
CRON_JOB = (
    head("batch/v1", "CronJob") + "spec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n"
    "          containers:\n          - name: web\n            image: nginx:1.27\n  schedule: "
)

# Ends inside the spec: two spaces.
SERVICE = head("v1", "Service") + "spec:\n  selector:\n    app: web\n"
CLAIM = head("v1", "PersistentVolumeClaim") + "spec:\n"
