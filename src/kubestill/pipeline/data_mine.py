"""What a student invents when it is asked as in training: its answers with their verdicts, and preference pairs of them.

The questions are drawn from the words and phrases of training, never from a suite: what is mined here may be trained on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubestill.domains.api import TRAIN, Domain, Drop, Sample
from kubestill.ground.errors import UserError, near
from kubestill.ground.progress import Progress
from kubestill.ground.records import write_records
from kubestill.ground.seeds import Seed
from kubestill.pipeline.data import make_folder
from kubestill.pipeline.models import Model, load_domain, load_engine
from kubestill.pipeline.table import PARTS
from kubestill.tools.engines.api import ANSWER_TOKENS, Ask

RECORDS, PAIRS = "records.jsonl", "pairs.jsonl"
AT_ONCE = 128  # requests handed to the engine between two lines of progress
WARM = 0.7  # temperature of the answers after the first to one request: the first is the likeliest

Record = dict[str, Any]


@dataclass(frozen=True)
class Dig:
    """How much is asked: `count` requests of the `skills` in turn (none named: all), each answered `tries` times, freely."""

    count: int
    tries: int = 1
    skills: tuple[str, ...] = ()
    seed: int = 0


def mine_model(model: Model, dig: Dig, folder: Path, progress: Progress) -> dict[str, int]:
    """Write `records.jsonl` and `pairs.jsonl` into the folder; return how many of each, and how many answers passed.

    Raises:
        UserError: the folder cannot be made, there is no such skill, or the engine refuses whatever is asked.
        Unavailable: the engine's packages are not installed.
    """
    make_folder(folder, "--to")
    domain: Domain = load_domain(model.domain)
    samples, engine = list(_drawn(domain, dig)), load_engine(model)
    answers, judged = PARTS.load("answers"), PARTS.load("judged")
    records: list[Record] = []
    for attempt in range(dig.tries):
        ask = Ask(max_new_tokens=ANSWER_TOKENS, temperature=WARM if attempt else 0.0, seed=dig.seed + attempt)
        for first in range(0, len(samples), AT_ONCE):
            some = samples[first : first + AT_ONCE]
            replies = answers(engine, [sample.request for sample in some], ask)
            records += [{"skill": sample.skill, **judged(domain, sample, reply)} for sample, reply in zip(some, replies, strict=True)]
            progress.step(len(records), len(samples) * dig.tries, "answers", passed=sum(record["passed"] for record in records))
    write_records(folder / RECORDS, records)
    pairs = write_records(folder / PAIRS, preference_pairs(records))
    return {"records": len(records), "passed": sum(record["passed"] for record in records), "pairs": pairs}


def _drawn(domain: Domain, dig: Dig) -> Iterator[Sample]:
    known = domain.skills()
    for name in dig.skills:
        if name not in known:
            raise UserError("--skill", f"no such skill: {name!r}", near(name, known) or f"known: {', '.join(known)}")
    names, number, left = dig.skills or tuple(known), 0, dig.count
    while left:
        sample = known[names[number % len(names)]].draw(Seed(dig.seed).rng("mine", number), TRAIN)
        number += 1
        if not isinstance(sample, Drop):
            left -= 1
            yield sample


def preference_pairs(records: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield {prompt, chosen, rejected, reason} for each answer that failed, against one to the same prompt that passed.

    Where none passed, the expected answer is chosen. Empty answers teach nothing and are left out, and so are equal pairs.
    """
    by_prompt: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_prompt.setdefault(record["request"], []).append(record)
    for prompt, answers in by_prompt.items():
        passed = [record["answer"] for record in answers if record["passed"]]
        seen: set[str] = set()
        for record in answers:
            rejected = record["answer"]
            chosen = passed[0] if passed else record.get("expected", "")
            if record["passed"] or not rejected.strip() or not chosen or rejected.strip() == chosen.strip() or rejected in seen:
                continue
            seen.add(rejected)
            yield {"prompt": prompt, "chosen": chosen, "rejected": rejected, "reason": _reason(record)}


def _reason(record: Mapping[str, Any]) -> str:
    findings = record.get("findings") or [{}]
    return str(findings[0].get("code") or record.get("failed_on") or "unjudged")
