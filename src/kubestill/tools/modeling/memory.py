"""What a student costs, before it is trained: parameters, floating-point operations, bytes. Arithmetic alone, for plans that load no torch.

L layers, S of them with a state, D hidden, H query heads, K key-value heads, E head size, F feed-forward, V vocabulary.
"""

from dataclasses import dataclass

from kubestill.tools.modeling.presets import CONV, Architecture

# Measured by bench/forecast.py, resident: Python with torch, transformers and what the loop imports; and what each pass leaves behind, of
# which oneDNN's kernels, written for every shape that it meets, are the most (docs/log/2026-11-27-few-shapes.md).
PROCESS_BYTES = 300 << 20
SHAPES_BYTES = 250 << 20
FIRST_BYTES = 150 << 20  # of the first process alone: it answers the dev slice, and lets transformers read the weights back
SLACK = 1.5  # the allocator's holes: resident over asked for
CHUNK = 32  # tokens that states read at once (delta.py): on a CPU faster than 16 and 64 (docs/log/2026-11-27-architectures.md)
STATE_ROWS = 26.0  # fp32 rows of the heads' width that a state's layer keeps of a token for its backward, beyond attention's; counted there


def matrices(arch: Architecture) -> int:
    """Elements of all weight matrices, without the embedding."""
    return sum(rows * columns for rows, columns in _shapes(arch))


def _shapes(arch: Architecture) -> list[tuple[int, int]]:
    """Return the matrices as Muon takes them: joined ones apart."""
    D, S, kv, q = arch.hidden, arch.states, arch.kv_heads * arch.head_dim, arch.heads * arch.head_dim
    attention = [(2 * q if arch.hybrid else q, D), (kv, D), (kv, D), (D, q)]
    state = [(q, D)] * 4 + [(D, q)]
    return attention * (arch.layers - S) + state * S + [(arch.ffn, D)] * 3 * arch.layers


def parameters(arch: Architecture) -> int:
    """Number of parameters, tied embeddings counted once."""
    attention, state = 2 * arch.head_dim, arch.head_dim + arch.heads * (3 * CONV * arch.head_dim + 2 * arch.hidden + 2)
    rest = arch.layers * 2 * arch.hidden + (arch.layers - arch.states) * attention + arch.states * state + arch.hidden
    return matrices(arch) + arch.vocabulary * arch.hidden + rest


def flops_per_token(arch: Architecture, places: int, labelled: float = 1.0) -> float:
    """Floating-point operations of forward and backward for one token at a mean row length of `places`.

    Six for each weight that multiplies (Kaplan et al. 2020, section 2.1), the head only for the share `labelled`; attention's two products
    over the whole square, as they are computed here; of states, three products in a chunk and four with the state.
    """
    head = arch.vocabulary * arch.hidden * labelled
    width = arch.heads * arch.head_dim
    attention = 2 * places * width * (arch.layers - arch.states)
    states = width * (3 * min(places, CHUNK) + 4 * arch.head_dim) * arch.states
    return 6.0 * (matrices(arch) + head + attention + states)


def muon_flops(arch: Architecture, steps: int = 5) -> float:
    """Floating-point operations of one Muon step over all matrices (tools/modeling/optimizer.py)."""
    each = [(min(shape), max(shape)) for shape in _shapes(arch)]
    return float(steps * sum(4 * m * m * n + 2 * m**3 for m, n in each))


def pointwise_per_token(arch: Architecture, labelled: float = 1.0) -> float:
    """Elements that pass through memory between the products for one token: eleven rows of D and three of F a layer, and the logits.

    A state adds STATE_ROWS rows of the heads' width.
    """
    plain = arch.layers * (11.0 * arch.hidden + 3 * arch.ffn) + arch.vocabulary * labelled
    return plain + STATE_ROWS * arch.states * arch.heads * arch.head_dim


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
        return (self.shared + self.private) * self.processes + FIRST_BYTES


def estimate(arch: Architecture, block_tokens: int, processes: int, places: int = 256) -> Estimate:
    """Estimate the memory of training with bf16 multiplications and blocks of `block_tokens`, whose longest rows have `places`."""
    total = parameters(arch)
    # fp32 masters and first moments, bf16 working copy, a gradient for each process, second moments of what Muon leaves to AdamW.
    shared = total * (4 + 4 + 2 + 4 * processes) + (total - matrices(arch)) * 4
    # Saved for the backward of a layer, in bytes a token: three fp32 rows, eleven bf16 rows of about hidden size,
    # three of the feed-forward's, the scores.
    layer = 12 * arch.hidden + 2 * (11 * arch.hidden + 3 * arch.ffn + arch.heads * places)
    logits = 10 * arch.vocabulary
    states = 4 * STATE_ROWS * arch.heads * arch.head_dim
    passing = block_tokens * (layer * arch.layers + states * arch.states + logits) + 4 * total
    return Estimate(total, shared, PROCESS_BYTES + SHAPES_BYTES + int(SLACK * passing), processes)
