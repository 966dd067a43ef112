"""An API server's answer to a dry run as a result: accepted, refused with its findings, or nothing that one could know from it.

What the messages look like: k8s.io/apimachinery pkg/api/errors; k8s.io/apiserver pkg/endpoints/handlers (strict decoding),
pkg/admission/plugin/webhook/errors, plugin/pkg/admission (what a plugin finds missing). A refusal is about the object; that a
namespace is not there yet, a right is missing or a webhook cannot be reached is about the cluster, and a SKIP.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from kubestill.domains.kubernetes.cluster.connection import CannotAsk, Reply, one_line
from kubestill.domains.kubernetes.cluster.places import applied, decoded, strict, validated
from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.schema import MAX_FINDINGS
from kubestill.domains.kubernetes.subject import rows, table
from kubestill.tools.checks.api import Finding, Result, Tier
from kubestill.tools.checks.run import judged, passed, skipped

REFUSED, NOT_SERVED, WARNED = "K8S301", "K8S302", "K8S303"  # the first one is also what the result of the tier goes by
ELSEWHERE = "K8S304"  # which placing.py finds without a cluster
CLUSTER_CODES = {
    REFUSED: "The cluster's API server refuses the object in a dry run.",
    NOT_SERVED: "The cluster serves no such kind, or lets nobody create one.",
    WARNED: "The cluster's API server takes the object and warns of something.",
    ELSEWHERE: "The object names another namespace than it is meant for, so that kubectl apply --namespace refuses it.",
}
_REMEDIES = {
    REFUSED: "Change what the server or the webhook named objects to.",
    NOT_SERVED: "Use an apiVersion that the cluster serves (kubectl api-resources), or install first what defines the kind.",
    WARNED: "Do as the server advises.",
}
_JUDGEMENTS = frozenset({400, 403, 404, 405, 409, 413, 422})  # statuses that can be about the object; the others never are

MAX_MESSAGE = 2**14  # characters that are searched for faults: some 200 unknown fields

_DENIED = re.compile(r'^admission webhook "([^"]*)" denied the request')
_ANSWERLESS = (
    (re.compile(r'admission webhook "([^"]*)" does not support dry run'), "the admission webhook {} takes part in no dry run"),
    (re.compile(r'failed calling webhook "([^"]*)"'), "the admission webhook {} could not be asked"),
)
_RIGHT = re.compile(r'[Uu]ser "([^"]*)" cannot (\S+)(?: resource "([^"]*)" in API group "([^"]*)")?(?: in the namespace "([^"]*)")?')
_GRANT = re.compile(r'user "([^"]*)" \(groups=\[[^\]]*\]\) is attempting to grant RBAC permissions not currently held')
_LACKING = (
    (re.compile(r"no PriorityClass with name (\S+) was found"), "PriorityClass"),
    (re.compile(r'RuntimeClass "([^"]*)" not found'), "RuntimeClass"),
    (re.compile(r'error looking up service account \S+: serviceaccount "([^"]*)" not found'), "ServiceAccount"),
)
_ENDING = re.compile(r"in namespace (\S+) because it is being terminated")

_SUBJECT = re.compile(r'^(\w+ in version "[^"]*" cannot be handled as a \w+|[\w.-]+ "[^"]*" is (invalid|forbidden)): ')
_STRICT = re.compile(r'(unknown|duplicate) field ("(?:[^"\\]|\\.)*")')
_UNMARSHAL = re.compile(r"cannot unmarshal (\w+)(?: \S+)? into Go struct field \w+\.(\S+) of type \S+")
_UNTYPED = re.compile(r"^failed to create (?:typed patch|manager for existing fields|typed)[^:]*: ")
_UNTYPED_FAULT = re.compile(r"((?:\.[^\s:.\[]+|\[[^\]]*\])+): (.+)")
_WARNED_PATH = re.compile(r"^([a-z][\w$-]*(?:\.[\w$-]+|\[[^\]]*\])+): (.+)$")


def result(reply: Reply, manifest: Manifest) -> Result:
    """Return what a server's answer to POST or PATCH says of a manifest.

    Raises:
        CannotAsk: the answer says nothing of the object, or is none of an API server.
    """
    if reply.status in (200, 201):
        if table(reply.value).get("kind") != manifest.object.get("kind"):
            raise CannotAsk(f"answered {reply.status} without the object: {reply.message}")
        return verdict([], reply.warnings, manifest)
    status = table(reply.value)
    if status.get("kind") != "Status":
        raise CannotAsk(f"answered {reply.status}, and not as an API server: {reply.message}")
    message = str(status.get("message") or status.get("reason") or "")[:MAX_MESSAGE]
    if reason := _unknown(reply.status, message, table(status.get("details"))):
        return skipped(REFUSED, Tier.CLUSTER, one_line(reason))
    code = NOT_SERVED if reply.status in (404, 405) else REFUSED
    faults = islice(dict.fromkeys(_faults(status, message, manifest.object)), MAX_FINDINGS)
    return verdict([finding(code, path, text, manifest) for path, text in faults], reply.warnings, manifest)


def verdict(findings: Sequence[Finding], warnings: Sequence[str], manifest: Manifest) -> Result:
    """Return the result of the tier: findings of the object, and a finding for each warning of the server."""
    told = [finding(WARNED, *_warning(text, manifest.object), manifest) for text in dict.fromkeys(warnings)]
    found = [*findings, *told]
    return judged(REFUSED, Tier.CLUSTER, found) if found else passed(REFUSED, Tier.CLUSTER)


def finding(code: str, path: str, message: str, manifest: Manifest) -> Finding:
    """Return a finding in its place in the text."""
    severity = "warning" if code == WARNED else "error"
    return Finding(code, path, one_line(message), Tier.CLUSTER, *manifest.place(path), severity, _REMEDIES[code])


def _unknown(status: int, message: str, details: Mapping[str, Any]) -> str:
    """Return why an answer leaves open whether the object is good, or an empty string where it is a judgement."""
    if _DENIED.search(message) or _UNTYPED.search(message):
        return ""
    for pattern, told in _ANSWERLESS:
        if match := pattern.search(message):
            return f"{told.format(match[1])}: {message}"
    if status == 401:
        return f"the credentials are no longer taken: {message}"
    if status == 403:
        return _missing_right(message) or _lacking(message)
    if status == 404 and details.get("name"):
        kind, name = details.get("kind"), details["name"]
        if kind == "namespaces":
            return f'the namespace "{name}" does not exist in the cluster (yet): nothing can be tried in it'
        return f'the cluster has no {kind} "{name}" (yet), which the object needs'
    return "" if status in _JUDGEMENTS else f"answered {status}: {message}"


def _missing_right(message: str) -> str:
    """Return which right the user lacks, or an empty string where something else is forbidden."""
    if match := _GRANT.search(message):
        return f"the user {match[1]} may not grant rights that it does not hold: {message}"
    if not (match := _RIGHT.search(message)):
        return ""
    user, verb, resource, group, namespace = match.groups()
    what = f"{resource}{'.' if group else ''}{group}" if resource else message.partition(f" {verb} ")[2]
    return f"missing right: the user {user} may not {verb} {what} {f'in the namespace {namespace}' if namespace else 'in the cluster'}"


def _lacking(message: str) -> str:
    """Return what an admission plugin did not find in the cluster, or an empty string."""
    for pattern, kind in _LACKING:
        if match := pattern.search(message):
            return f'the cluster has no {kind} "{match[1]}" (yet), which the object needs'
    return f"the namespace {match[1]} is being deleted" if (match := _ENDING.search(message)) else ""


def _faults(status: Mapping[str, Any], message: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield field path and message of all that a Status objects to, as precisely as it tells them."""
    webhook = match[0] + ": " if (match := _DENIED.search(message)) else ""
    causes = [one for one in rows(table(status.get("details")).get("causes")) if one.get("field")]
    if causes:
        yield from ((validated(str(one["field"])), webhook + str(one.get("message") or one.get("reason") or "")) for one in causes)
        return
    if not webhook and (found := list(_worded(message, value))):
        yield from found
        return
    yield "", _SUBJECT.sub("", message)


def _worded(message: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the faults that a message spells out because its Status has no causes: those of decoding."""
    if "strict decoding error" in message:
        for what, quoted in _STRICT.findall(message):
            name = _unquoted(quoted)
            yield strict(name, value), f"{what} field {name!r}"
    elif match := _UNMARSHAL.search(message):
        yield decoded(match[2], match[1], value), match[0]
    elif _UNTYPED.search(message):
        matches = (_UNTYPED_FAULT.match(line.strip()) for line in _UNTYPED.sub("", message).splitlines())
        yield from ((applied(match[1], value), match[2]) for match in matches if match)


def _unquoted(text: str) -> str:
    """Return what Go has quoted (%q)."""
    try:
        return str(json.loads(text))
    except ValueError:  # Go's escapes \x and \a are none of JSON
        return text[1:-1]


def _warning(text: str, value: Mapping[str, Any]) -> tuple[str, str]:
    """Return field path and message of a warning; it starts with a path where it is about a field."""
    match = _WARNED_PATH.match(text)
    if match and re.split(r"[.\[]", match[1])[0] in value:
        return validated(match[1]), match[2]
    return "", text
