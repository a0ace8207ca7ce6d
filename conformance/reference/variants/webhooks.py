"""Variants of webhooks."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant


@variant(surface="webhooks")
def event_answered_with200(accepted: Callable[[], Answer]) -> Answer:
    """200 with another body: the contract requires that events are accepted, but does not specify the response."""
    return Answer.json(200, {"status": "ok"})


@variant(surface="webhooks")
def event_answered_with204(accepted: Callable[[], Answer]) -> Answer:
    """204 without a body (RFC 9110 section 15.3.5)."""
    return Answer(204)


@variant(surface="webhooks")
def unknown_webhook_is401(unknown_url: Callable[[], Answer]) -> Answer:
    """401 for an unknown URL: wrong credentials, since the URL is the secret."""
    return Answer.json(401, {"error": "unauthorized"}, WWW_Authenticate='WebhookURL realm="reference"')


@variant(surface="webhooks")
def everything_but_post_is404(method_refused: Callable[[Request], Answer], request: Request) -> Answer:
    """404 for other methods at every URL, live or not, instead of 405."""
    return Answer.json(404, {"error": "not found"})


@variant(without=("webhooks.strict-json",), surface="webhooks")
def events_read_later(claims_json: Callable[[Request], bool], request: Request) -> bool:
    """Bodies are not parsed on receipt: malformed JSON is accepted like any other bytes."""
    return False


class RotatedUrlIsGone(Variant):
    """RFC 9110 section 15.5.11: 410 for a URL that was rotated."""

    surface = "webhooks"
    misses = ("webhooks/rotation/old-url-is-answered-as-unknown",)

    def __init__(self) -> None:
        self.live: set[str] = set()

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        self.live |= {request.raw_path} if answer.status == 202 else set()
        return Answer.json(410, {"error": "gone"}) if answer.status == 404 and request.raw_path in self.live else answer
