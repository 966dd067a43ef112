"""The decoder: whatever is read at once, undone or left out, the logits are those of Hugging Face's module on the whole text."""

import random

import numpy as np
import pytest
import torch

from kubestill.tools.modeling.decode import ROOM, Decoder
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.presets import Architecture

TINY = Architecture(64, 2, 4, 2, 16, 96, vocabulary=300, max_position=256)


@pytest.fixture(scope="module")
def flat():
    torch.set_num_threads(1)
    return draw(Layout(TINY), 3) * 2


@pytest.fixture(scope="module")
def theirs(flat):
    from transformers import Qwen3Config, Qwen3ForCausalLM

    model = Qwen3ForCausalLM(Qwen3Config(**{k: v for k, v in TINY.config(0, 1).items() if k != "architectures"})).eval()
    model.load_state_dict({**Layout(TINY).named(flat), "lm_head.weight": Layout(TINY).named(flat)["model.embed_tokens.weight"]})
    return lambda ids: model(torch.tensor([ids])).logits[0].detach().numpy()


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_reading_gives_the_logits_of_the_whole_text(flat, theirs, seed):
    rng = random.Random(seed)
    batch = Decoder(Layout(TINY), flat, torch.float32).batch(4)
    texts: list[list[int]] = [[] for _ in range(4)]
    for turn in range(7):
        fed = [[rng.randrange(300) for _ in range(rng.choice([1, 1, 3, 12]) if turn else rng.randint(1, 40))] for _ in texts]
        if turn % 3 == 2:
            fed = [tokens[:1] for tokens in fed]
        wanted = [rng.randint(1, len(tokens)) for tokens in fed]
        found = batch.read(fed, wanted)
        texts = [text + tokens for text, tokens in zip(texts, fed, strict=True)]
        expected = [theirs(text)[-want:] for text, want in zip(texts, wanted, strict=True)]
        np.testing.assert_allclose(found, np.concatenate(expected), atol=2e-4)
        if turn % 2:
            kept = [max(1, len(text) - rng.randint(0, len(tokens))) for text, tokens in zip(texts, fed, strict=True)]
            texts = [text[:length] for text, length in zip(texts, kept, strict=True)]
            batch.cut(kept)
        if turn == 3:
            rows = rng.sample(range(4), 3)
            batch.keep(rows)
            texts = [texts[row] for row in rows]


def test_the_cache_grows_past_its_room(flat, theirs):
    batch = Decoder(Layout(TINY), flat, torch.float32).batch(1)
    text = [token % 300 for token in range(ROOM - 1)]
    batch.read([text], [1])
    for token in (7, 8, 9):
        found = batch.read([[token]], [1])
        text = [*text, token]
        np.testing.assert_allclose(found[0], theirs(text)[-1], atol=2e-4)


def test_lower_precision_keeps_to_its_rounding(flat, theirs):
    low = Decoder(Layout(TINY), flat, torch.bfloat16).batch(2).read([[5, 9, 11], [7]], [1, 1])
    assert low.dtype == np.float32
    for row, text in enumerate(([5, 9, 11], [7])):
        exact = theirs(text)[-1]
        assert np.abs(low[row] - exact).max() < 0.05 * np.abs(exact).max()
