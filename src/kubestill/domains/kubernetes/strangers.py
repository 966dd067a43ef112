"""What stands among manifests and is none: templates of Helm, values of a chart, files of other tools. Told apart, not judged."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Actions of Go's text/template as charts use them. `{{ $labels.pod }}` inside an alert's text is one, too: so a text is a template
# only where it is no YAML as it stands, or where an action makes its name.
_ACTION = re.compile(
    r"\{\{-?\s*(?:/\*|\.[A-Z$]|\.\s|\$|(?:if|range|with|define|block|include|template|end|else|toYaml|tpl|printf|default|required|quote)\b)"
)
_TEMPLATE = "is a template of Helm, not a manifest yet: helm template CHART | kubestill check -"


def template(text: str, where: str, readable: bool, names: list[Any]) -> str:
    """Return the reason why a file is a template and no manifest, or an empty string; `names` are those of its objects."""
    if "{{" not in text:
        return ""
    if (not readable and _ACTION.search(text)) or any(isinstance(name, str) and _ACTION.search(name) for name in names):
        return _TEMPLATE
    return _TEMPLATE if _in_chart(Path(where)) else ""


def _in_chart(path: Path) -> bool:
    """Say whether a file lies in the `templates` of a chart."""
    return any(folder.name == "templates" and (folder.parent / "Chart.yaml").is_file() for folder in path.parents)


def stranger(value: Mapping[str, Any]) -> str:
    """Return why a mapping is no Kubernetes object, or an empty string. One with only some of the marks is an object with a fault."""
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(api_version, str) and api_version.startswith("kustomize.config.k8s.io/"):
        return "is read by kustomize, not by a cluster: kubectl kustomize FOLDER | kubestill check -"
    if kind is None and api_version in ("v1", "v2") and {"name", "version"} <= value.keys() and "metadata" not in value:
        return "is the Chart.yaml of a Helm chart, no Kubernetes object"
    if value.keys().isdisjoint(_MARKS):
        return "is no Kubernetes object: it has no apiVersion, kind or metadata"
    return ""


_MARKS = frozenset(("apiVersion", "kind", "metadata"))
A_LIST = "is no Kubernetes object: it is a list"
