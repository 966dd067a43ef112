"""Randomness by name: one root seed, children by hash, so that order and worker count change nothing."""

import hashlib
import random
from dataclasses import dataclass


def stable_hash(*names: object) -> int:
    """Return a 64-bit hash of the names that is the same on every machine and in every process."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Seed:
    """A node in the tree of seeds."""

    value: int

    def child(self, *names: object) -> "Seed":
        """Return the seed named by `names` below this one."""
        return Seed(stable_hash(self.value, *names))

    def rng(self, *names: object) -> random.Random:
        """Return a fresh generator for the child named by `names`."""
        return random.Random(self.child(*names).value)


def held_out(unit: str, name: str, share: float = 0.2) -> bool:
    """Say whether `name` (a repository, a phrase part, a word) is kept for evaluation only.

    The decision depends on the unit and the name alone: it is the same in every recipe, so that a base model
    never sees what a later evaluation asks.
    """
    return stable_hash("held-out", unit, name) % 10_000 < share * 10_000
