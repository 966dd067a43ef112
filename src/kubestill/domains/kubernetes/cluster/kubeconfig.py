"""Where the cluster is and as whom to ask it: a kubeconfig as kubectl reads it, or the service account of the pod we run in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kubestill.ground.errors import UserError, near
from kubestill.ground.registry import load_object

IN_CLUSTER = "in-cluster"  # the name of the context that a pod has
DEFAULT_NAMESPACE = "default"
_FILES = "kubernetes.config.kube_config"
_POD = "kubernetes.config.incluster_config"


class Access(NamedTuple):
    """How to reach a cluster: the client's configuration, the context's name, and the namespace of objects that name none."""

    configuration: Any
    context: str
    namespace: str


def read_access(kubeconfig: Path | None, context: str) -> Access:
    """Read a kubeconfig (None: $KUBECONFIG or ~/.kube/config, and in a pod its service account) for a context ("": the current one).

    Raises:
        UserError: there is no kubeconfig, it cannot be used, or it has no such context.
    """
    location = str(kubeconfig) if kubeconfig else str(load_object(f"{_FILES}:KUBE_CONFIG_DEFAULT_LOCATION"))
    if not any(Path(part).expanduser().is_file() for part in location.split(os.pathsep) if part):
        if kubeconfig is None and not context and (access := _pod_access()):
            return access
        raise UserError("kubeconfig", f"there is no file {location}", "give one with --kubeconfig, or leave the cluster out")
    with _told(location):
        merged = load_object(f"{_FILES}:KubeConfigMerger")(location).config
        contexts = {str(one["name"]): one["context"].value for one in merged["contexts"]} if merged is not None else {}
        name = context or (str(merged["current-context"]) if merged is not None and merged.safe_get("current-context") else "")
    if name not in contexts:
        found = f"has no context {name!r}" if name else "names no current context"
        known = near(name, contexts) or f"its contexts: {', '.join(contexts) or 'none'}"
        raise UserError(location, found, known if name else f"give one with --context; {known}")
    configuration = load_object("kubernetes.client:Configuration")()
    with _told(location):
        load = load_object("kubernetes.config:load_kube_config")
        load(location, context=name, client_configuration=configuration, persist_config=False)
    return Access(configuration, name, str(contexts[name].get("namespace") or DEFAULT_NAMESPACE))


def _pod_access() -> Access | None:
    """Return the access of the pod we run in, or None where we run in none."""
    configuration = load_object("kubernetes.client:Configuration")()
    try:
        load_object("kubernetes.config:load_incluster_config")(client_configuration=configuration)
        own = Path(load_object(f"{_POD}:SERVICE_TOKEN_FILENAME")).with_name("namespace")
        namespace = own.read_text("utf-8").strip() if own.is_file() else ""
    except (load_object("kubernetes.config:ConfigException"), OSError):
        return None
    return Access(configuration, IN_CLUSTER, namespace or DEFAULT_NAMESPACE)


@contextmanager
def _told(location: str) -> Iterator[None]:
    """Turn what the client raises over a file that is no proper kubeconfig into one sentence."""
    try:
        yield
    except yaml.YAMLError as error:
        raise UserError(location, "is not YAML", f"mend it: {' '.join(str(error).split())}") from error
    except (load_object("kubernetes.config:ConfigException"), OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise UserError(location, "is no kubeconfig that can be used", " ".join(str(error).split())) from error
