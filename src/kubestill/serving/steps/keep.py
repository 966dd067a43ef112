"""Keeps answers that passed, so that the same request need not be answered twice."""

from dataclasses import replace

from kubestill.serving.api import Cache, Means, Turn


class Keep:
    """Puts a whole answer that passed into the cache; no other."""

    name = "keep"

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def __call__(self, turn: Turn) -> None:
        """Keep the answer."""
        answer = turn.answer
        if answer is not None and turn.key and answer.verdict.passed and not answer.reply.cut:
            self.cache.keep(turn.key, replace(answer, by=turn.by))
            turn.note = "kept"


def step(means: Means) -> Keep | None:
    """Return the step, where there is a cache."""
    return None if means.cache is None else Keep(means.cache)
