"""Defects of caches that answer more than what they were given, or for longer."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket


class NumberOfTagsKept(Defect):
    """S3 API Reference, HeadObject, x-amz-tagging-count: the number of tags, also after they were put anew."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    def __init__(self) -> None:
        self.first: dict[str, str] = {}

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if first := self.first.get(f"{call.bucket}/{call.key}"):
            answer.headers["x-amz-tagging-count"] = first
        return answer

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        number = str(len(gateway(original).buckets[bucket.name].objects[call.key].tags))
        self.first.setdefault(f"{call.bucket}/{call.key}", number)
        return answer
