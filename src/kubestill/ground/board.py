"""Numbers that the processes of a group show each other: each writes its own row of a small file in memory, and all read all."""

import fcntl
import mmap
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

_BYTES = 8  # of a number


class Board:
    """`rows` processes at most, `width` numbers each, 0 at first. What is read of others is as old as their last write, and never torn."""

    def __init__(self, width: int, rows: int = 1, file: Path | None = None) -> None:
        """`file` is made by whoever comes first; None: this process is alone. One board of a file a process: the kernel counts no more."""
        self.width, self._own = width, 0
        if file is None:
            self._numbers: Any = memoryview(bytearray(_BYTES * width)).cast("d")
            return
        opened = file.open("a+b")  # as long as the board lives: the lock says that a row is taken, and ends with the process
        if opened.seek(0, 2) < (size := _BYTES * width * rows):
            opened.truncate(size)
        self._numbers = memoryview(mmap.mmap(opened.fileno(), size)).cast("d")
        self._own = width * next((row for row in range(rows) if _taken(opened, row)), 0)  # one too many shares the first
        weakref.finalize(self, opened.close)
        for place in range(width):
            self.show(place, 0.0)

    def show(self, place: int, number: float) -> None:
        """Write a number of this process."""
        self._numbers[self._own + place] = number

    def others(self) -> Sequence[Sequence[float]]:
        """Return the rows of the other processes, also of those that are not there yet."""
        starts = range(0, len(self._numbers), self.width)
        return [self._numbers[start : start + self.width].tolist() for start in starts if start != self._own]


def _taken(file: BinaryIO, row: int) -> bool:
    """Take a row unless a process that lives has it."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
    except OSError:
        return False
    return True
