"""Variants of buckets."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, whole_number
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import fault

KNOWN_FIELDS = (
    "x-amz-acl",
    "x-amz-checksum-",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-meta-",
    "x-amz-metadata-directive",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-trailer",
    "x-amz-user-agent",
)


@variant()
def create_bucket_not_implemented(create_bucket: Any, call: Call) -> Answer:
    """Provisioning Storage: buckets are created in the portal; CreateBucket is 501."""
    raise Fault("NotImplemented")


@variant()
def create_bucket_beyond_the_most(create_bucket: Any, call: Call) -> Answer:
    """S3 API Reference, TooManyBuckets: CreateBucket is 400, as for an account with the maximum number of buckets."""
    if call.bucket not in gateway(create_bucket).buckets:
        raise fault("TooManyBuckets", 400)
    return create_bucket(call)


@variant()
def create_bucket_not_found(create_bucket: Any, call: Call) -> Answer:
    """API Reference, Error Handling: CreateBucket is 404, because only provisioned buckets exist."""
    if call.bucket not in gateway(create_bucket).buckets:
        raise Fault("NoSuchBucket")
    return create_bucket(call)


@variant()
async def delete_bucket_not_empty(delete_bucket: Any, call: Call, bucket: Bucket) -> Answer:
    """DeleteBucket of a bucket with objects is 409 BucketNotEmpty."""
    if bucket.objects:
        raise fault("BucketNotEmpty", 409)
    return await delete_bucket(call, bucket)


@variant()
def create_bucket_owned_by_you(create_bucket: Any, call: Call) -> Answer:
    """CreateBucket of an existing own bucket is 409 BucketAlreadyOwnedByYou."""
    if call.bucket in [each.name for each in create_bucket.__self__.own_buckets(call.organization)]:
        raise fault("BucketAlreadyOwnedByYou", 409)
    return create_bucket(call)


@variant()
async def fields_not_implemented(answered: Any, request: Request) -> Answer:
    """Error responses, NotImplemented: "A header you provided implies functionality that is not implemented", 501.

    Here that is any x-amz- field that clients can do without.
    """
    gateway(answered).authenticate(request)
    if any(name.startswith("x-amz-") and not name.startswith(KNOWN_FIELDS) for name in request.headers):
        raise fault("NotImplemented", 501)
    return await answered(request)


class UnknownVersionNotFound(Variant):
    """Error responses, NoSuchVersion: an unknown version is 404; deleting it is 204."""

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.query.get("versionId", "null") != "null":
            original.__self__.bucket_of(call.organization, call.bucket)
            if call.request.method != "DELETE":
                raise fault("NoSuchVersion", 404)
            return Answer(204)
        return await original(call)

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        if entry.get("VersionId") not in (None, "", "null"):
            raise fault("NoSuchVersion", 404)
        original(entry)


@variant()
def buckets_come_in_pages(list_buckets: Any, call: Call) -> Answer:
    """ListBuckets, ContinuationToken: pages contain one bucket, although no maximum was requested."""
    whole_number("max-buckets", call.query.get("max-buckets", "1"), 10_000)
    call.query["max-buckets"] = "1"
    return list_buckets(call)


@variant()
async def methods_of_what_is_there(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 10.2.1: Allow lists the methods of the resource at that time; a missing object can be put."""
    try:
        return await on_object(call)
    except Fault as failure:
        bucket = gateway(on_object).buckets.get(call.bucket)
        if failure.code == "MethodNotAllowed" and bucket and call.key not in bucket.objects:
            raise Fault("MethodNotAllowed", headers={"Allow": "PUT"}) from None
        raise


@variant()
async def nobody_has_no_buckets(answered: Any, request: Request) -> Answer:
    """ListBuckets without credentials returns an empty list."""
    anonymous = "authorization" not in request.headers and "X-Amz-Algorithm" not in request.query_string
    if request.method == "GET" and request.raw_path == "/" and anonymous:
        return answered.__self__.document("ListAllMyBucketsResult", xml.group("Buckets"))
    return await answered(request)
