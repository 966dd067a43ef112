"""Relations of storage: the classes that claims ask for, and claims that several pods share."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.relations.entries import Entry, number, text
from kubestill.domains.kubernetes.relations.examples import CLAIM_1, DEPLOYMENT, together
from kubestill.domains.kubernetes.relations.index import Index
from kubestill.domains.kubernetes.relations.rule import EntryRelation, Places
from kubestill.domains.kubernetes.subject import rows, table

_CLASS = head("storage.k8s.io/v1", "StorageClass", "fast") + "provisioner: example.com/fast\n"
_FAST = CLAIM_1 + "  storageClassName: fast\n"
_VOLUME = (
    head("v1", "PersistentVolume")
    + "spec:\n  storageClassName: fast\n  accessModes: [ReadWriteOnce]\n  capacity: {storage: 1Gi}\n  hostPath: {path: /data}\n"
)
_SHARING = (
    DEPLOYMENT.replace("spec:\n", "spec:\n  replicas: 2\n", 1)
    + "      volumes:\n      - name: data\n        persistentVolumeClaim: {claimName: web}\n"
)
_ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
# Classes that common clusters come with: GKE, EKS, AKS, kind, k3s, minikube and MicroK8s (the documentation of each).
_SHIPPED = frozenset(
    """
    standard standard-rwo standard-rwx premium-rwo premium-rwx gp2 gp3 default managed managed-premium managed-csi managed-csi-premium
    azurefile azurefile-premium azurefile-csi azurefile-csi-premium local-path hostpath csi-hostpath-sc microk8s-hostpath
    """.split()
)


class StorageClassGiven(EntryRelation):
    """A claim asks for a StorageClass that is not there: unless a volume of that class is made by hand, it stays Pending.

    In an open set the classes that common clusters come with are taken to be there.
    """

    code, remedy, missing = "K8S625", "Add the StorageClass, correct its name, or leave it out to use the cluster's default.", True
    kinds = ("PersistentVolumeClaim", "StatefulSet.apps")
    bad = (_FAST, together(_FAST, _CLASS.replace("name: fast", "name: faster")))
    good = (together(_FAST, _CLASS), together(_FAST, _VOLUME), CLAIM_1 + "  storageClassName: ''\n")

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look at the claim, or at a StatefulSet's templates; a claim that names its volume needs no class."""
        for path, spec in _claims(entry):
            name = text(spec.get("storageClassName"))
            given = name in index.volume_classes or spec.get("volumeName") or (name in _SHIPPED and not index.closed)
            if name and not given and (message := index.absent(entry, "StorageClass.storage.k8s.io", name)):
                yield f"{path}.storageClassName", message


def _claims(entry: Entry) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if entry.kind == "PersistentVolumeClaim":
        yield "spec", entry.view.spec
        return
    for place, claim in enumerate(rows(entry.view.spec.get("volumeClaimTemplates"))):
        yield f"spec.volumeClaimTemplates[{place}].spec", table(claim.get("spec"))


class SharedClaim(EntryRelation):
    """Replicas share a claim that only one node may mount: those on other nodes wait for ever, and so do rollouts."""

    code, remedy = "K8S628", "Use ReadWriteMany, a StatefulSet with volumeClaimTemplates, or one replica."
    kinds = ("Deployment.apps", "ReplicaSet.apps")
    bad = (together(_SHARING, CLAIM_1), together(_SHARING, CLAIM_1.replace("ReadWriteOnce", "ReadWriteOncePod")))
    good = (
        together(_SHARING, CLAIM_1.replace("ReadWriteOnce", "ReadWriteMany")),
        together(_SHARING.replace("replicas: 2", "replicas: 1"), CLAIM_1),
    )

    def judge(self, entry: Entry, index: Index) -> Places:
        """Look at the claims of what runs more than once."""
        pod, replicas = entry.view.pod, number(entry.view.spec.get("replicas")) or 0
        if pod is None or replicas < 2:
            return
        for place, volume in enumerate(pod.volumes):
            name = text(table(volume.get("persistentVolumeClaim")).get("claimName"))
            found = index.find(entry, "PersistentVolumeClaim", name)
            if found and all(modes and set(modes) <= _ONE_NODE for modes in map(_modes, found)):
                told = f"{replicas} replicas share {found[0].title}, which is {_modes(found[0])[0]}"
                yield f"{pod.path}.volumes[{place}].persistentVolumeClaim.claimName", told


def _modes(claim: Entry) -> list[str]:
    value = claim.view.spec.get("accessModes")
    return [text(mode) for mode in value] if isinstance(value, list) else []
