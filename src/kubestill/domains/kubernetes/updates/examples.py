"""Objects that the examples of the update rules start from, beside those of the checks. Each ends where a fragment can be added."""

from kubestill.domains.kubernetes.checks.examples import head

# Each ends inside its spec: two spaces.
ROLE_BINDING = head("rbac.authorization.k8s.io/v1", "RoleBinding") + "subjects:\n- {kind: ServiceAccount, name: web, namespace: web}\n"
VOLUME = head("v1", "PersistentVolume") + "spec:\n  capacity: {storage: 5Gi}\n  accessModes: [ReadWriteOnce]\n"
CLAIM = head("v1", "PersistentVolumeClaim") + "spec:\n  accessModes: [ReadWriteOnce]\n"
PORTS = "  ports: [{port: 80}]\n"


def step(old: str, new: str) -> str:
    """Return an example: the old object and the new one, as two documents."""
    return f"{old}---\n{new}"
