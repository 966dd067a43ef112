"""Measures the memory of this process and its children while a stage runs."""

import resource
import sys
import threading
from pathlib import Path
from types import TracebackType

SAMPLE_SECONDS = 0.5


class PeakMemory:
    """`with PeakMemory() as peak: ...; peak.peak_bytes`: the largest resident memory seen, summed over the family of processes.

    Where there is no /proc, it is the system's own maximum of this process plus that of its largest finished child.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        self.peak_bytes = max(self.peak_bytes, family_bytes() or _system_maximum())


def family_bytes() -> int:
    """Return the resident bytes of this process and all below it; 0 where the system has no /proc."""
    return sum(_resident(process) for process in _family("self"))


def _family(process: str) -> list[str]:
    found = [process]
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                found += _family(child)
        except OSError:  # the thread or process ended while we looked
            continue
    return found


def _resident(process: str) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _system_maximum() -> int:
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts KiB on Linux, bytes on macOS
    return unit * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
