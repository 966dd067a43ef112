"""What this room says of some thousand commands, against what a real kubectl said (recorder.py)."""

import json

from kubestill.domains.kubernetes.kubectl.check import check_command

from .recorder import RECORDED

# Where the two differ on purpose. kubectl takes it:
STRICTER = {
    "the server refuses it": (
        "expose deployment x --port=80 --protocol=foo",
        "expose deployment x --port=80 --type=Foo",
        "expose deployment x --port=80 --target-port=99999",
        "expose deployment x --port=99999",
        "expose deployment web --port=80 --type=LoadBalancers",
        "create deployment x --image=UP",
        'create cronjob x --schedule="* * * * *" --image=i --restart=Always',
        "create pc x --value=1 --preemption-policy=Foo",
        'label pods x "a b=c"',
        'annotate pods x "a b=c"',
        "patch deploy x -p {} --type=JSON",
        "patch deploy x -p foo",
        "patch deployment web --type=json -p '{\"spec\": {}}'",
        "set image deploy/x c=",
        "set image deploy/x c=UP",
        "set image deployment/web web=NGINX",
        "scale --replicas=3 pods x",
        "rollout undo deployment/x --to-revision=-1",
        "rollout undo deployment/web --to-revision=-1",
        "port-forward x 80:",
        "port-forward x 80,81",
        "wait pod/x --for=condition=",
        "events --for=pod/",
        "run X_Y --image=i",
    ),
    "it prints help, or does nothing": (
        "",
        "--namespace=x",
        "certificate",
        "cluster-info x",
        "config delete-cluster",
        "config delete-cluster k x",
        "config delete-context a b",
        "help foo",
        "set env deploy/x",
        "set env deploy/x --prefix=A",
        "expose deployment x --port=80 --override-type=foo",
    ),
    "the usage line says otherwise": ("run --image=i -- x", "port-forward x 1:2:3"),
    "it reads a type as the name of a pod": (
        "logs pod x",
        "logs deploy x",
        "logs deployment web",
        "exec deployment web -- ls",
        "port-forward svc x 80",
        "port-forward svc web 80",
    ),
    "it looks for the file first": ("get pods -foo", "get -f pod.yaml pods", "exec web -f a.yaml -- ls"),
}
# kubectl refuses it:
LAXER = {
    "kubectl 1.33 lacks it, 1.36 has it": ("api-resources -o json", "autoscale deployment web --max=5 --cpu=80%"),
    "it may be a custom resource": ("rollout undo x", "get PO", "attach x y", "get certificates.cert-manager.io"),
    "nobody looks within": ("get pods --vmodule=x", "patch deploy x -p [ --type=json"),
    "nobody compares taints": ("taint nodes x a=b:NoSchedule a=c:NoSchedule",),
}
NEW = ("kuberc", "--show-secrets", "--detach-keys", "--cpu=", "--memory=", "--show-swap", "--as-user-extra")  # since 1.33


def test_the_verdict_is_that_of_kubectl_but_for_differences_that_have_a_reason():
    recorded = json.loads(RECORDED.read_text())["verdicts"]
    stricter = {f"kubectl {text}".strip() for texts in STRICTER.values() for text in texts}
    laxer = {f"kubectl {text}".strip() for texts in LAXER.values() for text in texts}
    wrong = []
    for command, verdict, said in recorded:
        passed = check_command(command).passed
        known = command in (laxer if passed else stricter) or any(part in command for part in NEW)
        if passed is not (verdict == "takes") and not known:
            wrong.append(f"kubectl {verdict} {command!r} ({said}), we do not")
    assert not wrong, "\n".join(wrong)
    assert len(recorded) > 1000
    assert stricter | laxer <= {command for command, _, _ in recorded} | {"kubectl autoscale deployment web --max=5 --cpu=80%"}
