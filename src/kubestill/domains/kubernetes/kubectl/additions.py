"""Facts of kubectl that its published reference does not carry: aliases, logging flags, deprecated flags, values, short names.

Each table names the source file it is from: `cmd` is k8s.io/kubectl/pkg/cmd, and the aliases were compared with what kubectl
1.33.1 prints under "Aliases:".
"""

# `Aliases:` of the cobra commands (cmd/create/create_*.go, cmd/set/set_serviceaccount.go, cmd/top, cmd/config/use_context.go).
ALIASES: dict[str, tuple[str, ...]] = {
    "config use-context": ("use",),
    "create configmap": ("cm",),
    "create cronjob": ("cj",),
    "create deployment": ("deploy",),
    "create ingress": ("ing",),
    "create namespace": ("ns",),
    "create poddisruptionbudget": ("pdb",),
    "create priorityclass": ("pc",),
    "create quota": ("resourcequota",),
    "create service": ("svc",),
    "create serviceaccount": ("sa",),
    "set serviceaccount": ("sa",),
    "top node": ("nodes", "no"),
    "top pod": ("pods", "po"),
}

# Commands that cobra and kubectl add without a page of their own (spf13/cobra command.go, InitDefaultHelpCmd; cmd/cmd.go).
COMMANDS: dict[str, dict[str, list[str]]] = {
    "alpha": {"usage": ["kubectl alpha"], "flags": []},
    "help": {"usage": ["kubectl help [command]"], "flags": []},
}

# k8s.io/component-base/cli/run.go and logs/options.go: every Kubernetes program has them; the reference is generated without.
# name, shorthand, type, default, value when none is given.
LOGGING_FLAGS: tuple[tuple[str, str, str, str, str | None], ...] = (
    ("log-flush-frequency", "", "duration", "5s", None),
    ("v", "v", "int32", "0", None),
    ("vmodule", "", "string", "", None),
)

# Flags that kubectl takes with a warning and hides (MarkDeprecated): commands, then name, shorthand, type, default, value when
# none is given, allowed values, what to do instead. cli-runtime/pkg/genericclioptions/record_flags.go, cmd/autoscale/autoscale.go.
_RECORDING = (
    "annotate, apply, apply edit-last-applied, autoscale, create, edit, expose, label, patch, run, scale, set image, set resources, "
    "set selector, set serviceaccount"
)
DEPRECATED_FLAGS: tuple[tuple[tuple[str, ...], str, str, str, str, str | None, tuple[str, ...], str], ...] = (
    (tuple(_RECORDING.split(", ")), "record", "", "bool", "false", "true", (), "annotate kubernetes.io/change-cause"),
    (("autoscale",), "cpu-percent", "", "int32", "-1", None, (), "--cpu=80%"),
)

# StringArray: a comma in the value belongs to it. All other lists are StringSlice (the files that declare the flags).
WHOLE_VALUES = frozenset(
    {
        "allowlist-entry",
        "annotation",
        "annotations",
        "appendarg",
        "as-group",
        "as-user-extra",
        "audience",
        "env",
        "for",
        "from-literal",
        "option",
        "prependarg",
        "rule",
    }
)

# Values that the code compares with and the reference does not list; ("", flag) holds for every command.
ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "image-pull-policy"): ("Always", "IfNotPresent", "Never"),  # cmd/run/run.go verifyImagePullPolicy, cmd/debug/debug.go
    ("config set-credentials", "exec-interactive-mode"): ("IfAvailable", "Never", "Always"),  # cmd/config/create_authinfo.go
    ("create priorityclass", "preemption-policy"): ("PreemptLowerPriority", "Never"),  # scheduling/validation: the server refuses others
    ("events", "types"): ("Normal", "Warning"),  # cmd/events/events.go
    ("expose", "protocol"): ("TCP", "UDP", "SCTP"),  # the usage line
    ("kustomize", "load-restrictor"): (
        "LoadRestrictionsRootOnly",
        "LoadRestrictionsNone",
    ),  # kustomize/commands/build/flagloadrestrictor.go
}

# `ShortNames` of kubernetes/pkg/registry/*/*/storage/storage.go, and of the two API extension groups.
SHORT_NAMES: dict[str, tuple[str, ...]] = {
    "certificatesigningrequests": ("csr",),
    "componentstatuses": ("cs",),
    "configmaps": ("cm",),
    "cronjobs": ("cj",),
    "customresourcedefinitions": ("crd", "crds"),
    "daemonsets": ("ds",),
    "deployments": ("deploy",),
    "endpoints": ("ep",),
    "events": ("ev",),
    "horizontalpodautoscalers": ("hpa",),
    "ingresses": ("ing",),
    "ipaddresses": ("ip",),
    "limitranges": ("limits",),
    "namespaces": ("ns",),
    "networkpolicies": ("netpol",),
    "nodes": ("no",),
    "persistentvolumeclaims": ("pvc",),
    "persistentvolumes": ("pv",),
    "poddisruptionbudgets": ("pdb",),
    "pods": ("po",),
    "priorityclasses": ("pc",),
    "replicasets": ("rs",),
    "replicationcontrollers": ("rc",),
    "resourcequotas": ("quota",),
    "serviceaccounts": ("sa",),
    "services": ("svc",),
    "statefulsets": ("sts",),
    "storageclasses": ("sc",),
    "volumeattributesclasses": ("vac",),
}

# `Categories` of the same storages, and of custom resource definitions and API services.
CATEGORIES = frozenset({"all", "api-extensions"})
