"""Objects: their bytes, their headers, ranges of them, and that a refusal left them alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from conformance.evidence.judgements.successes import ENTITY_TAG
from conformance.oracles.headers import clock_of
from conformance.oracles.proofs import field_lacks, field_matches
from conformance.oracles.s3_documents import tags_of
from conformance.oracles.status import expect_status, observed, unlike, unlike_field
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, Listed, NonConformance, Proof
from conformance.vocabulary.wording import field_of, worded

CLOCKS_S = 300


def short(body: bytes) -> str:
    """A body in words: itself where it is short, else its size and both ends."""
    return worded(body) if len(body) <= 60 else f"{len(body)} bytes {worded(body[:20])}…{worded(body[-20:])}"


def expect_bytes(reply: Exchange, body: bytes, because: str = "", or_refused: Exchange | None = None) -> None:
    """200 with exactly these bytes; ``or_refused``: after a request that could as well have been refused."""
    expect_status(reply, 200, because or f"with the body {short(body)}", or_refused=or_refused)
    if reply.body != body:
        told = f" {because}" if because else ""
        raise NonConformance(
            f"the body {short(body)}{told}",
            short(reply.body) + _first_difference(reply.body, body),
            reply,
            proof=Proof(
                reply.id, sha256=hashlib.sha256(body).hexdigest(), or_refused=(or_refused.id,) if or_refused else ()
            ),
        )


def _first_difference(found: bytes, wanted: bytes) -> str:
    """Where two bodies part, for bodies too long to see it."""
    if max(len(found), len(wanted)) <= 60:
        return ""
    place = next((at for at, (one, other) in enumerate(zip(found, wanted, strict=False)) if one != other), None)
    return f", different from byte {place if place is not None else min(len(found), len(wanted))} on"


def expect_stored(reply: Exchange, body: bytes, refused: Exchange | None = None) -> None:
    """A read-back: the object still has these bytes after what was refused."""
    expect_bytes(reply, body, "for the object that stood there before the refused request", refused)


def open_to_all(expected: str, written: Exchange, read: Exchange) -> NonConformance:
    """The finding that what was to be protected is read as it is; the request for it could as well be refused."""
    proof = Proof(read.id, statuses=tuple(range(400, 500)), or_refused=(written.id,))
    return NonConformance(expected, observed(read), written, read, proof=proof)


def expect_nothing_stored(
    reply: Exchange,
    because: str = "for a key whose only write was refused, or had to be",
    refused: Exchange | None = None,
) -> None:
    """A read-back: there is no object; ``refused`` is the write, where it may have been taken and has to be refused."""
    expect_status(reply, 404, because, or_refused=refused)


def expect_etag(reply: Exchange) -> str:
    """The answer has one ETag; returns it. Whether it has the form of one is a promise of its own."""
    found = reply.headers.all("etag")
    if len(found) != 1:
        proof = field_matches(reply, "ETag", '^"[^"]*"$') if not found else None
        told = observed(reply) if reply.status >= 400 else f"ETag {', '.join(found) or 'absent'}"
        raise NonConformance("one ETag", told, reply, proof=proof)
    return found[0]


def expect_entity_tag(reply: Exchange) -> str:
    """The answer has one ETag, a quoted string (RFC 9110 section 8.8.3), and a strong one; returns it.

    Section 13.1.1 compares If-Match strongly, so that no conditional write or ranged read could go by a weak one.
    """
    tag = expect_etag(reply)
    if not ENTITY_TAG.fullmatch(tag):
        wanted = "a strong ETag: no If-Match holds with a weak one" if tag.startswith("W/") else "one ETag, quoted"
        raise NonConformance(wanted, f"ETag {tag}", reply, proof=field_matches(reply, "ETag", '^"[^"]*"$'))
    return tag


def expect_same_etag(*replies: Exchange) -> str:
    """All answers have the same ETag."""
    tags = [expect_etag(reply) for reply in replies]
    for tag, reply in zip(tags, replies, strict=True):
        if tag != tags[0]:
            raise NonConformance(
                f"the ETag {tags[0]} that {replies[0].method} answered",
                f"ETag {tag} from {reply.method}",
                replies[0],
                reply,
                proof=Proof(same=(("ETag", replies[0].id, reply.id),)),
            )
    return tags[0]


def expect_headers(reply: Exchange, fields: Mapping[str, str], or_refused: Exchange | None = None) -> None:
    """Every field is there with its value; ``or_refused``: of a write that could as well have been refused."""
    for name, value in fields.items():
        if reply.headers.get(name) != value:
            raise unlike_field(f"{name}: {value}", reply, name, value, or_refused)


def expect_no_longer(reply: Exchange, fields: Mapping[str, str], because: str = "") -> None:
    """None of the fields has its value any more; a gateway may have a default of its own."""
    for name, value in fields.items():
        if reply.headers.get(name) == value:
            proof = field_lacks(reply, name, value)
            wanted = f"no {name}: {value} {because}".strip()
            raise NonConformance(wanted, f"{name}: {value}", reply, proof=proof)


def expect_if_told(reply: Exchange, fields: Mapping[str, str]) -> None:
    """Every field that is there has its value."""
    for name, value in fields.items():
        if (found := reply.headers.get(name)) not in (None, value):
            proof = Proof(reply.id, fields_if_any=((name, value),))
            raise NonConformance(f"{name}: {value}, or none", f"{name}: {found}", reply, proof=proof)


def expect_same_headers(reply: Exchange, other: Exchange, names: Iterable[str]) -> None:
    """The fields are there with the values that another answer had."""
    for name in names:
        value, found = other.headers.get(name), reply.headers.get(name)
        if value is None or found != value:
            proof = Proof(same=((name, other.id, reply.id),)) if value is not None else None
            wanted = (
                f"{name}, told by both answers" if value is None else f"{name}: {value}, as {other.method} was answered"
            )
            neither = f"none by {other.method}" + (f", none by {reply.method}" if found is None else "")
            told = neither if value is None else field_of(reply, name)
            raise NonConformance(wanted, told, other, reply, proof=proof)


def expect_length(reply: Exchange, size: int) -> None:
    """The Content-Length is so many bytes; in transfer coding there is none (RFC 9112 section 6.2)."""
    if "transfer-encoding" not in reply.headers:
        expect_headers(reply, {"content-length": str(size)})


def expect_range(reply: Exchange, whole: bytes, first: int, last: int, or_refused: Exchange | None = None) -> None:
    """206 with the bytes from first to last of the whole, and a Content-Range that says so.

    All that there is may come as the whole, with 200: a part of which there is no other (RFC 9110 section 14.2).
    ``or_refused``: what could as well have been refused.
    """
    is_all = (first, last) == (0, len(whole) - 1)
    expect_status(reply, {200, 206} if is_all else 206, f"for bytes {first}-{last} of {len(whole)}")
    if reply.status == 200:
        expect_bytes(reply, whole)
        return
    wanted = f"bytes {first}-{last}/{len(whole)}"
    if reply.headers.get("content-range") != wanted:
        raise unlike_field(f"Content-Range: {wanted}", reply, "Content-Range", wanted, or_refused)
    part = whole[first : last + 1]
    if reply.body != part:
        refused = (or_refused.id,) if or_refused else ()
        proof = Proof(reply.id, sha256=hashlib.sha256(part).hexdigest(), or_refused=refused)
        raise NonConformance(f"the bytes {short(part)}", short(reply.body), reply, proof=proof)


def expect_range_or_whole(reply: Exchange, whole: bytes, first: int, last: int, because: str = "") -> None:
    """206 with the bytes from first to last of the whole, or all of it with 200: a Range may be ignored.

    RFC 9110 section 14.2: "A server MAY ignore the Range header field."
    """
    expect_status(reply, {200, 206}, because)
    if reply.status == 206:
        expect_range(reply, whole, first, last)
    else:
        expect_bytes(reply, whole, because)


def expect_head_of_range(reply: Exchange, size: int, first: int, last: int) -> None:
    """The head of bytes first to last: 206 with their length and place, or 200 with their length or that of the whole.

    S3 API Reference, HeadObject, Range: "only the ContentLength is affected in the response." RFC 9110 section 14.2
    has HEAD ignore a Range.
    """
    expect_status(reply, {200, 206}, f"for the head of bytes {first}-{last} of {size}")
    part = str(last - first + 1)
    if reply.status == 206:
        expect_headers(reply, {"Content-Length": part, "Content-Range": f"bytes {first}-{last}/{size}"})
    elif reply.headers.get("content-length") not in (part, str(size)):
        proof = Proof(reply.id, fields_match=(("Content-Length", f"^({part}|{size})$"),))
        raise NonConformance(f"Content-Length: {part} or {size}", field_of(reply, "Content-Length"), reply, proof=proof)


def require_clocks(reply: Exchange) -> None:
    """Inconclusive where the target's clock is so far from ours that what we call late or early is not that to it.

    What is judged by it is some twenty minutes off, or ten, and clocks may differ by a quarter of an hour (S3 API
    Reference, RequestTimeTooSkewed).
    """
    if abs(off := clock_of(reply) - reply.started) >= CLOCKS_S:
        raise Inconclusive(f"the target's clock is {off:+.0f} s from ours", "clocks that are right, there and here")


def expect_own_or_refused(put: Exchange, got: Exchange, body: bytes) -> None:
    """A PUT that may be refused: stored under exactly its key, or refused as the caller's fault and not stored."""
    if put.ok:
        expect_bytes(got, body, "under the key that was stored")
    elif not 400 <= put.status < 500 and put.status != 501:
        raise unlike("2xx, or a refusal as the caller's fault", put, [*range(200, 300), *range(400, 500), 501])
    else:
        expect_status(got, {400, 403, 404, 405, 414, 501}, "for a key whose PUT was refused")


def expect_tag_set(reply: Exchange, tags: dict[str, str], *after: Exchange) -> None:
    """GetObjectTagging answers exactly these tags (S3 API Reference, Tagging).

    ``after`` is what may have changed them, and could as well have been refused.
    """
    found = tags_of(reply)
    if found != tags:
        names = Listed("Tag/Key", (reply.id,), tuple(tags))
        listed = (names, Listed("Tag/Value", (reply.id,), tuple(tags.values())))
        proof = Proof(listed=listed, or_refused=tuple(each.id for each in after))
        if b"<TagSet" not in reply.body:
            proof = Proof(reply.id, matches="<TagSet")
        raise NonConformance(f"the tags {worded(tags)}", worded(found), *after, reply, proof=proof)
