"""UploadPartCopy copies the requested range under its conditions, or is refused and keeps the earlier part."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import SMALLEST_PART
from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.s3_documents import copied_etag_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, require, xml_root
from conformance.oracles.s3_objects import expect_bytes, expect_length, expect_nothing_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

SOURCE, RANGE = "x-amz-copy-source", "x-amz-copy-source-range"
LONG_AGO, WRONG_TAG = "Sat, 01 Jan 2000 00:00:00 GMT", '"0123456789abcdef0123456789abcdef"'
NO_VERSION = "cf-no-such-version-0000000000000"


def _source(space: Space, key: str) -> str:
    return f"/{space.name}/{encoded(key, safe='/')}"


@verifies("storage/multipart/part-can-be-copied")
@pytest.mark.parametrize(
    ("byte_range", "first", "last", "name"),
    [
        case("whole", "", 0, 12, ""),
        case("range", "bytes=2-5", 2, 6, ""),
        case("range-from-the-first-byte", "bytes=0-0", 0, 1, ""),
        case("special-characters", "", 0, 12, "/%41 +é/B"),
    ],
)
def test_part_can_be_copied(space: Space, byte_range: str, first: int, last: int, name: str) -> None:
    """Purpose: a part can be copied from an object, whole or by a range, and is then independent of its source.
    Method: 1. overwrite an object, copy it or a range of it as a part, once over a part that was sent before
            2. delete or overwrite the source, list the parts, complete
            3. expect the copied bytes, their size in the list of parts, and no object before the completion
    """
    # S3 copies ranges only from objects of over 5 MiB.
    body = b"twelve bytes" + (b"." * SMALLEST_PART if byte_range else b"")
    source, key = space.stored(b"put before", key=space.key() + name), space.key()
    space.stored(body, key=source)
    upload = space.opened(key)
    if not byte_range + name:
        space.part(key, upload, 1, b"sent before")
    tag = copied_etag_of(space.copy_part(key, upload, 1, source, byte_range), "CopyPartResult")

    if not byte_range:
        expect_nothing_stored(space.get(key), "while its upload is open")
    space.put(source, b"other bytes!") if name else space.delete(source)
    listed = space.list_parts(key, upload)

    expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
    expect_bytes(space.get(key), body[first:last])
    sizes = {each.text for each in root.findall("Part/Size")} if (root := xml_root(listed)) is not None else set()
    if sizes - {str(last - first)}:
        raise NonConformance(f"<Size>{last - first} in the list of parts", worded(sizes), listed)


@verifies("storage/multipart/part-can-be-copied#range-over-parts")
def test_part_of_parts_can_be_copied(space: Space) -> None:
    """Purpose: a part can be copied from an object that was uploaded in parts, also across part boundaries.
    Method: 1. upload an object in two parts, copy ranges of it and the whole as parts of other uploads
            2. complete each, expect those bytes; of the whole its length
    """
    source, key, first = space.key("parts"), space.key(), b"." * (SMALLEST_PART - 4) + b"ends"
    upload = space.opened(source)
    parts = [space.part(source, upload, number, body) for number, body in enumerate((first, b"goes on"), 1)]
    require(space.complete(source, upload, parts), "multipart uploads")

    for byte_range, expected in (
        (f"bytes=0-{SMALLEST_PART}", first + b"g"),
        (f"bytes={SMALLEST_PART - 4}-{SMALLEST_PART + 3}", b"endsgoes"),
        ("", None),
    ):
        upload = space.opened(key)
        tag = copied_etag_of(space.copy_part(key, upload, 1, source, byte_range), "CopyPartResult")
        expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
        if expected:
            expect_bytes(space.get(key), expected)
    expect_length(space.head(key), SMALLEST_PART + len(b"goes on"))
    for each in (source, key):
        space.delete(each)


@verifies("storage/multipart/part-is-copied-from-the-named-bucket")
def test_part_is_copied_from_the_named_bucket(space: Space, other_space: Space) -> None:
    """Purpose: a part can be copied from another bucket of the organization, and from no other than the named one.
    Method: 1. put different bytes under one key in two buckets, copy a part to the second from the first
            2. complete, expect the first's bytes
    """
    source, key = space.stored(b"in the first"), other_space.key("parts")
    other_space.stored(b"in the second", key=source)
    upload = other_space.opened(key)

    tag = copied_etag_of(other_space.copy_part(key, upload, 1, source, source_bucket=space.name), "CopyPartResult")

    expect_no_error_inside(other_space.complete(key, upload, [(1, tag)]))
    expect_bytes(other_space.get(key), b"in the first")


@verifies("storage/multipart/copied-part-honours-conditions")
@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        case("if-match", "if-match", WRONG_TAG, "etag"),
        case("if-none-match", "if-none-match", "etag", WRONG_TAG),
        case("if-unmodified-since", "if-unmodified-since", LONG_AGO, "last-modified"),
        case("if-modified-since", "if-modified-since", "last-modified", LONG_AGO),
    ],
)
def test_copied_part_honours_conditions(space: Space, name: str, wrong: str, right: str) -> None:
    """Purpose: conditions on the source prevent an object made of two versions.
    Method: 1. copy a part under a condition that fails, then under one that holds, from the values of HEAD
            2. expect 412 PreconditionFailed, then the part copied, and its bytes after completion
    """
    source, key = space.stored(b"twelve bytes"), space.key()
    upload, found = space.opened(key), space.head(source).headers
    refused, copied = (
        space.put_part(
            key, upload, 7, b"", {SOURCE: _source(space, source), f"{SOURCE}-{name}": found.get(value) or value}
        )
        for value in (wrong, right)
    )

    expect_refusal(refused, 412, {"PreconditionFailed"})
    expect_no_error_inside(copied)
    expect_no_error_inside(space.complete(key, upload, [(7, copied_etag_of(copied, "CopyPartResult"))]))
    expect_bytes(space.get(key), b"twelve bytes")


Fields = Callable[[Space], dict[str, str]]


def _range(byte_range: str) -> Fields:
    return lambda space: {SOURCE: _source(space, space.stored(b"twelve bytes")), RANGE: byte_range}


def _from(source: str) -> Fields:
    return lambda space: {SOURCE: source}


INVALID = {400, 403, 404}


@pytest.mark.parametrize(
    ("fields", "statuses"),
    [
        row("storage/multipart/bad-copy-range-is-refused#beyond", _range("bytes=5-12"), {400, 416}),
        row("storage/multipart/bad-copy-range-is-refused#inverted", _range("bytes=5-2"), {400, 416}),
        row("storage/multipart/bad-copy-range-is-refused#open", _range("bytes=5-"), {400, 416}),
        row("storage/multipart/bad-copy-range-is-refused#word", _range("all"), {400, 416}),
        row(
            "storage/multipart/missing-copy-source-is-404",
            *(lambda space: {SOURCE: _source(space, space.key("missing"))}, {404}),
        ),
        row("storage/multipart/invalid-copy-source-is-refused#empty", _from(""), INVALID),
        row("storage/multipart/invalid-copy-source-is-refused#no-key", _from("/bucket-only"), INVALID),
        row("storage/multipart/invalid-copy-source-is-refused#slash", _from("/"), INVALID),
        row("storage/multipart/invalid-copy-source-is-refused#broken-escape", _from("/%zz/%zz"), INVALID),
        row(
            "storage/multipart/invalid-copy-source-is-refused#no-bucket",
            *(lambda space: {SOURCE: encoded(space.stored())}, INVALID),
        ),
        row(
            "storage/copy/missing-version-is-refused#of-a-part",
            *(lambda space: {SOURCE: f"{_source(space, space.stored())}?versionId={NO_VERSION}"}, {*INVALID, 501}),
        ),
    ],
)
@pytest.mark.usefixtures("multipart")
def test_refused_copy_keeps_the_part(space: Space, fields: Fields, statuses: set[int]) -> None:
    """Purpose: a part whose source or range is invalid is refused, and does not cost the part that was sent before.
    Method: 1. send a part, copy to its number from an invalid source, a missing version or a range beyond the source
            2. expect 400, 403, 404 or 416; completing with the first's ETag gives the first's bytes
    """
    upload = space.opened(key := space.key("parts"))
    part = space.part(key, upload, 1, b"sent before")

    expect_status(space.put_part(key, upload, 1, b"", fields(space)), statuses)
    expect_no_error_inside(space.complete(key, upload, [part]), "with the part from before the refused copy")
    expect_bytes(space.get(key), b"sent before")
