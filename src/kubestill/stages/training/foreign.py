"""Bases that are trained through transformers: those that somebody else made, and any beside which adapters are trained."""

import shutil
from pathlib import Path
from typing import cast

from torch import Tensor

from kubestill.ground.errors import UserError
from kubestill.ground.stage import Job
from kubestill.stages.training.parallel import TYPES, Arena
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.engines.local import LocalEngine, Voice, Words, read_tokenizer
from kubestill.tools.engines.pretrained import PretrainedEngine
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.modeling.adapters import Adapter, holds_adapters
from kubestill.tools.modeling.encoding import ENCODED
from kubestill.tools.modeling.foreign import SETTINGS, ForeignBody, Ways, in_type
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.load import save_student
from kubestill.tools.modeling.network import Body, StudentBody
from kubestill.tools.modeling.pretrained import checked, context_of
from kubestill.tools.modeling.texts import read_texts

# What of a folder says how its model is spoken to, and what transformers needs beside weights.
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", *SETTINGS)


def copy_foreign(base: Path, out: Path) -> None:
    """Put into `out` all of a foreign base but its weights.

    Raises:
        UserError: a file is missing or malformed.
    """
    path = base / "tokenizer.json"
    if not path.is_file():
        raise UserError(str(base), "no tokenizer.json", "give a folder with config.json, model.safetensors and tokenizer.json")
    read_tokenizer(path.read_text(encoding="utf-8", errors="replace"), str(path))
    for name in COPIED:
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
    vocabulary = read_texts(out).vocabulary
    if not holds_adapters(base):
        checked(base, vocabulary)


def foreign_weights(job: Job, base: Path) -> tuple[ForeignBody, Tensor]:
    """Return what is trained of a foreign base, and its weights [total] in fp32 to start from.

    Raises:
        UserError: the base, or adapters for it, cannot be used.
        Unavailable: adapters are asked for, and PEFT is not installed.
    """
    if getattr(job.what, "layers", 0):
        raise UserError("training.layers", f"{base} is no student of kubestill", "give 0: only those can be deepened")
    source = in_type(base, job.out / ENCODED / "whole", None) if holds_adapters(base) else base
    return _over(job, source, base)


def student_with_adapters(job: Job, student: tuple[Layout, Tensor], base: Path) -> tuple[ForeignBody, Tensor]:
    """Return adapters beside a student of ours in its Hugging Face form, and their weights [total] to start from.

    Raises:
        UserError: the adapters cannot be kept.
        Unavailable: PEFT is not installed.
    """
    source = job.out / ENCODED / "whole"
    source.mkdir(parents=True, exist_ok=True)
    texts = read_texts(job.out)
    save_student(source, *student, (texts.pad, texts.end))
    return _over(job, source, base)


def _over(job: Job, source: Path, base: Path) -> tuple[ForeignBody, Tensor]:
    what, how, dtype = job.what, job.how, TYPES[job.what.precision]
    ways = Ways(how.activation_checkpointing, how.packed_tokens)
    if not what.adapter.rank:
        body = ForeignBody.over(source, source, dtype).working(ways)
        return body, body.start(0)
    if not what.adapter.merge and (holds_adapters(base) or bool(getattr(what, "layers", 0))):
        raise UserError("training.adapter.merge", "there is no folder of these adapters' base", "merge them")
    adapter = Adapter(what.adapter.rank, what.adapter.alpha, what.adapter.targets)
    frozen = in_type(source, job.out / ENCODED / "frozen", dtype)
    kept = "" if what.adapter.merge else str(base.resolve())
    body = ForeignBody.over(source, frozen, dtype, adapter).working(ways, kept)
    return body, body.start(job.seed.child("adapters").value)


def engine_over(body: Body, arena: Arena, folder: Path) -> LocalEngine:
    """Return an engine that answers with the weights as they are now; `folder` is the training's, with the tokenizer."""
    texts = read_texts(folder)
    if isinstance(body, StudentBody):
        return TransformersEngine(body.layout, arena.whole(), (texts.tokenizer, cast(ChatFormat, texts.chat)))
    assert isinstance(body, ForeignBody)
    words = Words(texts.tokenizer, cast(Voice, texts.chat), texts.ends, context_of(body.source))
    return PretrainedEngine(body.reader(arena.ready(), texts.vocabulary), words)
