"""Files that are no files: nothing waits, nothing is read without end, and the others are checked."""

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.pipeline import lint_files
from kubestill.pipeline.lint_files import Unread, contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.json").write_text("{}")
    (tmp_path / "b" / "d.txt").write_text("no manifest")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_names(folder: Path) -> None:
    (folder / "b.yml").write_text("b: 1\n")
    (folder / ".yaml").write_text("c: 1\n")
    found = list(contents([folder, Path("-")], b"stdin"))
    assert [(str(Path(name).relative_to(folder)) if name[0] == "/" else name, content) for name, content in found] == [
        (".yaml", b"c: 1\n"), ("a.yaml", b"a: 1\n"), ("b/c.json", b"{}"), ("b.yml", b"b: 1\n"), ("<stdin>", b"stdin"),
    ]  # fmt: skip
    assert [Path(name) for name, _ in found[:-1]] == sorted(
        file for file in folder.rglob("*") if file.suffix not in (".txt", "") or file.name == ".yaml"
    )


def test_what_is_no_file_is_told_of_and_the_others_are_read(folder: Path) -> None:
    os.mkfifo(folder / "fifo.yaml")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "gone.yaml").symlink_to("nothing")  # what a file that vanishes while the folder is walked looks like
    (folder / "zero.yaml").symlink_to("/dev/zero")
    (folder / "folder.yaml").symlink_to("b")
    (folder / "b" / "up").symlink_to("..")  # a loop of folders
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.yaml"))
        unread: list[Unread] = []
        assert [Path(name).name for name, _ in contents([folder], b"", unread)] == ["a.yaml", "c.json"]
    told = {Path(one.file).name: (one.status, one.reason) for one in unread}
    assert told.keys() == {"fifo.yaml", "loop.yaml", "gone.yaml", "zero.yaml", "folder.yaml", "s.yaml"}
    assert told["fifo.yaml"] == ("skip", "is a FIFO, not a file") and told["zero.yaml"] == ("skip", "is a device, not a file")
    assert told["folder.yaml"] == ("skip", "is a folder, not a file") and told["gone.yaml"][0] == "skip"
    assert told["loop.yaml"][0] == "error" and "symbolic links" in told["loop.yaml"][1]
    with pytest.raises(UserError, match=r"loop\.yaml: cannot be read"):
        list(contents([folder], b""))  # nobody to tell of it: definitions, say


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_file_that_fails_while_it_is_read(folder: Path) -> None:
    (folder / "memory.yaml").symlink_to("/proc/self/mem")
    unread: list[Unread] = []
    assert len(list(contents([folder], b"", unread))) == 2
    assert [(Path(one.file).name, one.status) for one in unread] == [("memory.yaml", "error")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_without_permission(folder: Path) -> None:
    (folder / "a.yaml").chmod(0)
    (folder / "b").chmod(0)
    unread: list[Unread] = []
    assert list(contents([folder], b"", unread)) == []
    assert [(Path(one.file).name, one.status) for one in unread] == [("a.yaml", "error"), ("b", "error")]
    (folder / "b").chmod(0o700)
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        list(contents([folder / "a.yaml"], b""))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "nothing.yaml", "a" * 5000, "a.yaml/b"])
def test_a_path_that_is_named_and_no_file_is_the_users_mistake(path: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(UserError):
        list(contents([Path(path)], b"", []))


def test_a_fifo_that_is_named_is_read_to_its_end_and_one_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(UserError, match="a FIFO that nobody writes to"):
        list(contents([fifo], b""))
    large = b"a: 1\n" * 100_000
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer may open
    writer = os.open(fifo, os.O_WRONLY)

    def write() -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(large)

    thread = threading.Thread(target=write)
    thread.start()
    assert list(contents([fifo], b"")) == [(str(fifo), large)]
    thread.join()
    os.close(reader)


def test_a_file_larger_than_any_manifest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint_files, "FILE_BYTES", 4)
    unread: list[Unread] = []
    assert [content for _, content in contents([folder], b"", unread)] == [b"{}"]
    assert "is larger than" in unread[0].reason and unread[0].status == "error"
    with pytest.raises(UserError, match="is larger than"):
        list(contents([folder / "a.yaml"], b""))


def test_a_name_that_is_not_utf_8_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_bytes(b"a: 1\n")
    [(name, _)] = contents([tmp_path], b"")
    assert name.encode() and name.endswith("\ufffd.yaml")


def test_folders_deeper_than_calls_may_nest(tmp_path: Path) -> None:
    """Names stay short enough for the system: it takes paths of 4,096 bytes."""
    deep = tmp_path
    for _ in range(1_050):
        deep = deep / "d"
        deep.mkdir()
    (deep / "a.yaml").write_text("a: 1\n")
    assert [Path(name) for name, _ in contents([tmp_path], b"")] == [deep / "a.yaml"]
    while deep != tmp_path:  # pytest's own clean-up calls itself for each level
        for file in deep.glob("*.yaml"):
            file.unlink()
        deep.rmdir()
        deep = deep.parent


def test_a_folder_without_manifests_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no \*\.yaml, \*\.yml, \*\.json"):
        list(contents([tmp_path], b""))
