"""A student made deeper, which writes what it wrote before: block expansion (LLaMA Pro, Wu et al. 2024, arXiv 2401.02415, section 3.2).

Behind each of its layers come copies of it whose outputs are nought, so that they pass on what they get until training moves them.
"""

from dataclasses import replace

import torch
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.layout import Layout

_LEAVES = ("out", "down")  # what a layer adds to the stream comes through these two alone
_ONCE = ("embed", "norm_final")


def deepened(layout: Layout, flat: Tensor, layers: int) -> tuple[Layout, Tensor]:
    """Return the layout with `layers` layers and its weights [total], fp32; the new layers lie between the old ones, evenly.

    Raises:
        UserError: fewer layers than the student has.
    """
    old = layout.arch.layers
    if layers < old:
        raise UserError("training.layers", f"{layers} are fewer than the base's {old}", f"give at least {old}, or 0 to keep them")
    grown = Layout(replace(layout.arch, layers=layers))
    origin = [place * old // layers for place in range(layers)]
    fresh = torch.tensor([place > 0 and origin[place - 1] == origin[place] for place in range(layers)])
    into = torch.empty(grown.total)
    stacks = layout.views(flat)
    for name, stack in grown.views(into).items():
        stack.copy_(stacks[name] if name in _ONCE else stacks[name][origin])
        if name in _LEAVES:
            stack[fresh] = 0.0
    return grown, into
