"""Defects that break the promise "Only the exact secret URL accepts events, and it is never revealed"."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from tests.defects.rows import row
from tests.defects.support.webhooks import surface_of

Organization = Callable[[str], str | None]

ROWS = (
    row(
        "path-without-secret-accepted",
        "Credentials & Webhooks: the unique URL takes events, and no part of it does.",
        "webhooks/secret/near-misses-are-refused#without-secret",
        intercept=lambda request: Answer.json(202, {"accepted": True}) if request.raw_path == "/hooks/" else None,
    ),
)


def last_text(original: Callable[..., object]) -> str:
    """The text of the event that was taken in last."""
    events = surface_of(original).events()
    return str(events[-1]["text"]) if events else ""


class AcceptedTellsTheEventBefore(Defect):
    """API Reference, Webhooks: events are sent into the workspace; who sends one is not told that of another."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/events-are-not-shown",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        before = last_text(original)
        answer = original(request)
        return Answer.json(202, {"accepted": True, "previous": before}) if answer.status == 202 else answer


class TooLargeNamesUrl(Defect):
    """API Reference, Webhooks: the URL is secret: what refuses a body for its size does not repeat it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#post-too-large",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 413:
            return Answer.json(413, {"error": f"the body sent to {request.raw_path} is too large"})
        return answer


class AnswerTellsMostOfUrl(Defect):
    """API Reference, Webhooks: the URL is secret, and not but for its last letters."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#post",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 202:
            answer.headers["X-Webhook"] = f"{request.raw_path[:-4]}****"
        return answer


class BrowsersAreShownTheUrl(Defect):
    """API Reference, Webhooks: the URL is secret: no page for people repeats it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#get",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405 and "text/html" in request.headers.get("accept", ""):
            answer.body = f"<pre>Cannot {request.method} {request.raw_path}</pre>".encode()
            answer.headers["Content-Type"] = "text/html"
        return answer


class NearMissEchoed(Defect):
    """Credentials & Webhooks: an error does not repeat the URL."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/is-not-repeated#near-miss-case-changed",
        "webhooks/secret/is-not-repeated#near-miss-cut",
        "webhooks/secret/is-not-repeated#near-miss-extended",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status in (404, 400, 413):
            return Answer.json(answer.status, {"error": f"no handler for {request.raw_path}"})
        return answer


class WebhookUrlMatchedByPrefix(Defect):
    """Credentials & Webhooks: the URL is secret; a part of it is not enough."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/near-misses-are-refused#cut",
        "webhooks/secret/near-misses-are-refused#half",
        "webhooks/secret/live-url-is-not-distinguishable#cut",
        "webhooks/secret/live-url-is-not-distinguishable#half",
    )

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        paths: dict[str, str] = surface_of(original).paths
        asked = raw_path.rstrip("/")
        return next((slug for slug, path in paths.items() if path.startswith(asked) and len(asked) > 16), None)


class WebhookUrlComparedWithoutCase(Defect):
    """Credentials & Webhooks: the URL is secret, every character of it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/near-misses-are-refused#case-changed",)

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        paths: dict[str, str] = surface_of(original).paths
        folded = {path.lower(): organization for organization, path in paths.items()}
        return folded.get(raw_path.lower())


class UnknownWebhookAccepted(Defect):
    """Credentials & Webhooks: only the generated URL takes events in."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/near-misses-are-refused#asterisk",
        "webhooks/secret/near-misses-are-refused#blank",
        "webhooks/secret/near-misses-are-refused#case-changed",
        "webhooks/secret/near-misses-are-refused#dots",
        "webhooks/secret/near-misses-are-refused#doubled",
        "webhooks/secret/near-misses-are-refused#extended",
        "webhooks/secret/near-misses-are-refused#first-changed",
        "webhooks/secret/near-misses-are-refused#last-changed",
        "webhooks/secret/near-misses-are-refused#middle-changed",
        "webhooks/secret/near-misses-are-refused#nul",
        "webhooks/secret/near-misses-are-refused#percent-sign",
        "webhooks/secret/near-misses-are-refused#quote",
        "webhooks/secret/near-misses-are-refused#underscores",
        "webhooks/secret/near-misses-are-refused#unknown",
    )

    def unknown_url(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(202, {"accepted": True})


class WebhookMethodTellsLiveUrl(Defect):
    """RFC 9110 section 15.5.6: a method that a URL does not have is 405, not 400 for an event that is missing."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/live-url-is-not-distinguishable#delete",
        "webhooks/secret/live-url-is-not-distinguishable#get",
        "webhooks/secret/live-url-is-not-distinguishable#head",
        "webhooks/secret/live-url-is-not-distinguishable#options",
        "webhooks/secret/live-url-is-not-distinguishable#patch",
        "webhooks/secret/live-url-is-not-distinguishable#put",
    )

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        if answer.status != 405:
            return answer
        live: Organization = surface_of(original).organization_of
        return Answer.json(400, {"error": "no event"}) if live(request.raw_path) else answer


class WebhookUrlRedirected(Defect):
    """Credentials & Webhooks: the URL is secret: it is in no header of an answer."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/other-spellings-are-refused#trailing-slash",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        live: Organization = surface_of(original).organization_of
        if answer.status == 404 and request.raw_path.endswith("/") and live(request.raw_path[:-1]):
            answer = Answer(308)
            answer.headers["Location"] = request.raw_path[:-1]
        return answer


class EventsTakenInAboveTheUrl(Defect):
    """Credentials & Webhooks: the unique URL takes events, and no collection above it does."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/near-misses-are-refused#without-secret",)

    def intercept(self, request: Request) -> Answer | None:
        above = request.method == "POST" and request.raw_path == "/hooks"
        return Answer.json(201, {"id": secrets.token_hex(8)}) if above else None
