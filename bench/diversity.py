"""How many different requests does the manifest skill draw, and how much that it did not say before? Wide beside plain, in one run.

Run: python bench/diversity.py [--samples 20000] [--seed 7]
`skeletons`: distinct samples once the words that the answer copies are taken out (`stages/curation/likeness`); `top 100 %`: the share of
samples that have one of the hundred commonest; `4-grams`: distinct runs of four words, copied words and numbers taken out, of requests
and of answers; `new`: those that as many plain draws from another seed do not hold, in percent of the distinct ones. Both skills are held
against the same draws, so plain's own figure says what mere chance gives. Only samples that pass their own judge count. The last line
is JSON; ratios are wide : plain. `phrase parts` are distinct lines of the tables in use, `kinds and sets` what is asked for.
"""

import argparse
import json
from collections import Counter

from kubestill.domains.api import TRAIN, Drop, Sample, Skill
from kubestill.domains.kubernetes.skills.manifest.skill import ManifestSkill
from kubestill.domains.kubernetes.skills.manifest.wide import WideManifestSkill
from kubestill.ground.seeds import Seed
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.stages.curation.likeness import COPIED, DIGITS, WORD, Gram, exact_key, skeleton_key

GRAM = 4
TOP = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    before = Measured(ManifestSkill(), options.samples, Seed(options.seed).child("before"))
    skills: dict[str, Skill] = {"plain": ManifestSkill(), "wide": WideManifestSkill()}
    found: dict[str, dict[str, float]] = {}
    for name, skill in skills.items():
        found[name] = Measured(skill, options.samples, Seed(options.seed)).figures(before)
        print(f"{name:6} {found[name]}")
    ratios = {name: round(found["wide"][name] / found["plain"][name], 3) for name in found["plain"]}
    print(
        json.dumps(
            {"bench": "diversity", "samples": options.samples, "ratios": ratios, **found, "commit": commit(), "hardware": hardware()}
        )
    )


class Measured:
    """What `count` draws of a skill hold."""

    def __init__(self, skill: Skill, count: int, seed: Seed) -> None:
        self.skeletons: Counter[int] = Counter()
        self.answers: set[int] = set()
        self.parts: set[str] = set()
        self.kinds: set[str] = set()
        self.asked: set[Gram] = set()
        self.said: set[Gram] = set()
        for number in range(count):
            sample = skill.draw(seed.rng("procedural", number), TRAIN)
            if isinstance(sample, Drop) or not skill.judge(sample.answer, sample.intents).passed:
                continue
            request, answer = _bare(sample)
            self.skeletons[skeleton_key(sample.request, sample.answer)] += 1
            self.answers.add(exact_key(" ".join(answer)))
            self.parts.update(sample.forms)
            self.kinds.add(sample.kind)
            self.asked.update(_grams(request))
            self.said.update(_grams(answer))

    def figures(self, before: "Measured") -> dict[str, float]:
        """Return the figures, those of what is new held against other draws."""
        kept = self.skeletons.total()
        return {
            "admitted": kept,
            "skeletons": len(self.skeletons),
            "top 100 %": round(100 * sum(times for _, times in self.skeletons.most_common(TOP)) / kept, 2),
            "skeletons of answers": len(self.answers),
            "phrase parts": len(self.parts),
            "kinds and sets": len(self.kinds),
            "4-grams of requests": len(self.asked),
            "new of requests %": round(100 * len(self.asked - before.asked) / len(self.asked), 1),
            "4-grams of answers": len(self.said),
            "new of answers %": round(100 * len(self.said - before.said) / len(self.said), 1),
        }


def _bare(sample: Sample) -> tuple[list[str], list[str]]:
    """Return the words of request and answer, lower case, without those that stand in both and without numbers."""
    words = [WORD.findall(text) for text in (sample.request, sample.answer)]
    copied = set(words[0]) & set(words[1])
    request, answer = ([COPIED if word in copied else DIGITS.sub("0", word.lower()) for word in one] for one in words)
    return request, answer


def _grams(words: list[str]) -> set[Gram]:
    """Return the runs of four words."""
    return set(zip(*(words[offset:] for offset in range(GRAM)), strict=False))


if __name__ == "__main__":
    main()
