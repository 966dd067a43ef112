"""Our decoder against Hugging Face's, values and gradients; the presets against their names."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.load import load_student, save_student
from kubestill.tools.modeling.memory import estimate, flops_per_token, muon_flops, parameters
from kubestill.tools.modeling.presets import PRESETS, Architecture, preset
from kubestill.tools.modeling.qwen3 import WIDTH, Student, widened
from kubestill.tools.modeling.verify import verify_folder
from support.hugging_face import assert_equal_to_hugging_face

TINY = Architecture(hidden=64, layers=3, heads=4, kv_heads=2, head_dim=16, ffn=96, vocabulary=400, max_position=64)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def layout():
    return Layout(TINY)


@pytest.fixture
def flat(layout):
    return draw(layout, 1) + 0.05 * torch.randn(layout.total, generator=torch.Generator().manual_seed(2))


def hugging_face(layout, flat):
    model = Qwen3ForCausalLM(Qwen3Config(**layout.arch.config(0, 3)))
    assert not model.load_state_dict(layout.named(flat), strict=False).unexpected_keys
    return model


@pytest.mark.parametrize(("name", "millions"), [("1m", 1), ("4m", 4), ("12m", 12), ("30m", 30), ("60m", 60)])
def test_a_preset_has_the_size_of_its_name_and_hugging_face_counts_the_same(name, millions):
    arch = preset(name)
    with torch.device("meta"):
        model = Qwen3ForCausalLM(Qwen3Config(**arch.config(0, 3)))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert parameters(arch) == count
    assert count / 1e6 == pytest.approx(millions, rel=0.13)
    multiple = 64 if millions < 12 else 256
    assert arch.hidden % multiple == arch.ffn % multiple == 0


def test_an_unknown_preset_is_refused_with_a_near_name():
    with pytest.raises(UserError, match="did you mean '4m'"):
        preset("4mm")


def test_logits_and_gradients_equal_hugging_faces(layout, flat):
    model, ours = hugging_face(layout, flat).train(), Student(layout, flat, flat)
    rng = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 400, (3, 20), generator=rng)
    where = torch.arange(60)[torch.arange(60) % 20 > 6]
    targets = torch.randint(0, 400, (len(where),), generator=rng)
    assert_equal_to_hugging_face((model, ours), layout, (ids, where, targets), rtol=1e-3)


def test_padding_on_the_right_changes_nothing(layout, flat):
    student = Student(layout, flat, flat)
    ids = torch.randint(1, 400, (1, 12), generator=torch.Generator().manual_seed(4))
    alone = student.logits(ids, torch.arange(12))
    padded = torch.cat([torch.nn.functional.pad(ids, (0, 9)), torch.randint(1, 400, (1, 21))])
    torch.testing.assert_close(student.logits(padded, torch.arange(12)), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_blocks_of_many_shapes_meet_few_matrix_products(layout, flat, dtype):
    class Seen(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten.mm.default:
                products.add((tuple(args[0].shape), tuple(args[1].shape)))
            return func(*args, **(kwargs or {}))

    products: set = set()
    student = Student(layout, flat, flat.to(dtype))
    with Seen():
        for rows, places in [(7, 33), (6, 39), (5, 45), (9, 27)]:
            where = torch.arange(rows * places)[: 65 + 7 * rows]
            student.logits(torch.randint(0, 400, (rows, places)), where).sum().backward()
            student.collect(torch.empty(layout.total), add=False)
    counts = {left[0] for left, _ in products if left[1] == TINY.hidden and left[0] != TINY.vocabulary}
    assert counts == {128, 256, 320, 384}  # of 231, 234, 225 and 243 tokens, and of 114, 107, 100 and 128 labels


@pytest.mark.parametrize("places", [1, 15, 16, 17, 32])
def test_widening_lets_every_place_point_at_the_same_token(places):
    ids = torch.randint(1, 400, (5, places), generator=torch.Generator().manual_seed(places))
    where = torch.arange(5 * places)[::2]
    wide, there = widened(ids, where)
    assert wide.shape[1] % WIDTH == 0
    assert wide.flatten()[there].equal(ids.flatten()[where])
    assert wide.sum() == ids.sum()  # all else is nought


def test_a_row_may_be_as_long_as_the_student_reads(flat):
    layout = Layout(replace(TINY, max_position=60))  # which is no multiple of what rows are widened to
    student = Student(layout, flat, flat)
    assert student.logits(torch.randint(1, 400, (2, 60)), torch.tensor([59, 119])).shape == (2, 400)


def test_a_saved_student_is_read_back_bit_for_bit_and_by_hugging_face(layout, flat, tmp_path):
    save_student(tmp_path, layout, flat, (0, 3))
    again, weights = load_student(tmp_path)
    assert again == layout and weights.equal(flat)
    assert verify_folder(tmp_path) < 1e-4


def test_every_element_of_the_flat_vector_belongs_to_exactly_one_tensor(layout):
    counts = torch.zeros(layout.total)
    for tensor in layout.named(counts).values():
        tensor += 1
    assert counts.eq(1).all()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:100], "not a whole safetensors file"),
        (lambda data: (2**60).to_bytes(8, "little") + data[8:], "not a whole safetensors file"),
        (lambda data: data + b"\0", "do not fill the file"),
        (lambda data: data.replace(b"model.norm.weight", b"model.nirm.weight"), "no tensor model.norm.weight"),
    ],
)
def test_a_spoiled_weights_file_is_refused(layout, flat, tmp_path, spoil, told):
    save_student(tmp_path, layout, flat, (0, 3))
    path = tmp_path / "model.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=told):
        load_student(tmp_path)


def test_counted_operations_agree_with_torchs_own_counter(layout, flat):
    from torch.utils.flop_counter import FlopCounterMode

    student = Student(layout, flat, flat)
    ids = torch.randint(0, 400, (2, 32))
    with FlopCounterMode(display=False) as counter:
        student.logits(ids, torch.arange(64)).sum().backward()
    assert flops_per_token(TINY, 32) * 64 == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_estimates_grow_with_the_student():
    names = list(PRESETS)
    for small, large in pairwise(names):
        assert muon_flops(preset(small)) < muon_flops(preset(large))
        assert estimate(preset(small), 1024, 2).total < estimate(preset(large), 1024, 2).total
