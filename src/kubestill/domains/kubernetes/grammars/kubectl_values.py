"""How the value of each flag of kubectl is written, as regular expressions: by its type, its form, and what its name means."""

from collections.abc import Mapping
from functools import cache

from kubestill.domains.kubernetes.grammars.kubectl_leaves import PORT, blank, choice, leaf, listed, literal, terminal, word
from kubestill.domains.kubernetes.kubectl import forms
from kubestill.domains.kubernetes.kubectl.reference import Flag, Resource, reference
from kubestill.domains.kubernetes.kubectl.relations import RANGES
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES

QUANTITY = r"[0-9]{1,9}(\.[0-9]{1,3})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?"
DURATION = r"(0|[0-9]{1,6}(ms|s)|[0-9]{1,5}m([0-9]{1,3}s)?|[0-9]{1,5}h([0-9]{1,3}m)?([0-9]{1,3}s)?)"
COUNT, SIGNED, POSITIVE = r"(0|[1-9][0-9]{0,8})", r"(-?[1-9][0-9]{0,8}|0)", r"[1-9][0-9]{0,8}"
_DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = rf"{_DATE}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,9}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})"
_FIELD, _NAMED_FIELD = "[0-9*?][0-9*/,-]*", "[0-9A-Za-z*?][0-9A-Za-z*/,-]*"
_CRON = rf"(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{_FIELD}( {_FIELD}){{2}}( {_NAMED_FIELD}){{2}})"
# Templates: braces close, and quotes within them hold no brace (client-go util/jsonpath).
_BARE_TEMPLATE = r"([A-Za-z0-9_.,:@/-]|\{[A-Za-z0-9_.\[\]*@:,/-]*\})+"
_SINGLE_TEMPLATE = r"([^{}\"'\x00-\x1f]|\{([^{}\"'\x00-\x1f]|\"[^\"{}'\x00-\x1f]*\")*\})+"
_INSIDE = r"([^\"{}'$`\\\x00-\x1f]|\\[nt])"
_DOUBLE_TEMPLATE = rf"({_INSIDE}|\{{({_INSIDE}|\\\"{_INSIDE}*\\\"|'{_INSIDE}*')*\}})+"
_GO_BARE, _GO_SINGLE = r"([A-Za-z0-9_.,:]|\{\{[A-Za-z0-9_.]*\}\})+", r"[^'\x00-\x1f]+"
_COLUMN = r"[A-Z][A-Z0-9_-]*:\.?[A-Za-z0-9_.\[\]*@-]+"
_WAIT_BARE = r"([Cc]ondition=[A-Za-z][A-Za-z0-9./-]*(=[A-Za-z]+)?|create|delete)"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "use", "bind", "escalate", "impersonate")
_SUBRESOURCES = ("status", "scale", "resize", "log", "exec", "portforward", "token", "eviction")
# A resource of somebody else's group, such as certificates.cert-manager.io; k8s.io is Kubernetes' own.
_ITS_DOMAIN = r"([a-z0-9-]+\.(com|dev|org|net|sh|app|cloud|run)|([a-jl-z0-9][a-z0-9-]*|k[a-z][a-z0-9-]*)\.io)"
_CUSTOM = rf"[a-z][a-z0-9]*\.([a-z0-9][a-z0-9-]*\.)*{_ITS_DOMAIN}"
_QUOTA = "pods|services|secrets|configmaps|persistentvolumeclaims|replicationcontrollers|resourcequotas|cpu|memory|ephemeral-storage"
_QUOTA_NAMES = rf"({_QUOTA}|(requests|limits)\.(cpu|memory|storage|ephemeral-storage)|services\.(loadbalancers|nodeports)|count/[a-z.]+)"
_SCOPES = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity")
# Programs that only read, for $(...): config set ... $(base64 -w0 < file) is how data gets in.
_INNER = r"(cat|echo|base64|date|whoami|hostname)( ([A-Za-z0-9_./=+~@%:-]+|\"[A-Za-z0-9_./=+~@%: -]*\"|'[^'\x00-\x1f]*'))*"


# Any one word, quoted as it must be; it may be $(...) of programs that only read.
_QUOTED = rf"'{leaf('single')}'|\"{leaf('double')}\""
TEXT = rf"(({leaf('text')}|{_QUOTED}|\$\({_INNER}( \| {_INNER})*\))({_QUOTED})?|{blank('name')})"
_ANY = rf"({leaf('text')}|{_QUOTED})"
OBJECT = word(blank("name"))  # something that is there
# A file, a folder, an address, `-`, or a pattern of files in quotes.
PATH = rf"(-|{listed(blank('path'))}|'({leaf('path')}|\*\.[a-z]+)'|\"{leaf('path')}\")"
_MAYBE = f"({leaf('value')})?"  # a label may say nothing but its key: node-role.kubernetes.io/worker=
_PAIR = f"{leaf('key')}={_MAYBE}"
PAIRS = word(listed(_PAIR))  # as labels are written
LABEL = rf"({word(_PAIR)}|{leaf('key')}=(\"\"|''))"
TAINT = rf"{leaf('key')}(={_MAYBE})?"
_PLAIN = f"{leaf('key')}((==?|!=){_MAYBE})?"
_IN_QUOTES = rf"({_PLAIN}|!{leaf('key')}|{leaf('key')} (not)?in \({leaf('value')}(, ?{leaf('value')})*\))"
SELECTOR = rf"({listed(_PLAIN)}|'{listed(_IN_QUOTES)}'|\"{listed(_PLAIN)}\")"
_LITERAL = rf"({leaf('key')}={_ANY}|\"{leaf('key')}={leaf('double')}\"|'{leaf('key')}={leaf('single')}')"
VARIABLE = rf"({leaf('variable')}={_ANY}|\"{leaf('variable')}={leaf('double')}\")"
ANNOTATION = rf"{leaf('key')}=({_ANY}|\"\"|'')?"
# Where an address may stand alone, a shell would end the command at `&`.
URL = r"(/[A-Za-z0-9_./?*=%:,~+@-]*|'/[A-Za-z0-9_./?*&=%:,~+@-]*'|\"/[A-Za-z0-9_./?*&=%:,~+@-]*\")"
_ADDRESS = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
_RESULT = "(=[A-Za-z0-9.-]+)?"
_WAIT_TEMPLATES = (r"jsonpath=\{[A-Za-z0-9_.\[\]-]+\}", f"jsonpath='{_SINGLE_TEMPLATE}'")
_WAIT = rf"({word(_WAIT_BARE)}|({'|'.join(_WAIT_TEMPLATES)}){_RESULT}|'jsonpath={_SINGLE_TEMPLATE}{_RESULT}')"
_RULE = rf"{leaf('host')}?/?[A-Za-z0-9_./-]*\*?={leaf('name')}:{leaf('port')}(,tls(={leaf('name')})?)?"


def types(plurals: tuple[str, ...] = ()) -> str:
    """Return the mark of a terminal: the names of these resource types, or of all."""
    return f"\ue000TYPES_{_type_sets().index(plurals)}\ue001"


def types_lark() -> str:
    """Return the definitions of all the terminals that `types` refers to."""
    return "".join(f"TYPES_{number}: {terminal(_types(plurals))}\n" for number, plurals in enumerate(_type_sets()))


@cache
def _type_sets() -> tuple[tuple[str, ...], ...]:
    return ((), *dict.fromkeys(shape.types for shape in SHAPES.values() if shape.types))


def _types(plurals: tuple[str, ...]) -> str:
    """Return the names of resource types that kubectl knows, or of these; a custom one must name a group with a dot."""
    found = [resource for resource in reference().resources if not plurals or resource.plural in plurals]
    custom = () if plurals else (_CUSTOM,)
    return "(" + "|".join((*dict.fromkeys(map(_names, found)), *custom)) + ")"


def _names(resource: Resource) -> str:
    """Return the pattern of all names of a resource: plural, kind, short names, each with its group and version or without."""
    kind, plural = resource.kind.lower(), resource.plural
    names = [f"{kind}s?"] if plural == f"{kind}s" else [plural] if plural == kind else [plural, kind]
    group = rf"(\.(({'|'.join(resource.versions)})\.)?{literal(resource.group)})?" if resource.group else ""
    return f"({'|'.join((*names, resource.kind, *resource.short))}){group}"


def value(command: str, flag: Flag) -> str:
    """Return the pattern of the value of a flag: its allowed values, its form, its meaning or its type."""
    if flag.allowed:
        return word(listed(choice(flag.allowed)) if flag.splits else choice(flag.allowed))
    if (command, flag.name) == ("set env", "env"):
        return rf"(-|{VARIABLE})"  # from the standard input: cmd/set/set_env.go
    form = forms.FORMS.get((command, flag.name)) or forms.FORMS.get(("", flag.name))
    if form is not None:
        return _forms()[form]
    named = _NAMED.get(f"{command} {flag.name}") or _NAMED.get(flag.name)
    if named is not None and flag.type in ("string", "strings", "stringToString"):
        return named
    if flag.type in ("int", "int32"):
        return _integer(command, flag)
    return {"duration": DURATION, "stringToString": PAIRS}.get(flag.type, TEXT)


def outputs(flag: Flag) -> dict[str, str]:
    """Return the patterns of --output by what they ask of other flags: plain, wide, template, bare (the template stands apart)."""
    plain = [value for value in flag.allowed if value in ("json", "yaml", "kyaml", "name")]
    ways = {"plain": word(choice(plain))} | ({"wide": word(choice(["wide"]))} if "wide" in flag.allowed else {})
    if "jsonpath" not in flag.allowed:
        return ways
    json = r"jsonpath(-as-json)?="
    templates = [rf"{json}({_BARE_TEMPLATE}|'{_SINGLE_TEMPLATE}'|\"{_DOUBLE_TEMPLATE}\")", rf"'{json}{_SINGLE_TEMPLATE}'"]
    templates += [rf"\"{json}{_DOUBLE_TEMPLATE}\"", rf"go-template=({_GO_BARE}|'{_GO_SINGLE}')"]
    files = "jsonpath-file|go-template-file" + ("|custom-columns-file" if "custom-columns" in flag.allowed else "")
    templates.append(rf"({files})={leaf('path')}")
    if "custom-columns" in flag.allowed:
        columns = listed(_COLUMN)
        templates += [rf"custom-columns=({columns}|'{columns}'|\"{columns}\")", rf"'custom-columns={columns}'"]
    return {**ways, "template": "(" + "|".join(templates) + ")", "bare": "(template|go-template)"}


@cache
def _forms() -> Mapping[forms.Form, str]:
    """Return the pattern for each function of forms.py: what it judges right, as far as people write it."""
    port, kinds = leaf("port"), types()
    return {
        forms.address: word(listed(rf"(localhost|{_ADDRESS}|::1?)")),
        forms.allowlist: word(r"[a-z0-9.-]+/v[0-9][a-z0-9]*/[A-Z][A-Za-z]+"),
        forms.backend: word(rf"{leaf('name')}:{port}"),
        forms.budget: rf"{COUNT}%?",
        forms.condition: _WAIT,
        forms.cron_job: word(rf"(cronjobs?|cj)/{blank('name')}"),
        forms.environment: VARIABLE,
        forms.environment_source: word(rf"(secret|configmap|cm)/{blank('name')}"),
        forms.free_port: rf"(0|{PORT})",
        forms.image: word(blank("image")),
        forms.ingress_rule: word(_RULE),
        forms.labels: PAIRS,
        forms.literal: _LITERAL,
        forms.literal_or_removed: rf"({_LITERAL}|{leaf('key')}-)",
        forms.non_resource_url: word(r"(\*|/[A-Za-z0-9_./-]*\*?)"),
        forms.object_name: rf"{kinds}/{blank('name')}",
        forms.option: _LITERAL,
        forms.port: rf"({PORT})",
        forms.port_or_name: word(port),
        forms.ports: listed(rf"({PORT})"),
        forms.quota: word(listed(rf"{_QUOTA_NAMES}={QUANTITY}")),
        forms.rule_resource: listed(rf"(\*|{kinds}(/(status|scale|log|exec|portforward|eviction|finalizers))?)"),
        forms.service_account: word(rf"{leaf('namespace')}:{leaf('name')}"),
        forms.tcp: rf"({PORT})(:{port})?",
        forms.time: _TIME,
        forms.timeout: rf"({COUNT}|{DURATION})",
        forms.url_path: URL,
        forms.utilisation: rf"({COUNT}%|{QUANTITY})",
    }


_PATHS = (
    "cache-dir cert certificate-authority client-certificate client-key filename from-env-file key kubeconfig kuberc kustomize "
    "output-directory patch-file"
).split()
# The pattern by a flag's name, or by a command and a flag.
_NAMED: dict[str, str] = {
    **dict.fromkeys("as-uid bound-object-name class cluster container context copy-to name network-name target".split(), OBJECT),
    **dict.fromkeys(_PATHS, PATH),
    **dict.fromkeys(("clusterrole", "role"), word(leaf("role"))),
    **dict.fromkeys(("as", "group", "user"), word(leaf("user"))),
    "bound-object-uid": word(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "debug set-image": word(listed(rf"({leaf('name')}|\*)={leaf('image')}")),
    "external-name": word(leaf("host")),
    "field-selector": word(listed(r"[a-z][A-Za-z.]*(==?|!=)[A-Za-z0-9_.-]+")),
    "from-file": word(rf"({leaf('key')}=)?{leaf('path')}"),
    "label-columns": word(listed(leaf("key"))),
    "namespace": word(blank("namespace")),
    "namespaces": word(listed(leaf("namespace"))),
    "overrides": rf"'\{{{leaf('json')}\}}'",
    "resource-name": word(listed(leaf("name"))),
    "schedule": rf"(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|'{_CRON}'|\"{_CRON}\")",
    "scopes": word(listed(choice(_SCOPES))),
    "selector": SELECTOR,
    "subresource": word(choice(_SUBRESOURCES)),
    "verb": word(listed(choice(("*", *_VERBS)))),
    "verbs": word(listed(choice(_VERBS))),
}


def _integer(command: str, flag: Flag) -> str:
    least = RANGES.get((command, flag.name))
    if least is None:
        return SIGNED if flag.name in ("grace-period", "value") else COUNT
    return {1: POSITIVE, 0: COUNT}.get(least.least, rf"(-1|{COUNT})")
