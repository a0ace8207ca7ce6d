"""Variants whose responses use every framing that HTTP/1.1 allows, in turn.

These servers are correct, but unlike any common one. A client with a conforming HTTP library sees no difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from email.utils import formatdate

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Fields, Request, fields_of, head

Way = Callable[[Request, Answer], bytes]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"
LARGE = 60 * 1024
MANY = 90
"""Fields of one answer: the HTTP library of the SDK that is documented reads no more than a hundred."""


def is_bare(request: Request, answer: Answer) -> bool:
    """Return whether an answer ends with its head (RFC 9112 section 6.3)."""
    return request.method == "HEAD" or answer.status in (204, 304)


def length(request: Request, answer: Answer) -> Fields:
    """Return the field that states the length of the body (RFC 9110 section 8.6)."""
    length_field = answer.headers.get("content-length")
    if is_bare(request, answer):
        return [("Content-Length", length_field)] if length_field and answer.status != 204 else []
    return [("Content-Length", str(len(answer.body)))]


def content(request: Request, answer: Answer) -> bytes:
    """Return the body unchanged."""
    return b"" if is_bare(request, answer) else answer.body


def after_interim_responses(request: Request, answer: Answer) -> bytes:
    """RFC 9110 section 15.2: a client reads any number of 1xx responses before the final one."""
    return CONTINUE + HINTS + plain(request, answer)


def after_100_continue(request: Request, answer: Answer) -> bytes:
    """The same without 103, which Python's http.client, and so the SDK, takes for the final response."""
    return CONTINUE * 3 + plain(request, answer)


def in_chunks(request: Request, answer: Answer) -> bytes:
    """RFC 9112 sections 7 and 7.1: the coding's name in any case, chunk extensions, and trailer fields."""
    if is_bare(request, answer):
        return head(answer, length(request, answer))
    half = len(answer.body) // 2
    parts = [part for part in (answer.body[:half], answer.body[half:]) if part]
    chunks = b"".join(b'%04X;half;of="a ; b"\r\n%s\r\n' % (len(part), part) for part in parts)
    return (
        head(answer, [("Trailer", "X-Checked"), ("Transfer-Encoding", "Chunked")])
        + chunks
        + (b"000;last\r\nX-Checked: yes\r\n\r\n")
    )


def in_capitals(request: Request, answer: Answer) -> bytes:
    """RFC 9110 section 5.1, RFC 9112 section 5: field names in any case, with or without blanks around values."""
    raw = fields_of(answer) + length(request, answer)
    lines = [
        f"{name.upper()}:{value}\t " if place % 2 else f"{name}: \t{value} \t"
        for place, (name, value) in enumerate(raw)
    ]
    head = "\r\n".join([f"HTTP/1.1 {answer.status} well then", *lines, "", ""]).encode("latin-1")
    return head + content(request, answer)


def without_reason(request: Request, answer: Answer) -> bytes:
    """RFC 9112 section 4: the reason phrase may be missing."""
    return head(answer, length(request, answer), reason="") + content(request, answer)


def in_a_large_head(request: Request, answer: Answer) -> bytes:
    """RFC 9110 section 5.4: neither the size nor the number of fields is limited."""
    large = [
        ("X-Large", "x" * LARGE),
        *((f"X-Of-Many-{number}", "") for number in range(MANY - len(fields_of(answer)))),
    ]
    return head(answer, large + length(request, answer)) + content(request, answer)


def of_an_older_server(request: Request, answer: Answer) -> bytes:
    """RFC 9110 section 6.2: a server states the version that it conforms to, here HTTP/1.0."""
    return head(answer, [*length(request, answer), ("Connection", "close")], "HTTP/1.0") + content(request, answer)


def up_to_the_end(request: Request, answer: Answer) -> bytes:
    """RFC 9112 section 6.3: a body without a length ends with the connection."""
    fields = length(request, answer) if is_bare(request, answer) else []
    return head(answer, [*fields, ("Connection", "close")]) + content(request, answer)


def plain(request: Request, answer: Answer) -> bytes:
    """In the usual form."""
    return head(answer, length(request, answer)) + content(request, answer)


# Each with whether the connection closes after it, even without Connection: close (RFC 9112 section 9.5).
WAYS: tuple[tuple[Way, bool], ...] = (
    (after_interim_responses, False), (in_chunks, False), (in_capitals, False), (without_reason, False),
    (of_an_older_server, True), (plain, True), (up_to_the_end, True),
)  # fmt: skip
SELDOM = 50


class _FramedInEveryWay(Variant):
    """RFC 9112: each response is framed differently from the one before."""

    def __init__(self) -> None:
        self.ways = itertools.cycle(WAYS)
        self.answers = itertools.count(1)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        way, answer.closes = next(self.ways) if next(self.answers) % SELDOM else (in_a_large_head, False)
        answer.headers.setdefault("date", formatdate(usegmt=True))
        answer.wire = self._fitting(way, answer)(request, answer)
        return answer

    def _fitting(self, way: Way, answer: Answer) -> Way:
        """Return the framing, or another one that the surface's contract allows."""
        return way


class IdentityFramedInEveryWay(_FramedInEveryWay):
    """RFC 9112: the token endpoint and the organization APIs use every framing of HTTP."""

    surface = "identity"


class RegistryFramedInEveryWay(_FramedInEveryWay):
    """RFC 9112: the registry uses every framing of HTTP."""

    surface = "registry"


class StorageFramedInEveryWay(_FramedInEveryWay):
    """RFC 9112: the gateway uses every framing of HTTP; objects keep their Content-Length.

    S3 API Reference, Common response headers: Content-Length.
    """

    surface = "storage"

    def _fitting(self, way: Way, answer: Answer) -> Way:
        """Return a framing that the SDK reads; only objects have an ETag."""
        others: dict[Way, Way] = {after_interim_responses: after_100_continue}
        if "etag" in answer.headers:
            others |= {in_chunks: plain, up_to_the_end: of_an_older_server}
        return others.get(way, way)


class WebhooksFramedInEveryWay(_FramedInEveryWay):
    """RFC 9112: the webhooks use every framing of HTTP."""

    surface = "webhooks"
