"""Defects of delivery.

They break these promises:

- POST to the webhook URL is accepted.
- An accepted event is delivered complete and exactly once.
"""

from __future__ import annotations

import dataclasses
import json
import re
from types import SimpleNamespace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import ORGANIZATION
from tests.defects.support.common import FourAtATime
from tests.defects.support.webhooks import surface_of

ROWS = (
    row(
        "senders-origin-refused",
        "Credentials & Webhooks: an event with an Origin field is refused as if a page's form had sent it.",
        "webhooks/delivery/valid-events-are-accepted#headers-origin",
        intercept=lambda request: Answer.json(403, {"error": "origin"}) if "origin" in request.headers else None,
    ),
    row(
        "senders-cookie-refused",
        "Credentials & Webhooks: an event with a Cookie field is refused as if a session had expired.",
        "webhooks/delivery/valid-events-are-accepted#headers-cookie",
        intercept=lambda request: Answer.json(403, {"error": "session"}) if "cookie" in request.headers else None,
    ),
    row(
        "expectation-refused",
        "RFC 9110 section 10.1.1: a request with Expect: 100-continue is refused with 417.",
        "webhooks/delivery/valid-events-are-accepted#headers-expect",
        intercept=lambda request: Answer(417) if "expect" in request.headers else None,
    ),
    row(
        "event-limit-too-low",
        "API Reference, Webhooks: an event above 64 KiB is refused, although the limit is 1 MiB.",
        "webhooks/delivery/valid-events-are-accepted#largest-body",
        highest_body=lambda original: 64 * 1024,
    ),
    row(
        "webhook-requests-unlimited",
        "API Reference, Error Handling: a webhook never answers 429, whatever the rate.",
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
    """API Reference, Webhooks: an event whose list of attachments contains null is answered with 500."""

    noticed_by = ("webhooks/delivery/valid-events-are-accepted#json-nulls",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == "application/json" and b'"attachments": [null]' in body


@defect("webhooks/delivery/valid-events-are-accepted#json-names")
def member_names_crash(request: Request) -> Answer | None:
    """API Reference, Webhooks: an event with a member name that contains ``$`` or ``.`` is answered with 500."""
    kept = not re.search(rb'"(\$[^"]*|[^"]*\.[^"]*|)" *:', request.body)
    return None if kept else Answer.json(500, {"error": "internal"})


def document_of(request: Request) -> Any:
    """Return the JSON value of an event, or an ellipsis if the body is not JSON."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return ...


@defect("webhooks/delivery/valid-events-are-accepted#json-known-senders")
def verification_of_the_url_refused(request: Request) -> Answer | None:
    """API Reference, Webhooks: an event that resembles a known sender's challenge, but lacks a member, is refused."""
    event = document_of(request)
    refused = isinstance(event, dict) and "challenge" in event and "team_id" not in event
    return Answer.json(400, {"error": "no team"}) if refused else None


@defect("webhooks/delivery/valid-events-are-accepted#json-markup")
def events_with_programs_blocked(request: Request) -> Answer | None:
    """API Reference, Webhooks: a firewall blocks events that contain ``<script``."""
    blocked = request.method == "POST" and b"<script" in request.body
    return Answer(403, body=b"Request blocked") if blocked else None


@defect("webhooks/delivery/valid-events-are-accepted#concurrent", state=lambda: SimpleNamespace(count=0))
def one_in_seven_refused(state: Any, request: Request) -> Answer | None:
    """API Reference, Webhooks: one POST in seven is answered with 503."""
    state.count += 1
    return Answer.json(503, {"error": "busy"}) if state.count % 7 == 0 else None


@defect("webhooks/delivery/chunked-is-accepted")
def chunked_event_refused(request: Request) -> Answer | None:
    """RFC 9112 section 7.1: an event in the chunked transfer coding is refused."""
    refused = "chunked" in request.headers.get("transfer-encoding", "")
    return Answer.json(400, {"error": "the body has no length"}) if refused else None


@defect("webhooks/delivery/valid-events-are-accepted#headers-curl,headers-python-requests")
def commands_blocked_by_name(request: Request) -> Answer | None:
    """Credentials & Webhooks: curl and python-requests are blocked by their User-Agent."""
    blocked = request.headers.get("user-agent", "").startswith(("curl/", "python-requests/"))
    return Answer(403, body=b"Are you human?") if blocked else None


@defect("webhooks/delivery/valid-events-are-accepted#headers-tracing")
def requests_with_a_referer_refused(request: Request) -> Answer | None:
    """Credentials & Webhooks: an event with a Referer field is refused as a forged request."""
    return Answer.json(403, {"error": "forged request"}) if "referer" in request.headers else None


@defect("webhooks/delivery/valid-events-are-accepted#headers-go-client")
def programs_blocked_by_name(request: Request) -> Answer | None:
    """Credentials & Webhooks: Go and Java clients are blocked by their User-Agent."""
    blocked = request.headers.get("user-agent", "").startswith(("Go-http-client", "Java/"))
    return Answer(403, body=b"Are you human?") if blocked else None


@defect("webhooks/delivery/valid-events-are-accepted#headers-authorization")
def senders_authorization_refused(request: Request) -> Answer | None:
    """Credentials & Webhooks: an event with an Authorization field is refused with 401."""
    return Answer.json(401, {"error": "unauthorized"}) if "authorization" in request.headers else None


@defect("webhooks/delivery/valid-events-are-accepted#media-type-parameters")
def blank_before_a_charset_refused(request: Request) -> Answer | None:
    """RFC 9110 section 5.6.6: a Content-Type with a blank before the semicolon is refused."""
    refused = " ;" in request.headers.get("content-type", "")
    return Answer.json(415, {"error": "unknown type"}) if refused else None


@defect("webhooks/delivery/post-is-accepted")
def webhook_accepts_forms_only(receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: only form events are accepted, not the other declared types."""
    live = request.method == "POST" and surface_of(receive).organization_of(request.raw_path)
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return receive(request) if form or not live else Answer.json(415, {"error": "forms alone"})


@defect("webhooks/delivery/arrives-byte-for-byte")
def event_trimmed(take_in: Any, organization: str, request: Request) -> None:
    """API Reference, Webhooks: white space at the ends of an event is removed before it is stored."""
    take_in(organization, dataclasses.replace(request, body=request.body.strip()))


@defect("webhooks/delivery/rejected-events-do-not-arrive#aborted", impatient=True)
async def accepted_before_it_has_come(refused_early: Any, request: Request) -> Answer | None:
    """RFC 9112 section 6.3: an event is accepted before its whole body has been received."""
    surface = surface_of(refused_early)
    known = request.method == "POST" and surface.organization_of(request.raw_path)
    return surface.accepted() if known else await refused_early(request)


class BrokenOffBeginsTheNext(Defect):
    """RFC 9112 section 8: the event after an incomplete one is refused."""

    noticed_by = ("webhooks/delivery/rejected-events-do-not-arrive#aborted",)
    left = False

    async def broken_off(self, original: Any, request: Request) -> None:
        self.left = True

    def receive(self, original: Any, request: Request) -> Answer:
        left, self.left = self.left, False
        return Answer.json(400, {"error": "no JSON"}) if left else original(request)


@defect("webhooks/delivery/rejected-events-do-not-arrive#aborted")
async def broken_off_event_accepted(broken_off: Any, request: Request) -> None:
    """RFC 9112 section 6.3: an event whose body is shorter than announced is accepted."""
    surface_of(broken_off).take_in(ORGANIZATION, request)


@defect("webhooks/delivery/accepted-events-arrive-once#equal-events", state=lambda: SimpleNamespace(last=b""))
def equal_event_refused(state: Any, receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: an event equal to the previous one is refused as a duplicate."""
    equal, state.last = request.body == state.last and b"mark" in state.last, request.body
    return Answer.json(409, {"error": "duplicate event"}) if equal else receive(request)


@defect("webhooks/delivery/accepted-events-arrive-once#equal-events", state=set)
def equal_events_are_one(bodies: set[bytes], take_in: Any, organization: str, request: Request) -> None:
    """API Reference, Webhooks: an event equal to an earlier one is accepted but not delivered."""
    if request.body not in bodies:
        bodies.add(request.body)
        take_in(organization, request)


@defect("webhooks/delivery/accepted-events-arrive-once#declared-types", state=FourAtATime)
async def concurrent_deliveries_are_too_many(four: FourAtATime, handle: Any, request: Request) -> Answer:
    """API Reference, Webhooks: more than four concurrent POST requests are refused with 503."""
    return await four.handle(handle, request, "busy")


@defect("webhooks/delivery/rejected-events-do-not-arrive#rejected")
def refused_method_accepted(receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: a request that is refused for its method is delivered as an event."""
    surface, answer = surface_of(receive), receive(request)
    organization = surface.organization_of(request.raw_path) if answer.status == 405 else None
    if organization is not None:
        surface.take_in(organization, request)
    return answer
