"""What the kubectl plugin knows of its surroundings: the namespace as kubectl sees it, and the schemas that a context's cluster has."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.settings import read_settings
from kubestill.pipeline.linting import CLUSTERS, Asked, Lint
from kubestill.pipeline.looking import explain as explain_check
from kubestill.pipeline.models import Model
from kubestill.pipeline.serving import ask_model
from kubestill.pipeline.table import DOMAINS, KEPT, PULL, PULLED
from kubestill.serving.answer import Answer
from kubestill.serving.api import Inquiry

DEFAULT = "default"  # the namespace that manifests leave out
ANSWER_SECONDS = 10  # of kubectl, which only reads files here
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_CODE = re.compile(r"k8s\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """What kubectl's own flags say: a namespace, a context ("": the current one) and a kubeconfig (None: the usual one)."""

    namespace: str = ""
    context: str = ""
    kubeconfig: Path | None = None

    def __post_init__(self) -> None:
        """Look at the namespace.

        Raises:
            UserError: it is no name.
        """
        if self.namespace and not _NAMESPACE.fullmatch(self.namespace):
            raise UserError("--namespace", f"{self.namespace!r} is no name of a namespace", "give one such as team-a")

    @property
    def is_said(self) -> bool:
        """Say whether a cluster was named, rather than being the one that is current."""
        return bool(self.context or self.kubeconfig)


@dataclass(frozen=True)
class Placed:
    """An answer and its text for the namespace and the context; `remarks` say what was put in, and what was not."""

    answer: Answer
    text: str
    remarks: tuple[str, ...]
    passed: bool


def ask_for(target: Target, model: Model, inquiry: Inquiry) -> Placed:
    """Return an answer that says the namespace it is for, where its kind has one, and the context, where it is a command.

    Raises:
        UserError: see `ask_model` and `namespace_of`; the answer names another namespace than was given.
        Unavailable: the engine's packages are not installed.
    """
    namespace = namespace_of(target)
    answer = ask_model(model, inquiry)
    domain, text = DOMAINS.load("kubernetes")(), answer.reply.text
    placed = domain.place(text, "" if namespace == DEFAULT and not target.namespace else namespace, target.context)
    if placed.others and target.namespace:
        raise UserError("--namespace", f"found {namespace}, but the request names another ({placed.others[0]})", "leave one of them out")
    remarks = [f"namespace: {namespace}{'' if target.namespace else ', the one that is current'}"] if placed.put else []
    remarks += [f"kept its own namespace: {one}" for one in placed.others]
    faults = [fault for fault in _faults(domain, placed.text) if fault not in _faults(domain, text)] if placed.put else []
    return Placed(answer, placed.text, (*remarks, *faults), answer.verdict.passed and not faults)


def namespace_of(target: Target) -> str:
    """Return the namespace that is given, or that of the context as kubectl knows it; "" where there is no context.

    Raises:
        UserError: the kubeconfig or context that was named cannot be used.
        Unavailable: a context was named, and there is no kubectl that knows it.
    """
    if target.namespace:
        return target.namespace
    program = shutil.which("kubectl")
    if program is None:
        if target.is_said:
            raise Unavailable("kubectl is not on the PATH, and it alone knows the context's namespace", "kubectl version --client")
        return ""
    return _current(program, target)


def _current(program: str, target: Target) -> str:
    flags = [f"--context={target.context}"] * bool(target.context) + [f"--kubeconfig={target.kubeconfig}"] * bool(target.kubeconfig)
    command = [program, "config", "view", "--minify", "--output=json", *flags]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
        contexts = json.loads(done.stdout)["contexts"] if done.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError) as error:
        raise UserError("kubectl config view", f"gives nothing that can be read ({error})", "give the namespace: -n NAME") from error
    if done.returncode and target.is_said:
        raise UserError("kubectl config view", " ".join(done.stderr.split()), "see kubectl config get-contexts")
    return str(contexts[0]["context"].get("namespace") or DEFAULT) if contexts else ""


def schemas_of(target: Target) -> tuple[str, str]:
    """Return by which name the schemas of the target's cluster are kept, and what people should know of it.

    Those of a cluster that was named are fetched where they are not kept yet; of the current one, what is kept is used.

    Raises:
        UserError: the kubeconfig or context cannot be used, or the cluster does not answer.
        Unavailable: a cluster was named, and the package kubernetes is not installed.
    """
    folder = read_settings().cache / CLUSTERS
    name = KEPT.load("kubernetes")(target.kubeconfig, target.context, folder) if target.is_said else _kept(target, folder)
    if target.is_said and not name:
        name = PULL.load("kubernetes")(target.kubeconfig, target.context, folder).name
    if not name:
        return "", ""
    version, definitions, *_ = PULLED.load("kubernetes")(folder, name)
    return name, f"by the schemas of {name}: Kubernetes {version}, {len(definitions)} definitions of custom resources"


def version_of(target: Target) -> str:
    """Return the version of the target's cluster where its schemas are kept, else ""; nothing is asked of it."""
    folder = read_settings().cache / CLUSTERS
    name = _kept(target, folder)
    return str(PULLED.load("kubernetes")(folder, name)[0]) if name else ""


def _kept(target: Target, folder: Path) -> str:
    """Return by which name the schemas are kept; "" where none are, nobody could tell, or there is no context."""
    if find_spec("kubernetes") is None or not any(folder.glob("*")):  # else a kubeconfig would be read for nothing, which may log in
        return ""
    try:
        return str(KEPT.load("kubernetes")(target.kubeconfig, target.context, folder))
    except UserError:
        return ""


def explain_for(name: str, version: str, schemas: str) -> Mapping[str, Any]:
    """Return what a kind, a field or a check is, as `Service.explain` does, by the schemas of a cluster ("": the published ones).

    Raises:
        UserError: there is none of that name, or no such version.
    """
    if _CODE.fullmatch(name.strip()):
        told = explain_check(name.strip())
        return {"path": told["code"], "type": "check", "description": told["looks_for"], "check": told}
    found: Mapping[str, Any] = Lint(Asked(version, schemas=schemas)).domain.explain(name)
    return found


def _faults(domain: Any, text: str) -> list[str]:
    found = (finding for one in domain.check_text(text, "") for finding in one.verdict.findings)
    return [f"{one.code} {one.path}: {one.message}" for one in found if one.severity == "error"]
