"""The report is read back with a parser of HTML, and as a stranger's answer would attack it."""

import copy
import re
from html.parser import HTMLParser

import pytest

from kubestill.ground.intervals import wilson
from kubestill.pipeline.figures import fallen, river_drawing, smoothed
from kubestill.pipeline.report import cell, duration, fence, size, sparkline, write_report

ATTACK = "</pre></script><script>alert(1)</script> ``` | <b onclick='x'>\n```\n# heading"


def share(passed, total):
    low, high = wilson(passed, total)
    return {"passed": passed, "total": total, "low": low, "high": high}


@pytest.fixture
def data():
    return {
        "name": "toy", "recipe": 'name = "toy"\n', "seed": 7, "domain": "cron", "created": "2026-11-22T12:00:00+00:00", "commit": "abc+",
        "versions": {"kubestill": "0.1.0"},
        "hardware": {"cpu": "Some CPU <2>", "cores": 2, "memory_bytes": 8 * 2**30, "accelerator": ""},
        "seconds_total": 432.0, "seconds_run": 4.0, "peak_memory_bytes": 3 * 2**30,
        "stages": [{"name": "training", "artifact": "weights/training-0", "seconds": 400.0, "peak_memory_bytes": 2**30, "reused": True,
                    "tally": {"came": 0, "kept": 0, "dropped": {}}, "figures": {"parameters": 1_000_000}}],
        "river": [{"stage": "synthesis", "came": 1000, "kept": 900, "dropped": {"schema/K8S002": 70, "<i>odd</i>": 30}}],
        "suites": {
            "cron": {**share(183, 200), "by_kind": {"daily": share(90, 100), "weekly": share(93, 100)}, "failed_on": {"intent": 17},
                     "tokens_mean": 9.0, "forced_share": 0.0, "seconds": 3.0,
                     "constrained": {**share(190, 200), "by_kind": {}, "failed_on": {"intent": 10}, "tokens_mean": 8.0,
                                     "forced_share": 0.25, "seconds": 2.0}},
            "real": {**share(0, 0), "by_kind": {}, "failed_on": {}, "tokens_mean": 0.0, "forced_share": 0.0, "seconds": 0.0,
                     "skipped": "no documents", "constrained": {}},
        },
        "curve": [{"step": step, "tokens": 100 * step, "loss": 3 / step, "learning_rate": 0.1, "tokens_per_second": 9.0,
                   "seconds": 2.0 * step} for step in range(1, 80)],
        "fullpass": [{"step": step, "tokens": 100 * step, "seconds": 2.0 * step, "passed": step, "total": 80} for step in (20, 40, 60)],
        "factors": [{"interval": number, "tokens": 500 * number, "sampling": "ddk", "clipped": [], "unmeasured": ["<b>odd</b>"],
                     "domains": {"manifest": {"student": 9.0 / (number + 1), "teacher": 1.5, "ratio": 6.0 / (number + 1),
                                              "factor": 0.625, "share": 0.625, "passes": 0.5},
                                 "<b>odd</b>": {"student": None, "teacher": None, "ratio": None, "factor": 0.375, "share": 0.375,
                                                "passes": 2.25}}} for number in range(3)],
        "answers": [{"suite": "cron", "kind": "daily", "request": ATTACK, "expected": "0 9 * * *", "answer": ATTACK, "passed": False,
                     "failed_on": "form", "findings": [{"code": "CRON001", "path": ATTACK, "message": ATTACK}]}],
    }  # fmt: skip


class Reader(HTMLParser):
    """Notes tags, attributes and text, and that every element is closed where it should be."""

    VOID = frozenset({"meta", "br", "hr", "img", "path", "rect", "use", "line"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts, self.links, self.ids = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_whole_and_well_formed_and_a_stranger_cannot_act_in_it(tmp_path, data):
    write_report(tmp_path, data)
    page = Reader((tmp_path / "report.html").read_text())
    assert not page.open and "script" not in page.tags and "i" in page.tags
    assert page.texts.count(ATTACK) >= 2  # request and answer stand there to the letter
    assert all(link.startswith("#") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert page.tags.count("svg") == 4


def test_the_domains_are_told_with_their_gaps_and_what_was_not_measured(tmp_path, data):
    write_report(tmp_path, data)
    text = (tmp_path / "report.md").read_text()
    assert "| manifest | 9 → 3 | 1.5 | 6 → 2 | 62.5 % | 0.5 |" in text
    assert "| &lt;b&gt;odd&lt;/b&gt; | not measured → not measured | not measured |" in text and "| 37.5 % | 2.2 |" in text
    page = Reader((tmp_path / "report.html").read_text())
    assert "manifest" in page.texts and "<b>odd</b>" in page.texts  # names in the drawing, to the letter


def test_page_and_text_tell_the_figures(tmp_path, data):
    write_report(tmp_path, data)
    for name in ("report.html", "report.md"):
        text = (tmp_path / name).read_text()
        for told in ("91.5 %", "86.8 %", "94.6 %", "no documents", "7 min 12 s", "3.0 GiB", "schema/K8S002", "weekly", "0.1.0"):
            assert told in text, (name, told)


def test_a_markdown_block_holds_whatever_a_student_writes(tmp_path, data):
    write_report(tmp_path, data)
    text = (tmp_path / "report.md").read_text()
    assert fence(ATTACK) in text
    opened = re.match(r"`+", fence(ATTACK)).group()
    assert opened not in ATTACK and "<b onclick" not in text.replace(fence(ATTACK), "")
    assert cell("a|b\n`c`<d>") == "a\\|b 'c'&lt;d&gt;"


def test_the_same_data_gives_the_same_bytes(tmp_path, data):
    for name in ("one", "two"):
        write_report(tmp_path / name, copy.deepcopy(data))
    for file in ("report.html", "report.md"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_empty_run_has_a_report_too(tmp_path, data):
    empty = {key: [] for key in ("stages", "river", "curve", "fullpass", "factors", "answers")}
    write_report(tmp_path, {**data, **empty, "suites": {}, "seconds_total": 0.0})
    assert not Reader((tmp_path / "report.html").read_text()).open


def test_the_river_widens_by_share_and_sums_the_rarest_reasons():
    dropped = {f"reason {number}": 10 * number for number in range(1, 10)}
    shown = fallen(dropped)
    assert sum(count for _, count in shown) == sum(dropped.values()) and shown[0] == ("reason 9", 90) and shown[-1][0] == "4 other reasons"
    silent = {"stage": "t", "came": 0, "kept": 0, "dropped": {}}
    drawing = river_drawing([{"stage": "s", "came": 1000, "kept": 550, "dropped": dropped}, silent])
    assert drawing.count('class="fall"') == 6 and "55.0%" in drawing and ">t<" not in drawing
    assert river_drawing([]) == ""


def test_numbers_are_spelt_for_people():
    assert [duration(seconds) for seconds in (0.44, 52.2, 59.7, 432, 7500)] == ["0.4 s", "52 s", "1 min 0 s", "7 min 12 s", "2 h 5 min"]
    assert [size(count) for count in (5 * 2**20, 3 * 2**29)] == ["5 MiB", "1.5 GiB"]
    assert sparkline([1.0, 2.0, 3.0]) == "▁▄█" and sparkline([]) == "" and len(sparkline(list(range(1000)))) == 60
    assert smoothed([1.0] * 50) == [1.0] * 50
