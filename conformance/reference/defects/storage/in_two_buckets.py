"""Defects of what is kept by key alone, though a bucket is part of an object's name."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.storage.state import Bucket


class EmptyObjectsUntagged(Defect):
    """S3 API Reference, PutObjectTagging: an object of no bytes has tags like any other."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags if (await gateway(original).require(bucket, key)).size else {})
