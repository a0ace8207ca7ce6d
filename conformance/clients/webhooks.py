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


def parts_of(path: str) -> list[str]:
    """The segments of a path, and the values of its query."""
    path, _, query = path.partition("?")
    return [*path.split("/"), *(each.partition("=")[2] for each in query.split("&"))]


def differing(old: str, new: str) -> tuple[str, str]:
    """The longest part in which a path, with its query, differs from an earlier one, and what stood there before."""
    pairs = [*zip(parts_of(old), parts_of(new), strict=False)]
    return max([each for each in pairs if each[0] != each[1]] or pairs, key=lambda pair: len(pair[1]))


def replaced(path: str, part: str, text: str) -> str:
    """A path, with its query, with a text in the place of a part of it."""
    before, _, after = path.rpartition(part)
    return f"{before}{text}{after}"


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
        segment = max(self.path.partition("?")[0].split("/"), key=len)
        return segment if len(segment) >= SHORTEST_SECRET else max(parts_of(self.path), key=len)

    @property
    def long_parts(self) -> list[str]:
        """What could be the secret: of several one may be a name, which answers may tell."""
        return [each for each in parts_of(self.path) if len(each) >= SHORTEST_SECRET] or [self.secret]

    def path_with(self, secret: str) -> str:
        """The path, with its query, with another secret in the place of the live one."""
        return replaced(self.path, self.secret, secret)

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
