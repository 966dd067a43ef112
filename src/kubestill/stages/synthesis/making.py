"""One shard of candidates, made and judged. It depends on its index alone, so that any process may make it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kubestill.domains.api import HELD_OUT_REPOSITORIES, MANIFESTS, TRAIN, Document, Domain, Drop, Sample
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed, held_out
from kubestill.ground.shards import Record, Shard
from kubestill.ground.stage import Tally
from kubestill.tools.checks.api import Outcome, Verdict

SHARD_DRAWS = 2_000  # about two seconds of one core: short enough to lose, long enough to be worth a file
HELD_OUT, FAULTY = "held out for evaluation", "a faulty document"
BROKEN = ("form", "syntax", "schema")  # tiers at which a document is faulty; rules are for answers, and real ones break some
MAX_FINDINGS = 5  # kept of a reject

Candidate = tuple[Sample | Drop, Record]  # with what is known of it, for the file of rejects


@dataclass(frozen=True)
class Maker:
    """Shard `index` is a run of draws, or, beyond those, one file of documents."""

    domain: Domain
    skills: tuple[str, ...]
    seed: Seed
    procedural: int
    reverse_variants: int
    documents: tuple[Path, ...]

    @property
    def draw_shards(self) -> int:
        """How many of the shards are draws."""
        return -(-self.procedural // SHARD_DRAWS)

    @property
    def count(self) -> int:
        """How many shards there are."""
        return self.draw_shards + len(self.documents)

    def __call__(self, index: int) -> Shard:
        """Make shard `index`."""
        shard = Shard([], [], Tally())
        candidates = self._drawn(index) if index < self.draw_shards else self._reversed(self.documents[index - self.draw_shards])
        for candidate, known in candidates:
            self._admit(candidate, known, shard)
        return shard

    def _drawn(self, index: int) -> Iterator[Candidate]:
        skills = self.domain.skills()
        first = index * SHARD_DRAWS
        for number in range(first, min(first + SHARD_DRAWS, self.procedural)):
            name = self.skills[number % len(self.skills)]
            yield skills[name].draw(self.seed.rng("procedural", number), TRAIN), {"skill": name, "road": "procedural", "draw": number}

    def _reversed(self, path: Path) -> Iterator[Candidate]:
        skills = self.domain.skills()
        for record in read_records(path):
            document = Document(**record)
            for name in self.skills:
                if document.form not in skills[name].reads:
                    continue
                known: Record = {"skill": name, "road": "reverse", "document": document.id, "kind": document.kind}
                known["source"] = dict(document.source)  # where a user finds what was dropped
                if held_out("repository", document.unit, HELD_OUT_REPOSITORIES):
                    yield Drop(HELD_OUT), known
                    continue
                for variant in range(self.reverse_variants):
                    rng = self.seed.rng("reverse", name, document.id, variant)
                    before = rng.getstate()
                    candidate = skills[name].reverse(document, rng, TRAIN)
                    if variant == 0 and isinstance(candidate, Sample) and (verdict := self._faults(document)) is not None:
                        yield Drop(f"{FAULTY}: {fault(verdict)}"), {**known, "findings": _findings(verdict)}
                        break
                    yield candidate, {**known, "variant": variant}
                    # A document that cannot be asked for is not asked again, nor one of which every variant would be this one.
                    if isinstance(candidate, Drop) or rng.getstate() == before:
                        break

    def _faults(self, document: Document) -> Verdict | None:
        """Judge a document that is an answer itself; None where nothing is wrong in it.

        Samples would pass without what is wrong, since their answers are written anew, and nobody would learn of it.
        """
        if document.form != MANIFESTS:
            return None
        verdict = self.domain.judge(document.text)
        return verdict if verdict.failed_on in BROKEN else None

    def _admit(self, candidate: Sample | Drop, known: Record, shard: Shard) -> None:
        """Keep what its own judge passes; count and record everything else with its reason."""
        if isinstance(candidate, Drop):
            shard.tally.drop(candidate.reason)
            shard.rejects.append({"reason": candidate.reason, **known})
            return
        verdict = self.domain.judge(candidate.answer, candidate.intents, candidate.skill)
        if verdict.passed:
            shard.tally.keep()
            shard.records.append(candidate.to_record())
            count(shard, f"skill.{candidate.skill}", f"road.{candidate.road}", f"kind.{candidate.kind}")
            return
        reason = fault(verdict)
        shard.tally.drop(reason)
        shard.rejects.append({"reason": reason, **known, **candidate.to_record(), "findings": _findings(verdict)})


def _findings(verdict: Verdict) -> list[Record]:
    return [{"code": f.code, "path": f.path, "message": f.message} for f in verdict.findings[:MAX_FINDINGS]]


def fault(verdict: Verdict) -> str:
    """Return tier and code of the first check that failed or broke, as `schema/K8S002`; `not judged` when none could look."""
    for result in verdict.results:
        if result.outcome in (Outcome.FAIL, Outcome.ERROR):
            broke = " broke" if result.outcome is Outcome.ERROR else ""
            return f"{result.tier.name.lower()}/{result.code}{broke}"
    return "not judged"


def count(shard: Shard, *names: str) -> None:
    """Add one to each of the figures."""
    for name in names:
        shard.figures[name] = shard.figures.get(name, 0) + 1
