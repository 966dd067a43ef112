"""Documents as lessons: every token of a text is learned.

A row holds one document, or an even piece of a longer one, and nothing else: so nothing is attended to across documents, whatever the
network, and rows of like lengths stand together as answers do. A piece begins with what stands before every document and the last token of
the piece before it; so each token is a label once, and only the first is guessed from nothing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.domains.api import HELD_OUT_REPOSITORIES, Document, Sample
from kubestill.ground.errors import UserError
from kubestill.ground.records import write_text
from kubestill.ground.seeds import held_out, stable_hash
from kubestill.ground.shards import read_shards
from kubestill.ground.stage import Done, Job, Tally
from kubestill.stages.training.devloss import save_dev
from kubestill.stages.training.domains import Groups, save_domains
from kubestill.stages.training.prepare import DONE, prepare_texts
from kubestill.tools.modeling.encoding import ENCODED, SMALL, Encoded, Encoding, Limits, encode_mix, shards_of
from kubestill.tools.modeling.texts import read_texts

REPLAY = "requests"  # the group of replayed lessons, beside those named by forms
OTHER_FORM, HELD_OUT, HELD, EMPTY = "a form that is not read", "held out for evaluation", "held for the dev loss", "empty"
HELD_ROWS = 200  # of a form at most: some 100,000 tokens, which a small student reads in seconds
TOKENIZER_CHARACTERS = 4_000_000  # 10,000 samples have as many
AT_ONCE = 64  # documents that the tokenizer gets together


@dataclass
class Rows:
    """Encoded rows in the making, with the group of each."""

    ids: list[list[int]]
    starts: list[int]
    groups: list[str]

    def add(self, ids: list[int], start: int, group: str) -> None:
        """Append a row that is learned from `start` on."""
        self.ids.append(ids)
        self.starts.append(start)
        self.groups.append(group)

    def encoded(self, dtype: type[np.integer[Any]]) -> Encoded:
        """Return the rows as arrays."""
        lengths = np.array([len(row) for row in self.ids], dtype=np.int64)
        flat = np.fromiter((token for row in self.ids for token in row), dtype, int(lengths.sum()))
        return Encoded(flat, np.cumsum(lengths), np.array(self.starts, dtype=np.int32))


def pieces(head: Sequence[int], body: Sequence[int], max_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Yield the rows of a document of ids `body`, its end included, and the place from which each is learned.

    Every row begins with `head` and has at most `max_tokens`. Pieces are even: a rest of three tokens would teach little and cost a row.
    """
    room = max_tokens - len(head)
    count = 1 if len(body) <= room else -(-len(body) // (room - 1))
    borders = [len(body) * place // count for place in range(count + 1)]
    for first, end in pairwise(borders):
        before = first > 0  # one token of the piece before
        yield [*head, *body[first - before : end]], len(head) + before


class Encoder:
    """Documents as ids, with the tokenizer and chat.json in a folder."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        texts = read_texts(folder)
        self.tokenizer, self.chat, self.end, self.max_tokens = texts.tokenizer, texts.chat, texts.end, max_tokens
        self.head: list[int] = self.tokenizer.encode(self.chat.document("")[0], add_special_tokens=False).ids  # before every document
        self.dtype: type[np.integer[Any]] = np.uint16 if self.tokenizer.get_vocab_size() <= SMALL else np.uint32

    def encode(self, texts: Sequence[str]) -> Iterator[list[tuple[list[int], int]]]:
        """Yield the rows of each text; none of an empty one."""
        cleaned = [self.chat.document(text)[1] for text in texts]
        for coded in self.tokenizer.encode_batch_fast(cleaned, add_special_tokens=False):
            yield list(pieces(self.head, [*coded.ids, self.end], self.max_tokens)) if coded.ids else []


def written(text: str) -> str:
    """Return a document as it would be written: an object of JSON (a command's reference, a chat) as indented lines, all else as it is."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return "\n".join(_lines(found))


def _lines(value: Any) -> Iterator[str]:
    """Yield `key: value` and `- item`, indented by two spaces; what is empty is left out."""
    rows = value.items() if isinstance(value, Mapping) else ((None, item) for item in value)
    for key, item in rows:
        if item is None or item == "" or item == [] or item == {}:
            continue
        mark = "-" if key is None else f"{key}:"
        if not isinstance(item, Mapping | list):
            lines = (str(item).lower() if isinstance(item, bool) else str(item)).splitlines() or [""]
            inline = len(lines) == 1 or key is None
            yield f"{mark} {lines[0]}" if inline else mark
            yield from (f"  {line}" for line in lines[inline:])
            continue
        below = list(_lines(item))
        if key is not None:
            yield mark
            yield from (f"  {line}" for line in below)
        elif below:
            yield f"- {below[0]}"
            yield from (f"  {line}" for line in below[1:])


def read_documents(job: Job, tally: Tally) -> Iterator[tuple[Document, bool]]:
    """Yield what is read, and whether it is held back for the dev loss; the rest is counted by reason.

    What suites are made of is not read at all, and what is held back goes by the same units: a page or a repository is on one side.
    """
    what = job.what
    for record in read_shards(job.inputs["documents"].path, "documents"):
        document = Document(**record)
        if document.form not in what.forms:
            tally.drop(OTHER_FORM)
        elif held_out("repository", document.unit, HELD_OUT_REPOSITORIES):
            tally.drop(HELD_OUT)
        else:
            yield document, held_out("pretraining", document.unit, what.held)


def prepare_documents(job: Job, processes: int) -> Done:
    """Encode the documents into `job.out`/encoded, once: rows to learn, rows to measure on, and replayed lessons of the mix.

    Raises:
        UserError: there is nothing to learn from.
    """
    folder = job.out / ENCODED
    if (folder / DONE).exists():
        told = json.loads((folder / DONE).read_text())
        return Done(Tally(**told["tally"]), told["figures"])
    shards = shards_of(job.inputs["mix"].path)
    if not shards:
        raise UserError(str(job.inputs["mix"].path), "no train-*.jsonl in it", "curation must keep at least one sample")
    prepare_texts(job, shards, _some_texts(job))
    job.progress.say("encoding the documents")
    tally, encoder = Tally(), Encoder(job.out, job.what.max_tokens)
    rows, held, figures = _encoded(job, encoder, tally)
    if not rows.ids:
        told = ", ".join(f"{reason} ({count})" for reason, count in tally.dropped.items()) or "there are no documents"
        raise UserError("pretraining.forms", f"nothing to read: {told}", f"give sources of {', '.join(job.what.forms)}, or set tokens = 0")
    encoded = rows.encoded(encoder.dtype)
    if job.what.replay:
        lessons = replayed(job, shards, processes, int(encoded.lengths.sum() * job.what.replay / (1 - job.what.replay)))
        encoded = joined(encoded, lessons)
        rows.groups += [REPLAY] * len(lessons.ends)
        figures["replayed"] = len(lessons.ends)
    figures["tokens_by_form"] = _tokens(encoded, rows.groups)
    encoded.save(folder)
    measured = held.encoded(encoder.dtype) if held.ids else None
    if measured:
        save_dev(job.out, measured, held.groups)
    save_domains(job, Groups.of_lessons(rows.groups, (*job.what.forms, REPLAY)), (measured, held.groups) if measured else None)
    write_text(folder / DONE, json.dumps({"tally": asdict(tally), "figures": figures}))
    return Done(tally, figures)


def _some_texts(job: Job) -> Iterator[str]:
    """Yield documents for a new tokenizer to learn from: about as much text as it reads of samples, so that these keep their say."""
    total = sum(len(document.text) for document, _ in read_documents(job, Tally()))
    for document, _ in read_documents(job, Tally()):
        if stable_hash("tokenizer", document.id) % max(1, total) < TOKENIZER_CHARACTERS:
            yield written(document.text)


def _encoded(job: Job, encoder: Encoder, tally: Tally) -> tuple[Rows, Rows, dict[str, Any]]:
    """Return the rows that are learned, those that are measured on, and figures."""
    rows, held, measured, cut = Rows([], [], []), Rows([], [], []), Counter[str](), 0
    documents = read_documents(job, tally)
    while batch := list(islice(documents, AT_ONCE)):
        texts = [written(document.text) for document, _ in batch]
        for (document, back), found in zip(batch, encoder.encode(texts), strict=True):
            if not found:
                tally.drop(EMPTY)
                continue
            cut += len(found) > 1
            if back:
                tally.drop(HELD)
                found = found[: max(0, HELD_ROWS - measured[document.form])]
                measured[document.form] += len(found)
            else:
                tally.keep()
            for ids, start in found:
                (held if back else rows).add(ids, start, document.form)
    return rows, held, {"documents": tally.kept, "cut_documents": cut, "rows": len(rows.ids), "held_rows": len(held.ids)}


def replayed(job: Job, shards: Iterable[Path], processes: int, tokens: int) -> Encoded:
    """Return lessons of the mix of at most `tokens` tokens in all: its first ones, since curation has shuffled it."""
    found: Encoded | None = None
    for shard in shards:
        more, _ = encode_mix(Encoding(job.out, Sample.from_record, Limits(job.what.max_tokens)), [shard], processes)
        found = joined(found, more) if found is not None else more
        if found.lengths.sum() >= tokens:
            break
    assert found is not None
    count = int(np.searchsorted(found.ends, tokens, side="right"))
    return Encoded(found.ids[: int(found.ends[count - 1]) if count else 0], found.ends[:count], found.starts[:count])


def joined(one: Encoded, two: Encoded) -> Encoded:
    """Return the lessons of both, one after the other."""
    ends: NDArray[np.int64] = np.concatenate([one.ends, two.ends + len(one.ids)])
    return Encoded(np.concatenate([one.ids, two.ids]), ends, np.concatenate([one.starts, two.starts]))


def _tokens(encoded: Encoded, groups: Sequence[str]) -> dict[str, int]:
    """Return the tokens of each group."""
    found = Counter[str]()
    for group, length in zip(groups, encoded.lengths.tolist(), strict=True):
        found[group] += length
    return dict(found)
