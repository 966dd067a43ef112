"""Rules about volumes and where containers mount them."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import POD, STATEFUL
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule, PodRule
from kubestill.domains.kubernetes.subject import POD_TEMPLATES, Pod, View, rows, table

_EMPTY = "  volumes:\n  - name: data\n    emptyDir: {}\n"
_MOUNT = "    volumeMounts:\n    - name: data\n      mountPath: /data\n"


class VolumeNames(PodRule):
    """Each volume has a DNS label as its name, and no two share it."""

    code, remedy = "K8S130", "Give every volume its own name of lower-case letters, digits and '-'."
    bad = (POD + _EMPTY + "  - name: data\n    emptyDir: {}\n", POD + _EMPTY.replace("data", "Data_1"))
    good = (POD + _EMPTY,)

    def faults(self, pod: Pod) -> Faults:
        """Compare the names."""
        seen = set()
        for index, volume in enumerate(pod.volumes):
            name = volume.get("name") or ""
            if fault := formats.dns_label(name) if name else "a name is required":
                yield f"{pod.path}.volumes[{index}].name", f"{name!r} {fault}" if name else fault
            elif name in seen:
                yield f"{pod.path}.volumes[{index}].name", f"two volumes are called {name!r}"
            seen.add(name)


class VolumeSource(PodRule):
    """A volume has one source: configMap, secret, persistentVolumeClaim and so on (without any it becomes an emptyDir)."""

    code, remedy = "K8S131", "Keep exactly one source in each volume."
    bad = (POD + _EMPTY + "    hostPath: {path: /data}\n",)
    good = (POD + _EMPTY, POD + "  volumes:\n  - name: data\n    configMap: {name: web}\n", POD + "  volumes:\n  - name: data\n")

    def faults(self, pod: Pod) -> Faults:
        """Count the sources."""
        for index, volume in enumerate(pod.volumes):
            sources = [key for key, value in volume.items() if key != "name" and value is not None]
            if len(sources) > 1:
                yield f"{pod.path}.volumes[{index}]", f"found {' and '.join(sorted(sources))}, expected exactly one"


# core/validation, validate…VolumeSource: what a source cannot leave empty. A name in two kinds of object is listed for both.
_REQUIRED = {
    "persistentVolumeClaim": ("claimName",),
    "secret": ("secretName",),
    "configMap": ("name",),
    "hostPath": ("path",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
    "iscsi": ("targetPortal", "iqn"),
    "cephfs": ("monitors",),
    "rbd": ("monitors", "image"),
    "glusterfs": ("endpoints", "path"),
    "flexVolume": ("driver",),
    "gitRepo": ("repository",),
    "local": ("path",),
    "awsElasticBlockStore": ("volumeID",),
    "gcePersistentDisk": ("pdName",),
    "azureDisk": ("diskName", "diskURI"),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
}
_NO_PARENTS = ("hostPath", "local", "gitRepo")
_VOLUME = "  volumes:\n  - name: data\n    "


class VolumeNeeds(ObjectRule):
    """A volume's source says where the data lies: a claim's or secret's name, a path, a server; paths go nowhere through '..'."""

    code, remedy = "K8S132", "Add or correct the field."
    kinds = frozenset({*POD_TEMPLATES, "PersistentVolume"})
    bad = (
        POD + _VOLUME + "persistentVolumeClaim: {claimName: ''}\n",
        POD + _VOLUME + "hostPath: {path: /a/../b}\n",
        POD + _VOLUME + "secret: {secretName: ''}\n",
        POD + _VOLUME + "nfs: {server: '', path: /data}\n",
        POD + _VOLUME + "nfs: {server: nfs.example.com, path: data}\n",
        POD + _VOLUME + "configMap: {name: web, items: [{key: a, path: /a}]}\n",
        POD + _VOLUME + "configMap: {name: web, defaultMode: 7777}\n",
    )
    good = (POD + _VOLUME + "configMap: {name: web, defaultMode: 0755, items: [{key: a, path: b/c}]}\n",)

    def faults(self, view: View) -> Faults:
        """Look at the sources of pods and of PersistentVolumes."""
        if view.kind == "PersistentVolume":
            yield from _needs(view.spec, "spec")
        elif view.pod is not None:
            for index, volume in enumerate(view.pod.volumes):
                yield from _needs(volume, f"{view.pod.path}.volumes[{index}]")


def _needs(holder: Mapping[str, Any], path: str) -> Faults:
    for name, source in holder.items():
        if isinstance(source, dict) and name in _REQUIRED:
            for part, message in _source_faults(name, source):
                yield f"{path}.{name}.{part}", message


def _source_faults(name: str, source: Mapping[str, Any]) -> Faults:
    for required in _REQUIRED[name]:
        if not source.get(required):
            yield required, f"{required} is required"
    path = source.get("path") or source.get("directory") or ""
    if name in _NO_PARENTS and ".." in path.split("/"):
        yield "path", "'..' is not allowed"
    if name == "nfs" and path and not path.startswith("/"):
        yield "path", f"found {path!r}, expected an absolute path"
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        yield "defaultMode", f"found {mode}, expected 0-0777 (0-511)"
    for index, item in enumerate(rows(source.get("items"))):
        path = item.get("path") or ""
        if not item.get("key"):
            yield f"items[{index}].key", "a key is required"
        if not path or path.startswith("/") or ".." in path.split("/"):
            yield f"items[{index}].path", f"found {path!r}, expected a relative path without '..'"


class MountsHaveVolumes(ObjectRule):
    """A volumeMount names one of the pod's volumes, or of a StatefulSet's volumeClaimTemplates."""

    code, remedy = "K8S133", "Add the volume, or correct the name of the mount."
    kinds = frozenset(POD_TEMPLATES)
    bad = (POD + _MOUNT, POD + _MOUNT + _EMPTY.replace("data", "date"))
    good = (
        POD + _MOUNT + _EMPTY,
        STATEFUL + "        volumeMounts:\n        - {name: data, mountPath: /data}\n  volumeClaimTemplates:\n"
        "  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
    )

    def faults(self, view: View) -> Faults:
        """Compare mounts with volumes."""
        pod = view.pod
        if pod is None:
            return
        known = {volume.get("name") for volume in pod.volumes}
        if view.kind == "StatefulSet":
            known |= {table(claim.get("metadata")).get("name") for claim in rows(view.spec.get("volumeClaimTemplates"))}
        for container in pod.containers:
            for role in ("volumeMounts", "volumeDevices"):
                for index, mount in enumerate(rows(container.value.get(role))):
                    name = mount.get("name")
                    if name not in known:
                        yield f"{container.path}.{role}[{index}].name", f"no volume is called {name!r}"


class MountPaths(PodRule):
    """In one container each mount has its own path; a subPath is relative and stays inside the volume."""

    code, remedy = "K8S134", "Give each mount its own mountPath, and subPath a relative path without '..'."
    bad = (
        POD + _MOUNT + "    - name: data\n      mountPath: /data\n" + _EMPTY,
        POD + _MOUNT.replace("/data", "''") + _EMPTY,
        POD + _MOUNT + "      subPath: ../etc\n" + _EMPTY,
    )
    good = (POD + _MOUNT + "      subPath: a/b\n    - name: data\n      mountPath: /other\n" + _EMPTY,)

    def faults(self, pod: Pod) -> Faults:
        """Compare the paths of each container."""
        for container in pod.containers:
            seen = set()
            for index, mount in enumerate(rows(container.value.get("volumeMounts"))):
                path, here = mount.get("mountPath") or "", f"{container.path}.volumeMounts[{index}]"
                if not path:
                    yield f"{here}.mountPath", "a mountPath is required"
                elif path in seen:
                    yield f"{here}.mountPath", f"{path} is mounted twice"
                seen.add(path)
                part = mount.get("subPath") or mount.get("subPathExpr") or ""
                if part.startswith("/") or ".." in part.split("/"):
                    yield f"{here}.subPath", f"found {part!r}, expected a relative path without '..'"
                if mount.get("subPath") and mount.get("subPathExpr"):
                    yield f"{here}.subPathExpr", "subPath and subPathExpr exclude each other"
