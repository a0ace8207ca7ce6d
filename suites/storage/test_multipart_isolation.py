"""Multipart uploads are distinguished by id, key and bucket, end once, and leave the old object until completion."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import completion_document
from conformance.clients.s3.client import signed_for
from conformance.oracles.s3_documents import parts_of, uploads_of
from conformance.oracles.s3_errors import (
    REFUSED,
    expect_described_error,
    expect_failed_completion,
    expect_no_error_inside,
    expect_refusal,
    require,
)
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

UNKNOWN, NO_UPLOAD = "cf-no-such-upload-0000000000000000", {"NoSuchUpload"}
WRONG_TAG = '"0123456789abcdef0123456789abcdef"'
EARLIER = b"the earlier object"
Call = Callable[[Space, str], Exchange]
ON_UNKNOWN: dict[str, tuple[Call, set[int], set[str]]] = {
    "upload-part": (lambda space, key: space.put_part(key, UNKNOWN, 1, b"x"), {404}, NO_UPLOAD),
    "list-parts": (lambda space, key: space.list_parts(key, UNKNOWN), {404}, NO_UPLOAD),
    "list-some-parts": (lambda space, key: space.list_parts(key, UNKNOWN, max_parts="2"), {404}, NO_UPLOAD),
    "complete": (lambda space, key: space.complete(key, UNKNOWN, [(1, WRONG_TAG)]), {404}, NO_UPLOAD),
    "like-a-path": (lambda space, key: space.put_part(key, f"../../{UNKNOWN}", 1, b"x"), {400, 404}, set()),
    "of-quotes": (lambda space, key: space.put_part(key, "'\"", 1, b"x"), {400, 404}, set()),
}


@verifies("storage/multipart/unknown-upload-is-404")
@pytest.mark.parametrize(("call", "statuses", "codes"), [case(name, *each) for name, each in ON_UNKNOWN.items()])
def test_unknown_upload_is_404(space: Space, call: Call, statuses: set[int], codes: set[str]) -> None:
    """Purpose: a client whose upload no longer exists learns it from the error code.
    Method: 1. send the operation with an unknown upload id
            2. expect 404 NoSuchUpload (or 400 for an id that no server would issue), and nothing stored
    """
    expect_refusal(call(space, key := space.key()), statuses, codes)
    expect_nothing_stored(space.get(key))


@verifies("storage/multipart/unknown-upload-is-404#cut-short")
def test_beginning_of_an_upload_id_is_unknown(space: Space) -> None:
    """Purpose: the beginning of an upload id must not be accepted, since that makes ids easier to guess.
    Method: 1. open an upload, send a part with its id without the last quarter; 2. expect 404 NoSuchUpload, or 400
    """
    upload = space.opened(key := space.key())
    reply = space.put_part(key, upload[: -len(upload) // 4], 1, b"x")
    space.abort(key, upload)

    expect_status(reply, {400, 404}, "for the beginning of an upload id")


@verifies("storage/multipart/abort-of-unknown-upload-is-harmless")
def test_abort_of_unknown_upload(space: Space) -> None:
    """Purpose: aborting an upload that does not exist must not harm the object under its key.
    Method: 1. put an object, abort an unknown upload to its key; 2. expect 404 NoSuchUpload or 204, and the object
    """
    key = space.stored(EARLIER)

    expect_refusal(space.abort(key, UNKNOWN), {204, 404}, NO_UPLOAD)
    expect_bytes(space.get(key), EARLIER, "after an unknown upload to its key was aborted")


@pytest.mark.parametrize(
    "in_other_bucket",
    [row("storage/multipart/upload-is-of-its-key", False), row("storage/multipart/upload-is-of-its-bucket", True)],
)
def test_upload_is_of_its_key_and_bucket(space: Space, in_other_bucket: bool, request: pytest.FixtureRequest) -> None:
    """Purpose: an upload id is valid only for the bucket and the key that it was issued for.
    Method: 1. open an upload, send a part; use its id with another key, or in another bucket
            2. expect 404 NoSuchUpload (204 too for the abort), nothing stored or listed there
            3. complete it correctly, expect the object; complete it with the other key or bucket, expect 404
    """
    other: Space = request.getfixturevalue("other_space") if in_other_bucket else space
    upload = space.opened(key := space.key())
    part = space.part(key, upload, 1, b"kept")
    name = key if in_other_bucket else space.key("other")
    listed = other.list_uploads(name)

    expect_refusal(other.put_part(name, upload, 1, b"astray"), 404, NO_UPLOAD)
    expect_refusal(other.list_parts(name, upload), 404, NO_UPLOAD)
    expect_failed_completion(other.complete(name, upload, [part]), 404, NO_UPLOAD)
    expect_refusal(other.abort(name, upload), {204, 404}, NO_UPLOAD)
    expect_nothing_stored(other.get(name))
    expect_no_error_inside(space.complete(key, upload, [part]), "after its id was refused elsewhere")
    expect_bytes(space.get(key), b"kept")
    expect_failed_completion(other.complete(name, upload, [part]), 404, NO_UPLOAD)
    if in_other_bucket and listed.ok and (found := uploads_of(listed)):
        raise NonConformance("no uploads of another bucket", worded(found), listed)


@verifies("storage/multipart/abort-removes-the-upload")
def test_abort_removes_the_upload(space: Space) -> None:
    """Purpose: an abort removes the upload with its parts, and not the object under its key.
    Method: 1. put an object, open an upload to its key, send a part, abort
            2. expect 204, no parts and no upload in the lists, and the old object
    """
    upload = space.opened(key := space.stored(EARLIER))
    space.part(key, upload, 1, b"aborted")

    expect_status(space.abort(key, upload), 204)

    rest = space.list_parts(key, upload)
    expect_status(rest, {200, 404})
    if rest.ok and (parts := parts_of(rest).parts):
        raise NonConformance("no parts of an aborted upload", worded(parts), rest)
    listed = space.list_uploads(key)
    if upload in (found := [each.upload for each in uploads_of(listed)]):
        raise NonConformance("no aborted upload in the list", worded(found), listed)
    expect_bytes(space.get(key), EARLIER, "after an upload to its key was aborted")


@verifies("storage/multipart/aborted-upload-takes-no-parts")
def test_aborted_upload_takes_no_parts(space: Space) -> None:
    """Purpose: an aborted upload can be neither continued nor completed, also if a JavaScript client aborted it.
    Method: 1. send a part, abort, also with x-id=AbortMultipartUpload; then send a part and complete
            2. expect 404 NoSuchUpload for both, and nothing stored
    """
    for query in ({}, {"x-id": "AbortMultipartUpload"}):
        upload = space.opened(key := space.key())
        part = space.part(key, upload, 1, b"in vain")
        expect_success(space.call("DELETE", key, {"uploadId": upload, **query}))

        expect_refusal(space.put_part(key, upload, 2, b"late"), 404, NO_UPLOAD)
        expect_refusal(space.complete(key, upload, [part]), 404, NO_UPLOAD)
        expect_nothing_stored(space.get(key))


NUMBERS = {"zero": "0", "over": "10001", "negative": "-1", "word": "one", "number-and-word": "1st", "huge": "9" * 20}


@verifies("storage/multipart/part-number-is-bounded")
@pytest.mark.parametrize("number", [case(hint, number) for hint, number in NUMBERS.items()])
def test_part_number_is_bounded(space: Space, number: str) -> None:
    """Purpose: a client learns that its part number is not from 1 to 10,000.
    Method: 1. send a part with another number; 2. expect a 4xx
    """
    upload = space.opened(key := space.key())
    reply = space.put_part(key, upload, number, b"x")
    space.abort(key, upload)

    expect_refused(reply)


@verifies("storage/multipart/incomplete-part-request-keeps-the-object")
@pytest.mark.parametrize(
    ("method", "named"),
    [
        case("no-upload", "PUT", {"partNumber": "1"}),
        case("no-number", "PUT", {"uploadId": "{}"}),
        case("empty-upload", "PUT", {"partNumber": "1", "uploadId": ""}),
        case("empty-upload-aborted", "DELETE", {"uploadId": ""}),
    ],
)
def test_half_named_part_is_not_the_object(space: Space, method: str, named: dict[str, str]) -> None:
    """Purpose: a request with only one of part number and upload id neither overwrites nor deletes the object.
    Method: 1. put an object, open an upload; PUT with only partNumber or uploadId, PUT and DELETE with empty uploadId
            2. expect no server error, and the object as it was
    """
    upload = space.opened(key := space.stored(EARLIER))
    query = {name: value.format(upload) for name, value in named.items()}
    reply = space.call(method, key, query, body=b"a part" if method == "PUT" else b"")
    space.abort(key, upload)

    expect_no_server_error(reply)
    expect_bytes(space.get(key), EARLIER, "after a request that names only half of a part")


OTHER_OWNER = {"x-amz-expected-bucket-owner": "730291846583"}


@verifies("storage/multipart/completed-upload-is-closed")
def test_completed_upload_is_closed(space: Space) -> None:
    """Purpose: a completed upload accepts no parts, and aborting it does not harm its object.
    Method: 1. complete an upload, list its parts, send another part to it, abort it
            2. expect no parts, 404 NoSuchUpload (for the abort also 204), and the object unchanged
    """
    key = space.key("parts")
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"complete")
    expect_no_error_inside(space.complete(key, upload, [part]))

    listed = space.list_parts(key, upload)
    late, aborted = space.put_part(key, upload, 2, b"late"), space.abort(key, upload)

    expect_bytes(space.get(key), b"complete", "of the completed upload")
    expect_status(listed, {200, 404}, "for the parts of a completed upload")
    if listed.ok and (rest := parts_of(listed).parts):
        raise NonConformance("no parts of a completed upload", worded(rest), listed)
    expect_refusal(late, 404, {"NoSuchUpload"})
    expect_refusal(aborted, {204, 404}, {"NoSuchUpload"})


@verifies("storage/multipart/invalid-part-is-refused")
@pytest.mark.parametrize("earlier", [case("etag-of-a-replaced-part", True), case("etag-of-another-part", False)])
def test_etag_of_other_bytes_is_refused(space: Space, earlier: bool) -> None:
    """Purpose: a completion names the present bytes of each part, not earlier ones or those of another part.
    Method: 1. send two parts, or one twice; complete the last one with the ETag of the first
            2. expect 400 InvalidPart, and nothing stored
    """
    key = space.key("parts")
    upload = space.opened(key)
    _, first = space.part(key, upload, 1, b"as it was")
    second = space.part(key, upload, 1 if earlier else 2, b"as it is")
    reply = space.complete(key, upload, [(second[0], first)])

    expect_failed_completion(reply, 400, {"InvalidPart", "EntityTooSmall"})
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/multipart/upload-is-of-its-key#copied")
def test_part_is_copied_to_its_own_key(space: Space) -> None:
    """Purpose: an upload id is valid only for its own key, for copied parts too.
    Method: 1. open an upload to one key, copy a part with its id to another key; 2. expect 404 NoSuchUpload
    """
    key, source = space.key(), space.stored()
    upload = space.opened(key)
    reply = space.copy_part(space.key("other"), upload, 1, source)
    space.abort(key, upload)

    expect_refusal(reply, 404, {"NoSuchUpload"})


@verifies("storage/signature/payload-hash-is-checked#completion")
@pytest.mark.usefixtures("multipart")
def test_payload_hash_of_a_completion_is_checked(space: Space) -> None:
    """Purpose: the parts that a completion names cannot be changed in transit.
    Method: 1. send two parts, sign a completion with one, send it with the other; 2. expect 400 or 403, nothing stored
    """
    key = space.key("completion")
    upload = space.opened(key)
    parts = [space.part(key, upload, number, b"%d" % number) for number in (1, 2)]
    signed_body, other = (completion_document([part]) for part in parts)

    reply = space.s3.send(space.request("POST", key, {"uploadId": upload}, body=other), signed_for(signed_body))
    got = space.get(key)
    space.abort(key, upload)

    expect_status(reply, REFUSED)
    expect_nothing_stored(got)


@verifies("storage/subresource/expected-owner-is-checked")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize("operation", ["part", "parts", "completion", "abortion", "open-uploads"])
def test_expected_owner_of_an_upload_is_heeded(space: Space, operation: str) -> None:
    """Purpose: a client that names the expected bucket owner sends no part to, and ends no upload in, another's bucket.
    Method: 1. open an upload, send a part; replace, list, complete or abort, expecting an unknown bucket owner
            2. expect 403 (400, 501), and a completion without that field to create the object
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, EARLIER)
    named = {"uploadId": upload}
    reply = {
        "part": lambda: space.call("PUT", key, {"partNumber": "1", **named}, OTHER_OWNER, b"other bytes"),
        "parts": lambda: space.call("GET", key, named, OTHER_OWNER),
        "completion": lambda: space.call("POST", key, named, OTHER_OWNER, completion_document([part])),
        "abortion": lambda: space.call("DELETE", key, named, OTHER_OWNER),
        "open-uploads": lambda: space.call("GET", query={"uploads": "", "prefix": key}, headers=OTHER_OWNER),
    }[operation]()

    expect_status(reply, {400, 403, 501})
    expect_no_error_inside(space.complete(key, upload, [part]))
    expect_bytes(space.get(key), EARLIER)


@verifies("storage/multipart/old-object-remains-until-completion")
@pytest.mark.parametrize("change", ["overwritten", "copied-over", "deleted", "deleted-by-delete-objects"])
def test_changed_object_leaves_its_upload(space: Space, change: str) -> None:
    """Purpose: overwriting or deleting the object of a key does not end an upload to that key.
    Method: 1. put an object, open an upload to its key, send a part, then overwrite or delete the object
            2. expect the new bytes or none, and the completion to succeed (the change may outlast it)
    """
    key, body = space.stored(EARLIER), b"put during the upload"
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"uploaded")
    reply = {
        "overwritten": lambda: space.put(key, body),
        "copied-over": lambda: space.copy(key, space.stored(body)),
        "deleted": lambda: space.delete(key),
        "deleted-by-delete-objects": lambda: space.delete_many([key]),
    }[change]()
    require(reply, "objects that can be overwritten and deleted")

    if change.startswith("deleted"):
        expect_nothing_stored(space.get(key), "for a key that was deleted")
    else:
        expect_bytes(space.get(key), body, "for a key that was written during an upload to it")
    expect_no_error_inside(space.complete(key, upload, [part]))


@verifies("storage/errors/document-has-code-and-message#missing-upload")
@pytest.mark.usefixtures("multipart")
def test_error_document_of_an_upload(space: Space) -> None:
    """Purpose: a client reads from an error document what is wrong with its multipart upload.
    Method: 1. send a part to an upload that never existed; 2. expect a 4xx with <Error> as XML, with Code and Message
    """
    reply = space.put_part(space.key(), "cf-no-such-upload-0000000000000000", 1, b"x")

    expect_refused(reply)
    expect_described_error(reply)
