"""The only list of forms of knowledge: what a recipe's [sources] may name, and who reads it. Literal and lazy."""

from collections.abc import Mapping

from kubestill.ground.registry import Table

# Each row is a function from a path to documents and drops.
SOURCES = Table(
    "form of sources",
    {
        "manifests": "kubestill.domains.kubernetes.sources.manifests:documents",
    },
)
FORMS: Mapping[str, str] = {
    "manifests": "manifests: a folder or git clone of YAML and JSON files, or JSON lines",
}
