"""The bytes that the stages make of one small recipe over the cron domain. Code is not part of a key: where these bytes change,
the stage's `version` (or the domain's VERSION, for what is drawn and said) must rise in the same commit, and the digest here with it."""

from kubestill.domains import cron
from kubestill.ground.fingerprint import digest
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job
from kubestill.stages.corpus.stage import STAGE as CORPUS
from kubestill.stages.corpus.stage import CorpusWhat
from kubestill.stages.curation.stage import STAGE as CURATION
from kubestill.stages.curation.stage import CurationWhat
from kubestill.stages.synthesis.stage import STAGE as SYNTHESIS
from kubestill.stages.synthesis.stage import SynthesisHow, SynthesisWhat

GOLDEN = {
    ("cron", 1): "5b9867c5679175bd229b57046463a0c4bb4c506d",
    ("corpus", 3): "c7cf64bfef7d464d25c9dc018dd01ddf3692c477",
    ("synthesis", 3): "2f3822c58c28efbfcabe827e8fe2c5cabfc196a2",
    ("curation", 2): "3c275a4a89a0975011b8d13863ddde2f887ed1ce",
}


def test_bytes_change_only_with_a_version(tmp_path):
    source = tmp_path / "lines.cron"
    source.write_text("0 5 * * 1-5 a\n15 4 1 * * b\n*/10 8-18 * * * c\nrubbish\n")
    found, inputs = {}, {}
    whats = {
        CORPUS: CorpusWhat(sources=(("crontabs", str(source)),)),
        SYNTHESIS: SynthesisWhat(procedural=300),
        CURATION: CurationWhat(dev_samples=20, suite_samples=40, weights={"reverse": 1.5}),
    }
    for stage, what in whats.items():
        out = tmp_path / stage.name
        out.mkdir()
        how = SynthesisHow(processes=1) if stage is SYNTHESIS else stage.how()
        stage.run(Job(what, how, inputs, out, Seed(7), Silent(), cron.domain()))
        inputs = {**inputs, stage.output: Artifact(stage.output, "0" * 40, stage.name, out)}
        found[stage.name, stage.version] = digest(out)
    samples = [cron.domain().skills()["cron"].draw(Seed(7).rng(number), part) for number in range(50) for part in ("train", "held")]
    (tmp_path / "drawn").write_text("\n".join(str(sample) for sample in samples))
    found["cron", cron.VERSION] = digest(tmp_path / "drawn")
    assert found == GOLDEN
