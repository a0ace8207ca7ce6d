"""Helpers that defects and variants of several surfaces share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from conformance.reference.http import Answer


def server_error_page() -> Answer:
    """Return the response of a handler that crashed."""
    return Answer(500, b"Internal Server Error")


class Later:
    """Runs actions some seconds later, and keeps each task until it is done; later refusals are ignored."""

    def __init__(self, seconds: float, *refusals: type[Exception]) -> None:
        self.seconds, self.refusals = seconds, refusals
        self.under_way: set[asyncio.Task[None]] = set()

    def do(self, what: Callable[[], Awaitable[object]]) -> None:
        """Schedule an action."""
        task = asyncio.create_task(self._done(what))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _done(self, what: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(self.seconds)
        with contextlib.suppress(*self.refusals):
            await what()
