"""Defects of what programs read out of listings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.storage.state import Bucket, StoredObject


class MissingBucketListedEmpty(Defect):
    """S3 API Reference, NoSuchBucket: a bucket that does not exist is no empty one."""

    surface = "storage"
    noticed_by = (
        "storage/service/absent-bucket-is-refused#copy",
        "storage/service/absent-bucket-is-refused#create-upload",
        "storage/service/absent-bucket-is-refused#delete-many",
        "storage/service/absent-bucket-is-refused#head-bucket",
        "storage/service/absent-bucket-is-refused#list-uploads",
        "storage/service/absent-bucket-is-refused#location",
        "storage/service/absent-bucket-is-refused#that-begins-as-ours",
        "interoperability/storage/missing-bucket-fails",
    )

    def bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        try:
            found: Bucket = original(organization, name)
        except Exception:
            found = Bucket(name, organization, created=0)
        return found


class ListedWithoutSize(Defect):
    """S3 API Reference, ListObjectsV2, Size: the size in bytes of the object, which clients compare with a file's."""

    surface = "storage"
    noticed_by = ("storage/listing/tells-what-head-tells", "interoperability/storage/second-upload-transfers-nothing")

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        stored: StoredObject | None = original(bucket, key)
        return stored and replace(stored, body=b"")
