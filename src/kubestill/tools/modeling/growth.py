"""A student made deeper, which writes what it wrote before: block expansion (LLaMA Pro, Wu et al. 2024, arXiv 2401.02415, section 3.2).

Behind each of its layers come copies of it whose outputs are nought, so that they pass on what they get until training moves them.
"""

import torch
from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.layout import ONCE, Layout

_LEAVES = ("out", "delta_out", "down")  # what a layer adds to the stream comes through these two alone


def deepened(layout: Layout, flat: Tensor, layers: int) -> tuple[Layout, Tensor]:
    """Return the layout with `layers` layers and its weights [total], fp32; the new layers lie between the old ones, evenly.

    Raises:
        UserError: fewer layers than the student has.
    """
    old = layout.arch.layers
    if layers < old:
        raise UserError("training.layers", f"{layers} are fewer than the base's {old}", f"give at least {old}, or 0 to keep them")
    grown = Layout(layout.arch.deeper(layers))
    origins = layout.arch.origins(layers)
    into = torch.empty(grown.total)
    old_stacks, stacks = layout.views(flat), grown.views(into)
    for name in ONCE:
        stacks[name].copy_(old_stacks[name])
    for layer, origin in enumerate(origins):
        fresh = layer > 0 and origins[layer - 1] == origin
        from_rows = layout.rows(origin)
        for name, row in grown.rows(layer).items():
            stacks[name][row] = 0.0 if fresh and name in _LEAVES else old_stacks[name][from_rows[name]]
    return grown, into
