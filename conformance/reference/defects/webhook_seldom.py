"""Defects of the webhooks surface that seldom events or callers alone meet: what is nearly JSON, links, browsers."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request


class EventsTakenInAboveTheUrl(Defect):
    """Credentials & Webhooks: the unique URL takes events, and no collection above it does."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/url-without-secret-takes-nothing",)

    def intercept(self, request: Request) -> Answer | None:
        above = request.method == "POST" and request.raw_path == "/hooks"
        return Answer.json(201, {"id": secrets.token_hex(8)}) if above else None


class BrowsersAreShownTheUrl(Defect):
    """API Reference, Webhooks: the URL is secret: no page for people repeats it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#get",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405 and "text/html" in request.headers.get("accept", ""):
            answer.body = f"<pre>Cannot {request.method} {request.raw_path}</pre>".encode()
            answer.headers["Content-Type"] = "text/html"
        return answer


class WebhookTakesFormsAlone(Defect):
    """API Reference, Webhooks: events of each type that is declared are accepted, and not forms alone."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/post-is-accepted",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        live = request.method == "POST" and surface_of(original).organization_of(request.raw_path)
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return original(request) if form or not live else Answer.json(415, {"error": "forms alone"})
