"""A domain whose sources are JSON lines of documents, so that every form can be had without a reader."""

import json
from dataclasses import dataclass

import pytest

from kubestill.domains.api import Document, Drop
from kubestill.ground.progress import Silent
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Job
from kubestill.stages.corpus.stage import STAGE, CorpusWhat


@dataclass
class Lines:
    """Yields a document for each line that holds one, else a drop."""

    name = "lines"

    def documents(self, path, form):
        for record in read_records(path):
            if "text" in record:
                yield Document(record["id"], record["text"], record.get("kind", "thing"), record.get("source", {}), form)
            else:
                yield Drop("no text")


@pytest.fixture
def corpus(tmp_path):
    """Run the stage over documents by form: `corpus({"pages": ["text", {"text": ..., "source": ...}]}, near_duplicates=0)`."""

    def run(forms, labels=None, **what):
        sources = []
        for form, given in forms.items():
            path = tmp_path / f"{form}.jsonl"
            rows = [one if isinstance(one, dict) else {"text": one} for one in given]
            path.write_text("\n".join(json.dumps({"id": f"{form}-{number}", **row}) for number, row in enumerate(rows)) + "\n")
            sources.append((form, str(path)))
        if labels is not None:
            (tmp_path / "labels").write_text("\n".join(json.dumps({"id": name, "value": value}) for name, value in labels.items()))
            sources.append(("labels", str(tmp_path / "labels")))
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        done = STAGE.run(Job(CorpusWhat(sources=tuple(sources), **what), STAGE.how(), {}, out, Seed(1), Silent(), Lines()))
        assert done.tally.closed and done.tally.kept == sum(form["documents"] for form in done.figures["forms"].values())
        return done, list(read_shards(out, "documents")), out

    return run
