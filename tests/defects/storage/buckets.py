"""Defects of buckets.

They break these promises:

- Exactly the organization's buckets are listed.
- One endpoint and one access key serve all the organization's buckets.
- Buckets are created and removed in the portal, not through S3.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import PAUSE_S, gateway, server_error
from tests.defects.support.storage import HOUR_S


def _refused_in_other_buckets(operation: str) -> Callable[..., Any]:
    """Return an ``answered`` that allows the operation in the organization's first bucket only."""

    async def answered(original: Any, request: Request) -> Answer:
        surface = gateway(original)
        name, key = surface.target(request)
        organization, first = min((each.organization, name) for name, each in surface.buckets.items())
        own = name in surface.buckets and surface.buckets[name].organization == organization
        if own and name != first and operation == (request.method if key else "LIST"):
            raise Fault("AccessDenied")
        return await original(request)

    return answered


ROWS = (
    row(
        "bucket-twice-on-a-page",
        "ListBuckets: each bucket is listed twice.",
        "storage/service/buckets-are-listed-page-by-page",
        listed_bucket=lambda original, bucket: str(original(bucket)) * 2,
    ),
    row(
        "other-buckets-unread",
        "Provisioning Storage: objects can be read in the organization's first bucket only.",
        "storage/service/one-key-opens-all-buckets",
        answered=_refused_in_other_buckets("GET"),
    ),
    row(
        "other-buckets-unlisted",
        "Provisioning Storage: only the organization's first bucket can be listed.",
        "storage/service/one-key-opens-all-buckets",
        answered=_refused_in_other_buckets("LIST"),
    ),
    row(
        "other-buckets-undeletable",
        "Provisioning Storage: objects can be deleted in the organization's first bucket only.",
        "storage/service/one-key-opens-all-buckets",
        answered=_refused_in_other_buckets("DELETE"),
    ),
)


@defect("storage/service/buckets-are-listed")
def bucket_of_the_future(listed_bucket: Any, bucket: Bucket) -> str:
    """S3 API Reference, ListBuckets, CreationDate: CreationDate is a day in the future."""
    return str(listed_bucket(replace(bucket, created=bucket.created + 24 * HOUR_S)))


@defect("storage/service/buckets-are-listed-page-by-page")
def buckets_cut_short(list_buckets: Any, call: Call) -> Answer:
    """S3 API Reference, ListBuckets, ContinuationToken: a truncated list of buckets has no ContinuationToken."""
    answer: Answer = list_buckets(call)
    answer.body = re.sub(rb"<ContinuationToken>.*</ContinuationToken>", b"", answer.body)
    return answer


@defect("storage/service/bucket-list-honours-its-prefix")
def buckets_of_every_prefix(list_buckets: Any, call: Call) -> Answer:
    """S3 API Reference, ListBuckets, prefix: prefix is ignored."""
    left = {name: value for name, value in call.query.items() if name != "prefix"}
    return list_buckets(replace(call, query=left))


@defect("storage/service/bucket-list-honours-its-prefix")
def no_buckets_are_all_buckets(list_buckets: Any, call: Call) -> Answer:
    """S3 API Reference, ListBuckets, prefix: a prefix that matches no bucket lists all buckets."""
    answer: Answer = list_buckets(call)
    if b"<Bucket>" not in answer.body:
        answer = list_buckets(replace(call, query={}))
    return answer


@defect("storage/service/foreign-bucket-is-not-listed")
def buckets_of_a_prefix_of_all(list_buckets: Any, call: Call) -> Answer:
    """Provisioning Storage: with a prefix, other organizations' buckets are listed too."""
    prefix, surface = call.query.get("prefix", ""), gateway(list_buckets)
    if not prefix:
        return list_buckets(call)
    found = [surface.listed_bucket(each) for name, each in surface.buckets.items() if name.startswith(prefix)]
    owner, listed = surface.owner(call.organization), xml.group("Buckets", *found)
    return surface.document("ListAllMyBucketsResult", owner, listed, xml.element("Prefix", prefix))


@defect("storage/concurrency/buckets-do-not-mix", state=dict)
async def buckets_mixed_under_load(
    latest: dict[str, StoredObject], commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Buckets overview": concurrent writes of one key to two buckets are mixed up."""
    latest[key] = stored
    await asyncio.sleep(PAUSE_S)
    await commit(bucket, key, latest[key], conditions)


@defect("storage/service/endpoint-is-path-style")
def bucket_head_refused(request: Request) -> Answer | None:
    """S3 API Reference, HeadBucket: HeadBucket is answered with 403."""
    return Answer(403) if request.method == "HEAD" and request.raw_path.count("/") == 1 else None


@defect("storage/service/location-names-the-region")
async def regions_disagree(head_bucket: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, HeadBucket, x-amz-bucket-region: x-amz-bucket-region and the bucket's location disagree."""
    answer: Answer = await head_bucket(call, bucket)
    answer.headers["x-amz-bucket-region"] = "default"
    return answer


@defect("storage/service/location-names-the-region")
async def bucket_location_unknown(bucket_location: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, GetBucketLocation: it is not implemented."""
    raise Fault("NotImplemented")


@defect("storage/service/same-key-in-two-buckets")
async def written_in_every_bucket_that_has_it(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Creating object key names": a write changes the same key in the organization's other buckets."""
    await commit(bucket, key, stored, conditions)
    for each in gateway(commit).own_buckets(bucket.organization):
        if key in each.objects:
            each.put(key, stored)


@defect("storage/service/same-key-in-two-buckets", "storage/service/same-key-in-two-buckets#deleted-by-delete-objects")
async def deleted_in_every_bucket(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 API Reference, DeleteObject: a deletion deletes the same key in the organization's other buckets."""
    await erase(bucket, key, conditions)
    for each in gateway(erase).own_buckets(bucket.organization):
        each.remove(key)


@defect("storage/service/same-key-in-two-buckets", "storage/service/same-key-in-two-buckets#deleted-by-delete-objects")
async def buckets_share_objects(current: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 User Guide, "Buckets overview": an object can be read in every bucket of the organization."""
    every = [each for each in gateway(current).buckets.values() if each.organization == bucket.organization]
    return await current(max(every, key=lambda each: key in each.objects), key)


@defect("storage/service/buckets-are-not-self-service", "storage/service/create-bucket-keeps-its-objects")
def new_buckets_are_server_errors(create_bucket: Any, call: Call) -> Answer:
    """Provisioning Storage: CreateBucket is answered with a 5xx."""
    raise server_error()


@defect("storage/service/delete-bucket-keeps-its-objects")
async def refused_deletion_empties_the_bucket(delete_bucket: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, BucketNotEmpty: deleting a bucket is refused, but deletes its objects."""
    for key in list(bucket.objects):
        bucket.remove(key)
    return await delete_bucket(call, bucket)


@defect("storage/service/delete-bucket-keeps-its-objects")
async def delete_bucket_destroys(delete_bucket: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, DeleteBucket: a bucket with objects is deleted."""
    bucket.objects.clear()
    bucket.keys.clear()
    return Answer(204)
