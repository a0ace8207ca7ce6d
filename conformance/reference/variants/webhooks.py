"""Variants of webhooks."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request


class EventAnsweredWith200(Variant):
    """200 with another body: the contract says that events are accepted, not how that is told."""

    surface = "webhooks"

    def accepted(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(200, {"status": "ok"})


class EventAnsweredWith204(Variant):
    """204 without a body (RFC 9110 section 15.3.5)."""

    surface = "webhooks"

    def accepted(self, original: Callable[[], Answer]) -> Answer:
        return Answer(204)


class UnknownWebhookIs401(Variant):
    """401 where the URL is none: wrong credentials, since the URL is the secret."""

    surface = "webhooks"

    def unknown_url(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(401, {"error": "unauthorized"}, WWW_Authenticate='WebhookURL realm="reference"')


class EverythingButPostIs404(Variant):
    """404 for other methods at every URL, live or not, in place of 405."""

    surface = "webhooks"

    def method_refused(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        return Answer.json(404, {"error": "not found"})


class EventsReadLater(Variant):
    """Bodies are not looked into when they come: malformed JSON is accepted like any other bytes."""

    surface = "webhooks"
    without = ("webhooks.strict-json",)

    def claims_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return False


class RotatedUrlIsGone(Variant):
    """RFC 9110 section 15.5.11: 410 where a URL was, and is no more."""

    surface = "webhooks"
    misses = ("webhooks/rotation/old-url-is-answered-as-unknown",)

    def __init__(self) -> None:
        self.live: set[str] = set()

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        self.live |= {request.raw_path} if answer.status == 202 else set()
        return Answer.json(410, {"error": "gone"}) if answer.status == 404 and request.raw_path in self.live else answer
