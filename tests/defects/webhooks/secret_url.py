"""Defects that break the promise "Only the exact secret URL accepts events, and it is never revealed"."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from tests.defects.support.webhooks import surface_of

Organization = Callable[[str], str | None]

ROWS = (
    row(
        "path-without-secret-accepted",
        "Credentials & Webhooks: the path without the secret accepts events.",
        "webhooks/secret/near-misses-are-refused#without-secret",
        intercept=lambda request: Answer.json(202, {"accepted": True}) if request.raw_path == "/hooks/" else None,
    ),
)


def last_text(original: Any) -> str:
    """Return the text of the latest accepted event."""
    events = surface_of(original).events()
    return str(events[-1]["text"]) if events else ""


@defect("webhooks/secret/events-are-not-shown")
def accepted_reports_the_event_before(receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: the response shows the previous event."""
    before = last_text(receive)
    answer = receive(request)
    return Answer.json(202, {"accepted": True, "previous": before}) if answer.status == 202 else answer


@defect("webhooks/secret/is-not-repeated#post-too-large")
def too_large_names_url(request: Request, answer: Answer) -> Answer:
    """API Reference, Webhooks: the refusal of a too large body repeats the secret URL."""
    if answer.status == 413:
        return Answer.json(413, {"error": f"the body sent to {request.raw_path} is too large"})
    return answer


@defect("webhooks/secret/is-not-repeated#post")
def answer_reveals_most_of_url(request: Request, answer: Answer) -> Answer:
    """API Reference, Webhooks: the response shows the secret URL except for its last characters."""
    if answer.status == 202:
        answer.headers["X-Webhook"] = f"{request.raw_path[:-4]}****"
    return answer


@defect("webhooks/secret/is-not-repeated#get")
def browsers_are_shown_the_url(request: Request, answer: Answer) -> Answer:
    """API Reference, Webhooks: the page shown to browsers repeats the secret URL."""
    if answer.status == 405 and "text/html" in request.headers.get("accept", ""):
        answer.body = f"<pre>Cannot {request.method} {request.raw_path}</pre>".encode()
        answer.headers["Content-Type"] = "text/html"
    return answer


@defect("webhooks/secret/is-not-repeated#near-miss-case-changed,near-miss-cut,near-miss-extended")
def near_miss_echoed(request: Request, answer: Answer) -> Answer:
    """Credentials & Webhooks: the error for an unknown URL repeats it."""
    if answer.status in (404, 400, 413):
        return Answer.json(answer.status, {"error": f"no handler for {request.raw_path}"})
    return answer


@defect("webhooks/secret/near-misses-are-refused#cut,half", "webhooks/secret/live-url-is-not-distinguishable#cut,half")
def webhook_url_matched_by_prefix(organization_of: Any, raw_path: str) -> str | None:
    """Credentials & Webhooks: a prefix of the secret URL accepts events."""
    paths: dict[str, str] = surface_of(organization_of).paths
    requested_path = raw_path.rstrip("/")
    return next(
        (slug for slug, path in paths.items() if path.startswith(requested_path) and len(requested_path) > 16), None
    )


@defect("webhooks/secret/near-misses-are-refused#case-changed")
def webhook_url_compared_without_case(organization_of: Any, raw_path: str) -> str | None:
    """Credentials & Webhooks: the secret URL is compared without regard to case."""
    paths: dict[str, str] = surface_of(organization_of).paths
    folded = {path.lower(): organization for organization, path in paths.items()}
    return folded.get(raw_path.lower())


@defect(
    "webhooks/secret/near-misses-are-refused#asterisk,blank,case-changed,dots,doubled,extended,first-changed",
    "webhooks/secret/near-misses-are-refused#last-changed,middle-changed,nul,percent-sign,quote,underscores",
    "webhooks/secret/near-misses-are-refused#unknown",
)
def unknown_webhook_accepted(unknown_url: Any) -> Answer:
    """Credentials & Webhooks: any URL accepts events."""
    return Answer.json(202, {"accepted": True})


@defect("webhooks/secret/live-url-is-not-distinguishable#delete,get,head,options,patch,put")
def webhook_method_reveals_live_url(receive: Any, request: Request) -> Answer:
    """RFC 9110 section 15.5.6: a wrong method at the live URL is answered with 400 instead of 405."""
    answer = receive(request)
    if answer.status != 405:
        return answer
    live: Organization = surface_of(receive).organization_of
    return Answer.json(400, {"error": "no event"}) if live(request.raw_path) else answer


@defect("webhooks/secret/other-spellings-are-refused#trailing-slash")
def webhook_url_redirected(receive: Any, request: Request) -> Answer:
    """Credentials & Webhooks: a redirect repeats the secret URL in Location."""
    answer = receive(request)
    live: Organization = surface_of(receive).organization_of
    if answer.status == 404 and request.raw_path.endswith("/") and live(request.raw_path[:-1]):
        answer = Answer(308)
        answer.headers["Location"] = request.raw_path[:-1]
    return answer


@defect("webhooks/secret/near-misses-are-refused#without-secret")
def events_taken_in_above_the_url(request: Request) -> Answer | None:
    """Credentials & Webhooks: the collection path above the secret URL accepts events."""
    above = request.method == "POST" and request.raw_path == "/hooks"
    return Answer.json(201, {"id": secrets.token_hex(8)}) if above else None
