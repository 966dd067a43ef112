"""What a command does to the cluster: what a guard goes by."""

import pytest

from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES

EFFECTS = {
    Effect.LOCAL: (
        "kubectl config use-context prod",
        "kubectl config view",
        "kubectl completion bash",
        "kubectl kustomize dir",
        "kubectl version --client",
        "kubectl delete --help",
        "kubectl label -f a.yaml a=b --local -o yaml",
        "kubectl help delete",
        "kubectl plugin list",
    ),
    Effect.READS: (
        "kubectl get pods",
        "kubectl get secrets -o yaml",
        "kubectl describe pod web",
        "kubectl logs -f web",
        "kubectl top nodes",
        "kubectl explain pods",
        "kubectl diff -f a.yaml",
        "kubectl auth can-i delete pods",
        "kubectl rollout status deployment/web",
        "kubectl rollout history deployment/web",
        "kubectl apply view-last-applied deployment/web",
        "kubectl wait pod/web --for=delete",
        "kubectl delete pods --all --dry-run=client",
        "kubectl drain a --dry-run=server",
        "kubectl apply -f a.yaml --prune --all --dry-run=server",
        "kubectl create deployment web --image=nginx --dry-run -o yaml",
        "kubectl create deployment web --image=nginx --dry-run=true -o yaml",
        "kubectl label pods web --list",
        "kubectl cp web:/a ./a",
        "kubectl get pods | grep delete",
        "kubectl get --raw=/api",
        "kubectl version",
        "kubectl delete pod <pod> --dry-run=client",
        "sudo -u root kubectl get pods",
        "timeout 5s nice -n 19 kubectl get pods",
    ),
    Effect.CHANGES: (
        "kubectl apply -f a.yaml",
        "kubectl create -f a.yaml",
        "kubectl create ns x --dry-run=none",
        "kubectl create ns x --dry-run=client --dry-run=none",
        "kubectl create ns x --dry-run=$MODE",
        "kubectl scale deployment web --replicas=0",
        "kubectl rollout undo deployment/web",
        "kubectl rollout restart deployment/web",
        "kubectl exec web -- ls",
        "kubectl debug web -it --image=busybox",
        "kubectl run web --image=nginx",
        "kubectl cp ./a web:/a",
        "kubectl label pods web a-",
        "kubectl cordon a",
        "kubectl taint nodes a b=c:NoSchedule",
        "kubectl patch deployment web -p '{}'",
        "kubectl edit deployment web",
        "kubectl port-forward svc/web 80",
        "kubectl proxy",
        "kubectl auth reconcile -f a.yaml",
        "kubectl certificate approve a",
        "kubectl create token web",
        "kubectl replace -f a.yaml",
    ),
    Effect.DESTROYS: (
        "kubectl delete pod web",
        "kubectl delete pod web --dry-run=none",
        "kubectl delete --raw=/api/v1/namespaces/x",
        "kubectl -n x delete pods --all",
        "kubectl drain a --ignore-daemonsets",
        "kubectl replace --force -f a.yaml",
        "kubectl apply -f a.yaml --prune -l app=web",
        "kubectl apply -f a.yaml --force",
        "kubectl debug web --copy-to=b --image=c --replace",
        "kubectl taint nodes a b=c:NoExecute",
        "kubectl get pods -o name | xargs kubectl delete",
        "kubectl get pods && kubectl delete pod web",
        "kubectl get pods $(kubectl delete pod web)",
        'kubectl get pods "`kubectl delete pod web`"',
        "bash -c 'kubectl delete pod web'",
        "sudo kubectl delete ns x",
        "kubectl get pods <(kubectl delete pod web)",
        "kubectl apply -f - <<EOF\n$(kubectl delete ns x)\nEOF",
        "kubectl get pods <x|kubectl delete pod y>z",
        "kubectl get pods\nkubectl delete pod web",
        "if true; then kubectl delete pod web; fi",
        "/usr/local/bin/kubectl delete pod web",
        "K=1 kubectl delete pod web",
        "kubectl delete pod web --dry-run=client $MORE",  # MORE may be --dry-run=none
        'kubectl replace -f a.yaml "$MORE"',  # or --force
        "echo --dry-run=none | xargs kubectl delete pod web --dry-run=client",
        "env A=b kubectl delete pod web",
    ),
    Effect.UNKNOWN: (
        "",
        "rm -rf /",
        "kubectl foo",
        "kubectl $COMMAND pods",
        "kubectl <in delete pod x> out",
        "kubectl rollout foo deployment/web",
        "kubectl get pods 'x",
        "sudo apt install kubectl",
        'kubectl apply -f a.yaml "$MORE"',  # a subcommand, or a flag
        "$KUBECTL delete pod web",
        "ssh host kubectl delete pod web",
    ),
}


@pytest.mark.parametrize(("effect", "text"), [(effect, text) for effect, texts in EFFECTS.items() for text in texts])
def test_a_command_has_its_effect(effect: Effect, text: str):
    assert parse(text).effect is effect


def test_no_command_of_the_tree_is_of_unknown_effect():
    assert Effect.UNKNOWN not in {parse(f"kubectl {name}").effect for name in SHAPES}


def test_what_runs_beside_kubectl_is_told_apart():
    parsed = parse("A=b cat x | kubectl apply -f - > out && rm x; kubectl get pods | grep web | head -1")
    assert parsed.others == [("cat", "x"), ("rm", "x"), ("grep", "web"), ("head", "-1")]
    assert [call.pipe for call in parsed.calls] == [(), (("grep", "web"), ("head", "-1"))]
    assert [(one.operator, one.target.text) for one in parsed.calls[0].redirections] == [(">", "out")]
    assert parsed.effects == {Effect.CHANGES, Effect.READS}
