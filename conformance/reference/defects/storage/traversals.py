"""Defects of names that are read as paths: they lead to another object, or another bucket's, and folders are left."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket


def resolved(bucket: str, key: str) -> tuple[str, str]:
    """Bucket and key as a file system would find them; what leads nowhere stays as it is."""
    found, _, rest = posixpath.normpath(f"/{bucket}/{key}").lstrip("/").partition("/")
    return (found, rest) if rest and ".." in key.split("/") else (bucket, key)


class CopySourceDotsResolved(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: the bucket that is named, and a key in it."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#copied",
        "storage/key/traversal-reaches-no-other-bucket#copied-encoded",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return (bucket, key) if "uploadId" in call.query else resolved(bucket, key)


class PartSourceDotsResolved(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: the bucket that is named, and a key in it."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/traversal-is-no-source-of-a-part#encoded",
        "storage/multipart/traversal-is-no-source-of-a-part#plain",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return resolved(bucket, key) if "uploadId" in call.query else (bucket, key)


class BackslashesReadAsSlashes(Defect):
    """S3 User Guide, "Creating object key names": a backslash is a character of a key, and leads nowhere."""

    surface = "storage"
    noticed_by = ("storage/key/traversal-reaches-no-other-bucket#backslashes",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return resolved(bucket, key.replace("\\", "/")) if "\\" in key else (bucket, key)


class NamedDeletionDotsResolved(Defect):
    """S3 API Reference, DeleteObjects, Key: a key of the bucket that is asked, and of no other."""

    surface = "storage"
    noticed_by = ("storage/key/traversal-reaches-no-other-bucket#deleted-among-many",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        found, key = resolved(bucket.name, entry.require("Key"))
        if found in gateway(original).buckets and found != bucket.name:
            gateway(original).buckets[found].objects.pop(key, None)
        told: str = await original(bucket, entry, quiet)
        return told


class FolderOutlivesItsKeys(Defect):
    """S3 User Guide, "Organizing objects using prefixes": there are no folders, so that none stays when its keys go."""

    surface = "storage"
    noticed_by = ("storage/listing/folders-go-with-their-last-key#together",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        stood = bucket.objects.get(key)
        told: str = await original(bucket, entry, quiet)
        folder = key.rpartition("/")[0] + "/"
        if stood and folder != "/" and not any(each.startswith(folder) for each in bucket.objects):
            bucket.put(folder, replace(stood, body=b""))
        return told


class PrefixDotsResolved(Defect):
    """S3 API Reference, ListObjectsV2, Prefix: of keys in the bucket that is asked."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#listed",
        "storage/key/traversal-reaches-no-other-bucket#listed-v1",
    )

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        bucket, prefix = resolved(call.bucket, call.query.get("prefix", ""))
        if call.request.method == "GET" and bucket != call.bucket:
            call = replace(call, bucket=bucket, query={**call.query, "prefix": prefix})
        answer: Answer = await original(call)
        return answer
