"""The webhooks surface: a secret URL for each organization that takes events in by POST."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import deque
from typing import Any, ClassVar, NoReturn

from conformance.reference.http import Answer, Request
from conformance.reference.keys import SigningKey
from conformance.reference.rate_limit import Windows
from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION, SURFACE_LIMIT, Seeds
from conformance.reference.surface import Surface

HIGHEST_BODY = 1024 * 1024
FIRST_BYTES, MOST_EVENTS = 200, 1000
PREFIX = "/hooks/"
LIMITED = f"{ORGANIZATION}, limited"
"""The name of a further webhook of the organization under test, on which there is a rate limit."""


class Webhooks(Surface):
    """Who knows the URL may send; nobody can find out whether a URL is one."""

    name: ClassVar[str] = "webhooks"

    def __init__(self, seeds: Seeds, key: SigningKey) -> None:
        self.seeds, self.key = seeds, key
        self.provisioned = {name: self.new_path() for name in (ORGANIZATION, OTHER_ORGANIZATION, LIMITED)}
        self.reset()

    def reset(self) -> None:
        """The URLs of the start, nothing taken in."""
        self.paths = dict(self.provisioned)
        self.windows = Windows()
        self.taken_in: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)

    @property
    def url_path(self) -> str:
        """The path of the URL of the organization under test."""
        return self.paths[ORGANIZATION]

    def new_path(self) -> str:
        """A path with a secret of 256 bits."""
        return PREFIX + secrets.token_urlsafe(32)

    def rotate(self) -> str:
        """Replaces the URL of the organization under test, whose old one is dead at once; returns the new path."""
        self.paths[ORGANIZATION] = self.new_path()
        return self.url_path

    def events(self) -> list[dict[str, Any]]:
        """What was taken in, oldest first: content type, size in bytes, SHA-256, the first bytes as text."""
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
        """The method is refused before the URL is looked at, so that only a POST learns whether it is one."""
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
        """Incoming webhooks accept HTTP POST."""
        return method == "POST"

    def method_refused(self, request: Request) -> Answer:
        """405 with Allow (RFC 9110 section 15.5.6), the same for a live URL and any other."""
        return Answer.json(405, {"error": "only POST is accepted"}, Allow="POST")

    def organization_of(self, raw_path: str) -> str | None:
        """Whose URL this is, compared byte for byte in constant time; None where it is nobody's."""
        requested_path, found = raw_path.encode("latin-1"), None
        for organization, path in self.paths.items():
            if hmac.compare_digest(requested_path, path.encode()):
                found = organization
        return found

    def limit_of(self, organization: str) -> tuple[int, float] | None:
        """The limit on events to a webhook, None without one."""
        return SURFACE_LIMIT if organization == LIMITED else None

    def unknown_url(self) -> Answer:
        """404, whether the URL was ever live or not."""
        return Answer.json(404, {"error": "not found"})

    def highest_body(self) -> int:
        """Bytes of the largest body that is taken in."""
        return HIGHEST_BODY

    def claims_json(self, request: Request) -> bool:
        """Whether the body is said to be plain JSON; one with a content coding is taken in unread."""
        coded = request.headers.get("content-encoding", "identity").strip().lower() != "identity"
        named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return named == "application/json" and not coded

    def is_json(self, body: bytes) -> bool:
        """Whether these bytes are JSON in UTF-8 (RFC 8259)."""
        try:
            json.loads(body.decode(), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return False
        return True

    def take_in(self, organization: str, request: Request) -> None:
        """Keeps what came."""
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
        """202: taken in, to be worked on later."""
        return Answer.json(202, {"accepted": True})


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
