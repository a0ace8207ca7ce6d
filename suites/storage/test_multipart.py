"""Multipart uploads that succeed: whatever the order of their parts, the object is their sum."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import full_part
from conformance.clients.s3.streams import Joined, download
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.proofs import says
from conformance.oracles.s3_documents import (
    completed_etag_of,
    expect_entry,
    expect_keys,
    expect_prefixes,
    expect_said,
    upload_id_of,
)
from conformance.oracles.s3_errors import expect_no_error_inside, refuses_incomplete_list
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_length,
    expect_nothing_stored,
    expect_range,
)
from conformance.oracles.s3_pages import found_under
from conformance.oracles.s3_streams import expect_download
from conformance.oracles.status import expect_no_success, expect_success
from conformance.sandbox.bucket_prefix import Space, id_of_upload
from conformance.strategies.properties import explores
from conformance.strategies.storage import ODD_ORDERS, part_orders
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

# The second is a byte longer: parts need not be of one size.
FIRST, SECOND, TAIL = full_part(b"1"), full_part(b"2") + b"2", b"the tail"
COUNT = "x-amz-mp-parts-count"


@verifies("storage/multipart/parts-make-the-object")
@pytest.mark.parametrize("order", [case("in-order", (1, 2, 3)), case("backwards", (3, 2, 1))])
def test_parts_make_the_object(space: Space, order: tuple[int, ...]) -> None:
    """Purpose: the object is its parts in the order of their numbers, in whatever order they came.

    Method: 1. upload three parts in some order, the last after one of its number that was longer, complete
            2. expect their bytes in the order of their numbers, also in ranges over borders between parts, and one
               ETag in result, GET and listing; and their length in HEAD
    """
    key, bodies = space.key("parts"), {1: FIRST, 2: SECOND, 3: TAIL}
    upload = space.opened(key)
    space.part(key, upload, 3, TAIL + b", and more")
    parts = dict(space.part(key, upload, number, bodies[number]) for number in order)
    reply = space.complete(key, upload, sorted(parts.items()))
    tag = completed_etag_of(reply)

    got, compared = download(space, key, Joined((FIRST, SECOND, TAIL)))
    expect_download(got, compared)
    entry = expect_entry(page := found_under(space, key), key)
    if {entry.etag.strip('"'), tag.strip('"')} != {expect_etag(got).strip('"')}:
        raise NonConformance(
            f"the ETag {expect_etag(got)} everywhere", f"{tag} in the result, {entry.etag} listed", reply, got
        )
    whole = FIRST + SECOND + TAIL
    expect_said(page.reply, "Size", str(len(whole)), str(entry.size), "in the listing")
    expect_length(space.head(key), len(whole))
    # Ranges that are of two parts: what was joined is one object, from whichever end a range is counted.
    early, late, last = len(FIRST), len(FIRST + SECOND) - 3, len(whole) - 1
    expect_range(space.get(key, {"Range": f"bytes={early - 3}-{early + 2}"}), whole, early - 3, early + 2)
    for field in (f"bytes={late}-", f"bytes=-{len(TAIL) + 3}"):
        expect_range(space.get(key, {"Range": field}), whole, late, last)
    space.delete(key)


@verifies("storage/multipart/one-small-part-is-enough")
def test_one_small_part_is_enough(space: Space) -> None:
    """Purpose: the last part may be of any size, so an upload of one small part is whole.

    Method: 1. upload one part of a few bytes, complete; then one of none
            2. expect those bytes; then none
    """
    key = space.key()
    for body in (TAIL, b""):
        upload = upload_id_of(space.create_upload(key))
        part = space.put_part(key, upload, 1, body)

        expect_success(part, f"for a part of {len(body)} bytes")
        expect_no_error_inside(space.complete(key, upload, [(1, expect_etag(part))]))
        expect_bytes(space.get(key), body)


@verifies("storage/multipart/numbers-may-have-gaps")
def test_part_numbers_may_have_gaps(space: Space) -> None:
    """Purpose: part numbers run from 1 to 10,000 and need not be consecutive.

    Method: 1. upload parts 7, 8 of the same bytes, more than the least, and 10000, complete
            2. expect their bytes, and that there are three of them, where that is told
    """
    key, large = space.key("gaps"), FIRST + b"and on"
    upload = space.opened(key)
    parts = [space.part(key, upload, 7, large), space.part(key, upload, 8, large)]
    last = space.put_part(key, upload, 10000, TAIL)

    expect_success(last, "for part 10000")
    expect_no_error_inside(space.complete(key, upload, [*parts, (10000, expect_etag(last))]))
    expect_download(*download(space, key, Joined((large, large, TAIL))))
    for number in ("1", "7"):
        if (told := space.call("HEAD", key, {"partNumber": number})).ok and COUNT in told.headers:
            expect_headers(told, {COUNT: "3"})
    space.delete(key)


@verifies("storage/multipart/part-can-be-sent-anew")
def test_part_can_be_sent_anew(space: Space) -> None:
    """Purpose: a part that is uploaded again replaces the earlier one.

    Method: 1. upload part 1 twice with different bytes, complete with the second's ETag
            2. expect the second's bytes
    """
    key = space.key()
    upload = space.opened(key)
    space.part(key, upload, 1, b"the first and longer try")
    part = space.part(key, upload, 1, b"the second try")

    expect_no_error_inside(space.complete(key, upload, [part]))
    expect_bytes(space.get(key), b"the second try")


@verifies("storage/multipart/parts-left-out-are-left-out")
def test_parts_that_are_not_named_are_left_out(space: Space) -> None:
    """Purpose: the object consists of the parts that the completion names.

    Method: 1. upload parts 1, 2 and 3, complete with 1 and 3
            2. expect the bytes of 1 and 3; or 400 InvalidPart, as the list is to be complete, and nothing stored
    """
    key = space.key("chosen")
    upload = space.opened(key)
    parts = [
        space.part(key, upload, 1, FIRST),
        space.part(key, upload, 2, b"left out"),
        space.part(key, upload, 3, TAIL),
    ]

    reply = space.complete(key, upload, [parts[0], parts[2]])

    if refuses_incomplete_list(reply):
        expect_nothing_stored(space.get(key))
        space.abort(key, upload)
        return
    expect_no_error_inside(reply)
    expect_download(*download(space, key, Joined((FIRST, TAIL))))
    space.delete(key)


@verifies("storage/multipart/invisible-until-complete")
def test_upload_is_invisible_until_complete(space: Space) -> None:
    """Purpose: an object appears when its upload is completed, and not before, whatever becomes of its key.

    Method: 1. put an object, open an upload to a key before it, send a part
            2. expect no object in GET, also by the part's number, and HEAD, nor in a listing, nor its folder: on a page
               for one key the object that was put
            3. delete the key with DeleteObjects, complete; expect success, and the object; or none, as a deletion that
               came after the opening may take precedence
    """
    prefix = space.prefix()
    key, beside = f"{prefix}folder/object", space.stored(b"beside", key=f"{prefix}z")
    upload = space.opened(key)
    part = space.part(key, upload, 1, TAIL)

    for early in (space.get(key), space.head(key)):
        expect_nothing_stored(early, "while its upload is under way")
    by_number = space.get(key, query={"partNumber": "1"})
    expect_no_success(by_number, "for a part of an upload that is not complete")
    page = found_under(space, prefix, delimiter="/", max_keys="1")
    for listed, keys in ((found_under(space, key), []), (page, [beside])):
        expect_prefixes(listed, [])
        expect_keys(listed, keys, "while an upload is under way")
    expect_success(space.delete_many([key]))
    expect_no_error_inside(space.complete(key, upload, [part]))
    if (got := space.get(key)).status != 404:
        expect_bytes(got, TAIL)


@verifies("storage/multipart/old-object-stands-until-complete")
def test_old_object_stands_until_complete(space: Space) -> None:
    """Purpose: an open upload changes nothing of the object that stands under its key.

    Method: 1. put an object, open an upload to its key, send a part
            2. expect the old bytes; after completion the new ones, and their size in a listing
    """
    key = space.stored(b"what stood there")
    upload = space.opened(key)
    part = space.part(key, upload, 1, TAIL)

    expect_bytes(space.get(key), b"what stood there", "for the object that was there before its upload")
    expect_no_error_inside(space.complete(key, upload, [part]))
    expect_bytes(space.get(key), TAIL)
    entry = expect_entry(page := found_under(space, key), key)
    if entry.size != len(TAIL):
        expected, proof = f"<Size>{len(TAIL)}, as of the new object", says(page.reply, "Size", f"{len(TAIL)}")
        raise NonConformance(expected, f"{entry.size}", page.reply, proof=proof)


@verifies("storage/multipart/metadata-is-of-the-opening")
def test_metadata_is_of_the_opening(space: Space) -> None:
    """Purpose: the object has the metadata that was given when its upload was opened.

    Method: 1. store an object with metadata of its own
            2. open an upload to its key with other metadata, upload, complete by a request that has fields of its own
            3. expect 2xx, the upload's in HEAD, and none of the earlier object's
    """
    fields = {"Content-Type": "text/csv", "Content-Encoding": "gzip", "x-amz-meta-owner": "alice"}
    fields |= {"Content-Disposition": 'inline; filename="a"', "Content-Language": "de", "Cache-Control": "max-age=60"}
    fields |= {"Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
    key = space.key()
    space.stored(b"earlier", {"x-amz-meta-earlier": "yes"}, key)
    expect_success(opened := space.create_upload(key, fields), "for an upload that is opened with fields")
    upload = id_of_upload(opened)
    expect_success(part := space.put_part(key, upload, 1, TAIL), "for a part of the upload that was opened with fields")

    late = {"Content-Type": "application/xml", "x-amz-meta-late": "yes"}
    expect_no_error_inside(space.complete(key, upload, [(1, part.headers.get("etag") or "")], late))
    head = space.head(key)
    expect_headers(head, fields)
    expect_absent_headers(head, ["x-amz-meta-earlier"], "of the object that was replaced")
    expect_absent_headers(head, ["x-amz-meta-late"], "of the completion, which describes no object")


@verifies("storage/multipart/two-uploads-do-not-mix")
def test_two_uploads_to_one_key_do_not_mix(space: Space) -> None:
    """Purpose: uploads to one key are apart from one another, and the object is of one of them.

    Method: 1. open three uploads to one key, send each its part, abort the third, complete the second, then the first
            2. expect the second's bytes, then the first's, or the second's still: what was completed after the first's
               opening may take precedence
    """
    key, bodies = space.key(), (b"of the first", b"of the second", b"given up")
    one, two, given_up = uploads = [space.opened(key) for _ in bodies]
    parts = [space.part(key, upload, 1, body) for upload, body in zip(uploads, bodies, strict=True)]
    space.abort(key, given_up)

    expect_no_error_inside(space.complete(key, two, [parts[1]]))
    expect_bytes(space.get(key), bodies[1])
    expect_no_error_inside(space.complete(key, one, [parts[0]]))
    got = space.get(key)
    expect_bytes(got, bodies[1] if got.body == bodies[1] else bodies[0])


@verifies("storage/multipart/any-order-of-parts-is-one-object")
@explores(0.4, *ODD_ORDERS, order=part_orders(2))
def test_any_order_of_parts_is_one_object(space: Space, order: list[int]) -> None:
    """Purpose: parts sent in any order, and sent again, make the object of the last one of each number.

    Method: 1. send parts in the order given, complete with only the highest number
            2. expect the bytes that were sent last under it; or 400 InvalidPart since the list is incomplete
    """
    key = space.key()
    upload = space.opened(key)
    sent = {}
    for turn, number in enumerate(order):
        body = f"part {number}, turn {turn}".encode()
        sent[number] = (space.part(key, upload, number, body), body)
    part, body = sent[max(order)]

    reply = space.complete(key, upload, [part])
    if len(sent) > 1 and refuses_incomplete_list(reply):
        space.abort(key, upload)
        return
    expect_no_error_inside(reply)
    expect_bytes(space.get(key), body)
