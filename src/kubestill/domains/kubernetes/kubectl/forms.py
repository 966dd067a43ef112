"""How the parts of arguments and flag values are written; each function returns what is wrong with a text, or "".

Sources: the file in k8s.io/kubectl/pkg/cmd that reads the flag, named beside each; apimachinery for names, labels and quantities.
"""

import re
from collections.abc import Callable

from kubestill.domains.kubernetes.checks.formats import label_value, qualified_name
from kubestill.domains.kubernetes.kubectl.fault import shown
from kubestill.domains.kubernetes.kubectl.resources import judge
from kubestill.domains.kubernetes.kubectl.values import parse_duration, parse_int
from kubestill.domains.kubernetes.quantities import parse_quantity

Form = Callable[[str], str]

MAX_PORT = 65535
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_PERCENT = re.compile(r"[0-9]+%", re.ASCII)
_INGRESS_RULE = re.compile(r"[^=]*/?[^=]*=[^:=]+:[^,:=]+(,tls(=[^,=]+)?)?")  # cmd/create/create_ingress.go ruleRegex
_ENVIRONMENT = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*", re.ASCII)  # apimachinery IsEnvVarName
# distribution/reference ReferenceRegexp: domain, path of lower-case parts, tag, digest.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*(?::[\w][\w.-]{{0,127}})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}})?",
    re.ASCII,
)
_KUBECONFIG = frozenset({"apiVersion", "clusters", "contexts", "current-context", "extensions", "kind", "preferences", "users"})
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_LONGEST_IMAGE = 512  # characters; a longer reference names no image, and the pattern would be slow on it


def image(text: str) -> str:
    """An image reference: cmd/run/run.go, cmd/set/set_image.go."""
    return "" if len(text) <= _LONGEST_IMAGE and _IMAGE.fullmatch(text) else "is no image reference (lower-case name, :tag, @digest)"


def literal(text: str) -> str:
    """KEY=VALUE of --from-literal: pkg/util ParseLiteralSource."""
    return "" if text.partition("=")[0] and "=" in text else "is no key=value"


def environment(text: str) -> str:
    """NAME=value of --env: cmd/run/run.go, cmd/set/env."""
    name, equals, _ = text.partition("=")
    return "" if equals and _ENVIRONMENT.fullmatch(name) else "is no NAME=value"


def environment_name(text: str) -> str:
    """The name of an environment variable."""
    return "" if _ENVIRONMENT.fullmatch(text) else "is no name of an environment variable"


def labels(text: str) -> str:
    """KEY=VALUE,... of --labels: cmd/run/run.go ParseLabels."""
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        fault = ("is no key=value" if not equals else "") or qualified_name(key) or label_value(value)
        if fault:
            return f"has {shown(pair)}, which {fault}" if pair != text else fault
    return ""


def service_account(text: str) -> str:
    """NAMESPACE:NAME: cmd/create/create_rolebinding.go, cmd/set/set_subject.go."""
    parts = text.split(":")
    return "" if len(parts) == 2 and all(parts) else "is no namespace:name"


def ingress_rule(text: str) -> str:
    """HOST/PATH=SERVICE:PORT[,tls[=SECRET]]: cmd/create/create_ingress.go."""
    return "" if _INGRESS_RULE.fullmatch(text) else "is no host/path=service:port[,tls[=secret]]"


def backend(text: str) -> str:
    """SERVICE:PORT: cmd/create/create_ingress.go."""
    name, _, port = text.partition(":")
    return "" if name and port and ":" not in port else "is no service:port"


def port(text: str) -> str:
    """A port number: cmd/run, cmd/expose."""
    return "" if _NUMBER.fullmatch(text) and 0 < int(text) <= MAX_PORT else "is no port (1 to 65535)"


def ports(text: str) -> str:
    """Port numbers of --port with commas between: cmd/expose/expose.go."""
    return next((fault for part in text.split(",") if (fault := port(part))), "")


def port_or_name(text: str) -> str:
    """A port by number or name: --target-port."""
    return port(text) if _NUMBER.fullmatch(text) else ""


def tcp(text: str) -> str:
    """PORT[:TARGET] of --tcp: cmd/create/create_service.go parsePorts."""
    first, colon, target = text.partition(":")
    return port(first) or (port_or_name(target) if colon and target else "is no port:targetPort" if colon else "")


def forward(text: str) -> str:
    """[LOCAL:]REMOTE of port-forward: client-go portforward parsePorts, cmd/portforward translateServicePortToTargetPort."""
    local, colon, remote = text.partition(":")
    if not colon:
        local, remote = "", text
    if local and not (_NUMBER.fullmatch(local) and int(local) <= MAX_PORT):
        return "has a local port that is no number from 0 to 65535"
    if not remote or ":" in remote or "," in remote:
        return "is no [LOCAL:]REMOTE pair of ports"
    return "has a remote port above 65535" if port_or_name(remote) else ""


def forward_number(text: str) -> bool:
    """Return whether a pair of ports has a number: a word without one may be a name."""
    return any(_NUMBER.fullmatch(part) for part in text.split(":"))


def quota(text: str) -> str:
    """RESOURCE=QUANTITY,... of --hard, --limits and --requests: cmd/create/create_quota.go, cmd/set/set_resources.go."""
    for pair in text.split(","):
        name, equals, amount = pair.partition("=")
        if not equals or not name:
            return f"has {shown(pair)}, which is no resource=quantity"
        if parse_quantity(amount) is None:
            return f"has the amount {shown(amount)}, which is no quantity such as 500m or 128Mi"
    return ""


def budget(text: str) -> str:
    """A number or a percentage: cmd/create/create_pdb.go."""
    return "" if _NUMBER.fullmatch(text) or _PERCENT.fullmatch(text) else "is neither a number nor a percentage"


def utilisation(text: str) -> str:
    """A percentage or a quantity: cmd/autoscale/autoscale.go parseResourceInput."""
    return "" if _PERCENT.fullmatch(text) or parse_quantity(text) is not None else "is neither a percentage nor a quantity"


def non_resource_url(text: str) -> str:
    """A path, or `*`: cmd/create/create_clusterrole.go."""
    return "" if text == "*" or (text.startswith("/") and "*" not in text[:-1]) else "is no path that starts with /"


def cron_job(text: str) -> str:
    """CRONJOB/NAME of --from: cmd/create/create_job.go."""
    kind, slash, name = text.partition("/")
    known = kind.partition(".")[0].lower() in ("cronjob", "cronjobs", "cj")
    return "" if slash and name and known else "is no cronjob/name"


def environment_source(text: str) -> str:
    """A secret or configmap of --from: cmd/set/set_env.go."""
    kind, slash, name = text.partition("/")
    known = kind.lower() in ("secret", "secrets", "configmap", "configmaps", "cm")
    return "" if slash and name and known else "is no secret/name or configmap/name"


def rule_resource(text: str) -> str:
    """RESOURCE[.GROUP][/SUBRESOURCE] of --resource: cmd/create/create_role.go."""
    fault = None if text == "*" else judge(text.partition("/")[0], 0, "")
    return fault.message.removeprefix(repr(text.partition("/")[0])).strip() if fault and fault.severity == "error" else ""


def condition(text: str) -> str:
    """create, delete, condition=NAME[=VALUE] or jsonpath=EXPRESSION[=VALUE] of wait --for: cmd/wait/wait.go conditionFuncFor."""
    name, equals, rest = text.partition("=")
    if name.lower() in ("create", "delete"):
        return "" if not equals else f"gives {name} a value"
    if name.lower() == "condition":
        return "" if rest.strip("=") else "names no condition"
    if name.lower() == "jsonpath":
        return json_path(rest) if rest.strip() else "has no expression"
    return "is none of create, delete, condition=NAME and jsonpath='{.path}'=VALUE"


def json_path(text: str) -> str:
    """A template of client-go's jsonpath: braces close, but for those within quotes."""
    depth = 0
    for brace in re.findall(r"[{}]", _QUOTED.sub("", text)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    return "has a brace that is not closed" if depth > 0 else "has a brace that is not open" if depth else ""


def columns(text: str) -> str:
    """HEADER:PATH,... of custom-columns: cmd/get/customcolumn.go."""
    parts = text.split(",")
    wrong = next((part for part in parts if ":" not in part), None)
    return "" if wrong is None else f"has {shown(wrong)}, which is no HEADER:PATH"


def time(text: str) -> str:
    """A date and time of RFC 3339: apimachinery ParseRFC3339."""
    return "" if _TIME.fullmatch(text) else "is no time such as 2026-01-31T12:00:00Z"


def allowlist(text: str) -> str:
    """GROUP/VERSION/KIND of --prune-allowlist: cmd/apply/prune.go."""
    return "" if text.count("/") == 2 and all(text.split("/")[1:]) else "is no group/version/kind"


def url_path(text: str) -> str:
    """The path of --raw: net/url ParseRequestURI."""
    return "" if text.startswith(("/", "http://", "https://")) else "is no path that starts with /"


def free_port(text: str) -> str:
    """A port to listen on; 0 lets the system choose."""
    return "" if parse_int(text) == 0 else port(text)


def object_name(text: str) -> str:
    """TYPE/NAME of events --for: cmd/events/events.go."""
    kind, slash, name = text.partition("/")
    return "" if slash and kind and name and "/" not in name else "is no TYPE/NAME"


def timeout(text: str) -> str:
    """Seconds, or a duration: cli-runtime config_flags.go, client-go clientcmd ParseTimeout."""
    return "" if _NUMBER.fullmatch(text) or parse_duration(text) is not None else "is neither seconds nor a duration"


def address(text: str) -> str:
    """localhost or an IP address of port-forward --address: client-go portforward parseAddresses."""
    return (
        ""
        if text == "localhost" or re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.%a-z]*:[0-9a-fA-F:.%a-z]*", text)
        else "is neither localhost nor an IP address"
    )


def literal_or_removed(text: str) -> str:
    """KEY=VALUE, or KEY- to remove it: cmd/config/create_authinfo.go."""
    return literal(text) if not text.endswith("-") or "=" in text else ""


def property_name(text: str) -> str:
    """A path into a kubeconfig: cmd/config/navigation_step_parser.go."""
    first = text.partition(".")[0]
    return "" if first in _KUBECONFIG else f"begins with none of {', '.join(sorted(_KUBECONFIG))}"


def option(text: str) -> str:
    """flag=value of kuberc set --option: cmd/kuberc/set.go."""
    return "" if "=" in text else "is no flag=value"


# (command, flag) → how its value is written; ("", flag) holds for every command that has the flag. A list is checked one by one.
FORMS: dict[tuple[str, str], Form] = {
    ("", "raw"): url_path,
    ("", "request-timeout"): timeout,
    ("apply", "prune-allowlist"): allowlist,
    ("autoscale", "cpu"): utilisation,
    ("autoscale", "memory"): utilisation,
    ("config set-credentials", "auth-provider-arg"): literal_or_removed,
    ("config set-credentials", "exec-env"): literal_or_removed,
    ("create clusterrole", "non-resource-url"): non_resource_url,
    ("create clusterrole", "resource"): rule_resource,
    ("create clusterrolebinding", "serviceaccount"): service_account,
    ("create configmap", "from-literal"): literal,
    ("create cronjob", "image"): image,
    ("create deployment", "image"): image,
    ("create ingress", "annotation"): literal,
    ("create ingress", "default-backend"): backend,
    ("create ingress", "rule"): ingress_rule,
    ("create job", "from"): cron_job,
    ("create job", "image"): image,
    ("create poddisruptionbudget", "max-unavailable"): budget,
    ("create poddisruptionbudget", "min-available"): budget,
    ("create quota", "hard"): quota,
    ("create role", "resource"): rule_resource,
    ("create rolebinding", "serviceaccount"): service_account,
    ("create secret generic", "from-literal"): literal,
    ("create service clusterip", "tcp"): tcp,
    ("create service externalname", "tcp"): tcp,
    ("create service loadbalancer", "tcp"): tcp,
    ("create service nodeport", "tcp"): tcp,
    ("debug", "image"): image,
    ("events", "for"): object_name,
    ("expose", "labels"): labels,
    ("expose", "port"): ports,
    ("expose", "target-port"): port_or_name,
    ("kuberc set", "option"): option,
    ("logs", "since-time"): time,
    ("port-forward", "address"): address,
    ("proxy", "port"): free_port,
    ("run", "annotations"): literal,
    ("run", "env"): environment,
    ("run", "image"): image,
    ("run", "labels"): labels,
    ("run", "port"): port,
    ("set env", "from"): environment_source,
    ("set resources", "limits"): quota,
    ("set resources", "requests"): quota,
    ("set subject", "serviceaccount"): service_account,
    ("wait", "for"): condition,
}
