"""What a student costs, before it is trained: parameters, floating-point operations, bytes."""

from dataclasses import dataclass

from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.presets import Architecture

PROCESS_BYTES = 250 << 20  # one Python process with torch loaded and warm, measured (docs/log/2026-11-22-training-loop.md)


def parameters(arch: Architecture) -> int:
    """Number of parameters, tied embeddings counted once."""
    return Layout(arch).total


def flops_per_token(arch: Architecture, places: int, labelled: float = 1.0) -> float:
    """Floating-point operations of forward and backward for one token at a mean row length of `places`.

    Six for each weight that multiplies (Kaplan et al. 2020, section 2.1), the head only for the share `labelled`; attention's two products
    over the whole square, as they are computed here.
    """
    layout = Layout(arch)
    head = arch.vocabulary * arch.hidden * labelled
    attention = 2 * places * arch.heads * arch.head_dim * arch.layers
    return 6.0 * (layout.matrices + head + attention)


def muon_flops(arch: Architecture, steps: int = 5) -> float:
    """Floating-point operations of one Muon step over all matrices (tools/modeling/optimizer.py)."""
    kv, q = arch.kv_heads * arch.head_dim, arch.heads * arch.head_dim
    shapes = [(q, arch.hidden), (kv, arch.hidden), (kv, arch.hidden), (arch.hidden, q), *[(arch.ffn, arch.hidden)] * 3]
    each = [(min(shape), max(shape)) for shape in shapes]
    return float(arch.layers * steps * sum(4 * m * m * n + 2 * m**3 for m, n in each))


@dataclass(frozen=True)
class Estimate:
    """Bytes of a training run: `shared` vectors once, `private` for each process."""

    shared: int
    private: int
    processes: int

    @property
    def total(self) -> int:
        """Bytes of all processes together."""
        return self.shared + self.private * self.processes


def estimate(arch: Architecture, block_tokens: int, processes: int, places: int = 256) -> Estimate:
    """Estimate the memory of training with bf16 multiplications and blocks of `block_tokens`."""
    layout = Layout(arch)
    shared = layout.total * (4 + 4 + 2 + 4 * processes) + (layout.total - layout.matrices) * 4
    # Saved for the backward of a layer, in bytes a token: three fp32 rows, eleven bf16 rows of about hidden size,
    # three of the feed-forward's, the scores.
    layer = 12 * arch.hidden + 2 * (11 * arch.hidden + 3 * arch.ffn + arch.heads * places)
    logits = 10 * arch.vocabulary
    gradients = 4 * layout.total
    return Estimate(shared, PROCESS_BYTES + block_tokens * (layer * arch.layers + logits) + gradients, processes)
