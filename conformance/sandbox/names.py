"""Names of a run's own: ``cf-<run>-<worker>-<n>x``, short, lower case, never the same twice.

A name contains the run that made it and when that began, so that leftovers can be attributed and their age is known.
The letter ends the number: without it the first name would begin the tenth, and a check that looks for the first in an
answer would find it where the tenth stands.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from dataclasses import dataclass, field

PREFIX = "cf-"
OURS = re.compile(r"^cf-(?P<run>(?P<time>[0-9a-z]{7})[0-9a-f]{4})-(?:w\d*|serial|last)-\d+(?!\d)")
FIRST_RUN = 1_700_000_000
"""Seconds since the epoch before which there was no run: a name with an earlier time is not ours."""


@dataclass
class Names:
    """Makes names for one worker of one run. ``run`` is eleven characters: time in base 36, then chance.

    ``made`` is how many there are so far; set back to what it was, the same names are made once more.
    """

    run: str
    worker: str
    made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prefix(self) -> str:
        """What every name of this worker begins with."""
        return f"{PREFIX}{self.run}-{self.worker}-"

    def new(self, hint: str = "") -> str:
        """A new name; the hint is put behind it."""
        with self._lock:
            self.made += 1
            name = f"{self.prefix}{self.made}x"
        return f"{name}-{hint}" if hint else name


def new_run() -> str:
    """The id of a run that begins now."""
    return f"{base36(int(time.time())).rjust(7, '0')}{secrets.token_hex(2)}"


def run_of(name: str) -> str | None:
    """The run that made a name, or None where it is no name of ours."""
    found = OURS.match(name)
    if found is None or not FIRST_RUN <= int(found["time"], 36) <= time.time() + 24 * 3600:
        return None
    return found["run"]


def begun(run: str) -> int:
    """When a run began, in seconds since the epoch."""
    return int(run[:7], 36)


def base36(number: int) -> str:
    """A number in base 36, lower case."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"
