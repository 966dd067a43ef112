"""The choice of tokens against the chances themselves, and recorded answers under a guide."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest

from kubestill.ground.errors import UserError
from kubestill.tools.engines.api import Ask, Removed, Reply
from kubestill.tools.engines.choosing import Chooser
from kubestill.tools.engines.fake import FakeEngine
from kubestill.tools.engines.replay import ReplayEngine, record
from kubestill.tools.grammar.api import Given, Grammar, Reading, Step

LOGITS = np.array([1.0, -np.inf, 2.0, 0.5, 2.0, -3.0], np.float32)


def chances(temperature):
    mass = np.exp(LOGITS.astype(np.float64) / temperature)
    return mass / mass.sum()


def test_greedy_takes_the_first_of_the_likeliest():
    assert Chooser(Ask(), "a")(LOGITS) == 2
    assert Chooser(Ask(), "a")(np.full(4, -np.inf, np.float32)) == 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_follow_the_chances(temperature):
    choose = Chooser(Ask(temperature=temperature, seed=5), "a request")
    counts = np.bincount([choose(LOGITS) for _ in range(4_000)], minlength=6) / 4_000
    expected = chances(temperature)
    assert counts[1] == 0
    assert (abs(counts - expected) <= 4 * np.sqrt(expected * (1 - expected) / 4_000)).all()


@pytest.mark.parametrize("top_p", [0.1, 0.38, 0.7, 0.95, 0.999])
def test_the_nucleus_is_the_smallest_set_that_holds_its_share(top_p):
    choose = Chooser(Ask(temperature=1.0, top_p=top_p, seed=1), "b")
    seen = {choose(LOGITS) for _ in range(3_000)}
    expected = chances(1.0)
    sizes = [
        len(kept) for size in range(1, 7) for kept in itertools.combinations(range(6), size) if sum(expected[list(kept)]) >= top_p - 1e-12
    ]
    assert len(seen) == min(sizes)
    assert min(expected[list(seen)]) >= max([expected[token] for token in range(6) if token not in seen])


def test_the_seed_and_the_request_decide_the_draws():
    ask = Ask(temperature=1.0, seed=2)

    def drawn(ask, request):
        choose = Chooser(ask, request)
        return [choose(LOGITS) for _ in range(30)]

    assert drawn(ask, "a") == drawn(ask, "a")
    assert len({tuple(drawn(*pair)) for pair in ((ask, "a"), (ask, "b"), (replace(ask, seed=3), "a"))}) == 3


def test_a_draw_does_not_turn_on_the_rounding_of_near_ties():
    """Two engines differ in the last bits of their logits: which of two equal tokens sorts first must not matter."""
    noise = np.random.default_rng(0)
    near = [LOGITS + noise.normal(0, 1e-6, 6).astype(np.float32) for _ in range(200)]
    first, second = Chooser(Ask(temperature=1.0), "c"), Chooser(Ask(temperature=1.0), "c")
    assert [first(LOGITS) for _ in near] == [second(row) for row in near]


@dataclass(frozen=True)
class Either:
    """A guide of one of two words, or of a text."""

    rest: str = ""

    def start(self, reading: Reading) -> Step | Given:
        return Given(self.rest) if self.rest else Step(Grammar('start: "a" | "b"'))


class Told(FakeEngine):
    """Tells what a grammar took away."""

    def generate(self, requests, ask, guides=None):
        removed = (Removed("c", 0.5, "a", 0), Removed("d", 0.25, "b", 3))
        return [replace(reply, forced=1, removed=removed) for reply in super().generate(requests, ask, guides)]


def test_recorded_answers_come_back_by_the_guide_that_led_them(tmp_path):
    path = tmp_path / "replies.jsonl"
    engine = Told(str.upper)
    free, led, given = (record(engine, ["a"], Ask(), path, guides) for guides in (None, [Either()], [Either("b\n")]))
    replay = ReplayEngine(path)
    assert replay.generate(["a"], Ask()) == free
    assert replay.generate(["a", "a"], Ask(), [Either("b\n"), Either()]) == given + led
    assert led[0].removed[1] == Removed("d", 0.25, "b", 3) and engine.guides == [None, Either(), Either("b\n")]
    with pytest.raises(UserError, match="no answer to 'a'"):
        replay.generate(["a"], Ask(), [Either("c\n")])


def test_a_reply_of_before_guides_is_still_read(tmp_path):
    path = tmp_path / "replies.jsonl"
    record(FakeEngine(str.upper), ["a"], Ask(), path)
    old = path.read_text().replace(',"forced":0,"drafted":0,"removed":[]', "")
    assert "removed" not in old
    path.write_text(old)
    assert ReplayEngine(path).generate(["a"], Ask()) == [Reply("A", 1, 1)]
