"""Upload ids and part numbers: unknown, aborted, of another key or bucket, and out of bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import parts_of, uploads_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
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
    """Purpose: the beginning of an upload id must not be accepted, or ids could be guessed.
    Method: 1. open an upload, send a part with its id without the last quarter; 2. expect 404 NoSuchUpload, or 400
    """
    upload = space.opened(key := space.key())
    reply = space.put_part(key, upload[: -len(upload) // 4], 1, b"x")
    space.abort(key, upload)

    if reply.status not in (400, 404):
        proof = Proof(beyond="it cuts an id that the server issues anew each time")
        raise NonConformance("400 or 404 for the beginning of an upload id", observed(reply), reply, proof=proof)


@verifies("storage/multipart/abort-of-unknown-upload-is-harmless")
def test_abort_of_unknown_upload(space: Space) -> None:
    """Purpose: aborting an upload that does not exist must not harm the object under its key.
    Method: 1. put an object, abort an unknown upload to its key
            2. expect 404 NoSuchUpload, or 204, and the object as it was
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
        raise NonConformance("no uploads of another bucket", worded(found), listed, proof=lacks(listed, "<Upload>"))


@verifies("storage/multipart/abort-removes-the-upload")
def test_abort_removes_the_upload(space: Space) -> None:
    """Purpose: an abort removes the upload with its parts, and not the object under its key.
    Method: 1. put an object, open an upload to its key, send a part, abort
            2. expect 204, no parts and no upload in the lists, and the old object
    """
    upload = space.opened(key := space.stored(EARLIER))
    space.part(key, upload, 1, b"aborted")

    expect_status(space.abort(key, upload), 204)

    left = space.list_parts(key, upload)
    expect_status(left, {200, 404})
    if left.ok and (parts := parts_of(left).parts):
        raise NonConformance("no parts of an aborted upload", worded(parts), left, proof=lacks(left, "<Part>"))
    listed = space.list_uploads(key)
    if upload in (found := [each.upload for each in uploads_of(listed)]):
        proof = lacks(listed, "<Upload>")
        raise NonConformance("no aborted upload in the list", worded(found), listed, proof=proof)
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
    ("method", "names"),
    [
        case("no-upload", "PUT", {"partNumber": "1"}),
        case("no-number", "PUT", {"uploadId": "{}"}),
        case("empty-upload", "PUT", {"partNumber": "1", "uploadId": ""}),
        case("empty-upload-aborted", "DELETE", {"uploadId": ""}),
    ],
)
def test_half_named_part_is_not_the_object(space: Space, method: str, names: dict[str, str]) -> None:
    """Purpose: a request that names a part only by half neither overwrites nor deletes the object.
    Method: 1. put an object, open an upload to its key; PUT there with partNumber or uploadId only, PUT and DELETE with
               an empty uploadId
            2. expect no server error, and the object as it was
    """
    upload = space.opened(key := space.stored(EARLIER))
    query = {name: value.format(upload) for name, value in names.items()}
    reply = space.call(method, key, query, body=b"a part" if method == "PUT" else b"")
    space.abort(key, upload)

    expect_no_server_error(reply)
    expect_bytes(space.get(key), EARLIER, "after a request that names only half of a part", reply)
