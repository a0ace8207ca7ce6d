"""httpx requests whose target, fields and body are sent as given, and response fields as text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, SupportsBytes

import httpx

from conformance.vocabulary.exchange import Headers
from conformance.vocabulary.values import AGENT, PORTS, host_and_port

FRAMING = {b"content-length", b"transfer-encoding"}
TAGS = ("if-match", "if-none-match", "if-range")
DEFAULT_FIELDS = [(b"User-Agent", AGENT.encode()), (b"Accept-Encoding", b"identity")]
"""Default fields of every request.

Web application firewalls may refuse a request without User-Agent. Without Accept-Encoding a server may use any coding
(RFC 9110 section 12.5.3), and no check could judge the content.
"""

Fields = list[tuple[bytes, bytes]]
Content = bytes | Iterable[bytes]


class Origin(NamedTuple):
    """The destination of requests. ``authority`` is the value of the Host field (RFC 9110 section 7.2)."""

    scheme: str
    host: str
    port: int
    authority: str

    @property
    def url(self) -> httpx.URL:
        """The origin as a URL without a path. Raises httpx.InvalidURL if httpx refuses the host."""
        return _url_of(self)


@lru_cache(maxsize=256)
def _url_of(origin: Origin) -> httpx.URL:
    return httpx.URL(f"{origin.scheme}://{origin.authority}")


class ExactUrl(httpx.URL):
    """A URL with an exact path and query: httpx.URL would remove dot segments and quote characters."""

    def __init__(self, origin: Origin, target: bytes) -> None:
        super().__init__(origin.url)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        """The request target."""
        return self._target


class Body(httpx.SyncByteStream):
    """A request body: bytes, or an iterable of parts."""

    def __init__(self, content: Content) -> None:
        self.content = content

    @property
    def can_be_sent_again(self) -> bool:
        """Whether the body can be iterated more than once."""
        return not isinstance(self.content, Iterator)

    @property
    def recorded(self) -> bytes:
        """The body for the evidence; b"" for a generated body, which may have no end."""
        # Bytes first: isinstance with the protocol SupportsBytes is slow.
        if isinstance(self.content, bytes | SupportsBytes):
            return bytes(self.content)
        return b"".join(self.content) if isinstance(self.content, list | tuple) else b""

    def __iter__(self) -> Iterator[bytes]:
        if not isinstance(self.content, bytes):
            yield from self.content
        elif self.content:
            yield self.content


@lru_cache(maxsize=256)
def origin_of(scheme: str, netloc: str) -> Origin:
    """Return an origin. Raises httpx.UnsupportedProtocol, or ValueError for an invalid host or port."""
    if scheme not in PORTS:
        raise httpx.UnsupportedProtocol(f"Request URL has an unsupported protocol '{scheme}://'.")
    return Origin(scheme, *host_and_port(scheme, netloc))


def split(url: str) -> tuple[Origin, str]:
    """Return the origin of a URL, and its path and query without normalization."""
    scheme, _, rest = url.partition("://")
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    target = rest[end:].partition("#")[0]
    return origin_of(scheme.lower(), rest[:end]), target if target.startswith("/") else f"/{target}"


def framed(method: str, origin: Origin, headers: Fields, content: Content) -> Fields:
    """Return the given fields with Host and the field that frames the body."""
    names = {name.lower() for name, _ in headers}
    fields = list(headers)
    if isinstance(content, bytes):
        if content and b"content-length" not in names:
            fields.append((b"Content-Length", b"%d" % len(content)))
        elif not content and method in ("POST", "PUT", "PATCH") and not names & FRAMING:
            fields.insert(0, (b"Content-Length", b"0"))
    elif not names & FRAMING:
        fields.append((b"Transfer-Encoding", b"chunked"))
    if b"host" not in names:
        fields.insert(0, (b"Host", origin.authority.encode("ascii")))
    return fields


def _octets(name: str, value: str) -> bytes:
    """Encode a field value. An entity tag, decoded as Latin-1, keeps the bytes in which it was received."""
    if name.lower() in TAGS:
        with contextlib.suppress(UnicodeEncodeError):
            return value.encode("latin-1")
    return value.encode("utf-8")


def request(method: str, url: str, headers: Iterable[tuple[str, str | bytes]], content: Content) -> httpx.Request:
    """Return a request with the default fields. Raises ValueError or httpx.InvalidURL for an invalid request."""
    origin, target = split(url)
    fields = [
        (name.encode("latin-1"), value if isinstance(value, bytes) else _octets(name, value)) for name, value in headers
    ]
    names = {name.lower() for name, _ in fields}
    fields += [each for each in DEFAULT_FIELDS if each[0].lower() not in names]
    built = httpx.Request(method, origin.url, headers=framed(method, origin, fields, content), stream=Body(content))
    # httpx.Request converts a method to upper case and a URL to its own type.
    built.method, built.url = method, ExactUrl(origin, target.encode("utf-8"))
    built.extensions.update(origin=origin, url=url)
    return built


def text_fields(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return fields as text, without losing a byte."""
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
