"""The webhooks surface: a secret URL for each organization that accepts events by POST."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import deque
from typing import Any, ClassVar

from conformance.reference.http import Answer, Request, refuse_constant
from conformance.reference.keys import SigningKey
from conformance.reference.rate_limit import Windows
from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION, SURFACE_LIMIT, Seeds
from conformance.reference.surface import Surface

HIGHEST_BODY = 1024 * 1024
FIRST_BYTES, MOST_EVENTS = 200, 1000
PREFIX = "/hooks/"
LIMITED = f"{ORGANIZATION}, limited"
"""The name of another webhook of the organization under test, with a rate limit."""


class Webhooks(Surface):
    """Clients that know the URL may send events; others cannot find out whether a URL exists."""

    name: ClassVar[str] = "webhooks"

    def __init__(self, seeds: Seeds, key: SigningKey) -> None:
        self.seeds, self.key = seeds, key
        self.provisioned = {name: self.new_path() for name in (ORGANIZATION, OTHER_ORGANIZATION, LIMITED)}
        self.reset()

    def reset(self) -> None:
        """Reset the URLs, and remove the events."""
        self.paths = dict(self.provisioned)
        self.windows = Windows()
        self.taken_in: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)

    @property
    def url_path(self) -> str:
        return self.paths[ORGANIZATION]

    def new_path(self) -> str:
        return PREFIX + secrets.token_urlsafe(32)

    def rotate(self) -> str:
        """Replace the URL of the organization under test, whose old one is invalid at once; return the new path."""
        self.paths[ORGANIZATION] = self.new_path()
        return self.url_path

    def events(self) -> list[dict[str, Any]]:
        """Return the accepted events, oldest first: content type, size in bytes, SHA-256, the first bytes as text."""
        return list(self.taken_in)

    async def handle(self, request: Request) -> Answer:
        answer = self.receive(request)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if request.method == "HEAD":
            answer.headers["Content-Length"] = str(len(answer.body))
            answer.body = b""
        return answer

    def receive(self, request: Request) -> Answer:
        """Handle a request; the method is checked before the URL, so that only a POST reveals whether it exists."""
        if not self.accepts_method(request.method):
            return self.method_refused(request)
        organization = self.organization_of(request.raw_path)
        if organization is None:
            return self.unknown_url()
        if wait := self.windows.retry_after(organization, self.limit_of(organization)):
            return Answer.json(429, {"error": "the rate limit is exceeded"}, Retry_After=str(wait))
        if len(request.body) > self.highest_body():
            return Answer.json(413, {"error": "the body is too large"})
        if self.claims_json(request) and not self.is_json(request.body):
            return Answer.json(400, {"error": "the body is not JSON"})
        self.take_in(organization, request)
        return self.accepted()

    def accepts_method(self, method: str) -> bool:
        return method == "POST"

    def method_refused(self, request: Request) -> Answer:
        """Return 405 with Allow (RFC 9110 section 15.5.6), the same for a live URL and any other."""
        return Answer.json(405, {"error": "only POST is accepted"}, Allow="POST")

    def organization_of(self, raw_path: str) -> str | None:
        """Return the organization of a URL, compared exactly in constant time; None for an unknown URL."""
        requested_path, found = raw_path.encode("latin-1"), None
        for organization, path in self.paths.items():
            if hmac.compare_digest(requested_path, path.encode()):
                found = organization
        return found

    def limit_of(self, organization: str) -> tuple[int, float] | None:
        return SURFACE_LIMIT if organization == LIMITED else None

    def unknown_url(self) -> Answer:
        """Return 404, whether or not the URL was ever live."""
        return Answer.json(404, {"error": "not found"})

    def highest_body(self) -> int:
        return HIGHEST_BODY

    def claims_json(self, request: Request) -> bool:
        """Return whether the body must be JSON; one with a content coding is not parsed."""
        coded = request.headers.get("content-encoding", "identity").strip().lower() != "identity"
        named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return named == "application/json" and not coded

    def is_json(self, body: bytes) -> bool:
        try:
            json.loads(body.decode(), parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            return False
        return True

    def take_in(self, organization: str, request: Request) -> None:
        self.taken_in.append(
            {
                "organization": organization,
                "content_type": request.headers.get("content-type", ""),
                "size": len(request.body),
                "sha256": hashlib.sha256(request.body).hexdigest(),
                "text": request.body[:FIRST_BYTES].decode(errors="replace"),
            }
        )

    def accepted(self) -> Answer:
        """Return 202: accepted for later processing."""
        return Answer.json(202, {"accepted": True})
