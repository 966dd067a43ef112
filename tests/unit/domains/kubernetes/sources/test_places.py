import gzip
import json
import os
import subprocess

import pytest

from kubestill.domains.api import Drop
from kubestill.domains.kubernetes.sources import alerts, commands, definitions, exchanges, fields, manifests, pages, places, runbooks
from kubestill.ground.errors import UserError

READERS = {reader.__name__.rpartition(".")[2]: reader for reader in (alerts, commands, definitions, exchanges, fields, pages, runbooks)}
LINES = sorted(READERS.keys() - {"fields", "definitions"})


def listed(reader, path):
    return list(READERS[reader].documents(path))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("name", "content", "found"),
    [("gone", None, "no such file or folder"), ("a.exe", b"MZ", "cannot read this type of file")],
)
def test_what_cannot_be_read_is_one_clear_error(tmp_path, reader, name, content, found):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=found) as error:
        listed(reader, tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_a_form_that_is_read_from_a_file_alone_takes_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"is a folder, .*; give a file that ends in \.json"):
        listed("fields", tmp_path)


@pytest.mark.parametrize("reader", LINES)
def test_lines_of_strangers_are_drops(tmp_path, reader):
    rows = [
        b"not json", b"[" * 100_000, b"[1]", b'{"text": 3}', b"\xff\xfe",
        b'{"text": "\\ud800", "title": "kubectl get", "alert": "\\ud800A"}',
        b'{"text": {"a": 1}, "alert": [], "expr": {}}', b'{"text": ""}', b"",
    ]  # fmt: skip
    if reader == "exchanges":
        rows.insert(0, b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\\udc80"}]}')
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(b"\n".join(rows)))
    found = listed(reader, tmp_path / "rows.jsonl.gz")
    assert found and all(isinstance(one, Drop) for one in found)


@pytest.mark.parametrize("reader", LINES)
def test_a_bomb_is_told_before_it_fills_the_memory(tmp_path, reader):
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=9) as stream:
        for _ in range(96):
            stream.write(b" " * 2**20)
    with pytest.raises(UserError, match="unpacks to more than 200 times its size"):
        listed(reader, path)
    (tmp_path / "cut.jsonl.gz").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a whole gzip file"):
        listed(reader, tmp_path / "cut.jsonl.gz")


@pytest.mark.parametrize("reader", ["commands", "fields", "exchanges"])
@pytest.mark.parametrize(
    ("text", "found"), [("[1, 2", "not JSON"), ("[" * 100_000, "not JSON"), ('"a"', "holds no"), ('{"a": 1}', "holds no")]
)
def test_json_that_is_something_else_is_told(tmp_path, reader, text, found):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=found):
        listed(reader, tmp_path / "a.json")


def test_links_pipes_and_deep_folders_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("# Secret\n\nwords of another tree\n")
    top = tmp_path / "top"
    deep = top.joinpath(*["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "deep.md").write_text("too deep\n")
    (top / "link.md").symlink_to(outside / "secret.md")
    (top / "folder").symlink_to(outside)
    (top / "loop").symlink_to(top)
    (top / "wide.md").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(top / "pipe.md")
    (top / "plain.md").write_text("# Plain\n\nwords\n")
    found = list(pages.documents(top))
    assert [one.reason if isinstance(one, Drop) else one.source["title"] for one in found] == [
        places.NO_PLAIN_FILE, places.NO_PLAIN_FILE, "Plain", places.NOT_UTF8,
    ]  # fmt: skip


def test_a_line_without_end_is_left_out_and_the_next_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "MAX_LINE_BYTES", 1_000)
    (tmp_path / "a.jsonl").write_text('{"a": "' + "x" * 5_000 + '"}\n{"b": 1}\n')
    assert list(places.records(tmp_path / "a.jsonl")) == [Drop("line over 16 MiB"), {"b": 1}]


def test_a_clone_cannot_name_a_file_of_ours_as_its_commit(tmp_path):
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    (tmp_path / "secret").write_text("a" * 40)
    (tmp_path / "clone" / "page.md").write_text("# A\n\nwords\n")
    for head in ("ref: ../../secret", "ref: refs/../../../secret", "rubbish", "ref: refs/heads/none"):
        (tmp_path / "clone" / ".git" / "HEAD").write_text(head)
        [page] = pages.documents(tmp_path / "clone")
        assert "commit" not in page.source and page.source["repository"] == "clone"


@pytest.mark.parametrize(
    ("head", "known"),
    [
        ("Attribution 4.0 International\n\n====", "CC-BY-4.0"),
        ("                    GNU AFFERO GENERAL PUBLIC LICENSE\n", "AGPL-3.0"),
        ("MIT License\n", "MIT"),
        ("All rights reserved\n", ""),
    ],
)
def test_the_licence_of_a_folder_is_what_its_file_says(tmp_path, head, known):
    (tmp_path / "LICENSE").write_text(head)
    assert places.licence_of(tmp_path) == known


def test_provenance_of_a_clone_reaches_every_form(tmp_path):
    clone = tmp_path / "ours"
    (clone / "runbooks").mkdir(parents=True)
    (clone / "LICENSE").write_text("MIT License\n")
    (clone / "runbooks" / "ShopDown.md").write_text("# ShopDown\n\nThe shop is down. Look at its pods.\n")
    (clone / "rules.yaml").write_text("groups:\n- name: a\n  rules:\n  - alert: ShopDown\n    expr: up == 0\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *identity, *command], cwd=clone, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True).stdout.strip()
    [runbook], [rule] = runbooks.documents(clone), alerts.documents(clone)
    known = {"repository": "ours", "commit": head, "licence": "MIT", "page": "ShopDown"}
    assert runbook.source == {**known, "path": "runbooks/ShopDown.md", "title": "ShopDown"}
    assert rule.source == {**known, "path": "rules.yaml"}
    assert runbook.unit == rule.unit == "ShopDown"


def test_a_record_with_half_a_character_is_a_drop_that_can_be_written(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "apiVersion: v1\nkind: A\nmetadata: {name: \ud800}", "kind": "A"}))
    assert list(manifests.documents(tmp_path / "a.jsonl")) == [Drop(places.NOT_UTF8)]
