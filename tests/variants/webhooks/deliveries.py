"""Variants of deliveries."""

from __future__ import annotations

import base64
import itertools
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.seeds import ORGANIZATION
from tests.defects.support.webhooks import surface_of


@variant()
def only_live_urls_know_methods(receive: Any, request: Request) -> Answer:
    """RFC 9110 section 15.5.6: 404 for any method at an unknown URL; 405 is for existing ones."""
    answer = receive(request)
    if answer.status != 405 or surface_of(receive).organization_of(request.raw_path):
        return answer
    return Answer.json(404, {"error": "not found"})


@variant()
def thanks_in_html(request: Request, answer: Answer) -> Answer:
    """The contract does not define the response to an event: here it is HTML."""
    if answer.status != 202:
        return answer
    thanks = Answer(202, body=b"<p>Thanks</p>")
    thanks.headers["Content-Type"] = "text/html; charset=utf-8"
    return thanks


@variant()
def large_events_are_refused_in_front(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.4: a gateway may refuse a too large event with 403."""
    return Answer.json(403, {"error": "refused"}) if len(request.body) > 2 * 1024 * 1024 else None


@variant(state=dict)
def events_arrive_later(taken_at: dict[int, float], events: Any) -> list[dict[str, Any]]:
    """The contract does not say how soon an event is processed: half a second later."""
    now = time.monotonic()
    return [each for each in events() if now - taken_at.setdefault(id(each), now) >= 0.5]


@variant()
def events_reported_as_read_too(events: Any) -> list[dict[str, Any]]:
    """The operator defines how the hook reports an event: as it came, and as it was parsed."""
    return [each | {"again": each["text"], "signature": "sha256=00"} for each in events()]


@variant()
def events_have_long_ids(events: Any) -> list[dict[str, Any]]:
    """The operator defines how the hook reports an event: its text, and an id that resembles a digest."""
    return [{"id": secrets.token_hex(32), "text": each["text"]} for each in events()]


class RotationTakesAMoment(Variant):
    """The contract does not say that all servers learn of a rotation in the same instant."""

    until: dict[str, float] = {}

    def rotate(self, original: Any) -> str:
        old, new = surface_of(original).url_path, original()
        self.until = dict.fromkeys((old, new), time.monotonic() + 0.3)
        return new

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        found = original(raw_path)
        if time.monotonic() >= self.until.get(raw_path, 0.0):
            return found
        return None if found else ORGANIZATION


@variant()
def trailing_slash_is_redirected(request: Request) -> Answer | None:
    """RFC 9110 section 15.4.8: a trailing slash is redirected, and delivers nothing."""
    if not request.raw_path.endswith("/"):
        return None
    answer = Answer(307)
    answer.headers["Location"] = request.raw_path.rstrip("/") or "/"
    return answer


@variant(misses=("webhooks/secret/other-spellings-are-refused",))
def other_spellings_are_the_same(organization_of: Any, raw_path: str) -> str | None:
    """A slash, extension or parameter (RFC 3986 section 3.3) after the URL is ignored by the framework."""
    return organization_of(raw_path.rstrip("/").partition(";")[0].removesuffix(".json"))


@variant()
def url_leads_to_the_portal(method_refused: Any, request: Request) -> Answer:
    """RFC 9110 section 15.4.4: opening any URL redirects to the portal, and delivers nothing."""
    if request.method not in ("GET", "HEAD"):
        return method_refused(request)
    answer = Answer(303)
    answer.headers["Location"] = "/login"
    return answer


def page(body: bytes) -> Answer:
    """Return a web page."""
    answer = Answer(200, body=body)
    answer.headers["Content-Type"] = "text/html"
    return answer


@variant()
def url_is_explained_to_people(method_refused: Any, request: Request) -> Answer:
    """API Reference, Webhooks: opening a live URL shows a page, and delivers nothing."""
    if request.method not in ("GET", "HEAD") or not surface_of(method_refused).organization_of(request.raw_path):
        return method_refused(request)
    return page(b"<p>Send events here with POST.</p>")


@variant()
def live_url_leads_to_the_portal(receive: Any, request: Request) -> Answer:
    """RFC 9110 section 15.4.4: opening a live URL redirects to the portal; others are 404 for any method."""
    if request.method not in ("GET", "HEAD"):
        return receive(request)
    if not surface_of(receive).organization_of(request.raw_path):
        return Answer.json(404, {"error": "not found"})
    answer = Answer(302)
    answer.headers["Location"] = "/workspace"
    return answer


@variant()
def accepted_reports_the_event(receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: the response to an event is open; here it repeats the parsed event."""
    answer = receive(request)
    if answer.status != 202:
        return answer
    return Answer.json(201, {"event": request.body[:200].decode("latin-1")})


@variant()
def portal_is_shown_anywhere(method_refused: Any, request: Request) -> Answer:
    """RFC 9110 section 9.3.1: GET of any address shows the portal's page, and delivers nothing."""
    if request.method not in ("GET", "HEAD"):
        return method_refused(request)
    return page(b"<html><title>Portal</title></html>")


@variant()
def other_methods_not_implemented(method_refused: Any, request: Request) -> Answer:
    """RFC 9110 section 15.6.2: 501 for every method but POST, at every URL."""
    return Answer.json(501, {"error": "only POST is implemented"})


@variant()
def options_answered_to_browsers(method_refused: Any, request: Request) -> Answer:
    """Fetch standard, CORS protocol: a page may send OPTIONS first, to any URL."""
    answer = Answer(204) if request.method == "OPTIONS" else method_refused(request)
    answer.headers["Allow"] = "OPTIONS, POST"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


class NewUrlsInHexadecimalDigits(Variant):
    """URLs end in 256 bits in hexadecimal digits; another form is 400, an unknown URL 404."""

    form = re.compile(r"/hooks/[0-9a-f]{64}")

    def new_path(self, original: Any) -> str:
        return f"/hooks/{secrets.token_hex(32)}"

    def receive(self, original: Any, request: Request) -> Answer:
        answer = original(request)
        malformed = answer.status == 404 and not self.form.fullmatch(request.raw_path)
        return Answer.json(400, {"error": "malformed"}) if malformed else answer


class EventsAreNumbered(Variant):
    """RFC 9110 section 15.3.2: each event gets a URL of its own, and each response an id."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def accepted(self, original: Any) -> Answer:
        number = next(self.numbers)
        return Answer.json(201, {"id": number, "at": time.time()}, Location=f"/events/{number}")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Request-Id"] = secrets.token_hex(8)
        answer.headers.append("Set-Cookie", f"balancer={secrets.token_hex(4)}; Path=/")
        return answer


@variant(state=lambda: itertools.count(1))
def events_are_limited(numbers: Iterator[int], request: Request) -> Answer | None:
    """RFC 6585 section 4: one request in thirty is 429, and served a second later."""
    limited = next(numbers) % 30 == 0
    return Answer.json(429, {"error": "slow down"}, Retry_After="1") if limited else None


class UrlsSignedInTheirQuery(Variant):
    """RFC 3986 section 3.4: the query is the secret; the path has a public id, which each response contains."""

    def __init__(self) -> None:
        self.number = secrets.token_hex(16)

    def new_path(self, original: Any) -> str:
        return f"/workflows/{self.number}/invoke?api-version=1.0&sp=%2Ftriggers&sig={secrets.token_urlsafe(32)}"

    def receive(self, original: Any, request: Request) -> Answer:
        query = f"?{request.query_string}" if request.query_string else ""
        answer = original(replace(request, raw_path=request.raw_path + query))
        answer.headers["X-Workflow-Id"] = self.number
        return answer


class UrlsWithEscapes(Variant):
    """RFC 3986 section 2.1: the secret may be written with percent escapes."""

    def new_path(self, original: Any) -> str:
        return "/hooks/" + quote(base64.b64encode(secrets.token_bytes(32)), safe="")

    def receive(self, original: Any, request: Request) -> Answer:
        if re.search("%(?![0-9A-Fa-f]{2})", request.raw_path):
            return Answer.json(400, {"error": "malformed"})
        return original(request)
