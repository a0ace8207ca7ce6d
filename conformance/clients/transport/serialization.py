"""Requests as they are written on the wire, and fields of answers as text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import SupportsBytes

from conformance.clients.transport import connections
from conformance.clients.transport.connections import Request
from conformance.vocabulary.exchange import Headers
from conformance.vocabulary.values import AGENT

TAGS = ("if-match", "if-none-match", "if-range")
OF_EACH = [(b"User-Agent", AGENT.encode()), (b"Accept-Encoding", b"identity")]
"""What each request says that says nothing else: who asks, and that content comes as it is.

Without the one, firewalls in front of a service refuse what they take for an attack; without the other, any coding is
acceptable (RFC 9110 section 12.5.3), and no check could tell what came.
"""


def _octets(name: str, value: str) -> bytes:
    """A field's value on the wire: an entity tag goes back as the very bytes, read as Latin-1, that it came in."""
    if name.lower() in TAGS:
        with contextlib.suppress(UnicodeEncodeError):
            return value.encode("latin-1")
    return value.encode("utf-8")


def request(
    method: str, url: str, headers: tuple[tuple[str, str | bytes], ...], body: bytes | Iterable[bytes]
) -> Request:
    """A request with what each says that says nothing else."""
    origin, target = connections.split(url)
    given = [
        (name.encode("latin-1"), value if isinstance(value, bytes) else _octets(name, value)) for name, value in headers
    ]
    names = {name.lower() for name, _ in given}
    given += [each for each in OF_EACH if each[0].lower() not in names]
    return Request(origin, method, target.encode("utf-8"), connections.framed(method, origin, given, body), body)


def told(body: bytes | Iterable[bytes]) -> bytes:
    """A body as it is recorded: nothing of one that is made while it is sent, and may have no end."""
    # Bytes first, which nearly all are: what else can be made bytes of is found out slowly.
    if isinstance(body, bytes | SupportsBytes):
        return bytes(body)
    return b"".join(body) if isinstance(body, list | tuple) else b""


def read(fields: connections.Fields) -> Headers:
    """Fields as text, no byte of theirs lost."""
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
