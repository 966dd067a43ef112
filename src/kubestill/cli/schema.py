"""`kubestill schema pull`: a cluster's own schemas, kept for use without it."""

from pathlib import Path

import click


@click.group()
def schema() -> None:
    """Keep the schemas of a cluster."""


@schema.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Another kubeconfig than the usual one.")
@click.option("--context", default="", help="Another context.  [default: the current one]")
def pull(kubeconfig: Path | None, context: str) -> None:
    """Fetch what a cluster serves: the schemas of its kinds, the definitions of its custom resources, and the names of its namespaces."""
    from kubestill.ground.settings import read_settings
    from kubestill.pipeline.linting import CLUSTERS
    from kubestill.pipeline.table import PULL

    found = PULL.load("kubernetes")(kubeconfig, context, read_settings().cache / CLUSTERS)
    kept = f"{found.kinds} kinds, {found.definitions} definitions of custom resources, {len(found.namespaces)} namespaces"
    click.echo(f"{found.name}: Kubernetes {found.release}, {kept}")
    for name, reason in found.left_out.items():
        click.echo(f"left out: {name}: {reason}", err=True)
    if found.lacking:
        click.echo(found.lacking, err=True)
    click.echo(f"use them: kubestill check FILES --schemas {found.name}", err=True)
