"""Jobs for the stages over the cron domain, without the pipeline."""

import pytest

from kubestill.domains.cron import domain
from kubestill.ground.manifest import Artifact
from kubestill.ground.progress import Silent
from kubestill.ground.seeds import Seed
from kubestill.ground.stage import Job


@pytest.fixture
def run(tmp_path):
    """Run a stage into a folder of its own; returns what it reported and the artifact."""

    def run(stage, what=None, how=None, name=None, seed=1, **inputs):
        out = tmp_path / (name or stage.name)
        out.mkdir(exist_ok=True)
        job = Job(what or stage.what(), how or stage.how(), inputs, out, Seed(seed), Silent(), domain())
        done = stage.run(job)
        assert done.tally.closed
        return done, Artifact(stage.output, "0" * 40, stage.name, out, job.what.model_dump(), {}, vars(done.tally), done.figures)

    return run
