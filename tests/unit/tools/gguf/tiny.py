"""Small random models of the three architectures, with a byte-level BPE that splits as Qwen2 does, as Hugging Face folders."""

import json
import random
import struct
import unicodedata
import warnings

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from kubestill.tools.gguf.tokens import LLAMA3, QWEN2

WORDS = "deploy nginx with three replicas and expose port 8080 as a service we'll need Don't memory limits über naïve 名前 データ".split()
MARKS = ["\n", "\n\n", "  ", " - ", ": ", "/", "_", "...", "\t", "`", "{}", "=", "🚢", "́", "42", "1.27", "٣"]
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def texts(count, seed=1):
    """Words, signs, digits and blanks in any order."""
    rng = random.Random(seed)
    return ["".join(rng.choice((" ", "")) + rng.choice(WORDS + MARKS) for _ in range(rng.randint(1, 40))) for _ in range(count)]


def chats(count):
    """Chats in composed letters: llama.cpp does not compose them, as Qwen2's tokenizer does."""
    parts = [unicodedata.normalize("NFC", text) for text in texts(2 * count, 2)]
    return [
        f"<|im_start|>user\n{ask}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
        for ask, answer in zip(parts[::2], parts[1::2], strict=True)
    ]


def make_tokenizer(pattern=QWEN2):
    """A BPE of 600 tokens with four added ones; without a pattern it splits as GPT-2 does."""
    tokenizer = Tokenizer(BPE(ignore_merges=pattern == LLAMA3))
    tokenizer.normalizer = normalizers.NFC()
    parts = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*parts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not pattern)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(texts(400), BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False))
    special = [AddedToken(token, special=True, normalized=False) for token in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    return tokenizer


def make_folder(folder, kind, layers=3, tied=True, dtype=torch.float32):
    """Write a random model of `kind`: "qwen2", "qwen3", "llama" or "llama3" (with stretched turns)."""
    import transformers

    names = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama", "llama3": "Llama"}
    tokenizer = make_tokenizer()
    rows = -(-tokenizer.get_vocab_size() // 16) * 16  # more rows than tokens, as pretrained models have
    settings = {"vocab_size": rows, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": layers, "num_attention_heads": 4}
    settings |= {"num_key_value_heads": 2, "max_position_embeddings": 512, "tie_word_embeddings": tied, "rms_norm_eps": 1e-6}
    if kind == "qwen3":
        settings["head_dim"] = 32  # not hidden / heads
    if kind == "llama3":
        stretch = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
        settings["rope_parameters"] = {"rope_type": "llama3", "rope_theta": 5e4, **stretch}
    torch.manual_seed(5)
    config = getattr(transformers, f"{names[kind]}Config")(**settings, bos_token_id=None, eos_token_id=None, pad_token_id=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = getattr(transformers, f"{names[kind]}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # norms and biases that are not 1 and 0 would not be noticed if lost
            parameter.add_(torch.randn_like(parameter) * (0.1 if "norm" in name or "bias" in name else 0.03))
    model.to(dtype).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": TEMPLATE,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return folder


def text(value):
    """A string as GGUF writes it."""
    coded = value.encode()
    return struct.pack("<Q", len(coded)) + coded


def entry(key, kind, payload):
    """An entry of metadata."""
    return text(key) + struct.pack("<I", kind) + payload


def file(entries=(), tensors=(), data=b"", version=3, counts=None):
    """A GGUF file by hand: tensors are (name, dimensions, type, offset)."""
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(entries)))) + b"".join(entries)
    for name, dimensions, kind, offset in tensors:
        head += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset)
    return head + b"\0" * (-len(head) % 32) + data
