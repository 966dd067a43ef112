"""Before the first step: the tokenizer, the chat format, the encoded mix and the weights to start from."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from kubestill.domains.api import EXPECTED, TASK, Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records, write_text
from kubestill.ground.stage import Job, Tally
from kubestill.stages.training.devloss import prepare_dev
from kubestill.stages.training.domains import prepare_domains
from kubestill.stages.training.foreign import copy_foreign, foreign_weights, student_with_adapters
from kubestill.stages.training.settings import StartWhat, StepsWhat, TrainingWhat
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.modeling.bases import find_base
from kubestill.tools.modeling.encoding import ENCODED, Encoding, Limits, encode_mix, shards_of
from kubestill.tools.modeling.growth import deepened
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.mixing import mixed
from kubestill.tools.modeling.network import Body, StudentBody
from kubestill.tools.modeling.presets import preset
from kubestill.tools.modeling.pretrained import context_of
from kubestill.tools.modeling.texts import is_foreign
from kubestill.tools.modeling.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer

DONE = "tally.json"  # written last
TOKENIZER_SAMPLES = 10_000  # samples that the tokenizer learns from: more change no merge that matters


def base_of(job: Job) -> Path | None:
    """Return the folder of the student to start from: the one that an earlier stage hands on, or the recipe's; None: from nothing."""
    if "before" in job.inputs:
        return job.inputs["before"].path
    return find_base(job.what.base) if job.what.base else None


def prepare_texts(job: Job, shards: list[Path], documents: Iterable[str] = ()) -> None:
    """Put tokenizer and chat.json into `job.out`: the base's, or ones learned from the mix, the tokenizer from `documents`, too."""
    what = job.what
    if (base := base_of(job)) is not None:
        copy_texts(base, job.out)
        if not is_foreign(base):
            if what.words == "mix":
                job.progress.say("learning the words")
            more = _learned(job, shards) if what.words == "mix" else _english(job)
            ChatFormat.load(base).widened(more).save(job.out)
        return
    if (teacher := _teacher_of(job)) is not None:
        copy_texts(teacher, job.out)
        save_tokenizer(load_tokenizer(teacher), job.out, preset(what.preset).max_position)
        return
    job.progress.say("learning the words and the tokenizer")
    chat = replace(_learned(job, shards), notes=what.notes)
    chat.save(job.out)
    count = sum(1 for _ in _records(shards))
    texts = []
    for sample in map(Sample.from_record, islice(_records(shards), 0, None, max(1, count // TOKENIZER_SAMPLES))):
        prompt = chat.prompt(sample.request)
        texts += [prompt.text, chat.target(sample.answer, prompt, sample.notes())]
    texts += [chat.document(document)[1] for document in documents]
    tokenizer = train_tokenizer(texts, what.vocabulary_size, what.copying)
    save_tokenizer(tokenizer, job.out, preset(what.preset).max_position)


def _teacher_of(job: Job) -> Path | None:
    """Return the folder of the teacher whose tokens a student from nothing reads: live, or captured; None where it has its own."""
    what = job.what
    if not isinstance(what, TrainingWhat) or what.objective == "sft" or (what.objective == "distill" and what.distill.tokenizer == "own"):
        return None
    if what.teacher:
        return find_base(what.teacher)
    signals = job.inputs.get("signals")
    return signals.path if signals is not None and (signals.path / "tokenizer.json").exists() else None


def lessons_of(job: Job) -> Path:
    """Return the folder of the samples that are learned: the mix, or for distill the answers of a server to its requests.

    Raises:
        UserError: domains are asked for of the latter, which are known of the mix alone.
    """
    what, mix, signals = job.what, job.inputs["mix"].path, job.inputs.get("signals")
    if getattr(what, "objective", "") != "distill" or what.teacher or signals is None or not shards_of(signals.path):
        return mix
    if what.domains.by:
        raise UserError("training.domains", "a server's answers are learned, not the mix", "set training.domains.by = ''")
    return signals.path


def copy_texts(base: Path, out: Path) -> None:
    """Put the tokenizer and chat.json of the student in `base` into `out`, or what stands for them beside a foreign model."""
    if is_foreign(base):
        copy_foreign(base, out)
        return
    load_tokenizer(base)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat.json"):
        if (base / name).exists():
            shutil.copyfile(base / name, out / name)


def _learned(job: Job, shards: list[Path]) -> ChatFormat:
    """Return the format with the words of the mix, and the tasks that it teaches."""
    pairs = ((record["request"], _copied(record)) for record in _records(shards))
    english = _english(job)
    learned = ChatFormat.learn(pairs, job.what.copying, job.domain.vocabulary() | english.known)
    heads = (record["intents"][0] for record in _records(shards) if record["intents"])
    tasks = frozenset(str(head["value"]) for head in heads if head["aspect"] == TASK)
    return replace(learned, tasks=tasks).widened(english)


def _english(job: Job) -> ChatFormat:
    """Return a format of the words that every student of the domain reads."""
    words = job.domain.english()
    return ChatFormat(known=words.plain, rare=words.namesakes, namesakes=words.namesakes)


def _copied(record: Mapping[str, Any]) -> str:
    """Return what of a sample shows which words are copied: of a task what it notes, or a command; prose repeats English."""
    task, *noted = record["intents"] or ({"aspect": ""},)
    if task["aspect"] != TASK:
        return str(record["answer"])
    values = [str(intent["value"]) for intent in noted if not intent["aspect"].startswith(EXPECTED)]
    return "\n".join(values) if values else str(record["answer"]) if "\n" not in record["answer"].strip() else ""


def _records(shards: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield every sample as its record; a mix may be larger than memory."""
    return (record for shard in shards for record in read_records(shard))


def prepare(job: Job, processes: int) -> Tally:
    """Encode the mix into `job.out`/encoded, once.

    Raises:
        UserError: there is nothing to learn from.
    """
    folder, mix = job.out / ENCODED, lessons_of(job)
    if (folder / DONE).exists():
        return Tally(**json.loads((folder / DONE).read_text()))
    shards = shards_of(mix)
    if not shards:
        raise UserError(str(mix), "no train-*.jsonl in it", "curation must keep at least one sample")
    prepare_texts(job, shards)
    job.progress.say("encoding the mix")
    limits = Limits(job.what.max_tokens, job.what.answers, job.what.hidden)
    encoded, tally = encode_mix(Encoding(job.out, Sample.from_record, limits), shards, processes)
    if not tally.kept:
        found = f"none of {tally.came} samples fits {job.what.max_tokens} tokens"
        raise UserError(str(mix), found, "raise training.max_tokens or add samples")
    encoded.save(folder)
    prepare_dev(job)
    prepare_domains(job, encoded, processes)
    write_text(folder / DONE, json.dumps(asdict(tally)))
    return tally


def prepare_weights(job: Job) -> tuple[Body, torch.Tensor]:
    """Return what is trained, and its fp32 weights [total] to start from.

    Raises:
        UserError: the longest sample is longer than the student's context.
    """
    what, base = job.what, base_of(job)
    if base is not None and is_foreign(base):
        _check_lengths(what, context_of(base))
        return foreign_weights(job, base)
    if base is not None:
        layout, flat = load_student(base)
        if isinstance(what, StartWhat) and what.layers:
            layout, flat = deepened(layout, flat, what.layers)
    else:
        drawn = preset(what.preset).with_vocabulary(load_tokenizer(job.out).get_vocab_size())
        layout = Layout(mixed(drawn, what.attention.kind, what.attention.window, what.attention.full_every))
        flat = draw(layout, job.seed.child("weights").value)
    _check_lengths(what, layout.arch.max_position)
    if not what.adapter.rank:
        return StudentBody(layout), flat
    if base is None:
        raise UserError("training.adapter.rank", "a student from nothing has no weights worth freezing", "give 0, or a training.base")
    if layout.arch.layer_types:
        raise UserError("training.adapter.rank", "adapters are trained beside full attention alone", "give 0: all weights are trained")
    return student_with_adapters(job, (layout, flat), base)


def _check_lengths(what: StepsWhat, context: int) -> None:
    if what.max_tokens > context:
        raise UserError("training.max_tokens", f"{what.max_tokens} is over the context", f"give at most {context}")
    if what.max_tokens > what.tokens_per_step // what.blocks:
        raise UserError(
            "training.max_tokens",
            f"{what.max_tokens} does not fit a block of {what.tokens_per_step // what.blocks} tokens",
            "raise training.tokens_per_step or lower training.blocks",
        )
