"""Students by size, and what each of their layers mixes tokens by. Sizes count the tied embeddings at a vocabulary of 4,096.

All are Qwen3 (layers look at all that was read, or at a window of it), or Qwen3.5 where layers keep a state instead (hybrid.py).
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from kubestill.ground.errors import UserError, near

ROPE_THETA = 10_000.0  # plenty for contexts of a thousand tokens; long-context bases use 1e6
NORM_EPSILON = 1e-6  # Qwen3's
FULL, SLIDING, LINEAR = "full_attention", "sliding_attention", "linear_attention"  # as config.json's layer_types spells them
CONV = 4  # tokens that the convolution before a state sees: Qwen3-Next's, and Mamba's


@dataclass(frozen=True)
class Architecture:
    """The numbers that fix a student's tensors; all matrices are without bias, embeddings are tied."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int = 4096
    max_position: int = 1024  # tokens of request and answer together
    rope_theta: float = ROPE_THETA
    norm_epsilon: float = NORM_EPSILON
    layer_types: tuple[str, ...] = ()  # of each layer; empty: all are full
    window: int = 0  # tokens that a sliding layer sees, its own included

    def with_vocabulary(self, vocabulary: int) -> "Architecture":
        """Return the same body over another vocabulary."""
        return replace(self, vocabulary=vocabulary)

    @property
    def group(self) -> int:
        """Query heads for each key-value head."""
        return self.heads // self.kv_heads

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each layer mixes tokens by."""
        return self.layer_types or (FULL,) * self.layers

    @property
    def hybrid(self) -> bool:
        """Whether some layers keep a state: then the student is a Qwen3.5, whose attention is gated and whose norms are centred."""
        return LINEAR in self.layer_types

    @property
    def states(self) -> int:
        """Layers that keep a state."""
        return self.kinds.count(LINEAR)

    def deeper(self, layers: int) -> "Architecture":
        """Return it with `layers` layers, the new ones of the kind of the one that they stand behind."""
        kinds = tuple(self.layer_types[at] for at in self.origins(layers)) if self.layer_types else ()
        return replace(self, layers=layers, layer_types=kinds)

    def origins(self, layers: int) -> list[int]:
        """Return for each of `layers` layers which of ours it comes from: new ones lie between ours, evenly."""
        return [place * self.layers // layers for place in range(layers)]

    def config(self, pad_id: int, end_id: int) -> dict[str, Any]:
        """Return `config.json` as Hugging Face's Qwen3 or Qwen3.5 reads it."""
        plain = {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.ffn,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.max_position,
            "rope_theta": self.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "rms_norm_eps": self.norm_epsilon,
            "hidden_act": "silu",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "use_sliding_window": False,
            "tie_word_embeddings": True,
            "initializer_range": 0.02,
            "pad_token_id": pad_id,
            "eos_token_id": end_id,
            "dtype": "float32",
        }
        return plain | self._mixing()

    def _mixing(self) -> dict[str, Any]:
        """Return what of `config.json` says that layers mix tokens by something else than full attention."""
        if not self.layer_types:
            return {}
        kinds = {"layer_types": list(self.layer_types)}
        if not self.hybrid:
            return kinds | {"use_sliding_window": True, "sliding_window": self.window, "max_window_layers": 0}
        third, more = divmod(self.head_dim // 2, 3)
        # All of a head turns, by one position: the sections, which are for pictures, change nothing.
        sections = {"partial_rotary_factor": 1.0, "mrope_interleaved": True, "mrope_section": [third + (at < more) for at in range(3)]}
        return kinds | {
            "architectures": ["Qwen3_5ForCausalLM"],
            "model_type": "qwen3_5_text",
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta, **sections},
            "linear_conv_kernel_dim": CONV,
            **{f"linear_num_{name}_heads": self.heads for name in ("key", "value")},
            **{f"linear_{name}_head_dim": self.head_dim for name in ("key", "value")},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], where: str = "config.json") -> "Architecture":
        """Read `config.json`.

        Raises:
            UserError: the configuration is of another family, or has what a student never has (biases, untied embeddings).
        """
        found = config.get("model_type")
        if found not in ("qwen3", "qwen3_5_text") or config.get("attention_bias") or not config.get("tie_word_embeddings"):
            raise UserError(where, f"model_type {found!r} is not a tied Qwen3 without biases", "use a student that kubestill made")
        rope = config.get("rope_parameters") or {}
        kinds = tuple(config.get("layer_types") or ())
        read = cls(
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            head_dim=config["head_dim"],
            ffn=config["intermediate_size"],
            vocabulary=config["vocab_size"],
            max_position=config["max_position_embeddings"],
            rope_theta=float(rope.get("rope_theta", config.get("rope_theta", ROPE_THETA))),
            norm_epsilon=config["rms_norm_eps"],
            layer_types=kinds if set(kinds) != {FULL} else (),
            window=config["sliding_window"] if config.get("use_sliding_window") else 0,
        )
        for name, meant in read._mixing().items():
            if config.get(name) != meant:
                raise UserError(where, f"{name} is {config.get(name)!r}, expected {meant!r}", "use a student that kubestill made")
        fits = len(read.kinds) == read.layers and read.hybrid == (found == "qwen3_5_text") and FULL in read.kinds
        fits &= rope.get("rope_type", "default") == "default" and isinstance(read.window, int) and (read.window > 0) == (SLIDING in kinds)
        if not fits or set(kinds) - {FULL, LINEAR if read.hybrid else SLIDING}:
            told = f"layer_types {list(kinds)!r}, sliding_window {read.window!r}, rope_parameters {rope!r}"
            raise UserError(where, told, "use a student that kubestill made")
        return read

    def record(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


# Hidden and feed-forward sizes are multiples of 64, from 12m on of 256, as llama.cpp's k-quants want them.
PRESETS: dict[str, Architecture] = {
    "1m": Architecture(hidden=128, layers=4, heads=2, kv_heads=1, head_dim=64, ffn=256),
    "4m": Architecture(hidden=256, layers=5, heads=4, kv_heads=2, head_dim=64, ffn=640),
    "12m": Architecture(hidden=512, layers=5, heads=8, kv_heads=2, head_dim=64, ffn=768),
    "30m": Architecture(hidden=512, layers=10, heads=8, kv_heads=4, head_dim=64, ffn=1280),
    "60m": Architecture(hidden=768, layers=9, heads=12, kv_heads=4, head_dim=64, ffn=2048),
}


def preset(name: str) -> Architecture:
    """Return the preset called `name`.

    Raises:
        UserError: no such preset.
    """
    if name not in PRESETS:
        raise UserError("training.preset", f"no preset {name!r}", near(name, PRESETS) or f"choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
