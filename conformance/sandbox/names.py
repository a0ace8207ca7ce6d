"""Names for a run's resources: ``cf-<run>-<worker>-<n>x``, short, lower case, unique.

The run id contains the start time, so that the run and the age of leftovers are known. The final letter keeps name 1
from being a prefix of name 10: a check that searches a response for the one must not find the other.
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
"""A name with an earlier time (seconds since the epoch) is not ours."""


@dataclass
class Names:
    """Makes names for one worker of one run. ``run`` is eleven characters: time in base 36, then random ones.

    ``made`` counts the names so far; if it is set back, the same names are made again.
    """

    run: str
    worker: str
    made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prefix(self) -> str:
        """The prefix of every name of this worker."""
        return f"{PREFIX}{self.run}-{self.worker}-"

    def new(self, hint: str = "") -> str:
        """Return a new name, with the hint appended."""
        with self._lock:
            self.made += 1
            name = f"{self.prefix}{self.made}x"
        return f"{name}-{hint}" if hint else name


def new_run() -> str:
    """Return the id of a run that begins now."""
    return f"{base36(int(time.time())).rjust(7, '0')}{secrets.token_hex(2)}"


def run_of(name: str) -> str | None:
    """Return the run that made a name; None if no run of this suite did."""
    found = OURS.match(name)
    if found is None or not FIRST_RUN <= int(found["time"], 36) <= time.time() + 24 * 3600:
        return None
    return found["run"]


def begun(run: str) -> int:
    """Return when a run began, in seconds since the epoch."""
    return int(run[:7], 36)


def base36(number: int) -> str:
    """Return a number in base 36, lower case."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"
