"""Rules about ConfigMaps and Secrets."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import View, table

_MAP, _SECRET = head("v1", "ConfigMap"), head("v1", "Secret")
_MAX_BYTES = 2**20  # core: MaxSecretSize, and the same for ConfigMaps
_PARTS = ("data", "binaryData", "stringData")

# core/validation ValidateSecret: keys that a type of secret must have; of a tuple of tuples, one from each.
_REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "kubernetes.io/tls": (("tls.crt",), ("tls.key",)),
    "kubernetes.io/dockerconfigjson": ((".dockerconfigjson",),),
    "kubernetes.io/dockercfg": ((".dockercfg",),),
    "kubernetes.io/basic-auth": (("username", "password"),),
    "kubernetes.io/ssh-auth": (("ssh-privatekey",),),
}


class DataKeys(ObjectRule):
    """Keys become file names: letters, digits, '-', '_' and '.'; no key stands in both data and binaryData."""

    code, remedy = "K8S195", "Rename the key."
    kinds = frozenset({"ConfigMap", "Secret"})
    bad = (_MAP + "data:\n  my key: x\n", _MAP + "data:\n  a/b: x\n", _MAP + "data:\n  a: x\nbinaryData:\n  a: eA==\n")
    good = (_MAP + "data:\n  app.properties: x\n  UPPER_case-1: x\n", _SECRET + "stringData:\n  a: x\n")

    def faults(self, view: View) -> Faults:
        """Look at every key."""
        for part in _PARTS:
            for key in table(view.object.get(part)):
                if fault := formats.config_key(key):
                    yield field(part, key), f"key {key!r} {fault}"
        for key in table(view.object.get("data")).keys() & table(view.object.get("binaryData")).keys():
            yield field("binaryData", key), f"key {key!r} stands in data too"


class DataSize(ObjectRule):
    """A ConfigMap or Secret holds at most 1 MiB."""

    code, remedy = "K8S196", "Split the data, or mount it from a volume."
    kinds = frozenset({"ConfigMap", "Secret"})
    bad = (_MAP + "data:\n  a: " + "x" * (_MAX_BYTES + 1) + "\n",)
    good = (_MAP + "data:\n  a: x\n",)

    def faults(self, view: View) -> Faults:
        """Add up the values."""
        total = sum(len(value or "") for part in _PARTS for value in table(view.object.get(part)).values())
        limit = _MAX_BYTES if view.kind == "ConfigMap" else _MAX_BYTES * 4 // 3  # base64 in the text
        if total > limit:
            yield "data", f"holds {total:,} characters; the limit is {_MAX_BYTES:,} bytes"


class SecretTypes(ObjectRule):
    """The types of Secrets that Kubernetes knows have the keys that their users look for."""

    code, remedy = "K8S197", "Add the key, or use type Opaque."
    kinds = frozenset({"Secret"})
    bad = (
        _SECRET + "type: kubernetes.io/tls\nstringData:\n  tls.crt: x\n",
        _SECRET + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: not json\n",
        _SECRET + "type: kubernetes.io/service-account-token\n",
    )
    good = (_SECRET + "type: kubernetes.io/basic-auth\nstringData:\n  username: a\n", _SECRET + "type: example.com/mine\n")

    def faults(self, view: View) -> Faults:
        """Compare type and keys."""
        kind, keys = view.object.get("type") or "Opaque", _keys(view.object)
        for choice in _REQUIRED.get(kind, ()):
            if not any(name in keys for name in choice):
                yield field("data", choice[0]), f"type {kind} needs the key {' or '.join(choice)}"
            elif choice[0].startswith(".docker") and not _is_json(view.object, choice[0]):
                yield field("data", choice[0]), "expected JSON"
        if kind == "kubernetes.io/service-account-token":
            name = table(view.metadata.get("annotations")).get("kubernetes.io/service-account.name")
            if not name:
                yield "metadata.annotations[kubernetes.io/service-account.name]", f"type {kind} needs this annotation"


def _keys(value: Mapping[str, Any]) -> set[str]:
    return {*table(value.get("data")), *table(value.get("stringData"))}


def _is_json(value: Mapping[str, Any], key: str) -> bool:
    text = table(value.get("stringData")).get(key)
    try:
        json.loads(text if text is not None else base64.b64decode(table(value.get("data")).get(key) or ""))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return True
