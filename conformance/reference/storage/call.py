"""An authenticated S3 call, and the parsing of path, query and headers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers

from conformance.reference.http import Request
from conformance.reference.storage.faults import Fault

_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_INTEGER = re.compile("[0-9]{1,10}")


def decoded(text: str, code: str = "InvalidURI") -> str:
    """Return percent-decoded UTF-8 of received text (latin-1); Fault if it is malformed."""
    if _BROKEN_ESCAPE.search(text):
        raise Fault(code)
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise Fault(code) from None


def pairs(query_string: str) -> list[tuple[str, str]]:
    """Return query pairs as sent, undecoded."""
    parts = (part.partition("=") for part in query_string.split("&") if part)
    return [(name, value) for name, _, value in parts]


def query_of(request: Request) -> dict[str, str]:
    """Return decoded query parameters, the first of each name; Fault InvalidURI."""
    found: dict[str, str] = {}
    for name, value in pairs(request.query_string):
        found.setdefault(decoded(name.replace("+", " ")), decoded(value.replace("+", " ")))
    return found


def whole_number(name: str, value: str, highest: int = 2**31 - 1) -> int:
    """Parse a non-negative decimal integer; Fault InvalidArgument."""
    if not _INTEGER.fullmatch(value) or int(value) > highest:
        raise Fault("InvalidArgument", f"Provided {name} not an integer or within integer range")
    return int(value)


@dataclass(frozen=True)
class Signer:
    """The signer of a request, and the input of chunk signatures."""

    organization: str
    signing_key: bytes
    timestamp: str
    scope: str
    signature: str
    payload_hash: str


@dataclass
class Call:
    """A request with a valid signature; ``body`` is the payload without chunk framing."""

    request: Request
    signer: Signer
    bucket: str
    key: str
    query: dict[str, str]
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> Headers:
        return self.request.headers

    @property
    def organization(self) -> str:
        return self.signer.organization

    @property
    def payload_is_signed(self) -> bool:
        """Whether the signature covers the payload, by its hash or chunk by chunk."""
        return self.signer.payload_hash not in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")

    def number(self, name: str, default: int, highest: int = 2**31 - 1) -> int:
        """Return a non-negative integer parameter; Fault InvalidArgument."""
        return whole_number(name, self.query[name], highest) if name in self.query else default
