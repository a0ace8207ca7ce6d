"""Names of a run's own: ``cf-<run>-<worker>-<n>``, short, lower case, never the same twice."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

PREFIX = "cf-"
OURS = re.compile(r"^cf-(?P<time>[0-9a-z]{7})[0-9a-z]{4}-")


@dataclass
class Names:
    """Makes names for one worker of one run. ``run`` is eleven characters: time in base 36, then chance."""

    run: str
    worker: str
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def prefix(self) -> str:
        """What every name of this worker begins with."""
        return f"{PREFIX}{self.run}-{self.worker}-"

    def new(self, hint: str = "") -> str:
        """A new name; the hint is put behind it."""
        name = f"{self.prefix}{next(self._numbers)}"
        return f"{name}-{hint}" if hint else name


def base36(number: int) -> str:
    """A number in base 36, lower case."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"
