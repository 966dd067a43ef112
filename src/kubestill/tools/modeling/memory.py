"""What a student costs, before it is trained: parameters, floating-point operations, bytes. Arithmetic alone, for plans that load no torch.

L layers, D hidden, H query heads, K key-value heads, E head size, F feed-forward, V vocabulary.
"""

from dataclasses import dataclass

from kubestill.tools.modeling.presets import Architecture

# Measured by bench/forecast.py, resident: Python with torch, transformers and what the loop imports; and what each pass leaves behind, of
# which oneDNN's kernels, written for every shape that it meets, are the most (docs/log/2026-11-27-the-loop.md).
PROCESS_BYTES = 300 << 20
SHAPES_BYTES = 400 << 20
SLACK = 1.5  # the allocator's holes: resident over asked for


def matrices(arch: Architecture) -> int:
    """Elements of all weight matrices, without the embedding."""
    L, D, H, E = arch.layers, arch.hidden, arch.heads, arch.head_dim
    return L * D * ((H + 2 * arch.kv_heads) * E + H * E + 3 * arch.ffn)


def parameters(arch: Architecture) -> int:
    """Number of parameters, tied embeddings counted once."""
    norms = arch.layers * 2 * (arch.hidden + arch.head_dim) + arch.hidden
    return matrices(arch) + arch.vocabulary * arch.hidden + norms


def flops_per_token(arch: Architecture, places: int, labelled: float = 1.0) -> float:
    """Floating-point operations of forward and backward for one token at a mean row length of `places`.

    Six for each weight that multiplies (Kaplan et al. 2020, section 2.1), the head only for the share `labelled`; attention's two products
    over the whole square, as they are computed here.
    """
    head = arch.vocabulary * arch.hidden * labelled
    attention = 2 * places * arch.heads * arch.head_dim * arch.layers
    return 6.0 * (matrices(arch) + head + attention)


def muon_flops(arch: Architecture, steps: int = 5) -> float:
    """Floating-point operations of one Muon step over all matrices (tools/modeling/optimizer.py)."""
    kv, q = arch.kv_heads * arch.head_dim, arch.heads * arch.head_dim
    shapes = [(q, arch.hidden), (kv, arch.hidden), (kv, arch.hidden), (arch.hidden, q), *[(arch.ffn, arch.hidden)] * 3]
    each = [(min(shape), max(shape)) for shape in shapes]
    return float(arch.layers * steps * sum(4 * m * m * n + 2 * m**3 for m, n in each))


def pointwise_per_token(arch: Architecture, labelled: float = 1.0) -> float:
    """Elements that pass through memory between the products for one token: eleven rows of D and three of F a layer, and the logits."""
    return arch.layers * (11.0 * arch.hidden + 3 * arch.ffn) + arch.vocabulary * labelled


@dataclass(frozen=True)
class Forecast:
    """What a training will cost: the student, resident bytes of all processes at most, and seconds, None where nobody can tell."""

    arch: Architecture
    memory_bytes: int
    seconds: float | None

    @property
    def parameters(self) -> int:
        """Of the student."""
        return parameters(self.arch)


@dataclass(frozen=True)
class Estimate:
    """Bytes of a training run: `shared` vectors, which every process maps, and `private` ones of each process."""

    parameters: int
    shared: int
    private: int
    processes: int

    @property
    def total(self) -> int:
        """Resident bytes summed over all processes, as the runner measures them: what they share counts in each."""
        return (self.shared + self.private) * self.processes


def estimate(arch: Architecture, block_tokens: int, processes: int, places: int = 256) -> Estimate:
    """Estimate the memory of training with bf16 multiplications and blocks of `block_tokens`, whose longest rows have `places`."""
    total = parameters(arch)
    # fp32 masters and first moments, bf16 working copy, a gradient for each process, second moments of what Muon leaves to AdamW.
    shared = total * (4 + 4 + 2 + 4 * processes) + (total - matrices(arch)) * 4
    # Saved for the backward of a layer, in bytes a token: three fp32 rows, eleven bf16 rows of about hidden size,
    # three of the feed-forward's, the scores.
    layer = 12 * arch.hidden + 2 * (11 * arch.hidden + 3 * arch.ffn + arch.heads * places)
    logits = 10 * arch.vocabulary
    passing = block_tokens * (layer * arch.layers + logits) + 4 * total
    return Estimate(total, shared, PROCESS_BYTES + SHAPES_BYTES + int(SLACK * passing), processes)
