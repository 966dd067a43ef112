import gzip
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.manifests import documents
from kubestill.ground.errors import UserError

SHARED = Path(__file__).parents[6] / "shared" / "data" / "manifests.jsonl.gz"


def manifest(name, kind="ConfigMap"):
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n"


def split(path):
    found = list(documents(path))
    return [item for item in found if isinstance(item, Document)], [item.reason for item in found if isinstance(item, Drop)]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_folder_gives_every_document_with_its_text_and_place(tmp_path):
    write(tmp_path / "shop" / "a.yaml", "# head\n" + manifest("a") + "---\n---\n" + manifest("b", "Secret"))
    write(tmp_path / "shop" / "c.json", json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c"}}))
    write(tmp_path / "bare.yml", manifest("d"))
    write(tmp_path / "readme.md", "# words")
    found, dropped = split(tmp_path)
    assert dropped == []
    assert [(one.kind, one.source["path"], one.unit) for one in found] == [
        ("ConfigMap", "bare.yml", tmp_path.name),
        ("ConfigMap", "shop/a.yaml", "shop"),
        ("Secret", "shop/a.yaml", "shop"),
        ("Namespace", "shop/c.json", "shop"),
    ]
    assert found[2].text == manifest("b", "Secret")
    assert [one.id for one in found] == [hashlib.sha256(one.text.encode()).hexdigest()[:16] for one in found]
    assert split(tmp_path)[0] == found  # the same order again


def test_what_is_left_out_is_counted_by_its_reason(tmp_path):
    write(tmp_path / "template.yaml", manifest("{{ .Values.name }}"))
    write(tmp_path / "chart" / "Chart.yaml", "name: x\n")
    write(tmp_path / "chart" / "templates" / "a.yaml", manifest("a"))
    write(tmp_path / "values.yaml", "a: 1\n")
    write(tmp_path / "broken.yaml", "a: [\n---\n" + manifest("kept") + "---\na: 1\na: 2\n")
    write(tmp_path / "list.yaml", "- 1\n")
    write(tmp_path / "other.yaml", "key: value\n")
    write(tmp_path / "large.yaml", manifest("large") + "data:\n  a: " + "x" * 17_000 + "\n")
    write(tmp_path / ".github" / "workflow.yaml", manifest("ci"))
    write(tmp_path / "vendor" / "a.yaml", manifest("vendored"))
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    os.mkfifo(tmp_path / "pipe.yaml")
    found, dropped = split(tmp_path)
    assert [one.text for one in found] == [manifest("kept")]
    assert sorted(dropped) == [
        "a document that is no object",
        "a file of another program",
        "document over 16 KiB",
        "in a Helm chart",
        "no apiVersion and kind",
        "not a plain file",
        "not readable YAML",
        "not readable YAML",
        "not readable as UTF-8",
        "template markers",
    ]


def test_items_of_a_list_become_documents(tmp_path):
    text = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"- apiVersion: v1\n  kind: Namespace\n  metadata: {{name: n{i}}}\n" for i in (1, 2)
    )
    write(tmp_path / "list.yaml", text)
    found, _ = split(tmp_path)
    assert [one.text for one in found] == [manifest("n1", "Namespace"), manifest("n2", "Namespace")]


def test_a_git_clone_names_repository_commit_and_licence(tmp_path):
    clone = tmp_path / "things" / "clone"
    write(clone / "deploy" / "a.yaml", manifest("a"))
    write(clone / "LICENSE", "                                 Apache License\n                           Version 2.0\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *identity, *command], cwd=clone, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True).stdout.strip()
    for top, path in ((tmp_path, "things/clone/deploy/a.yaml"), (clone, "deploy/a.yaml")):
        [document], _ = split(top)
        assert document.source == {"repository": "clone", "commit": head, "licence": "Apache-2.0", "path": path}
    subprocess.run(["git", *identity, "pack-refs", "--all"], cwd=clone, check=True, capture_output=True)
    assert split(clone)[0][0].source["commit"] == head


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_json_lines(tmp_path, suffix):
    rows = [
        json.dumps({"repo": "a/b", "commit": "c", "path": "p.yaml", "licence": "MIT", "kind": "ConfigMap", "text": manifest("a")}),
        json.dumps({"text": manifest("b", "Secret")}),
        "not json",
        "[" * 100_000,
        json.dumps({"kind": "ConfigMap"}),
        json.dumps({"text": "just words"}),
        json.dumps({"text": "a: 1"}),
        json.dumps({"text": "x" * 20_000, "kind": "A"}),
        json.dumps([1]),
        "",
    ]
    path = tmp_path / f"rows{suffix}"
    data = "\n".join(rows).encode()
    path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    found, dropped = split(path)
    assert [(one.kind, one.unit) for one in found] == [("ConfigMap", "a/b"), ("Secret", path.name)]
    assert found[0].source == {"repository": "a/b", "path": "p.yaml", "commit": "c", "licence": "MIT"}
    assert dropped == [
        "line is not JSON", "line is not JSON", "record without text", "not one readable manifest",
        "no apiVersion and kind", "document over 16 KiB", "record without text",
    ]  # fmt: skip


def test_what_cannot_be_read_at_all_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        documents(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UserError, match="cannot read this type of file"):
        documents(tmp_path / "a.txt")
    (tmp_path / "a.jsonl.gz").write_text("not gzip")
    with pytest.raises(UserError, match="not a whole gzip file"):
        list(documents(tmp_path / "a.jsonl.gz"))


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/manifests.jsonl.gz is not here")
def test_the_corpus_of_real_manifests_is_read_whole():
    found, dropped = split(SHARED)
    assert len(found) == 14_973 and dropped == []
    assert len({one.unit for one in found}) == 144
