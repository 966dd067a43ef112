"""Export: weights → release. A folder that `AutoModelForCausalLM` loads, the same as GGUF, and a card; written, then read back."""

import shutil
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text
from kubestill.ground.stage import Done, How, Inputs, Job, Tally, What
from kubestill.stages.export.card import Card, render
from kubestill.stages.export.files import make_files
from kubestill.tools.gguf.quantise import Format
from kubestill.tools.gguf.write import need_packages

NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json")
# Older and newer transformers split the tokenizer differently; a model that somebody else made first has no chat format of ours.
ALSO = ("chat.json", "chat_template.jinja", "special_tokens_map.json")
PROBE = "hello, 42 probes: a-b_c/d.e"  # words, digits and signs: what a tokenizer can get wrong


class ExportWhat(What):
    """How the release presents itself."""

    name: str = Field(default="kubestill-student", min_length=1)
    """The title of the model card."""
    licence: str = "apache-2.0"
    """SPDX name, lower case, as model hubs spell it."""
    formats: tuple[Format, ...] = ("q8_0",)
    """GGUF files to write: f32, f16, q8_0 (8.5 bits a weight), q4_k_m (about 5). q8_0 answers as fp32 does, in 30 % of the bytes."""


class ExportHow(How):
    """Nothing to choose."""


class Export:
    """The stage."""

    name: ClassVar[str] = "export"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = ExportWhat
    how: ClassVar[type[How]] = ExportHow
    inputs: ClassVar[Inputs] = {
        "documents": "corpus",
        "samples": "synthesis",
        "mix": "curation",
        "weights": ("training", "tuning"),
        "scores": "evaluation",
    }
    output: ClassVar[str] = "release"

    def run(self, job: Job) -> Done:
        """Write the model's files, `chat.json`, GGUF files with a `Modelfile`, and `README.md`; load them again and compare.

        Raises:
            UserError: the weights artifact lacks a file.
            Unavailable: GGUF is asked for, and a package that writes it is missing.
            ValueError: what was read back is not what was written.
        """
        if job.what.formats:
            need_packages()
        weights = job.inputs["weights"].path
        names = _names(weights)
        for name in names:
            _copy(weights / name, job.out / name)
        parameters = read_back(weights, job.out)
        made = make_files(job)
        card = Card(job.what, job.domain, dict(job.inputs), parameters, made)
        write_text(job.out / "README.md", render(card))
        file_bytes = sum((job.out / name).stat().st_size for name in names)
        figures = {"parameters": parameters, "file_bytes": file_bytes, "read_back": "logits and tokens equal"}
        return Done(Tally(), figures | {"gguf": {file.form: file.figures for file in made}})


def _names(weights: Path) -> list[str]:
    missing = [name for name in NEEDED if not (weights / name).is_file()]
    if missing and (weights / "adapter_config.json").is_file():
        raise UserError(f"export: {weights}", "adapters without their base", "set training.adapter.merge = true")
    if missing:
        raise UserError(f"export: {weights}", f"{', '.join(missing)} missing", "train again: this folder is not whole")
    return [*NEEDED, *(name for name in ALSO if (weights / name).is_file())]


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    part.replace(target)


def read_back(weights: Path, release: Path) -> int:
    """Load both folders as a stranger would, compare logits and tokens on a probe; return the number of parameters.

    Raises:
        ValueError: they differ, or the tokenizer does not give back what it was given.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # two files in a tenth of a second: the pipeline shows its own
    tokenizer = AutoTokenizer.from_pretrained(release)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": PROBE}], tokenize=False, add_generation_prompt=True)
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids  # [batch 1, tokens]
    if tokenizer.decode(ids[0], skip_special_tokens=False) != prompt:
        raise ValueError(f"{release}: the tokenizer reads {prompt!r} and gives back {tokenizer.decode(ids[0])!r}")
    found = []
    with torch.no_grad():
        for folder in (weights, release):  # one after the other: a base of others may be large
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)  # in eval mode
            found.append(model(ids).logits)
    first, second = found
    if not torch.equal(first, second) or not bool(torch.isfinite(second).all()):
        raise ValueError(f"{release}: logits differ from those of {weights}, or are not finite")
    return sum(parameter.numel() for parameter in model.parameters())


STAGE = Export()
