"""Defects of the webhooks surface that show events, let callers in without the secret, or shut senders out by habit."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request

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


class EventsWithProgramsBlocked(Defect):
    """API Reference, Webhooks: POST requests are accepted, whatever is in an event (a firewall looks for attacks)."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted#markup",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.method == "POST" and b"<script" in request.body
        return Answer(403, body=b"Request blocked") if blocked else None


class LinkedFromElsewhereRefused(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, which may name a page of theirs."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter#usual",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(403, {"error": "forged request"}) if "referer" in request.headers else None


class ProgramsBlockedByName(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, which are programs, and say so."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter#program",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.headers.get("user-agent", "").startswith(("Go-http-client", "Java/"))
        return Answer(403, body=b"Are you human?") if blocked else None
