"""Completions of multipart uploads: which are refused, and the state after a refused or repeated one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import completion_document, full_part
from conformance.oracles.s3_documents import completed_etag_of, copied_etag_of
from conformance.oracles.s3_errors import (
    error_of,
    expect_code,
    expect_failed_completion,
    expect_no_error_inside,
    expect_refusal,
    require,
)
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_nothing_stored, expect_stored
from conformance.oracles.status import NOT_IMPLEMENTED
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

ONE, TWO, EARLIER = full_part(b"1"), full_part(b"2"), b"the earlier object"
SIZE, WRONG_TAG = "x-amz-mp-object-size", '"0123456789abcdef0123456789abcdef"'
BROKEN = {
    "no-xml": b"complete it",
    "empty": b"",
    "cut": completion_document([(1, WRONG_TAG)])[:-20],
    "no-parts": completion_document([]),
    "other-root": b"<Finish><Part/></Finish>",
    "part-without-number": b"<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>",
    "number-is-a-word": completion_document([(1, WRONG_TAG)]).replace(b">1<", b">one<"),
}
Complete = Callable[[Space, str, str, tuple[int, str]], Exchange]


def _with_body(body: bytes) -> Complete:
    return lambda space, key, upload, part: space.complete_with(key, upload, body)


def _with_size(size: str) -> Complete:
    return lambda space, key, upload, part: space.complete(key, upload, [part], {SIZE: size})


def _without_quotes(space: Space, key: str, upload: str, part: tuple[int, str]) -> Exchange:
    return space.complete(key, upload, [(part[0], part[1].strip('"'))])


def _with_wrong_tag(space: Space, key: str, upload: str, part: tuple[int, str]) -> Exchange:
    """Complete with a wrong ETag for part 1, and with part 2 if that is the part sent."""
    return space.complete(key, upload, [(1, WRONG_TAG), part][: part[0]])


@pytest.mark.parametrize(
    ("number", "earlier", "complete", "statuses", "codes"),
    [
        row("storage/multipart/invalid-part-is-refused#wrong-etag", 1, False, _with_wrong_tag, {400}, {"InvalidPart"}),
        row(
            "storage/multipart/invalid-part-is-refused#over-an-object", 1, True, _with_wrong_tag, {400}, {"InvalidPart"}
        ),
        row(
            "storage/multipart/invalid-part-is-refused#never-sent",
            *(2, False, _with_wrong_tag, {400}, {"InvalidPart", "EntityTooSmall"}),
        ),
        *(
            row(
                f"storage/multipart/broken-completion-is-refused#{hint}",
                *(1, False, _with_body(body), {400} if body else {400, 411}, ()),
            )
            for hint, body in BROKEN.items()
        ),
        row("storage/multipart/wrong-object-size-is-refused#more", 1, False, _with_size("5"), {400, 501}, ()),
        row("storage/multipart/wrong-object-size-is-refused#less", 1, False, _with_size("3"), {400, 501}, ()),
    ],
)
def test_refused_completion_loses_nothing(
    space: Space, number: int, earlier: bool, complete: Complete, statuses: set[int], codes: set[str]
) -> None:
    """Purpose: an invalid completion is refused, makes no object, and loses neither the parts nor an earlier object.
    Method: 1. send a part, complete with a wrong ETag, a broken document or a wrong object size
            2. expect 400 (411 without a body, 501 for a size that is not supported), and the key as it was
            3. complete correctly, expect the object
    """
    key = space.stored(EARLIER) if earlier else space.key()
    upload = space.opened(key)
    part = space.part(key, upload, number, b"four")

    expect_failed_completion(complete(space, key, upload, part), statuses, codes)
    if earlier:
        expect_stored(space.get(key), EARLIER)
    else:
        expect_nothing_stored(space.get(key))
    if number > 1:
        space.abort(key, upload)
        return
    expect_no_error_inside(space.complete(key, upload, [part]), "after a refused completion")
    expect_bytes(space.get(key), b"four", "after a refused completion")


@verifies("storage/multipart/small-part-before-the-last-is-refused")
@pytest.mark.parametrize("copied", [case("sent", False), case("copied", True)])
def test_small_part_before_the_last_is_refused(space: Space, copied: bool) -> None:
    """Purpose: every part but the last has at least 5 MiB, whether it was sent or copied.
    Method: 1. send or copy two small parts, complete; then with a first of 5 MiB and a third one
            2. expect 400 EntityTooSmall each time, and nothing stored
    """
    upload = space.opened(key := space.key())
    if copied:
        source = space.stored(b"too small")
        replies = [require(space.copy_part(key, upload, number, source), "copies of parts") for number in (1, 2)]
        parts = [(number, copied_etag_of(each, "CopyPartResult")) for number, each in enumerate(replies, 1)]
    else:
        parts = [space.part(key, upload, number, b"too small") for number in (1, 2)]

    expect_failed_completion(space.complete(key, upload, parts), 400, {"EntityTooSmall"})
    parts = [space.part(key, upload, 1, ONE), parts[1], space.part(key, upload, 3, b"the last")]
    expect_failed_completion(space.complete(key, upload, parts), 400, {"EntityTooSmall"})
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/multipart/order-of-parts-is-checked")
@pytest.mark.parametrize("repeated", [case("descending", False), case("twice", True)])
def test_order_of_parts_is_checked(space: Space, repeated: bool) -> None:
    """Purpose: the completion lists its parts in ascending order.
    Method: 1. send two parts, complete with them in descending order, or with one of them twice
            2. expect 400 InvalidPartOrder and nothing stored; a part listed twice may also make an object
    """
    upload = space.opened(key := space.key("order"))
    one, two = space.part(key, upload, 1, ONE), space.part(key, upload, 2, TWO)
    reply = space.complete(key, upload, [one, one, two] if repeated else [two, one])

    stored = space.get(key)
    if repeated and reply.ok and error_of(reply) is None and stored.body in (ONE + TWO, ONE + ONE + TWO):
        space.delete(key)
        return
    expect_failed_completion(reply, 400, {"InvalidPartOrder", "InvalidPart", "MalformedXML"})
    expect_nothing_stored(stored)
    space.abort(key, upload)


@pytest.mark.parametrize(
    ("body", "complete"),
    [
        row("storage/multipart/right-object-size-completes", b"four", _with_size("4")),
        row("storage/multipart/etag-without-quotes-is-accepted", b"of one part", _without_quotes),
    ],
)
def test_other_forms_of_a_completion_are_accepted(space: Space, body: bytes, complete: Complete) -> None:
    """Purpose: a client may state the object's size, and many store a part's ETag without its quotes.
    Method: 1. send a part, complete with its size in x-amz-mp-object-size (without it if that is answered 501), or with
               its ETag without quotes
            2. expect 2xx, and the object
    """
    upload = space.opened(key := space.key())
    part = space.part(key, upload, 1, body)

    reply = complete(space, key, upload, part)
    if reply.status == NOT_IMPLEMENTED and complete is not _without_quotes:
        expect_code(reply, {"NotImplemented"})
        reply = space.complete(key, upload, [part])
    expect_no_error_inside(reply)
    expect_bytes(space.get(key), body)


@verifies("storage/multipart/etag-follows-the-bytes")
def test_etag_of_parts_follows_the_bytes(space: Space) -> None:
    """Purpose: a cache recognises by the ETag that an object in parts was overwritten, whichever part changed.
    Method: 1. complete uploads of one part with different bytes, and of two of which only the first or last differs
            2. expect a different ETag of each in HEAD
    """
    for pieces, others in (((b"one",), (b"two",)), ((ONE, b"end"), (TWO, b"end")), ((ONE, b"end"), (ONE, b"END"))):
        one, other = (space.head(space.stored_in_parts(each)) for each in (pieces, others))
        first, second = expect_etag(one), expect_etag(other)
        if first == second:
            changed = next(at for at, (a, b) in enumerate(zip(pieces, others, strict=True), 1) if a != b)
            expected = f"another ETag than {first}, since part {changed} of {len(pieces)} differs"
            raise NonConformance(expected, second, one, other)


@verifies("storage/multipart/completing-twice-is-harmless")
def test_completing_twice_is_harmless(space: Space) -> None:
    """Purpose: a client that lost the response repeats the completion, which must do no harm.
    Method: 1. complete an upload twice, expect the second answered 200 with the same ETag or 404, and the object
            2. overwrite the object, complete once more; expect the new object
    """
    upload = space.opened(key := space.key())
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
