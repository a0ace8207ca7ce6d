"""Unauthenticated and wrongly signed requests are rejected for every operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.client import S3, Bucket
from conformance.clients.s3.sigv4 import Request, Signing
from conformance.oracles.proofs import lists
from conformance.oracles.s3_documents import deletion_of, parts_of
from conformance.oracles.s3_errors import REFUSED, expect_refusal, xml_root
from conformance.oracles.s3_objects import expect_etag, expect_nothing_stored, expect_stored
from conformance.oracles.status import NOT_OFFERED, expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import worded

STOOD = b"what stood there"
CLOSED = {*range(400, 500), 501}
"""Any refusal, of a kind that other checks judge; 501 where the operation is not offered."""
REFUSED_BY_KEY = {"AccessDenied", "SignatureDoesNotMatch"}
ELSEWHERE = "-copied"
Operation = Callable[[Bucket, str], Exchange]
OPERATIONS: dict[str, Operation] = {
    "head-bucket": lambda bucket, key: bucket.call("HEAD"),
    "list-first-version": lambda bucket, key: bucket.listing_v1(key),
    "list-uploads": lambda bucket, key: bucket.list_uploads(key),
    "open-upload": lambda bucket, key: bucket.create_upload(key),
    "location": lambda bucket, key: bucket.call("GET", query={"location": ""}),
    "access-list": lambda bucket, key: bucket.call("GET", query={"acl": ""}),
    "access-list-of-an-object": lambda bucket, key: bucket.call("GET", key, {"acl": ""}),
    "versions": lambda bucket, key: bucket.call("GET", query={"versions": "", "prefix": key}),
    "attributes": lambda bucket, key: bucket.call("GET", key, {"attributes": ""}, {"x-amz-object-attributes": "ETag"}),
    "delete-many": lambda bucket, key: bucket.delete_many([key]),
    "copy": lambda bucket, key: bucket.copy(key + ELSEWHERE, key),
    "get-tags": lambda bucket, key: bucket.get_tags(key),
    "put-tags": lambda bucket, key: bucket.put_tags(key, [("owner", "mallory")]),
    "delete-tags": lambda bucket, key: bucket.delete_tags(key),
    "ranged": lambda bucket, key: bucket.get(key, {"Range": "bytes=0-3"}),
    "conditional": lambda bucket, key: bucket.get(key, {"If-None-Match": '"0"'}),
}
Part = tuple[int, str]
UPLOADS: dict[str, Callable[[Bucket, str, str, Part], Exchange]] = {
    "list-parts": lambda bucket, key, upload, part: bucket.list_parts(key, upload),
    "put-part": lambda bucket, key, upload, part: bucket.put_part(key, upload, 2, b"intruder"),
    "copy-part": lambda bucket, key, upload, part: bucket.copy_part(key, upload, 2, key),
    "complete": lambda bucket, key, upload, part: bucket.complete(key, upload, [part]),
    "abort": lambda bucket, key, upload, part: bucket.abort(key, upload),
}


class Unsigned(S3):
    """The gateway as a caller without credentials sees it."""

    def sign(self, request: Request, signing: Signing | None = None) -> Request:
        """The request as it is."""
        return request


def _strangers(space: Space) -> list[Bucket]:
    """The bucket as it is to a caller without credentials, and to one with a wrong secret."""
    unsigned = Unsigned(space.s3.raw, space.s3.keys)
    return [each.bucket(space.name) for each in (unsigned, space.s3.with_keys(secret_key="not-the-secret-of-this-key"))]


def _expect_closed(reply: Exchange, key: str) -> None:
    """A refusal, or a DeleteResult that refuses the key."""
    root = xml_root(reply)
    if (
        reply.ok
        and root is not None
        and root.tag == "DeleteResult"
        and deletion_of(reply).refuses({key}, REFUSED_BY_KEY)
    ):
        return
    expect_status(reply, CLOSED)


def require_offered(reply: Exchange) -> Exchange:
    """The list of parts; Inconclusive where none is offered, which is a finding of its own."""
    if reply.status in NOT_OFFERED:
        raise Inconclusive(f"parts are not listed: {observed(reply)}", "a target that lists parts")
    return reply


@verifies("storage/signature/every-operation-is-closed")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in OPERATIONS.items()])
def test_every_operation_is_closed(space: Space, operation: Operation) -> None:
    """Purpose: no operation on a bucket or an object is open to who cannot sign.

    Method: 1. put an object; ask for the operation without a signature, and with a wrong secret
            2. expect a 4xx (501 where it is not offered), the object as it was, and no copy of it
    """
    standing = space.stored(STOOD)
    for stranger in _strangers(space):
        _expect_closed(operation(stranger, standing), standing)
    expect_stored(space.get(standing), STOOD)
    expect_nothing_stored(space.get(standing + ELSEWHERE))


@verifies("storage/signature/refusal-tells-not-what-exists")
@pytest.mark.parametrize("condition", [case("under-its-tag", "If-None-Match"), case("under-another-tag", "If-Match")])
def test_conditions_tell_strangers_nothing(space: Space, condition: str) -> None:
    """Purpose: what keeps answers, or looks at conditions first, tells who cannot sign of no object by 304 or 412.

    Method: 1. put an object and read it; ask for it without a signature, and with a wrong secret, with If-None-Match of
               its ETag, or If-Match of another one
            2. expect 403, or 400 or 401: a condition is passed over where the request is refused without it (RFC 9110
               section 13.2.1)
    """
    key = space.stored(STOOD)
    tag = expect_etag(space.get(key))
    for stranger in _strangers(space):
        asked = tag if condition == "If-None-Match" else '"another"'
        expect_status(stranger.get(key, {condition: asked}), REFUSED)


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("way", [case("copy-into", "copy")])
def test_foreign_bucket_is_no_copy_target(space: Space, foreign: Bucket, way: str) -> None:
    """Purpose: a key writes into no bucket of another organization's, by copying from its own either.

    Method: 1. copy an object of ours into a foreign bucket
            2. expect 403 AccessDenied, or 404 as if the bucket did not exist
    """
    source, key = space.stored(STOOD), space.key(way)
    reply = foreign.copy(key, source, source_bucket=space.name)
    if reply.ok:
        foreign.delete(key)

    expect_refusal(reply, {403, 404}, {"AccessDenied", "NoSuchBucket"})


@verifies("storage/signature/every-upload-is-closed")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in UPLOADS.items()])
def test_every_upload_is_closed(space: Space, operation: Callable[[Bucket, str, str, Part], Exchange]) -> None:
    """Purpose: an open upload is no way in for who cannot sign, though it know the upload's id and its part's ETag.

    Method: 1. send a part; ask for the operation on its upload without a signature, and with a wrong secret
            2. expect a 4xx (501 where it is not offered), and the upload with its part as it was
    """
    standing = space.stored(STOOD)
    upload = space.opened(standing)
    part = space.part(standing, upload, 1, STOOD)
    for stranger in _strangers(space):
        expect_status(operation(stranger, standing, upload, part), CLOSED)
    reply = require_offered(space.list_parts(standing, upload))
    expect_status(reply, 200, "for the list of parts of an upload that was refused to strangers")
    found = parts_of(reply).parts
    if [(part.number, part.size) for part in found] != [(1, len(STOOD))]:
        proof = lists("Part/PartNumber", [reply], ["1"]) if len(found) != 1 else None
        raise NonConformance("the upload with its only part", worded(found), reply, proof=proof)
