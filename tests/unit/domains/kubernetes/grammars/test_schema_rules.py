import json
from pathlib import Path
from time import process_time

import pytest

from kubestill.domains.kubernetes.definitions import CustomKind, Kind, strict_root
from kubestill.domains.kubernetes.grammars import source
from kubestill.domains.kubernetes.grammars.manifest import manifest_grammar
from kubestill.domains.kubernetes.grammars.words import between, up_to
from kubestill.domains.kubernetes.schema import Schemas, schemas
from kubestill.ground.errors import UserError
from unit.domains.kubernetes.grammars.bytewise import Bytewise

WEB = Kind("example.com", "v1", "Web")
HEAD = "apiVersion: example.com/v1\nkind: Web\nmetadata:\n  name: a\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def with_spec(spec: dict[str, object]) -> Schemas:
    schema = {"type": "object", "properties": {"spec": spec}}
    return Schemas("1.36", [CustomKind(WEB, schema, strict_root(schema), 0)])


def grammar_of(spec: dict[str, object]) -> Bytewise:
    return Bytewise(manifest_grammar([("example.com/v1", "Web")], with_spec(spec)).text)


@pytest.mark.parametrize("limit", [0, 1, 9, 10, 255, 65535, 2**31 - 1])
def test_whole_numbers_up_to_a_limit(limit: int) -> None:
    import re

    for number in {0, 1, 9, 10, 11, 99, 100, limit // 2, max(0, limit - 1), limit, limit + 1, limit * 10 + 9}:
        assert bool(re.fullmatch(up_to(limit), str(number))) == (number <= limit)
    assert re.fullmatch(between(-limit, limit), str(-limit)) or limit == 0


def test_a_custom_kind_is_closed_and_its_numbers_are_bounded() -> None:
    web = grammar_of(
        {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 12},
                "mode": {"type": "string", "enum": ["on", "slow"]},
                "more": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "port": {"x-kubernetes-int-or-string": True},
            },
        }
    )
    assert web.takes(HEAD + 'spec:\n  mode: "on"\n  size: 12\n  more:\n    a:\n    - b: 1\n      c: [] \n'.replace("[] ", "[]"))
    assert web.takes(HEAD + "spec:\n  size: 1\n  port: http\n")
    for wrong in ("size: 13", "size: 1\n  mode: on", "mode: slow", "size: 1\n  sise: 1"):
        assert not web.takes(HEAD + f"spec:\n  {wrong}\n"), wrong


def test_an_object_of_more_fields_than_bits_still_has_none_twice() -> None:
    names = [f"f{number:02}" for number in range(80)]
    web = grammar_of({"type": "object", "properties": {name: {"type": "boolean"} for name in names}})
    lines = "".join(f"  {name}: true\n" for name in names)
    assert web.takes(HEAD + "spec:\n" + lines)
    assert not web.takes(HEAD + "spec:\n" + lines + "  f79: true\n")


@pytest.mark.parametrize("shape", ["wide", "deep", "lists"])
def test_hostile_definitions_are_refused_in_a_sentence(shape: str) -> None:
    spec: dict[str, object] = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(100_000)}}
    if shape != "wide":
        spec = {"type": "string"}
        for _ in range(200):
            spec = {"type": "object", "properties": {"a": spec}} if shape == "deep" else {"type": "array", "items": spec}
    known = with_spec(spec)
    start = process_time()
    with pytest.raises(UserError, match=r"fields|deep"):
        manifest_grammar([("example.com/v1", "Web")], known)
    assert process_time() - start < 20  # seconds of a machine under any load; by itself it takes half of one


def test_rules_are_read_from_disk_and_a_broken_file_is_written_anew(tmp_path: Path) -> None:
    first = manifest_grammar([("v1", "Service")], Schemas("1.36")).text
    [path] = (tmp_path / "kubestill" / source.FOLDER).iterdir()
    path.write_text(json.dumps({**json.loads(path.read_text()), "deepest": 9}))
    assert manifest_grammar([("v1", "Service")], Schemas("1.36")).text != ""
    for broken in ("", "{", "[]", '{"text": 1}'):
        path.write_text(broken)
        assert manifest_grammar([("v1", "Service")], Schemas("1.36")).text == first
        assert json.loads(path.read_text())["roots"] == ["service"]


def test_rules_of_the_same_schema_have_not_changed_unless_their_version_has() -> None:
    """A cache on disk holds what an earlier version wrote: change RULES_VERSION with what is pinned here."""
    import hashlib

    kinds = [Kind("apps", "v1", "Deployment"), Kind("", "v1", "ConfigMap"), Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")]
    digests = [hashlib.sha256(repr(source.write_rules(schemas(), [kind], False)).encode()).hexdigest()[:12] for kind in kinds]
    assert (source.RULES_VERSION, digests) == (4, ["3fa61896eaed", "765c2c4aae8d", "46a2581701f0"])
