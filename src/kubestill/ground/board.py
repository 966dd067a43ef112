"""Numbers that the processes of a group show each other: each writes its own row of a small file in memory, and all read all."""

import fcntl
import mmap
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

_BYTES = 8  # of a number


class Board:
    """`rows` processes at most, `width` numbers each, 0 at first. What is read of others is as old as their last write, and never torn.

    Who comes while all rows are taken shows nothing until one is free.
    """

    def __init__(self, width: int, rows: int = 1, file: Path | None = None) -> None:
        """`file` is made by whoever comes first; None: this process is alone. One board of a file a process: the kernel counts no more."""
        self.width, self._rows, self._row = width, range(rows), -1
        self._file: BinaryIO | None = None
        if file is None:
            return
        # Open as long as the board lives: its locks say which rows are taken, and end with the process.
        self._file = file.open("a+b")
        weakref.finalize(self, self._file.close)
        os.posix_fallocate(self._file.fileno(), 0, size := _BYTES * width * rows)  # room that is not there would kill who writes to it
        self._numbers: Any = memoryview(mmap.mmap(self._file.fileno(), size)).cast("d")
        self._take()

    def show(self, place: int, number: float) -> None:
        """Write a number of this process."""
        if self._file is not None and (self._row >= 0 or self._take()):
            self._numbers[self.width * self._row + place] = number

    def others(self) -> Sequence[Sequence[float]]:
        """Return the rows of the other processes that are there."""
        if self._file is None:
            return []
        starts = {row: self.width * row for row in self._rows if row != self._row and not self._free(row)}
        return [self._numbers[start : start + self.width].tolist() for start in starts.values()]

    def _take(self) -> bool:
        """Take a free row, with nothing in it, if there is one."""
        self._row = next((row for row in self._rows if self._lock(row)), -1)
        for place in range(self.width if self._row >= 0 else 0):
            self._numbers[self.width * self._row + place] = 0.0
        return self._row >= 0

    def _free(self, row: int) -> bool:
        if not self._lock(row):
            return False
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, row)  # type: ignore[arg-type]  # `_lock` has used it
        return True

    def _lock(self, row: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)  # type: ignore[arg-type]  # there is a file where there are rows
        except OSError:
            return False
        return True
