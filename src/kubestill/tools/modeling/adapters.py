"""Low-rank adapters beside the frozen matrices of a model (LoRA, Hu et al. 2021, arXiv 2106.09685), by PEFT.

A matrix W [out,in] becomes W + (alpha / rank)·B·A with A [rank,in] and B [out,rank]; B starts at nought, so that training starts from
the model as it is. PEFT puts them into the model; what is trained lies in one flat vector, as everything that the loop trains.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text
from kubestill.ground.registry import need
from kubestill.tools.modeling.load import ADAPTERS as CONFIG
from kubestill.tools.modeling.load import WEIGHTS as WHOLE
from kubestill.tools.modeling.load import read_header

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."  # of PEFT's tensors
PEFT_AT_LEAST = "0.21"
MAX_RANK = 4096


@dataclass(frozen=True)
class Adapter:
    """The size of the adapters, and which matrices of each layer have one."""

    rank: int
    alpha: float
    targets: tuple[str, ...]

    @property
    def scale(self) -> float:
        """What B·A is multiplied by."""
        return self.alpha / self.rank

    def put_into(self, model: Any) -> None:
        """Let PEFT put empty adapters (on the device "meta") into a model of transformers.

        Raises:
            Unavailable: PEFT is not installed.
        """
        config = self.config()
        from peft import inject_adapter_in_model

        inject_adapter_in_model(config, model, low_cpu_mem_usage=True)

    def config(self, **more: Any) -> Any:
        """Return PEFT's configuration of them.

        Raises:
            Unavailable: PEFT is not installed.
        """
        need("peft", PEFT_AT_LEAST, "lora")
        from peft import LoraConfig

        alpha: Any = self.alpha  # may be a fraction, whatever PEFT's types say
        return LoraConfig(r=self.rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=list(self.targets), bias="none", **more)


def names_of(adapted: str) -> tuple[str, str]:
    """Return PEFT's names of A and B beside the matrix `adapted` of transformers (`….q_proj.weight`)."""
    stem = adapted.removesuffix(".weight")
    return f"{stem}.lora_A.weight", f"{stem}.lora_B.weight"


def draw_adapters(views: Mapping[str, Tensor], seed: int) -> None:
    """Fill A as PEFT does, evenly up to 1/sqrt(in) on both sides (Kaiming with a = sqrt 5), and B with nought."""
    rng = torch.Generator().manual_seed(seed % 2**63)
    for name, view in views.items():
        if ".lora_A." in name:
            bound = 1 / math.sqrt(view.shape[1])
            view.uniform_(-bound, bound, generator=rng)
        else:
            view.zero_()


def merged(name: str, matrix: Tensor, found: Mapping[str, Tensor], scale: float) -> Tensor:
    """Return a tensor of the model with what the adapters in `found` add to it, reckoned in fp32; most have none and stay as they are."""
    first, second = names_of(name)
    if first not in found:
        return matrix
    return matrix.float().addmm(found[second].float(), found[first].float(), alpha=scale).to(matrix.dtype)


def save_adapters(folder: Path, adapter: Adapter, base: str, tensors: Mapping[str, Tensor]) -> None:
    """Write what `PeftModel.from_pretrained` reads: adapter_config.json, which names the `base`, and adapter_model.safetensors in fp32."""
    config = adapter.config(base_model_name_or_path=base, inference_mode=True, task_type="CAUSAL_LM")
    spelled = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    part = folder / (WEIGHTS + ".part")
    save_file({PREFIX + name: tensor.float().contiguous() for name, tensor in tensors.items()}, part, metadata={"format": "pt"})
    part.replace(folder / WEIGHTS)
    write_text(folder / CONFIG, json.dumps(spelled, indent=1, default=str) + "\n")


def holds_adapters(folder: Path) -> bool:
    """Say whether a folder holds adapters and not a model."""
    return (folder / CONFIG).is_file() and not (folder / WHOLE).exists()


def read_adapters(folder: Path) -> tuple[Adapter, Path, dict[str, Tensor]]:
    """Return the adapters of a folder, the folder of their base, and their tensors by the names that `names_of` gives.

    Raises:
        UserError: a file is malformed, or the base is not where it was.
    """
    where = str(folder / CONFIG)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        kind, rank, alpha, targets = (config[name] for name in ("peft_type", "r", "lora_alpha", "target_modules"))
        plain = kind == "LORA" and not any(config.get(name) for name in ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern"))
        adapter = Adapter(int(rank), float(alpha), tuple(sorted(targets)))
        base = Path(str(config["base_model_name_or_path"]))
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(where, f"no configuration of adapters ({error})", "train them again") from None
    if not plain or not 1 <= adapter.rank <= MAX_RANK:
        raise UserError(where, "adapters of another kind than plain LoRA", "merge them with PEFT first")
    if not base.is_dir():
        raise UserError(where, f"their base {str(base)!r} is not there", "put it back, or train with training.adapter.merge = true")
    _check(folder / WEIGHTS, adapter)
    return adapter, base, {name.removeprefix(PREFIX): tensor for name, tensor in load_file(folder / WEIGHTS).items()}


def _check(path: Path, adapter: Adapter) -> None:
    """Hold the header against the configuration: pairs of A and B, of the rank."""
    shapes = {name: shape for name, (_, shape) in read_header(path).items()}
    for name, shape in shapes.items():
        left = ".lora_A." in name
        other = name.replace(".lora_A.", ".lora_B.") if left else name.replace(".lora_B.", ".lora_A.")
        if len(shape) != 2 or shape[0 if left else 1] != adapter.rank or other == name or other not in shapes:
            raise UserError(str(path), f"{name} is {shape}, no adapter of rank {adapter.rank}", "train them again")
