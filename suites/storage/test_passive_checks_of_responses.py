"""Passive checks of all recorded responses of a run: each success and each error has its standard form."""

from __future__ import annotations

import pytest

from conformance.clients.s3.checksums import checksum_field
from conformance.evidence.judgements.doubled import FIELD
from conformance.evidence.judgements.error_documents import MISMATCHED, NO_CODE, UNREADABLE
from conformance.evidence.judgements.error_documents import UNTYPED as UNTYPED_ERROR
from conformance.evidence.judgements.object_fields import MISSHAPEN as MISSHAPEN_FIELD
from conformance.evidence.judgements.object_sizes import ANOTHER_SIZE
from conformance.evidence.judgements.result_documents import (
    INCOMPLETE,
    MISSHAPEN,
    OF_OTHER_UPLOADS,
    OF_OTHERS,
    TWICE,
    UNTYPED,
)
from conformance.evidence.judgements.successes import BAD_TAG, DELETED, WRITTEN
from conformance.evidence.recorder import Recorder
from conformance.oracles.s3_objects import expect_entity_tag
from conformance.oracles.whole_run import expect_no_flaw, expect_told_by, once_each
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, concludes, row, verifies
from conformance.vocabulary.finding import NotOffered, Proof

READ = Proof(beyond="it is about what a result says, which is shown here, beside what was asked")
UNREAD = "it takes a reader of XML to see where a document breaks off or repeats what it may not"


@verifies("storage/object/written-is-200")
@concludes()
def test_everything_written_is_200(space: Space, recorder: Recorder) -> None:
    """Purpose: a client knows that its bytes are there by the status that it waits for, in whatever form they came.

    Method: 1. put an object, and another in its place
            2. expect 200 for both, and for every object, part, copy, opening, completion and request to delete several
               that the run was served before
    """
    key = space.key()

    expect_told_by(recorder, "storage", 200, WRITTEN, space.put(key, b"written"), space.put(key, b"written again"))


@verifies("storage/object/deleted-is-204")
@concludes()
def test_everything_deleted_is_204(space: Space, recorder: Recorder) -> None:
    """Purpose: a client knows that an object is gone by the status that it waits for, whatever it was.

    Method: 1. delete an object, and once more
            2. expect 204 both times, and for every object and upload whose deletion the run was told before
    """
    key = space.stored()

    expect_told_by(recorder, "storage", 204, DELETED, space.delete(key), space.delete(key))


@verifies("storage/object/etag-is-one-and-quoted")
@concludes()
@pytest.mark.parametrize("body", [case("of-the-whole-run", b"tagged")])
def test_every_etag_is_quoted(space: Space, recorder: Recorder, body: bytes) -> None:
    """Purpose: an ETag that a client sends back is read as it was told, whatever it was told of.

    Method: 1. put an object
            2. expect a quoted ETag of it, where there is one, and in every other answer that the run was given before
    """
    reply = space.put(space.key(), body)
    if reply.headers.all("etag"):
        expect_entity_tag(reply)
    quoted = Proof(fields_match=(("ETag", '^"[^"]*"$'),), or_statuses=tuple(range(400, 500)))
    expect_no_flaw(recorder, "storage", BAD_TAG, "a strong ETag, quoted", quoted)


@verifies("storage/errors/document-has-code-and-message")
@concludes()
@pytest.mark.parametrize("name", [case("of-the-whole-run", "missing")])
def test_every_error_has_a_code(space: Space, recorder: Recorder, name: str) -> None:
    """Purpose: a client acts by the code of an error, however seldom that error is.

    Method: 1. GET a key that was never written
            2. expect that its error document, and every other that the run was answered, is well-formed, has one
               Code and says that it is XML
    """
    space.get(space.key(name))

    expect_no_flaw(recorder, "storage", UNREADABLE, "well-formed XML", Proof(beyond=UNREAD))
    coded = Proof(matches="<Code( [^>]*)?>[^<]")
    expect_no_flaw(recorder, "storage", NO_CODE, "an error document with one Code", coded)
    typed = Proof(fields_match=(("Content-Type", "^(application|text)/xml *(;|$)"),))
    wanted = "Content-Type: application/xml on an error document"
    expect_no_flaw(recorder, "storage", UNTYPED_ERROR, wanted, typed)


@concludes()
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        row("storage/object/fields-of-one-value-stand-once", FIELD, "each field of one value in one line"),
        row("storage/object/fields-have-their-form", MISSHAPEN_FIELD, "dates, checksums and counts in their form"),
        row("storage/object/size-is-one", ANOTHER_SIZE, "one size of a key under one ETag"),
        row("storage/errors/codes-have-their-status", MISMATCHED, "the status that its Code has"),
        row("storage/xml/results-are-whole", INCOMPLETE, "key, time, tag and size of each, and how many there are"),
        row("storage/xml/members-stand-once", TWICE, "each member of a result once that is no list"),
        row("storage/xml/results-say-that-they-are-xml", UNTYPED, "Content-Type: application/xml on every result"),
        row("storage/xml/values-have-their-form", MISSHAPEN, "times, numbers and truth values in their form"),
    ],
)
def test_every_answer_can_be_read(
    space: Space, recorder: Recorder, features: frozenset[str], wrong: str, expected: str
) -> None:
    """Purpose: a program that reads an answer reads what every other reads, whatever it asked for.

    Method: 1. GET an object with a chosen field, put it with a checksum, HEAD it, list it beside folders, and what is
               not there, GET a range of that, delete several; where uploads are claimed, list a part
            2. in these answers and all that the run was given before, expect Content-Type, ETag and their like in one
               line, dates, checksums and counts in their form, and one size of an object under one ETag; of errors a
               Code of their status; of results a Content-Type of XML, what each entry is known by and how many there
               are, each member once that is no list, and each time, number and truth value in its form
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

    typed = Proof(fields_match=(("Content-Type", "xml *(;|$)"),))
    told = {FIELD: once_each(recorder, "storage"), UNTYPED: typed}
    expect_no_flaw(recorder, "storage", wrong, expected, told.get(wrong, READ))


@verifies("storage/listing/response-repeats-the-request")
@concludes()
@pytest.mark.parametrize("delimiter", [case("of-the-whole-run", "/of/")])
def test_every_list_says_what_was_asked(space: Space, recorder: Recorder, delimiter: str) -> None:
    """Purpose: a page is understood alone, whatever it was asked for.

    Method: 1. list objects in version 1, with a delimiter of several letters
            2. in this list and all that the run was given before, expect bucket, prefix and delimiter, where told, as
               they were asked
    """
    space.listing_v1(space.prefix(), delimiter=delimiter)

    wanted = "bucket, prefix and delimiter as asked, and no limit beyond"
    expect_no_flaw(recorder, "storage", OF_OTHERS, wanted, READ)


@verifies("storage/multipart/responses-name-their-upload")
@concludes()
@pytest.mark.parametrize("name", [case("of-the-whole-run", "Named")])
def test_every_answer_names_its_upload(space: Space, recorder: Recorder, features: frozenset[str], name: str) -> None:
    """Purpose: an answer about an upload is of the one that was asked about, however it was.

    Method: 1. open an upload, list those of its key, and one of the whole bucket, abort it
            2. in these answers and all that the run was given before about uploads, expect bucket, key, id, prefix and
               delimiter, where told, as they were asked
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = space.key(name)
    upload = space.opened(key)
    space.list_uploads(key)
    space.call("GET", query={"uploads": "", "max-uploads": "1"})
    space.abort(key, upload)

    wanted = "bucket, key, id, prefix and delimiter as asked"
    expect_no_flaw(recorder, "storage", OF_OTHER_UPLOADS, wanted, READ)
