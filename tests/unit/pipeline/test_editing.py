"""`ask --edit` over an engine that says what it is told: the file's text, its difference, and what a person is told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.pipeline import editing
from kubestill.pipeline.answer import Wish
from kubestill.pipeline.editing import edit_file
from kubestill.pipeline.models import Model
from kubestill.tools.engines.api import Ask, Reply
from kubestill.tools.grammar.api import Guide

MODEL = Model("somewhere", "a student", "kubernetes")
CONFIG = """\
# of the shop
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  HOST: 'db'  # where it is
  LEVEL: "3"  # how much
"""


class Notes:
    """An engine that notes: each reply's notes in turn."""

    name, notes = "notes", True

    def __init__(self, *noted: str, unused: tuple[str, ...] = ()) -> None:
        self.noted, self.unused, self.asked = list(noted), unused, list[str]()

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        self.asked += requests
        return [Reply("an answer", 1, 1, notes=f"kind: ConfigMap\nname: shop\n{self.noted.pop(0)}", unused=self.unused)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(CONFIG)
    return tmp_path / "shop.yaml"


def changed(monkeypatch: pytest.MonkeyPatch, file: Path, request: str, engine: Notes) -> editing.Edited:
    monkeypatch.setattr(editing, "load_engine", lambda model: engine)
    return edit_file(MODEL, file, request, None, Wish())


def test_what_is_removed_goes_with_its_line(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    engine = Notes("remove: data LEVEL", unused=("db", "LEVEL"))
    found = changed(monkeypatch, file, "remove LEVEL", engine)
    assert found.text == CONFIG.replace('  LEVEL: "3"  # how much\n', "") and not found.remarks
    assert '-  LEVEL: "3"  # how much' in found.diff and file.read_text() == CONFIG
    assert engine.asked[0].startswith("Change this manifest: remove LEVEL\n\napiVersion: v1")
    assert found.answer.reply.unused == ("LEVEL",)  # `db` is what the object says


def test_a_new_name_is_told_with_what_it_leaves(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    found = changed(monkeypatch, file, "call it store", Notes("rename: store"))
    assert found.text == CONFIG.replace("name: shop", "name: store")
    assert any("calls this ConfigMap shop elsewhere" in line for line in found.told())
    assert found.record()["remarks"] == list(found.remarks)


def test_what_the_request_does_not_say_is_asked_once_more_without(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    found = changed(monkeypatch, file, "remove LEVEL", Notes("remove: data HOST", "remove: data LEVEL"))
    assert "HOST" in found.text and "LEVEL" not in found.text


@pytest.mark.parametrize(
    ("request_text", "noted", "reason"),
    [
        ("remove OTHER", "remove: data OTHER", "there is no data OTHER"),
        ("remove LEVEL", "data: LEVEL 3", "what is to be removed or renamed was not understood"),
    ],
)
def test_what_cannot_be_is_one_error(monkeypatch: pytest.MonkeyPatch, file: Path, request_text: str, noted: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        changed(monkeypatch, file, request_text, Notes(noted))
