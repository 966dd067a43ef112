"""The kinds of numbers that a tensor of a GGUF file may hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One of ggml's types: `block` values lie in `block_bytes` bytes."""

    name: str
    code: int
    block: int
    block_bytes: int


# Codes and sizes: ggml.h; a test holds them against the `gguf` package.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("f32", 0, 1, 4),
        Kind("f16", 1, 1, 2),
        Kind("q4_0", 2, 32, 18),
        Kind("q4_1", 3, 32, 20),
        Kind("q5_0", 6, 32, 22),
        Kind("q5_1", 7, 32, 24),
        Kind("q8_0", 8, 32, 34),
        Kind("q2_k", 10, 256, 84),
        Kind("q3_k", 11, 256, 110),
        Kind("q4_k", 12, 256, 144),
        Kind("q5_k", 13, 256, 176),
        Kind("q6_k", 14, 256, 210),
        Kind("iq4_nl", 20, 32, 18),
        Kind("iq4_xs", 23, 256, 136),
        Kind("bf16", 30, 1, 2),
    )
}
BY_CODE: dict[int, Kind] = {kind.code: kind for kind in KINDS.values()}
