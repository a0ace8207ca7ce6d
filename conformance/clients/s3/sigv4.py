"""AWS Signature Version 4 for S3, in the header and in the query.

``sign`` and ``presign`` return a new ``Request`` with a signature, which checks may alter with ``dataclasses.replace``.
Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Keys:
    """An access key with its secret, and the credential scope."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"
    service: str = "s3"
    terminator: str = "aws4_request"


@dataclass(frozen=True)
class Request:
    """One request as on the wire: ``path`` percent-encoded, ``query`` pairs as plain text.

    ``raw_query`` replaces the encoded query.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    raw_query: str | None = None

    @property
    def target(self) -> str:
        """Path and query as sent."""
        query = self.raw_query if self.raw_query is not None else query_string(self.query)
        return f"{self.path}?{query}" if query else self.path

    @property
    def head(self) -> bytes:
        """Request line and fields as sent, without the final blank line."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines).encode()

    def header(self, name: str) -> str | None:
        """Return the first value of a header field."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str) -> Request:
        """Return the request with a field set to one value."""
        return self.with_headers((name, value))

    def with_headers(self, *fields: tuple[str, str]) -> Request:
        """Return the request with each of these fields set to one value."""
        return replace(self, headers=(*self._headers_except(dict(fields)), *fields))

    def without(self, *names: str) -> Request:
        """Return the request without these fields."""
        return replace(self, headers=tuple(self._headers_except(names)))

    def _headers_except(self, names: Iterable[str]) -> list[tuple[str, str]]:
        left_out = {name.lower() for name in names}
        return [pair for pair in self.headers if pair[0].lower() not in left_out]


@dataclass(frozen=True)
class Signing:
    """How to sign: the time (seconds since the epoch), the payload hash, and the unsigned fields.

    ``payload`` None: the SHA-256 of the body. ``scope_date``: a different date in the scope. ``timed_by``: the field
    with the time, ``x-amz-date`` or ``Date``.
    """

    when: float | None = None
    payload: str | None = None
    unsigned: frozenset[str] = field(default_factory=frozenset)
    scope_date: str | None = None
    timed_by: str = "x-amz-date"

    def timestamp(self) -> str:
        """Return the time in the form of ``x-amz-date``."""
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.when if self.when is not None else time.time()))

    def time_field(self, timestamp: str) -> tuple[str, str]:
        """Return the header field for a timestamp."""
        if self.timed_by == "x-amz-date":
            return self.timed_by, timestamp
        return self.timed_by, formatdate(calendar.timegm(time.strptime(timestamp, "%Y%m%dT%H%M%SZ")), usegmt=True)


def encoded(text: str | bytes, safe: str = "") -> str:
    """Percent-encode all but unreserved characters (RFC 3986 section 2.3), as the signature requires."""
    return quote(text, safe=f"-._~{safe}")


def query_string(query: Iterable[tuple[str, str]]) -> str:
    """Return pairs as a query string; a name with an empty value keeps its equals sign."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in query)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of bytes in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def hmac_sha256(key: bytes, text: str) -> bytes:
    """Return the HMAC-SHA-256 of a text."""
    return hmac.digest(key, text.encode(), "sha256")


@lru_cache(maxsize=64)
def signing_key(keys: Keys, date: str) -> bytes:
    """Return the key of one day, region and service."""
    key = f"AWS4{keys.secret_key}".encode()
    for part in (date, keys.region, keys.service, keys.terminator):
        key = hmac_sha256(key, part)
    return key


def scope_of(keys: Keys, date: str) -> str:
    """Return the credential scope."""
    return f"{date}/{keys.region}/{keys.service}/{keys.terminator}"


def canonical_request(request: Request, signed: Sequence[str], payload: str) -> str:
    """Return the canonical request."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in request.query)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = [request.method, request.path, query]
    for name in signed:
        values = [" ".join(value.split()) for key, value in request.headers if key.lower() == name]
        lines.append(f"{name}:{','.join(values)}")
    return "\n".join([*lines, "", ";".join(signed), payload])


def signature_of(request: Request, keys: Keys, signed: Sequence[str], payload: str, timestamp: str, date: str) -> str:
    """Return the signature of a request."""
    digest = sha256_hex(canonical_request(request, signed, payload).encode())
    text = "\n".join([ALGORITHM, timestamp, scope_of(keys, date), digest])
    return hmac_sha256(signing_key(keys, date), text).hex()


def signed_names(request: Request, unsigned: frozenset[str]) -> list[str]:
    """Return the names of the fields to sign, in order."""
    return sorted({name.lower() for name, _ in request.headers} - unsigned)


def sign(request: Request, keys: Keys, signing: Signing | None = None) -> Request:
    """Return the request, which must have its Host, with its time, x-amz-content-sha256 and Authorization."""
    signing = signing or Signing()
    timestamp = signing.timestamp()
    date = signing.scope_date or timestamp[:8]
    payload = signing.payload if signing.payload is not None else sha256_hex(request.body)
    ready = request.with_headers(signing.time_field(timestamp), ("x-amz-content-sha256", payload))
    signed = signed_names(ready, signing.unsigned)
    signature = signature_of(ready, keys, signed, payload, timestamp, date)
    credential = f"{keys.access_key}/{scope_of(keys, date)}"
    fields = f"Credential={credential}, SignedHeaders={';'.join(signed)}, Signature={signature}"
    return ready.with_header("Authorization", f"{ALGORITHM} {fields}")


def presign(request: Request, keys: Keys, expires: str = "60", signing: Signing | None = None) -> Request:
    """Return the request with its signature in the query; its existing fields are signed."""
    signing = signing or Signing()
    timestamp = signing.timestamp()
    date = signing.scope_date or timestamp[:8]
    signed = signed_names(request, signing.unsigned)
    query: Pairs = (
        *request.query,
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{keys.access_key}/{scope_of(keys, date)}"),
        ("X-Amz-Date", timestamp),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", ";".join(signed)),
    )
    ready = replace(request, query=query)
    signature = signature_of(ready, keys, signed, signing.payload or UNSIGNED, timestamp, date)
    return replace(ready, query=(*query, ("X-Amz-Signature", signature)))


def signature_in(request: Request) -> str:
    """Return the signature in a request's Authorization field."""
    return (request.header("authorization") or "").rpartition("Signature=")[2]
