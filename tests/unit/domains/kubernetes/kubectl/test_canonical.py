"""Equal meaning, one spelling; other meaning, another."""

import pytest

from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.domains.kubernetes.kubectl.parse import parse

from .examples import examples, needs_reference

EQUAL = [
    ("kubectl get po", "kubectl get pods"),
    ("kubectl get pod web", "kubectl get pods/web"),
    ("kubectl get pods a b", "kubectl get pod/b pod/a"),
    ("kubectl get deploy -n x", "kubectl --namespace x get deployments.apps"),
    ("kubectl get svc,po", "kubectl get pods,services"),
    ("kubectl get pods -A", "kubectl get pods --all-namespaces=true"),
    ("kubectl get pods -o=yaml", "kubectl -o YAML get pods"),
    ("kubectl get pods -l b=c,a==d", "kubectl get pods --selector 'a=d, b=c'"),
    ("kubectl get pods -w=false", "kubectl get pods"),
    ("kubectl exec -it web -- sh", "kubectl exec pod/web --tty --stdin -- sh"),
    ("kubectl logs web -f", "kubectl logs --follow pods/web"),
    ("kubectl create deploy web --image nginx", "kubectl create deployment web --image=nginx --replicas=1"),
    ("kubectl create ns x --dry-run=none", "kubectl create namespace x"),
    ("kubectl create ns x --dry-run", "kubectl create ns x --dry-run=client"),
    ("kubectl apply -f a -f b", "kubectl apply --filename=a,b"),
    ("kubectl create role a --verb=get --verb=list --resource=po", "kubectl create role a --verb=list,get --resource=po"),
    ("kubectl wait pod/a --for=delete --timeout=1m", "kubectl wait pod a --for=delete --timeout=60s"),
    ("kubectl scale deploy web --replicas=03", "kubectl scale deployment/web --replicas=3"),
    ("kubectl label po a x=1 y=2", "kubectl label pod/a y=2 x=1"),
    ("kubectl cordon a", "kubectl cordon node/a"),
    ("kubectl get pods -o template --template={{.x}}", "kubectl get pods -o go-template={{.x}}"),
    ("$ kubectl   get \\\n pods", "kubectl get pods"),
    ("kubectl get pods|head -1", "kubectl get pods | head -1"),
    ("kubectl config use a", "kubectl config use-context a"),
    ("kubectl top no", "kubectl top node"),
    ("kubectl delete pod a --cascade=false", "kubectl delete pod a --cascade=orphan"),
    ("kubectl get pods; kubectl get svc", "kubectl get po\nkubectl get service"),
    ("kubectl explain deploy.spec", "kubectl explain deployments.spec"),
    ("kubectl get pods --all_namespaces", "kubectl get pods -A"),
]
DIFFERENT = [
    ("kubectl get pods", "kubectl get services"),
    ("kubectl get pods", "kubectl get pods -n default"),
    ("kubectl get pods -o yaml", "kubectl get pods -o json"),
    ("kubectl get pods a", "kubectl get pods b"),
    ("kubectl apply -f a -f b", "kubectl apply -f b -f a"),
    ("kubectl exec web -- a b", "kubectl exec web -- b a"),
    ("kubectl scale deploy web --replicas=3", "kubectl scale deploy web --replicas=30"),
    ("kubectl get events", "kubectl get events.events.k8s.io"),
    ("kubectl get deployments", "kubectl get deployments.v1.apps"),
    ("kubectl rollout undo deploy/a", "kubectl rollout restart deploy/a"),
    ("kubectl create cm a --from-literal=a=b,c", "kubectl create cm a --from-literal=a=b --from-literal=c="),
    ("kubectl cp a web:/b", "kubectl cp web:/b a"),
    ("kubectl config rename-context a b", "kubectl config rename-context b a"),
    ("kubectl get pods | head", "kubectl get pods | tail"),
    ("kubectl get pods > a", "kubectl get pods > b"),
    ("kubectl get pods && kubectl get svc", "kubectl get pods || kubectl get svc"),
    ("KUBECONFIG=a kubectl get pods", "KUBECONFIG=b kubectl get pods"),
    ("kubectl delete pod a --wait=false", "kubectl delete pod a"),
    ("kubectl get pods -l 'a in (b,c)'", "kubectl get pods -l 'a in (c,d)'"),
    ("kubectl rollout status deploy/a --watch=false", "kubectl rollout status deploy/a"),
    ("kubectl apply -f - <<A\nb\nA", "kubectl apply -f - <<A\nc\nA"),
    ("kubectl get po '$x'", "kubectl get po $x"),
    ("kubectl get po --cluster=true", "kubectl get po --context=true"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_commands_have_one_spelling(one: str, other: str):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_commands_have_different_spellings(one: str, other: str):
    assert canonical(one) != canonical(other)


def texts() -> list[str]:
    return [text for meaning in CODES.values() for text in (*meaning.good, *(meaning.bad if meaning.severity == "warning" else ()))]


def holds(text: str) -> None:
    """The spelling is its own spelling, and says the same of verdict and effect."""
    spelling = canonical(text)
    assert canonical(spelling) == spelling
    assert check_command(spelling).passed == check_command(text).passed
    assert parse(spelling).effects == parse(text).effects


@pytest.mark.parametrize("text", texts())
def test_a_spelling_stays_and_means_the_same(text: str):
    holds(text)


@pytest.mark.parametrize(
    "text", [text for code in ("K8S403", "K8S404", "K8S405", "K8S406", "K8S407", "K8S408") for text in CODES[code].bad]
)
def test_what_kubectl_does_not_read_has_the_spelling_of_nothing_else(text: str):
    assert not check_command(canonical(text)).passed


@needs_reference
def test_the_spelling_of_an_example_stays_and_means_the_same():
    for _, text in examples():
        holds(text)
