"""What a layout's student is made of: the network that is trained, and the reader that generates."""

import torch
from torch import Tensor

from kubestill.tools.modeling.decode import Decoder
from kubestill.tools.modeling.hybrid import HybridStudent
from kubestill.tools.modeling.hybrid_decode import HybridDecoder
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.qwen3 import Student


def make_student(layout: Layout, masters: Tensor, working: Tensor) -> Student:
    """Return the network over `masters` [total] fp32 and `working` [total] in the multiplications' type, which may be the same."""
    return (HybridStudent if layout.arch.hybrid else Student)(layout, masters, working)


def make_decoder(layout: Layout, flat: Tensor, dtype: torch.dtype) -> Decoder:
    """Return the reader over `flat` [total] in fp32; `dtype` is what multiplications use."""
    return (HybridDecoder if layout.arch.hybrid else Decoder)(layout, flat, dtype)
