"""Kubernetes quantities: `1`, `1000m`, `1e3m` and `0.001k` are the same number."""

import re
from fractions import Fraction

# apimachinery, pkg/api/resource/quantity.go: decimal SI, binary SI and decimal exponent suffixes.
_FACTORS: dict[str, Fraction] = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(10 ** (3 * power)) for power, suffix in enumerate("kMGTPE", 1)},
    **{suffix + "i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:[eE]([+-]?0*\d{1,3})|([KMGTPE]i|[numkMGTPE]))?\Z", re.ASCII)


def parse_quantity(value: object) -> Fraction | None:
    """Return the number that a quantity stands for, or None if it is none."""
    if isinstance(value, bool):
        return None
    match = _QUANTITY.match(str(value))
    if match is None:
        return None
    return Fraction(match[1]) * (Fraction(10) ** int(match[2]) if match[2] else _FACTORS[match[3] or ""])
