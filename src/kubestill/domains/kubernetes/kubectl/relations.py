"""Which flags a command needs, which exclude each other, which need another, and what their values may be.

Each row is what kubectl itself refuses: a required flag of cobra, or the `Complete` and `Validate` functions of the command in
k8s.io/kubectl/pkg/cmd/<command>. A flag counts as given when it has a value, or is a boolean that is on.
"""

from typing import NamedTuple


class Need(NamedTuple):
    """One of `any_of` must be given, unless one of `unless` is."""

    any_of: tuple[str, ...]
    unless: tuple[str, ...] = ()


class Range(NamedTuple):
    """The least value of a number or duration."""

    least: int
    reason: str = ""


_FILE = Need(("filename", "kustomize"))

NEEDS: dict[str, tuple[Need, ...]] = {
    "apply": (_FILE,),
    "apply set-last-applied": (Need(("filename",)),),
    "auth reconcile": (_FILE,),
    "autoscale": (Need(("max",)),),
    "create": (_FILE,),
    "create clusterrole": (
        Need(("verb",), ("aggregation-rule",)),
        Need(("resource", "non-resource-url"), ("aggregation-rule",)),
    ),
    "create clusterrolebinding": (Need(("clusterrole",)),),
    "create cronjob": (Need(("image",)), Need(("schedule",))),
    "create deployment": (Need(("image",)),),
    "create ingress": (Need(("rule", "default-backend")),),
    "create job": (Need(("image", "from")),),
    "create poddisruptionbudget": (Need(("selector",)), Need(("min-available", "max-unavailable"))),
    "create role": (Need(("verb",)), Need(("resource",))),
    "create rolebinding": (Need(("clusterrole", "role")),),
    "create secret docker-registry": (Need(("docker-username",), ("from-file",)), Need(("docker-password",), ("from-file",))),
    "create secret tls": (Need(("cert",)), Need(("key",))),
    "create service clusterip": (Need(("tcp",)),),  # but for --clusterip=None, which constraints.py knows
    "create service externalname": (Need(("external-name",)),),
    "create service loadbalancer": (Need(("tcp",)),),
    "create service nodeport": (Need(("tcp",)),),
    "debug": (Need(("image",), ("copy-to",)),),
    "diff": (_FILE,),
    "kuberc set": (Need(("section",)),),
    "patch": (Need(("patch", "patch-file")),),
    "replace": (_FILE,),
    "run": (Need(("image",)),),
    "scale": (Need(("replicas",)),),
    "set resources": (Need(("limits", "requests")),),
    "set subject": (Need(("user", "group", "serviceaccount")),),
    "wait": (Need(("for",)),),
}

# Sets of which at most one may be given; "" holds for every command.
EXCLUSIVE: dict[str, tuple[tuple[str, str], ...]] = {
    "": (("filename", "kustomize"), ("recursive", "kustomize")),
    "annotate": (("all", "selector"), ("all", "field-selector")),
    "apply": (("all", "selector"), ("force", "server-side")),
    "autoscale": (("cpu", "cpu-percent"),),
    "config set-cluster": (("certificate-authority", "insecure-skip-tls-verify"),),
    "config set-credentials": (("token", "username"), ("token", "password")),
    "create clusterrole": (
        ("aggregation-rule", "verb"),
        ("aggregation-rule", "resource"),
        ("aggregation-rule", "non-resource-url"),
        ("aggregation-rule", "resource-name"),
    ),
    "create configmap": (("from-env-file", "from-file"), ("from-env-file", "from-literal")),
    "create job": (("image", "from"),),
    "create poddisruptionbudget": (("min-available", "max-unavailable"),),
    "create rolebinding": (("clusterrole", "role"),),
    "create secret generic": (("from-env-file", "from-file"), ("from-env-file", "from-literal")),
    "debug": (("target", "copy-to"),),
    "delete": (("all", "selector"), ("all", "field-selector"), ("now", "grace-period"), ("raw", "recursive"), ("raw", "output")),
    "get": (("raw", "output"), ("raw", "selector"), ("raw", "field-selector"), ("raw", "watch"), ("raw", "watch-only")),
    "label": (("all", "selector"), ("all", "field-selector")),
    "logs": (("since", "since-time"), ("all-containers", "container")),
    "patch": (("patch", "patch-file"),),
    "proxy": (("unix-socket", "port"),),
    "set env": (("all", "selector"),),
    "set image": (("all", "selector"),),
    "set resources": (("all", "selector"),),
    "set serviceaccount": (("all", "selector"),),
    "set subject": (("all", "selector"),),
    "taint": (("all", "selector"),),
}

# (command, flag) → flags of which one must be given too; ("", flag) holds for every command.
TOGETHER: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "as-group"): ("as",),
    ("", "as-uid"): ("as",),
    ("", "as-user-extra"): ("as",),
    ("apply", "force-conflicts"): ("server-side",),
    ("apply", "prune"): ("all", "selector"),
    ("apply", "subresource"): ("server-side",),
    ("create token", "bound-object-kind"): ("bound-object-name",),
    ("create token", "bound-object-name"): ("bound-object-kind",),
    ("create token", "bound-object-uid"): ("bound-object-kind",),
    ("debug", "replace"): ("copy-to",),
    ("debug", "same-node"): ("copy-to",),
    ("debug", "set-image"): ("copy-to",),
    ("debug", "tty"): ("stdin",),
    ("get", "output-watch-events"): ("watch", "watch-only"),
    ("replace", "grace-period"): ("force",),
    ("replace", "timeout"): ("force",),
    ("run", "expose"): ("port",),
    ("run", "rm"): ("attach", "stdin"),
    ("run", "tty"): ("stdin",),
    ("set env", "keys"): ("from",),
}

# (command, flag) → the least value.
RANGES: dict[tuple[str, str], Range] = {
    ("autoscale", "max"): Range(1),
    ("create token", "duration"): Range(0),
    ("logs", "limit-bytes"): Range(0),
    ("logs", "since"): Range(0),
    ("logs", "tail"): Range(-1, "all lines"),
    ("rollout history", "revision"): Range(0),
    ("rollout status", "revision"): Range(0),
    ("rollout undo", "to-revision"): Range(0, "the last one"),
    ("scale", "current-replicas"): Range(-1, "any number"),
    ("scale", "replicas"): Range(0),
}
