"""Multipart operations on another organization's bucket: access is checked before the upload is looked up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.client import Bucket
from conformance.oracles.s3_errors import expect_refusal
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange

UPLOAD, TAG = "cf-no-such-upload-0000000000000000", '"0123456789abcdef0123456789abcdef"'
HIDDEN = 404
OPERATIONS: dict[str, Callable[[Bucket, str], Exchange]] = {
    "abort": lambda bucket, key: bucket.abort(key, UPLOAD),
    "put-part": lambda bucket, key: bucket.put_part(key, UPLOAD, 1, b"never to be stored"),
    "list-parts": lambda bucket, key: bucket.list_parts(key, UPLOAD),
    "put-where-it-matches": lambda bucket, key: bucket.put(key, b"never to be stored", {"If-Match": TAG}),
}


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in OPERATIONS.items()])
def test_foreign_bucket_is_refused_first(
    foreign: Bucket, names: Names, operation: Callable[[Bucket, str], Exchange]
) -> None:
    """Purpose: which uploads and objects another organization has is not told by how a request for them is refused.

    Method: 1. ask for the operation in a foreign bucket, of an upload that there is not, or of an object by If-Match
            2. expect 403 AccessDenied, or 404 as if the bucket did not exist, or 405 or 501 where it is not offered;
               what there is not may be told where the bucket is hidden, as it is of one that never existed
    """
    key = names.new("foreign")
    reply = operation(foreign, key)
    codes = {"AccessDenied", "NoSuchBucket", "MethodNotAllowed", "NotImplemented"}
    if reply.status == HIDDEN and foreign.get(key).status == HIDDEN:
        codes |= {"NoSuchUpload", "NoSuchKey"}

    expect_refusal(reply, {403, 404, 405, 501}, codes)
