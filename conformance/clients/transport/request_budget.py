"""The rate and the number of requests of a run, and the number of requests of each check.

A run's processes on this machine share the first two. No check can flood a target, whatever the target answers: each
check, and each example of a property, has a bound, which the client enforces.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from pathlib import Path

SHARED = struct.Struct("dQ")
"""The time of the next free slot, and the number of requests so far."""
FILE_NAME = ".requests"
PER_CHECK = 200
"""The most requests of a check that declares no other number."""
FURTHER_PER_S = 5
"""The further requests of a check for each second that it takes: it may have to wait for the target and ask again."""
PREPARATION = 2500
"""The most requests of the fixtures that a check needs: many checks share them."""


class BoundExceeded(BaseException):
    """A check sends more requests than it declares. No check may catch it: it is an error of the suite."""


class RunBoundReached(KeyboardInterrupt):
    """The run has sent all of its requests, and ends as after an interrupt."""


class RequestBudget:
    """Admits each request: after a wait for its slot, and within the bounds of its check and of the run.

    ``rate`` is requests per second, ``most`` the requests of the run; None for no limit. Processes that share a file
    ``book`` share both, since the monotonic clock is the same for all processes of a machine.
    """

    def __init__(self, rate: float | None = None, book: Path | None = None, most: int | None = None) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._book, self._most = book, most
        self._file: int | None = None
        self._next, self._sent = 0.0, 0
        self._lock = threading.Lock()
        self.exceeded: BoundExceeded | None = None
        self.begin_phase("", None)

    def begin_phase(self, what: str, most: int | None) -> None:
        """Begin to count the requests of a check or of its preparation; None for no bound, as during clean-up."""
        self._what, self._bound, self.exceeded = what, most, None
        self.begin_example()

    def begin_example(self) -> None:
        """Count anew: a bound holds for each example of a property."""
        self._counted, self._begun = 0, time.monotonic()

    def admit_repeat(self) -> None:
        """Leave the next request out of the count of a check: it repeats one for which the target asked to wait."""
        with self._lock:
            self._counted -= 1

    def end_run(self) -> None:
        """Remove all bounds, since only the clean-up follows."""
        self.begin_phase("", None)
        self._most = None

    def wait(self) -> None:
        """Wait until the next request may be sent. Raises BoundExceeded, and RunBoundReached."""
        with self._lock:
            self._count()
            if not self._gap and self._most is None:
                return
            slot, sent = self._from_book(self._book) if self._book else self._taken(self._next, self._sent)
        if self._most is not None and sent > self._most:
            raise RunBoundReached(f"{self._most:,} requests")
        wait = slot - time.monotonic()
        if wait > 0:
            time.sleep(wait)

    def _count(self) -> None:
        self._counted += 1
        further = FURTHER_PER_S * (time.monotonic() - self._begun)
        if self._bound is not None and self._counted > self._bound + further:
            # Noted too, since a library may hide it in a thread of its own.
            self.exceeded = BoundExceeded(
                f"{self._what} was ended: it sent more than {self._bound:,} requests, the most that it declares"
            )
            raise self.exceeded

    def _taken(self, free: float, sent: int) -> tuple[float, int]:
        """Take the first free slot from now on; return it with the number of requests so far."""
        slot = max(time.monotonic(), free)
        self._next, self._sent = slot + self._gap, sent + 1
        return slot, self._sent

    def _from_book(self, book: Path) -> tuple[float, int]:
        if self._file is None:
            self._file = os.open(book, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            written = os.pread(self._file, SHARED.size, 0)
            taken = self._taken(*(SHARED.unpack(written) if len(written) == SHARED.size else (0.0, 0)))
            os.pwrite(self._file, SHARED.pack(self._next, self._sent), 0)
            return taken
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def requests_of(book: Path) -> int:
    """Return how many requests the processes that share a file sent, as far as a bound made them count."""
    try:
        return int(SHARED.unpack(book.read_bytes())[1])
    except (OSError, struct.error):
        return 0
