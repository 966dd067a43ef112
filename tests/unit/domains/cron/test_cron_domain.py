import json

from kubestill.domains.api import HELD, TRAIN, Document, Drop
from kubestill.domains.cron import domain
from kubestill.domains.cron.phrasing import forms, ordinal
from kubestill.domains.cron.words import FORMS
from kubestill.ground.seeds import Seed


def test_every_slot_has_forms_of_both_parts_and_none_of_both():
    for slot in FORMS:
        train, held = set(forms(slot, TRAIN)), set(forms(slot, HELD))
        assert train and held and not train & held and train | held == set(FORMS[slot])


def test_a_crontab_is_read_line_by_line(tmp_path):
    (tmp_path / "crontab").write_text("# backup\n0 5 * * 1-5 root /bin/backup\n\n@daily user x\nMAILTO=me\n")
    found = list(domain().documents(tmp_path))
    assert [item.text for item in found if isinstance(item, Document)] == ["0 5 * * 1-5", "0 0 * * *"]
    assert [item.reason for item in found if isinstance(item, Drop)] == ["not a cron expression"]


def test_jsonl_keeps_its_provenance(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps({"text": "0 5 * * *", "repository": "a/b", "licence": "MIT"}) + "\n")
    (document,) = domain().documents(path)
    assert document.unit == "a/b" and document.source["licence"] == "MIT"


def test_a_real_line_becomes_a_request_whose_answer_is_the_line():
    document = Document("1", "30 4 1,15 * 5", "either day", {"repository": "a/b"})
    sample = domain().skills()["cron"].reverse(document, Seed(1).rng("x"), TRAIN)
    assert sample.answer == document.text and domain().judge(sample.answer, sample.intents).passed
    assert "1st" in sample.request and "15th" in sample.request and "Friday" in sample.request


def test_what_nobody_would_say_is_dropped_with_a_reason():
    document = Document("1", "1,7,23 * * * *", "daily", {})
    assert isinstance(domain().skills()["cron"].reverse(document, Seed(1).rng("x"), TRAIN), Drop)


def test_ordinals():
    assert [ordinal(day) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st",
    ]  # fmt: skip
