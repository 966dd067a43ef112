"""Models that somebody else trained, in the training loop: what is trained as one flat vector, logits where a label is.

The layers are transformers' own, over views of the vector. Either all weights are trained, or adapters beside weights that stand still;
those are mapped from their file, so that all processes read the same memory.

B rows, T places, M labelled places, R rows of packed lessons, W places of such a row, D hidden, V vocabulary.
"""

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from kubestill.ground.errors import KubestillError
from kubestill.tools.modeling.adapters import Adapter, draw_adapters, holds_adapters, merged, read_adapters, save_adapters
from kubestill.tools.modeling.layout import Unit
from kubestill.tools.modeling.load import WEIGHTS
from kubestill.tools.modeling.pretrained import Pretrained, checked, files_of, read_config

SETTINGS = ("config.json", "generation_config.json")
PLACES = 48  # of the text on which a folder that was written is compared
# How far logits may be off that transformers computes from what was written, as a share of the largest: sums in another order; rounding.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}


@dataclass(frozen=True)
class Order:
    """What is trained, by name and shape, as it lies in the flat vector: the `count` matrices first, then embeddings, norms and biases."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    count: int

    @classmethod
    def of(cls, shapes: dict[str, tuple[int, ...]]) -> "Order":
        """Put tensors of a model of transformers in order: matrices of layers are what Muon is for (`Ordered`)."""
        matrices = [name for name, shape in shapes.items() if len(shape) == 2 and ".layers." in name]
        rest = [name for name in shapes if name not in set(matrices)]
        rest.sort(key=lambda name: len(shapes[name]), reverse=True)  # embeddings before norms; otherwise as they came
        names = (*matrices, *rest)
        return cls(names, tuple(shapes[name] for name in names), len(matrices))

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(prod(shape) for shape in self.shapes))

    @property
    def total(self) -> int:
        """Elements."""
        return self._ends[-1]

    @property
    def matrices(self) -> int:
        """Elements that belong to units."""
        return self._ends[self.count - 1] if self.count else 0

    @cached_property
    def units(self) -> list[Unit]:
        """The matrices, one by one."""
        sizes = zip(self._ends[: self.count], self.shapes, strict=False)
        return [Unit(end - prod(shape), *shape) for end, shape in sizes]

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return each tensor as a view of `flat` [total]."""
        starts = (0, *self._ends)
        return {
            name: flat[start : start + prod(shape)].view(shape) for name, shape, start in zip(self.names, self.shapes, starts, strict=False)
        }


@dataclass(frozen=True)
class Ways:
    """How a network works, none of which changes more than the rounding of sums.

    With `checkpointing` a layer's inner values are computed again for the backward pass instead of kept. `packed_tokens`: how wide a row
    may be that several lessons share; 0: each has its own, padded on the right.
    """

    checkpointing: bool = False
    packed_tokens: int = 0


class Tensors:
    """The tensors of a folder, mapped from its files; adapters of the folder are added to them."""

    def __init__(self, folder: Path) -> None:
        self.scale, self.added = 0.0, dict[str, Tensor]()
        if holds_adapters(folder):
            adapter, folder, self.added = read_adapters(folder)
            self.scale = adapter.scale
        self.names = [name for name, _ in skeleton(folder).named_parameters()]  # a tied head is the embedding, whatever the files hold
        files: list[Any] = [safe_open(file, "pt") for file in files_of(folder)]
        self.places: dict[str, Any] = {name: file for file in files for name in file.keys()}  # noqa: SIM118 - no mapping

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor: a view of the file, unless adapters are added to it."""
        return merged(name, self.places[name].get_tensor(name), self.added, self.scale)

    @property
    def types(self) -> set[torch.dtype]:
        """The types of all tensors."""
        return {self[name].dtype for name in self.names}


def skeleton(folder: Path) -> Any:
    """Return the model of a folder without weights: all tensors are on the device "meta", but for what the turns are computed from.

    Raises:
        UserError: config.json cannot be used.
    """
    config = read_config(folder)
    config.attention_dropout = 0.0  # chance in the layers would part runs that should be equal
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    decoder = model.get_decoder()
    decoder.rotary_emb = type(decoder.rotary_emb)(config)
    return model


class ForeignNetwork:
    """A model of transformers over a flat vector; only labelled places meet the head, so that no [B,T,V] is ever made."""

    def __init__(self, model: Any, trained: dict[str, nn.Parameter], ways: Ways) -> None:
        """`trained`: the parameters by the names of the order, in its order."""
        self.model, self.trained, self.ways = model, trained, ways
        self.body, self.head = model.get_decoder(), model.get_output_embeddings()
        if ways.checkpointing:
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable  # before 5.20 or so
            enable({"use_reentrant": False})
        model.train(ways.checkpointing)  # the layers' only difference between training and use

    def logits(self, ids: Tensor, where: Tensor) -> Tensor:
        """Return logits [M,V] at the flat places `where` [M] of right-padded `ids` [B,T]: causal layers need no mask for the padding."""
        more: dict[str, Tensor] = {}
        if self.ways.packed_tokens:
            ids, where, more = packed(ids, where, self.ways.packed_tokens)
        device = self.head.weight.device
        more = {name: tensor.to(device) for name, tensor in more.items()}
        x_BTD = self.body(input_ids=ids.to(device), use_cache=False, **more).last_hidden_state
        found: Tensor = self.head(x_BTD.flatten(0, 1)[where.to(device)])
        return found

    def collect(self, into: Tensor, add: bool) -> None:
        """Move the gradients into the flat vector `into` [total], adding to what is there or replacing it."""
        place = 0
        for leaf in self.trained.values():
            assert leaf.grad is not None
            target = into[place : place + leaf.numel()].view_as(leaf)
            target.add_(leaf.grad) if add else target.copy_(leaf.grad)
            leaf.grad, place = None, place + leaf.numel()


def packed(ids: Tensor, where: Tensor, width: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Lay the rows of `ids` [B,T] together into rows [R,W] of about `width` places, each up to its last label; nothing later is looked at.

    Returns ids [R,W], where the labels `where` [M] are now, and what transformers must know: positions that begin anew with each lesson
    and a mask by which none sees another.
    """
    rows, places = where // ids.shape[1], where % ids.shape[1]
    lengths = torch.zeros(len(ids), dtype=torch.long).scatter_reduce_(0, rows, places + 1, "amax")
    width = max(width, int(lengths.max()))
    room: list[int] = []  # that is left in each row; the longest lesson first, into the first row that takes it
    begins = torch.zeros(len(ids), dtype=torch.long)
    for row in lengths.argsort(descending=True, stable=True).tolist():
        need = int(lengths[row])
        into = next((place for place, left in enumerate(room) if left >= need), len(room))
        if into == len(room):
            room.append(width)
        begins[row] = into * width + width - room[into]
        room[into] -= need
    found, positions, lesson = (torch.zeros(len(room) * width, dtype=torch.long) for _ in range(3))
    for row, (begin, length) in enumerate(zip(begins.tolist(), lengths.tolist(), strict=True)):
        found[begin : begin + length] = ids[row, :length]
        positions[begin : begin + length] = torch.arange(length)
        lesson[begin : begin + length] = row + 1
    lesson = lesson.view(-1, width)
    mask = (lesson[:, None, :, None] == lesson[:, None, None, :]).tril()  # [R,1,W,W]; what is empty sees itself, so that no row is void
    return found.view(-1, width), begins[rows] + places, {"position_ids": positions.view(-1, width), "attention_mask": mask}


@dataclass(frozen=True)
class ForeignBody:
    """A model of transformers in `source`, all of whose weights are trained, or an `adapter` beside them.

    `frozen` holds the weights beside adapters in `dtype`. `kept` is empty where adapters are merged into the weights at the end, else
    what they name as their base.
    """

    source: Path
    frozen: Path
    layout: Order
    dtype: torch.dtype
    adapter: Adapter | None = None
    kept: str = ""
    ways: Ways = Ways()

    @classmethod
    def over(cls, source: Path, frozen: Path, dtype: torch.dtype, adapter: Adapter | None = None) -> "ForeignBody":
        """Return the body of a folder, once it is checked.

        Raises:
            UserError: a file is missing, malformed or of another architecture, or the files do not fit each other.
            Unavailable: adapters are asked for, and PEFT is not installed.
        """
        checked(source)
        model = skeleton(source)
        if adapter is not None:
            adapter.put_into(model)
        shapes = {_plain(name): tuple(tensor.shape) for name, tensor in model.named_parameters()}
        if adapter is not None:
            shapes = {name: shape for name, shape in shapes.items() if ".lora_" in name}
        return cls(source, frozen, Order.of(shapes), dtype, adapter)

    def working(self, ways: Ways, kept: str = "") -> "ForeignBody":
        """Return the same body that works in these ways; `kept` is what its adapters name as their base, empty to merge them."""
        return replace(self, ways=ways, kept=kept)

    def start(self, seed: int) -> Tensor:
        """Return the weights [total] in fp32 that training starts from: the folder's own, or fresh adapters."""
        flat = torch.empty(self.layout.total)
        if self.adapter is not None:
            draw_adapters(self.layout.views(flat), seed)
            return flat
        tensors = Tensors(self.source)
        for name, view in self.layout.views(flat).items():
            view.copy_(tensors[name])
        return flat

    def build(self, masters: Tensor, working: Tensor) -> ForeignNetwork:
        """Return the network over `working` [total]; `masters` may be the same."""
        del masters
        model, trained = self._model(working)
        return ForeignNetwork(model, trained, self.ways)

    def reader(self, working: Tensor, vocabulary: int) -> Pretrained:
        """Return the model that answers with the weights `working` [total], whatever they become; the tokenizer knows `vocabulary`."""
        model, _ = self._model(working)
        return Pretrained(model.train(False), vocabulary)

    def _model(self, working: Tensor) -> tuple[Any, dict[str, nn.Parameter]]:
        model, views, trained = skeleton(self.source), self.layout.views(working), dict[str, nn.Parameter]()
        still = None
        if self.adapter is not None:
            self.adapter.put_into(model)
            still = Tensors(self.frozen)
        for name, _ in list(model.named_parameters()):
            plain = _plain(name)
            if still is not None and plain not in views:
                _put(model, name, nn.Parameter(still[plain].to(working.device), requires_grad=False))
            else:
                trained[plain] = nn.Parameter(views[plain].detach())
                _put(model, name, trained[plain])
        if model.config.tie_word_embeddings:
            model.get_output_embeddings().weight = model.get_input_embeddings().weight
        model.get_decoder().rotary_emb.to(working.device)
        return model, {name: trained[name] for name in self.layout.names}

    def save(self, folder: Path, masters: Tensor, ids: tuple[int, int]) -> None:
        """Write a folder that `load_pretrained` reads: the weights in the types that they had, or the adapters alone."""
        del ids  # config.json names them
        for name in SETTINGS:
            if (self.source / name).is_file() and not (folder / name).exists():
                shutil.copyfile(self.source / name, folder / name)
        if self.adapter is not None and self.kept:
            save_adapters(folder, self.adapter, self.kept, self.layout.views(masters.detach()))
            return
        part = folder / (WEIGHTS + ".part")
        save_file(dict(self._tensors(masters.detach())), part, metadata={"format": "pt"})
        part.replace(folder / WEIGHTS)

    def _tensors(self, masters: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the trained model's tensors by name, in the types that the source has them in."""
        tensors, views = Tensors(self.source), self.layout.views(masters)
        for name in tensors.names:
            old = tensors[name]
            new = views[name].to(old.dtype) if self.adapter is None else merged(name, old, views, self.adapter.scale)
            yield name, new.contiguous()

    def check(self, folder: Path, masters: Tensor) -> float:
        """Read the folder back, and let transformers (and PEFT) compute from it; return the largest gap between its logits and ours.

        Raises:
            KubestillError: the tensors are not those that were written, or the logits differ by more than rounding.
        """
        if not self.kept:
            again = Tensors(folder)
            if not all(torch.equal(again[name], tensor) for name, tensor in self._tensors(masters.detach())):
                raise KubestillError(f"{folder}: the weights read back differ from those written; is the disk full or failing?")
        ids = torch.arange(PLACES)[None] * 7 % read_config(self.source).vocab_size
        with torch.no_grad():
            ours = self.build(masters, masters.detach().to(self.dtype)).logits(ids, torch.arange(PLACES)).float()
            theirs = _stranger(self.source if self.kept else folder, folder if self.kept else None, self.dtype)(ids).logits[0].float()
        gap, most = float((ours - theirs).abs().max()), TOLERANCE[self.dtype] * max(1.0, float(ours.abs().max()))
        if not gap <= most:
            raise KubestillError(f"{folder}: transformers' logits differ from ours by {gap:.3g}")
        return gap


def in_type(folder: Path, into: Path, dtype: torch.dtype | None) -> Path:
    """Return a folder whose weights can be mapped in `dtype`, or as they are: `folder` itself, or a copy `into` another, made once.

    Raises:
        UserError: the folder cannot be used.
    """
    if not holds_adapters(folder):
        checked(folder)
        if dtype is None or Tensors(folder).types == {dtype}:
            return folder
    if (into / WEIGHTS).exists():
        return into
    into.mkdir(parents=True, exist_ok=True)
    tensors = Tensors(folder)
    for name in SETTINGS:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, into / name)
    part = into / (WEIGHTS + ".part")
    found = {name: tensors[name].to(dtype).contiguous() if dtype else tensors[name] for name in tensors.names}
    save_file(found, part, metadata={"format": "pt"})
    part.replace(into / WEIGHTS)
    return into


def _plain(name: str) -> str:
    """Turn PEFT's name of a parameter within the model into that in the files."""
    return name.replace(".base_layer.", ".").replace(".default.", ".")


def _put(model: Any, name: str, parameter: nn.Parameter) -> None:
    holder, _, leaf = name.rpartition(".")
    model.get_submodule(holder).register_parameter(leaf, parameter)


def _stranger(folder: Path, adapters: Path | None, dtype: torch.dtype) -> Any:
    """Return the model as somebody would load it who knows nothing of us."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
        if adapters is not None:
            from peft import PeftModel

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # PEFT 0.21 asks transformers 5.23 by an older name
                model = PeftModel.from_pretrained(model, adapters, autocast_adapter_dtype=False)
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    return model.train(False)
