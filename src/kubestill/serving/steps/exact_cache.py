"""The same request asked of the same model, schemas and checks: the answer that stands in the cache."""

from dataclasses import asdict

from kubestill.ground.fingerprint import fingerprint
from kubestill.serving.api import Cache, Inquiry, Means, Served, Turn

WAY = 2  # of the path: another number leaves all that is kept behind


class ExactCache:
    """Answers from the cache, and tells later steps under which key an answer is kept."""

    name = "exact_cache"

    def __init__(self, cache: Cache, models: tuple[Served, ...]) -> None:
        self.cache, self.models = cache, models

    def __call__(self, turn: Turn) -> None:
        """Answer where the cache holds one and the inquiry need not be fresh."""
        turn.key = key_of(turn.inquiry, self.models)
        found = None if turn.inquiry.fresh else self.cache.find(turn.key)
        if found is not None:
            turn.answer, turn.by, turn.cached, turn.done = found, found.by, True, True
            turn.note = "found"


def key_of(inquiry: Inquiry, models: tuple[Served, ...]) -> str:
    """Return the hash of all that an answer depends on: the request, how it is asked for, and the models with what judges them.

    Definitions count by what they say (`Served.identity`), not by where they stand.
    """
    wish = {name: value for name, value in asdict(inquiry.wish).items() if name != "definitions"}
    asked = {"request": inquiry.request, "manifest": inquiry.manifest, "document": inquiry.document, "file": inquiry.file}
    return fingerprint([WAY, asked, wish, [model.identity(inquiry.wish) for model in models]])


def step(means: Means) -> ExactCache | None:
    """Return the step, where there is a cache."""
    if means.cache is None:
        return None
    return ExactCache(means.cache, (means.model,) if means.larger is None else (means.model, means.larger))
