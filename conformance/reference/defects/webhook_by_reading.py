"""Defects of the webhooks surface that reading the checks has thought of: what is worked on later than it came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import ORGANIZATION

LATER_S = 0.4


class _ToldLater(Defect):
    """Events are told a while after they were first looked for, as what is worked on by and by."""

    def __init__(self) -> None:
        self.seen_at: dict[int, float] = {}

    def events(self, original: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        now = time.monotonic()
        return [each for each in original() if now - self.seen_at.setdefault(id(each), now) >= LATER_S]


class BrokenOffEventTakenInLater(_ToldLater):
    """RFC 9112 section 6.3: a message of which less came than was announced is incomplete, also a moment later."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/cut-off-is-not-taken-in",)

    async def broken_off(self, original: Callable[[Request], object], request: Request) -> None:
        surface_of(original).take_in(ORGANIZATION, request)


class RefusedEventTakenInLater(_ToldLater):
    """API Reference, Webhooks: an event that was refused is not taken in, nor when others are worked on."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/refused-is-not-taken-in",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        if answer.status == 400:
            surface_of(original).take_in(ORGANIZATION, request)
        return answer
