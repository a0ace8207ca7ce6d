"""The base of the reference's surfaces: an object that responds to requests, with its state in memory.

Each decision that a defect may break is a small public method, so that a defect can replace it and the clean code needs
no knowledge of defects. Read-modify-write operations are ``async``, so that a defect can pause in between.
"""

from __future__ import annotations

from typing import ClassVar

from conformance.reference.http import Answer, Request


class Surface:
    """A surface (``identity``, ``registry``, ``storage``, ``webhooks``)."""

    name: ClassVar[str]

    async def handle(self, request: Request) -> Answer:
        """Return the response to a request; raises nothing."""
        raise NotImplementedError

    async def refused_early(self, request: Request) -> Answer | None:
        """Return a refusal before a client sends the body (100-continue), or None to continue."""
        return None

    async def under_way(self, request: Request) -> None:
        """Handle the head of a request before its body is received. Does nothing."""

    async def broken_off(self, request: Request) -> None:
        """Handle a request whose client disconnected, with the received part of its body. Does nothing."""

    def reset(self) -> None:
        """Reset the state to that at the start."""
        raise NotImplementedError

    def contents(self) -> list[str]:
        """Return the names of what callers stored."""
        return []
