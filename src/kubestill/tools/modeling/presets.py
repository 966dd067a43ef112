"""Students of the Qwen3 architecture, by size. Sizes count the tied embeddings at a vocabulary of 4,096."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from kubestill.ground.errors import UserError, near

ROPE_THETA = 10_000.0  # plenty for contexts of a thousand tokens; long-context bases use 1e6
NORM_EPSILON = 1e-6  # Qwen3's


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

    def with_vocabulary(self, vocabulary: int) -> "Architecture":
        """Return the same body over another vocabulary."""
        return replace(self, vocabulary=vocabulary)

    @property
    def group(self) -> int:
        """Query heads for each key-value head."""
        return self.heads // self.kv_heads

    def config(self, pad_id: int, end_id: int) -> dict[str, Any]:
        """Return `config.json` as Hugging Face's Qwen3 reads it."""
        return {
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

    @classmethod
    def from_config(cls, config: dict[str, Any], where: str = "config.json") -> "Architecture":
        """Read `config.json`.

        Raises:
            UserError: the configuration is of another family, or has what a student never has (biases, untied embeddings).
        """
        found = config.get("model_type")
        if found != "qwen3" or config.get("attention_bias") or not config.get("tie_word_embeddings"):
            raise UserError(where, f"model_type {found!r} is not a tied Qwen3 without biases", "use a student that kubestill made")
        rope = config.get("rope_parameters") or {}
        return cls(
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
        )

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
