"""Invalid requests of a multipart upload are rejected and leave everything as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.checksums import content_md5
from conformance.clients.s3.client import signed_for
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import uploads_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

UNKNOWN = "cf-no-such-upload-0000000000000000"
WRONG_TAG = '"0123456789abcdef0123456789abcdef"'
ON_UNKNOWN: dict[str, Callable[[Space, str, str], Exchange]] = {
    "upload-part": lambda space, key, upload: space.put_part(key, upload, 1, b"x"),
    "list-parts": lambda space, key, upload: space.list_parts(key, upload),
    "list-some-parts": lambda space, key, upload: space.list_parts(key, upload, max_parts="2"),
    "complete": lambda space, key, upload: space.complete(key, upload, [(1, WRONG_TAG)]),
}


@verifies("storage/multipart/unknown-upload-is-404")
@pytest.mark.parametrize("call", [case(name, call) for name, call in ON_UNKNOWN.items()])
def test_unknown_upload_is_404(space: Space, call: Callable[[Space, str, str], Exchange]) -> None:
    """Purpose: an upload id that was never issued is told as such.

    Method: 1. ask for the operation with an unknown upload id
            2. expect 404 NoSuchUpload, and nothing stored
    """
    key = space.key()

    expect_refusal(call(space, key, UNKNOWN), 404, {"NoSuchUpload"})
    expect_nothing_stored(space.get(key))


@verifies("storage/multipart/unknown-upload-is-404")
@pytest.mark.parametrize("upload", [case("like-a-path", f"../../{UNKNOWN}"), case("of-quotes", "'\"")])
def test_odd_upload_id_is_unknown(space: Space, upload: str) -> None:
    """Purpose: an upload id is a name that the server gave; another leads nowhere, whatever letters it has.

    Method: 1. send a part with an upload id that reads as a path, or as the end of a text
            2. expect 404 NoSuchUpload, or 400, and nothing stored
    """
    key = space.key()
    reply = space.put_part(key, upload, 1, b"x")

    expect_status(reply, {400, 404})
    expect_nothing_stored(space.get(key))


@verifies("storage/multipart/unknown-upload-is-404")
@pytest.mark.parametrize("cut", [case("cut-short", 4)])
def test_beginning_of_an_upload_id_is_unknown(space: Space, cut: int) -> None:
    """Purpose: the beginning of an upload's id is not that id, or who guesses a little of it writes into the upload.

    Method: 1. open an upload, send a part with its id but for the last quarter
            2. expect 404 NoSuchUpload, or 400
    """
    key = space.key()
    upload = space.opened(key)

    reply = space.put_part(key, upload[: -len(upload) // cut], 1, b"x")
    space.abort(key, upload)

    if reply.status not in (400, 404):
        proof = Proof(beyond="it cuts an id that the server gives anew each time")
        raise NonConformance("400 or 404 for the beginning of an upload's id", observed(reply), reply, proof=proof)


@verifies("storage/multipart/abort-of-unknown-upload-is-harmless")
def test_abort_of_unknown_upload(space: Space) -> None:
    """Purpose: aborting an upload that does not exist harms nothing.

    Method: 1. put an object, abort an unknown upload to its key
            2. expect 404 NoSuchUpload, or 204, and the object there
    """
    key = space.stored(b"what stood there")

    expect_refusal(space.abort(key, UNKNOWN), {204, 404}, {"NoSuchUpload"})
    expect_bytes(space.get(key), b"what stood there", "after an unknown upload to its key was aborted")


@verifies("storage/multipart/upload-is-of-its-key")
def test_upload_is_of_its_key(space: Space) -> None:
    """Purpose: an upload id is good for the key it was opened for, and for no other.

    Method: 1. open an upload to one key, send a part; with its id send one to another key, list its parts, complete and
               abort it there
            2. expect 404 NoSuchUpload (for the abortion 204 also), and nothing stored there
            3. complete it to its own key, expect the object; then to the other key, and expect what was expected before
    """
    key, other = space.key(), space.key("other")
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"kept")

    expect_refusal(space.put_part(other, upload, 1, b"astray"), 404, {"NoSuchUpload"})
    expect_refusal(space.list_parts(other, upload), 404, {"NoSuchUpload"})
    expect_failed_completion(space.complete(other, upload, [part]), 404, {"NoSuchUpload"})
    expect_refusal(space.abort(other, upload), {204, 404}, {"NoSuchUpload"})
    expect_nothing_stored(space.get(other))
    expect_no_error_inside(space.complete(key, upload, [part]), "for its own key, behind what was refused for another")
    expect_bytes(space.get(key), b"kept")
    expect_failed_completion(space.complete(other, upload, [part]), 404, {"NoSuchUpload"})


@verifies("storage/multipart/upload-is-of-its-bucket")
def test_upload_is_of_its_bucket(space: Space, other_space: Space) -> None:
    """Purpose: an upload is good in the bucket that it was opened in, and in no other.

    Method: 1. open an upload, send a part; with its id send one to the same key of another bucket, complete and abort
               it there, list the uploads there
            2. expect 404 NoSuchUpload (for the abortion 204 also), and no uploads
            3. complete it in its own bucket, expect the object; then in the other one, and expect 404 once more
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"kept")
    listed = other_space.list_uploads(key)

    expect_refusal(other_space.put_part(key, upload, 1, b"astray"), 404, {"NoSuchUpload"})
    expect_failed_completion(other_space.complete(key, upload, [part]), 404, {"NoSuchUpload"})
    expect_refusal(other_space.abort(key, upload), {204, 404}, {"NoSuchUpload"})
    expect_no_error_inside(space.complete(key, upload, [part]), "in its own bucket, behind what was refused in another")
    expect_bytes(space.get(key), b"kept")
    expect_failed_completion(other_space.complete(key, upload, [part]), 404, {"NoSuchUpload"})
    if listed.ok and (found := uploads_of(listed)):
        raise NonConformance("no uploads of another bucket", worded(found), listed, proof=lacks(listed, "<Upload>"))


@verifies("storage/multipart/aborted-upload-takes-no-parts")
def test_aborted_upload_takes_no_parts(space: Space) -> None:
    """Purpose: an aborted upload can be neither continued nor completed.

    Method: 1. open an upload, send a part, abort, then send a part and complete; abort another as the SDK for
               JavaScript does, which names the operation in the query
            2. expect 404 NoSuchUpload for both, and nothing stored
    """
    for named in ({}, {"x-id": "AbortMultipartUpload"}):
        key = space.key()
        upload = space.opened(key)
        part = space.part(key, upload, 1, b"in vain")
        expect_success(space.call("DELETE", key, {"uploadId": upload, **named}))

        expect_refusal(space.put_part(key, upload, 2, b"late"), 404, {"NoSuchUpload"})
        expect_refusal(space.complete(key, upload, [part]), 404, {"NoSuchUpload"})
        expect_nothing_stored(space.get(key))


@verifies("storage/multipart/part-number-is-bounded")
@pytest.mark.parametrize(
    "number",
    [
        *(case("nought", "0"), case("over", "10001"), case("negative", "-1")),
        *(case("word", "one"), case("number-and-word", "1st"), case("huge", "9" * 20)),
    ],
)
def test_part_number_is_bounded(space: Space, number: str) -> None:
    """Purpose: part numbers run from 1 to 10,000.

    Method: 1. send a part with another number
            2. expect 400 InvalidArgument
    """
    key = space.key()
    upload = space.opened(key)
    reply = space.put_part(key, upload, number, b"x")
    space.abort(key, upload)

    expect_refusal(reply, 400, {"InvalidArgument", "InvalidPart", "InvalidPartNumber", "InvalidRequest"})


@verifies("storage/multipart/differing-md5-refuses-the-part")
def test_differing_md5_refuses_the_part(space: Space) -> None:
    """Purpose: a part that arrives other than its Content-MD5 says is refused, and the earlier one stays.

    Method: 1. send a part, send it anew with the Content-MD5 of other bytes
            2. expect 400 BadDigest; the completion with the first's ETag gives the first's bytes
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"as it should be")
    reply = space.put_part(key, upload, 1, b"spoiled", {"Content-MD5": content_md5(b"others")})

    expect_refusal(reply, 400, {"BadDigest", "InvalidDigest"})
    expect_no_error_inside(space.complete(key, upload, [part]), "with the part that came before the refused one")
    expect_bytes(space.get(key), b"as it should be")


@verifies("storage/multipart/other-payload-refuses-the-part")
def test_other_payload_refuses_the_part(space: Space) -> None:
    """Purpose: a part other than the one that was signed is refused, and the earlier one stays.

    Method: 1. send a part, sign it anew, send other bytes of the same length
            2. expect 400 or 403; the completion with the first's ETag gives the first's bytes
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"as it should be")
    query = {"partNumber": "1", "uploadId": upload}

    reply = space.s3.send(space.request("PUT", key, query, body=b"as nobody signed"), signed_for(b"as it was signed"))

    expect_status(reply, {400, 403})
    expect_no_error_inside(space.complete(key, upload, [part]), "with the part that came before the refused one")
    expect_bytes(space.get(key), b"as it should be")


@verifies("storage/multipart/bad-copy-range-is-refused")
@pytest.mark.parametrize(
    "asked",
    # The first position beyond twelve bytes is 12.
    [case("beyond", "bytes=5-12"), case("inverted", "bytes=5-2"), case("open", "bytes=5-"), case("word", "all")],
)
def test_bad_copy_range_is_refused(space: Space, asked: str) -> None:
    """Purpose: a copied part's range lies within its source and has both ends.

    Method: 1. copy a part with another range
            2. expect 400 InvalidArgument or InvalidRange, or 416
    """
    source, key = space.stored(b"twelve bytes"), space.key()
    upload = space.opened(key)
    reply = space.copy_part(key, upload, 1, source, asked)
    space.abort(key, upload)

    expect_refusal(reply, {400, 416}, {"InvalidArgument", "InvalidRange", "InvalidRequest"})


@verifies("storage/multipart/missing-copy-source-is-404")
def test_missing_copy_source_is_404(space: Space) -> None:
    """Purpose: a part cannot be copied from an object that does not exist.

    Method: 1. copy a part from a key that was never written
            2. expect 404 NoSuchKey
    """
    key = space.key()
    upload = space.opened(key)
    reply = space.copy_part(key, upload, 1, space.key("missing"))
    space.abort(key, upload)

    expect_refusal(reply, 404, {"NoSuchKey"})
