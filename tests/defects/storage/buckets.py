"""Defects of buckets.

They break these promises:

- Exactly the organization's buckets are listed.
- One endpoint and one access key serve all the organization's buckets.
- Buckets are created and removed in the portal, not through S3.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import PAUSE_S, gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import HOUR_S

ROWS = (
    row(
        "bucket-twice-on-a-page",
        "ListBuckets: a bucket is listed once, also where two nodes of a gateway know of it.",
        "storage/service/buckets-are-listed-page-by-page",
        listed_bucket=lambda original, bucket: str(original(bucket)) * 2,
    ),
)


class BucketOfTheFuture(Defect):
    """S3 API Reference, ListBuckets, CreationDate: when the bucket was created."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed",)

    def listed_bucket(self, original: Any, bucket: Bucket) -> str:
        return str(original(replace(bucket, created=bucket.created + 24 * HOUR_S)))


class BucketsCutShort(Defect):
    """S3 API Reference, ListBuckets, ContinuationToken: where more buckets are to come, one is given."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed-page-by-page",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        answer.body = re.sub(rb"<ContinuationToken>.*</ContinuationToken>", b"", answer.body)
        return answer


class BucketsOfEveryPrefix(Defect):
    """S3 API Reference, ListBuckets, prefix: buckets whose names begin with it, and no others."""

    surface = "storage"
    noticed_by = ("storage/service/bucket-list-honours-its-prefix",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        left = {name: value for name, value in call.query.items() if name != "prefix"}
        answer: Answer = original(replace(call, query=left))
        return answer


class NoBucketsAreAllBuckets(Defect):
    """S3 API Reference, ListBuckets, prefix: the response has bucket names that begin with it, and be they none."""

    surface = "storage"
    noticed_by = ("storage/service/bucket-list-honours-its-prefix",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        if b"<Bucket>" not in answer.body:
            answer = original(replace(call, query={}))
        return answer


class BucketsOfAPrefixOfAll(Defect):
    """Provisioning Storage: an access key lists its organization's buckets, by a prefix as well."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-not-listed",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        prefix, surface = call.query.get("prefix", ""), gateway(original)
        if not prefix:
            given: Answer = original(call)
            return given
        found = [surface.listed_bucket(each) for name, each in surface.buckets.items() if name.startswith(prefix)]
        owner, listed = surface.owner(call.organization), xml.group("Buckets", *found)
        return surface.document("ListAllMyBucketsResult", owner, listed, xml.element("Prefix", prefix))


class BucketsMixedUnderLoad(Defect):
    """S3 User Guide, "Buckets overview": writes of one key into two buckets at once stay apart."""

    surface = "storage"
    noticed_by = ("storage/concurrency/buckets-do-not-mix",)

    def __init__(self) -> None:
        self.latest: dict[str, StoredObject] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        self.latest[key] = stored
        await asyncio.sleep(PAUSE_S)
        await original(bucket, key, self.latest[key], asked)


class BucketHeadRefused(Defect):
    """S3 API Reference, HeadBucket: 200 where the bucket exists and the caller may use it."""

    surface = "storage"
    noticed_by = ("storage/service/endpoint-is-path-style",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(403) if request.method == "HEAD" and request.raw_path.count("/") == 1 else None


class RegionsDisagree(Defect):
    """S3 API Reference, HeadBucket, x-amz-bucket-region: the region that the bucket is in, as its location tells."""

    surface = "storage"
    noticed_by = ("storage/service/location-names-the-region",)

    async def head_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.headers["x-amz-bucket-region"] = "default"
        return answer


class BucketLocationUnknown(Defect):
    """S3 API Reference, GetBucketLocation: it returns the region that the bucket is in."""

    surface = "storage"
    noticed_by = ("storage/service/location-names-the-region",)

    async def bucket_location(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        raise Fault("NotImplemented")


class _RefusedElsewhere(Defect):
    """Provisioning Storage: one access key for all the buckets of an organization, whatever it does in them."""

    surface = "storage"
    method: ClassVar[str] = ""

    async def answered(self, original: Any, request: Request) -> Answer:
        surface = gateway(original)
        name, key = surface.target(request)
        first = min(surface.buckets, key=lambda each: (surface.buckets[each].organization, each))
        asked = request.method if key else "LIST"
        held = surface.buckets.get(name)
        if asked == self.method and held and held.organization == surface.buckets[first].organization and name != first:
            raise Fault("AccessDenied")
        answer: Answer = await original(request)
        return answer


class OtherBucketsUnread(_RefusedElsewhere):
    """Provisioning Storage: the access key that reads one bucket of the organization reads them all."""

    noticed_by = ("storage/service/one-key-opens-all-buckets",)

    method = "GET"


class OtherBucketsUnlisted(_RefusedElsewhere):
    """Provisioning Storage: the access key that lists one bucket of the organization lists them all."""

    noticed_by = ("storage/service/one-key-opens-all-buckets",)

    method = "LIST"


class OtherBucketsUndeletable(_RefusedElsewhere):
    """Provisioning Storage: the access key that deletes in one bucket of the organization deletes in them all."""

    noticed_by = ("storage/service/one-key-opens-all-buckets",)

    method = "DELETE"


class WrittenInEveryBucketThatHasIt(Defect):
    """S3 User Guide, "Creating object key names": within a bucket a key is one object's; elsewhere it is another's."""

    surface = "storage"
    noticed_by = ("storage/service/same-key-in-two-buckets",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        for each in gateway(original).own_buckets(bucket.organization):
            if key in each.objects:
                each.put(key, stored)


class DeletedInEveryBucket(Defect):
    """S3 API Reference, DeleteObject: the object of the bucket that is named; that of another bucket stays."""

    surface = "storage"
    noticed_by = (
        "storage/service/same-key-in-two-buckets",
        "storage/service/same-key-in-two-buckets#deleted-by-delete-objects",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for each in gateway(original).own_buckets(bucket.organization):
            each.remove(key)


class BucketsShareObjects(Defect):
    """S3 User Guide, "Buckets overview": a key names an object within its bucket."""

    surface = "storage"
    noticed_by = (
        "storage/service/same-key-in-two-buckets",
        "storage/service/same-key-in-two-buckets#deleted-by-delete-objects",
    )

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        every = [each for each in gateway(original).buckets.values() if each.organization == bucket.organization]
        found: StoredObject | None = await original(max(every, key=lambda each: key in each.objects), key)
        return found


class NewBucketsAreServerErrors(Defect):
    """Provisioning Storage: buckets are provisioned in the portal; CreateBucket is refused, as the caller's mistake."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-not-self-service", "storage/service/create-bucket-harms-nothing")

    def create_bucket(self, original: Any, call: Call) -> Answer:
        raise server_error()


class CreateBucketEmpties(Defect):
    """S3 API Reference, CreateBucket: one that exists already is not made anew."""

    surface = "storage"
    noticed_by = ("storage/service/create-bucket-harms-nothing",)

    def create_bucket(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.bucket_of(call.organization, call.bucket)
        surface.buckets[call.bucket] = Bucket(bucket.name, bucket.organization, surface.seconds())
        return Answer(200)


class RefusedDeletionEmptiesTheBucket(Defect):
    """S3 API Reference, BucketNotEmpty: a bucket with objects is not deleted, and neither are they."""

    surface = "storage"
    noticed_by = ("storage/service/delete-bucket-destroys-nothing",)

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        for key in list(bucket.objects):
            bucket.remove(key)
        answer: Answer = await original(call, bucket)
        return answer


class DeleteBucketDestroys(Defect):
    """S3 API Reference, DeleteBucket: a bucket with objects in it is not deleted, nor are they."""

    surface = "storage"
    noticed_by = ("storage/service/delete-bucket-destroys-nothing",)

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        bucket.objects.clear()
        bucket.keys.clear()
        return Answer(204)
