"""What processes show each other."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

from kubestill.ground.board import Board


def show(file: Path, connection: Connection) -> None:
    board = Board(2, 2, file)
    board.show(1, 7.5)
    connection.send(board.others())
    while connection.recv() != "end":
        board.show(1, 8.5)
        connection.send(board.others())


def test_each_writes_its_own_row_and_reads_the_others(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    mine = Board(2, 2, tmp_path / "board")
    assert mine.others() == []  # nobody is there yet
    mine.show(0, 1.0)
    ours, theirs = context.Pipe()
    other = context.Process(target=show, args=(tmp_path / "board", theirs))
    other.start()
    assert ours.recv() == [[1.0, 0.0]]
    assert mine.others() == [[0.0, 7.5]]
    third, its = context.Pipe()
    late = context.Process(target=show, args=(tmp_path / "board", its))
    late.start()
    assert third.recv() == [[1.0, 0.0], [0.0, 7.5]]  # one too many shows nothing, and takes no one's row
    assert mine.others() == [[0.0, 7.5]]
    other.kill()
    other.join()
    assert mine.others() == []  # a row is free when its process has gone, however it went
    third.send("again")
    assert third.recv() == [[1.0, 0.0]] and mine.others() == [[0.0, 8.5]]
    third.send("end")
    late.join()


def test_one_alone_has_no_others() -> None:
    board = Board(1)
    board.show(0, 3.0)
    assert board.others() == []
