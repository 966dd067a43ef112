"""Can a model invent a field, a kind or a flag under the grammar? Drawn at temperature 1, from an untrained and a trained student.

    python bench/nothing_invented.py [--untrained 600] [--trained 4000] [--commands 300] [--model kubernetes-base]

Every built-in kind of 1.36 is asked alike often, each with a request that training would draw, so mostly for another kind: the worst
that can be asked. The trained student also answers freely, in the same run. What the token limit cuts is counted apart: its end is missing.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from kubestill.domains.api import TRAIN, Sample
from kubestill.domains.kubernetes.grammars.kubectl import KubectlGuide
from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide
from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill
from kubestill.ground.intervals import wilson
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.tools.chat.format import ANSWER, ChatFormat
from kubestill.tools.engines.api import Ask, Reply
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.grammar.api import Grammar, Guide, Reading, Step
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.layout import draw
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.tokenizer import load_tokenizer

TOKENS = 400
WORST = ("unknown field", "unknown kind", "duplicate key", "YAML error", "unknown flag or command")
INVENTED = {"K8S022": "unknown field", "K8S021": "unknown kind", "K8S012": "duplicate key"}
BATCH = 64


@dataclass(frozen=True)
class Straight:
    """Leads a student that notes past its notes to the answer itself."""

    rest: Guide

    def start(self, reading: Reading) -> Step:
        """Return the mark, and what follows."""
        return Step(Grammar(f"start: {ANSWER}\n", name="mark"), then=lambda _: self.rest.start(reading))  # type: ignore[return-value, arg-type]


def requests(count: int) -> Iterator[str]:
    """Yield requests as training draws them."""
    skill, number = ManifestSkill(), 0
    while count:
        sample = skill.draw(Random(number), TRAIN)
        number += 1
        if isinstance(sample, Sample):
            count -= 1
            yield sample.request


def asked(engine: TransformersEngine, guides: Sequence[Guide | None]) -> list[Reply]:
    """Ask a request under each guide."""
    found: list[Reply] = []
    texts = list(requests(len(guides)))
    for first in range(0, len(guides), BATCH):
        ask = Ask(TOKENS, temperature=1.0, seed=first)
        found += engine.generate(texts[first : first + BATCH], ask, guides[first : first + BATCH])
        print(f"  {len(found):,} of {len(guides):,}", end="\r", flush=True)
    return found


def faults(replies: Sequence[Reply], commands: bool) -> Counter[str]:
    """Count what is wrong with answers, each once for each thing; of cut ones only what is invented, their last line left out."""
    counts: Counter[str] = Counter({"whole": 0, "cut": 0})
    judge = domain()
    for reply in replies:
        text = reply.text.rpartition("\n")[0] if reply.cut else reply.text
        counts["cut" if reply.cut else "whole"] += 1
        if not text or (reply.cut and commands):
            continue
        verdict = judge.check_command(text)[1] if commands else judge.judge(text)
        found = {told(finding.tier.name, finding.code, finding.message) for finding in verdict.findings if finding.severity == "error"}
        counts.update({f"{fault}, cut" for fault in found if fault in WORST} if reply.cut else found)
    return counts


def told(tier: str, code: str, message: str) -> str:
    """Name a fault: what is invented by its name, the rest by its tier."""
    if code in INVENTED:
        return INVENTED[code]
    if "unknown flag" in message or "unknown command" in message or "unknown shorthand" in message:
        return "unknown flag or command"
    return {"SYNTAX": "YAML error", "FORM": "not one manifest", "SCHEMA": "other fault of the schema"}.get(tier, "a rule broken")


def main() -> None:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--untrained", type=int, default=600, help="manifests of the untrained student; nearly all are cut")
    parser.add_argument("--trained", type=int, default=4000, help="manifests of the trained student")
    parser.add_argument("--commands", type=int, default=300, help="kubectl commands of each")
    parser.add_argument("--model", default="kubernetes-base")
    args = parser.parse_args()
    folder = find_base(args.model)
    layout, weights = load_student(folder)
    texts = load_tokenizer(folder), ChatFormat.load(folder)
    trained, untrained = TransformersEngine(layout, weights, texts), TransformersEngine(layout, draw(layout, 3), texts)
    kinds = [(kind.api_version, kind.kind) for kind in domain().known.kinds()]
    guides: dict[str, list[Guide]] = {
        name: [Straight(ManifestGuide((kinds[number % len(kinds)],))) for number in range(getattr(args, name))]
        for name in ("untrained", "trained")
    }
    result: dict[str, Any] = {"kinds": len(kinds), "tokens": TOKENS}
    for name, engine in (("untrained", untrained), ("trained", trained)):
        for what, led in (("manifests", guides[name]), ("commands", [Straight(KubectlGuide())] * args.commands)):
            started = time.monotonic()
            counts = faults(asked(engine, led), what == "commands")
            print(f"{name}, {what}: {dict(counts)}, {time.monotonic() - started:.0f} s")
            result[f"{name} {what}"] = dict(counts)
    free = faults(asked(trained, [None] * min(500, args.trained)), False)
    print(f"trained, free: {dict(free)}")
    asked_all = [result[f"{name} {what}"] for name in ("untrained", "trained") for what in ("manifests", "commands")]
    whole, cut = (sum(counts[what] for counts in asked_all) for what in ("whole", "cut"))
    invented, in_cut = (sum(counts.get(f"{fault}{end}", 0) for counts in asked_all for fault in WORST) for end in ("", ", cut"))
    bound = wilson(invented, whole)[1]
    print(f"invented fields, kinds and flags, YAML errors, duplicate keys in {whole:,} whole answers: {invented} (upper bound {bound:.2%})")
    print(f"apart from them, in {cut:,} answers that the token limit cut: {in_cut}")
    print(
        json.dumps(
            {
                **result,
                "trained free": dict(free),
                "whole": whole,
                "invented": invented,
                "invented_in_cut": in_cut,
                "upper_bound": bound,
                **hardware(),
                "commit": commit(),
            }
        )
    )


if __name__ == "__main__":
    main()
