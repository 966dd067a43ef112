"""How files become verdicts: cut into pieces of some hundred kilobytes, judged here or by several processes, told in their order.

Memory stays flat whatever the number of documents, since no more pieces are under way than the processes need.
"""

import multiprocessing
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from kubestill.ground.settings import read_settings
from kubestill.pipeline.table import DOMAINS

PIECE_BYTES = 256 * 1024
ALONE_PIECES = 6  # less than about a second of work: other processes would only have started by then
_NEXT = re.compile(rb"\n(?=---[ \t\r\n])")


@dataclass(frozen=True)
class Against:
    """What manifests are checked against.

    A cluster version ("": the usual one), contents of files that define custom resources, sets of policies; `sets` asks for the
    objects themselves, too, so that what holds between them can be judged. `enums`: the values that fields may have in a cluster
    whose schemas were pulled, else None.
    """

    version: str = ""
    definitions: tuple[tuple[str, bytes], ...] = ()
    policies: tuple[str, ...] = ()
    sets: bool = True
    enums: Mapping[str, Mapping[str, list[str]]] | None = None


@dataclass(frozen=True)
class Piece:
    """A part of a file; `line` is how many lines stand before it."""

    file: str
    content: bytes
    line: int = 0


def domain_of(against: Against) -> Any:
    """Return the domain that judges.

    Raises:
        UserError: there are no schemas of the version; a file of definitions defines nothing; no set of policies is called so.
    """
    factory = DOMAINS.load("kubernetes")
    domain = factory(against.version) if against.version else factory()
    if against.definitions or against.enums is not None:
        domain.learn_definitions(against.definitions, against.enums)
    domain.ask_policies(against.policies)
    return domain


def judge_contents(contents: Iterator[tuple[str, bytes]], against: Against, domain: Any) -> Iterator[Any]:
    """Yield a verdict for every document of the files (name, content), in their order; `domain` is the one of `against`."""
    pieces = (piece for name, content in contents for piece in cut(name, content))
    few = list(islice(pieces, ALONE_PIECES))
    more = next(pieces, None)
    processes = 1 if more is None else read_settings().processes
    everything = chain(few, [] if more is None else [more], pieces)
    if processes == 1:
        found: Iterator[list[Any]] = (_judge(domain, [piece], against.sets) for piece in everything)
    else:
        found = _with_processes(_batches(everything), against, processes)
    file, count = "", 0
    for judged in chain.from_iterable(found):
        count = 0 if judged.file != file else count
        file = judged.file
        yield replace(judged, document=count)
        count += 1


def cut(name: str, content: bytes) -> Iterator[Piece]:
    """Yield a file in pieces of at least PIECE_BYTES, cut before lines that begin a document."""
    start = line = 0
    while len(content) - start > PIECE_BYTES and (found := _NEXT.search(content, start + PIECE_BYTES)):
        yield Piece(name, content[start : found.end()], line)
        line += content.count(b"\n", start, found.end())
        start = found.end()
    yield Piece(name, content[start:] if start else content, line)


def _batches(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    """Put small files together, so that a process gets enough to do at once."""
    batch: list[Piece] = []
    held = 0
    for piece in pieces:
        batch.append(piece)
        held += len(piece.content)
        if held >= PIECE_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _with_processes(batches: Iterator[list[Piece]], against: Against, processes: int) -> Iterator[list[Any]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(against,)) as pool:
        under_way: deque[Future[list[Any]]] = deque()
        for batch in batches:
            under_way.append(pool.submit(_work, batch))
            if len(under_way) > 2 * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


_here: list[tuple[Any, bool]] = []  # one process's domain, made once


def _start(against: Against) -> None:
    _here.append((domain_of(against), against.sets))


def _work(batch: list[Piece]) -> list[Any]:
    ((domain, sets),) = _here
    return _judge(domain, batch, sets)


def _judge(domain: Any, pieces: Sequence[Piece], sets: bool) -> list[Any]:
    found = [judged for piece in pieces for judged in domain.check_text(piece.content, piece.file, piece.line)]
    return found if sets else [replace(judged, manifest=None) for judged in found]
