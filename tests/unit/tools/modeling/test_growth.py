"""A student made deeper says what it said before, and every one of its layers learns."""

import pytest
import torch

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.growth import deepened
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.qwen3 import Student

TINY = Architecture(hidden=64, layers=3, heads=2, kv_heads=1, head_dim=32, ffn=64, vocabulary=90, max_position=64)
IDS = torch.randint(0, 90, (3, 20), generator=torch.Generator().manual_seed(2))
WHERE = torch.arange(5, 60, 3)


@pytest.mark.parametrize("layers", [3, 4, 5, 7])
def test_a_deeper_student_says_the_same_to_the_bit(layers):
    layout = Layout(TINY)
    flat = draw(layout, 1)
    grown, into = deepened(layout, flat, layers)
    assert grown.arch.layers == layers and len(into) == grown.total
    before, after = (Student(one, weights, weights).logits(IDS, WHERE) for one, weights in ((layout, flat), (grown, into)))
    assert torch.equal(before, after)


def test_the_old_layers_keep_their_order_and_stand_apart():
    layout = Layout(TINY)
    flat = draw(layout, 1)
    grown, into = deepened(layout, flat, 6)
    old, new = layout.views(flat)["qkv"], grown.views(into)["qkv"]
    assert all(torch.equal(new[2 * place], old[place]) for place in range(3))
    assert [bool(layer.any()) for layer in grown.views(into)["down"]] == [True, False] * 3


def test_what_came_to_it_learns_from_the_first_step():
    layout = Layout(TINY)
    grown, into = deepened(layout, draw(layout, 1), 6)
    student = Student(grown, into, into)
    student.logits(IDS, WHERE).logsumexp(-1).sum().backward()
    gradient = torch.zeros(grown.total)
    student.collect(gradient, add=False)
    assert all(bool(layer.any()) for layer in grown.views(gradient)["down"])


def test_no_layer_is_taken_away():
    layout = Layout(TINY)
    with pytest.raises(UserError, match="fewer than the base's 3"):
        deepened(layout, draw(layout, 1), 2)
