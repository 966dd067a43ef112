"""Every fix: code of the finding → the functions that may mend it, in the order in which they are asked. A test holds it to the folder."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

from kubestill.domains.kubernetes.fixes.fault import Fault, Proposal

Fix = Callable[[Fault], Proposal | None]
_HERE = "kubestill.domains.kubernetes.fixes"

FIXES: Mapping[str, tuple[str, ...]] = {
    "K8S012": ("doubles:key",),
    "K8S020": ("fields:top_field", "versions:missing_version"),
    "K8S021": ("versions:kind", "versions:version"),
    "K8S022": ("fields:misspelt",),
    "K8S023": ("values:typed",),
    "K8S024": ("labels:selector",),
    "K8S025": ("values:cased",),
    "K8S026": ("values:measured",),
    "K8S027": ("doubles:item",),
    "K8S113": ("versions:version",),
    "K8S115": ("values:ruled",),
    "K8S117": ("labels:agree",),
    "K8S121": ("doubles:item",),
    "K8S130": ("doubles:item",),
    "K8S134": ("doubles:item",),
    "K8S140": ("values:stripped",),
    "K8S141": ("doubles:item",),
    "K8S144": ("doubles:item",),
    "K8S156": ("values:port",),
    "K8S161": ("values:percentage",),
    "K8S170": ("doubles:item", "values:port"),
    "K8S171": ("doubles:item",),
    "K8S186": ("values:port",),
    "K8S201": ("labels:group",),
    "K8S202": ("labels:group",),
    "K8S212": ("values:ruled",),
    "K8S213": ("values:percentage",),
}


@cache
def load(name: str) -> Fix:
    """Return a fix by its "module:function"."""
    module, _, function = name.partition(":")
    fix: Fix = getattr(import_module(f"{_HERE}.{module}"), function)
    return fix


def proposal(fault: Fault) -> Proposal | None:
    """Return what the first fix that knows the fault proposes; None where none does."""
    for name in FIXES.get(fault.finding.code, ()):
        if (found := load(name)(fault)) is not None:
            return found
    return None
