"""Models that are not ours: Qwen2, Qwen3 and Llama folders, run by transformers' own modules, each row of a batch at its own place.

Nothing of a folder is believed before it is checked: safetensors only, shapes as config.json says, no code of its own.

B rows, T most tokens of a row in a pass, C places in the cache, M places whose logits are wanted, K key-value heads, E head size, D hidden,
V vocabulary.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer
from transformers.utils import logging

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.adapters import holds_adapters, merged, read_adapters
from kubestill.tools.modeling.load import WEIGHTS, read_header

ARCHITECTURES = ("llama", "qwen2", "qwen3")  # config.json's model_type
INDEX = WEIGHTS + ".index.json"
MAX_LAYERS = 1000  # the deepest published ones have 126
ROOM = 64  # places by which the cache grows
_LAYER = re.compile(r"model\.layers\.(\d+)\.")
# What transformers raises on settings that do not go together; a folder is a stranger.
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, OSError, StrictDataclassError)


class Pretrained:
    """A model of transformers that reads in batches; `vocabulary` says how many of its tokens the tokenizer knows."""

    def __init__(self, model: PreTrainedModel, vocabulary: int) -> None:
        self.body: Any = model.get_decoder()  # type: ignore[no-untyped-call]
        self.head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        self.vocabulary = vocabulary
        self.layers = int(model.config.num_hidden_layers)

    def batch(self, rows: int) -> "Batch":
        """Return a batch of `rows` that have read nothing yet."""
        return Batch(self, rows)


class _Places:
    """Where the tokens of the pass at hand stand: places [B,T], and how many places are in use."""

    def __init__(self, rows: int) -> None:
        self.rows, self.places, self.held = torch.arange(rows)[:, None], torch.zeros(rows, 0, dtype=torch.long), 0


class _Layer(DynamicLayer):  # type: ignore[no-untyped-call] # its hook for subclasses has no types
    """Keys and values [B,K,C,E] of one layer, each row's at its own places: what stands beyond a row's length is written over."""

    def __init__(self, where: _Places) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.where = where

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Write [B,K,T,E] and return all that is there."""
        where = self.where
        if self.keys is None or self.values is None:
            rows, heads, _, size = key_states.shape
            self.keys, self.values = (key_states.new_zeros(rows, heads, where.held + ROOM, size) for _ in range(2))
            self.is_initialized = True
        if where.held > self.keys.shape[2]:
            more = (0, 0, 0, where.held - self.keys.shape[2] + ROOM)
            self.keys, self.values = functional.pad(self.keys, more), functional.pad(self.values, more)
        self.keys[where.rows, :, where.places] = key_states.transpose(1, 2)
        self.values[where.rows, :, where.places] = value_states.transpose(1, 2)
        return self.keys[:, :, : where.held], self.values[:, :, : where.held]


class Batch:
    """Rows that read on."""

    def __init__(self, model: Pretrained, rows: int) -> None:
        self.model, self.lengths = model, torch.zeros(rows, dtype=torch.long)
        self.where = _Places(rows)
        self.layers = [_Layer(self.where) for _ in range(model.layers)]
        self.cache = Cache(layers=[*self.layers])

    @torch.inference_mode()
    def read(self, fed: Sequence[Sequence[int]], wanted: Sequence[int]) -> NDArray[np.float32]:
        """Read `fed[row]`, one token or more, in each row; return the logits [M,V] after the last `wanted[row]` of them, row by row."""
        counts = [len(tokens) for tokens in fed]
        longest = max(counts)
        ids = torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in fed])
        where = self.where
        where.places = self.lengths[:, None] + torch.arange(longest)  # beyond a row's count nobody looks at the result
        where.held = int(where.places.max()) + 1
        seen = torch.arange(where.held) <= where.places[:, None, :, None]  # [B,1,T,C]
        x = self.model.body(
            input_ids=ids, attention_mask=seen, position_ids=where.places, past_key_values=self.cache, use_cache=True
        ).last_hidden_state
        self.lengths = self.lengths + torch.tensor(counts)
        parts = [x[row, count - want : count] for row, (count, want) in enumerate(zip(counts, wanted, strict=True))]
        logits: NDArray[np.float32] = self.model.head(torch.cat(parts))[:, : self.model.vocabulary].float().numpy()
        return logits

    def cut(self, lengths: Sequence[int]) -> None:
        """Forget what each row read beyond `lengths[row]` tokens."""
        self.lengths = torch.tensor(lengths)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        kept = torch.tensor(rows, dtype=torch.long)
        self.lengths, self.where.rows = self.lengths[kept], torch.arange(len(rows))[:, None]
        for layer in self.layers:
            layer.batch_select_indices(kept)


def load_pretrained(folder: Path, vocabulary: int, dtype: torch.dtype) -> Pretrained:
    """Read a model whose tokenizer knows `vocabulary` tokens; a folder of adapters is read with the model that they are for.

    Raises:
        UserError: a file is missing, malformed or of another architecture, or the files do not fit each other.
    """
    adapter, home, added = read_adapters(folder) if holds_adapters(folder) else (None, folder, {})
    config = checked(home, vocabulary)
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = AutoModelForCausalLM.from_pretrained(
            home, config=config, dtype=dtype, attn_implementation="sdpa", use_safetensors=True, local_files_only=True
        )
    except _MALFORMED as error:
        raise UserError(str(home), f"no model that can be read ({_first_line(error)})", "fetch it again") from None
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    if adapter is not None:
        for name, tensor in model.named_parameters():
            tensor.data = merged(name, tensor.data, added, adapter.scale)
    return Pretrained(model.train(False), vocabulary)


def checked(folder: Path, vocabulary: int = 0) -> PreTrainedConfig:
    """Return the configuration of a folder whose weights are what it says, with a row for each of the tokenizer's tokens.

    Raises:
        UserError: a file is missing, malformed or of another architecture, or the files do not fit each other.
    """
    config = read_config(folder)
    if not vocabulary <= config.vocab_size:
        raise UserError(str(folder), f"a tokenizer of {vocabulary} tokens for {config.vocab_size} embeddings", "fetch the model again")
    try:
        _fit(folder, config)
    except _MALFORMED as error:
        raise UserError(str(folder), f"no model that can be read ({_first_line(error)})", "fetch it again") from None
    return config


def context_of(folder: Path) -> int:
    """Return how many tokens the model can look back on; a window that slides is not slid.

    Raises:
        UserError: as `load_pretrained`.
    """
    config = read_config(folder)
    windows = [config.sliding_window] if "sliding_attention" in (getattr(config, "layer_types", None) or ()) else []
    return int(min([config.max_position_embeddings, *windows]))


def read_config(folder: Path) -> PreTrainedConfig:
    """Read config.json.

    Raises:
        UserError: there is none, it is malformed, of another architecture, or of quantised weights.
    """
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kind, layers = found["model_type"], found["num_hidden_layers"]
    except FileNotFoundError:
        raise UserError(str(folder), "no config.json", "give a folder with config.json, model.safetensors and tokenizer.json") from None
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(str(path), f"no configuration of a model ({_first_line(error)})", "fetch it again") from None
    if kind not in ARCHITECTURES:
        raise UserError(str(path), f"model_type {kind!r}", f"choose one of {', '.join(ARCHITECTURES)}")
    if not isinstance(layers, int) or not 1 <= layers <= MAX_LAYERS:  # transformers would lay out a list of them
        raise UserError(str(path), f"num_hidden_layers {layers!r}", f"expected a number from 1 to {MAX_LAYERS}")
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    except _MALFORMED as error:
        raise UserError(str(path), f"malformed settings ({_first_line(error)})", "fetch it again") from None
    if getattr(config, "quantization_config", None):
        raise UserError(str(path), "quantised weights", "give the model in f32, f16 or bf16, or as a GGUF file")
    return config


def _fit(folder: Path, config: PreTrainedConfig) -> None:
    """Hold the headers of the weights against what the configuration makes of them, before memory is taken for either."""
    found = {tensor: shape for file in files_of(folder) for tensor, (_, shape) in read_header(file).items()}
    layers = {int(match[1]) for name in found if (match := _LAYER.match(name))}
    if layers != set(range(len(layers))) or len(layers) != config.num_hidden_layers:
        raise UserError(str(folder), f"{len(layers)} layers, config.json says {config.num_hidden_layers}", "fetch it again")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    for name, tensor in model.state_dict().items():
        if name not in tied and found.get(name) != list(tensor.shape):
            raise UserError(str(folder), f"{name} is {found.get(name, 'missing')}, expected {list(tensor.shape)}", "fetch it again")


def files_of(folder: Path) -> list[Path]:
    """Return the files of weights: one, or those that the index names.

    Raises:
        UserError: the index is malformed.
    """
    names = [WEIGHTS]
    if not (folder / WEIGHTS).exists() and (folder / INDEX).is_file():
        try:
            names = sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
            strange = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(str(folder / INDEX), f"no index of weights ({_first_line(error)})", "fetch it again") from None
        if strange:
            raise UserError(str(folder / INDEX), f"names the file {strange[0]!r}", "give a folder of safetensors")
    return [folder / name for name in names]


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
