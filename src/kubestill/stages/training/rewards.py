"""What a sample is worth: terms in [0, 1], each told by its name, and their weighted mean.

No term is a cliff: a tier with one fault is worth more than one with five, and an answer one token longer a little less.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kubestill.domains.api import EXPECTED, Intent, Sample
from kubestill.stages.training.rollouts import Drawn, passed
from kubestill.stages.training.settings import RewardsWhat
from kubestill.tools.checks.api import Outcome, Tier, Verdict

GRAM = 4  # tokens of a run that is counted to find repeats
TIERS: Mapping[str, tuple[Tier, ...]] = {
    "form": (Tier.FORM, Tier.SYNTAX),
    "schema_fit": (Tier.SCHEMA,),
    "rules": (Tier.RULES, Tier.POLICY, Tier.CLUSTER),
    "intents": (Tier.INTENT,),
}
TERMS = tuple(RewardsWhat.model_fields)


def terms(drawn: Drawn, verdict: Verdict, sample: Sample, right: Sequence[int], limit: int) -> dict[str, float]:
    """Return every term of a sample's reward; `right` are the tokens of the right answer, `limit` is how many a sample may have."""
    length, tokens = len(drawn.ids) - drawn.start, drawn.ids[drawn.start :]
    over = max(0, length - len(right)) / max(1, limit - len(right))
    found = {name: graded(verdict, tiers, asked(sample.intents) if name == "intents" else 1) for name, tiers in TIERS.items()}
    found["passed"] = float(passed(drawn, verdict))
    found["length"] = max(0.0, 1.0 - over) if drawn.ended else 0.0
    found["variety"] = min(1.0, distinct(tokens) / distinct(right))
    return {name: found[name] for name in TERMS}


def applying(right: Verdict) -> tuple[str, ...]:
    """Return the terms that count for a request by the verdict on its right answer: a tier without a judgement there echoes others."""
    judged = {result.tier for result in right.results if result.outcome is Outcome.PASS}
    return tuple(name for name in TERMS if name not in TIERS or judged.intersection(TIERS[name]))


def reward(found: Mapping[str, float], weights: RewardsWhat, names: Sequence[str] = TERMS) -> float:
    """Return the weighted mean of the terms that are named; nought where none of them weighs anything."""
    total = sum(getattr(weights, name) for name in names)
    return float(sum(getattr(weights, name) * found[name] for name in names) / total) if total else 0.0


def graded(verdict: Verdict, tiers: tuple[Tier, ...], asked: int) -> float:
    """Return n / (n + faults) of the tiers, n being how much was `asked`; nought where nobody could look, since an earlier tier failed."""
    results = verdict.results
    bad = [result for result in results if result.outcome in (Outcome.FAIL, Outcome.ERROR)]
    if any(result.tier < min(tiers) for result in bad) or not any(result.outcome is not Outcome.SKIP for result in results):
        return 0.0
    faults = sum(max(1, sum(finding.severity == "error" for finding in result.findings)) for result in bad if result.tier in tiers)
    return asked / (asked + faults)


def asked(intents: Sequence[Intent]) -> int:
    """Return how many statements are judged: those about the answer where there are such, else all."""
    return max(1, sum(intent.aspect.startswith(EXPECTED) for intent in intents) or len(intents))


def distinct(tokens: Sequence[Any]) -> float:
    """Return the share of the runs of GRAM tokens that are distinct, 1 where there is none."""
    runs = [tuple(tokens[start : start + GRAM]) for start in range(len(tokens) - GRAM + 1)]
    return len(set(runs)) / len(runs) if runs else 1.0
