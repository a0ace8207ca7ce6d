"""Sliding windows of requests, one for each limited credential."""

from __future__ import annotations

import math
import time
from collections import deque

Limit = tuple[int, float]
"""A number of requests, and the seconds in which they are permitted."""


class Windows:
    """Counts requests by name."""

    def __init__(self) -> None:
        self._counted: dict[str, deque[float]] = {}

    def retry_after(self, name: str, limit: Limit | None) -> int:
        """Count a request and return 0, or return the whole seconds to wait if the limit is reached."""
        if limit is None:
            return 0
        requests, seconds = limit
        window, now = self._counted.setdefault(name, deque()), time.monotonic()
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) >= requests:
            return max(1, math.ceil(window[0] + seconds - now))
        window.append(now)
        return 0
