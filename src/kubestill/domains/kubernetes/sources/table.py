"""The only list of forms of knowledge: what a recipe's [sources] may name, and who reads it. Literal and lazy."""

from collections.abc import Mapping

from kubestill.ground.registry import Table

# Each row is a function from a path to documents and drops.
SOURCES = Table(
    "form of sources",
    {
        "manifests": "kubestill.domains.kubernetes.sources.manifests:documents",
        "requests": "kubestill.domains.kubernetes.sources.requests:documents",
        "pages": "kubestill.domains.kubernetes.sources.pages:documents",
        "commands": "kubestill.domains.kubernetes.sources.commands:documents",
        "fields": "kubestill.domains.kubernetes.sources.fields:documents",
        "runbooks": "kubestill.domains.kubernetes.sources.runbooks:documents",
        "alerts": "kubestill.domains.kubernetes.sources.alerts:documents",
        "definitions": "kubestill.domains.kubernetes.sources.definitions:documents",
        "exchanges": "kubestill.domains.kubernetes.sources.exchanges:documents",
        "records": "kubestill.domains.kubernetes.sources.records:documents",
    },
)
FORMS: Mapping[str, str] = {
    "manifests": "manifests: a folder or git clone of YAML and JSON files, or JSON lines",
    "requests": "written requests, each beside the manifest that is right for it: YAML lists, folders of them, or JSON lines",
    "pages": "documentation: a clone of kubernetes/website, a folder of Markdown, or JSON lines",
    "commands": "the kubectl reference as JSON, or its generated pages",
    "fields": "the API reference: an OpenAPI v2 document, .json(.gz)",
    "runbooks": "runbooks: a folder of Markdown, one alert a file, or JSON lines",
    "alerts": "alerts: Prometheus rule files, PrometheusRule objects, or JSON lines",
    "definitions": "CustomResourceDefinitions: YAML files, folders, .gz",
    "exchanges": "chat, ShareGPT or Alpaca: JSON lines or an array",
    "records": "answers of a student with their verdicts, as `kubestill data mine` writes them",
}
