"""Passive checks of all storage responses of a run: each success and each error has its standard form."""

from __future__ import annotations

import pytest

from conformance.clients.s3.checksums import checksum_field
from conformance.evidence.judgements.duplicates import FIELD
from conformance.evidence.judgements.error_documents import MISMATCHED, NO_CODE, UNREADABLE
from conformance.evidence.judgements.error_documents import UNTYPED as UNTYPED_ERROR
from conformance.evidence.judgements.object_fields import MALFORMED as MALFORMED_FIELD
from conformance.evidence.judgements.object_sizes import ANOTHER_SIZE
from conformance.evidence.judgements.result_documents import (
    ANOTHER_LIST,
    ANOTHER_UPLOAD,
    INCOMPLETE,
    MALFORMED,
    TWICE,
    UNTYPED,
)
from conformance.evidence.judgements.successes import BAD_TAG, DELETED, WRITTEN
from conformance.evidence.recorder import Recorder
from conformance.oracles.s3_documents import listing_of
from conformance.oracles.s3_errors import require, xml_root
from conformance.oracles.s3_objects import expect_entity_tag
from conformance.oracles.status import expect_status, observed
from conformance.oracles.whole_run import expect_no_flaw, expect_success_status
from conformance.sandbox.bucket_prefix import Space, id_of_upload
from conformance.vocabulary.check import concludes, row, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable

UNREAD = "it takes an XML parser to see where a document is malformed or repeats an element"


@pytest.mark.parametrize(
    ("status", "name"),
    [row("storage/object/written-is-200", 200, WRITTEN), row("storage/object/deleted-is-204", 204, DELETED)],
)
@concludes()
def test_every_success_has_its_status(space: Space, recorder: Recorder, status: int, name: str) -> None:
    """Purpose: a client knows by one status that its bytes are stored, and by another that an object is deleted.
    Method: 1. put an object twice, or delete a missing key and an object, twice each
            2. expect 200 for every write of the run, or 204 for every deletion, that succeeded
    """
    missing, key = space.key("missing"), space.key()
    if status == 200:
        expect_success_status(
            recorder, "storage", status, name, space.put(key, b"written"), space.put(key, b"written again")
        )
        return
    deletions = [space.delete(each) for each in (missing, missing, space.stored(key=key), key)]
    for reply in deletions:
        expect_status(reply, status, "for a deletion, whether or not the key exists")
    expect_success_status(recorder, "storage", status, name, *deletions)


@verifies("storage/object/etag-is-one-and-quoted#of-the-whole-run")
@concludes()
def test_every_etag_is_quoted(space: Space, recorder: Recorder) -> None:
    """Purpose: a client sends an ETag back exactly as any response stated it.
    Method: 1. put an object; 2. expect a quoted ETag in its response, if any, and in every other response of the run
    """
    reply = space.put(space.key(), b"tagged")
    if reply.headers.all("etag"):
        expect_entity_tag(reply)
    expect_no_flaw(recorder, "storage", BAD_TAG, "a strong ETag, quoted")
    if not reply.headers.all("etag"):
        raise NotApplicable("PUT returns no ETag; another check reports that")


@verifies("storage/errors/document-has-code-and-message#of-the-whole-run")
@concludes()
def test_every_error_has_a_code(space: Space, recorder: Recorder) -> None:
    """Purpose: a client acts by the code of an error, however rare that error is.
    Method: 1. GET a key that was never written
            2. expect every error document of the run to be well-formed XML of that media type, with one Code
    """
    reply = space.get(space.key("missing"))

    expect_no_flaw(recorder, "storage", UNREADABLE, "well-formed XML")
    expect_no_flaw(recorder, "storage", NO_CODE, "an error document with one Code")
    expected = "Content-Type: application/xml on an error document"
    expect_no_flaw(recorder, "storage", UNTYPED_ERROR, expected)
    if reply.ok:
        raise NotApplicable("a missing object is served; another check reports that")


@concludes()
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        row("storage/object/single-value-fields-occur-once", FIELD, "each field of one value on one line"),
        row("storage/object/fields-have-their-form", MALFORMED_FIELD, "dates, checksums and counts in their form"),
        row("storage/object/size-is-the-same-everywhere", ANOTHER_SIZE, "one size of a key under one ETag"),
        row("storage/errors/codes-have-their-status", MISMATCHED, "the status of the Code"),
        row("storage/xml/results-are-complete", INCOMPLETE, "key, time, tag and size of each entry, and their number"),
        row("storage/xml/single-elements-occur-once", TWICE, "each element of a result once, unless it is a list"),
        row("storage/xml/results-have-an-xml-media-type", UNTYPED, "Content-Type: application/xml on every result"),
        row("storage/xml/values-have-their-form", MALFORMED, "times, numbers and truth values in their form"),
    ],
)
def test_every_response_can_be_read(
    space: Space, recorder: Recorder, features: frozenset[str], wrong: str, expected: str
) -> None:
    """Purpose: every client reads the same from a response, whatever it requested.
    Method: 1. read, write, list and delete objects; if uploads are claimed, list a part
            2. expect header fields, errors and results of the whole run in their standard form
    """
    space.get(key := space.stored(), query={"response-cache-control": "no-cache"})
    space.put(key, b"read", dict([checksum_field("crc32", b"read")]))
    space.head(key, {"x-amz-checksum-mode": "ENABLED"})
    space.listing(key, delimiter="/", start_after=key[:-1])
    space.listing(key + "-", delimiter="/")
    space.get(key + "-", {"Range": "bytes=0-1"})
    space.delete_many([space.key("gone")])
    if "storage.multipart" in features:
        space.part(key, upload := space.opened(key), 1, b"read")
        space.list_parts(key, upload, part_number_marker="0")
        space.abort(key, upload)

    expect_no_flaw(recorder, "storage", wrong, expected)


@verifies("storage/listing/response-repeats-the-request#of-the-whole-run")
@concludes()
def test_every_listing_repeats_its_request(space: Space, recorder: Recorder) -> None:
    """Purpose: a page can be understood without its request.
    Method: 1. list objects in version 1, with a delimiter of several characters
            2. expect any bucket, prefix and delimiter in every listing of the run as requested
    """
    listing_of(space.listing_v1(space.prefix(), delimiter="/of/"))

    expected = "bucket, prefix and delimiter as requested, and no larger limit"
    expect_no_flaw(recorder, "storage", ANOTHER_LIST, expected)


@verifies("storage/multipart/responses-name-their-upload#of-the-whole-run")
@concludes()
@pytest.mark.usefixtures("multipart")
def test_every_response_names_its_upload(space: Space, recorder: Recorder) -> None:
    """Purpose: a response about an upload is of the upload in the request.
    Method: 1. open an upload, send a part, list its parts, the uploads of its key and one of the bucket, complete it
            2. expect any bucket, key, id, prefix and delimiter in every such response of the run as requested
    """
    opened = require(space.create_upload(key := space.key("Named") + "é&<"), "multipart uploads")
    if xml_root(opened) is None:
        raise NonConformance("a well-formed XML document", observed(opened), opened)
    upload = id_of_upload(opened)
    part = space.part(key, upload, 1, b"named")
    space.list_parts(key, upload)
    space.list_uploads(key)
    space.call("GET", query={"uploads": "", "max-uploads": "1"})
    space.complete(key, upload, [part])

    expected = "bucket, key, id, prefix and delimiter as requested"
    expect_no_flaw(recorder, "storage", ANOTHER_UPLOAD, expected)
