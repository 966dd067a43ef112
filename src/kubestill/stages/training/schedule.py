"""How the learning rates rise and fall over the budget. A share of the budget in, a factor of the peak rates out."""

import math
from collections.abc import Callable, Mapping

from kubestill.stages.training.settings import StepsWhat


def factor(what: StepsWhat, share: float) -> float:
    """Return the factor of the learning rates when `share` of the budget is spent: up to one in a line, then down to `floor`."""
    share = min(max(share, 0.0), 1.0)
    if share < what.warmup:
        return share / what.warmup
    return what.floor + (1 - what.floor) * _FALLS[what.schedule](what, share)


def _linear(what: StepsWhat, share: float) -> float:
    return (1 - share) / (1 - what.warmup)


def _cosine(what: StepsWhat, share: float) -> float:
    """Half a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5, without restarts)."""
    return (1 + math.cos(math.pi * (1 - _linear(what, share)))) / 2


def _constant(what: StepsWhat, share: float) -> float:  # noqa: ARG001 - all falls are called alike
    return 1.0


def _wsd(what: StepsWhat, share: float) -> float:
    """Warm-up, stable, decay (Hu et al. 2024, arXiv 2404.06395, section 4.2); it decays by 1 - sqrt (Hägele et al. 2024, 2405.18392)."""
    begins = max(what.warmup, 1 - what.decay)
    return 1 - math.sqrt((share - begins) / (1 - begins)) if share > begins else 1.0


_FALLS: Mapping[str, Callable[[StepsWhat, float], float]] = {"linear": _linear, "cosine": _cosine, "constant": _constant, "wsd": _wsd}
