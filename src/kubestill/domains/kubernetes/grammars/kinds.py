"""The kinds that a person names: `Deployment`, `apps/v1/Deployment`, `deployment`."""

import re
from collections.abc import Sequence

from kubestill.domains.kubernetes.definitions import Kind
from kubestill.domains.kubernetes.intents.kinds import KINDS
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.ground.errors import UserError, near

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?\Z")
_STAGES = {"alpha": 0, "beta": 1, None: 2}


def find_kinds(known: Schemas, names: Sequence[str]) -> tuple[Kind, ...]:
    """Return the kinds called so, each in the version that people write, in the order of the names.

    Raises:
        UserError: the schemas know none of a name.
    """
    return tuple(dict.fromkeys(_find(known, name) for name in names))


def _find(known: Schemas, name: str) -> Kind:
    api_version, _, short = name.rpartition("/")
    found = [kind for kind in known.kinds() if kind.kind.lower() == short.lower() and api_version in ("", kind.api_version)]
    if not found:
        every = sorted({kind.kind for kind in known.kinds()} | {f"{kind.api_version}/{kind.kind}" for kind in known.kinds()})
        raise UserError("kind", f"no kind {name!r}", near(name, every) or "give one such as Deployment or apps/v1/Deployment, or its --crd")
    return max(found, key=_rank)


def _rank(kind: Kind) -> tuple[bool, int, int, int]:
    """Put the version that intents are written in first, then stable ones, then newer ones (the API's own order of versions)."""
    usual = kind.kind in KINDS and KINDS[kind.kind].api_version == kind.api_version
    match = _VERSION.match(kind.version)
    return (usual, _STAGES[match[2]], int(match[1]), int(match[3] or 0)) if match else (usual, -1, 0, 0)
