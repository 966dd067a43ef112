"""What a key may use a minute: token buckets in one small file, so that all workers count together."""

import fcntl
import mmap
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from kubestill.serving.api import Clock

MINUTE = 60.0
_ROW = struct.Struct("<ddd")  # requests left, tokens left, when that was (seconds on the monotonic clock, which processes share)


@dataclass(frozen=True)
class Left:
    """What a key has left of a limit, and in how many seconds it is whole again."""

    limit: int
    remaining: int
    reset_seconds: float

    def headers(self, of: str) -> dict[str, str]:
        """Return OpenAI's headers, `of` requests or tokens."""
        start = "x-ratelimit"
        return {
            f"{start}-limit-{of}": str(self.limit),
            f"{start}-remaining-{of}": str(max(0, self.remaining)),
            f"{start}-reset-{of}": f"{self.reset_seconds:.3f}s",
        }


class Limits:
    """Buckets of requests and of tokens for each key. A bucket holds a minute's worth and fills steadily; tokens are charged when an
    answer is there, so a bucket may be in debt.
    """

    def __init__(self, requests: int, tokens: int, keys: int, shared: Path | None = None, clock: Clock = time.monotonic) -> None:
        """`shared`: the folder of the workers, None: this process is alone. `keys` counts them; number 0 is who gave none."""
        self.requests, self.tokens, self._clock = requests, tokens, clock
        self._lock = Lock()  # a file's lock keeps out processes, not threads
        self._size = _ROW.size * (keys + 1)
        self._file = tempfile.TemporaryFile() if shared is None else (shared / "limits").open("a+b")  # noqa: SIM115 - closed by `close`
        with self._locked():
            if self._file.seek(0, 2) < self._size:
                self._file.truncate(0)
                self._file.write(_ROW.pack(requests, tokens, clock()) * (keys + 1))
                self._file.flush()
        self._memory = mmap.mmap(self._file.fileno(), self._size)

    def take(self, key: int) -> float:
        """Take a request from a key's bucket; return 0, or in how many seconds there will be one."""
        with self._locked():
            requests, tokens, now = self._filled(key)
            wait = 0.0
            if self.requests and requests < 1:
                wait = (1 - requests) * MINUTE / self.requests
            if self.tokens and tokens <= 0:
                wait = max(wait, (1 - tokens) * MINUTE / self.tokens)
            _ROW.pack_into(self._memory, key * _ROW.size, requests - (1 if self.requests and not wait else 0), tokens, now)
        return wait

    def charge(self, key: int, tokens: int) -> None:
        """Take the tokens of an answer."""
        if self.tokens and tokens:
            with self._locked():
                requests, left, now = self._filled(key)
                _ROW.pack_into(self._memory, key * _ROW.size, requests, left - tokens, now)

    def headers(self, key: int) -> dict[str, str]:
        """Return what a key has left, as headers; none where there is no limit."""
        with self._locked():
            requests, tokens, _ = self._filled(key)
        found: dict[str, str] = {}
        for of, limit, left in (("requests", self.requests, requests), ("tokens", self.tokens, tokens)):
            if limit:
                found |= Left(limit, int(left), (limit - left) * MINUTE / limit).headers(of)
        return found

    def close(self) -> None:
        """Close the file."""
        self._memory.close()
        self._file.close()

    def _filled(self, key: int) -> tuple[float, float, float]:
        """Return a bucket as full as it is by now."""
        requests, tokens, then = _ROW.unpack_from(self._memory, key * _ROW.size)
        now = self._clock()
        gone = max(0.0, now - then)
        return (
            min(float(self.requests), requests + gone * self.requests / MINUTE),
            min(float(self.tokens), tokens + gone * self.tokens / MINUTE),
            now,
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
