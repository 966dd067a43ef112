"""What processes show each other."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

from kubestill.ground.board import Board


def show(file: Path, connection: Connection) -> None:
    board = Board(2, 3, file)
    board.show(1, 7.5)
    connection.send("shown")
    connection.recv()


def test_each_writes_its_own_row_and_reads_the_others(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    mine = Board(2, 3, tmp_path / "board")
    assert mine.others() == [[0.0, 0.0], [0.0, 0.0]]
    mine.show(0, 1.0)
    ours, theirs = context.Pipe()
    other = context.Process(target=show, args=(tmp_path / "board", theirs))
    other.start()
    assert ours.recv() == "shown"
    assert mine.others() == [[0.0, 7.5], [0.0, 0.0]]
    other.kill()
    other.join()
    # A row is free again when its process has gone, however it went; the next one begins with nothing in it.
    again = context.Process(target=show, args=(tmp_path / "board", theirs))
    again.start()
    assert ours.recv() == "shown"
    assert mine.others() == [[0.0, 7.5], [0.0, 0.0]]
    ours.send("end")
    again.join()


def test_one_alone_has_no_others() -> None:
    board = Board(1)
    board.show(0, 3.0)
    assert board.others() == []
