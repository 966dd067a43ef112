"""The GGUF files of a release, what is known of each, and the Modelfile with which Ollama takes the first."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kubestill.ground.records import write_text
from kubestill.ground.stage import Job
from kubestill.stages.export.verify import Likeness, compare, draw_texts
from kubestill.tools.chat.format import ASSISTANT, END, USER, ChatFormat
from kubestill.tools.gguf.quantise import Format
from kubestill.tools.gguf.write import Written, write_gguf

# Greedy decoding, and no penalty: a manifest repeats itself by right. llama.cpp takes them as its defaults from the file.
SAMPLING = {"general.sampling.temp": 0.0, "general.sampling.penalty_repeat": 1.0}


@dataclass(frozen=True)
class Made:
    """One file of a release."""

    name: str
    form: Format
    written: Written
    likeness: Likeness

    @property
    def figures(self) -> dict[str, Any]:
        """The numbers for the manifest and the report."""
        return {"name": self.name, **asdict(self.written), **asdict(self.likeness)}


def make_files(job: Job) -> list[Made]:
    """Write the files of the recipe's formats into the release, read them back, and compare their answers with the weights'.

    Raises:
        UserError: the weights are of no architecture that GGUF is written for.
        Unavailable: a package of the extra `gguf` is missing.
        KubestillError: a file is not what was written.
    """
    if not job.what.formats:
        return []
    about = {"general.name": job.what.name, "general.license": job.what.licence, **SAMPLING}
    texts = draw_texts(job.domain, job.out, job.seed)
    made = []
    for form in job.what.formats:
        file = job.out / f"model-{form}.gguf"
        written = write_gguf(job.out, file, form, about)
        made.append(Made(file.name, form, written, compare(job.out, file, texts)))
    write_text(job.out / "Modelfile", modelfile(job.out, made[0].name))
    return made


def modelfile(release: Path, file: str) -> str:
    """Return what `ollama create` reads; it knows the chat templates of others from the file itself."""
    from kubestill.tools.modeling.texts import is_foreign, read_texts

    context = json.loads((release / "config.json").read_text())["max_position_embeddings"]
    foreign = is_foreign(release)
    spoken = [] if foreign else [f'TEMPLATE """{USER}\n{{{{ .Prompt }}}}{ASSISTANT}\n"""']
    lines = [f"FROM ./{file}", *spoken, f'PARAMETER stop "{read_texts(release).chat.stop if foreign else END}"']
    lines += ["PARAMETER temperature 0", "PARAMETER repeat_penalty 1", f"PARAMETER num_ctx {context}"]
    if not foreign and ChatFormat.load(release).copying == "slots":
        lines.insert(0, "# This student reads requests in which names and values are numbered marks, and answers in those marks.")
        lines.insert(1, "# Ollama does not write them: `kubestill ask` and `kubestill serve` do. Here it can be tried, not used.")
    return "\n".join(lines) + "\n"
