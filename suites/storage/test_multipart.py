"""Multipart uploads: the completed object is its parts, and nothing of it is visible before."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import ENCRYPTION_KEY, full_part
from conformance.clients.s3.checksums import content_md5
from conformance.clients.s3.client import signed_for
from conformance.clients.s3.streams import Joined, download
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_documents import (
    completed_etag_of,
    expect_element,
    expect_entry,
    expect_keys,
    expect_prefixes,
    upload_id_of,
)
from conformance.oracles.s3_errors import expect_no_error_inside, refuses_incomplete_list, require, xml_root
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_head_of_range,
    expect_headers,
    expect_length,
    expect_nothing_stored,
    expect_range,
    expect_same_headers,
    open_to_all,
)
from conformance.oracles.s3_pages import found_under
from conformance.oracles.s3_streams import expect_download
from conformance.oracles.status import expect_no_server_error, expect_no_success, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space, id_of_upload
from conformance.strategies.properties import explores
from conformance.strategies.storage import REPEATED_PARTS, part_orders
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

# The second part is one byte longer: parts need not have the same size.
FIRST, SECOND, TAIL = full_part(b"1"), full_part(b"2") + b"2", b"the tail"
COUNT = "x-amz-mp-parts-count"


@verifies("storage/multipart/parts-make-the-object")
@pytest.mark.parametrize("order", [case("in-order", (1, 2, 3)), case("backwards", (3, 2, 1))])
def test_parts_make_the_object(space: Space, order: tuple[int, ...]) -> None:
    """Purpose: the object is its parts in the order of their numbers, in whatever order they were sent.
    Method: 1. upload three parts in some order, the last one twice, complete
            2. expect their bytes, also in ranges over borders, their length in HEAD, and one ETag everywhere
    """
    key, bodies = space.key("parts"), {1: FIRST, 2: SECOND, 3: TAIL}
    upload = space.opened(key)
    space.part(key, upload, 3, TAIL + b", and more")
    parts = dict(space.part(key, upload, number, bodies[number]) for number in order)
    tag = completed_etag_of(space.complete(key, upload, sorted(parts.items())))

    got, compared = download(space, key, Joined((FIRST, SECOND, TAIL)))
    expect_download(got, compared)
    entry = expect_entry(page := found_under(space, key), key)
    if {entry.etag.strip('"'), tag.strip('"')} != {expect_etag(got).strip('"')}:
        shown = f"{tag} in the result, {entry.etag} in the listing"
        raise NonConformance(f"the ETag {expect_etag(got)} everywhere", shown, page.reply, got)
    whole = FIRST + SECOND + TAIL
    expect_element(page.reply, "Size", str(len(whole)), str(entry.size), "in the listing")
    expect_length(space.head(key), len(whole))
    early, late, last = len(FIRST), len(FIRST + SECOND) - 3, len(whole) - 1
    expect_range(space.get(key, {"Range": f"bytes={early - 3}-{early + 2}"}), whole, early - 3, early + 2)
    for field in (f"bytes={late}-", f"bytes=-{len(TAIL) + 3}"):
        expect_range(space.get(key, {"Range": field}), whole, late, last)
    space.delete(key)


@verifies("storage/multipart/parts-make-the-object")
@pytest.mark.parametrize(
    "bodies",
    [
        case("one-small-part", (TAIL,)),
        case("one-empty-part", (b"",)),
        case("part-sent-again", (b"the first and longer try", b"the second try")),
    ],
)
def test_one_part_makes_the_object(space: Space, bodies: tuple[bytes, ...]) -> None:
    """Purpose: the last part may be of any size, and a part that is sent again replaces the earlier one.
    Method: 1. put an object, upload part 1 to its key, once or twice, complete; 2. expect the bytes that were sent last
    """
    upload = upload_id_of(space.create_upload(key := space.stored(b"the earlier object")))
    for body in bodies:
        expect_success(part := space.put_part(key, upload, 1, body), f"for a part of {len(body)} bytes")

    expect_no_error_inside(space.complete(key, upload, [(1, expect_etag(part))]))
    expect_bytes(space.get(key), bodies[-1])


@verifies("storage/multipart/numbers-may-have-gaps")
def test_part_numbers_may_have_gaps(space: Space) -> None:
    """Purpose: part numbers run from 1 to 10,000 and need not be consecutive.
    Method: 1. upload parts 7 and 8 of the same bytes and part 10000, complete
            2. expect their bytes, and a parts count of 3 if it is reported
    """
    key, large = space.key("gaps"), FIRST + b"and on"
    upload = space.opened(key)
    parts = [space.part(key, upload, 7, large), space.part(key, upload, 8, large)]
    last = space.put_part(key, upload, 10000, TAIL)

    expect_success(last, "for part 10000")
    expect_no_error_inside(space.complete(key, upload, [*parts, (10000, expect_etag(last))]))
    expect_download(*download(space, key, Joined((large, large, TAIL))))
    for number in ("1", "7"):
        if (head := space.call("HEAD", key, {"partNumber": number})).ok and COUNT in head.headers:
            expect_headers(head, {COUNT: "3"})
    space.delete(key)


@verifies("storage/multipart/unlisted-parts-are-left-out")
def test_unlisted_parts_are_left_out(space: Space) -> None:
    """Purpose: the object consists of the parts that the completion lists.
    Method: 1. upload parts 1, 2 and 3, complete with 1 and 3
            2. expect the bytes of 1 and 3; or 400 InvalidPart since the list is incomplete, and nothing stored
    """
    upload = space.opened(key := space.key("chosen"))
    first, _, third = (
        space.part(key, upload, number, body) for number, body in enumerate((FIRST, b"left out", TAIL), 1)
    )

    reply = space.complete(key, upload, [first, third])

    if refuses_incomplete_list(reply):
        expect_nothing_stored(space.get(key))
        space.abort(key, upload)
        return
    expect_no_error_inside(reply)
    expect_download(*download(space, key, Joined((FIRST, TAIL))))
    space.delete(key)


@verifies("storage/multipart/any-order-of-parts-is-one-object")
@explores(0.4, *REPEATED_PARTS, order=part_orders(2))
def test_any_order_of_parts_is_one_object(space: Space, order: list[int]) -> None:
    """Purpose: parts may be sent in any order and again; the last one of each number counts.
    Method: 1. send parts in the order given, complete with only the highest number
            2. expect the bytes that were sent last under it; or 400 InvalidPart since the list is incomplete
    """
    upload, sent = space.opened(key := space.key()), {}
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


@verifies("storage/multipart/invisible-until-complete")
def test_upload_is_invisible_until_complete(space: Space) -> None:
    """Purpose: an object appears when its upload is completed, and not before.
    Method: 1. put an object, open an upload to another key, send a part
            2. expect the upload's key in neither GET nor HEAD nor a listing
            3. delete the key with DeleteObjects, complete; expect the object, or none if the later deletion wins
    """
    prefix = space.prefix()
    key, other = f"{prefix}folder/object", space.stored(b"another object", key=f"{prefix}z")
    upload = space.opened(key)
    part = space.part(key, upload, 1, TAIL)

    for early in (space.get(key), space.head(key)):
        expect_nothing_stored(early, "while its upload is open")
    by_number = space.get(key, query={"partNumber": "1"})
    expect_no_success(by_number, "for a part of an upload that is not complete")
    page = found_under(space, prefix, delimiter="/", max_keys="1")
    for listed, keys in ((found_under(space, key), []), (page, [other])):
        expect_prefixes(listed, [])
        expect_keys(listed, keys, "while an upload is open")
    expect_success(space.delete_many([key]))
    expect_no_error_inside(space.complete(key, upload, [part]))
    if (got := space.get(key)).status != 404:
        expect_bytes(got, TAIL)


@verifies("storage/multipart/old-object-remains-until-completion")
def test_old_object_stands_until_complete(space: Space) -> None:
    """Purpose: an open upload must not change the object under its key.
    Method: 1. put an object with metadata, open an upload to its key with other metadata, send a part
            2. expect the old bytes and metadata; after completion the new bytes, and their size in a listing
    """
    own = {"Content-Type": "text/plain", "x-amz-meta-owner": "alice"}
    key = space.stored(b"the earlier object", own)
    upload = space.opened(key, {"Content-Type": "text/csv", "x-amz-meta-owner": "bob"})
    part = space.part(key, upload, 1, TAIL)

    expect_bytes(space.get(key), b"the earlier object", "for the object from before its upload")
    expect_headers(space.head(key), own)
    expect_no_error_inside(space.complete(key, upload, [part]))
    expect_bytes(space.get(key), TAIL)
    entry = expect_entry(page := found_under(space, key), key)
    expect_element(page.reply, "Size", str(len(TAIL)), str(entry.size), "of the new object")


@verifies("storage/multipart/metadata-is-of-the-opening")
def test_metadata_is_of_the_opening(space: Space) -> None:
    """Purpose: the object has the metadata of the request that opened its upload.
    Method: 1. store an object with metadata, open an upload to its key with other metadata
            2. send a part, complete by a request that has header fields of its own
            3. expect 2xx, the upload's metadata in HEAD, and none of the earlier object's or of the completion's
    """
    fields = {"Content-Type": "text/csv", "Content-Encoding": "gzip", "x-amz-meta-owner": "alice"}
    fields |= {"Content-Disposition": 'inline; filename="a"', "Content-Language": "de", "Cache-Control": "max-age=60"}
    fields |= {"Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
    key = space.stored(b"earlier", {"x-amz-meta-earlier": "yes"})
    expect_success(opened := space.create_upload(key, fields), "for an upload that is opened with fields")
    upload = id_of_upload(opened)
    expect_success(part := space.put_part(key, upload, 1, TAIL), "for a part of the upload that was opened with fields")

    late = {"Content-Type": "application/xml", "x-amz-meta-late": "yes"}
    expect_no_error_inside(space.complete(key, upload, [(1, part.headers.get("etag") or "")], late))
    head = space.head(key)
    expect_headers(head, fields)
    expect_absent_headers(head, ["x-amz-meta-earlier"], "of the object that was replaced")
    expect_absent_headers(head, ["x-amz-meta-late"], "of the completion request")


@verifies("storage/multipart/two-uploads-do-not-mix")
def test_two_uploads_to_one_key_do_not_mix(space: Space) -> None:
    """Purpose: uploads to one key are independent, and the object is that of one of them.
    Method: 1. open three uploads to one key with metadata of their own, send each a part, abort the third
            2. open a fourth, expect no parts; complete the second, then the first
            3. expect the second's bytes and metadata, then the first's or still the second's (opened later)
    """
    key, bodies = space.key(), (b"of the first", b"of the second", b"of the aborted")
    one, two, aborted = uploads = [space.opened(key, {"x-amz-meta-owner": body.decode()}) for body in bodies]
    parts = [space.part(key, upload, 1, body) for upload, body in zip(uploads, bodies, strict=True)]
    space.abort(key, aborted)
    listed = space.list_parts(key, fourth := space.opened(key))
    space.abort(key, fourth)
    # Another check judges the root element of this document.
    root = xml_root(listed)
    if found := [] if root is None else [part.findtext("PartNumber") for part in root.findall("Part")]:
        raise NonConformance("no parts of a new upload", f"parts {worded(found)}", listed)

    expect_no_error_inside(space.complete(key, two, [parts[1]]))
    expect_bytes(space.get(key), bodies[1])
    expect_headers(space.head(key), {"x-amz-meta-owner": bodies[1].decode()})
    expect_no_error_inside(space.complete(key, one, [parts[0]]))
    got = space.get(key)
    expect_bytes(got, winner := bodies[1] if got.body == bodies[1] else bodies[0])
    expect_headers(got, {"x-amz-meta-owner": winner.decode()})


@pytest.mark.parametrize(
    "digest",
    [
        row("storage/multipart/differing-md5-refuses-the-part", {"Content-MD5": content_md5(b"others")}),
        row("storage/multipart/other-payload-refuses-the-part", {}),
    ],
)
def test_part_that_differs_is_refused(space: Space, digest: dict[str, str]) -> None:
    """Purpose: a part that differs from its Content-MD5 or from its signature must not replace the earlier one.
    Method: 1. send a part, send it again with the Content-MD5 of other bytes, or signed for other bytes
            2. expect 400 (403 for the signature); completing with the first's ETag gives the first's bytes
    """
    upload = space.opened(key := space.key())
    part = space.part(key, upload, 1, b"as it should be")
    request = space.request("PUT", key, {"partNumber": "1", "uploadId": upload}, digest, b"as nobody signed")

    reply = space.s3.send(request, None if digest else signed_for(b"as it was signed"))

    expect_status(reply, {400} if digest else {400, 403})
    expect_no_error_inside(space.complete(key, upload, [part]), "with the part from before the refused one")
    expect_bytes(space.get(key), b"as it should be")


@verifies("storage/multipart/encryption-key-is-used-or-refused")
def test_encryption_key_of_an_upload_is_used_or_refused(space: Space) -> None:
    """Purpose: a client that encrypts with its own key must not have parts stored readable by everyone.
    Method: 1. open an upload with a customer's key (SSE-C), send a part with it, complete
            2. expect a refusal with nothing stored, or an object that is not read without the key
    """
    opened = space.create_upload(key := space.key("secret"), ENCRYPTION_KEY)
    if opened.ok:
        root = xml_root(opened)
        upload = (root.findtext(".//UploadId") if root is not None else None) or ""
        part = space.put_part(key, upload, 1, b"a secret", ENCRYPTION_KEY)
        space.complete(key, upload, [(1, part.headers.get("etag") or "")], ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(opened)
    if got.ok:
        raise open_to_all("no object without the key that it was uploaded with", opened, got)


def _expect_part(reply: Exchange, whole: bytes, first: int, last: int) -> None:
    """Expect the part with its Content-Range, or the whole object, or a refusal."""
    expect_no_server_error(reply)
    if reply.status == 206:
        bounds = (0, len(whole) - 1) if reply.body == whole else (first, last)
        expect_range(reply, whole, *bounds)
    elif reply.ok:
        expect_bytes(reply, whole)


@verifies("storage/multipart/reads-by-part-number-are-described")
def test_reads_by_part_number_are_described(space: Space) -> None:
    """Purpose: a client that reads an object by part number learns which bytes it got.
    Method: 1. upload two parts, complete, GET parts 1, 2 and 3, HEAD part 1; GET part 1 of an object without parts
            2. expect the part with its Content-Range, the whole object, or a refusal; no server error for part 3
    """
    first, last = full_part(b"1"), b"the last part"
    key, size = space.key("parts"), len(first + last)
    upload = space.opened(key)
    parts = [space.part(key, upload, number, body) for number, body in enumerate((first, last), 1)]
    require(space.complete(key, upload, parts), "multipart uploads")

    reply, head = (space.call(method, key, {"partNumber": "1"}) for method in ("GET", "HEAD"))
    second, beyond = (space.get(key, query={"partNumber": each}) for each in "23")
    in_one = space.get(space.stored(last), query={"partNumber": "1"})
    space.delete(key)

    expect_no_server_error(beyond)
    _expect_part(reply, first + last, 0, len(first) - 1)
    _expect_part(second, first + last, len(first), size - 1)
    _expect_part(in_one, last, 0, len(last) - 1)
    expect_no_server_error(head)
    if head.status == 206:
        whole = head.headers.get("content-length") == str(size)
        expect_head_of_range(head, size, 0, (size if whole else len(first)) - 1)
    elif head.status == reply.status == 200:
        expect_length(head, size)


@verifies("storage/object/head-equals-get#parts-count")
@pytest.mark.usefixtures("multipart")
def test_head_reports_the_parts_count_as_get(space: Space) -> None:
    """Purpose: a client that reads part by part asks HEAD for the number of parts first.
    Method: 1. upload one part, complete, GET and HEAD it by number; 2. expect the parts count in HEAD if GET has it
    """
    upload = space.opened(key := space.key("part"))
    require(space.complete(key, upload, [space.part(key, upload, 1, b"the only part")]), "multipart uploads")

    got, head = (space.call(method, key, {"partNumber": "1"}) for method in ("GET", "HEAD"))

    if got.ok and head.ok and COUNT in got.headers:
        expect_same_headers(head, got, [COUNT])
