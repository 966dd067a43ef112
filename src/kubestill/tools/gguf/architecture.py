"""What GGUF and Hugging Face call the parts of a Llama, a Qwen2 and a Qwen3, and which of them are there in which shape.

N layers, D hidden, H query heads, K key-value heads, E head size, F feed-forward, V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.ground.errors import UserError
from kubestill.tools.gguf.header import Header, Value

ARCHITECTURES = ("llama", "qwen2", "qwen3")
ROPE_FACTORS = "rope_freqs.weight"  # the one tensor that no weights hold: llama.cpp reads Llama 3's stretched turns from it
MAX_LAYERS = 1000


@dataclass(frozen=True)
class Part:
    """One tensor: its name at Hugging Face, its shape, and for Llama's queries and keys the number of heads to reorder."""

    source: str
    shape: tuple[int, ...]
    turned: int = 0


@dataclass(frozen=True)
class Body:
    """The numbers that fix a model's tensors."""

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int
    context: int  # tokens
    theta: float
    epsilon: float
    tied: bool

    @property
    def parts(self) -> dict[str, Part]:
        """GGUF's tensor name → what it is, in the order in which they are written."""
        found = {"token_embd.weight": Part("model.embed_tokens.weight", (self.vocabulary, self.hidden))}
        for layer in range(self.layers):
            for name, part in self._layer().items():
                found[f"blk.{layer}.{name}"] = Part(f"model.layers.{layer}.{part.source}", part.shape, part.turned)
        found["output_norm.weight"] = Part("model.norm.weight", (self.hidden,))
        if not self.tied:
            found["output.weight"] = Part("lm_head.weight", (self.vocabulary, self.hidden))
        return found

    def _layer(self) -> dict[str, Part]:
        hidden, ffn = self.hidden, self.ffn
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        turned = (self.heads, self.kv_heads) if self.architecture == "llama" else (0, 0)
        found = {
            "attn_norm.weight": Part("input_layernorm.weight", (hidden,)),
            "attn_q.weight": Part("self_attn.q_proj.weight", (q, hidden), turned[0]),
            "attn_k.weight": Part("self_attn.k_proj.weight", (kv, hidden), turned[1]),
            "attn_v.weight": Part("self_attn.v_proj.weight", (kv, hidden)),
            "attn_output.weight": Part("self_attn.o_proj.weight", (hidden, q)),
            "ffn_norm.weight": Part("post_attention_layernorm.weight", (hidden,)),
            "ffn_gate.weight": Part("mlp.gate_proj.weight", (ffn, hidden)),
            "ffn_up.weight": Part("mlp.up_proj.weight", (ffn, hidden)),
            "ffn_down.weight": Part("mlp.down_proj.weight", (hidden, ffn)),
        }
        if self.architecture == "qwen2":
            for letter, rows in (("q", q), ("k", kv), ("v", kv)):
                found[f"attn_{letter}.bias"] = Part(f"self_attn.{letter}_proj.bias", (rows,))
        if self.architecture == "qwen3":
            for letter in "qk":
                found[f"attn_{letter}_norm.weight"] = Part(f"self_attn.{letter}_norm.weight", (self.head_dim,))
        return found

    @property
    def metadata(self) -> dict[str, Value]:
        """The numbers under GGUF's keys."""
        numbers: dict[str, Value] = {
            "vocab_size": self.vocabulary,
            "context_length": self.context,
            "embedding_length": self.hidden,
            "block_count": self.layers,
            "feed_forward_length": self.ffn,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads,
            "attention.key_length": self.head_dim,
            "attention.value_length": self.head_dim,
            "attention.layer_norm_rms_epsilon": self.epsilon,
            "rope.dimension_count": self.head_dim,
            "rope.freq_base": self.theta,
        }
        return {f"{self.architecture}.{name}": value for name, value in numbers.items()}

    @property
    def config(self) -> dict[str, Any]:
        """The numbers under the keys of Hugging Face's `config.json`."""
        return {
            "architectures": [f"{self.architecture.capitalize()}ForCausalLM"],
            "model_type": self.architecture,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.ffn,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.context,
            "rope_theta": self.theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.theta},
            "rms_norm_eps": self.epsilon,
            "hidden_act": "silu",
            "attention_bias": False,
            "tie_word_embeddings": self.tied,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str) -> "Body":
        """Read `config.json` of a Hugging Face folder.

        Raises:
            UserError: another architecture, a setting that GGUF's graph of it does not have, or a number that is missing.
        """
        _refuse_unknown(config, where)
        try:
            heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
            return cls(
                architecture=config["model_type"],
                layers=int(config["num_hidden_layers"]),
                hidden=hidden,
                heads=heads,
                kv_heads=int(config.get("num_key_value_heads") or heads),
                head_dim=int(config.get("head_dim") or hidden // heads),
                ffn=int(config["intermediate_size"]),
                vocabulary=int(config["vocab_size"]),
                context=int(config["max_position_embeddings"]),
                theta=float(rope(config).get("rope_theta", 10_000.0)),  # the default of all three at Hugging Face
                epsilon=float(config["rms_norm_eps"]),
                tied=bool(config.get("tie_word_embeddings", False)),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise UserError(where, f"a setting is missing or malformed ({error})", "give a whole Hugging Face folder") from None

    @classmethod
    def from_header(cls, header: Header) -> "Body":
        """Read the numbers of a GGUF file and hold the tensors against them.

        Raises:
            UserError: another architecture, a number that cannot be, or a tensor that is missing or has another shape.
        """
        name = header.text("general.architecture")
        if name not in ARCHITECTURES:
            raise UserError(str(header.path), f"architecture {name[:40]!r}", f"kubestill runs {', '.join(ARCHITECTURES)}")
        body = cls._numbers(header, name)
        where = str(header.path)
        if body.layers > MAX_LAYERS or body.heads % body.kv_heads or body.head_dim % 2:
            raise UserError(where, f"{body.layers} layers of {body.heads}/{body.kv_heads} heads of {body.head_dim} cannot be", "")
        for tensor, part in body.parts.items():
            if tensor not in header.tensors:
                raise UserError(where, f"tensor {tensor} is missing", "export it again")
            if header.tensors[tensor].shape != part.shape:
                shape = list(header.tensors[tensor].shape)
                raise UserError(where, f"tensor {tensor} is {shape}, expected {list(part.shape)}", "export it again")
        return body

    @classmethod
    def _numbers(cls, header: Header, name: str) -> "Body":
        heads, hidden = header.number(f"{name}.attention.head_count"), header.number(f"{name}.embedding_length")
        head_dim = header.number(f"{name}.attention.key_length", default=hidden // heads)
        for key in ("attention.value_length", "rope.dimension_count"):  # llama.cpp ends the process over turns wider than a head
            if header.number(f"{name}.{key}", default=head_dim) != head_dim:
                raise UserError(str(header.path), f"{name}.{key} is not {head_dim}, the size of a head", "export it again")
        return cls(
            architecture=name,
            layers=header.number(f"{name}.block_count"),
            hidden=hidden,
            heads=heads,
            kv_heads=header.number(f"{name}.attention.head_count_kv", default=heads),
            head_dim=head_dim,
            ffn=header.number(f"{name}.feed_forward_length"),
            vocabulary=len(header.strings("tokenizer.ggml.tokens")),
            context=header.number(f"{name}.context_length"),
            theta=_seven(header.fraction(f"{name}.rope.freq_base", 10_000.0)),
            epsilon=_seven(header.fraction(f"{name}.attention.layer_norm_rms_epsilon")),
            tied="output.weight" not in header.tensors,
        )


def _seven(number: float) -> float:
    """Return the decimal that was stored as fp32: seven digits."""
    return float(f"{number:.7g}")


def rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the turns by position, as newer and older `config.json` spell them."""
    older = {"rope_theta": config.get("rope_theta", 10_000.0), **(config.get("rope_scaling") or {})}
    return older | (config.get("rope_parameters") or {})


def _refuse_unknown(config: Mapping[str, Any], where: str) -> None:
    found = config.get("model_type")
    if found == "qwen3_5_text":
        # llama.cpp runs it, but its states take no token back, which every wrong guess asks for (docs/log/2026-11-27-architectures.md).
        mend = "GGUF holds students of full attention: set export.formats = [], and the engine transformers runs it"
        raise UserError(where, "layers that keep a state (Qwen3.5)", mend)
    if found not in ARCHITECTURES:
        raise UserError(where, f"model_type {found!r}", f"GGUF is written for {', '.join(ARCHITECTURES)}")
    turns = rope(config)
    kind = turns.get("rope_type", turns.get("type", "default"))
    wrong = {
        "attention_bias": bool(config.get("attention_bias")) and found != "qwen2",
        "mlp_bias": bool(config.get("mlp_bias")),
        "use_sliding_window": bool(config.get("use_sliding_window")),
        "hidden_act": config.get("hidden_act", "silu") != "silu",
        "rope_type": kind not in ("default", "llama3") or (kind == "llama3" and found != "llama"),
    }
    for name, refused in wrong.items():
        if refused:
            told = config.get(name, kind)
            mend = f"llama.cpp's {found} has no such thing: set export.formats = [], and the engine transformers runs it"
            raise UserError(where, f"{name} is {told!r}", mend)


def rope_factors(config: Mapping[str, Any], body: Body, where: str) -> NDArray[np.float32] | None:
    """Return by how much each of Llama 3's E/2 frequencies is divided; None where nothing is stretched.

    As in Hugging Face's `modeling_rope_utils.py`, "llama3": long waves by `factor`, short ones not at all, those between smoothly.

    Raises:
        UserError: a setting is missing or malformed.
    """
    turns = rope(config)
    if turns.get("rope_type", turns.get("type", "default")) != "llama3":
        return None
    waves = 2 * np.pi * body.theta ** (np.arange(0, body.head_dim, 2) / body.head_dim)
    names = ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings", "factor")
    try:
        low, high, context, factor = (float(turns[name]) for name in names)
        if not 0 < low < high or factor <= 0:
            raise ValueError(f"low_freq_factor {low:g}, high_freq_factor {high:g}, factor {factor:g}")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(where, f"a setting of rope_type llama3 is missing or malformed ({error})", "fetch it again") from None
    share = np.clip((context / waves - low) / (high - low), 0.0, 1.0)
    factors: NDArray[np.float32] = (1.0 / ((1 - share) / factor + share)).astype(np.float32)
    return factors


def turn(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder the rows of Llama's queries or keys: Hugging Face turns halves against each other, llama.cpp neighbours."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def turn_back(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Undo `turn`."""
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
