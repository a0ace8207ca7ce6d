"""Defects of delivery.

They break these promises:

- POST to the webhook URL is accepted.
- An accepted event is delivered complete and exactly once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import ORGANIZATION
from tests.defects.rows import row
from tests.defects.support.webhooks import surface_of

ROWS = (
    row(
        "senders-origin-refused",
        "Credentials & Webhooks: outside services send; a guard for the forms of one's own pages keeps them out.",
        "webhooks/delivery/valid-events-are-accepted#headers-origin",
        intercept=lambda request: Answer.json(403, {"error": "origin"}) if "origin" in request.headers else None,
    ),
    row(
        "senders-cookie-refused",
        "Credentials & Webhooks: outside services send; a cookie of theirs is no session of ours that has run out.",
        "webhooks/delivery/valid-events-are-accepted#headers-cookie",
        intercept=lambda request: Answer.json(403, {"error": "session"}) if "cookie" in request.headers else None,
    ),
    row(
        "expectation-refused",
        "RFC 9110 section 10.1.1: who would wait with a body is let send it, and not refused for that.",
        "webhooks/delivery/valid-events-are-accepted#headers-expect",
        intercept=lambda request: Answer(417) if "expect" in request.headers else None,
    ),
    row(
        "event-limit-too-low",
        "API Reference, Webhooks: an event of ordinary size is accepted, up to the limit of 1 MiB.",
        "webhooks/delivery/valid-events-are-accepted#largest-body",
        highest_body=lambda original: 64 * 1024,
    ),
    row(
        "webhook-requests-unlimited",
        "API Reference, Error Handling: above the limit a webhook answers 429.",
        "webhooks/errors/requests-are-limited",
        limit_of=lambda original, holder: None,
    ),
)


class _Fails(Defect):
    def intercept(self, request: Request) -> Answer | None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        fails = request.method == "POST" and self._trips(kind, request.body)
        return Answer.json(500, {"error": "internal"}) if fails else None

    def _trips(self, kind: str, body: bytes) -> bool:
        raise NotImplementedError


class EventOfNullsCrashes(_Fails):
    """API Reference, Webhooks: an event's members are its sender's, null in a list of attachments included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#json-nulls",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == "application/json" and b'"attachments": [null]' in body


class MemberNamesCrash(Defect):
    """API Reference, Webhooks: an event's members have names of the sender's, those with ``$`` and ``.`` included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#json-names",)

    def intercept(self, request: Request) -> Answer | None:
        kept = not re.search(rb'"(\$[^"]*|[^"]*\.[^"]*|)" *:', request.body)
        return None if kept else Answer.json(500, {"error": "internal"})


def document_of(request: Request) -> Any:
    """What an event says in JSON; an ellipsis where it is none."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return ...


class VerificationOfTheUrlRefused(Defect):
    """API Reference, Webhooks: POST requests are accepted (what a known sender's looks like must have all members)."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#json-known-senders",)

    def intercept(self, request: Request) -> Answer | None:
        event = document_of(request)
        refused = isinstance(event, dict) and "challenge" in event and "team_id" not in event
        return Answer.json(400, {"error": "no team"}) if refused else None


class EventsWithProgramsBlocked(Defect):
    """API Reference, Webhooks: POST requests are accepted, whatever is in an event (a firewall looks for attacks)."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#json-markup",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.method == "POST" and b"<script" in request.body
        return Answer(403, body=b"Request blocked") if blocked else None


class OneInSevenRefused(Defect):
    """API Reference, Webhooks: every POST to the generated URL is accepted, also when several come at once."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#concurrent",)

    def __init__(self) -> None:
        self.count = 0

    def intercept(self, request: Request) -> Answer | None:
        self.count += 1
        return Answer.json(503, {"error": "busy"}) if self.count % 7 == 0 else None


class ChunkedEventRefused(Defect):
    """RFC 9112 section 7.1: a recipient must be able to parse the chunked transfer coding."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/chunked-is-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        refused = "chunked" in request.headers.get("transfer-encoding", "")
        return Answer.json(400, {"error": "the body has no length"}) if refused else None


class CommandsBlockedByName(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, scripts among them."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/delivery/valid-events-are-accepted#headers-curl",
        "webhooks/delivery/valid-events-are-accepted#headers-python-requests",
    )

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.headers.get("user-agent", "").startswith(("curl/", "python-requests/"))
        return Answer(403, body=b"Are you human?") if blocked else None


class LinkedFromElsewhereRefused(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, which may name a page of theirs."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#headers-tracing",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(403, {"error": "forged request"}) if "referer" in request.headers else None


class ProgramsBlockedByName(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, which are programs, and say so."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#headers-go-client",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.headers.get("user-agent", "").startswith(("Go-http-client", "Java/"))
        return Answer(403, body=b"Are you human?") if blocked else None


class SendersAuthorizationRefused(Defect):
    """Credentials & Webhooks: outside services send; what they put into Authorization is not for us."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#headers-authorization",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(401, {"error": "unauthorized"}) if "authorization" in request.headers else None


class BlankBeforeACharsetRefused(Defect):
    """RFC 9110 section 5.6.6: blanks may stand before the semicolon of a parameter."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#media-type-parameters",)

    def intercept(self, request: Request) -> Answer | None:
        refused = " ;" in request.headers.get("content-type", "")
        return Answer.json(415, {"error": "unknown type"}) if refused else None


class WebhookTakesFormsAlone(Defect):
    """API Reference, Webhooks: events of each type that is declared are accepted, and not forms alone."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/post-is-accepted",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        live = request.method == "POST" and surface_of(original).organization_of(request.raw_path)
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return original(request) if form or not live else Answer.json(415, {"error": "forms alone"})


class EventTrimmed(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, byte for byte."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        original(organization, dataclasses.replace(request, body=request.body.strip()))


class AcceptedBeforeItHasCome(Defect):
    """RFC 9112 section 6.3: a message of which a part is still to come is incomplete, and no event to accept."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/rejected-events-do-not-arrive#aborted",)
    impatient = True

    async def refused_early(
        self, original: Callable[[Request], Awaitable[Answer | None]], request: Request
    ) -> Answer | None:
        surface = surface_of(original)
        known = request.method == "POST" and surface.organization_of(request.raw_path)
        return surface.accepted() if known else await original(request)


class BrokenOffBeginsTheNext(Defect):
    """RFC 9112 section 8: what was incomplete is nothing of the next event, which is refused here for it."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/rejected-events-do-not-arrive#aborted",)
    left = False

    async def broken_off(self, original: Callable[[Request], object], request: Request) -> None:
        self.left = True

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        left, self.left = self.left, False
        return Answer.json(400, {"error": "no JSON"}) if left else original(request)


class BrokenOffEventTakenIn(Defect):
    """RFC 9112 section 6.3: a message of which less came than was announced is incomplete."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/rejected-events-do-not-arrive#aborted",)

    async def broken_off(self, original: Callable[[Request], object], request: Request) -> None:
        surface_of(original).take_in(ORGANIZATION, request)


class EqualEventRefused(Defect):
    """API Reference, Webhooks: POST requests are accepted; what happens a second time is no mistake of its sender's."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/accepted-events-arrive-once#equal-events",)

    def __init__(self) -> None:
        self.last = b""

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        equal, self.last = request.body == self.last and b"mark" in self.last, request.body
        return Answer.json(409, {"error": "duplicate event"}) if equal else original(request)


class EqualEventsAreOne(Defect):
    """API Reference, Webhooks: an event that is like one before it is another event."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/accepted-events-arrive-once#equal-events",)

    def __init__(self) -> None:
        self.bodies: set[bytes] = set()

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        if request.body not in self.bodies:
            self.bodies.add(request.body)
            original(organization, request)


class DeliveriesAtOnceAreTooMany(Defect):
    """API Reference, Webhooks: POST requests are accepted, a dozen at one moment too."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/accepted-events-arrive-once#declared-types",)

    def __init__(self) -> None:
        self.at_work = 0

    async def handle(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        if self.at_work >= 4:
            return Answer.json(503, {"error": "busy"})
        self.at_work += 1
        await asyncio.sleep(0.05)
        self.at_work -= 1
        return await original(request)


class RefusedMethodTakenIn(Defect):
    """API Reference, Webhooks: what is refused for its method has not arrived."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/rejected-events-do-not-arrive#rejected",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        surface, answer = surface_of(original), original(request)
        organization = surface.organization_of(request.raw_path) if answer.status == 405 else None
        if organization is not None:
            surface.take_in(organization, request)
        return answer
