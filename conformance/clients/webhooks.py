"""The client of an incoming webhook with a secret URL."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from conformance.clients.http import HttpClient
from conformance.target.description import Webhooks
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NoAnswer, NotApplicable

# 128 bits in the characters of a URL.
SHORTEST_SECRET = 20
# Bytes above the declared limit: more than the difference between a power of two and one of ten.
BEYOND = 3_000_000
UNANSWERED = 0
"""The status of a request without a response."""
HeaderFields = Iterable[tuple[str, str | bytes]]
JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
BOUNDARY = "cf-boundary"
PLAIN, FIRST = {"event": "cf"}, {"conformance": "preflight"}
"""The events of most checks, and of the preflight."""
CLOUD_EVENT = {"specversion": "1.0", "id": "cf", "source": "/cf", "type": "cf"}
"""The required attributes of a CloudEvent (CloudEvents 1.0)."""


def event_body(kind: str, members: Mapping[str, str]) -> bytes:
    """Return an event with these members in a media type; JSON for an unknown one."""
    if kind == FORM:
        return urlencode(members).encode()
    if kind == PARTS:
        parts = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in members.items()
        )
        return f"{''.join(parts)}--{BOUNDARY}--\r\n".encode()
    if kind.endswith("xml"):
        attributes = " ".join(f'{name}="{value}"' for name, value in members.items())
        return f"<event {attributes}/>".encode()
    return json.dumps({**(CLOUD_EVENT if "cloudevents" in kind else {}), **members}).encode()


def content_type_of(kind: str) -> str:
    """Return the Content-Type of a media type, with the boundary of a multipart form."""
    return f"{kind}; boundary={BOUNDARY}" if kind == PARTS else kind


def default_content_type(described: Webhooks) -> str:
    """Return the media type of a plain event: JSON if the target file declares it, else the first declared one."""
    return JSON if JSON in described.content_types else described.content_types[0]


def parts_of(path: str) -> list[str]:
    """Return the segments of a path and the values of its query."""
    path, _, query = path.partition("?")
    return [*path.split("/"), *(each.partition("=")[2] for each in query.split("&"))]


def labels_of(url: str) -> list[str]:
    """Return the labels of a URL's host name, one of which may be the secret."""
    return (urlsplit(url).hostname or "").split(".")


def is_in_host(url: str) -> bool:
    """Return whether a URL's secret is in its host name."""
    longest = len(max(parts_of(url)[3:], key=len, default=""))
    return not longest or (longest < SHORTEST_SECRET <= len(max(labels_of(url), key=len)))


def origin_without_secret(url: str) -> str:
    """Return scheme and host of a URL, without a secret in the host name."""
    parts = urlsplit(url)
    secret = max(labels_of(url), key=len) if is_in_host(url) else ""
    host = parts.netloc.lower().replace(secret, "secret") if len(secret) >= SHORTEST_SECRET else parts.netloc
    return f"{parts.scheme}://{host}"


def changed_part(old: str, new: str) -> tuple[str, str]:
    """Return the longest part of a URL that differs from the earlier one: the old and the new text."""
    parts = [[*labels_of(url), *parts_of(url)[3:]] for url in (old, new)]
    pairs = [*zip(*parts, strict=False)]
    return max([each for each in pairs if each[0] != each[1]] or pairs, key=lambda pair: len(pair[1]))


def replaced(path: str, part: str, text: str) -> str:
    """Return a path and query with the last occurrence of a part replaced by a text."""
    before, _, after = path.rpartition(part)
    return f"{before}{text}{after}"


@dataclass
class WebhookClient:
    """Requests to the webhook's URL and to similar ones. ``path`` is the current one, also after a rotation."""

    described: Webhooks
    http_for: Callable[[str], HttpClient]
    path: str = field(init=False)
    http: HttpClient = field(init=False)

    def __post_init__(self) -> None:
        self.rotate_to(self.described.url.reveal())

    def rotate_to(self, url: str) -> None:
        """Use another URL as the live one."""
        self.described.rotate_to(url)
        parts = urlsplit(url)
        self.http = self.http_for(f"{parts.scheme}://{parts.netloc}")
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def url(self) -> str:
        """The whole live URL."""
        return self.http.base_url + self.path

    @property
    def in_host(self) -> bool:
        """Whether the secret is in the host name."""
        return is_in_host(self.url)

    @property
    def secret(self) -> str:
        """The secret part of the URL: the longest path segment.

        If that is too short, it is the longest value of the query, or the longest label of the host name.
        """
        if self.in_host:
            return max(labels_of(self.http.base_url), key=len)
        segment = max(self.path.partition("?")[0].split("/"), key=len)
        return segment if len(segment) >= SHORTEST_SECRET else max(parts_of(self.path), key=len)

    @property
    def long_parts(self) -> list[str]:
        """The parts that may be the secret; one may also be a public name."""
        return [each for each in parts_of(self.path) if len(each) >= SHORTEST_SECRET] or [self.secret]

    def path_with(self, secret: str) -> str:
        """Return path and query with another secret; NotApplicable if the secret is in the host name."""
        if self.in_host:
            raise NotApplicable("the webhook URL has its secret in the host name")
        return replaced(self.path, self.secret, secret)

    def path_with_query(self, query: str) -> str:
        """Return the live path with an additional query."""
        return f"{self.path}{'&' if '?' in self.path else '?'}{query}"

    @property
    def kind(self) -> str:
        """The media type of a plain event."""
        return default_content_type(self.described)

    def event(self, **members: str) -> bytes:
        """Return an event with these members, by default a plain one."""
        return event_body(self.kind, members or PLAIN)

    def event_of_size(self, size: int, **members: str) -> bytes:
        """Return an event of ``size`` bytes, or more if its members need them."""
        room = size - len(self.event(**members, x=""))
        return self.event(**members, x="y" * max(0, room))

    def deliver(
        self, body: bytes | Iterable[bytes] | None = None, path: str = "", headers: HeaderFields = ()
    ) -> Exchange:
        """POST an event, by default a plain one, to the live URL or to another path."""
        event = self.event() if body is None else body
        return self.send("POST", path or self.path, event, content_type_of(self.kind), headers)

    def post(
        self, body: bytes | Iterable[bytes], content_type: str | None = JSON, headers: HeaderFields = ()
    ) -> Exchange:
        """POST a body to the live URL."""
        return self.send("POST", self.path, body, content_type, headers)

    def send_oversized(self) -> Exchange:
        """POST an event that is 3 MB larger than the largest body that the target declares."""
        return self.deliver(self.event_of_size(self.described.largest_body + BEYOND))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        content_type: str | None = None,
        headers: HeaderFields = (),
    ) -> Exchange:
        """Send any method to any path of the webhook's origin.

        A closed connection is a permitted response to a method other than POST: it returns status UNANSWERED.
        """
        declared: list[tuple[str, str | bytes]] = [("Content-Type", content_type)] if content_type is not None else []
        try:
            return self.http.send(method, path, [*declared, *headers], body)
        except NoAnswer as closed:
            if method == "POST":
                raise
            url, nothing = self.http.url_of(path), Headers()
            return Exchange(closed.exchange_ids[0], method, url, nothing, b"", UNANSWERED, nothing, b"", time.time(), 0)
