"""Buckets: an access key lists and opens its organization's buckets and no others, and cannot create or delete one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.client import S3, Bucket
from conformance.clients.s3.sigv4 import encoded
from conformance.oracles.concealment import Probe, expect_alike, expect_as_absent
from conformance.oracles.s3_documents import buckets_of, expect_dated, expect_document, refused_by_key
from conformance.oracles.s3_errors import error_of, expect_bucket_refused, expect_refusal, require, xml_root
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored, expect_tag_set
from conformance.oracles.s3_pages import MOST_OF_BUCKETS, bucket_pages
from conformance.oracles.status import (
    expect_no_server_error,
    expect_no_success,
    expect_refused,
    expect_status,
    expect_success,
)
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.target.description import Storage
from conformance.vocabulary.check import case, disturbs, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import some, worded

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
OPTIONAL = (OPERATIONS["list-uploads"], OPERATIONS["create-upload"])
EVERY_OPERATION = pytest.mark.parametrize("operation", [case(name, call) for name, call in OPERATIONS.items()])
OLD_REGIONS = {"": "us-east-1", "EU": "eu-west-1"}
"""What GetBucketLocation returns for two old regions, and their names."""
MOST_PAGES = 10
OTHER = b"in the other bucket"


@pytest.fixture
def destructive(storage: Storage) -> None:
    """Skip checks that create or delete buckets where the target file does not permit it."""
    if not storage.destructive:
        reason = "the target file does not permit requests that create or delete buckets (storage.destructive)"
        raise NotDeclared(reason, "storage.destructive")


@verifies("storage/service/buckets-are-listed")
def test_buckets_of_the_organization_are_listed(s3: S3, storage: Storage) -> None:
    """Purpose: each provisioned application appears as a bucket, whichever instance of the gateway responds.
    Method: 1. list the buckets, following ContinuationToken, three times
            2. expect every bucket of the target file, each with its CreationDate, which ``aws s3 ls`` prints
    """
    for _ in range(3):
        missing, read = set(storage.buckets), list[Exchange]()
        for reply, last in bucket_pages(s3):
            expect_dated(reply)
            read.append(reply)
            missing -= set(buckets_of(reply).names)
            if not missing or last:
                break
        if missing and not last:
            raise Inconclusive(f"the list of buckets has more than {MOST_OF_BUCKETS} pages", "a shorter list")
        if missing:
            expected, seen = f"the buckets {worded(storage.buckets)}", f"missing: {some(missing)}"
            raise NonConformance(expected, seen, *read)


@verifies("storage/service/foreign-bucket-is-not-listed")
def test_foreign_bucket_is_not_listed(s3: S3, foreign: Bucket) -> None:
    """Purpose: an organization does not learn the bucket names of another.
    Method: 1. list the buckets, following ContinuationToken; list those with the foreign bucket's name as prefix
            2. expect the foreign bucket not to be among them
    """
    for reply in (*(page for page, _ in bucket_pages(s3)), s3.call("GET", query={"prefix": foreign.name})):
        if reply.ok and foreign.name in buckets_of(reply).names:
            raise NonConformance(f"no {foreign.name}", f"{foreign.name} in the list", reply)


@verifies("storage/service/buckets-are-listed-page-by-page")
def test_buckets_are_listed_page_by_page(s3: S3, storage: Storage) -> None:
    """Purpose: a client that reads the list of buckets in pages sees each bucket once.
    Method: 1. list the buckets with max-buckets=1, following ContinuationToken, ten pages at most
            2. expect no bucket twice, and after the last page every bucket of the target file
    """
    found: list[str] = []
    for reply, last in bucket_pages(s3, MOST_PAGES, **{"max-buckets": "1"}):
        names = buckets_of(reply).names
        if again := {name for name in names if name in found or names.count(name) > 1}:
            raise NonConformance("each bucket once, over all pages", f"{some(again)} again", reply)
        found += names
        if last and (missing := set(storage.buckets) - set(found)):
            raise NonConformance(f"the buckets {worded(storage.buckets)}", f"missing: {some(missing)}", reply)


@verifies("storage/service/location-names-the-region")
def test_bucket_location_names_the_region(space: Space) -> None:
    """Purpose: an SDK can find out in which region to sign.
    Method: 1. GetBucketLocation, and HEAD the bucket
            2. expect 200 and a LocationConstraint; from HEAD the same x-amz-bucket-region, if any
    """
    reply, head = space.call("GET", query={"location": ""}), space.call("HEAD")
    constraint = (expect_document(reply, "LocationConstraint").text or "").strip()

    region, stated = OLD_REGIONS.get(constraint, constraint), head.headers.get("x-amz-bucket-region") or ""
    if stated and stated != region:
        raise NonConformance(f"x-amz-bucket-region: {region}, the bucket's location", stated, reply, head)


@verifies("storage/listing/bad-parameters-are-no-server-error")
@pytest.mark.parametrize(
    ("of_bucket", "query"),
    [
        case("max-uploads-word", True, {"uploads": "", "max-uploads": "many"}),
        case("unknown-upload-marker", True, {"uploads": "", "key-marker": "cf-", "upload-id-marker": "no-upload"}),
        case("max-buckets-word", False, {"max-buckets": "many"}),
        case("prefix-long", True, {"list-type": "2", "prefix": "k" * 1100}),
        case("prefix-with-nul", True, {"list-type": "2", "prefix": "cf-\0"}),
    ],
)
def test_bad_parameter_of_a_list_is_no_server_error(space: Space, of_bucket: bool, query: dict[str, str]) -> None:
    """Purpose: a client's mistake in a list of uploads, buckets or keys is reported as such.
    Method: 1. list with a limit that is no number, an unknown marker or an impossible prefix
            2. expect 200 or a 4xx (501 where it is not offered)
    """
    expect_no_server_error(space.s3.call("GET", space.name if of_bucket else "", query=query))


@verifies("storage/service/endpoint-is-path-style")
def test_bucket_is_reached_by_path(space: Space) -> None:
    """Purpose: clients reach a bucket at the shared endpoint, without a host name of its own.
    Method: 1. HEAD the bucket by its path, with and without a trailing slash, and a missing bucket
            2. expect 200 for the bucket, and 4xx for the missing one
    """
    request = space.request("HEAD")
    for path in (request.path, f"{request.path}/"):
        expect_status(space.s3.send(replace(request, path=path)), 200)
    expect_refused(space.s3.bucket(f"{space.name}-cf-absent").call("HEAD"), "for a bucket that does not exist")


@verifies("storage/service/one-key-opens-all-buckets")
def test_one_key_opens_every_bucket(space: Space, other_space: Space) -> None:
    """Purpose: one access key is shared across all the buckets of an organization.
    Method: 1. put, get, list and delete an object in each bucket with the one key; 2. expect each to succeed
    """
    for each in (space, other_space):
        key = each.key("shared")
        expect_success(each.put(key, b"one key"))
        expect_bytes(each.get(key), b"one key")
        expect_status(each.listing(key), 200)
        expect_success(each.delete(key))


@verifies("storage/service/same-key-in-two-buckets")
@pytest.mark.parametrize("together", [case("deleted", False), case("deleted-by-delete-objects", True)])
def test_same_key_in_two_buckets_is_two_objects(space: Space, other_space: Space, together: bool) -> None:
    """Purpose: two applications may use the same object keys, each in its own bucket.
    Method: 1. put different bytes under one key in two buckets; read both; 2. delete one; expect only it to be gone
    """
    key = space.stored(b"in the first")
    other_space.stored(OTHER, key=key)

    expect_bytes(space.get(key), b"in the first")
    expect_bytes(other_space.get(key), OTHER)
    expect_success(space.delete_many([key]) if together else space.delete(key))
    expect_nothing_stored(space.get(key), "for a key that was deleted")
    expect_bytes(other_space.get(key), OTHER, "after the same key of another bucket was deleted")


@verifies("storage/conditional-write/missing-object-is-created#key-of-another-bucket")
def test_key_of_another_bucket_can_be_created(space: Space, other_space: Space) -> None:
    """Purpose: If-None-Match: * is about the object in the request's own bucket.
    Method: 1. put an object in one bucket, PUT its key with If-None-Match: * in another; 2. expect 2xx and the bytes
    """
    key = space.stored()

    expect_success(other_space.put(key, OTHER, {"If-None-Match": "*"}), "for a key that only another bucket has")
    expect_bytes(other_space.get(key), OTHER)


@verifies("storage/tagging/tags-come-back#of-one-key-in-two-buckets")
def test_tags_are_of_one_bucket(space: Space, other_space: Space) -> None:
    """Purpose: tags belong to the object in its bucket, not to every object of that key.
    Method: 1. put and tag an object under one key in two buckets, with different tags; 2. expect each to have its own
    """
    tags = {"stage": "test"}
    key = space.stored()
    other_space.stored(OTHER, key=key)
    expect_success(space.put_tags(key, list(tags.items())))
    expect_success(other_space.put_tags(key, [("stage", "production")]))

    expect_tag_set(space.get_tags(key), tags)
    expect_tag_set(other_space.get_tags(key), {"stage": "production"})


@verifies("storage/service/foreign-bucket-is-refused")
@EVERY_OPERATION
def test_foreign_bucket_is_refused(foreign: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: an access key opens no bucket of another organization, for any operation.
    Method: 1. send the operation to another organization's bucket
            2. expect 403 AccessDenied or 404 NoSuchBucket, from DeleteObjects also for each key in a 200; for uploads
               also 405 or 501; for HEAD the same as for GET
    """
    key = names.new("foreign")
    reply = operation(foreign, key)
    if refused_by_key(reply, key, {"AccessDenied", "NoSuchBucket"}):
        return
    if reply.ok:
        foreign.delete(key)
        if (root := xml_root(reply)) is not None and (upload := root.findtext("UploadId")):
            foreign.abort(key, upload)

    expect_bucket_refused(reply, operation in OPTIONAL)
    if operation is OPERATIONS["head"]:
        # 404 alone could mean a missing key in a bucket that is open; it must match the response to GET.
        expect_alike(foreign.get(key), reply, "of HEAD, as GET is answered")


@verifies("storage/service/foreign-source-is-refused")
def test_foreign_bucket_is_no_copy_source(space: Space, foreign: Bucket) -> None:
    """Purpose: CopyObject must not copy bytes from another organization's bucket.
    Method: 1. copy an object from another organization's bucket, its source as usual, then encoded whole
            2. expect 403 or 404 (400 for the whole encoding), and nothing under our key
    """
    key, source = space.key("stolen"), space.key("source")

    expect_bucket_refused(space.copy(key, source, source_bucket=foreign.name))
    whole = space.copy_as(key, encoded(f"{foreign.name}/{source}"))
    if whole.status != 400:
        expect_bucket_refused(whole)
    expect_status(space.get(key), 404)


@verifies("storage/service/absent-bucket-is-refused")
@EVERY_OPERATION
def test_absent_bucket_is_refused(absent: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: a client with a misspelled bucket name gets an error.
    Method: 1. send the operation to a bucket that never existed
            2. expect 404 NoSuchBucket, or 403 where buckets are concealed; from DeleteObjects also by key in a 200
    """
    key = names.new("absent")
    reply = operation(absent, key)
    if not refused_by_key(reply, key, {"AccessDenied"}):
        expect_bucket_refused(reply, operation in OPTIONAL)


@verifies("storage/service/absent-bucket-is-refused#name-begins-like-ours")
def test_bucket_whose_name_begins_like_ours_is_absent(space: Space) -> None:
    """Purpose: a bucket is found by its whole name, not by the beginning of it.
    Method: 1. put an object, GET it from a bucket whose name is our bucket's with a suffix
            2. expect 404 NoSuchBucket (400 where the name is too long), or 403 where buckets are concealed
    """
    reply = space.s3.bucket(space.name + "-no-such").get(space.stored(b"of this bucket"))

    expect_refusal(reply, {400, 403, 404}, {"NoSuchBucket", "AccessDenied", "InvalidBucketName"})


@verifies("storage/service/concealed-equals-absent")
@EVERY_OPERATION
def test_concealed_bucket_looks_absent(s3: S3, foreign: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: where another organization's bucket is hidden with 404, no response reveals that it exists.
    Method: 1. send the operation to that bucket and to some that never existed
            2. where the first response is 404, expect the others to be the same, but for the names
    """
    key = names.new("hidden")

    def ask(name: str) -> Probe:
        return Probe(name, operation(s3.bucket(name), key))

    reply = ask(foreign.name).reply
    if reply.ok:
        raise NotApplicable("the request is answered with success; another check reports that")
    if reply.status == 404:
        expect_as_absent(ask, foreign.name, lambda: names.new("absent"), like="a bucket that never existed")


@disturbs("storage buckets", others=True)
@pytest.mark.usefixtures("destructive")
@pytest.mark.parametrize(
    ("method", "statuses"),
    [
        row("storage/service/create-bucket-keeps-its-objects", "PUT", {200, 403, 405, 409, 501}),
        row("storage/service/delete-bucket-keeps-its-objects", "DELETE", {403, 405, 409, 501}),
    ],
)
def test_bucket_requests_keep_their_objects(space: Space, method: str, statuses: set[int]) -> None:
    """Purpose: buckets are provisioned and deprovisioned in the portal; no S3 request deletes their objects.
    Method: 1. put an object, then CreateBucket or DeleteBucket of its bucket
            2. expect 403, 405, 409 or 501 (200 for CreateBucket), and the object unchanged
    """
    key = space.stored(b"still here")
    require(space.head(key), "a bucket from which stored objects can be read")

    reply = space.call(method)

    expect_status(reply, statuses)
    expect_stored(space.get(key), b"still here")


@disturbs("storage buckets", others=True)
@pytest.mark.usefixtures("destructive")
@verifies("storage/service/buckets-are-not-self-service")
def test_new_bucket_is_refused(absent: Bucket) -> None:
    """Purpose: buckets are provisioned in the portal, so an access key creates none.
    Method: 1. CreateBucket with a new name; 2. expect 403, 404, 405, 501, or 400 TooManyBuckets at the account's limit
    """
    reply = absent.call("PUT")
    if reply.ok:
        absent.call("DELETE")
    expect_no_success(reply, ", since buckets are provisioned in the portal")
    error = error_of(reply)
    if reply.status != 400 or error is None or error.code != "TooManyBuckets":
        expect_bucket_refused(reply, need_not_be_offered=True)
