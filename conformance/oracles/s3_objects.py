"""Objects: their bytes, header fields and ranges, and that a refused request has no effect on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conformance.evidence.judgements.successes import ENTITY_TAG
from conformance.oracles.headers import clock_of
from conformance.oracles.s3_documents import tags_of
from conformance.oracles.status import expect_status, observed, unlike, unlike_field
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, forbidden_value, wrong_bytes, wrong_status
from conformance.vocabulary.wording import field_of, worded

CLOCKS_S = 300


def short(body: bytes) -> str:
    """Return a short body as text, or the size and both ends of a long one."""
    return worded(body) if len(body) <= 60 else f"{worded(body[:20])}…{worded(body[-20:])} ({len(body)} bytes)"


def expect_bytes(reply: Exchange, body: bytes, because: str = "") -> None:
    """Expect 200 with exactly these bytes."""
    expect_status(reply, 200, because or f"with the body {short(body)}")
    if reply.body != body:
        reason = f" {because}" if because else ""
        raise NonConformance(
            f"the body {short(body)}{reason}",
            f"the body {short(reply.body)}{_first_difference(reply.body, body)}",
            reply,
            deviation=wrong_bytes(body),
        )


def _first_difference(found: bytes, expected: bytes) -> str:
    """Return where two long bodies begin to differ."""
    if max(len(found), len(expected)) <= 60:
        return ""
    place = next((at for at, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other), None)
    return f", which differs from byte {place if place is not None else min(len(found), len(expected))} on"


def expect_stored(reply: Exchange, body: bytes) -> None:
    """Expect an object to have these bytes after a refused request."""
    expect_bytes(reply, body, "for the object stored before the refused request")


def open_to_all(expected: str, written: Exchange, read: Exchange) -> NonConformance:
    """Return the finding that protected data can be read; the write may as well be refused."""
    return NonConformance(expected, observed(read), written, read, deviation=wrong_status(range(400, 500)))


def expect_nothing_stored(reply: Exchange, because: str = "for a key whose only write had to be refused") -> None:
    """Expect no object under a key."""
    expect_status(reply, 404, because)


def expect_etag(reply: Exchange) -> str:
    """Expect one ETag; return it. Another promise covers its form."""
    found = reply.headers.all("etag")
    if len(found) != 1:
        got = f"{len(found)} ETags: {', '.join(found)}" if found else f"{reply.status} without ETag"
        got = observed(reply) if reply.status >= 400 else got
        raise NonConformance("one ETag", got, reply)
    return found[0]


def expect_entity_tag(reply: Exchange) -> str:
    """Expect one ETag that is a quoted string (RFC 9110 section 8.8.3) and strong; return it.

    Section 13.1.1 compares If-Match strongly: a weak ETag never matches in a conditional write.
    """
    tag = expect_etag(reply)
    if not ENTITY_TAG.fullmatch(tag):
        expected = "a strong ETag, which If-Match requires" if tag.startswith("W/") else "one ETag in quotation marks"
        raise NonConformance(expected, f"ETag {tag}", reply)
    return tag


def expect_same_etag(*replies: Exchange) -> str:
    """Expect the same ETag in all responses."""
    tags = [expect_etag(reply) for reply in replies]
    for tag, reply in zip(tags, replies, strict=True):
        if tag != tags[0]:
            raise NonConformance(
                f"ETag {tags[0]}, as {replies[0].method} returned",
                f"ETag {tag} from {reply.method}",
                replies[0],
                reply,
            )
    return tags[0]


def expect_headers(reply: Exchange, fields: Mapping[str, str]) -> None:
    """Expect every field with its value."""
    for name, value in fields.items():
        if reply.headers.get(name) != value:
            raise unlike_field(f"{name}: {value}", reply, name, value)


def expect_no_longer(reply: Exchange, fields: Mapping[str, str], because: str = "") -> None:
    """Expect none of the fields to have its former value; a gateway may set a default."""
    for name, value in fields.items():
        if reply.headers.get(name) == value:
            expected = f"no {name}: {value} {because}".strip()
            raise NonConformance(expected, f"{name}: {value}", reply, deviation=forbidden_value(name, value))


def expect_if_present(reply: Exchange, fields: Mapping[str, str]) -> None:
    """Expect the given value of every field that is present."""
    for name, value in fields.items():
        if (found := reply.headers.get(name)) not in (None, value):
            raise NonConformance(f"{name}: {value}, or no {name}", f"{name}: {found}", reply)


def expect_same_headers(reply: Exchange, other: Exchange, names: Iterable[str]) -> None:
    """Expect the fields with the values of another response."""
    for name in names:
        value, found = other.headers.get(name), reply.headers.get(name)
        if value is None or found != value:
            expected = f"{name} in both responses" if value is None else f"{name}: {value}, as {other.method} returned"
            neither = f"no {name} from {other.method}" + (f" and from {reply.method}" if found is None else "")
            got = neither if value is None else field_of(reply, name)
            raise NonConformance(expected, got, other, reply)


def expect_length(reply: Exchange, size: int) -> None:
    """Expect this Content-Length; with Transfer-Encoding there is none (RFC 9112 section 6.2)."""
    if "transfer-encoding" not in reply.headers:
        expect_headers(reply, {"content-length": str(size)})


def expect_range(reply: Exchange, whole: bytes, first: int, last: int) -> None:
    """Expect 206 with the bytes from first to last of the whole, and their Content-Range.

    If the range is the whole, 200 passes as well (RFC 9110 section 14.2).
    """
    is_all = (first, last) == (0, len(whole) - 1)
    expect_status(reply, {200, 206} if is_all else 206, f"for bytes {first}-{last} of {len(whole)}")
    if reply.status == 200:
        expect_bytes(reply, whole)
        return
    expected = f"bytes {first}-{last}/{len(whole)}"
    if reply.headers.get("content-range") != expected:
        raise unlike_field(f"Content-Range: {expected}", reply, "Content-Range", expected)
    part = whole[first : last + 1]
    if reply.body != part:
        deviation = wrong_bytes(part)
        raise NonConformance(f"the bytes {short(part)}", f"the bytes {short(reply.body)}", reply, deviation=deviation)


def expect_range_or_whole(reply: Exchange, whole: bytes, first: int, last: int, because: str = "") -> None:
    """Expect 206 with the bytes from first to last, or 200 with the whole: a Range may be ignored.

    RFC 9110 section 14.2: "A server MAY ignore the Range header field."
    """
    expect_status(reply, {200, 206}, because)
    if reply.status == 206:
        expect_range(reply, whole, first, last)
    else:
        expect_bytes(reply, whole, because)


def expect_head_of_range(reply: Exchange, size: int, first: int, last: int) -> None:
    """Expect the header section of bytes first to last: 206 with Content-Range, or 200 with either length.

    S3 API Reference, HeadObject, Range: "only the ContentLength is affected in the response." By RFC 9110 section 14.2
    HEAD ignores a Range.
    """
    expect_status(reply, {200, 206}, f"for HEAD of bytes {first}-{last} of {size}")
    part = str(last - first + 1)
    if reply.status == 206:
        expect_headers(reply, {"Content-Length": part, "Content-Range": f"bytes {first}-{last}/{size}"})
    elif reply.headers.get("content-length") not in (part, str(size)):
        raise NonConformance(f"Content-Length: {part} or {size}", field_of(reply, "Content-Length"), reply)


def require_clocks(reply: Exchange) -> None:
    """Raise Inconclusive if the target's clock differs too much from this machine's for checks of request times.

    Those checks use times ten or twenty minutes off; clocks may differ by fifteen (S3 API Reference,
    RequestTimeTooSkewed).
    """
    if abs(off := clock_of(reply) - reply.started) >= CLOCKS_S:
        raise Inconclusive(
            f"the target's clock differs from this machine's by {off:+.0f} s",
            "correct clocks on the target and on this machine",
        )


def expect_stored_or_refused(put: Exchange, got: Exchange, body: bytes) -> None:
    """Expect a PUT to be stored under exactly its key, or to be refused with 4xx or 501 and not stored."""
    if put.ok:
        expect_bytes(got, body, "under the key of the PUT")
    elif not 400 <= put.status < 500 and put.status != 501:
        raise unlike("2xx, or a 4xx refusal", put, [*range(200, 300), *range(400, 500), 501])
    else:
        expect_status(got, {400, 403, 404, 405, 414, 501}, "for a key whose PUT was refused")


def expect_tag_set(reply: Exchange, tags: dict[str, str], *after: Exchange) -> None:
    """Expect GetObjectTagging to return exactly these tags (S3 API Reference, Tagging).

    ``after`` are the requests that may have changed them, and may as well be refused.
    """
    found = tags_of(reply)
    if found != tags:
        raise NonConformance(f"the tags {worded(tags)}", f"the tags {worded(found)}", *after, reply)
