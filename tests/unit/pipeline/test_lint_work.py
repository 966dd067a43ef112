"""However a file is cut and whoever judges it, the verdicts are those of the whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from kubestill.pipeline import lint_work
from kubestill.pipeline.lint_work import Against, cut, domain_of, judge_contents
from kubestill.pipeline.linting import Asked, Lint

ROW = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{n}\ndata:\n  a: {value}\n"


def text(count: int) -> str:
    rows = [ROW.format(n=number, value="b" if number % 7 else 1) for number in range(count)]
    return "# head\n---\n" + "---\n".join(rows) + "--- # more\na: [\n---\n" + ROW.format(n="last", value="b: c")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 90, 1000, 10**9])
def test_pieces_are_the_file_and_judge_as_it_does(monkeypatch: pytest.MonkeyPatch, size: int, ending: str) -> None:
    content = text(60).replace("\n", ending).encode()
    monkeypatch.setattr(lint_work, "PIECE_BYTES", size)
    pieces = list(cut("a.yaml", content))
    assert b"".join(piece.content for piece in pieces) == content and (len(pieces) > 1) == (size < 10**9)
    assert [piece.line for piece in pieces] == [content[: content.index(piece.content)].count(b"\n") for piece in pieces]
    domain = domain_of(Against())
    whole = domain.check_text(content, "a.yaml")
    found = list(judge_contents(iter([("a.yaml", content), ("b.yaml", content)]), Against(), domain))
    for name, part in (("a.yaml", found[: len(whole)]), ("b.yaml", found[len(whole) :])):
        assert [replace(one, manifest=None) for one in part] == [replace(one, manifest=None, file=name) for one in whole]


def test_several_processes_tell_the_same_in_the_same_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.yaml").write_text(text(8 + number))
    monkeypatch.setattr(lint_work, "PIECE_BYTES", 2_000)
    alone = [list(Lint(Asked(together=together)).files([tmp_path])) for together in (True, False)]
    monkeypatch.setattr(lint_work, "ALONE_PIECES", 2)
    monkeypatch.setenv("KUBESTILL_PROCESSES", "2")
    assert [list(Lint(Asked(together=together)).files([tmp_path])) for together in (True, False)] == alone
    assert len({one.file for one in alone[0]}) == 12 and {one.status for one in alone[0]} == {"pass", "fail"}
