"""Pure functions of Signature Version 4 (S3 API Reference, "Signature Calculations")."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256().hexdigest()
_ISO_BASIC = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SPACES = re.compile(" +")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def encoded(sent: str, safe: str = "") -> str:
    """Re-encode percent-encoded text as the signature requires."""
    return quote(unquote_to_bytes(sent.encode("latin-1")), safe=safe + "-_.~")


def canonical_query(sent: Iterable[tuple[str, str]]) -> str:
    """Return the sent pairs re-encoded and sorted by name and value; a plus sign means a space."""
    pairs = ((encoded(name.replace("+", " ")), encoded(value.replace("+", " "))) for name, value in sent)
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def trimmed(value: str) -> str:
    """Return a header value without outer spaces, and with single inner ones."""
    return _SPACES.sub(" ", value.strip())


@lru_cache(maxsize=64)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key derived for a day, a region and a service."""
    key = b"AWS4" + secret.encode()
    for step in (date, region, service, "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return key


def signature(key: bytes, text: str) -> str:
    """Return the signature of a string to sign, in lower-case hexadecimal."""
    return hmac.digest(key, text.encode("latin-1"), "sha256").hex()


def string_to_sign(timestamp: str, scope: str, canonical_request: str) -> str:
    """Return the string to sign of a request."""
    return "\n".join((ALGORITHM, timestamp, scope, sha256_hex(canonical_request.encode("latin-1"))))


def seconds_of(timestamp: str) -> float | None:
    """Return a timestamp of the form 20130524T000000Z as seconds since the epoch; None if it is malformed."""
    if not _ISO_BASIC.fullmatch(timestamp):
        return None
    try:
        return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def timestamp_of(date: str) -> str | None:
    """Return a Date header, in HTTP or ISO 8601 form, as a timestamp; None if it is neither."""
    if _ISO_BASIC.fullmatch(date):
        return date
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (TypeError, ValueError, OverflowError):
        return None
