"""Completions that must be refused, or repeated, with what they leave behind."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import completion_document, full_part
from conformance.oracles.proofs import another_field
from conformance.oracles.s3_documents import completed_etag_of, copied_etag_of
from conformance.oracles.s3_errors import (
    error_of,
    expect_code,
    expect_failed_completion,
    expect_no_error_inside,
    expect_refusal,
    require,
)
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

ONE, TWO = full_part(b"1"), full_part(b"2")
NOT_IMPLEMENTED = 501
WRONG_TAG = '"0123456789abcdef0123456789abcdef"'
BROKEN = {
    "no-xml": b"complete it",
    "empty": b"",
    "cut": completion_document([(1, WRONG_TAG)])[:-20],
    "no-parts": completion_document([]),
    "other-root": b"<Finish><Part/></Finish>",
    "part-without-number": b"<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>",
    "number-no-number": completion_document([(1, WRONG_TAG)]).replace(b">1<", b">one<"),
}
MALFORMED = {
    "MalformedXML",
    "InvalidRequest",
    "InvalidPart",
    "InvalidArgument",
    "MissingRequestBodyError",
    "MissingContentLength",
}


@verifies("storage/multipart/small-part-in-the-middle-is-refused")
def test_small_part_in_the_middle_is_refused(space: Space) -> None:
    """Purpose: every part but the last is at least 5 MiB.

    Method: 1. upload two small parts, complete; then with the first of 5 MiB anew and a third behind them
            2. expect 400 EntityTooSmall each time, and nothing stored
    """
    key = space.key()
    upload = space.opened(key)
    parts = [space.part(key, upload, number, b"too small") for number in (1, 2)]

    expect_failed_completion(space.complete(key, upload, parts), 400, {"EntityTooSmall"})
    parts = [space.part(key, upload, 1, ONE), parts[1], space.part(key, upload, 3, b"the last")]
    expect_failed_completion(space.complete(key, upload, parts), 400, {"EntityTooSmall"})
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/multipart/small-part-in-the-middle-is-refused")
@pytest.mark.parametrize("body", [case("of-copies", b"too small")])
def test_small_copied_part_is_refused(space: Space, body: bytes) -> None:
    """Purpose: every part but the last is at least 5 MiB, also where it was copied and not sent.

    Method: 1. copy a small object to two parts, complete
            2. expect 400 EntityTooSmall, and nothing stored
    """
    source, key = space.stored(body), space.key()
    upload = space.opened(key)
    copies = [require(space.copy_part(key, upload, number, source), "copies of parts") for number in (1, 2)]
    parts = [(number, copied_etag_of(copy, "CopyPartResult")) for number, copy in enumerate(copies, 1)]

    expect_failed_completion(space.complete(key, upload, parts), 400, {"EntityTooSmall"})
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/multipart/etag-follows-the-bytes")
def test_etag_of_parts_follows_the_bytes(space: Space) -> None:
    """Purpose: an object in parts that was overwritten by another is not taken for what a reader has of it.

    Method: 1. complete an upload of one part, and to the same key one of other bytes of the same size
            2. expect each to be read with an ETag of its own
    """
    key, replies = space.key(), list[Exchange]()
    for body in (b"one", b"two"):
        upload = space.opened(key)
        require(space.complete(key, upload, [space.part(key, upload, 1, body)]), "multipart uploads")
        replies.append(space.head(key))

    first, second = replies
    before, after = expect_etag(first), expect_etag(second)
    if before == after:
        expected, proof = (
            f"another ETag than {before}, which other bytes had",
            another_field(replies[0], replies[1], "etag"),
        )
        raise NonConformance(expected, after, *replies, proof=proof)


@verifies("storage/multipart/invalid-part-is-refused")
@pytest.mark.parametrize("number", [case("wrong-etag", 1), case("never-sent", 2)])
def test_invalid_part_is_refused(space: Space, number: int) -> None:
    """Purpose: a completion that names a part which did not come so is refused.

    Method: 1. send part 1, complete with another ETag for it; or send part 2, complete with a part 1 before it
            2. expect 400 InvalidPart, and nothing stored
    """
    key = space.key()
    upload = space.opened(key)
    sent = space.part(key, upload, number, b"as sent")
    # Behind the one that is missing, for a small part before another is refused as such.
    reply = space.complete(key, upload, [(1, WRONG_TAG), sent][:number])

    expect_failed_completion(reply, 400, {"InvalidPart", "EntityTooSmall"})
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/multipart/order-of-parts-is-checked")
@pytest.mark.parametrize("doubled", [case("descending", False), case("twice", True)])
def test_order_of_parts_is_checked(space: Space, doubled: bool) -> None:
    """Purpose: the completion names its parts in ascending order.

    Method: 1. send two parts, complete with them in descending order, or with one of them twice
            2. expect 400 InvalidPartOrder, and nothing stored; twice the same is no descent, so it may also make an
               object, with that part once or twice
    """
    key = space.key("order")
    upload = space.opened(key)
    one, two = space.part(key, upload, 1, ONE), space.part(key, upload, 2, TWO)
    reply = space.complete(key, upload, [one, one, two] if doubled else [two, one])

    stored = space.get(key)
    if doubled and reply.ok and error_of(reply) is None and stored.body in (ONE + TWO, ONE + ONE + TWO):
        space.delete(key)
        return
    expect_failed_completion(reply, 400, {"InvalidPartOrder", "InvalidPart", "MalformedXML"})
    expect_nothing_stored(stored)
    space.abort(key, upload)


@verifies("storage/multipart/broken-completion-is-refused")
@pytest.mark.parametrize("body", [case(hint, body) for hint, body in BROKEN.items()])
def test_broken_completion_is_refused(space: Space, body: bytes) -> None:
    """Purpose: a completion whose body is no CompleteMultipartUpload document is refused, and can be made rightly then.

    Method: 1. send a part, complete with a broken body
            2. expect 400 (411 too where there is no body) and nothing stored; then complete rightly and expect the
               object
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"kept")

    expect_failed_completion(space.complete_with(key, upload, body), {400} if body else {400, 411}, MALFORMED)
    expect_nothing_stored(space.get(key))
    expect_no_error_inside(space.complete(key, upload, [part]), "behind a broken completion")
    expect_bytes(space.get(key), b"kept", "for what was completed rightly behind a broken completion")


@verifies("storage/multipart/refused-completion-can-be-mended")
def test_refused_completion_can_be_mended(space: Space) -> None:
    """Purpose: a completion that was refused loses no part: it can be made again, rightly.

    Method: 1. send a part, complete with a wrong ETag, then with the right one
            2. expect 400, then 200 and the object
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"kept")

    expect_failed_completion(space.complete(key, upload, [(1, WRONG_TAG)]), 400, {"InvalidPart"})
    expect_no_error_inside(space.complete(key, upload, [part]), "behind a completion that was refused")
    expect_bytes(space.get(key), b"kept")


@verifies("storage/multipart/wrong-object-size-is-refused")
@pytest.mark.parametrize("size", [case("more", 5), case("less", 3)])
def test_wrong_object_size_is_refused(space: Space, size: int) -> None:
    """Purpose: a completion that expects an object of another size is refused, and loses no part.

    Method: 1. send a part of four bytes, complete with x-amz-mp-object-size of more or less
            2. expect 400, or 501 for the field, and nothing stored; then complete without it and expect the object
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"four")

    reply = space.complete(key, upload, [part], {"x-amz-mp-object-size": str(size)})
    expect_failed_completion(reply, {400, 501}, {"InvalidRequest", "InvalidArgument", "NotImplemented"})
    expect_nothing_stored(space.get(key))
    expect_no_error_inside(space.complete(key, upload, [part]), "behind a completion that was refused")
    expect_bytes(space.get(key), b"four")


@verifies("storage/multipart/right-object-size-completes")
def test_right_object_size_completes(space: Space) -> None:
    """Purpose: a completion that expects an object of the size that its parts have is made.

    Method: 1. send a part, complete with its size in x-amz-mp-object-size, without it where that is 501
            2. expect the object
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"four")

    reply = space.complete(key, upload, [part], {"x-amz-mp-object-size": "4"})
    if reply.status == NOT_IMPLEMENTED:
        expect_code(reply, {"NotImplemented"})
        reply = space.complete(key, upload, [part])
    expect_no_error_inside(reply)
    expect_bytes(space.get(key), b"four")


@verifies("storage/multipart/completing-twice-is-harmless")
def test_completing_twice_is_harmless(space: Space) -> None:
    """Purpose: a completion that is repeated, since its answer was lost, does no harm.

    Method: 1. complete an upload twice
            2. expect the second answered 200 with the same ETag, or 404 NoSuchUpload, and the object whole
            3. overwrite the object, complete once more; expect what was written since
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"once")
    tag = completed_etag_of(space.complete(key, upload, [part]))
    again = space.complete(key, upload, [part])

    expect_refusal(again, {200, 404}, {"NoSuchUpload"})
    if again.ok and completed_etag_of(again) != tag:
        raise NonConformance(f"the same ETag {tag}", completed_etag_of(again), again)
    expect_bytes(space.get(key), b"once", "after the upload was completed a second time")
    space.stored(b"written since", key=key)
    space.complete(key, upload, [part])
    expect_bytes(space.get(key), b"written since", "after the upload was completed once more")
