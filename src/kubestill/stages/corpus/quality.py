"""Educational value: a slice of the documents is labelled, a random forest on cheap features spreads to all whether they reach the floor.

phi-1 (arXiv 2306.11644, section 2.1) labels by a strong model and spreads by a random forest on embeddings. The labels here are a
file's (`{"id", "value"}` a line, as a teacher writes them) or else the rubric's. A labelled document keeps its label.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.records import read_records
from kubestill.ground.registry import install_command
from kubestill.ground.seeds import held_out, stable_hash
from kubestill.stages.corpus.features import NAMES, Features, features
from kubestill.stages.corpus.rubric import MOST, value

LABELS = "labels"  # what the file of labels goes by among the sources
TREES, LEAF, SEED = 200, 3, 0  # scikit-learn's default is 100 trees with leaves of one; larger leaves smooth
HELD_SHARE = 0.2  # of the units of labelled documents: the forest is judged by what it has not seen
LEAST_LABELS = 20
EVEN = 0.5  # a document that is less likely than this to reach the floor leaves
FEATURES_TOLD = 8


@dataclass(frozen=True)
class Asked:
    """Whose value is asked for, and who labels."""

    forms: frozenset[str]
    prose: frozenset[str]
    kinds: Mapping[tuple[str, str], int]  # (form, kind) -> documents
    slice_documents: int
    labels: Mapping[str, float] | None = None  # by the documents' ids; None: the rubric labels a slice

    def kind_share(self, form: str, kind: str) -> float:
        """Return which share of the documents of a form is of a kind."""
        return self.kinds.get((form, kind), 0) / max(1, sum(count for (of, _), count in self.kinds.items() if of == form))


@dataclass
class Judged:
    """Documents by their place among all: features, the unit that they are split by, and the labels of some."""

    features: dict[int, Features] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)
    labels: dict[int, float] = field(default_factory=dict)


def read_labels(path: Path) -> dict[str, float]:
    """Return the labels of a file of `{"id", "value"}`, value 0 to 5.

    Raises:
        UserError: it is missing or holds something else.
    """
    where, found = f"sources.{LABELS}: {path}", dict[str, float]()
    if not path.is_file():
        raise UserError(where, "no such file", 'give JSON lines of {"id", "value"}')
    try:
        for record in read_records(path):
            name, given = record.get("id"), record.get("value")
            if not isinstance(name, str) or isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= MOST:
                raise UserError(where, f"found {str(record)[:80]}", f'expected {{"id": "...", "value": 0 to {MOST}}}')
            found[name] = float(given)
    except (ValueError, OSError, EOFError, RecursionError) as error:
        raise UserError(where, str(error).replace(f"{path}:", "line ", 1)[:200], 'expected JSON lines of {"id", "value"}') from None
    return found


def chances(records: Iterable[Mapping[str, Any]], asked: Asked, floor: float) -> tuple[dict[int, float], dict[str, Any]]:
    """Return how likely each document that is judged reaches the floor, by its place, and how well the forest tells unseen labels.

    Raises:
        UserError: too few of the documents are labelled to learn from.
        Unavailable: scikit-learn is not installed.
    """
    judged = _judged(records, asked)
    if not judged.features:
        return {}, {"labels": 0}
    seen = sorted(place for place in judged.labels if not held_out("educational value", judged.units[place], HELD_SHARE))
    if len(seen) < LEAST_LABELS:
        mend = "give more documents" if asked.labels is None else f"label more by the documents' ids, or leave sources.{LABELS} out"
        raise UserError("corpus.quality_floor", f"{len(seen)} labelled documents to learn from, of {LEAST_LABELS} that are needed", mend)
    good = {place: label >= floor for place, label in judged.labels.items()}
    predicted, told = _spread(judged, {place: good[place] for place in seen})
    told |= _told({place: truth for place, truth in good.items() if place not in set(seen)}, predicted)
    found = {place: float(good[place]) if place in good else chance for place, chance in predicted.items()}
    return found, {"labels": len(good), "labels_below": len(good) - sum(good.values()), "learned_from": len(seen), **told}


def _judged(records: Iterable[Mapping[str, Any]], asked: Asked) -> Judged:
    judged, many = Judged(), sum(count for (form, _), count in asked.kinds.items() if form in asked.forms)
    shares = {key: asked.kind_share(*key) for key in asked.kinds}
    for place, record in enumerate(records):
        form, source = record["form"], record["source"]
        if form not in asked.forms:
            continue
        found = features(record["text"], source.get("path", ""), form in asked.prose, shares[form, record["kind"]])
        judged.features[place] = found
        judged.units[place] = source.get("page") or source.get("repository") or source.get("path", record["id"])
        if asked.labels is None:
            if in_slice(record["id"], asked.slice_documents, many):
                judged.labels[place] = float(value(found, record["text"]))
        elif record["id"] in asked.labels:
            judged.labels[place] = asked.labels[record["id"]]
    return judged


def in_slice(name: str, count: int, of: int) -> bool:
    """Say whether a document belongs to the slice of about `count` of `of` that the rubric labels."""
    return stable_hash("educational value", name) % 10**6 < 10**6 * count / max(1, of)


def _spread(judged: Judged, good: Mapping[int, bool]) -> tuple[dict[int, float], dict[str, Any]]:
    """Fit the forest on labelled documents; return how likely it thinks each document good, and by which features."""
    try:
        from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]  # ships no types
    except ImportError:
        raise Unavailable("the educational value needs scikit-learn", install_command("data")) from None
    if len(set(good.values())) == 1:  # nothing tells the good from the bad
        return dict.fromkeys(judged.features, float(next(iter(good.values())))), {"features": {}}
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, max_features=0.5, random_state=SEED, n_jobs=1)
    forest.fit([astuple(judged.features[place]) for place in good], list(good.values()))
    found = forest.predict_proba([astuple(one) for one in judged.features.values()])[:, 1]
    weights = sorted(zip((float(weight) for weight in forest.feature_importances_), NAMES, strict=True), reverse=True)
    told = {name: round(weight, 3) for weight, name in weights[:FEATURES_TOLD]}
    return {place: float(one) for place, one in zip(judged.features, found, strict=True)}, {"features": told}


def _told(held: Mapping[int, bool], predicted: Mapping[int, float]) -> dict[str, Any]:
    """Return how well the forest tells labels that it has not seen, of units that it has not seen."""
    if not held:
        return {"held_out": 0}
    good, found = list(held.values()), [predicted[place] for place in held]
    right = sum((one >= EVEN) == truth for one, truth in zip(found, good, strict=True))
    majority = max(sum(good), len(good) - sum(good))  # what a forest that sees nothing would have right
    shares = {"accuracy": round(right / len(good), 4), "majority": round(majority / len(good), 4)}
    return {"held_out": len(good), **shares, "auc": auc(good, found)}


def auc(good: Sequence[bool], found: Sequence[float]) -> float | None:
    """Return how often a good document is valued above a bad one, ties as half (Mann-Whitney); None where one of the two is missing."""
    pairs = sorted(zip(found, good, strict=True))
    many = sum(good)
    if not 0 < many < len(pairs):
        return None
    ranks, place = 0.0, 0
    while place < len(pairs):
        end = place
        while end < len(pairs) and pairs[end][0] == pairs[place][0]:
            end += 1
        ranks += (place + 1 + end) / 2 * sum(truth for _, truth in pairs[place:end])
        place = end
    return round((ranks - many * (many + 1) / 2) / (many * (len(pairs) - many)), 4)
