"""Defects of what is below an object or no object, and of what uploads and unsigned payloads lose."""

from __future__ import annotations

import hashlib
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.state import Bucket, StoredObject

BELOW = ("storage/key/nothing-stands-below-an-object",)


def _stands_above(bucket: Bucket, key: str) -> bool:
    """Whether an object is in the way, where keys are paths: no file is below a file."""
    steps = key.split("/")
    return any("/".join(steps[:length]) in bucket.objects for length in range(1, len(steps)))


class BelowAnObjectIsServerError(Defect):
    """S3 User Guide, "Organizing objects using prefixes": a key below an object's is one that is not there."""

    surface = "storage"
    noticed_by = ("storage/key/nothing-stands-below-an-object",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        if found is None and _stands_above(bucket, key):
            raise server_error()
        return found


class DeletionBelowAnObjectIsServerError(Defect):
    """S3 API Reference, DeleteObject: 204 whether there was an object or not, below another one too."""

    surface = "storage"
    noticed_by = ("storage/key/nothing-stands-below-an-object",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if key not in bucket.objects and _stands_above(bucket, key):
            raise server_error()
        await original(bucket, key, asked)


class ListingBelowAnObjectIsServerError(Defect):
    """S3 API Reference, ListObjectsV2, prefix: no key begins with it, so that there is none on the page."""

    surface = "storage"
    noticed_by = ("storage/key/nothing-stands-below-an-object",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        if _stands_above(gateway(original).buckets[call.bucket], wanted.prefix):
            raise server_error()
        return wanted


class BadNumberOfOtherListsIsServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for a max-uploads or a max-buckets that is no number."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#max-buckets-word",
        "storage/listing/bad-parameters-are-no-server-error#max-uploads-word",
    )

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        _crash_unless_number(call, "max-uploads")
        answer: Answer = await original(call, bucket)
        return answer

    def list_buckets(self, original: Any, call: Call) -> Answer:
        _crash_unless_number(call, "max-buckets")
        answer: Answer = original(call)
        return answer


def _crash_unless_number(call: Call, name: str) -> None:
    if not call.query.get(name, "0").isdigit():
        raise server_error()


class Md5OfUnsignedPayloadIgnored(Defect):
    """S3 API Reference, PutObject, Content-MD5: compared most of all where no signature is of the payload."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/md5-that-differs-stores-nothing#by-url",
        "storage/checksum/md5-that-differs-stores-nothing#unsigned",
    )

    def check_digests(self, original: Any, call: Call) -> str:
        return str(original(call)) if call.payload_is_signed else hashlib.md5(call.body).hexdigest()


class ChecksumOfUrlsIgnored(Defect):
    """S3 API Reference, PutObject, x-amz-checksum-: it is compared, also where what it comes with is a URL's."""

    surface = "storage"
    noticed_by = ("storage/checksum/every-one-is-compared#by-url",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        return {} if "X-Amz-Signature" in call.query else dict(original(call))


class Md5BesideChunksIgnored(Defect):
    """S3 API Reference, PutObject, Content-MD5: it is compared, also where the payload comes in chunks."""

    surface = "storage"
    noticed_by = ("storage/checksum/every-one-is-compared#md5-beside-chunks",)

    def check_digests(self, original: Any, call: Call) -> str:
        in_chunks = "x-amz-decoded-content-length" in call.headers
        return hashlib.md5(call.body).hexdigest() if in_chunks else str(original(call))


# Objects that came in parts, and parts that come of objects.


class ListedAsBeforeItsCompletion(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a listing tells of the object that an upload made."""

    surface = "storage"
    noticed_by = ("storage/multipart/old-object-stands-until-complete",)

    def __init__(self) -> None:
        self.overwritten: dict[tuple[str, str], tuple[StoredObject, StoredObject]] = {}

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        before = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        if before is not None:
            self.overwritten[bucket.name, call.key] = before, bucket.objects[call.key]
        return answer

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key)
        before, after = self.overwritten.get((bucket.name, key), (found, None))
        return before if found is after else found
