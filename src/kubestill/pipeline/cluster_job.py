"""A run as objects of Kubernetes: the recipe in a ConfigMap, the workspace on a claim, and a Job (or JobSet) of as many pods as wanted.

One pod runs the recipe. Of several, each is a machine of torchrun: pods of an Indexed Job have stable names behind a headless Service, and
the first one's is where all meet. A pod that fails makes its fellows fail (stages/training/distributed.py); fresh ones go on from the last
checkpoint, which lies on the claim. Kubernetes documentation: "Indexed Job for Parallel Processing", "Job with Pod-to-Pod Communication".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from kubestill.ground.errors import UserError
from kubestill.ground.fingerprint import fingerprint
from kubestill.pipeline.plan import Plan, Step
from kubestill.pipeline.recipe import Recipe

PORT = 29_500  # torchrun's own
USER = 10_001
RECIPE, WORKSPACE, SCRATCH = "/etc/kubestill", "/workspace", "/tmp"
RETRIES = 5  # a training that is cut so often has another fault than its machine
KEPT_SECONDS = 7 * 24 * 3600  # of a finished Job with its logs; the results lie on the claim
HEADROOM = 1.3  # over a forecast, which is meant to hold within 20 %
UNKNOWN_BYTES = 8 << 30  # of a stage of which nothing alike was run yet
QUANTITY = re.compile(r"[1-9]\d*(m|k|Ki|M|Mi|G|Gi|T|Ti)?")


@dataclass(frozen=True)
class Wanted:
    """What the cluster shall give. Empty amounts are forecast; `processes` are of one pod, 0: one for each GPU, or as the recipe says."""

    image: str
    nodes: int = 1
    processes: int = 0
    gpus: int = 0
    cpu: str = ""
    memory: str = ""
    storage: str = "20Gi"
    storage_class: str = ""
    namespace: str = ""
    jobset: bool = False

    def check(self) -> None:
        """Look at what is asked for.

        Raises:
            UserError: an image that names no version, or an amount that is none.
        """
        name = self.image.rpartition("/")[2]
        if "@sha256:" not in self.image and (":" not in name or name.endswith(":latest")):
            raise UserError("--image", f"{self.image!r} names no version", "give it a tag or a digest, as in registry/kubestill:0.1.0")
        for option, amount in (("--cpu", self.cpu), ("--memory", self.memory), ("--storage", self.storage)):
            if amount and not QUANTITY.fullmatch(amount):
                raise UserError(option, f"found {amount!r}", "give an amount as Kubernetes writes it, as in 4, 500m or 12Gi")

    @property
    def ranks(self) -> int:
        """Processes of torchrun in one pod; 1 where it is not needed."""
        return self.processes or self.gpus or 1


def manifest(plan: Plan, wanted: Wanted) -> str:
    """Return the objects as YAML, in the order in which they are made.

    Raises:
        UserError: see `Wanted.check`.
    """
    wanted.check()
    return yaml.dump_all(_objects(plan, wanted), Dumper=_Dumper, sort_keys=False, width=1_000)


def notes(plan: Plan, wanted: Wanted) -> list[str]:
    """Return what the person must see to: files that the recipe reads, amounts that are a guess."""
    recipe = plan.recipe
    paths = [str(source.path) for source in recipe.sources if source.path is not None]
    paths += [base for what in recipe.what.values() if "/" in (base := str(getattr(what, "base", "")))]
    told = [f"put into the image or onto the volume: {path}" for path in paths]
    if not wanted.memory and (unknown := [step.stage.name for step in plan.todo if _bytes(step) is None]):
        told.append(
            f"{_memory(plan, wanted)} of memory are partly a guess: nothing like {', '.join(unknown)} was run here yet; or give --memory"
        )
    if wanted.nodes > 1 and not wanted.storage_class:
        told.append("the default storage class must offer ReadWriteMany, since all pods write to one claim; or give --storage-class")
    return told


def _objects(plan: Plan, wanted: Wanted) -> Iterator[dict[str, Any]]:
    recipe = plan.recipe
    name = f"kubestill-{re.sub(r'[^a-z0-9-]+', '-', recipe.name)[:40].strip('-')}"
    yield _object("v1", "ConfigMap", f"{name}-{_digest(recipe)}", wanted) | {"immutable": True, "data": {"recipe.toml": recipe.text}}
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteMany" if wanted.nodes > 1 else "ReadWriteOnce"],
        "resources": {"requests": {"storage": wanted.storage}},
    }
    claim |= {"storageClassName": wanted.storage_class} if wanted.storage_class else {}
    yield _object("v1", "PersistentVolumeClaim", f"{name}-workspace", wanted) | {"spec": claim}
    pod = _pod(plan, wanted, name)
    if wanted.jobset:
        yield _jobset(wanted, name, pod)
        return
    if wanted.nodes > 1:
        pod["spec"] = {"subdomain": name, **pod["spec"]}
        yield _service(wanted, name)
    job = _object("batch/v1", "Job", name, wanted)
    yield job | {"spec": {"ttlSecondsAfterFinished": KEPT_SECONDS, **_job(wanted, pod, RETRIES * wanted.nodes)}}


def _object(api_version: str, kind: str, name: str, wanted: Wanted) -> dict[str, Any]:
    place = {"namespace": wanted.namespace} if wanted.namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **place, "labels": {"app.kubernetes.io/name": "kubestill"}}}


def _digest(recipe: Recipe) -> str:
    """Return what tells recipes apart: a ConfigMap that never changes has another name for another text."""
    return fingerprint(recipe.text)[:8]


def _service(wanted: Wanted, name: str) -> dict[str, Any]:
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,  # they meet before any is ready
        "selector": {"app.kubernetes.io/instance": name},
        "ports": [{"name": "rendezvous", "port": PORT}],
    }
    return _object("v1", "Service", name, wanted) | {"spec": spec}


def _job(wanted: Wanted, pod: Mapping[str, Any], retries: int) -> dict[str, Any]:
    rules: list[dict[str, Any]] = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]  # a drained node is no failure
    if wanted.nodes * wanted.ranks == 1:  # what the user has to mend is not tried again; torchrun says 1 for all that fails
        rules.append({"action": "FailJob", "onExitCodes": {"containerName": "run", "operator": "In", "values": [2, 3]}})
    return {
        "completionMode": "Indexed",
        "completions": wanted.nodes,
        "parallelism": wanted.nodes,
        "backoffLimit": retries,
        "podFailurePolicy": {"rules": rules},
        "template": dict(pod),
    }


def _jobset(wanted: Wanted, name: str, pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JobSet (jobset.sigs.k8s.io): when one pod fails, all are made anew together, and it makes the Service itself."""
    spec: dict[str, Any] = {
        "ttlSecondsAfterFinished": KEPT_SECONDS,
        "failurePolicy": {"maxRestarts": RETRIES},
        "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True, "subdomain": name},
        "replicatedJobs": [{"name": "run", "replicas": 1, "template": {"spec": _job(wanted, pod, 0)}}],
    }
    return _object("jobset.x-k8s.io/v1alpha2", "JobSet", name, wanted) | {"spec": spec}


def _pod(plan: Plan, wanted: Wanted, name: str) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "recipe", "configMap": {"name": f"{name}-{_digest(plan.recipe)}"}},
        {"name": "workspace", "persistentVolumeClaim": {"claimName": f"{name}-workspace"}},
        {"name": "scratch", "emptyDir": {}},
    ]
    if wanted.ranks > 1:  # NCCL and gloo hand over within a machine through it; the usual 64 MiB are too few
        volumes.append({"name": "shared", "emptyDir": {"medium": "Memory"}})
    spec = {
        "restartPolicy": "Never",  # a pod that failed stays with its log; the next one has its name
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(plan, wanted, name)],
        "volumes": volumes,
    }
    return {"metadata": {"labels": {"app.kubernetes.io/name": "kubestill", "app.kubernetes.io/instance": name}}, "spec": spec}


def _container(plan: Plan, wanted: Wanted, name: str) -> dict[str, Any]:
    amounts: dict[str, Any] = {"cpu": wanted.cpu or str(max(2, wanted.ranks)), "memory": _memory(plan, wanted)}
    devices = {"nvidia.com/gpu": wanted.gpus} if wanted.gpus else {}
    environment = {
        "KUBESTILL_WORKSPACE": WORKSPACE,
        "HOME": SCRATCH,
        "XDG_CACHE_HOME": f"{WORKSPACE}/.cache",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    mounts: list[dict[str, Any]] = [
        {"name": "recipe", "mountPath": RECIPE, "readOnly": True},
        {"name": "workspace", "mountPath": WORKSPACE},
        {"name": "scratch", "mountPath": SCRATCH},
    ]
    mounts += [{"name": "shared", "mountPath": "/dev/shm"}] if wanted.ranks > 1 else []
    ports = {"ports": [{"name": "rendezvous", "containerPort": PORT}]} if wanted.nodes > 1 else {}
    return {
        "name": "run",
        "image": wanted.image,
        "command": [*_starter(wanted, name), "-m", "kubestill", "run", f"{RECIPE}/recipe.toml"],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        **ports,
        "resources": {"requests": {**amounts, **devices}, "limits": {"memory": amounts["memory"], **devices}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _starter(wanted: Wanted, name: str) -> list[str]:
    """Return what starts the processes of a pod; JOB_COMPLETION_INDEX is set in each pod of an Indexed Job."""
    if wanted.nodes == 1:
        return ["torchrun", "--standalone", f"--nproc-per-node={wanted.ranks}"] if wanted.ranks > 1 else ["python"]
    first = f"{name}-run-0-0" if wanted.jobset else f"{name}-0"
    return [
        "torchrun",
        f"--nnodes={wanted.nodes}",
        f"--nproc-per-node={wanted.ranks}",
        "--node-rank=$(JOB_COMPLETION_INDEX)",
        f"--master-addr={first}.{name}",
        f"--master-port={PORT}",
    ]


def _bytes(step: Step) -> int | None:
    """Return what a stage will hold at most: forecast, or as its most alike artifact did; None where nobody can tell."""
    if step.forecast is not None:
        return step.forecast.memory_bytes
    return step.since.peak_memory_bytes if step.since is not None else None


def _memory(plan: Plan, wanted: Wanted) -> str:
    """Return what is given, or what the hungriest stage will hold, and some more."""
    if wanted.memory:
        return wanted.memory
    needed = max([1, *(UNKNOWN_BYTES if (held := _bytes(step)) is None else held * HEADROOM for step in plan.todo)])
    return f"{-(-int(needed) // 2**30)}Gi"


def _text(dumper: Any, data: str) -> yaml.ScalarNode:
    found: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)
    return found


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand, and lists indented below their key."""

    yaml_representers = yaml.SafeDumper.yaml_representers | {str: _text}

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the library gives it
        """Indent lists, too."""
        super().increase_indent(flow, False)
