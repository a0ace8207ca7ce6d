"""Conversions of values to and from text: logins, JWT parts, gzip, names, authorities, numbers and dates."""

from __future__ import annotations

import base64
import datetime
import random
import re
import zlib
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from conformance import __version__
from conformance.vocabulary.documents import parsed_json

PORTS = {"http": 80, "https": 443}
AGENT = f"nextepoch-conformance/{__version__}"
"""The suite's User-Agent (RFC 9110 section 10.1.5)."""
MOST_DIGITS = 30
SAFE_LENGTH = 8
"""Characters that a secret needs to be redacted safely in any text; twice as many if it is plain words or a number."""
PLAIN = re.compile(r"[0-9]+|[A-Z]?[a-z]+(?:[ ._-][A-Z]?[a-z]+)*|[A-Z]+(?:[ ._-][A-Z]+)*")
"""Words, or a number."""
GZIP = b"\x1f\x8b"
"""The first bytes of gzip data (RFC 1952 section 2.3.1)."""
HEXADECIMAL = re.compile(r"(?=.*[0-9])(?:[0-9a-f-]{8,}|[0-9A-F-]{8,})")
FIXED_FORM = re.compile(r"[0-9]+|[0-9A-Fa-f-]{16,}")
CONSONANTS, DIGITS = "bcdfghjkmnpqrstvwxz", "0123456789"
ROUNDED_S = 1
"""How far two texts of one time may be apart: S3 does not state whether it truncates or rounds fractions."""
DATE_FORM = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
"""IMF-fixdate (RFC 9110 section 5.6.7)."""
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:?00)", re.ASCII)
LONGEST_TOKEN = 65_536
"""Characters of a token that are sent; common servers refuse a head of 8 to 64 KiB."""


def basic_login(name: str, password: str, scheme: str = "Basic") -> str:
    """Return the value of an Authorization field (RFC 7617 section 2)."""
    return f"{scheme} {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def base64url(text: str) -> bytes:
    """Decode base64url without padding, as in a JWT (RFC 7515 section 2); ValueError if it is invalid."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unzipped(body: bytes, most: int) -> bytes | None:
    """Return up to ``most`` decompressed bytes of a gzip body (RFC 1952); None if the body is not gzip."""
    plain, _, _ = unzipping(body, most)
    return plain


def unzipping(body: bytes, most: int) -> tuple[bytes | None, bool, bool]:
    """Do the same; also return whether the gzip member ended, and whether more data follows those bytes or its end."""
    if not body.startswith(GZIP):
        return None, False, False
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = decompressor.decompress(body, most)
    except zlib.error:
        return None, False, False
    return plain, decompressor.eof, bool(decompressor.unconsumed_tail or decompressor.unused_data)


def token_flaw(token: object) -> str:
    """Return why a token of a response cannot be sent in a header field (RFC 6750 section 2.1); "" if it can."""
    if not isinstance(token, str) or not token:
        return "it is no text" if token else "there is none"
    if len(token) > LONGEST_TOKEN:
        return f"it has {len(token)} characters, more than {LONGEST_TOKEN}"
    # RFC 6749 appendix A.12: visible ASCII characters and spaces.
    return "" if token.isascii() and token.isprintable() else "it has characters other than printable ASCII"


def part_of_jwt(token: str, index: int) -> dict[str, Any] | None:
    """Return the JOSE header (0) or the claims (1) of a JWT, unverified (RFC 7519 section 7.2); None if invalid."""
    parts = token.split(".")
    try:
        found = parsed_json(base64url(parts[index])) if len(parts) == 3 else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def with_one_changed(text: str, place: float) -> str:
    """Replace one letter or digit by another of its kind; ``place`` (0 to below 1) selects which.

    The new letter differs in more than case: hexadecimal digits mean the same in both cases.
    """
    places = [index for index, each in enumerate(text) if each.isascii() and each.isalnum()] or range(len(text))
    index = places[int(place * len(places))]
    letter = text[index]
    other = ("1" if letter != "1" else "2") if letter.isdigit() else ("b" if letter.lower() != "b" else "c")
    return text[:index] + other + text[index + 1 :]


def unused_name_like(name: str) -> str:
    """Return an unused name of the same form: its last part of four or more characters has other letters and digits.

    Of a long name without parts, the second half changes; of a short one or a number, all. The form stays, because a
    service may treat malformed names (other alphabet, UUID version or prefix) differently from unknown ones.
    """
    parts = [each.end() for each in re.finditer("[^A-Za-z0-9]", name) if len(name) - each.end() >= 4]
    half = len(name) // 2 if name.isalnum() and not name.isdecimal() and len(name) >= 8 else 0
    start = parts[-1] if parts else half
    letters = "abcdef" if HEXADECIMAL.fullmatch(name) else CONSONANTS
    new = "".join(_another(each, letters) if at >= start else each for at, each in enumerate(name))
    # Some services drop leading zeros of a number.
    new = random.choice(DIGITS[1:]) + new[1:] if name.isdecimal() else new
    return new if new != name or not any(map(str.isalnum, name)) else unused_name_like(name)


def _another(each: str, letters: str) -> str:
    """Return a random digit for a digit, a random letter of the same case for a letter; anything else unchanged."""
    if each in DIGITS:
        return random.choice(DIGITS)
    if not each.isascii() or not each.isalpha():
        return each
    return random.choice(letters if each.islower() else letters.upper())


def has_fixed_form(name: str) -> bool:
    """Return whether a name is a number or a UUID in form: a service may refuse names of other forms as malformed."""
    return FIXED_FORM.fullmatch(name) is not None


def is_common(text: str) -> bool:
    """Return whether other texts may contain a text by chance.

    Such a text has fewer than eight characters or five different ones, or is words or a number of fewer than sixteen.
    """
    plain = PLAIN.fullmatch(text) is not None and len(text) < 2 * SAFE_LENGTH
    return plain or len(text) < SAFE_LENGTH or len(set(text)) < 5


def may_have_any_case(secret: str) -> bool:
    """Return whether the case of letters may not matter: hexadecimal digits, or letters of a single case."""
    return re.fullmatch(r"[0-9A-Fa-f-]+", secret) is not None or secret in (secret.lower(), secret.upper())


def host_and_port(scheme: str, authority: str) -> tuple[str, int, str]:
    """Return host, port, and the normalised authority (RFC 3986 section 6.2): lower case, without the default port.

    Raises ValueError if the authority of an http or https URL is invalid.
    """
    parts = urlsplit(f"{scheme}://{authority}")
    host = parts.hostname or ""
    host = host if host.isascii() else host.encode("idna").decode("ascii")
    shown = f"[{host}]" if ":" in host else host
    port = parts.port if parts.port is not None else PORTS[scheme]
    return host, port, shown if port == PORTS[scheme] else f"{shown}:{port}"


def whole_number(text: str) -> int | None:
    """Parse ASCII decimal digits (RFC 9110 section 5.6: 1*DIGIT), at most 30; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def seconds_of_date(text: str) -> float | None:
    """Parse an HTTP date (RFC 9110 section 5.6.7) to seconds since the epoch; None if invalid, such as 31 February."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None


def seconds_of_time(text: str) -> float | None:
    """Parse a full ISO 8601 time in UTC to seconds since the epoch; None if invalid."""
    try:
        return datetime.datetime.fromisoformat(text).timestamp() if ISO_TIME.fullmatch(text) else None
    except ValueError:
        return None
