"""The heap of a process that trains, kept to what is in use.

Rows of blocks differ in length, so that each step frees and asks for other sizes: within a few hundred steps the C library holds several
times what is live (docs/log/2026-11-27-the-loop.md), and oneDNN kernels for shapes that are rare (docs/log/2026-11-27-few-shapes.md).
"""

import ctypes
import sys

from kubestill.ground.settings import lend

EVERY_STEPS = 100  # each costs what two steps leave behind being asked for anew: under a hundredth
KERNELS = 512  # kept ones, of half a megabyte each: those of some thirty shapes of blocks (qwen3.py), which come back again and again


def few_kernels() -> None:
    """Let oneDNN keep few kernels, in this process and its children; it reads this once, at the first product."""
    lend("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))


def trim() -> None:
    """Give free memory back to the system (glibc; elsewhere nothing happens)."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if give_back is not None:
        give_back(0)
