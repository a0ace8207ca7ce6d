"""Defects of what is kept by key alone, though a bucket is part of an object's name."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket


class DeletedInEachBucket(Defect):
    """S3 API Reference, DeleteObjects: the objects of that bucket."""

    surface = "storage"
    noticed_by = ("storage/service/same-key-in-two-buckets",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        for each in gateway(original).own_buckets(bucket.organization):
            each.remove(entry.require("Key"))
        told: str = await original(bucket, entry, quiet)
        return told


class ThereInWhicheverBucket(Defect):
    """S3 API Reference, PutObject, If-None-Match: whether the key is there in the bucket."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/creates-what-is-absent",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        own = gateway(original).own_buckets(bucket.organization)
        if call.headers.get("if-none-match") == "*" and any(call.key in each.objects for each in own):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class TagsOfTheLastBucket(Defect):
    """S3 API Reference, PutObjectTagging: the tags are of the object in that bucket."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        for each in gateway(original).own_buckets(bucket.organization):
            if key in each.objects:
                await original(each, key, tags)


class EmptyObjectsUntagged(Defect):
    """S3 API Reference, PutObjectTagging: an object of no bytes has tags like any other."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags if (await gateway(original).require(bucket, key)).size else {})
