"""Models of others: the tokens of transformers' own `generate`, prompts of its own template, folders that lie are refused."""

import json
import re

import pytest
import torch
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, Qwen2Config, Qwen3Config

from kubestill.ground.errors import UserError
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.grammar.api import Grammar, Step
from kubestill.tools.modeling.pretrained import ARCHITECTURES

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # its tokenizer.json
)
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
REQUESTS = ["a pod", "a service on port 8080, called web", "scale it to 3"]
CONFIGS = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig}
SHAPE = re.compile(r"kind: (Pod|Service)\nname: [a-z]{1,9}\n")


class One:
    def start(self, reading):
        return Step(Grammar('start: "kind: " ("Pod" | "Service") "\\nname: " /[a-z]{1,9}/ "\\n"'))


def write_model(folder, kind):
    """A random model in the shape of its architecture, with two rows that no token of the tokenizer has."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence([Split(Regex(QWEN2), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = ByteLevelDecoder()
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    trainer = BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([*REQUESTS, "kind: Pod\nname: web\nkind: Service\n<|assistant\nuser\n"] * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": {"__type": "AddedToken", "content": "<|im_end|>"},
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96}
    config = CONFIGS[kind](**sizes, vocab_size=tokenizer.get_vocab_size() + 2, max_position_embeddings=128, eos_token_id=2, bos_token_id=0)
    config.tie_word_embeddings = kind == "qwen3"
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.dim() > 1 and "embed" not in name:
                tensor.mul_(5)  # answers that differ from each other
            elif name.endswith("bias"):
                tensor.normal_(0, 0.3)  # transformers starts them at 0
    model.generation_config.eos_token_id = [2, 0]
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=ARCHITECTURES)
def folder(request, tmp_path_factory):
    torch.set_num_threads(1)
    return write_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def engine(folder):
    return TransformersEngine.load(folder)


def test_prompts_and_greedy_answers_are_those_of_transformers(engine, folder):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    replies = engine.generate(REQUESTS, Ask(max_new_tokens=25))
    assert len({reply.text for reply in replies}) > 1
    for request, reply in zip(REQUESTS, replies, strict=True):
        prompt = tokenizer.apply_chat_template([{"role": "user", "content": request}], tokenize=False, add_generation_prompt=True)
        assert engine.words.voice.prompt(request).text == prompt
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        found = model.generate(**ids, max_new_tokens=25, do_sample=False, pad_token_id=0)[0, ids["input_ids"].shape[1] :].tolist()
        found = found[: next((place for place, token in enumerate(found) if token in (0, 2)), len(found))]
        assert reply.text == tokenizer.decode(found, clean_up_tokenization_spaces=False)
        assert (reply.tokens, reply.prompt_tokens, reply.cut) == (len(found), ids["input_ids"].shape[1], len(found) == 25)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_guided_and_free_answers_do_not_depend_on_their_batch(engine, temperature):
    ask, guides = Ask(max_new_tokens=40, temperature=temperature), [One(), None, One()]
    together = engine.generate(REQUESTS, ask, guides)
    assert together == [engine.generate([request], ask, [guide])[0] for request, guide in zip(REQUESTS, guides, strict=True)]
    assert all(SHAPE.fullmatch(reply.text) and reply.forced for reply in (together[0], together[2]))


def test_a_models_second_end_ends_a_guided_answer_too(engine):
    """What the grammar takes away is never an end where the answer may end."""
    for reply in engine.generate(REQUESTS, Ask(max_new_tokens=40, temperature=3.0), [One()] * 3):
        assert not [removed for removed in reply.removed if removed.chosen_text in SPECIAL]


def spoil_config(**changes):
    def spoil(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def index(folder):
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"model.norm.weight": "../other.safetensors"}}))


SPOILED = {
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors: no such file"),
    "cut weights": (cut("model.safetensors", 3000), "not a whole safetensors file"),
    "a pickle in their place": (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "no such file"),
    "a way out": (index, "names the file '../other.safetensors'"),
    "no index": (lambda folder: (index(folder), (folder / "model.safetensors.index.json").write_text("[1]")), "no index of weights"),
    "another size": (spoil_config(intermediate_size=128), r"expected \[128, 64\]"),
    "a million layers": (spoil_config(num_hidden_layers=1_000_000, layer_types=None), "num_hidden_layers 1000000"),
    "a layer less": (spoil_config(num_hidden_layers=1, layer_types=None), "2 layers, config.json says 1"),
    "no heads": (spoil_config(num_attention_heads=0), "config.json|no model that can be read"),
    "words for numbers": (spoil_config(hidden_size="wide"), "malformed settings"),
    "another architecture": (spoil_config(model_type="mamba"), "model_type 'mamba'; choose one of llama, qwen2, qwen3"),
    "code of its own": (spoil_config(model_type="own", auto_map={"AutoConfig": "own.Config"}), "model_type 'own'"),
    "no configuration": (cut("config.json", 20), "not JSON"),
    "more tokens than rows": (spoil_config(vocab_size=300), "a tokenizer of"),
    "cut tokenizer": (cut("tokenizer.json", 500), "no tokenizer that can be read"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json"),
    "no template": (cut("tokenizer_config.json", 0), "not JSON"),
    "settings in a list": (lambda folder: (folder / "tokenizer_config.json").write_text("[]"), "no settings in it"),
    "a base model": (lambda folder: (folder / "tokenizer_config.json").write_text("{}"), "no chat template"),
}


@pytest.mark.parametrize(("spoil", "told"), SPOILED.values(), ids=SPOILED)
def test_a_folder_that_lies_is_refused_in_a_sentence(tmp_path, spoil, told, capfd):
    write_model(tmp_path, "qwen2")
    spoil(tmp_path)
    capfd.readouterr()
    with pytest.raises(UserError, match=told) as caught:
        TransformersEngine.load(tmp_path)
    assert "\n" not in str(caught.value) and not any(capfd.readouterr())
