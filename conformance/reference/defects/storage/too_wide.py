"""Defects of caches that answer more than what they were given, or for longer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.state import Bucket, StoredObject


class EveryTagThatWasIsCurrent(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is of the current representation, not of those that were."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(asked, found, reading)
        if status == 304 and asked.none_match:
            self.asked.add(asked.none_match)
        return 304 if reading and status is None and asked.none_match in self.asked else status


class ListOfPartsKept(Defect):
    """S3 API Reference, ListParts: the parts that were uploaded by now, not when it was asked before."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    def __init__(self) -> None:
        self.told: dict[str, Answer] = {}

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        asked = call.request.query_string
        if asked not in self.told:
            self.told[asked] = await original(call, bucket)
        kept = self.told[asked]
        return Answer(kept.status, kept.body, kept.headers)


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


class TagsKeptThoughOverwritten(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": tags are read as they are, after an overwriting too."""

    surface = "storage"
    noticed_by = ("storage/tagging/overwriting-drops-tags",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Answer] = {}

    async def get_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        asked = bucket.name, call.key
        if asked not in self.kept:
            self.kept[asked] = await original(call, bucket)
        return replace(self.kept[asked], headers=self.kept[asked].headers.mutablecopy())

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.kept.pop((bucket.name, call.key), None)
        return answer

    delete_tags = delete_object = copy_object = put_tags
