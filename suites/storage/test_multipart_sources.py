"""Where the bytes of a part come from, and what it is a part of: other buckets, no upload at all."""

from __future__ import annotations

import pytest

from conformance.clients.storage import Bucket
from conformance.oracles.s3_documents import copied_etag_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_stored
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.space import Space
from conformance.vocabulary.check import case, verifies

CONCEALED = {403, 404}
CODES = {"AccessDenied", "NoSuchBucket"}


@verifies("storage/service/foreign-source-of-a-part-is-refused")
def test_foreign_bucket_is_no_source_of_a_part(space: Space, foreign: Bucket) -> None:
    """Purpose: copying part by part does not carry bytes out of another organization's bucket either.

    Method: 1. copy a part from a foreign bucket into an upload to our own
            2. expect 403, or 404 as if that bucket did not exist
    """
    key = space.key("stolen")
    upload = space.opened(key)
    reply = space.copy_part(key, upload, 1, space.key("source"), source_bucket=foreign.name)
    space.abort(key, upload)

    expect_refusal(reply, CONCEALED, CODES)


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
    expect_stored(space.get(key), b"the whole")
