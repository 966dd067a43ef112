"""The commands that the reference and the documentation of Kubernetes give as examples; a test that needs them skips without."""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[6] / "shared" / "data"
REFERENCE, DOCS, OPENAPI = SHARED / "kubectl-reference.json.gz", SHARED / "docs.jsonl.gz", SHARED / "openapi-v2-1.36.json.gz"
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/data/kubectl-reference.json.gz is not here")
needs_docs = pytest.mark.skipif(not DOCS.exists(), reason="../shared/data/docs.jsonl.gz is not here")
needs_openapi = pytest.mark.skipif(not OPENAPI.exists(), reason="../shared/data/openapi-v2-1.36.json.gz is not here")
# Examples of `kubectl completion` that are no kubectl command, by how they begin; the third is one that its page breaks in two.
OTHERS = ("brew install", "source '$HOME", "kubectl completion bash > ~/.kube/completion.bash.inc\nprintf", "Add-Content $PROFILE")


@cache
def reference() -> dict:
    return json.loads(gzip.decompress(REFERENCE.read_bytes()))


def examples() -> list[tuple[dict, str]]:
    """Every documented example that is a kubectl command, with the entry of the command that it documents."""
    rows = [(command, example["command"]) for command in reference()["commands"] for example in command["examples"]]
    return [(command, text) for command, text in rows if not text.startswith(OTHERS)]


def flags_of(path: str) -> tuple[set[str], set[str]]:
    """Names and shorthands of a command's flags, from the reference itself, with those that every Kubernetes program has."""
    entry = next(command for command in reference()["commands"] if command["command"] == path)
    rows = entry["flags"] + reference()["inherited_flag_details"]
    return {row["name"] for row in rows} | {"v", "vmodule"}, {row["shorthand"] for row in rows if row["shorthand"]} | {"v"}


def documented(text: str, pattern: str = r"```(?:shell|bash|sh|console|cmd)?[^\n]*\n(.*?)```") -> Iterator[str]:
    """Yield the kubectl commands of a page's code blocks, with their continued lines."""
    for block in re.findall(pattern, text, re.DOTALL):
        lines = iter(block.split("\n"))
        for line in lines:
            command = line.strip().removeprefix("$ ")
            if not command.startswith("kubectl "):
                continue
            while command.endswith("\\"):
                command += "\n" + next(lines, "")
            if command.count("'") % 2 == 0 and "<<" not in command:  # otherwise it goes on, or a manifest follows
                yield command


@cache
def documentation() -> dict[str, str]:
    """Every command of the documentation once, with the page where it stands first."""
    found: dict[str, str] = {}
    with gzip.open(DOCS, "rt") as lines:
        for line in lines:
            page = json.loads(line)
            for command in documented(page["text"]):
                found.setdefault(command, page["path"])
    return found
