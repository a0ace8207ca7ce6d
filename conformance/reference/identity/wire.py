"""Strict parsers: form parameters, path segments, Basic credentials, JSON objects.

Every parser raises ValueError, and nothing else, for invalid input.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.reference.http import Request, refuse_constant

HIGHEST_BODY = 1024 * 1024
BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def percent_decoded(raw: bytes) -> str:
    """Return percent-decoded text in strict UTF-8."""
    if BROKEN_PERCENT.search(raw):
        raise ValueError("a percent sign without two hexadecimal digits")
    return unquote_to_bytes(raw).decode()


def form_decoded(raw: bytes) -> str:
    """Decode a name or value of ``application/x-www-form-urlencoded`` (RFC 6749 appendix B)."""
    return percent_decoded(raw.replace(b"+", b" "))


def equal_secrets(expected: str, presented: str) -> bool:
    """Compare two secrets in constant time."""
    expected_digest, digest = (hashlib.sha256(each.encode("utf-8", "surrogatepass")) for each in (expected, presented))
    return hmac.compare_digest(expected_digest.digest(), digest.digest())


def form_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a form or a query in order, with blank and repeated ones."""
    pairs = [part.partition(b"=") for part in raw.split(b"&") if part]
    return [(form_decoded(name), form_decoded(value)) for name, _, value in pairs]


def path_segments(raw_path: str) -> tuple[str | None, ...]:
    """Return the decoded segments of a path, None for an undecodable one; dots and empty ones are preserved."""
    return tuple(_segment(raw) for raw in raw_path.encode("latin-1").split(b"/")[1:])


def _segment(raw: bytes) -> str | None:
    try:
        return percent_decoded(raw)
    except ValueError:
        return None


def media_type(request: Request) -> str:
    """Return the media type in lower case without parameters (RFC 9110 section 8.3.1); "" if none or several."""
    named = request.headers.getlist("content-type")
    return named[0].partition(";")[0].strip().lower() if len(named) == 1 else ""


def scheme_and_rest(authorization: str) -> tuple[str, str]:
    """Return the scheme of an Authorization value in lower case (RFC 9110 section 11.1), and the rest."""
    scheme, _, rest = authorization.partition(" ")
    return scheme.lower(), rest.strip(" ")


def basic_pair(encoded: str) -> tuple[bytes, bytes]:
    """Return user-id and password of Basic credentials as bytes (RFC 7617 section 2)."""
    try:
        whole = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as mistake:
        raise ValueError("not base64") from mistake
    user, colon, password = whole.partition(b":")
    if not colon:
        raise ValueError("no colon")
    return user, password


def strict_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object in UTF-8 (RFC 8259) without repeated members, NaN or Infinity."""
    try:
        document = json.loads(body.decode(), object_pairs_hook=_members, parse_constant=refuse_constant)
    except RecursionError as mistake:
        raise ValueError("nested too deeply") from mistake
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member twice")
    return document


def is_text(value: Any, shortest: int, longest: int) -> bool:
    """Return whether a JSON value is a string of that length without NUL and lone surrogates."""
    if not isinstance(value, str) or not shortest <= len(value) <= longest or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)
