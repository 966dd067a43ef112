"""Students whose layers see a window or keep a state: the same logits and gradients as Hugging Face's modules, whatever is read how."""

import math
import random

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3_5ForCausalLM, Qwen3_5TextConfig, Qwen3Config, Qwen3ForCausalLM

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.delta import CHUNK, Convolution, delta_rule
from kubestill.tools.modeling.growth import deepened
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.load import load_student, save_student
from kubestill.tools.modeling.memory import flops_per_token, parameters
from kubestill.tools.modeling.mixing import mixed
from kubestill.tools.modeling.presets import FULL, LINEAR, PRESETS, SLIDING, Architecture, preset
from kubestill.tools.modeling.students import make_decoder, make_student
from kubestill.tools.modeling.verify import verify_folder
from support.hugging_face import assert_equal_to_hugging_face

BODY = Architecture(hidden=64, layers=3, heads=4, kv_heads=2, head_dim=16, ffn=96, vocabulary=300, max_position=160)
SLID = Architecture(**{**BODY.record(), "layer_types": (SLIDING, FULL, SLIDING), "window": 7})
HYBRID = Architecture(**{**BODY.record(), "layer_types": (LINEAR, FULL, LINEAR)})
BOTH = pytest.mark.parametrize("arch", [SLID, HYBRID], ids=["sliding", "linear"])


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights(layout, seed=1):
    return draw(layout, seed) + 0.05 * torch.randn(layout.total, generator=torch.Generator().manual_seed(seed))


def hugging_face(layout, flat):
    config = {name: value for name, value in layout.arch.config(0, 3).items() if name not in ("architectures", "model_type")}
    model = Qwen3_5ForCausalLM(Qwen3_5TextConfig(**config)) if layout.arch.hybrid else Qwen3ForCausalLM(Qwen3Config(**config))
    told = model.load_state_dict(layout.named(flat), strict=False)
    assert not told.unexpected_keys and told.missing_keys == ["lm_head.weight"]
    return model


@BOTH
@pytest.mark.parametrize("places", [1, 20, CHUNK + 9])
def test_logits_and_gradients_equal_hugging_faces(arch, places):
    layout = Layout(arch)
    flat = weights(layout)
    model, ours = hugging_face(layout, flat).train(), make_student(layout, flat, flat)
    rng = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 300, (3, places), generator=rng)
    where = torch.arange(3 * places)[torch.arange(3 * places) % 5 > 1]
    targets = torch.randint(0, 300, (len(where),), generator=rng)
    assert_equal_to_hugging_face((model, ours), layout, (ids, where, targets), rtol=2e-3)


def by_the_token(q, k, v, fade, beta, state):
    found = []
    for at in range(q.shape[1]):
        state = state * fade[:, at, None, None].exp()
        held = torch.einsum("rkv,rk->rv", state, k[:, at])
        state = state + torch.einsum("rk,rv->rkv", k[:, at], beta[:, at, None] * (v[:, at] - held))
        found.append(torch.einsum("rkv,rk->rv", state, q[:, at]))
    return torch.stack(found, 1), state


@pytest.mark.parametrize("count", [1, 5, CHUNK, CHUNK + 1, 3 * CHUNK - 2])
def test_chunks_are_the_recurrence_of_single_tokens_in_twice_the_precision(count):
    rng = torch.Generator().manual_seed(count)
    q, k, v = (torch.randn(3, count, 8, generator=rng, dtype=torch.float64) for _ in range(3))
    k = k / k.norm(dim=-1, keepdim=True)
    fade = -torch.rand(3, count, generator=rng, dtype=torch.float64) * torch.tensor([0.001, 0.3, 20.0])[:, None]
    beta = torch.rand(3, count, generator=rng, dtype=torch.float64)
    start = torch.randn(3, 8, 8, generator=rng, dtype=torch.float64)
    wanted, end = by_the_token(q, k, v, fade, beta, start)
    found, state = delta_rule(tuple(part.float() for part in (q, k, v)), fade.float(), beta.float(), start.float())
    torch.testing.assert_close(found.double(), wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(state.double(), end, atol=1e-4, rtol=1e-4)


def test_what_is_written_with_no_strength_changes_no_state():
    rng = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 9, 8, generator=rng) for _ in range(3))
    start = torch.randn(2, 8, 8, generator=rng)
    _, state = delta_rule((q, k, v), torch.zeros(2, 9), torch.zeros(2, 9), start)
    torch.testing.assert_close(state, start)


def test_the_convolutions_backward_is_its_forwards():
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 9, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Convolution.apply, (x, weight))
    theirs = torch.nn.functional.silu(torch.nn.functional.conv1d(x.mT, weight, groups=3)).mT
    torch.testing.assert_close(Convolution.apply(x, weight), theirs)


@BOTH
def test_neither_padding_nor_other_texts_change_anything(arch):
    layout = Layout(arch)
    flat = weights(layout)
    student = make_student(layout, flat, flat)
    ids = torch.randint(1, 300, (1, 40), generator=torch.Generator().manual_seed(4))
    alone = student.logits(ids, torch.arange(40))
    padded = torch.cat([torch.nn.functional.pad(ids, (0, 9)), torch.randint(1, 300, (1, 49))])
    torch.testing.assert_close(student.logits(padded, torch.arange(40)), alone, atol=1e-5, rtol=1e-5)


def test_a_sliding_layer_sees_its_window_and_no_more():
    layout = Layout(Architecture(**{**SLID.record(), "layers": 1, "layer_types": (SLIDING,)}))
    flat = weights(layout)
    student = make_student(layout, flat, flat)
    ids = torch.randint(1, 300, (1, 20), generator=torch.Generator().manual_seed(4))
    last = torch.tensor([19])
    plain = student.logits(ids, last)
    for place in range(19):
        changed = ids.clone()
        changed[0, place] = (changed[0, place] + 1) % 300
        assert torch.equal(student.logits(changed, last), plain) == (place <= 19 - SLID.window), place


@BOTH
def test_a_saved_student_is_read_back_bit_for_bit_and_by_hugging_face(arch, tmp_path):
    layout = Layout(arch)
    flat = weights(layout)
    save_student(tmp_path, layout, flat, (0, 3))
    again, read = load_student(tmp_path)
    assert again == layout and read.equal(flat)
    assert verify_folder(tmp_path) < 1e-4
    model, told = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"] and not told["mismatched_keys"]
    assert sum(parameter.numel() for parameter in model.parameters()) == layout.total == parameters(arch)


@BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layer_types", ["full_attention", "linear_attention"]),
        ("layer_types", ["chunked_attention"] * 3),
        ("model_type", "qwen3_5_moe_text"),
        ("linear_num_value_heads", 8),
        ("sliding_window", 9.5),
        ("rope_parameters", {"rope_type": "yarn", "rope_theta": 10_000.0}),
    ],
)
def test_a_configuration_that_no_student_has_is_refused(arch, name, value):
    config = arch.config(0, 3)
    if name not in config:
        return
    with pytest.raises(UserError):
        Architecture.from_config(config | {name: value})


@BOTH
def test_every_element_of_the_flat_vector_belongs_to_exactly_one_tensor(arch):
    layout = Layout(arch)
    counts = torch.zeros(layout.total)
    for tensor in layout.named(counts).values():
        tensor += 1
    assert counts.eq(1).all()
    assert sum(unit.rows * unit.columns for unit in layout.units) == layout.matrices


@pytest.mark.parametrize("arch", [SLID, HYBRID, BODY], ids=["sliding", "linear", "full"])
@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_reading_gives_the_logits_of_the_whole_text(arch, seed):
    layout = Layout(arch)
    flat = weights(layout)
    model = hugging_face(layout, flat).eval()
    rng = random.Random(seed)
    batch = make_decoder(layout, flat, torch.float32).batch(4)
    texts: list[list[int]] = [[] for _ in range(4)]
    for turn in range(7):
        fed = [[rng.randrange(300) for _ in range(rng.choice([1, 1, 3, 12]) if turn else rng.randint(1, 40))] for _ in texts]
        if turn % 3 == 2:
            fed = [tokens[:1] for tokens in fed]
        wanted = [rng.randint(1, len(tokens)) for tokens in fed]
        found = batch.read(fed, wanted)
        texts = [text + tokens for text, tokens in zip(texts, fed, strict=True)]
        expected = [model(torch.tensor([text])).logits[0, -want:].detach() for text, want in zip(texts, wanted, strict=True)]
        np.testing.assert_allclose(found, torch.cat(expected).numpy(), atol=2e-4)
        if turn % 2:
            least = (lambda text, tokens: 1) if turn == 3 else (lambda text, tokens: max(1, len(text) - len(tokens)))
            kept = [rng.randint(least(text, tokens), len(text)) for text, tokens in zip(texts, fed, strict=True)]
            texts = [text[:length] for text, length in zip(texts, kept, strict=True)]
            batch.cut(kept)
        if turn == 3:
            rows = rng.sample(range(4), 3)
            batch.keep(rows)
            texts = [texts[row] for row in rows]


@BOTH
def test_lower_precision_keeps_to_its_rounding(arch):
    layout = Layout(arch)
    flat = weights(layout)
    exact = make_student(layout, flat, flat).logits(torch.tensor([[5, 9, 11]]), torch.tensor([2]))[0].detach().numpy()
    low = make_decoder(layout, flat, torch.bfloat16).batch(2).read([[5, 9, 11], [7]], [1, 1])
    assert low.dtype == np.float32 and np.abs(low[0] - exact).max() < 0.05 * np.abs(exact).max()


@BOTH
@pytest.mark.parametrize("layers", [3, 5, 7])
def test_a_deeper_student_says_the_same(arch, layers):
    layout = Layout(arch)
    flat = weights(layout)
    grown, into = deepened(layout, flat, layers)
    assert grown.arch.kinds.count(FULL) >= 1 and [grown.arch.kinds[at] for at in (0, layers - 1)] == [arch.kinds[0], arch.kinds[-1]]
    ids = torch.randint(0, 300, (2, 20), generator=torch.Generator().manual_seed(2))
    before, after = (make_student(one, both, both).logits(ids, torch.arange(40)) for one, both in ((layout, flat), (grown, into)))
    assert torch.equal(before, after)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", ["sliding", "linear"])
def test_a_preset_keeps_its_size_whatever_its_layers_mix_by(name, kind):
    plain = preset(name)
    arch = mixed(plain, kind, 64, 4)
    assert parameters(arch) == Layout(arch).total
    assert math.isclose(parameters(arch), parameters(plain), rel_tol=0.01) and arch.ffn % 16 == 0
    assert arch.kinds[3] == FULL and arch.kinds.count(FULL) == plain.layers // 4


def test_a_student_without_a_layer_that_sees_all_is_refused():
    with pytest.raises(UserError, match="give at most 4"):
        mixed(preset("1m"), "linear", 64, 5)


def test_counted_operations_agree_with_torchs_own_counter():
    from torch.utils.flop_counter import FlopCounterMode

    layout = Layout(HYBRID)
    flat = weights(layout)
    student = make_student(layout, flat, flat)
    with FlopCounterMode(display=False) as counter:
        student.logits(torch.randint(0, 300, (2, 64)), torch.arange(128)).sum().backward()
    assert flops_per_token(HYBRID, 64) * 128 == pytest.approx(counter.get_total_flops(), rel=0.1)
