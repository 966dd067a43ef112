"""Drives a fuzz target: mutates a corpus of seeds, or hands over to atheris, and tells each kind of failure once, made small."""

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"  # seeds from real life, where the checkout has them
LARGEST_BYTES = 4_096  # of an input: what is larger has tests of its own (hostile.py)
SHRINKING_TRIES = 2_000  # of one failure


@dataclass(frozen=True)
class Fuzz:
    """What is fuzzed: a target that raises when an invariant does not hold, seeds, and tokens that mean something to it."""

    target: Callable[[bytes], None]
    seeds: Sequence[bytes]
    tokens: Sequence[bytes]


def mutated(rng: random.Random, fuzz: Fuzz) -> bytes:
    """Return a seed after one to five changes."""
    data = rng.choice(fuzz.seeds)
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        data = _change(rng, data, fuzz)
    return data[:LARGEST_BYTES]


def _change(rng: random.Random, data: bytes, fuzz: Fuzz) -> bytes:
    start = rng.randint(0, len(data))
    end = min(len(data), start + rng.choice((0, 1, 1, 2, 4, 8, 32)))
    kind = rng.randrange(7)
    if kind == 0:  # flip a bit
        return data[:start] + bytes(byte ^ (1 << rng.randrange(8)) for byte in data[start : start + 1]) + data[start + 1 :]
    if kind == 1:  # cut out
        return data[:start] + data[end:]
    if kind == 2:  # splice: go on as another seed does
        other = rng.choice(fuzz.seeds)
        return data[:start] + other[rng.randint(0, len(other)) :]
    if kind == 3:  # repeat
        return data[:start] + data[start:end] * rng.choice((2, 3, 50)) + data[end:]
    if kind == 4:  # move a line
        lines = data.splitlines(keepends=True) or [b""]
        lines.insert(rng.randint(0, len(lines)), lines.pop(rng.randrange(len(lines))))
        return b"".join(lines)
    if kind == 5:  # any bytes
        return data[:start] + rng.randbytes(rng.randint(1, 4)) + data[end:]
    return data[:start] + b"".join(rng.choices(fuzz.tokens, k=rng.choice((1, 1, 2, 4)))) + data[end:]


def failure(fuzz: Fuzz, data: bytes) -> str:
    """Return where and how the target fails on an input, or an empty string."""
    try:
        fuzz.target(data)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:0:-1][:3]) + f" {type(error).__name__}"
    return ""


def shrunk(fuzz: Fuzz, data: bytes, name: str) -> bytes:
    """Return a smaller input that fails in the same place: pieces are left out, large ones first."""
    size, start, before = max(len(data) // 2, 1), 0, len(data)
    for _ in range(SHRINKING_TRIES):
        if start >= len(data):  # once through
            if size == 1 and len(data) == before:
                break
            size, start, before = max(size // 2, 1), 0, len(data)
        shorter = data[:start] + data[start + size :]
        if failure(fuzz, shorter) == name:
            data = shorter
        else:
            start += size
    return data


def run(fuzz: Fuzz, inputs: int, seed: int) -> dict[str, bytes]:
    """Try every seed, then that many mutated inputs; return the smallest input found for each kind of failure."""
    rng, failed, began = random.Random(seed), dict[str, bytes](), time.monotonic()
    for number in range(len(fuzz.seeds) + inputs):
        data = fuzz.seeds[number] if number < len(fuzz.seeds) else mutated(rng, fuzz)
        name = failure(fuzz, data)
        if name and name not in failed:
            failed[name] = shrunk(fuzz, data, name)
            print(f"{name}\n  {failed[name]!r}", flush=True)
        if number % 10_000 == 9_999:
            print(f"{number + 1:,} inputs, {len(failed)} kinds of failure, {time.monotonic() - began:.0f} s", flush=True)
    return failed


def main(fuzz: Fuzz, module: str) -> int:
    """Read the command line and fuzz; return 1 where something failed."""
    parser = argparse.ArgumentParser(description="Fuzz one target.")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true", help="let coverage guide the mutations: pip install atheris")
    arguments = parser.parse_args()
    if arguments.atheris:
        return _with_atheris(fuzz, arguments.inputs, arguments.seed)
    failed = run(fuzz, arguments.inputs, arguments.seed)
    print(f"{module}: {arguments.inputs:,} inputs, seed {arguments.seed}: {len(failed)} kinds of failure")
    return 1 if failed else 0


def _functions(package: str) -> Iterator[FunctionType]:
    """Yield every function and method of the package's modules that are loaded: the coverage of others guides nobody."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package:
            owned = [value for value in vars(module).values() if getattr(value, "__module__", "") == name]
            for value in owned:
                members = vars(value).values() if isinstance(value, type) else [value]
                yield from (member for member in members if isinstance(member, FunctionType))


def _with_atheris(fuzz: Fuzz, inputs: int, seed: int) -> int:
    """Fuzz with libFuzzer; it ends the process itself, with a status other than 0 at the first failure."""
    try:
        import atheris
    except ImportError:
        print("the package atheris is not installed: pip install atheris")
        return 2
    for function in _functions("kubestill"):
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus").mkdir()
        for number, data in enumerate(fuzz.seeds):
            (folder / "corpus" / str(number)).write_bytes(data)
        words = ("".join(f"\\x{byte:02x}" for byte in token) for token in fuzz.tokens if token)
        (folder / "tokens").write_text("".join(f'"{word}"\n' for word in words))
        flags = [f"-runs={inputs}", f"-seed={seed}", f"-max_len={LARGEST_BYTES}", f"-dict={folder / 'tokens'}"]
        atheris.Setup([sys.argv[0], *flags, str(folder / "corpus")], fuzz.target)
        atheris.Fuzz()
    return 0
