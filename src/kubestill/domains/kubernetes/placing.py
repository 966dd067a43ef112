"""An answer put into a namespace, and a command at a cluster: where the text does not say so itself, and where it makes a difference."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from kubestill.domains.kubernetes.documents import segments
from kubestill.domains.kubernetes.fixes.rewriting import rewrite
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.domains.kubernetes.kubectl.resources import resolve
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.schema import split_api_version
from kubestill.tools.checks.api import Finding, Tier

# Besides those that name objects, all commands but these work within a namespace.
_ANYWHERE = frozenset(
    "alpha api-resources api-versions certificate cluster-info completion config explain help kuberc kustomize options plugin proxy"
    " version".split()
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A text with its namespace. `put`: it did not say it before. `others`: objects that say another one, as `Deployment/web: shop`."""

    text: str
    put: bool = False
    others: tuple[str, ...] = ()


def place(text: str, namespace: str = "", context: str = "") -> Placed:
    """Return manifests or commands with a namespace ("": as they are), commands also with a context of a kubeconfig.

    What says a namespace keeps it. Objects that live in no namespace, custom ones, and texts that are neither stay as they are.
    """
    if text.lstrip().startswith("kubectl"):
        return _command(text, namespace, context)
    if not namespace:
        return Placed(text)
    parts, others, end = list[str](), list[str](), 0
    for _, segment in segments(text.encode("utf-8", "surrogatepass"), 0):
        document = segment.decode("utf-8", "surrogatepass")
        start = text.index(document, end)
        parts += [text[end:start], _document(document, namespace, others)]
        end = start + len(document)
    placed = "".join((*parts, text[end:]))
    return Placed(placed, placed != text, tuple(others))


def judge_places(manifests: Sequence[Manifest], namespace: str) -> list[tuple[int, Finding]]:
    """Return which objects are meant for another namespace, as kubectl apply --namespace tells it, with the index of each."""
    found = []
    for index, manifest in enumerate(manifests):
        metadata = manifest.object.get("metadata")
        said = metadata.get("namespace") if isinstance(metadata, dict) else None
        if isinstance(said, str) and said not in ("", namespace):
            told = f"found {said!r}, but the objects are for the namespace {namespace!r}"
            remedy = "Leave the namespace out of the object, or give its own (--namespace)."
            place = manifest.place("metadata.namespace")
            found.append((index, Finding("K8S304", "metadata.namespace", told, Tier.CLUSTER, *place, remedy=remedy)))
    return found


def is_namespaced(api_version: str, kind: str) -> bool:
    """Say whether objects of a built-in kind live in a namespace; of custom kinds nobody can tell from here."""
    group = split_api_version(api_version)[0]
    return any(one.kind == kind and one.group == group and one.namespaced for one in reference().resources)


def _document(text: str, namespace: str, others: list[str]) -> str:
    for number in range(len(read(text).manifests)):
        manifest = read(text).manifests[number]
        api_version, kind, metadata = (manifest.object.get(key) for key in ("apiVersion", "kind", "metadata"))
        if not isinstance(metadata, dict) or not is_namespaced(str(api_version), str(kind)):
            continue
        said = metadata.get("namespace")
        if said is None:
            text = rewrite(text, manifest.object, {**manifest.object, "metadata": {**metadata, "namespace": namespace}}).text
        elif said != namespace:
            others.append(f"{kind}/{metadata.get('name', '')}: {said}")
    return text


def _command(text: str, namespace: str, context: str) -> Placed:
    """Put the flags behind each `kubectl`, where they may always stand."""
    put, others = False, list[str]()
    for call in reversed(parse(text).calls):
        flags = f" --context {shlex.quote(context)}" if context and call.command is not None and not call.has("context") else ""
        if namespace and call.has("namespace") and call.text("namespace") != namespace:
            others.append(f"kubectl {' '.join(call.path)}: {call.text('namespace')}")
        elif namespace and not call.has("namespace", "all-namespaces") and _within_namespace(call):
            flags, put = f"{flags} -n {namespace}", True
        end = call.word.start + len(call.word.text)
        if flags and text[call.word.start : end] == call.word.text:
            text = text[:end] + flags + text[end:]
    return Placed(text, put, tuple(reversed(others)))


def _within_namespace(call: Call) -> bool:
    """Say whether a namespace makes a difference to a call."""
    if call.command is None:
        return False
    shape = SHAPES[call.command.name]
    if shape.takes != "objects":
        made = resolve(call.path[1]) if len(call.path) > 1 else None  # create namespace, top node
        return bool(call.path) and call.path[0] not in _ANYWHERE and (made is None or made.namespaced)
    if shape.default or not call.arguments:
        made = resolve(shape.default)
        return made is None or made.namespaced
    found = [resolve(one.partition("/")[0]) for one in call.arguments[0].text.split(",")]
    return any(one is None or one.namespaced for one in found)
