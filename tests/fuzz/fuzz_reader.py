"""Fuzzes the reader of manifests: whatever the bytes, objects and findings come back, and both can be relied upon.

python tests/fuzz/fuzz_reader.py --inputs 100000 --seed 1        mutations of real manifests
python tests/fuzz/fuzz_reader.py --inputs 100000 --atheris       guided by coverage
"""

import gzip
import json
import re
import sys
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as pytest has it (pythonpath in pyproject.toml)

from fuzz.driver import SHARED, Fuzz, main
from fuzz.hostile import CASES
from kubestill.domains.kubernetes import manifests
from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.manifests import MAX_FINDINGS, SYNTAX_CODES, Manifest, Reading, field, read, readings
from kubestill.domains.kubernetes.printing import dump
from kubestill.tools.checks.api import Finding, Outcome

REAL_SEEDS, LARGEST_SEED_BYTES = 400, 2_048
LONGEST_MESSAGE = 400  # characters
LONGEST_KEY = 250  # of characters of four bytes: YAML reads no plain key above 1,024 bytes
BESIDE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: beside\n"
_LINE = re.compile(r"\r\n?|\n")
TOKENS = [
    *(b"- |? |: |, |[|]|{|}|#| #|&a |*a |!!|!t |!!str |!!int |!!binary |!!float |!!null |!<|%YAML 1.1".split(b"|")),
    *(b"%TAG ! x\n|'|\"|>-\n|>\n|@|`|<<: |<<: *a".split(b"|")),
    *(b"---\n\n---\n\n...\n\n--- \n--- a\n\t\n\r\n\r\n\r\n\x0b\x00\x07\xff\xc2\x85\xe2\x80\xa8\xe2\x80\xa9".split(b"\n")),
    *(b"~ null y no On 0644 0x1F 0b1 1e3 1e999 .5 1. .inf -.INF .nan 1_000 1:30 2024-01-01 = 99999999999999999999 -0".split()),
    *(b"|\n", b"|+2\n", b"\n", b"\n\n", b"\n---\n", b"\n...\n", b"\n  ", b"\n- "),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"),
    *(b'\\ud800 \\u0000 \\x41 \\n \\" "": {"a":1} [1,2] {"a":{"a":'.split()),
    *(b"apiVersion: v1\n", b"kind: List\n", b"items:\n- ", b"metadata:\n  name: a\n", b"spec: null\n", b"data: []\n", b"[1.5]: x\n"),
]  # fmt: skip


def target(data: bytes) -> None:
    """Hold every invariant of `read` against one text."""
    reading = read(data)
    lines = _LINE.split(data.decode("utf-8", "replace"))
    for finding in reading.findings:
        _in_text(finding, lines)
        assert finding.code in SYNTAX_CODES and finding.remedy and 0 < len(finding.message) <= LONGEST_MESSAGE, finding
    for manifest in reading.manifests:
        _place_is_in_text(manifest, lines)
        _writes_and_reads_back(manifest)
    assert _told(read(data)) == _told(reading), "read twice, another reading"
    _readers_agree(data, reading)
    parts = list(readings(data))
    together = Reading(tuple(one for part in parts for one in part.manifests), tuple(one for part in parts for one in part.findings))
    assert _told(together)[:2] == _told(reading)[:2], "in parts, another reading"
    _spoils_no_other(data, reading)
    if b"\r" not in data:
        assert _told(read(data.replace(b"\n", b"\r\n"))) == _told(reading), "with CRLF, another reading"
    for judged in check_text(data, "a.yaml"):
        assert Outcome.ERROR not in {result.outcome for result in judged.verdict.results}, judged.verdict
        for finding in judged.verdict.findings:
            _in_text(finding, lines)


def _told(reading: Reading) -> tuple[list[object], tuple[Finding, ...], tuple[int, ...]]:
    return [(repr(one.object), one.line, one.document, one.prefix) for one in reading.manifests], reading.findings, reading.lists


def _readers_agree(data: bytes, reading: Reading) -> None:
    """The reader in C takes nothing otherwise than the one over libyaml's events, which takes everything."""
    quick, manifests._quick = manifests._quick, None
    try:
        assert _told(read(data)) == _told(reading), "the two readers read different things"
    finally:
        manifests._quick = quick


def _in_text(finding: Finding, lines: list[str]) -> None:
    assert 1 <= finding.line <= len(lines), (finding, "has a line outside the text")
    assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1, (finding, "has a column outside its line")


def _place_is_in_text(manifest: Manifest, lines: list[str]) -> None:
    assert 1 <= manifest.line <= len(lines) and manifest.start < manifest.line, manifest.line
    assert all(type(key) is str for key in manifest.object)
    for key in manifest.object:
        line, column = manifest.place(field("", key))
        assert 1 <= line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1, (key, line, column)


def _writes_and_reads_back(manifest: Manifest) -> None:
    value = manifest.object
    if not value or _longest_key(value) > LONGEST_KEY:
        return
    again = read(dump(value))
    objects = [one.object for one in again.manifests]
    expected = [one.object for one in read(json.dumps(value)).manifests]  # a second way to write it
    assert not again.findings and repr(objects) == repr(expected), (value, objects, again.findings)


def _longest_key(value: object) -> int:
    if isinstance(value, dict):
        return max((max(len(key), _longest_key(item)) for key, item in value.items()), default=0)
    return max(map(_longest_key, value), default=0) if isinstance(value, list) else 0


def _spoils_no_other(data: bytes, reading: Reading) -> None:
    """A document that follows is read whatever stands before it (a head of directives belongs to it, and may be wrong)."""
    is_head = all(line.strip()[:1] in (b"", b"#", b"%") for line in data.removeprefix(b"\xef\xbb\xbf").splitlines())
    if is_head or len(reading.findings) >= MAX_FINDINGS or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    last = read(data + b"\n---\n" + BESIDE.encode()).manifests[-1]
    assert last.object == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "beside"}}, last.object


def seeds() -> list[bytes]:
    """Return small hostile texts and, where they are here, real manifests."""
    found = [data for case in CASES.values() if len(data := case.make()) <= LARGEST_SEED_BYTES]
    path = SHARED / "manifests.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = (json.loads(line)["text"].encode() for line in file)
            found += islice((text for text in texts if len(text) <= LARGEST_SEED_BYTES), REAL_SEEDS)
    return found


if __name__ == "__main__":
    sys.exit(main(Fuzz(target, seeds(), TOKENS), "reader"))
