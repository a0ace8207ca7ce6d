"""The request rate of a run, shared by all of its processes on this machine."""

from __future__ import annotations

import fcntl
import struct
import threading
import time
from pathlib import Path

SLOT = struct.Struct("d")
FILE_NAME = ".pace"


class Pace:
    """Limits the rate of requests: ``rate`` is requests per second, None for no limit.

    Each request takes the next free slot. Processes that share a file ``book`` share the slots, since the monotonic
    clock is the same for all processes of a machine.
    """

    def __init__(self, rate: float | None = None, book: Path | None = None) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._book = book
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        if not self._gap:
            return
        with self._lock:
            slot = self._from_book(self._book) if self._book else self._taken(self._next)
        wait = slot - time.monotonic()
        if wait > 0:
            time.sleep(wait)

    def _taken(self, free: float) -> float:
        """Take the first free slot from now on."""
        slot = max(time.monotonic(), free)
        self._next = slot + self._gap
        return slot

    def _from_book(self, book: Path) -> float:
        with book.open("a+b") as file:
            # Closing the file releases the lock.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            written = file.read(SLOT.size)
            slot = self._taken(SLOT.unpack(written)[0] if len(written) == SLOT.size else 0.0)
            file.truncate(0)
            file.write(SLOT.pack(self._next))
            file.flush()
            return slot
