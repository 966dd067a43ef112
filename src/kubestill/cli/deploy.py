"""`kubestill deploy --dry-run`: the service as objects of Kubernetes."""

from typing import Any

import click

from kubestill.ground.errors import UserError

# Option → the value of the chart that it sets.
_VALUES = {
    "name": "name",
    "namespace": "namespace",
    "image": "image",
    "replicas": "replicas",
    "model": "model",
    "key_secret": "keySecret",
    "rows": "rows",
    "queue": "queue",
    "cpu": "resources.cpu",
    "memory": "resources.memory",
    "escalate": "escalate.model",
    "escalate_port": "escalate.port",
    "escalate_cidr": "escalate.cidr",
    "monitoring": "monitoring.enabled",
    "max_replicas": "monitoring.maxReplicas",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the objects; there is no other way, kubectl applies them.")
@click.option("--image", required=True, help="Image built from deploy/Containerfile, with its tag or digest.")
@click.option("--name", help="Name of all objects.  [default: kubestill]")
@click.option("--namespace", help="Namespace of all objects.  [default: the one that they are applied to]")
@click.option("--replicas", type=int, help="Pods; with --monitoring the fewest.  [default: 2]")
@click.option("--model", help="A packaged student.  [default: kubernetes-base]")
@click.option("--key-secret", help="Secret whose entry `keys` holds API keys, one a line.  [default: kubestill-keys]")
@click.option("--rows", type=int, help="Answers that a pod writes at once.  [default: 8]")
@click.option("--queue", type=int, help="Answers that may wait for a row.  [default: 32]")
@click.option("--cpu", metavar="AMOUNT", help="CPU that each pod requests.  [default: 1]")
@click.option("--memory", metavar="AMOUNT", help="Memory of each pod.  [default: 512Mi]")
@click.option("--escalate", metavar="URL#MODEL", help="Larger model, asked where an answer fails; pods may then reach it.")
@click.option("--escalate-port", type=int, help="Its port.  [default: 8000]")
@click.option("--escalate-cidr", metavar="CIDR", help="Its addresses.  [default: 10.0.0.0/8]")
@click.option("--clients", metavar="LABEL=VALUE", help="Namespaces that may call it.  [default: kubestill-client=true]")
@click.option("--monitoring", is_flag=True, default=None, help="A ServiceMonitor, and an autoscaler on the queue.")
@click.option("--max-replicas", type=int, help="With --monitoring: the most pods.  [default: 8]")
def deploy(dry_run: bool, clients: str | None, **given: Any) -> None:
    """Print the service as objects of Kubernetes; the chart in deploy/chart holds the same.

    The pods keep to the Pod Security Standard "restricted", and reach nothing unless --escalate is given.
    """
    from kubestill.pipeline.deploying import manifests

    if not dry_run:
        raise UserError("deploy", "nothing is sent to a cluster from here", "add --dry-run and pipe it into: kubectl apply -f -")
    values = {_VALUES[option]: value for option, value in given.items() if value is not None}
    if clients is not None:
        label, equals, value = clients.partition("=")
        if not equals:
            raise UserError("--clients", f"found {clients!r}", "give LABEL=VALUE")
        values |= {"clients.label": label, "clients.value": value}
    click.echo(manifests(values), nl=False)
