"""Mining: records of answers to drawn requests, and pairs of a right answer and a wrong one."""

import json

import pytest

from kubestill.domains.api import HELD, TRAIN, Sample
from kubestill.domains.cron import domain
from kubestill.ground.errors import UserError
from kubestill.ground.progress import Silent
from kubestill.ground.seeds import Seed
from kubestill.pipeline import data_mine
from kubestill.pipeline.data_mine import Dig, mine_model, preference_pairs
from kubestill.pipeline.models import Model
from kubestill.tools.engines.api import Reply


class Halfwit:
    """Knows every other answer."""

    def generate(self, requests, ask, guides=None):
        del guides
        drawn = (domain().skills()["cron"].draw(Seed(0).rng("mine", number), TRAIN) for number in range(400))
        known = {sample.request: sample.answer for sample in drawn if isinstance(sample, Sample)}
        return [Reply(known[text] if place % 2 or ask.temperature else "61 * * * *", 1, 1) for place, text in enumerate(requests)]


def test_what_a_student_gets_wrong_is_kept_beside_what_is_right(tmp_path, monkeypatch):
    monkeypatch.setattr(data_mine, "load_engine", lambda _: Halfwit())
    made = mine_model(Model("", "", "cron"), Dig(40, tries=2), tmp_path, Silent())
    assert made == {"records": 80, "passed": 60, "pairs": 20}
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    pairs = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    right = {record["request"]: record["expected"] for record in records}
    assert all(pair["rejected"] == "61 * * * *" and pair["chosen"] == right[pair["prompt"]] for pair in pairs)
    suite = {sample.request for sample in domain().suites()["cron"].samples((), 200, Seed(0))}
    held = {domain().skills()["cron"].draw(Seed(0).rng("mine", number), HELD).request for number in range(60)}
    assert not (suite | held) & set(right)


def test_a_skill_that_is_none_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(data_mine, "load_engine", lambda _: Halfwit())
    with pytest.raises(UserError, match="no such skill: 'corn'"):
        mine_model(Model("", "", "cron"), Dig(3, skills=("corn",)), tmp_path, Silent())


def test_pairs_prefer_what_passed_then_what_was_expected():
    rows = [
        {"request": "a", "expected": "A", "answer": "x", "passed": False, "findings": [{"code": "K8S405"}]},
        {"request": "a", "expected": "A", "answer": "a", "passed": True, "findings": []},
        {"request": "b", "expected": "B", "answer": "y", "passed": False, "findings": [], "failed_on": "form"},
        {"request": "b", "expected": "B", "answer": "y", "passed": False, "findings": []},
        {"request": "b", "expected": "B", "answer": " ", "passed": False, "findings": []},
    ]
    assert list(preference_pairs(rows)) == [
        {"prompt": "a", "chosen": "a", "rejected": "x", "reason": "K8S405"},
        {"prompt": "b", "chosen": "B", "rejected": "y", "reason": "form"},
    ]
