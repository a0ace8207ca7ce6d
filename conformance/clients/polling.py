"""Repeated requests until a time limit, of which there are few however long that is."""

from __future__ import annotations

import time
from collections.abc import Iterator

MOST_PAUSES = 24


def tries(until: float, pause_s: float) -> Iterator[bool]:
    """Yield, until the monotonic time ``until``, whether it is over: at once, and after each pause.

    Only a request that is sent after that time shows what holds then, so the last try begins after it. Pauses are
    longer for a longer time, so that no target gets more than 26 tries.
    """
    pause_s = max(pause_s, (until - time.monotonic()) / MOST_PAUSES)
    over = False
    while not over:
        over = time.monotonic() >= until
        yield over
        if not over:
            time.sleep(pause_s)
