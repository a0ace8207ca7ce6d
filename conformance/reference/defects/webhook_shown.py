"""Defects of the webhooks surface that show events, let callers in without the secret, or shut senders out by habit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import ORGANIZATION
from conformance.reference.webhooks import HIGHEST_BODY

Receive = Callable[[Request], Answer]


def last_text(original: Callable[..., object]) -> str:
    """The text of the event that was taken in last."""
    events = surface_of(original).events()
    return str(events[-1]["text"]) if events else ""


class AcceptedTellsTheEventBefore(Defect):
    """API Reference, Webhooks: events are sent into the workspace; who sends one is not told that of another."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/events-are-not-shown",)

    def receive(self, original: Receive, request: Request) -> Answer:
        before = last_text(original)
        answer = original(request)
        return Answer.json(202, {"accepted": True, "previous": before}) if answer.status == 202 else answer


class OtherMethodsShowTheLastEvent(Defect):
    """API Reference, Webhooks: events are sent into the workspace, and shown to nobody who has the URL alone."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/events-are-not-shown",)

    def method_refused(self, original: Receive, request: Request) -> Answer:
        return Answer.json(405, {"error": "only POST is accepted", "example": last_text(original)}, Allow="POST")


class EventByOptionsTakenIn(Defect):
    """RFC 9110 section 9.2.1: OPTIONS is safe; an event in its body is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/refused-is-not-taken-in",)

    def method_refused(self, original: Receive, request: Request) -> Answer:
        if request.method != "OPTIONS":
            return original(request)
        surface_of(original).take_in(ORGANIZATION, request)
        return Answer(204)


class ConditionFindsWebhook(Defect):
    """Credentials & Webhooks: a webhook has a unique URL, which is no part of a query of the database's."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/near-misses-are-refused",)

    def organization_of(self, original: Callable[[str], str | None], raw_path: str) -> str | None:
        return ORGANIZATION if re.search(r"' OR '(\w)'='\1$", unquote(raw_path)) else original(raw_path)


class LargeEventCutAndAccepted(Defect):
    """API Reference, Webhooks: an event is sent into the workspace, whole; one that is too large is refused."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def highest_body(self, original: Callable[[], int]) -> int:
        return 10 * original()

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        original(organization, replace(request, body=request.body[:HIGHEST_BODY]))


class EventsWithProgramsBlocked(Defect):
    """API Reference, Webhooks: POST requests are accepted, whatever is in an event (a firewall looks for attacks)."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.method == "POST" and b"<script" in request.body
        return Answer(403, body=b"Request blocked") if blocked else None


class LinkedFromElsewhereRefused(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, which may name a page of theirs."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(403, {"error": "forged request"}) if "referer" in request.headers else None


class ProgramsBlockedByName(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, which are programs, and say so."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.headers.get("user-agent", "").startswith(("Go-http-client", "Java/"))
        return Answer(403, body=b"Are you human?") if blocked else None
