"""What every surface of the reference is: an object that answers requests, state in memory.

Decisions worth breaking are small public methods, so that a defect can override one of them while the
clean code knows nothing of defects. Anything that reads state and then changes it is ``async`` from the
read to the write, so that a defect can put a pause in between.
"""

from __future__ import annotations

from typing import ClassVar

from conformance.reference.http import Answer, Request


class Surface:
    """One surface (``identity``, ``registry``, ``storage``, ``webhooks``)."""

    name: ClassVar[str]

    async def handle(self, request: Request) -> Answer:
        """Answers one request; raises nothing."""
        raise NotImplementedError

    async def refused_early(self, request: Request) -> Answer | None:
        """A refusal that the head of a request decides, whose caller waits with the body; None to go on."""
        return None

    async def under_way(self, request: Request) -> None:
        """What becomes of a request whose body is yet to come. Nothing does."""

    async def broken_off(self, request: Request) -> None:
        """What becomes of a request whose caller went away; ``body`` is what had come of it. Nothing does."""

    def reset(self) -> None:
        """Puts the state back to what it was at the start."""
        raise NotImplementedError

    def contents(self) -> list[str]:
        """What callers have put there and could take away again, by name."""
        return []
