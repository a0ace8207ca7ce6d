"""Helpers that defects and variants of several surfaces share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from conformance.reference.http import Answer, Request


def server_error_page() -> Answer:
    """Return the response of a handler that crashed."""
    return Answer(500, b"Internal Server Error")


class FourAtATime:
    """Handles requests, each after 50 ms, and refuses those beyond four at a time."""

    def __init__(self) -> None:
        self.running = 0

    async def handle(self, handler: Callable[[Request], Awaitable[Answer]], request: Request, error: str) -> Answer:
        """Return the handler's response, or 503 with this error."""
        if self.running >= 4:
            return Answer.json(503, {"error": error})
        self.running += 1
        await asyncio.sleep(0.05)
        self.running -= 1
        return await handler(request)


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
