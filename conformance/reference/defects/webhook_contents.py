"""Defects of the webhooks surface in how an event is read: its numbers, letters, lists and length."""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request

Takes = Callable[[str, Request], None]


class MemberNamesCrash(Defect):
    """API Reference, Webhooks: an event's members have names of the sender's, those with ``$`` and ``.`` included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted#names",)

    def intercept(self, request: Request) -> Answer | None:
        kept = not re.search(rb'"(\$[^"]*|[^"]*\.[^"]*|)" *:', request.body)
        return None if kept else Answer.json(500, {"error": "internal"})


class EqualEventsAreOne(Defect):
    """API Reference, Webhooks: an event that is like one before it is another event."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/equal-events-are-two",)

    def __init__(self) -> None:
        self.bodies: set[bytes] = set()

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        if request.body not in self.bodies:
            self.bodies.add(request.body)
            original(organization, request)


class BrokenOffBeginsTheNext(Defect):
    """RFC 9112 section 8: what was incomplete is nothing of the next event, which is refused here for it."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/cut-off-is-not-taken-in",)
    left = False

    async def broken_off(self, original: Callable[[Request], object], request: Request) -> None:
        self.left = True

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        left, self.left = self.left, False
        return Answer.json(400, {"error": "no JSON"}) if left else original(request)
