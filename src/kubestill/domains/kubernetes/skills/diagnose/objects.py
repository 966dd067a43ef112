"""Objects that a fault is planted in: built from the scene's values by the lenses that also write the manifests of answers."""

from collections.abc import Callable, Mapping

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.intents.lens import build
from kubestill.domains.kubernetes.intents.order import ordered
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.skills.diagnose.scene import Scene

Build = Callable[[Scene], list[Intent]]


def manifest(name: str, scene: Scene) -> list[str]:
    """Return the lines of an object: the one that a view names."""
    return dump(ordered(build(planted(name, scene)))).rstrip().split("\n")


def planted(name: str, scene: Scene) -> list[Intent]:
    """Return what such an object says, with the fault in it."""
    return OBJECTS[name](scene)


def _object(kind: str, name: str, scene: Scene, *intents: Intent) -> list[Intent]:
    place = [Intent("namespace", (), scene["namespace"])] if scene.named else []
    return [Intent("kind", (), kind), Intent("name", (), name), *place, *intents]


def _service(scene: Scene) -> list[Intent]:
    """A Service that selects what no pod carries."""
    port = int(scene["port"])
    return _object("Service", scene["service"], scene, Intent("selector", (scene["label"],), scene["value"]), Intent("port", (), port))


def _service_port(scene: Scene) -> list[Intent]:
    """A Service that sends to a port on which nobody listens."""
    chosen = Intent("selector", ("app",), scene["app"])
    return _object(
        "Service", scene["service"], scene, chosen, Intent("port", (), 80), Intent("port.target", ("80",), int(scene["otherport"]))
    )


def _pod(scene: Scene, labels: Mapping[str, str], *intents: Intent) -> list[Intent]:
    marks = [Intent("label", (key,), value) for key, value in labels.items()]
    container = [Intent("container.image", ("",), scene["image"]), Intent("container.name", ("",), scene["container"])]
    return _object("Pod", scene["pod"], scene, *marks, *container, *intents)


def _workload(scene: Scene) -> list[Intent]:
    """The pod that the Service was meant for."""
    return _pod(scene, {scene["label"]: scene["carried"]}, Intent("container.port", ("",), int(scene["port"])))


def _workload_port(scene: Scene) -> list[Intent]:
    """The pod with the port on which it does listen."""
    return _pod(scene, {"app": scene["app"]}, Intent("container.port", ("",), int(scene["port"])))


def _probe(scene: Scene) -> list[Intent]:
    """A probe of a port that the container does not have."""
    asked = Intent(f"container.{scene['probe']}Probe.httpGet", ("",), (scene["path"], int(scene["otherport"])))
    return _pod(scene, {}, Intent("container.port", ("",), int(scene["port"])), asked)


def _claim(scene: Scene) -> list[Intent]:
    """A claim of a class that is not there."""
    chosen = (Intent("spec.accessModes", (), ("ReadWriteOnce",)), Intent("spec.storageClassName", (), scene["class"]))
    return _object("PersistentVolumeClaim", scene["claim"], scene, *chosen, Intent("spec.resources.requests.storage", (), scene["storage"]))


def _config_map(scene: Scene) -> list[Intent]:
    """A ConfigMap without the key that is asked for."""
    return _object("ConfigMap", scene["configmap"], scene, Intent("data", (scene["otherkey"],), scene["word"]))


def _config_map_key(scene: Scene) -> list[Intent]:
    """A container that asks for the key."""
    return _pod(scene, {}, Intent("container.env.configMap", ("", scene["variable"]), (scene["configmap"], scene["key"])))


def _network_policy(scene: Scene) -> list[Intent]:
    """A policy that lets nothing in."""
    return _object("NetworkPolicy", scene["networkpolicy"], scene, Intent("podSelector.all", (), True), Intent("deny", ("ingress",), True))


def _ingress(scene: Scene) -> list[Intent]:
    """An Ingress with one path, which is not the one that was asked for."""
    rule = Intent("rule", (scene["host"], scene["path"]), (scene["service"], int(scene["port"])))
    return _object("Ingress", scene["ingress"], scene, rule, Intent("spec.ingressClassName", (), "nginx"))


OBJECTS: Mapping[str, Build] = {
    "Service": _service,
    "ServicePort": _service_port,
    "Workload": _workload,
    "WorkloadPort": _workload_port,
    "Probe": _probe,
    "PersistentVolumeClaim": _claim,
    "ConfigMap": _config_map,
    "ConfigMapKey": _config_map_key,
    "NetworkPolicy": _network_policy,
    "Ingress": _ingress,
}
