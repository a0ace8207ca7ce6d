"""Speaks with an incoming webhook by its secret URL. Nothing here judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from conformance.clients.http import HttpClient
from conformance.target.description import Webhooks
from conformance.vocabulary.exchange import Exchange

# 128 bits, in all the characters that a URL may hold.
SHORTEST_SECRET = 20
# Bytes; more than a limit of a power of two, beside one of ten, may leave over.
BEYOND = 3_000_000
HeaderFields = Iterable[tuple[str, str | bytes]]


@dataclass
class WebhookClient:
    """Requests to the webhook's URL and to URLs near it. ``path`` is the live one, also after a rotation."""

    described: Webhooks
    http_for: Callable[[str], HttpClient]
    path: str = field(init=False)
    http: HttpClient = field(init=False)

    def __post_init__(self) -> None:
        self.turn_to(self.described.url.reveal())

    def turn_to(self, url: str) -> None:
        """Takes another URL for the live one."""
        parts = urlsplit(url)
        self.http = self.http_for(f"{parts.scheme}://{parts.netloc}")
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def secret(self) -> str:
        """The part of the URL that is secret: the longest segment of its path, unless that is too short for a secret.

        Then it is the longest of those and of the values of the query.
        """
        path, _, query = self.path.partition("?")
        segment = max(path.split("/"), key=len)
        if len(segment) >= SHORTEST_SECRET:
            return segment
        return max([segment, *(each.partition("=")[2] for each in query.split("&"))], key=len)

    def path_with(self, secret: str) -> str:
        """The path, with its query, with another secret in the place of the live one."""
        before, _, after = self.path.rpartition(self.secret)
        return f"{before}{secret}{after}"

    def post(
        self, body: bytes | Iterable[bytes], content_type: str | None = "application/json", headers: HeaderFields = ()
    ) -> Exchange:
        """POST to the live URL."""
        return self.send("POST", self.path, body, content_type, headers)

    def send_too_much(self) -> Exchange:
        """POST of JSON to the live URL, 3 MB more than the largest body that the target declares."""
        return self.post(b'"' + b"x" * (self.described.largest_body + BEYOND) + b'"')

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        content_type: str | None = None,
        headers: HeaderFields = (),
    ) -> Exchange:
        """Any method to any path of the webhook's origin."""
        declared: list[tuple[str, str | bytes]] = [("Content-Type", content_type)] if content_type is not None else []
        return self.http.send(method, path, [*declared, *headers], body)
