"""Objects that the examples of the relations are made of. Each ends where a fragment can be added; `together` makes a set of some."""

from kubestill.domains.kubernetes.checks.examples import CLAIM, DEPLOYMENT, SERVICE, head

__all__ = ["ACCOUNT", "CLAIM_1", "CONFIG_MAP", "DEPLOYMENT", "HPA", "INGRESS", "LISTENING", "NAMED", "PDB", "SECRET", "SERVICE_80"]

# A container that listens on 8080; the second calls the port by name. Fields of the pod follow with six spaces.
LISTENING = DEPLOYMENT + "        ports:\n        - containerPort: 8080\n"
NAMED = LISTENING + "          name: http\n"
SERVICE_80 = SERVICE + "  ports:\n  - port: 80\n"  # fields of the port follow with four spaces

CONFIG_MAP = head("v1", "ConfigMap") + "data:\n  color: red\n"
SECRET = head("v1", "Secret") + "stringData:\n  password: example\n"
ACCOUNT = head("v1", "ServiceAccount")
CLAIM_1 = CLAIM + "  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n"

# A rule for the host example.com; further rules follow with two spaces, fields of the Ingress with two.
INGRESS = (
    head("networking.k8s.io/v1", "Ingress") + "spec:\n  rules:\n  - host: example.com\n    http:\n      paths:\n"
    "      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}\n"
)
HPA = (
    head("autoscaling/v2", "HorizontalPodAutoscaler")
    + "spec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 5\n"
)
PDB = head("policy/v1", "PodDisruptionBudget") + "spec:\n  selector: {matchLabels: {app: web}}\n"


def together(*documents: str) -> str:
    """Return a set as one text."""
    return "---\n".join(documents)
