"""A student of a given size whose layers mix tokens by something else than full attention."""

from dataclasses import replace
from typing import Literal

from kubestill.ground.errors import UserError
from kubestill.tools.modeling.memory import parameters
from kubestill.tools.modeling.presets import FULL, LINEAR, SLIDING, Architecture

Kind = Literal["full", "sliding", "linear"]
STEP = 16  # of the feed-forward size: fine enough for a hundredth of the smallest student, and what bf16 products are done in


def mixed(arch: Architecture, kind: Kind, window: int, full_every: int) -> Architecture:
    """Return `arch` with a layer of full attention in every `full_every`, and the others of another kind.

    The order is that of Gemma 3 and Qwen3-Next: the full layer comes last. A state needs more matrices than attention, which the
    feed-forward pays for, so that the student stays as large as its preset's name says. `window`: tokens that a sliding layer sees.

    Raises:
        UserError: the student has too few layers for one of full attention.
    """
    if kind == "full":
        return arch
    if full_every > arch.layers:
        raise UserError("training.attention.full_every", f"{full_every} of {arch.layers} layers", f"give at most {arch.layers}")
    other = SLIDING if kind == "sliding" else LINEAR
    kinds = tuple(FULL if (place + 1) % full_every == 0 else other for place in range(arch.layers))
    found = replace(arch, layer_types=kinds, window=window if kind == "sliding" else 0)
    sizes = range(STEP, arch.ffn + 1, STEP)
    return min((replace(found, ffn=ffn) for ffn in sizes), key=lambda one: abs(parameters(one) - parameters(arch)))
