"""What is written is what llama.cpp and the `gguf` package read: numbers, tokens, logits."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from kubestill.ground.errors import KubestillError, UserError
from kubestill.tools.engines.llama.weights import Reader, Weights
from kubestill.tools.gguf.kinds import KINDS
from kubestill.tools.gguf.quantise import kind_of, quantise
from kubestill.tools.gguf.read import check, student_config, student_tensors
from kubestill.tools.gguf.source import open_weights
from kubestill.tools.gguf.tokens import LLAMA3, read_tokens
from kubestill.tools.gguf.vocabulary import read_vocabulary
from kubestill.tools.gguf.write import BOUNDS, write_gguf
from unit.tools.gguf.tiny import TEMPLATE, chats, make_folder, make_tokenizer

pytest.importorskip("gguf")
pytest.importorskip("xllamacpp")
MODELS = ("qwen2", "qwen3", "llama", "llama3")


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp(request.param), request.param, tied=request.param != "llama")


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("one"), "qwen3")


def logits(path, ids):
    """llama.cpp's logits after each token [tokens, vocabulary]."""
    return Reader(Weights(path), 1).batch(1).read([ids], [len(ids)])


def divergence(ours, theirs):
    """Mean over places of KL(ours || theirs)."""
    first, second = (torch.log_softmax(torch.tensor(np.array(x), dtype=torch.float64), -1) for x in (ours, theirs))
    return float((first.exp() * (first - second)).sum(-1).mean())


def test_llama_cpp_gives_the_logits_of_transformers(folder, tmp_path):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = [(7 * place + 3) % 500 for place in range(96)]
    with torch.no_grad():
        wanted = model(torch.tensor([ids])).logits[0].numpy()
    # One of the probe's bounds for f16 was 4.4e-5; eight and four bits of random weights, which have no structure, are looser.
    for form, most in (("f32", 1e-9), ("f16", 1e-6), ("q8_0", 1e-3), ("q4_k_m", 0.1)):
        write_gguf(folder, tmp_path / "model.gguf", form)
        found = logits(tmp_path / "model.gguf", ids)
        assert divergence(wanted, found) < most, form
        if form == "f32":
            assert (found.argmax(-1) == wanted.argmax(-1)).all()


def test_500_chats_have_the_same_tokens_in_llama_cpp(folder, tmp_path):
    from transformers import AutoTokenizer

    written = write_gguf(folder, tmp_path / "model.gguf", "q8_0")
    tokenizer, weights = AutoTokenizer.from_pretrained(folder), Weights(tmp_path / "model.gguf")
    assert written.exact_tokens
    for chat in chats(500):
        assert weights.tokenize(chat) == tokenizer(chat, add_special_tokens=False).input_ids, chat


@pytest.mark.parametrize("pattern", [LLAMA3, ""], ids=["llama-3", "gpt-2"])
def test_other_splits_that_llama_cpp_knows_give_the_same_tokens(qwen3, tmp_path, pattern):
    for file in qwen3.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tokenizer = make_tokenizer(pattern)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    written, weights = write_gguf(tmp_path, tmp_path / "model.gguf", "q8_0"), Weights(tmp_path / "model.gguf")
    assert written.exact_tokens
    for chat in chats(200):
        assert weights.tokenize(chat) == tokenizer.encode(chat).ids, chat


def test_the_vocabulary_tells_bytes_specials_and_template(folder, tmp_path):
    from tokenizers import Tokenizer

    write_gguf(folder, tmp_path / "model.gguf", "q8_0")
    vocabulary = read_vocabulary(check(tmp_path / "model.gguf"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert vocabulary.template == TEMPLATE and vocabulary.texts[vocabulary.end] == "<|im_end|>"
    assert set(vocabulary.specials) == {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
    assert Tokenizer.from_str(vocabulary.tokenizer).get_vocab() == tokenizer.get_vocab()
    spoken = vocabulary.token_bytes
    for chat in chats(50):
        ids = tokenizer.encode(chat).ids
        known = "".join(t for t in (tokenizer.decode([i], skip_special_tokens=False) for i in ids if not spoken[i]))
        assert known.count("<|") == chat.count("<|")
        plain = chat.replace("<|im_start|>", "").replace("<|im_end|>", "")
        assert b"".join(spoken[i] for i in ids).decode() == plain


def test_the_weights_come_back_under_their_names(folder, tmp_path):
    write_gguf(folder, tmp_path / "model.gguf", "f32")
    found, wanted = student_tensors(tmp_path / "model.gguf"), load_file(folder / "model.safetensors")
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        assert np.array_equal(found[name], tensor.numpy()), name
    config, source = student_config(check(tmp_path / "model.gguf")), json.loads((folder / "config.json").read_text())
    same = ("model_type", "hidden_size", "num_key_value_heads", "vocab_size", "rms_norm_eps", "tie_word_embeddings", "intermediate_size")
    assert {name: config[name] for name in same} == {name: source[name] for name in same}


def test_eight_bits_are_the_bytes_of_the_gguf_packages_own_quantiser():
    from gguf import GGMLQuantizationType, quantize

    rows = np.random.default_rng(1).normal(size=(40, 320)).astype(np.float32)
    assert np.array_equal(quantise(rows, KINDS["q8_0"]), quantize(rows, GGMLQuantizationType.Q8_0))


@pytest.mark.parametrize("name", sorted(set(BOUNDS) - {"f32"}))
@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e3])
def test_no_numbers_go_beyond_the_bounds_of_their_kind(name, scale):
    from gguf import GGMLQuantizationType, dequantize

    rng, kind = np.random.default_rng(7), KINDS[name]
    far = np.where(rng.random((40, 512)) < 0.02, 60.0, 1e-2) * rng.normal(size=(40, 512)).clip(-5, 5)
    for rows in (rng.normal(size=(40, 512)), rng.uniform(-1, 1, (40, 512)), rng.uniform(0, 1, (40, 512)) + 3, far):
        rows = (rows * scale).astype(np.float32).clip(-6e4, 6e4)
        found = dequantize(quantise(rows, kind), GGMLQuantizationType(kind.code))
        share, least = BOUNDS[name]
        largest = np.abs(rows).reshape(-1, kind.block).max(1)
        assert (np.abs(found - rows).reshape(-1, kind.block).max(1) <= share * largest + least).all()


def test_numbers_that_f16_cannot_hold_are_not_written(qwen3, tmp_path):
    for file in qwen3.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][3, 5] = 1e6
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(KubestillError, match=r"ffn_up\.weight in f16 differs"):
        write_gguf(tmp_path, tmp_path / "model.gguf", "f16")
    assert not list(tmp_path.glob("*.gguf*"))


def test_read_back_tells_the_error_of_each_format(qwen3, tmp_path):
    written = {form: write_gguf(qwen3, tmp_path / "m.gguf", form) for form in ("f32", "f16", "q8_0", "q4_k_m")}
    errors, sizes = [w.error for w in written.values()], [w.file_bytes for w in written.values()]
    assert errors[0] == 0 and errors == sorted(errors) and sizes == sorted(sizes, reverse=True)
    assert errors[1] < 3e-4 and errors[2] < 0.01 and 0.05 < errors[3] < 0.1  # four bits over a bell curve: 0.07
    assert set(written["q4_k_m"].kinds) == {"f32", "q4_k", "q6_k", "q5_0"} | ({"q8_0"} & set(written["q4_k_m"].kinds))


def test_the_mix_of_q4_k_m_is_that_of_llama_cpp():
    """Worked out by hand from llama-quant.cpp: `use_more_bits`, the last matrix, and what takes the place of a block that does not fit."""
    heavy = {8: {0, 3, 6, 7}, 24: {0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23}}
    for layers, expected in heavy.items():
        for name in ("attn_v", "ffn_down"):
            kinds = [kind_of(f"blk.{layer}.{name}.weight", (256, 512), "q4_k_m", (layers, True)).name for layer in range(layers)]
            assert {layer for layer, kind in enumerate(kinds) if kind == "q6_k"} == expected and set(kinds) == {"q4_k", "q6_k"}
    kind = {(name, cols, tied): kind_of(name, (64, cols), "q4_k_m", (8, tied)).name for name, cols, tied in FALLBACKS}
    assert kind == FALLBACKS


FALLBACKS = {
    ("token_embd.weight", 256, True): "q6_k",
    ("token_embd.weight", 256, False): "q4_k",
    ("output.weight", 256, False): "q6_k",
    ("output.weight", 896, False): "q8_0",
    ("blk.1.attn_q.weight", 256, True): "q4_k",
    ("blk.1.attn_q.weight", 640, True): "q5_0",
    ("blk.0.attn_v.weight", 640, True): "q8_0",
    ("blk.1.attn_q.weight", 24, True): "f16",
}


def test_bf16_and_parts_are_read_as_torch_reads_them(tmp_path):
    tensors = {"a": torch.randn(5, 7).bfloat16(), "b": torch.randn(3).half(), "c": torch.randn(2, 2)}
    save_file({"a": tensors["a"], "b": tensors["b"]}, tmp_path / "one.safetensors")
    save_file({"c": tensors["c"]}, tmp_path / "two.safetensors")
    places = {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    with open_weights(tmp_path) as weights:
        for name, tensor in tensors.items():
            assert np.array_equal(weights.read(name), tensor.float().numpy())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "mamba"}, "model_type 'mamba'"),
        ({"attention_bias": True}, "attention_bias is True"),
        ({"use_sliding_window": True}, "use_sliding_window is True.*export.formats = \\[\\]"),
        ({"model_type": "qwen3_5_text"}, "keep a state.*export.formats = \\[\\]"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "yarn"),
        ({"model_type": "llama", "rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "llama3 is missing .*low_freq_factor"),
        ({"intermediate_size": 513}, "expected"),
        ({"num_hidden_layers": 4}, "no tensor model.layers.3"),
        ({"hidden_size": "wide"}, "missing or malformed"),
        ({"vocab_size": 300}, "byte-level BPE"),
    ],
)
def test_what_cannot_be_written_is_told(qwen3, tmp_path, change, told):
    for file in qwen3.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=told):
        write_gguf(tmp_path, tmp_path / "model.gguf", "q8_0")
    assert not list(tmp_path.glob("*.gguf*"))


def test_a_special_token_that_is_not_there_gets_no_id(qwen3, tmp_path):
    record = json.loads((qwen3 / "tokenizer.json").read_text())
    last = max(record["model"]["vocab"], key=record["model"]["vocab"].get)
    record["model"]["vocab"]["None"] = record["model"]["vocab"].pop(last)  # as in the vocabularies of Qwen and Llama
    (tmp_path / "tokenizer.json").write_text(json.dumps(record))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"bos_token": None, "eos_token": "<|im_end|>"}))
    config = json.loads((qwen3 / "config.json").read_text()) | {"bos_token_id": None, "pad_token_id": -1}  # as Llama's first ones have it
    metadata = read_tokens(tmp_path, config).metadata
    assert {key for key in metadata if key.endswith("_token_id")} == {"tokenizer.ggml.eos_token_id"}


def test_numbers_that_are_not_finite_are_not_written(qwen3, tmp_path):
    for file in qwen3.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["model.norm.weight"][3] = math.nan
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="not finite"):
        write_gguf(tmp_path, tmp_path / "model.gguf", "q8_0")


def test_weights_that_are_cut_are_not_read(qwen3, tmp_path):
    data = (qwen3 / "model.safetensors").read_bytes()
    for cut in (0, 5, 300, len(data) - 4):
        (tmp_path / "model.safetensors").write_bytes(data[:cut])
        with pytest.raises(UserError, match=r"model\.safetensors"), open_weights(tmp_path):
            pass
