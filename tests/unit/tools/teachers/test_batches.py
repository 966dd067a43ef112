import json

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.tools.teachers.batches import Read, Written, read_batch, write_batch
from kubestill.tools.teachers.budget import Cost
from kubestill.tools.teachers.client import Buyer
from kubestill.tools.teachers.ledger import Ledger
from support.fake_teacher import questions, teacher

pytest.importorskip("httpx", reason="pip install 'kubestill[http]'")
ONE = teacher("http://127.0.0.1:9/v1")


def result(row, number, content=None):
    echo = content or json.dumps({"echo": row["body"]["messages"][0]["content"]})
    body = {"id": f"r{number}", "model": "fake-1", "choices": [{"message": {"content": echo}, "finish_reason": "stop"}]}
    body["usage"] = {"prompt_tokens": 20, "completion_tokens": 10}
    return json.dumps({"id": f"b{number}", "custom_id": row["custom_id"], "response": {"status_code": 200, "body": body}, "error": None})


def test_a_batch_goes_out_once_and_its_results_are_judged_like_replies(tmp_path):
    asked = questions(6)
    with Ledger(tmp_path / "l") as ledger:
        assert write_batch(tmp_path / "batch.jsonl", ONE, ledger, [*asked, asked[0]]) == Written(6, 0)
        rows = list(read_records(tmp_path / "batch.jsonl"))
        assert all(row["method"] == "POST" and row["url"] == "/v1/chat/completions" and row["body"]["model"] == "fake-1" for row in rows)
        assert len({row["custom_id"] for row in rows}) == 6 and ledger.spent("fake-1").reply_tokens == 6 * 64  # reserved
        assert write_batch(tmp_path / "again.jsonl", ONE, ledger, asked) == Written(0, 0)
    with Ledger(tmp_path / "l") as ledger, Buyer(ONE, ledger) as buyer, pytest.raises(UserError, match="stand in a batch file"):
        assert ledger.unrecorded == 0  # it waits: nobody was killed
        buyer.buy(asked)
    failed = json.dumps({"custom_id": rows[4]["custom_id"], "response": None, "error": {"code": "batch_expired"}})
    lines = [result(rows[2], 2), result(rows[0], 0), result(rows[0], 9), result(rows[1], 1, "no json"), failed, "{", '{"custom_id": "x"}']
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n")
    with Ledger(tmp_path / "l") as ledger:
        assert read_batch(tmp_path / "results.jsonl", ONE, ledger, asked) == Read(2, 1, 1, 3)
        assert read_batch(tmp_path / "results.jsonl", ONE, ledger, asked) == Read(0, 0, 0, 7)
        left = write_batch(tmp_path / "second.jsonl", ONE, ledger, asked)
        assert left == Written(2, 0)  # the malformed one and the one that failed; two wait still
        assert ledger.abandon_batches() == 4 and ledger.account([rows[5]["custom_id"]]).unknown == 1
        bought = {row["custom_id"] for row in rows if ledger.standing(row["custom_id"]).answer is not None}
        assert bought == {rows[0]["custom_id"], rows[2]["custom_id"]}


def test_a_batch_keeps_within_the_budget(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        poor = teacher("http://127.0.0.1:9/v1", tokens=1500)
        written = write_batch(tmp_path / "b", poor, ledger, questions(20))
        assert written.asked > 0 and written.left_over > 0 and ledger.spent("fake-1").tokens <= 1500
        assert isinstance(ledger.spent("another"), Cost) and ledger.spent("another") == Cost()
