"""The grammars of the registry: names, tags, digests, and the two kinds of range."""

from __future__ import annotations

import hashlib
import re

LONGEST_NAME = 255
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_SUPPORTED = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_CONTENT_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_BYTE_RANGE = re.compile(r"\s*([0-9]{0,18})-([0-9]{0,18})\s*")


class UnsatisfiableRange(ValueError):
    """A Range header of unit bytes that selects nothing, or is malformed."""


def is_name(text: str) -> bool:
    """Return whether text is a repository name (distribution-spec 1.1, "Pulling manifests")."""
    return len(text) <= LONGEST_NAME and is_name_of_any_length(text)


def is_name_of_any_length(text: str) -> bool:
    """Return whether text follows the grammar of names, which has no length limit."""
    return _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Return whether text is a tag (distribution-spec 1.1, "Pulling manifests")."""
    return _TAG.fullmatch(text) is not None


def is_supported_digest(text: str) -> bool:
    """Return whether text is a full digest of a registered algorithm (image-spec, "Digests")."""
    return _SUPPORTED.fullmatch(text) is not None


def is_any_digest(text: object) -> bool:
    """Return whether text follows the general grammar of digests, whatever the algorithm."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None and not _is_malformed(text)


def _is_malformed(text: str) -> bool:
    return text.startswith(("sha256:", "sha512:")) and not is_supported_digest(text)


def is_media_type(text: object) -> bool:
    """Return whether text is a media type without parameters (RFC 6838 section 4.2)."""
    return isinstance(text, str) and _MEDIA_TYPE.fullmatch(text) is not None


def digest_of(content: bytes | bytearray, algorithm: str = "sha256") -> str:
    """Return the digest of the content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def content_range(text: str) -> tuple[int, int] | None:
    """Return first and last byte of an upload's Content-Range (``0-1023``, no unit); None if it is malformed."""
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        return None
    return int(match[1]), int(match[2])


def byte_range(text: str, size: int) -> tuple[int, int] | None:
    """Return first byte and end of a Range header (RFC 9110 section 14.1.2).

    None to send the whole content: another unit, several ranges, or empty content.
    UnsatisfiableRange if the range is beyond the end or malformed.
    """
    unit, _, ranges = text.partition("=")
    if unit.strip().lower() != "bytes" or "," in ranges:
        return None
    match = _BYTE_RANGE.fullmatch(ranges)
    if match is None or match[1] == match[2] == "":
        raise UnsatisfiableRange(text)
    if match[1] == "":
        return _suffix(int(match[2]), size)
    first, last = int(match[1]), int(match[2] or size)
    if last < first or first >= size:
        raise UnsatisfiableRange(text)
    return first, min(last + 1, size)


def _suffix(length: int, size: int) -> tuple[int, int] | None:
    if length == 0:
        raise UnsatisfiableRange("a suffix of no bytes")
    return (max(0, size - length), size) if size else None


def entity_tag_matches(header: str, entity_tag: str) -> bool:
    """Return whether an If-None-Match header has the entity tag, by weak comparison (RFC 9110 section 13.1.2)."""
    if header.strip() == "*":
        return True
    return entity_tag in (each.strip().removeprefix("W/") for each in header.split(","))
