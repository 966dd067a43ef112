"""Answers of a local engine, written together: each joins the batch that goes on, and leaves it when it is whole.

A lane is a thread with a batch of its own. Where passes of two batches can run at the same time a desk has two of them: llama.cpp
lets Python go on while it computes, so one lane chooses tokens while the other reads. Between two passes a lane admits what waits, and
lets go what was stopped. A long prompt is read in parts, so that answers under way wait little for it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

from kubestill.ground.board import Board
from kubestill.ground.settings import usable_cores
from kubestill.tools.engines.api import Ask, Told
from kubestill.tools.engines.desk_work import Job, Order
from kubestill.tools.engines.faults import caught
from kubestill.tools.engines.local import Answering, SharedEngine
from kubestill.tools.engines.writing import Table, advance, close_up
from kubestill.tools.grammar.api import Guide

NEARER = 32  # tokens of a prompt, read already, by which lanes differ: fewer are read again as soon as copied
LOOKED_AGAIN_SECONDS = 0.05
CLOSING_SECONDS = 1.0
PASS_SECONDS = 10.0  # of a pass at most, as far as others are concerned: a process that is killed in one is forgotten then
LONELY_SECONDS = 0.25  # without another lane's work, after which a lane is alone: where they alternate, helping threads would be in the way


@dataclass(frozen=True)
class DeskHow:
    """How much a desk writes at once. `places`: tokens of a request and its answer together, at most; memory grows with both."""

    rows: int = 8
    places: int = 4096
    lanes: int = 0  # 0: as many as the engine gains by on this process' share of the cores
    pass_tokens: int = 0  # of a pass, about, the rest of a long prompt waits for the next; 0: as many as the engine says
    processes: int = 1  # that share the machine, each with a desk
    board: Path | None = None  # the file by which they see each other's work


@dataclass
class Seat:
    """A work, and the answer to it as far as it is written."""

    job: Job
    answering: Answering


class LaneDesk:
    """A desk over an engine whose answers can join a batch that goes on."""

    def __init__(self, engine: SharedEngine, how: DeskHow = DeskHow()) -> None:
        self.engine, self.how = engine.within(how.places), how
        self.name, self.notes, self.tasks, self.context = engine.name, engine.notes, engine.tasks, self.engine.context
        self.pass_tokens = how.pass_tokens or engine.pass_tokens
        self.waiting: deque[Seat] = deque()
        self.change, self.closed = Condition(), False
        count = min(how.lanes or engine.lanes(max(1, usable_cores() // how.processes)), how.rows)
        self.crowded = -LONELY_SECONDS  # when another lane was last seen at work, or somebody said so
        self.board = Board(1, how.processes, how.board)
        self.lanes = [Lane(self, place, how.rows * (place + 1) // count - how.rows * place // count) for place in range(count)]
        for lane in self.lanes:
            lane.start()

    def submit(self, request: str, ask: Ask, guide: Guide | None = None, told: Told | None = None) -> Job:
        """Begin an answer. The prompt and the guide are made ready here, in the caller's thread, while others are written."""
        job = Job(Order(request, ask, guide, told))
        listener = None if told is None else job.tell
        answering = caught(lambda: self.engine.begin(request, ask, guide, listener), job.fail)
        if answering is not None:
            with self.change:
                if self.closed:
                    job.stop()
                else:
                    self.waiting.append(Seat(job, answering))
                    self.change.notify_all()
        return job

    def busy(self) -> tuple[int, int]:
        """Return how many answers are being written, and how many wait for a row."""
        with self.change:
            return sum(len(lane.seats) for lane in self.lanes), sum(not seat.job.over for seat in self.waiting)

    def reuse(self) -> tuple[int, int]:
        """Return how many tokens the prompts of all answers had so far, and how many of them had been read before."""
        return sum(lane.prompt_tokens for lane in self.lanes), sum(lane.reused_tokens for lane in self.lanes)

    def lonely(self, lane: "Lane") -> bool:
        """Say whether a lane that works is the first, and has been the only one with work for a while, in all processes."""
        now = monotonic()
        self.board.show(0, now + PASS_SECONDS)  # how long it takes is not known before: two that held each other for idle got ever slower
        if lane.place or any(other.seats for other in self.lanes[1:]):
            self.crowded = now
        latest = max([self.crowded, *(row[0] for row in self.board.others())])
        return now - latest >= LONELY_SECONDS

    def crowd(self) -> None:
        """Leave all cores but one to others for a while."""
        self.crowded = monotonic()

    def rest(self) -> None:
        """Show the other processes that nobody here is at work any longer, if that is so."""
        with self.change:
            if not any(lane.seats for lane in self.lanes):
                self.board.show(0, monotonic())

    def close(self) -> None:
        """Stop all work; the lanes end after the pass that they are in, and free what they hold."""
        with self.change:
            self.closed = True
            seats = [*self.waiting, *(seat for lane in self.lanes for seat in lane.seats)]
            self.waiting.clear()
            self.change.notify_all()
        for seat in seats:
            seat.job.stop()
        end = monotonic() + CLOSING_SECONDS
        for lane in self.lanes:
            lane.join(max(0.0, end - monotonic()))


class Lane(Thread):
    """A thread that owns a batch of `most` rows. `seats` stand in the order of the batch's rows, under the desk's lock."""

    def __init__(self, desk: LaneDesk, place: int, most: int) -> None:
        super().__init__(name=f"{desk.name} lane", daemon=True)
        self.desk, self.place, self.most = desk, place, most
        self.seats: list[Seat] = []
        self.table: Table | None = None
        self.prompt_tokens = self.reused_tokens = 0

    def run(self) -> None:
        """Go from pass to pass until the desk is closed."""
        while (fresh := self._admitted()) is not None:
            caught(partial(self._go, fresh), self._break)
        self.seats, self.table = [], None

    def _admitted(self) -> list[Seat] | None:
        """Wait until there is something to do; return the works that begin now, None where the desk is closed."""
        with self.desk.change:
            while not self.desk.closed:
                fresh = list(self._due())
                self.seats += fresh
                if fresh and self.desk.waiting:
                    self.desk.change.notify_all()  # what another lane had left to this one may now be its own
                if self.seats:
                    return fresh
                # What is left to another lane is looked at again: that work may be stopped, or what it read be gone, and nobody tells.
                self.desk.change.wait(LOOKED_AGAIN_SECONDS if self.desk.waiting else None)
            return None

    def _due(self) -> Iterator[Seat]:
        """Take what waits, in order, up to this lane's share of all work; what another lane has begun to read is left to it."""
        desk, taken = self.desk, len(self.seats)
        while desk.waiting and desk.waiting[0].job.over:
            desk.waiting.popleft()
        while desk.waiting and taken < self.most:
            work = len(desk.waiting) + taken - len(self.seats) + sum(len(lane.seats) for lane in desk.lanes)
            share = -(-work // len(desk.lanes))
            if taken >= share or self._another_takes(desk.waiting[0], share):
                return
            seat = desk.waiting.popleft()
            if not seat.job.over:
                taken += 1
                yield seat

    def _another_takes(self, seat: Seat, share: int) -> bool:
        """Say whether the work is another lane's, which has room: one that has read much more of its prompt, or else has less to do.

        Of like ones it is the first's, so that the work of one client stays with the first lane, and with its threads. That is one order of
        all lanes, so one of them takes it.
        """
        prompt = seat.answering.writing.prompt
        others = [lane for lane in self.desk.lanes if lane is not self and len(lane.seats) < min(share, lane.most)]
        return any(lane.claim(prompt) > self.claim(prompt) for lane in others)

    def claim(self, prompt: Sequence[int]) -> tuple[int, int, int]:
        """Return how good a claim this lane has to a prompt; the greatest takes it."""
        return self.kin(prompt) // NEARER, -len(self.seats), -self.place

    def kin(self, prompt: Sequence[int]) -> int:
        """Return how many of the prompt's first tokens some row here has read."""
        return self.table.kin(prompt) if self.table is not None else 0

    def _go(self, fresh: list[Seat]) -> None:
        """Seat the `fresh` ones, read one pass, tell, and let go what is finished or stopped."""
        if self.table is None:
            self.table = self.desk.engine.table(self.most)
        for seat in fresh:
            prompt = seat.answering.writing.prompt
            known = self.table.join(prompt)
            seat.answering.writing.known_already(known)
            self.prompt_tokens += len(prompt)
            self.reused_tokens += known
        if any(seat.job.over or seat.answering.writing.finished for seat in self.seats):
            self._leave(self.table)
        if self.seats:
            # Helping threads belong to the one that they help and never end: those of a second lane would crowd the machine.
            self.table.use_machine(self.desk.lonely(self))
            advance(self.table, [seat.answering.writing for seat in self.seats], self.desk.pass_tokens)
            for seat in self.seats:
                caught(seat.answering.tell, seat.job.fail)
            self._leave(self.table)
        if not self.seats:
            self.desk.rest()

    def _leave(self, table: Table) -> None:
        """Close up the rows, and settle what is finished: whoever waited for it finds its row free."""
        for seat in self.seats:
            seat.answering.writing.halted = seat.job.over
        finished = [seat for seat in self.seats if seat.answering.writing.finished]
        if not finished:
            return
        going = close_up(table, [seat.answering.writing for seat in self.seats])
        with self.desk.change:
            self.seats = [self.seats[place] for place in going]
        for seat in finished:
            self._settle(seat)

    def _settle(self, seat: Seat) -> None:
        """End a work; a stopped one has ended."""
        error = seat.answering.writing.error
        if error is not None:
            seat.job.fail(error)
        elif not seat.job.over:
            caught(lambda: seat.job.settle(seat.answering.reply()), seat.job.fail)

    def _break(self, error: Exception) -> None:
        """Give an error of the model itself to every work of this lane; the next one finds a new batch."""
        with self.desk.change:
            seats, self.seats, self.table = self.seats, [], None
            self.desk.change.notify_all()  # another lane left work to what was read here
        self.desk.rest()
        for seat in seats:
            seat.job.fail(error)
