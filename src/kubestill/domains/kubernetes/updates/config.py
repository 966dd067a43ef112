"""Rules about what may change in ConfigMaps and Secrets. No message shows the value of a key: it may be a secret."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import table
from kubestill.domains.kubernetes.updates.examples import step
from kubestill.domains.kubernetes.updates.meaning import same
from kubestill.domains.kubernetes.updates.rule import FrozenRule, Update, UpdateRule, shown

_CONFIG = head("v1", "ConfigMap")
_SECRET = head("v1", "Secret")
_NEW_NAME = "Make an object with a new name and let the pods use that, or delete this one and create it anew."


class ImmutableData(UpdateRule):
    """ValidateConfigMapUpdate, ValidateSecretUpdate: with immutable: true the data stay as they are, and so does the mark."""

    code, remedy, kinds = "K8S685", _NEW_NAME, frozenset({"ConfigMap", "Secret"})
    bad = (
        step(_CONFIG + "immutable: true\ndata: {a: b}\n", _CONFIG + "immutable: true\ndata: {a: c}\n"),
        step(_CONFIG + "immutable: true\ndata: {a: b}\n", _CONFIG + "data: {a: b}\n"),
        step(_SECRET + "immutable: true\nstringData: {a: b}\n", _SECRET + "immutable: true\nstringData: {a: b, c: d}\n"),
    )
    good = (
        step(_CONFIG + "data: {a: b}\n", _CONFIG + "immutable: true\ndata: {a: c}\n"),
        step(_SECRET + "immutable: true\nstringData: {a: b}\n", _SECRET + "immutable: true\ndata: {a: Yg==}\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Compare mark and keys, where the old object had the mark."""
        if update.old.get("immutable") is not True:
            return
        if update.after.get("immutable") is not True:
            yield "immutable", f"found {shown(update.after.get('immutable'))}, expected boolean true as before"
        for name in ("data", "binaryData"):
            before, after = (_data(whole, name, update.kind == "Secret") for whole in (update.old, update.after))
            for key in sorted(before.keys() | after.keys()):
                if key not in before or key not in after:
                    yield field(name, key), f"found the key {'added' if key in after else 'gone'}, expected the same keys as before"
                elif not same(before[key], after[key]):
                    yield field(name, key), "found another value, expected the same as before"


def _data(whole: Mapping[str, Any], name: str, is_secret: bool) -> Mapping[str, Any]:
    """Return the values of a field by key; those of a Secret decoded, with what stringData writes over them."""
    data = table(whole.get(name))
    if not is_secret or name != "data":
        return data
    return {**{key: _decoded(value) for key, value in data.items()}, **{k: _encoded(v) for k, v in table(whole.get("stringData")).items()}}


def _decoded(value: Any) -> Any:
    try:
        return base64.b64decode("".join(value.split()), validate=True) if isinstance(value, str) else value
    except (binascii.Error, ValueError):
        return value


def _encoded(value: Any) -> Any:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


class SecretType(FrozenRule):
    """ValidateSecretUpdate: type is immutable."""

    code, remedy = "K8S686", _NEW_NAME
    kinds, fields = frozenset({"Secret"}), ("type",)
    bad = (step(_SECRET, _SECRET + "type: example.com/a\n"), step(_SECRET + "type: example.com/a\n", _SECRET + "type: example.com/b\n"))
    good = (step(_SECRET, _SECRET + "type: Opaque\n"), step(_SECRET, _SECRET + "stringData: {a: b}\n"))
