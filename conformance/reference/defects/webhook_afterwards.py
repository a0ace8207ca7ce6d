"""Defects of the webhooks surface that show in the next delivery, or in the second of two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request


class _ShutOnce(Defect):
    """Refuses the one delivery behind an answer of ``status`` (a worker that has to be begun anew)."""

    surface = "webhooks"
    status: ClassVar[int] = 0

    def __init__(self) -> None:
        self.shut = False

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        if self.shut:
            self.shut = False
            return Answer.json(503, {"error": "unavailable"})
        answer = original(request)
        self.shut = answer.status == self.status
        return answer


class NextBehindMalformedRefused(_ShutOnce):
    """API Reference, Webhooks: POST requests are accepted, also the next behind one that was no JSON."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/errors/malformed-json-is-refused#comment",
        "webhooks/errors/malformed-json-is-refused#cut",
        "webhooks/errors/malformed-json-is-refused#in-other-case",
        "webhooks/errors/malformed-json-is-refused#line-in-a-text",
        "webhooks/errors/malformed-json-is-refused#nearly-by-its-bytes",
        "webhooks/errors/malformed-json-is-refused#nearly-by-its-numbers",
        "webhooks/errors/malformed-json-is-refused#single-quotes",
        "webhooks/errors/malformed-json-is-refused#trailing-comma",
    )
    status = 400


class NextBehindTooLargeRefused(_ShutOnce):
    """API Reference, Webhooks: POST requests are accepted, also the next behind one that was too large."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/too-large-is-refused-as-such",)
    status = 413


class EqualEventRefused(Defect):
    """API Reference, Webhooks: POST requests are accepted; what happens a second time is no mistake of its sender's."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/equal-events-are-two",)

    def __init__(self) -> None:
        self.last = b""

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        equal, self.last = request.body == self.last and b"mark" in self.last, request.body
        return Answer.json(409, {"error": "duplicate event"}) if equal else original(request)


class DeliveriesAtOnceAreTooMany(Defect):
    """API Reference, Webhooks: POST requests are accepted, a dozen at one moment too."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/reaches-the-workspace",)

    def __init__(self) -> None:
        self.at_work = 0

    async def handle(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        if self.at_work >= 4:
            return Answer.json(503, {"error": "busy"})
        self.at_work += 1
        await asyncio.sleep(0.05)
        self.at_work -= 1
        return await original(request)


class RotationChangesNothing(Defect):
    """API Reference, Webhooks: a URL that was exposed is replaced by rotation, and not given out again."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def rotate(self, original: Callable[[], str]) -> str:
        return surface_of(original).url_path


class _RotationShutsWebhook(Defect):
    """API Reference, Webhooks: incoming webhooks accept requests at the generated URL, at a new one from its start."""

    surface = "webhooks"

    def __init__(self) -> None:
        self.rotated = ""

    def rotate(self, original: Callable[[], str]) -> str:
        self.rotated = original()
        return self.rotated

    def organization_of(self, original: Callable[[str], str | None], raw_path: str) -> str | None:
        return None if raw_path == self.rotated else original(raw_path)


class FirstBehindRotationIsLost(Defect):
    """API Reference, Webhooks: requests are accepted at the generated URL; here the first at a new one is lost."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        self.rotated = False

    def rotate(self, original: Callable[[], str]) -> str:
        self.rotated = True
        return original()

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        rotated, self.rotated = self.rotated, False
        if not rotated:
            original(organization, request)


class NewUrlUnknownToOneServer(_RotationShutsWebhook):
    """API Reference, Webhooks: the same of one server in three, which has not heard of the rotation and never does."""

    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def organization_of(self, original: Callable[[str], str | None], raw_path: str) -> str | None:
        self.asked += raw_path == self.rotated
        return original(raw_path) if self.asked % 3 else super().organization_of(original, raw_path)


class AcceptedBeforeItHasCome(Defect):
    """RFC 9112 section 6.3: a message of which a part is still to come is incomplete, and no event to accept."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/cut-off-is-not-taken-in",)
    impatient = True

    async def refused_early(
        self, original: Callable[[Request], Awaitable[Answer | None]], request: Request
    ) -> Answer | None:
        surface = surface_of(original)
        known = request.method == "POST" and surface.organization_of(request.raw_path)
        return surface.accepted() if known else await original(request)
