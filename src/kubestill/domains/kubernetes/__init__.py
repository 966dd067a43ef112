"""Kubernetes: schemas, checks, intents, phrasing. `domain` is the factory that the pipeline's table names."""

from typing import Any


def domain(**options: Any) -> Any:
    """Return the domain object; its modules load only now."""
    from kubestill.domains.kubernetes.kubernetes import domain as make

    return make(**options)
