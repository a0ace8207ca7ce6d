"""Defects of long keys: a column of a database, a field or a line that is kept too short for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.state import Bucket, Upload

LONGEST = 255
"""What many a database keeps of a text."""


class TokensCutShort(Defect):
    """S3 API Reference, ListObjectsV2, NextContinuationToken: it leads on behind a long key as behind a short one."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#in-pages",)

    def continuation_token(self, original: Any, after: str) -> str:
        return str(original(after[:LONGEST]))


class PrefixesCutShort(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys begin with the whole of it."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#in-pages",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix[:LONGEST])


class LongKeysDeletedAlone(Defect):
    """S3 API Reference, DeleteObjects: what is told as deleted is gone."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#deleted-with-others",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        if len(key) > LONGEST:
            return xml.group("Deleted", xml.element("Key", key))
        told: str = await original(bucket, entry, quiet)
        return told


class LongSourcesRefused(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: a key of up to 1,024 bytes, percent-encoded."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#as-a-source",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        if len(call.headers["x-amz-copy-source"]) > 2048:
            raise Fault("InvalidArgument", "The copy source is too long")
        bucket, key = original(call)
        return bucket, key


class UploadsToLongKeysUnlisted(Defect):
    """S3 API Reference, ListMultipartUploads: each upload in progress, to whichever key."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed#to-a-long-key",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        return [upload for upload in original(bucket) if len(upload.key) <= LONGEST]


class StartsCutShort(Defect):
    """S3 API Reference, ListObjectsV2, StartAfter: behind that key, to its last letter."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#in-pages",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after[:LONGEST] if "continuation-token" not in call.query else after)
        return wanted


class LongKeysDeletedByTheirBeginning(Defect):
    """S3 API Reference, DeleteObjects, Key: that key, not all that begin as it does."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#deleted-with-others",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = entry.require("Key")
        for each in [name for name in bucket.keys if len(key) > LONGEST and name.startswith(key[:LONGEST])]:
            bucket.remove(each)
        told: str = await original(bucket, entry, quiet)
        return told
