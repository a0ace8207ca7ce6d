"""UploadPartCopy copies the requested range, under its conditions, or creates no part."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import ENCRYPTION_KEY, SMALLEST_PART
from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.proofs import says
from conformance.oracles.s3_documents import copied_etag_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, require, xml_root
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_length,
    expect_nothing_stored,
    expect_stored,
    open_to_all,
)
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotOffered
from conformance.vocabulary.wording import worded

CONCEALED = {403, 404}
CODES = {"AccessDenied", "NoSuchBucket"}
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"
WRONG_TAG = '"0123456789abcdef0123456789abcdef"'


@verifies("storage/multipart/part-can-be-copied")
@pytest.mark.parametrize(
    ("asked", "first", "last", "name"),
    [
        case("whole", "", 0, 12, ""),
        case("range", "bytes=2-5", 2, 6, ""),
        case("range-from-the-first-byte", "bytes=0-0", 0, 1, ""),
        case("of-a-hard-name", "", 0, 12, "/%41 +é/B"),
    ],
)
def test_part_can_be_copied(space: Space, asked: str, first: int, last: int, name: str) -> None:
    """Purpose: a part can be copied from an object, whole or by a range.

    Method: 1. put an object over another (over 5 MiB for a range, as S3 asks), under a key that is encoded in the field
               too, within folders, copy it as part 1 of an upload (of a range also the first byte alone), once over
               some bytes that were sent before
            2. expect no object yet, where it is a whole one that was copied; delete the source, or overwrite it, list
               the parts, complete, expect the copied bytes, and their number where it is listed
    """
    body = b"twelve bytes" + (b"." * SMALLEST_PART if asked else b"")
    source, key = space.stored(b"put before", key=space.key() + name), space.key()
    space.stored(body, key=source)
    upload = space.opened(key)
    if not asked + name:
        space.part(key, upload, 1, b"sent before")
    tag = copied_etag_of(space.copy_part(key, upload, 1, source, asked), "CopyPartResult")

    if not asked:
        expect_nothing_stored(space.get(key), "while its upload is under way")
    # Copied is what stood there when that was asked for, whether there is nothing there by now or something else.
    space.put(source, b"other bytes!") if name else space.delete(source)
    listed = space.list_parts(key, upload)

    expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
    expect_bytes(space.get(key), body[first:last])
    sizes = {each.text for each in root.findall("Part/Size")} if (root := xml_root(listed)) is not None else set()
    if sizes - {str(last - first)}:
        proof = says(listed, "Size", str(last - first))
        raise NonConformance(f"<Size>{last - first}, where the part is listed", worded(sizes), listed, proof=proof)


@verifies("storage/multipart/part-can-be-copied")
@pytest.mark.parametrize("asked", [case("range-over-parts", f"bytes={SMALLEST_PART - 4}-{SMALLEST_PART + 3}")])
def test_part_of_parts_can_be_copied(space: Space, asked: str) -> None:
    """Purpose: a part can be copied from an object that was itself uploaded in parts, also over their borders.

    Method: 1. upload an object in two parts, copy its first bytes up to the second part's as a part of another upload,
               and then those around their border
            2. complete each, expect those bytes; copy the whole as a part likewise, expect its length
    """
    source, key, first = space.key("parts"), space.key(), b"." * (SMALLEST_PART - 4) + b"ends"
    upload = space.opened(source)
    parts = [
        space.part(source, upload, 1, first),
        space.part(source, upload, 2, b"goes on"),
    ]
    require(space.complete(source, upload, parts), "multipart uploads")

    for given, wanted in (([f"bytes=0-{SMALLEST_PART}"], first + b"g"), ([asked], b"endsgoes"), ([], None)):
        upload = space.opened(key)
        tag = copied_etag_of(space.copy_part(key, upload, 1, source, *given), "CopyPartResult")
        expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
        if wanted:
            expect_bytes(space.get(key), wanted)
    expect_length(space.head(key), SMALLEST_PART + len(b"goes on"))
    for each in (source, key):
        space.delete(each)


@verifies("storage/multipart/copied-part-heeds-conditions")
@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        case("if-match", "if-match", WRONG_TAG, "etag"),
        case("if-none-match", "if-none-match", "etag", WRONG_TAG),
        case("date", "if-unmodified-since", LONG_AGO, "last-modified"),
        case("date-of-its-own", "if-modified-since", "last-modified", LONG_AGO),
    ],
)
def test_copied_part_heeds_conditions(space: Space, name: str, wrong: str, right: str) -> None:
    """Purpose: a part is copied only if the conditions on its source hold, or an object would be of two versions.

    Method: 1. copy a part from an object under a condition that does not hold, then under one that does: of what HEAD
               tells of the source, and of a tag that it has not, or a date long ago; complete with it
            2. expect 412 PreconditionFailed, then the part copied under its number, and its bytes
    """
    source, key = space.stored(b"twelve bytes"), space.key()
    upload, told = space.opened(key), space.head(source).headers
    named = {"x-amz-copy-source": f"/{space.name}/{encoded(source, safe='/')}"}
    conditions = [{**named, f"x-amz-copy-source-{name}": told.get(value) or value} for value in (wrong, right)]
    refused, copied = (space.put_part(key, upload, 7, b"", fields) for fields in conditions)

    expect_refusal(refused, 412, {"PreconditionFailed"})
    expect_no_error_inside(copied)
    expect_no_error_inside(space.complete(key, upload, [(7, copied_etag_of(copied, "CopyPartResult"))]))
    expect_bytes(space.get(key), b"twelve bytes")


@verifies("storage/multipart/part-is-copied-from-the-named-bucket")
def test_part_is_copied_from_the_named_bucket(space: Space, other_space: Space) -> None:
    """Purpose: a part can be copied from another bucket of the organization, and is of that bucket.

    Method: 1. put other bytes under one key in two buckets, copy a part to the second from the first
            2. complete, expect the first's bytes
    """
    source, key = space.stored(b"in the first"), other_space.key("parts")
    other_space.stored(b"in the second", key=source)
    upload = other_space.opened(key)

    tag = copied_etag_of(other_space.copy_part(key, upload, 1, source, source_bucket=space.name), "CopyPartResult")

    expect_no_error_inside(other_space.complete(key, upload, [(1, tag)]))
    expect_bytes(other_space.get(key), b"in the first")


@verifies("storage/multipart/empty-source-is-no-part")
def test_empty_source_is_no_part(space: Space) -> None:
    """Purpose: a part of which an empty source is named is not taken for one that is sent, and empty.

    Method: 1. open an upload, send a part with an empty x-amz-copy-source and no body
            2. expect 400, 403 or 404
    """
    key = space.key("copied")
    upload = space.opened(key)
    reply = space.put_part(key, upload, 1, b"", {"x-amz-copy-source": ""})
    space.abort(key, upload)

    expect_status(reply, {400, 403, 404})


@verifies("storage/multipart/empty-source-is-no-part")
@pytest.mark.parametrize(
    "source",
    [case("no-key", "/bucket-only"), case("slash", "/"), case("broken-escape", "/%zz/%zz"), case("no-bucket", "")],
)
def test_broken_source_is_no_part(space: Space, source: str) -> None:
    """Purpose: a part's source that names no bucket and key is the caller's fault.

    Method: 1. open an upload, copy a part with such an x-amz-copy-source, or with a key of its own bucket alone
            2. expect 400, 403 or 404
    """
    key = space.key("copied")
    upload = space.opened(key)
    reply = space.put_part(key, upload, 1, b"", {"x-amz-copy-source": source or encoded(space.stored())})
    space.abort(key, upload)

    expect_status(reply, {400, 403, 404})


@verifies("storage/copy/missing-version-is-refused")
@pytest.mark.parametrize("version", [case("of-a-part", "cf-no-such-version-0000000000000")])
def test_part_of_missing_version(space: Space, features: frozenset[str], version: str) -> None:
    """Purpose: a part that is copied from a version that never existed is no part of the present object.

    Method: 1. open an upload, copy a part from an object with the id of a version that never existed
            2. expect 400, 403, 404, or 501
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    source, key = space.stored(b"the present one"), space.key("copied")
    upload = space.opened(key)
    named = f"/{space.name}/{encoded(source, safe='/')}?versionId={version}"
    reply = space.put_part(key, upload, 1, b"", {"x-amz-copy-source": named})
    space.abort(key, upload)

    expect_status(reply, {400, 403, 404, 501})


@verifies("storage/multipart/half-named-part-is-not-the-object")
@pytest.mark.parametrize("named", [case("no-upload", "partNumber"), case("no-number", "uploadId")])
def test_half_named_part_is_not_the_object(space: Space, named: str) -> None:
    """Purpose: a part of which it is not said whose or which it is does not take the place of the whole object.

    Method: 1. put an object, open an upload to its key, PUT there with partNumber or uploadId, but not with both
            2. expect a refusal, and the object as it was
    """
    key = space.stored(b"the whole")
    upload = space.opened(key)
    reply = space.call("PUT", key, {named: {"partNumber": "1", "uploadId": upload}[named]}, body=b"a part")
    space.abort(key, upload)

    expect_no_server_error(reply)
    expect_stored(space.get(key), b"the whole", reply)


@verifies("storage/multipart/encryption-key-is-used-or-refused")
def test_encryption_key_of_an_upload_is_used_or_refused(space: Space) -> None:
    """Purpose: a caller who gives a key to encrypt with does not have parts stored open to all who read.

    Method: 1. open an upload with a key of the customer's own (SSE-C), send a part with it, complete
            2. expect a refusal with nothing stored, or an object that is not read without the key
    """
    key = space.key("secret")
    opened = space.create_upload(key, ENCRYPTION_KEY)
    if opened.ok:
        root = xml_root(opened)
        upload = (root.findtext(".//UploadId") if root is not None else None) or ""
        part = space.put_part(key, upload, 1, b"a secret", ENCRYPTION_KEY)
        space.complete(key, upload, [(1, part.headers.get("etag") or "")], ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(opened)
    if got.ok:
        raise open_to_all("no object without the key that it was uploaded with", opened, got)
