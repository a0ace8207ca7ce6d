"""A multipart upload is of its own key, ends with its completion, and leaves the old object until then."""

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
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored
from conformance.oracles.status import expect_refused, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

EARLIER = b"the earlier object"
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
    if listed.ok and (left := parts_of(listed).parts):
        raise NonConformance("no parts of a completed upload", worded(left), listed, proof=lacks(listed, "<Part>"))
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
    """Purpose: nobody on the way changes which parts a completion names.
    Method: 1. send two parts, sign the completion with the first, send it with the second
            2. expect 400 or 403, and nothing stored
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


@verifies("storage/subresource/expected-owner-is-heeded")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize(
    "operation", [case(name, name) for name in ("part", "parts", "completion", "abortion", "open-uploads")]
)
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


@verifies("storage/multipart/old-object-stands-until-complete")
@pytest.mark.parametrize(
    "change",
    [case(name, name) for name in ("overwritten", "copied-over", "deleted", "deleted-by-delete-objects")],
)
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
