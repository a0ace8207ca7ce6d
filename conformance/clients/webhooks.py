"""Speaks with an incoming webhook by its secret URL. Nothing here judges."""

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

# 128 bits, in all the characters that a URL may hold.
SHORTEST_SECRET = 20
# Bytes; more than a limit of a power of two, beside one of ten, may leave over.
BEYOND = 3_000_000
UNANSWERED = 0
"""The status of what has no answer."""
HeaderFields = Iterable[tuple[str, str | bytes]]
JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
BOUNDARY = "cf-boundary"
PLAIN, FIRST = {"event": "cf"}, {"conformance": "preflight"}
"""What most checks deliver, and what the preflight does."""
CLOUD_EVENT = {"specversion": "1.0", "id": "cf", "source": "/cf", "type": "cf"}
"""What an event of that form cannot be without (CloudEvents 1.0, Required attributes)."""


def written(kind: str, members: Mapping[str, str]) -> bytes:
    """An event of a media type with these members, as its senders write it; of others than these it is JSON, too."""
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
    """A media type as it is sent: of a form in parts with what stands between them."""
    return f"{kind}; boundary={BOUNDARY}" if kind == PARTS else kind


def default_content_type(described: Webhooks) -> str:
    """The media type of a plain event: JSON where the target file declares it, or else the first that it does."""
    return JSON if JSON in described.content_types else described.content_types[0]


def parts_of(path: str) -> list[str]:
    """The segments of a path, and the values of its query."""
    path, _, query = path.partition("?")
    return [*path.split("/"), *(each.partition("=")[2] for each in query.split("&"))]


def labels_of(url: str) -> list[str]:
    """The parts of the name of a URL's host, of which one may be the secret."""
    return (urlsplit(url).hostname or "").split(".")


def is_in_host(url: str) -> bool:
    """Whether a URL's secret is in the name of its host: each webhook has one of its own, near which nobody is."""
    longest = len(max(parts_of(url)[3:], key=len, default=""))
    return not longest or (longest < SHORTEST_SECRET <= len(max(labels_of(url), key=len)))


def origin_without_secret(url: str) -> str:
    """Scheme and host of a URL, without a secret in the name of the host."""
    parts = urlsplit(url)
    secret = max(labels_of(url), key=len) if is_in_host(url) else ""
    host = parts.netloc.lower().replace(secret, "secret") if len(secret) >= SHORTEST_SECRET else parts.netloc
    return f"{parts.scheme}://{host}"


def differing(old: str, new: str) -> tuple[str, str]:
    """The longest part in which a URL differs from an earlier one, and what stood there before."""
    parts = [[*labels_of(url), *parts_of(url)[3:]] for url in (old, new)]
    pairs = [*zip(*parts, strict=False)]
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
        self.rotate_to(self.described.url.reveal())

    def rotate_to(self, url: str) -> None:
        """Takes another URL for the live one."""
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
        """Whether the secret is in the name of the host."""
        return is_in_host(self.url)

    @property
    def secret(self) -> str:
        """The part of the URL that is secret: the longest segment of its path, unless that is too short for a secret.

        Then it is the longest of those and of the values of the query, or of the parts of its host's name.
        """
        if self.in_host:
            return max(labels_of(self.http.base_url), key=len)
        segment = max(self.path.partition("?")[0].split("/"), key=len)
        return segment if len(segment) >= SHORTEST_SECRET else max(parts_of(self.path), key=len)

    @property
    def long_parts(self) -> list[str]:
        """What could be the secret: of several one may be a name, which answers may tell."""
        return [each for each in parts_of(self.path) if len(each) >= SHORTEST_SECRET] or [self.secret]

    def path_with(self, secret: str) -> str:
        """The path, with its query, with another secret in the place of the live one; NotApplicable if it has none."""
        if self.in_host:
            raise NotApplicable("the webhook URL has its secret in the host name")
        return replaced(self.path, self.secret, secret)

    def path_asking(self, query: str) -> str:
        """The live path with more in its query."""
        return f"{self.path}{'&' if '?' in self.path else '?'}{query}"

    @property
    def kind(self) -> str:
        """The media type of a plain event."""
        return default_content_type(self.described)

    def event(self, **members: str) -> bytes:
        """A plain event with these members."""
        return written(self.kind, members or PLAIN)

    def event_of_size(self, size: int, **members: str) -> bytes:
        """A plain event of so many bytes, as far as its members leave room."""
        room = size - len(self.event(**members, x=""))
        return self.event(**members, x="y" * max(0, room))

    def deliver(
        self, body: bytes | Iterable[bytes] | None = None, path: str = "", headers: HeaderFields = ()
    ) -> Exchange:
        """POST of a plain event, this one or any, to the live URL, or by another path of it."""
        return self.send(
            "POST", path or self.path, self.event() if body is None else body, content_type_of(self.kind), headers
        )

    def post(
        self, body: bytes | Iterable[bytes], content_type: str | None = JSON, headers: HeaderFields = ()
    ) -> Exchange:
        """POST to the live URL."""
        return self.send("POST", self.path, body, content_type, headers)

    def send_too_much(self) -> Exchange:
        """POST of a plain event to the live URL, 3 MB more than the largest body that the target declares."""
        return self.deliver(self.event_of_size(self.described.largest_body + BEYOND))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        content_type: str | None = None,
        headers: HeaderFields = (),
    ) -> Exchange:
        """Any method to any path of the webhook's origin.

        Who sends by another method than POST may be shut out without an answer, and has delivered nothing.
        """
        declared: list[tuple[str, str | bytes]] = [("Content-Type", content_type)] if content_type is not None else []
        try:
            return self.http.send(method, path, [*declared, *headers], body)
        except NoAnswer as closed:
            if method == "POST":
                raise
            url, nothing = self.http.url_of(path), Headers()
            return Exchange(closed.exchange_ids[0], method, url, nothing, b"", UNANSWERED, nothing, b"", time.time(), 0)
