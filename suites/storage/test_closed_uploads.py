"""Multipart uploads that are completed, and parts that belong to another upload."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import completion_document
from conformance.clients.s3.client import signed_for
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import parts_of
from conformance.oracles.s3_errors import (
    REFUSED,
    expect_described_error,
    expect_failed_completion,
    expect_no_error_inside,
    expect_refusal,
    require,
)
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotOffered
from conformance.vocabulary.wording import worded

STOOD = b"what stood there"
OTHER_OWNER = {"x-amz-expected-bucket-owner": "730291846583"}


@pytest.fixture
def multipart(features: frozenset[str]) -> None:
    """NotApplicable where the target does not claim uploads in parts."""
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")


@verifies("storage/multipart/completed-upload-is-closed")
def test_completed_upload_is_closed(space: Space) -> None:
    """Purpose: an upload that is completed is over: it has and takes no parts, and to abort it harms its object not.

    Method: 1. complete an upload, list its parts, send another part to it, abort it
            2. expect no parts, 404 NoSuchUpload, for the abortion 204 also, and the object as it was completed
    """
    key = space.key("parts")
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"complete")
    expect_no_error_inside(space.complete(key, upload, [part]))

    listed = space.list_parts(key, upload)
    late, aborted = space.put_part(key, upload, 2, b"late"), space.abort(key, upload)

    expect_bytes(space.get(key), b"complete", "of the completed upload")
    expect_status(listed, {200, 404}, "for the parts of a completed upload")
    if listed.ok and (left := parts_of(listed).parts):
        raise NonConformance("no parts of a completed upload", worded(left), listed, proof=lacks(listed, "<Part>"))
    expect_refusal(late, 404, {"NoSuchUpload"})
    expect_refusal(aborted, {204, 404}, {"NoSuchUpload"})


@verifies("storage/multipart/invalid-part-is-refused")
@pytest.mark.parametrize("earlier", [case("etag-before-it-was-sent-anew", True), case("etag-of-another-part", False)])
def test_etag_of_other_bytes_is_refused(space: Space, earlier: bool) -> None:
    """Purpose: the ETag of a part is that of its present bytes, not one that it had or another part has.

    Method: 1. send two parts; or one of which the bytes are sent anew; complete with the ETag of the other bytes
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


@verifies("storage/multipart/upload-is-of-its-key")
@pytest.mark.parametrize("other", [case("copied", "other")])
def test_part_is_copied_to_its_own_key(space: Space, other: str) -> None:
    """Purpose: an upload id is good for its own key where a part is copied, too.

    Method: 1. open an upload to one key, copy a part with its id to another key
            2. expect 404 NoSuchUpload
    """
    key, source = space.key(), space.stored()
    upload = space.opened(key)
    reply = space.copy_part(space.key(other), upload, 1, source)
    space.abort(key, upload)

    expect_refusal(reply, 404, {"NoSuchUpload"})


@verifies("storage/signature/payload-hash-is-checked")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize("operation", [case("completion", "completion")])
def test_payload_hash_of_a_completion_is_checked(space: Space, operation: str) -> None:
    """Purpose: a completion other than the one that was signed makes no object.

    Method: 1. send two parts, sign the completion with the first, send it with the second
            2. expect 400 or 403, and nothing stored
    """
    key = space.key(operation)
    upload = space.opened(key)
    parts = [space.part(key, upload, number, b"%d" % number) for number in (1, 2)]
    signed_body, other = (completion_document([part]) for part in parts)

    reply = space.s3.send(space.request("POST", key, {"uploadId": upload}, body=other), signed_for(signed_body))
    got = space.get(key)
    space.abort(key, upload)

    expect_status(reply, REFUSED)
    expect_nothing_stored(got)


@verifies("storage/subresource/expected-owner-is-heeded")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize(
    "operation", [case(name, name) for name in ("part", "parts", "completion", "abortion", "open-uploads")]
)
def test_expected_owner_of_an_upload_is_heeded(space: Space, operation: str) -> None:
    """Purpose: a caller who says whose bucket it expects sends no part to another one's, nor ends an upload there.

    Method: 1. open an upload, send a part; send it anew, list it, complete or abort the upload, or list what is open,
               expecting an account that is none
            2. expect 403 (or 400, 501), and then a completion without that to make the object of the part
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, STOOD)
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
    expect_bytes(space.get(key), STOOD)


@verifies("storage/multipart/old-object-stands-until-complete")
@pytest.mark.parametrize("many", [case("which-is-deleted", False), case("which-is-deleted-by-its-name", True)])
def test_deleted_object_leaves_its_upload(space: Space, many: bool) -> None:
    """Purpose: to delete what stands at a key ends no upload that is under way to it.

    Method: 1. put an object, open an upload to its key, send a part, delete the object, by DeleteObjects or by DELETE
            2. expect nothing there, and the upload to be completed; the deletion may take precedence over its object
    """
    key = space.stored(STOOD)
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"under way")
    require(space.delete_many([key]) if many else space.delete(key), "objects to be deleted")

    expect_nothing_stored(space.get(key), "for a key that was deleted")
    expect_no_error_inside(space.complete(key, upload, [part]))


@verifies("storage/multipart/old-object-stands-until-complete")
@pytest.mark.parametrize("copied", [case("which-is-overwritten", False), case("which-is-copied-over", True)])
def test_overwritten_object_leaves_its_upload(space: Space, copied: bool) -> None:
    """Purpose: to overwrite what stands at a key ends no upload that is under way to it.

    Method: 1. put an object, open an upload to its key, send a part, overwrite the object, by PUT or by a copy
            2. expect the new bytes, and the upload to be completed; the PUT may take precedence over its object
    """
    key, body = space.stored(STOOD), b"what was put meanwhile"
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"under way")
    require(space.copy(key, space.stored(body)) if copied else space.put(key, body), "objects to be overwritten")

    expect_bytes(space.get(key), body, "for a key that was written while an upload to it is under way")
    expect_no_error_inside(space.complete(key, upload, [part]))


@verifies("storage/errors/document-has-code-and-message")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize("upload", [case("missing-upload", "cf-no-such-upload-0000000000000000")])
def test_error_document_of_an_upload(space: Space, upload: str) -> None:
    """Purpose: what is wrong with an upload in parts is told by a document that a client can read.

    Method: 1. send a part to an upload that never was
            2. expect a 4xx with <Error> as XML, with Code and Message
    """
    reply = space.put_part(space.key(), upload, 1, b"x")

    expect_refused(reply)
    expect_described_error(reply)


@verifies("storage/multipart/half-named-part-is-not-the-object")
@pytest.mark.parametrize("method", [case("empty-upload", "PUT"), case("empty-upload-aborted", "DELETE")])
def test_part_of_no_upload_is_not_the_object(space: Space, method: str) -> None:
    """Purpose: a client that lost its upload's id neither overwrites nor deletes the object with an empty one.

    Method: 1. put an object, send a part to it, or an abortion, with an empty uploadId
            2. expect a refusal, and the object as it was
    """
    key = space.stored(STOOD)
    query = {"partNumber": "1", "uploadId": ""} if method == "PUT" else {"uploadId": ""}
    reply = space.call(method, key, query, body=b"a part" if method == "PUT" else b"")

    expect_no_server_error(reply)
    expect_stored(space.get(key), STOOD, reply)
