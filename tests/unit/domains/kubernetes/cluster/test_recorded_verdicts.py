"""All that a real 1.36.2 API server objected to in 8,392 public manifests comes out as it was recorded: refused, or not to be known."""

import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.cluster.connection import Reply
from kubestill.domains.kubernetes.cluster.statuses import result
from kubestill.domains.kubernetes.manifests import read
from kubestill.ground.records import read_records
from kubestill.tools.checks.api import Outcome

from .server import status

DATA = Path(__file__).parents[6] / "shared" / "data"
CODES = {"Invalid": 422, "BadRequest": 400, "Forbidden": 403, "NotFound": 404}


@pytest.fixture(scope="module")
def rows():
    if not DATA.exists():
        pytest.skip("the public data in ../shared is not here")
    said = {row["sha256_16"]: row for row in read_records(DATA / "api-server-manifests.jsonl.gz") if row.keys() & {"reason", "warnings"}}
    texts = {row["sha256_16"]: row["text"] for row in read_records(DATA / "manifests.jsonl.gz") if row["sha256_16"] in said}
    return [(row, texts[digest]) for digest, row in said.items()]


def reply(row):
    if row["verdict"] == "accepted":
        return None
    subject = re.match(r'(\w+)[\w.]* "([^"]*)" (?:not found|is)', row["message"])
    details = {"kind": subject[1], "name": subject[2]} if subject else {}
    code = CODES[row["reason"]]
    return Reply(code, status(code, row["message"], row["reason"], **details), "")


def test_every_recorded_refusal_fails_and_what_the_cluster_lacked_is_skipped(rows):
    outcomes = {"rejected": Outcome.FAIL, "environment": Outcome.SKIP}
    wrong, counts = [], {}
    for row, text in rows:
        answer = reply(row)
        if answer is None:
            continue
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
        for manifest in read(text).manifests[:1]:
            judged = result(answer, manifest)
            if judged.outcome is not outcomes[row["verdict"]] or any(not one.message or not one.line for one in judged.findings):
                wrong.append((row["sha256_16"], judged))
    assert counts == {"rejected": 508, "environment": 17}
    assert not wrong


def test_unknown_fields_are_told_where_they_stand(rows):
    """The place that a strict decoder's path leads to holds the very key, on the very line."""
    seen = 0
    for row, text in rows:
        if "unknown field" not in row.get("message", ""):
            continue
        (manifest,) = read(text).manifests
        for one in result(reply(row), manifest).findings:
            key = re.search(r"([^.\[\]]+|\[[^\]]*\])$", one.path)[0].strip("[]")
            seen += 1
            assert key in text.splitlines()[one.line - 1], (row["sha256_16"], one)
    assert seen > 40


def test_values_of_a_wrong_type_are_told_with_an_index_where_one_is_needed(rows):
    seen = 0
    for row, text in rows:
        match = re.search(r"cannot unmarshal \w+(?: \S+)? into Go struct field \w+\.(\S+) of type", row.get("message", ""))
        if not match:
            continue
        (manifest,) = read(text).manifests
        (one,) = result(reply(row), manifest).findings
        value = manifest.object
        for step in re.findall(r"\[(\d+)\]|\[([^\]]+)\]|([^.\[\]]+)", one.path):
            value = value[int(step[0])] if step[0] else value[step[1] or step[2]]
        seen += 1
        assert one.line > 1
    assert seen > 20
