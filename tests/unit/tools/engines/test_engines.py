"""Engines: the same answer in any batch, recorded answers come back, unknown names are refused."""

from collections import Counter

import pytest
import torch

from kubestill.ground.errors import UserError
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.fake import FakeEngine
from kubestill.tools.engines.replay import ReplayEngine, record
from kubestill.tools.engines.table import ENGINES, engine_type
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.load import save_student
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.tokenizer import save_tokenizer, train_tokenizer

REQUESTS = ["a pod", "a service on port 8080 with a very long name, please", "scale it", "a deployment with 3 replicas", "b"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("student")
    tokenizer = train_tokenizer([*REQUESTS, "kind: Pod\nmetadata:\n  name: b\n"] * 3, 400, "spell")
    arch = Architecture(64, 2, 4, 2, 16, 96, vocabulary=tokenizer.get_vocab_size(), max_position=96)
    layout = Layout(arch)
    save_student(path, layout, draw(layout, 5) * 3, (0, 3))  # large weights: answers that differ from each other
    save_tokenizer(tokenizer, path, arch.max_position)
    ChatFormat("spell").save(path)
    return path


@pytest.fixture(scope="module")
def engine(folder):
    return TransformersEngine.load(folder)


@pytest.mark.parametrize("ask", [Ask(max_new_tokens=30), Ask(max_new_tokens=30, temperature=0.8, top_p=0.9, seed=3)])
def test_an_answer_does_not_depend_on_its_batch(engine, ask):
    together = engine.generate(REQUESTS, ask)
    assert together == [engine.generate([request], ask)[0] for request in REQUESTS]
    assert len({reply.text for reply in together}) > 1


def test_the_limit_and_the_context_end_an_answer(engine):
    (short,) = engine.generate(["a pod"], Ask(max_new_tokens=5))
    assert short.tokens <= 5 and short.cut == (short.tokens == 5)
    (long,) = engine.generate(["a pod"], Ask(max_new_tokens=500))
    assert long.prompt_tokens + long.tokens <= engine.context
    with pytest.raises(UserError, match="the context holds 96"):
        engine.generate(["1" * 200], Ask())
    assert engine.generate([], Ask()) == []


def test_sampling_follows_the_chances(engine):
    """The first token of many draws against the softmax of the prompt's logits."""
    words = engine.words
    ids = words.tokenizer.encode(words.voice.prompt("a pod").text, add_special_tokens=False).ids
    expected = (torch.from_numpy(engine.model.batch(1).read([ids], [1])[0]) / 1.5).softmax(-1)
    counts = Counter(engine.generate(["a pod"], Ask(max_new_tokens=1, temperature=1.5, seed=seed))[0].text for seed in range(300))
    shares: dict[str, float] = {}
    for token, chance in enumerate(expected.tolist()):
        text = "" if token in words.ends else words.tokenizer.decode([token], skip_special_tokens=False)
        shares[text] = shares.get(text, 0.0) + chance
    for text, share in sorted(shares.items(), key=lambda item: -item[1])[:5]:
        assert abs(counts[text] / 300 - share) < 4 * (share * (1 - share) / 300) ** 0.5


def test_a_recorded_answer_comes_back_and_an_unknown_request_is_refused(tmp_path):
    path = tmp_path / "replies.jsonl"
    fake = FakeEngine(lambda request: request.upper())
    told = record(fake, ["a", "b"], Ask(), path) + record(fake, ["c"], Ask(seed=1), path)
    replay = ReplayEngine(path)
    assert replay.generate(["b", "a"], Ask()) == [told[1], told[0]]
    assert replay.generate(["c"], Ask(seed=1)) == [told[2]]
    with pytest.raises(UserError, match="no answer to 'c'"):
        replay.generate(["c"], Ask())
    with pytest.raises(UserError, match="no recorded answers"):
        ReplayEngine(tmp_path / "none.jsonl")


def test_the_table_names_every_engine_and_refuses_others():
    for name in ENGINES:
        assert engine_type(name).name == name
    with pytest.raises(UserError, match="did you mean 'replay'"):
        engine_type("repaly")
