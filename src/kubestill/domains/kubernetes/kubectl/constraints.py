"""Flags of one call against each other: what must be there, what excludes what, what needs what, and forms and ranges."""

from kubestill.domains.kubernetes.kubectl.fault import Fault, Faults, shown
from kubestill.domains.kubernetes.kubectl.forms import FORMS, columns, json_path
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.kubectl.relations import EXCLUSIVE, NEEDS, RANGES, TOGETHER, Need
from kubestill.domains.kubernetes.kubectl.resources import judge

_TEMPLATED = ("custom-columns", "custom-columns-file", "go-template", "go-template-file", "jsonpath", "jsonpath-as-json", "jsonpath-file")
_BY_TEMPLATE_FLAG = ("go-template", "go-template-file", "template", "templatefile", "jsonpath", "jsonpath-as-json", "jsonpath-file")


def constraint_faults(call: Call) -> Faults:
    """Yield what is wrong between the flags of a call; nothing for one that only asks for help."""
    assert call.command is not None
    if call.on("help") or call.has("version"):
        return
    name = call.command.name
    for need in NEEDS.get(name, ()):
        if not call.uncertain and not _met(call, need):
            yield _missing(call, need)
    for one, other in (*EXCLUSIVE[""], *EXCLUSIVE.get(name, ())):
        if given(call, one) and given(call, other):
            yield Fault("K8S415", f"--{one} and --{other} exclude each other", f"--{other}", _start(call, other))
    for use in call.uses:
        needed = TOGETHER.get((name, use.flag.name)) or TOGETHER.get(("", use.flag.name))
        if needed and given(call, use.flag.name) and not any(given(call, flag) for flag in needed) and not call.uncertain:
            yield Fault("K8S416", f"{use.path} needs {_or(needed)}", use.path, use.word.start)
    yield from _value_faults(call)
    special = _SPECIAL.get(name)
    if special is not None:
        yield from special(call)


def given(call: Call, name: str) -> bool:
    """Return whether a flag has an effect: a boolean that is on, or a value that is not empty; of a list, any value."""
    use = call.last(name)
    if use is None:
        return False
    if use.flag.type in ("bool", "tristate"):
        return use.opaque or use.value is True
    counted = [one for one in call.uses if one.flag.name == name] if use.flag.type in ("strings", "stringToString") else [use]
    return any(one.text != "" or one.opaque for one in counted)


def _met(call: Call, need: Need) -> bool:
    return any(given(call, name) for name in (*need.any_of, *need.unless)) or (
        call.command is not None and call.command.name == "create service clusterip" and call.text("clusterip") == "None"
    )


def _missing(call: Call, need: Need) -> Fault:
    assert call.command is not None
    message = f"kubectl {call.command.name} needs {_or(need.any_of)}; usage: {call.command.usage}"
    return Fault("K8S413", message, f"--{need.any_of[0]}", call.word.start)


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(f"--{name}" for name in names)


def _start(call: Call, name: str) -> int:
    use = call.last(name)
    return use.word.start if use is not None else call.word.start


def _value_faults(call: Call) -> Faults:
    """Yield faults of how values are written, and of numbers that are too small."""
    assert call.command is not None
    name = call.command.name
    for use in call.uses:
        form = FORMS.get((name, use.flag.name)) or FORMS.get(("", use.flag.name))
        written = not use.opaque and use.flag.type in ("string", "strings", "int") and not (use.text == "" and use.flag.type == "string")
        if form is not None and written:
            for part in use.text.split(",") if use.flag.splits else (use.text,):
                if fault := form(part):
                    yield Fault("K8S414", f"{use.path}: {shown(part)} {fault}", use.path, use.word.start)
        least = RANGES.get((name, use.flag.name))
        if least is not None and isinstance(use.value, int) and use.value < least.least:
            meaning = f" ({least.reason})" if least.reason else ""
            message = f"{use.path} must be at least {least.least}{meaning}, found {shown(use.text)}"
            yield Fault("K8S418", message, use.path, use.word.start)
    yield from _template_faults(call)


def _template_faults(call: Call) -> Faults:
    """An output format that is a template needs one (cli-runtime printers/template_flags.go, cmd/get/customcolumn_flags.go)."""
    use = call.last("output")
    if use is None or use.opaque or "jsonpath" not in use.flag.allowed:
        return
    kind, equals, template = use.text.partition("=")
    if template and (fault := _template_fault(kind, template)):
        yield Fault("K8S414", f"--output: {shown(template)} {fault}", "--output", use.word.start)
    if call.on("show-labels") and kind in ("json", "yaml", "kyaml", "name"):
        yield Fault("K8S415", f"--show-labels and --output={kind} exclude each other", "--output", use.word.start)
    if kind in (*_TEMPLATED, "template", "templatefile") and not template:
        if not equals and kind in _BY_TEMPLATE_FLAG and given(call, "template"):
            return
        yield Fault("K8S416", f"--output={kind} needs a template: --output={kind}=...", "--output", use.word.start)


def _template_fault(kind: str, template: str) -> str:
    if kind == "custom-columns":
        return columns(template)
    return json_path(template) if kind in ("jsonpath", "jsonpath-as-json") else ""


def _autoscale_faults(call: Call) -> Faults:
    low, high = call.flags.get("min"), call.flags.get("max")
    if isinstance(low, int) and isinstance(high, int) and low > high >= 1:
        yield Fault("K8S418", f"--max must be at least --min, found {high} and {low}", "--max", _start(call, "max"))


def _apply_faults(call: Call) -> Faults:
    mode = call.text("dry-run")
    if given(call, "force") and mode == "server":
        yield Fault("K8S415", "--force and --dry-run=server exclude each other", "--dry-run", _start(call, "dry-run"))
    if given(call, "server-side") and mode == "client":
        yield Fault("K8S415", "--server-side and --dry-run=client exclude each other", "--dry-run", _start(call, "dry-run"))


def _replace_faults(call: Call) -> Faults:
    if given(call, "force") and call.text("dry-run") in ("client", "server"):
        yield Fault("K8S415", "--force and --dry-run exclude each other", "--dry-run", _start(call, "dry-run"))


def _delete_faults(call: Call) -> Faults:
    grace = call.flags.get("grace-period")
    if given(call, "force") and isinstance(grace, int) and grace > 0:
        message = "--force and a --grace-period above 0 exclude each other"
        yield Fault("K8S415", message, "--grace-period", _start(call, "grace-period"))


def _run_faults(call: Call) -> Faults:
    attached = given(call, "attach") or (given(call, "stdin") and not call.has("attach"))
    if attached and call.text("dry-run") in ("client", "server"):
        message = "--dry-run and attaching (--attach, --stdin, --tty) exclude each other"
        yield Fault("K8S415", message, "--dry-run", _start(call, "dry-run"))


def _deployment_faults(call: Call) -> Faults:
    images = sum(use.flag.name == "image" for use in call.uses)
    if images > 1 and call.trailing:
        yield Fault("K8S415", "several --image and a command exclude each other", "--image", _start(call, "image"))


def _job_faults(call: Call) -> Faults:
    if given(call, "from") and call.trailing:
        yield Fault("K8S415", "--from and a command exclude each other", "--from", _start(call, "from"))


def _debug_faults(call: Call) -> Faults:
    if given(call, "copy-to") and not call.uncertain:
        if not call.has("image", "set-image") and not call.trailing:
            yield Fault("K8S416", "--copy-to needs --image, --set-image or a command", "--copy-to", _start(call, "copy-to"))
        elif call.trailing and not call.has("image", "container"):
            yield Fault("K8S416", "a command needs --container or --image", "--copy-to", _start(call, "copy-to"))


def _cluster_faults(call: Call) -> Faults:
    if given(call, "embed-certs") and not call.has("certificate-authority"):
        yield Fault("K8S416", "--embed-certs needs --certificate-authority", "--embed-certs", _start(call, "embed-certs"))


def _local_faults(call: Call) -> Faults:
    """--local works on files (cmd/label, cmd/annotate, cmd/patch, cmd/set)."""
    if given(call, "local") and not given(call, "filename") and not given(call, "kustomize") and not call.uncertain:
        yield Fault("K8S416", "--local needs --filename", "--local", _start(call, "local"))
    if given(call, "local") and call.text("dry-run") == "server":
        yield Fault("K8S415", "--local and --dry-run=server exclude each other", "--dry-run", _start(call, "dry-run"))


def _patch_faults(call: Call) -> Faults:
    """A JSON patch is a list of operations, any other an object (evanphx/json-patch, cmd/patch/patch.go)."""
    yield from _local_faults(call)
    use = call.last("patch")
    if use is None or use.opaque or not use.text.strip():
        return
    body, is_list = use.text.strip(), call.text("type").lower() == "json"
    listed = body.startswith(("[", "- "))
    if is_list != listed or not (listed or body.startswith("{") or ":" in body):
        expected = "a list of operations" if is_list else "an object (of --type=json a list)"
        yield Fault("K8S414", f"--patch: {shown(body)} is not {expected}", "--patch", use.word.start)


def _kuberc_faults(call: Call) -> Faults:
    """cmd/kuberc/set.go Validate."""
    section = call.text("section")
    needed = {"aliases": ("name", "command"), "defaults": ("command",), "credentialplugin": ("policy",)}.get(section, ())
    for flag in needed:
        if not given(call, flag) and not call.uncertain:
            yield Fault("K8S416", f"--section={section} needs --{flag}", "--section", _start(call, "section"))
    for flag in ("name", "prependarg", "appendarg") if section == "defaults" else ():
        if given(call, flag):
            yield Fault("K8S415", f"--section=defaults and --{flag} exclude each other", f"--{flag}", _start(call, flag))
    listed = given(call, "allowlist-entry")
    if section == "credentialplugin" and given(call, "policy") and listed != (call.text("policy") == "Allowlist"):
        message = "--allowlist-entry excludes other policies than Allowlist" if listed else "--policy=Allowlist needs --allowlist-entry"
        yield Fault("K8S415" if listed else "K8S416", message, "--policy", _start(call, "policy"))


def _event_faults(call: Call) -> Faults:
    """The type of the object whose events are asked for (cmd/events/events.go)."""
    use = call.last("for")
    if use is not None and not use.opaque and "/" in use.text and (fault := judge(use.text.partition("/")[0], use.word.start, "--for")):
        yield fault


_SPECIAL = {
    "annotate": _local_faults,
    "apply": _apply_faults,
    "autoscale": _autoscale_faults,
    "config set-cluster": _cluster_faults,
    "create deployment": _deployment_faults,
    "create job": _job_faults,
    "debug": _debug_faults,
    "delete": _delete_faults,
    "events": _event_faults,
    "kuberc set": _kuberc_faults,
    "label": _local_faults,
    "patch": _patch_faults,
    "replace": _replace_faults,
    "run": _run_faults,
    "set env": _local_faults,
    "set image": _local_faults,
    "set resources": _local_faults,
    "set selector": _local_faults,
    "set serviceaccount": _local_faults,
    "set subject": _local_faults,
}
