"""A real cluster: what its API server says of a manifest in a dry run, and which kinds it serves. Nothing is ever written to it.

`connect` once, then `dry_run` for each object; `pull` keeps the cluster's own schemas, so that they judge without it later.
"""

from kubestill.domains.kubernetes.cluster.connection import Connection, connect
from kubestill.domains.kubernetes.cluster.dryrun import dry_run
from kubestill.domains.kubernetes.cluster.pulling import Pulled, find_pulled, kept, pull, pulled_definitions, pulled_enums
from kubestill.domains.kubernetes.cluster.statuses import CLUSTER_CODES

__all__ = [
    "CLUSTER_CODES",
    "Connection",
    "Pulled",
    "connect",
    "dry_run",
    "find_pulled",
    "kept",
    "pull",
    "pulled_definitions",
    "pulled_enums",
]
