"""A manifest changed over an engine that says what it is told: the new text, its difference, and what a person is told."""

from collections.abc import Sequence

import pytest

from kubestill.ground.errors import UserError
from kubestill.pipeline import serving
from kubestill.pipeline.models import Model
from kubestill.pipeline.serving import ask_model
from kubestill.serving.answer import Answer
from kubestill.serving.api import Inquiry
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


def changed(monkeypatch: pytest.MonkeyPatch, request: str, engine: Notes, manifest: str = CONFIG, document: int | None = None) -> Answer:
    monkeypatch.setattr(serving, "load_engine", lambda model: engine)
    return ask_model(MODEL, Inquiry(request, manifest=manifest, document=document, file="shop.yaml"))


def test_what_is_removed_goes_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Notes("remove: data LEVEL", unused=("db", "LEVEL"))
    found = changed(monkeypatch, "remove LEVEL", engine)
    assert found.reply.text == CONFIG.replace('  LEVEL: "3"  # how much\n', "") and found.change and not found.change.remarks
    assert '-  LEVEL: "3"  # how much' in found.change.diff and "a/shop.yaml" in found.change.diff
    assert engine.asked[0].startswith("Change this manifest: remove LEVEL\n\napiVersion: v1")
    assert found.reply.unused == ("LEVEL",)  # `db` is what the object says


def test_a_new_name_is_told_with_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    found = changed(monkeypatch, "call it store", Notes("rename: store"))
    assert found.reply.text == CONFIG.replace("name: shop", "name: store")
    assert any("calls this ConfigMap shop elsewhere" in line for line in found.told())
    assert found.change and found.record()["remarks"] == list(found.change.remarks)


def test_what_the_request_does_not_say_is_asked_once_more_without(monkeypatch: pytest.MonkeyPatch) -> None:
    found = changed(monkeypatch, "remove LEVEL", Notes("remove: data HOST", "remove: data LEVEL"))
    assert "HOST" in found.reply.text and "LEVEL" not in found.reply.text


@pytest.mark.parametrize(
    ("request_text", "noted", "reason"),
    [
        ("remove OTHER", "remove: data OTHER", "there is no data OTHER"),
        ("remove LEVEL", "data: LEVEL 3", "what is to be removed or renamed was not understood"),
    ],
)
def test_what_cannot_be_is_one_error(monkeypatch: pytest.MonkeyPatch, request_text: str, noted: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        changed(monkeypatch, request_text, Notes(noted))


def test_one_of_several_objects_is_changed_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{CONFIG}---\n{CONFIG}"
    with pytest.raises(UserError, match="holds 2 objects; choose one"):
        changed(monkeypatch, "remove LEVEL", Notes("remove: data LEVEL"), text)
    with pytest.raises(UserError, match="they count from 0"):
        changed(monkeypatch, "remove LEVEL", Notes("remove: data LEVEL"), text, 2)
    found = changed(monkeypatch, "remove LEVEL", Notes("remove: data LEVEL"), text, 1)
    assert found.reply.text == text.rpartition("  LEVEL")[0] and found.verdict.passed


@pytest.mark.parametrize("text", [" ", "- a\n", "{{ .Values.x }}", "a: [", "\x00", "\ud800"])
def test_a_text_without_a_manifest_is_one_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(UserError, match=r"shop\.yaml"):
        changed(monkeypatch, "remove LEVEL", Notes("remove: data LEVEL"), text)
