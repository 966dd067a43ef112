"""`kubestill job RECIPE`: the run as a Job of Kubernetes."""

from pathlib import Path
from typing import Any

import click

from kubestill.cli.options import set_option, workspace_option
from kubestill.ground.store import Store


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--image", required=True, help="Image with kubestill in it, with its tag or digest.")
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Pods: each is a machine of torchrun.")
@click.option("--processes", type=click.IntRange(min=0), default=0, help="Processes of each pod.  [default: one for each GPU]")
@click.option("--gpus", type=click.IntRange(min=0), default=0, show_default=True, help="GPUs of each pod (nvidia.com/gpu).")
@click.option("--cpu", default="", metavar="AMOUNT", help="CPUs of each pod.  [default: one for each process, at least 2]")
@click.option("--memory", default="", metavar="AMOUNT", help="Memory of each pod.  [default: forecast]")
@click.option("--storage", default="20Gi", metavar="AMOUNT", show_default=True, help="Size of the claim for the workspace.")
@click.option("--storage-class", default="", help="Class of the claim.  [default: the cluster's]")
@click.option("--namespace", default="", help="Namespace of all objects.  [default: the one that they are applied to]")
@click.option("--jobset", is_flag=True, help="Make a JobSet, which starts all pods anew when one fails; its controller must be installed.")
@set_option
@workspace_option
def job(recipe: Path, overrides: tuple[str, ...], store: Store, **given: Any) -> None:
    """Print RECIPE's run as objects of Kubernetes, to apply with kubectl: a ConfigMap, a claim, and a Job of one pod or several.

    The pods keep to the Pod Security Standard "restricted". Nothing is run or sent.
    """
    from kubestill.pipeline.cluster_job import Wanted, manifest, notes
    from kubestill.pipeline.plan import make_plan
    from kubestill.pipeline.recipe import read_recipe

    plan, wanted = make_plan(read_recipe(recipe, overrides), store), Wanted(**given)
    click.echo(manifest(plan, wanted), nl=False)
    for note in notes(plan, wanted):
        click.echo(f"note: {note}", err=True)
