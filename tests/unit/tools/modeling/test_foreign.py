"""Models of others in the loop, beside transformers' and PEFT's own computation on random models of the three architectures."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.adapters import Adapter
from kubestill.tools.modeling.foreign import ForeignBody, Tensors, Ways, in_type
from kubestill.tools.modeling.pretrained import ARCHITECTURES, load_pretrained
from unit.tools.engines.test_pretrained import write_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT's call
ADAPTER = Adapter(4, 12.0, ("q_proj", "v_proj", "gate_proj", "down_proj"))
ROWS = [(17, 9), (5, 2), (11, 4), (16, 1)]  # tokens of each row, and how many before its first label
IDS = torch.zeros(4, 16, dtype=torch.long)
LABELS = torch.full((4, 17), -100)
for place, (length, start) in enumerate(ROWS):
    drawn = torch.randint(3, 300, (length,), generator=torch.Generator().manual_seed(place))
    IDS[place, : length - 1] = drawn[:-1]
    LABELS[place, start:length] = drawn[start:]
WHERE = (LABELS[:, 1:] >= 0).flatten().nonzero()[:, 0]
TARGETS = LABELS[:, 1:].flatten()[WHERE]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def folder(request, tmp_path_factory):
    torch.set_num_threads(1)
    return write_model(tmp_path_factory.mktemp(request.param), request.param)


def loss_and_gradient(body, flat):
    network, into = body.build(flat, flat), torch.full_like(flat, 3.0)
    for number in range(2):  # the second time on top of the first
        loss = cross_entropy(network.logits(IDS, WHERE), TARGETS, reduction="sum")
        loss.backward()
        network.collect(into, add=bool(number))
    return loss.detach() / len(TARGETS), into / 2 / len(TARGETS)


def theirs(model):
    """Loss and gradients of transformers, which pads with a mask and shifts the labels itself."""
    ids = torch.nn.functional.pad(IDS, (0, 1))
    mask = torch.stack([torch.arange(17) < length for length, _ in ROWS]).long()
    loss = model(ids, attention_mask=mask, labels=LABELS).loss
    loss.backward()
    return loss.detach(), {name: tensor.grad for name, tensor in model.named_parameters() if tensor.grad is not None}


def test_loss_and_gradients_are_those_of_transformers(folder):
    body = ForeignBody.over(folder, folder, torch.float32)
    flat, model = body.start(0), AutoModelForCausalLM.from_pretrained(folder)
    assert body.layout.total == model.num_parameters() and body.layout.matrices == body.layout.units[-1].span.stop
    loss, gradient = loss_and_gradient(body, flat)
    wanted, gradients = theirs(model)
    assert float(loss) == pytest.approx(float(wanted), abs=2e-5)
    found = body.layout.views(gradient)
    assert found.keys() == gradients.keys()
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, gradients[name], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("ways", [Ways(packed_tokens=20), Ways(packed_tokens=64), Ways(checkpointing=True)], ids=["few", "all", "again"])
@pytest.mark.parametrize("adapter", [None, ADAPTER], ids=["full", "adapters"])
def test_packed_or_computed_twice_is_the_same(folder, ways, adapter):
    body = ForeignBody.over(folder, folder, torch.float32, adapter)
    flat = torch.randn(body.layout.total, generator=torch.Generator().manual_seed(1)).mul_(0.05) + body.start(0)
    plain, other = loss_and_gradient(body, flat), loss_and_gradient(body.working(ways), flat)
    assert float(plain[0]) == pytest.approx(float(other[0]), abs=1e-5)
    torch.testing.assert_close(plain[1], other[1], atol=1e-5, rtol=1e-4)


def test_no_lesson_sees_another_in_a_packed_row(folder):
    body = ForeignBody.over(folder, folder, torch.float32).working(Ways(packed_tokens=64))
    flat = body.start(0)
    network = body.build(flat, flat)
    changed = IDS.clone()
    changed[0] = changed[0].flip(0)
    with torch.no_grad():
        first, second = network.logits(IDS, WHERE), network.logits(changed, WHERE)
    others = IDS.shape[1] <= WHERE
    assert torch.equal(first[others], second[others]) and not torch.equal(first, second)


def test_fresh_adapters_change_nothing_and_are_what_peft_would_train(folder):
    body, whole = ForeignBody.over(folder, folder, torch.float32, ADAPTER), ForeignBody.over(folder, folder, torch.float32)
    flat, weights = body.start(3), whole.start(0)
    with torch.no_grad():
        torch.testing.assert_close(
            body.build(flat, flat).logits(IDS, WHERE), whole.build(weights, weights).logits(IDS, WHERE), atol=1e-5, rtol=0
        )
    assert torch.equal(flat, body.start(3)) and not torch.equal(flat, body.start(4))
    assert len(body.layout.units) == 2 * 4 * 2  # layers, matrices, halves
    assert all(min(unit.rows, unit.columns) == 4 for unit in body.layout.units) and body.layout.matrices == body.layout.total


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """Adapters as training would leave them, kept and merged."""
    body = ForeignBody.over(folder, folder, torch.float32, ADAPTER)
    flat = torch.randn(body.layout.total, generator=torch.Generator().manual_seed(2)).mul_(0.1)
    places = {"kept": tmp_path_factory.mktemp("kept"), "merged": tmp_path_factory.mktemp("merged")}
    for name, place in places.items():
        one = body.working(Ways(), str(folder) if name == "kept" else "")
        one.save(place, flat, (0, 0))
        assert one.check(place, flat) < 1e-4
    return body, flat, places


def test_merged_is_unmerged_is_what_peft_reads(folder, trained):
    body, flat, places = trained
    with torch.no_grad():
        wanted = body.build(flat, flat).logits(IDS, WHERE)
        merged = AutoModelForCausalLM.from_pretrained(places["merged"])
        peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), places["kept"])
        for model in (merged, peft):
            torch.testing.assert_close(model(IDS).logits.flatten(0, 1)[WHERE], wanted, atol=1e-4, rtol=1e-4)
    again = load_file(places["kept"] / "adapter_model.safetensors")
    gradients = theirs(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), places["kept"], is_trainable=True))[1]
    found = body.layout.views(loss_and_gradient(body, flat)[1])
    for name, tensor in found.items():
        assert torch.equal(again[f"base_model.model.{name}"], body.layout.views(flat)[name])
        inner = name.replace(".weight", ".default.weight")
        torch.testing.assert_close(tensor, gradients[f"base_model.model.{inner}"], atol=2e-5, rtol=1e-4)


def test_an_engine_reads_kept_adapters_as_it_reads_merged_weights(trained):
    kept, merged = (load_pretrained(place, 300, torch.float32) for place in trained[2].values())
    logits = [model.batch(2).read([[5, 6, 7], [9, 8]], [1, 2]) for model in (kept, merged)]
    assert logits[0] == pytest.approx(logits[1], abs=1e-5)


def test_weights_in_several_files_and_in_another_type_are_the_same_weights(folder, tmp_path):
    (tmp_path / "parts").mkdir()
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(tmp_path / "parts", max_shard_size="60KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 2
    start = ForeignBody.over(folder, folder, torch.float32).start(0)
    parts = ForeignBody.over(tmp_path / "parts", tmp_path / "parts", torch.float32)
    assert torch.equal(parts.start(0), start)
    assert in_type(folder, tmp_path / "none", torch.float32) == folder and not (tmp_path / "none").exists()
    half = in_type(tmp_path / "parts", tmp_path / "half", torch.bfloat16)
    assert torch.equal(ForeignBody.over(half, half, torch.bfloat16).start(0), start.bfloat16().float())


def test_frozen_weights_are_mapped_and_not_copied(folder):
    tensors = Tensors(folder)
    name = tensors.names[0]
    assert tensors[name].data_ptr() == tensors[name].data_ptr()  # a copy would lie elsewhere each time


def spoil(**changes):
    def change(place):
        path = place / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def lose_one(place):
    path = place / "adapter_model.safetensors"
    tensors = load_file(path)
    tensors.popitem()
    save_file(tensors, path)


SPOILED = {
    "another rank": (spoil(r=3), "no adapter of rank 3"),
    "another kind": (spoil(peft_type="IA3"), "another kind than plain LoRA"),
    "magnitudes": (spoil(use_dora=True), "another kind than plain LoRA"),
    "no base": (spoil(base_model_name_or_path="gone"), "their base 'gone' is not there"),
    "no numbers": (spoil(r="wide"), "no configuration of adapters"),
    "half a pair": (lose_one, "no adapter of rank 4"),
    "cut": (lambda place: (place / "adapter_model.safetensors").write_bytes(b"12345678"), "not a whole safetensors file"),
}


@pytest.mark.parametrize(("change", "told"), SPOILED.values(), ids=SPOILED)
def test_adapters_that_lie_are_refused_in_a_sentence(tmp_path, change, told):
    (tmp_path / "base").mkdir()
    base = write_model(tmp_path / "base", "qwen2")
    body = ForeignBody.over(base, base, torch.float32, ADAPTER).working(Ways(), str(base))
    (tmp_path / "out").mkdir()
    body.save(tmp_path / "out", body.start(0), (0, 0))
    change(tmp_path / "out")
    with pytest.raises(UserError, match=told):
        load_pretrained(tmp_path / "out", 300, torch.float32)
