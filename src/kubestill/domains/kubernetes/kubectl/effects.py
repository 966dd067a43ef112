"""What a call does to the cluster.

The line between READS and CHANGES is the one that RBAC draws: what the role `view` may do (get, list, watch, and asking about
oneself) reads; what needs create, update, patch or delete changes, and so do exec, attach and port-forward, which need `create`
on a subresource of the pod, and proxy, which lets others do anything. Where kubectl says less than a guard needs, the worse holds.
"""

from kubestill.domains.kubernetes.kubectl.parsed import Call, Effect
from kubestill.domains.kubernetes.kubectl.values import parse_bool

_LOCAL = frozenset({"completion", "config", "help", "kuberc", "kustomize", "options", "plugin"})
_READS = frozenset(
    "api-resources, api-versions, auth can-i, auth whoami, cluster-info, cluster-info dump, describe, diff, events, explain, get, logs, "
    "rollout history, rollout status, top node, top pod, version, wait, apply view-last-applied".split(", ")
)
_DESTROYS = frozenset({"delete", "drain"})
# Flags that turn a call that changes into one that destroys: command → flags.
_DESTROYS_WITH: dict[str, tuple[str, ...]] = {
    "apply": ("prune", "force"),  # force deletes and creates anew where a patch is refused
    "debug": ("replace",),  # deletes the pod that is copied
    "replace": ("force",),  # deletes, then creates
}
_NO_EXECUTE = "NoExecute"  # a taint that evicts the pods that do not tolerate it


def effect_of(call: Call) -> Effect:
    """Return what a call does; UNKNOWN where its command is none of kubectl's."""
    if call.command is None:
        return Effect.UNKNOWN
    name, is_open = call.command.name, _is_open(call)
    if not name or call.path[0] in _LOCAL:
        return Effect.LOCAL
    if not is_open and (call.on("help") or call.on("local") or (name == "version" and call.on("client"))):
        return Effect.LOCAL
    if name in _READS or (not is_open and (_is_dry_run(call) or (call.on("list") and name in ("annotate", "label", "set env")))):
        return Effect.READS
    worse = _DESTROYS_WITH.get(name, ())
    if name in _DESTROYS or (worse and is_open) or any(call.on(flag) for flag in worse) or _evicts(call):
        return Effect.DESTROYS
    return Effect.READS if name == "cp" and not is_open and _copies_out(call) else Effect.CHANGES


def _is_open(call: Call) -> bool:
    """Return whether the shell may put in flags that are not in the text: an argument like `$MORE`, or xargs."""
    filled = (word for word in (*call.arguments, *(use.word for use in call.uses)) if word.many)
    named = (word for word in call.arguments if word.opaque and not word.placeholder)
    return call.appended or next(filled, None) is not None or next(named, None) is not None


def _is_dry_run(call: Call) -> bool:
    """Return whether nothing is persisted: client or server dry run, or an old spelling of the first (cmd/util/helpers.go)."""
    use = call.last("dry-run")
    if use is None or use.opaque:
        return False
    return use.text in ("client", "server", "unchanged") or parse_bool(use.text) is True


def _evicts(call: Call) -> bool:
    return call.path == ("taint",) and any(word.opaque or word.text.endswith(f":{_NO_EXECUTE}") for word in call.arguments)


def _copies_out(call: Call) -> bool:
    """Return whether `cp` copies from a pod to here: the source names a pod, the target does not."""
    specs = [word.text for word in call.arguments]
    return len(specs) == 2 and ":" in specs[0] and ":" not in specs[1] and not call.arguments[1].opaque
