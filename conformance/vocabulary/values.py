"""Values as text: what any request says of us and of who asks, and numbers and dates that anybody may have written."""

from __future__ import annotations

import base64
import datetime
import json
import random
import re
import zlib
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from conformance import __version__

PORTS = {"http": 80, "https": 443}
AGENT = f"nextepoch-conformance/{__version__}"
"""Who asks, in the words of User-Agent (RFC 9110 section 10.1.5)."""
MOST_DIGITS = 30
SAFE_LENGTH = 8
"""Characters that a secret needs, so that it can be replaced in any text; twice as many where it is a plain word."""
PLAIN = re.compile(r"[0-9]+|[A-Z]?[a-z]+(?:[ ._-][A-Z]?[a-z]+)*|[A-Z]+(?:[ ._-][A-Z]+)*")
"""Words, or a number."""
GZIP = b"\x1f\x8b"
"""What begins all that gzip has made (RFC 1952 section 2.3.1)."""
OF_HEXADECIMAL = re.compile(r"(?=.*[0-9])(?:[0-9a-f-]{8,}|[0-9A-F-]{8,})")
OF_A_FORM = re.compile(r"[0-9]+|[0-9A-Fa-f-]{16,}")
CONSONANTS, DIGITS = "bcdfghjkmnpqrstvwxz", "0123456789"
ROUNDED_S = 1
"""How far two texts of one time may be apart: S3 does not say whether its fraction is cut off or rounded."""
DATE_FORM = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
"""IMF-fixdate (RFC 9110 section 5.6.7)."""
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:?00)", re.ASCII)


def basic_login(name: str, password: str, scheme: str = "Basic") -> str:
    """The value of an Authorization field (RFC 7617 section 2)."""
    return f"{scheme} {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def base64url(text: str) -> bytes:
    """The bytes of base64url without padding, as in a JWT (RFC 7515 section 2); ValueError where it is none."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unzipped(body: bytes, most: int) -> bytes | None:
    """The first bytes, ``most`` at most, of what gzip has made a body of (RFC 1952); None where it has not."""
    plain, _, _ = unzipping(body, most)
    return plain


def unzipping(body: bytes, most: int) -> tuple[bytes | None, bool, bool]:
    """The same; whether it came to an end, and whether more came than that: behind these bytes, or behind the end."""
    if not body.startswith(GZIP):
        return None, False, False
    opening = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = opening.decompress(body, most)
    except zlib.error:
        return None, False, False
    return plain, opening.eof, bool(opening.unconsumed_tail or opening.unused_data)


def part_of_jwt(token: str, place: int) -> dict[str, Any] | None:
    """The JOSE header (0) or the claims (1) of a JWT, unverified (RFC 7519 section 7.2); None where it is none."""
    parts = token.split(".")
    try:
        found = json.loads(base64url(parts[place])) if len(parts) == 3 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def with_one_changed(text: str, place: float) -> str:
    """A text with one letter or digit, at a place from 0 to below 1 among them, replaced by another of its kind.

    Never by the same letter in other case, which means the same in hexadecimal digits.
    """
    places = [index for index, each in enumerate(text) if each.isascii() and each.isalnum()] or range(len(text))
    index = places[int(place * len(places))]
    letter = text[index]
    other = ("1" if letter != "1" else "2") if letter.isdigit() else ("b" if letter.lower() != "b" else "c")
    return text[:index] + other + text[index + 1 :]


def another_like(name: str) -> str:
    """A name of the same form that nobody has: with other letters and digits in its last part of four or more.

    Of a long name without parts, its second half; of a short one or a number, all. A service may tell what cannot be
    one of its names, by its kind of letters, a version of UUID or the word before a mark, from what is none.
    """
    parts = [each.end() for each in re.finditer("[^A-Za-z0-9]", name) if len(name) - each.end() >= 4]
    half = len(name) // 2 if name.isalnum() and not name.isdecimal() and len(name) >= 8 else 0
    begins = parts[-1] if parts else half
    letters = "abcdef" if OF_HEXADECIMAL.fullmatch(name) else CONSONANTS
    made = "".join(_another(each, letters) if at >= begins else each for at, each in enumerate(name))
    # A number that begins with zero is another one for some.
    made = random.choice(DIGITS[1:]) + made[1:] if name.isdecimal() else made
    return made if made != name or not any(map(str.isalnum, name)) else another_like(name)


def _another(each: str, letters: str) -> str:
    """A digit for a digit, a letter of the same case for a letter; anything else as it is."""
    if each in DIGITS:
        return random.choice(DIGITS)
    if not each.isascii() or not each.isalpha():
        return each
    return random.choice(letters if each.islower() else letters.upper())


def has_a_form(name: str) -> bool:
    """Whether a name is a number, or as many hexadecimal digits as make a UUID: what is of another form is no such."""
    return OF_A_FORM.fullmatch(name) is not None


def is_common(text: str) -> bool:
    """Return whether a text is so short or so plain that other texts may contain it by chance.

    It has fewer than eight characters or five different ones, or it is plain words or a number of fewer than sixteen.
    """
    plain = PLAIN.fullmatch(text) is not None and len(text) < 2 * SAFE_LENGTH
    return plain or len(text) < SAFE_LENGTH or len(set(text)) < 5


def may_have_any_case(secret: str) -> bool:
    """Whether letters of other case may mean the same: a number in hexadecimal digits, or letters of one case alone."""
    return re.fullmatch(r"[0-9A-Fa-f-]+", secret) is not None or secret in (secret.lower(), secret.upper())


def host_and_port(scheme: str, authority: str) -> tuple[str, int, str]:
    """Host, port, and both as servers write them (RFC 3986 section 6.2): in small letters, no port that is understood.

    ValueError where the authority of an http or https URL names none that can be.
    """
    parts = urlsplit(f"{scheme}://{authority}")
    host = parts.hostname or ""
    host = host if host.isascii() else host.encode("idna").decode("ascii")
    shown = f"[{host}]" if ":" in host else host
    port = parts.port if parts.port is not None else PORTS[scheme]
    return host, port, shown if port == PORTS[scheme] else f"{shown}:{port}"


def whole_number(text: str) -> int | None:
    """A whole number in decimal digits of ASCII (RFC 9110 section 5.6: 1*DIGIT); None for any other text.

    A number of more digits than a client can count with is none either.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def seconds_of_date(text: str) -> float | None:
    """An HTTP date (RFC 9110 section 5.6.7) in seconds since the epoch; None for what is none, as 31 February."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None


def seconds_of_time(text: str) -> float | None:
    """A time in UTC as ISO 8601 writes it in full, in seconds since the epoch; None for what is none."""
    try:
        return datetime.datetime.fromisoformat(text).timestamp() if ISO_TIME.fullmatch(text) else None
    except ValueError:
        return None
