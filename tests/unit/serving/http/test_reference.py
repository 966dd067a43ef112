"""docs/reference/http.md against the code."""

import re
from pathlib import Path

from kubestill.serving.http.errors import CODES
from kubestill.serving.http.extension import Asked, Said
from kubestill.serving.http.meters import Meters

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "reference" / "http.md").read_text()


def rows(title: str) -> list[list[str]]:
    """Cells of the first table under a heading."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_error_is_told_with_its_status() -> None:
    told = {code: int(row[0]) for row in rows("Errors") for code in names(row[1])}
    assert told == {code: status for code, (status, _) in CODES.items()}


def test_the_extension_is_told_whole() -> None:
    asked = {names(row[0])[0]: row[1].strip("`") for row in rows("What a request may add")}
    assert asked.keys() == Asked.model_fields.keys()
    assert {name: str(default) for name, default in Asked().model_dump(mode="json").items()} == {
        name: {"false": "False", "null": "None", '""': ""}.get(default, default) for name, default in asked.items()
    }
    assert {name for row in rows("What a reply adds") for name in names(row[0])} == Said.model_fields.keys()


def test_every_metric_is_told() -> None:
    found = {family.name for family in Meters().registry.collect()}
    told = {name.removesuffix("_total") for name in re.findall(r"`((?:vllm:|kubestill_)\w+)`", PAGE.partition("## Metrics")[2])}
    assert told == found
