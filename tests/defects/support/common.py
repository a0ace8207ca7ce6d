"""Helpers that defects and variants of several surfaces share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from conformance.reference.http import Answer


def server_error_page() -> Answer:
    """The answer of a handler that did not expect this."""
    return Answer(500, b"Internal Server Error")


class Later:
    """Does things so many seconds later, and holds each until it is done; a refusal by then concerns nobody."""

    def __init__(self, seconds: float, *refusals: type[Exception]) -> None:
        self.seconds, self.refusals = seconds, refusals
        self.under_way: set[asyncio.Task[None]] = set()

    def do(self, what: Callable[[], Awaitable[object]]) -> None:
        """Has it done."""
        task = asyncio.create_task(self._done(what))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _done(self, what: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(self.seconds)
        with contextlib.suppress(*self.refusals):
            await what()
