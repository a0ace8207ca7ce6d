"""One access key opens all of an organization's buckets, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.client import S3, Bucket
from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.concealment import Asked, expect_alike, expect_as_absent
from conformance.oracles.s3_documents import refused_by_key
from conformance.oracles.s3_errors import error_of, expect_out_of_reach, expect_refusal, require, xml_root
from conformance.oracles.s3_objects import expect_bytes, expect_stored
from conformance.oracles.status import expect_no_success, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.target.description import Storage
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotDeclared

Operation = Callable[[Bucket, str], Exchange]
OPERATIONS: dict[str, Operation] = {
    "head-bucket": lambda bucket, key: bucket.call("HEAD"),
    "list": lambda bucket, key: bucket.listing(key),
    "list-version-1": lambda bucket, key: bucket.listing_v1(key),
    "list-uploads": lambda bucket, key: bucket.list_uploads(key),
    "location": lambda bucket, key: bucket.call("GET", query={"location": ""}),
    "get": lambda bucket, key: bucket.get(key),
    "head": lambda bucket, key: bucket.head(key),
    "put": lambda bucket, key: bucket.put(key, b"never to be stored"),
    "copy": lambda bucket, key: bucket.copy(f"{key}-copy", key),
    "delete": lambda bucket, key: bucket.delete(key),
    "delete-many": lambda bucket, key: bucket.delete_many([key]),
    "create-upload": lambda bucket, key: bucket.create_upload(key),
}
HIDDEN = 404
OPTIONAL = (OPERATIONS["list-uploads"], OPERATIONS["create-upload"])
EVERY_OPERATION = pytest.mark.parametrize("operation", [case(name, call) for name, call in OPERATIONS.items()])


@verifies("storage/service/endpoint-is-path-style")
def test_bucket_is_reached_by_path(space: Space) -> None:
    """Purpose: a bucket is reached at the shared endpoint, without a host name of its own.

    Method: 1. HEAD the bucket by its path, without a slash at the end and with one
            2. expect 200
    """
    for end in ("", "/"):
        asked = space.request("HEAD")
        expect_status(space.s3.send(replace(asked, path=asked.path + end)), 200)


@verifies("storage/service/one-key-opens-all-buckets")
def test_one_key_opens_every_bucket(s3: S3, storage: Storage, space: Space, other_space: Space) -> None:
    """Purpose: one access key is shared across all the buckets of an organization.

    Method: 1. put, get, list and delete an object in each bucket with the one key
            2. expect each to work
    """
    for each in (space, other_space):
        key = each.key("shared")
        expect_success(each.put(key, b"one key"))
        expect_bytes(each.get(key), b"one key")
        expect_status(each.listing(key), 200)
        expect_success(each.delete(key))


@verifies("storage/service/same-key-in-two-buckets")
def test_same_key_in_two_buckets_is_two_objects(space: Space, other_space: Space) -> None:
    """Purpose: a key names an object within its bucket; another bucket's object of that key is another object.

    Method: 1. put different bytes under one key in two buckets
            2. expect each bucket to give its own, and a deletion in one to leave the other
    """
    key = space.stored(b"in the first")
    other_space.stored(b"in the second", key=key)

    expect_bytes(space.get(key), b"in the first")
    expect_bytes(other_space.get(key), b"in the second")
    expect_success(space.delete(key))
    expect_bytes(other_space.get(key), b"in the second")


@verifies("storage/service/foreign-bucket-is-refused")
@EVERY_OPERATION
def test_foreign_bucket_is_refused(foreign: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: a key opens no bucket of another organization's, for whatever operation.

    Method: 1. ask for the operation on a foreign bucket
            2. expect 403 AccessDenied, or 404 as if it did not exist; of DeleteObjects also for each key within 200; of
               uploads, which need not be offered, also 405 or 501; of HEAD the same as of GET
    """
    key = names.new("foreign")
    reply = operation(foreign, key)
    if refused_by_key(reply, key, {"AccessDenied", "NoSuchBucket"}):
        return
    if reply.ok:
        foreign.delete(key)
        if (root := xml_root(reply)) is not None and (upload := root.findtext("UploadId")):
            foreign.abort(key, upload)

    expect_out_of_reach(reply, operation in OPTIONAL)
    if operation is OPERATIONS["head"]:
        # There may be no object of that key: 404 would tell just that, where GET is told whose the bucket is.
        expect_alike(foreign.get(key), reply, "of HEAD, as GET is answered")


@verifies("storage/service/foreign-source-is-refused")
def test_foreign_bucket_is_no_copy_source(space: Space, foreign: Bucket) -> None:
    """Purpose: copying does not carry bytes out of another organization's bucket.

    Method: 1. copy an object from a foreign bucket into our own, its name spelled plainly, then encoded whole
            2. expect 403, or 404 (400 where it is not read when encoded whole), and nothing under our key
    """
    key, source = space.key("stolen"), space.key("source")

    expect_out_of_reach(space.copy(key, source, source_bucket=foreign.name))
    whole = space.copy_as(key, encoded(f"{foreign.name}/{source}"))
    if whole.status != 400:
        expect_out_of_reach(whole)
    expect_status(space.get(key), 404)


@verifies("storage/service/absent-bucket-is-refused")
@EVERY_OPERATION
def test_absent_bucket_is_refused(absent: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: a bucket that does not exist is told as such.

    Method: 1. ask for the operation on a bucket that never existed
            2. expect 404 NoSuchBucket, or 403 where buckets are concealed; of DeleteObjects also within 200, by key
    """
    key = names.new("absent")
    reply = operation(absent, key)
    if not refused_by_key(reply, key, {"AccessDenied"}):
        expect_out_of_reach(reply, operation in OPTIONAL)


@verifies("storage/service/absent-bucket-is-refused")
@pytest.mark.parametrize("behind", [case("that-begins-as-ours", "-no-such")])
def test_bucket_that_begins_as_ours_is_absent(space: Space, behind: str) -> None:
    """Purpose: a bucket is the one that is named, not one whose name is the beginning of that.

    Method: 1. put an object, GET it from a bucket of our own one's name with more behind it
            2. expect 404 NoSuchBucket (400, where the name is too long), or 403 where buckets are concealed
    """
    reply = space.s3.bucket(space.name + behind).get(space.stored(b"of this bucket"))

    expect_refusal(reply, {400, 403, 404}, {"NoSuchBucket", "AccessDenied", "InvalidBucketName"})


@verifies("storage/service/concealed-equals-absent")
@EVERY_OPERATION
def test_concealed_bucket_is_not_told_from_an_absent_one(
    s3: S3, foreign: Bucket, names: Names, operation: Operation
) -> None:
    """Purpose: where a foreign bucket is hidden with 404, nothing tells it from one that never existed.

    Method: 1. ask for the operation on a foreign bucket and on some that never existed
            2. where the first is answered 404, expect the others to be answered alike, but for their names
    """
    key = names.new("hidden")

    def ask(name: str) -> Asked:
        return Asked(name, operation(s3.bucket(name), key))

    if ask(foreign.name).reply.status == HIDDEN:
        expect_as_absent(ask, foreign.name, lambda: names.new("absent"), like="a bucket that never existed")


@disturbs("storage buckets", others=True)
@verifies("storage/service/create-bucket-harms-nothing")
def test_create_bucket_harms_nothing(space: Space, storage: Storage) -> None:
    """Purpose: buckets come from the portal; asking for one that exists neither empties nor takes it.

    Method: 1. put an object, then CreateBucket with the name of its bucket
            2. expect 200, or 409, 403, 405, 501, and the object unharmed
    """
    _destructive(storage)
    key = space.stored(b"still here")

    reply = space.call("PUT")

    expect_status(reply, {200, 403, 405, 409, 501})
    expect_stored(space.get(key), b"still here", reply)


@disturbs("storage buckets", others=True)
@verifies("storage/service/buckets-are-not-self-service")
def test_new_bucket_is_refused(s3: S3, storage: Storage, absent: Bucket) -> None:
    """Purpose: buckets are provisioned in the portal, so a key does not make one.

    Method: 1. CreateBucket with a new name
            2. expect 403, 405 or 501, or 404: a bucket that is not provisioned is not there to be put; or 400
               TooManyBuckets, where all that an account may have are there
    """
    _destructive(storage)
    reply = absent.call("PUT")
    if reply.ok:
        absent.call("DELETE")
    expect_no_success(reply, ", since buckets are provisioned in the portal")
    error = error_of(reply)
    if reply.status != 400 or error is None or error.code != "TooManyBuckets":
        expect_out_of_reach(reply, need_not_be_offered=True)


@disturbs("storage buckets", others=True)
@verifies("storage/service/delete-bucket-destroys-nothing")
def test_delete_bucket_destroys_nothing(space: Space, storage: Storage) -> None:
    """Purpose: deprovisioning happens in the portal; DeleteBucket on a bucket with objects destroys none of them.

    Method: 1. put an object, then DeleteBucket of its bucket
            2. expect 403, 405, 409 or 501, and the object unharmed
    """
    _destructive(storage)
    key = space.stored(b"still here")
    require(space.head(key), "a bucket that gives what was put")

    reply = space.call("DELETE")

    expect_refusal(
        reply, {403, 405, 409, 501}, {"AccessDenied", "MethodNotAllowed", "BucketNotEmpty", "NotImplemented"}
    )
    expect_stored(space.get(key), b"still here")


def _destructive(storage: Storage) -> None:
    if not storage.destructive:
        raise NotDeclared(
            "the target file does not permit that buckets are made or deleted (storage.destructive)",
            "storage.destructive",
        )
