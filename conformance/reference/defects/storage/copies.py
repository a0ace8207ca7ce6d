"""Defects of copies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, with_field
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE, Source
from conformance.reference.storage.state import Bucket, StoredObject

NO_CONDITIONS = Conditions(None, None, None, None)


def with_source(call: Call, value: str) -> Call:
    """The call with another x-amz-copy-source."""
    return with_field(call, SOURCE, value)


class CopyTouchesItsSource(Defect):
    """S3 API Reference, CopyObject: it creates a copy of an object, which stays as it is."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        surface = gateway(original)
        name, key = surface.copy_source(call)
        if (name, key) != (bucket.name, call.key):
            held = surface.buckets[name]
            held.put(key, replace(held.objects[key], modified=surface.seconds()))
        return answer


class CopyReplaceNotHeeded(Defect):
    """S3 API Reference, CopyObject: with the directive REPLACE the request's metadata is the copy's."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-changes-metadata",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, False)
        return copy


class CopyReplaceMerges(Defect):
    """S3 API Reference, CopyObject: with the directive REPLACE nothing of the source's metadata stays."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-is-replaced", "storage/copy/metadata-is-replaced#each-field")

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, metadata={**stored.metadata, **copy.metadata})


class CopyDirectiveUnchecked(Defect):
    """S3 API Reference, CopyObject: a directive is COPY or REPLACE; another is refused."""

    surface = "storage"
    noticed_by = ("storage/copy/bad-directive-is-refused",)

    def directive(self, original: Any, call: Call, name: str) -> bool:
        return call.headers.get(name, "COPY") == "REPLACE"


class SelfCopyNotRefused(Defect):
    """S3 API Reference, CopyObject: a copy onto itself that changes nothing is an InvalidRequest."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-without-change-is-refused",)

    def changes(self, original: Any, call: Call, source: Source, replaced: bool) -> bool:
        return True


class SelfCopyEmpties(Defect):
    """S3 API Reference, CopyObject: a copy onto itself that replaces metadata keeps the bytes."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-changes-metadata",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, body=b"") if call.headers[SOURCE].lstrip("/") == f"{call.bucket}/{call.key}" else copy


class CopyDatesOutrankTags(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: of an entity tag and a date the tag decides."""

    surface = "storage"
    noticed_by = (
        "storage/copy/if-match-outranks-unmodified-since",
        "storage/copy/if-none-match-outranks-modified-since",
    )

    def source_conditions_hold(self, original: Any, asked: Conditions, stored: StoredObject) -> bool:
        dates = replace(asked, match=None, none_match=None)
        held: bool = original(asked if dates == NO_CONDITIONS else dates, stored)
        return held


class CopyDatesTurnedAround(Defect):
    """S3 API Reference, CopyObject: x-amz-copy-source-if-modified-since asks for what was modified since."""

    surface = "storage"
    noticed_by = ("storage/copy/modified-since-that-holds", "storage/copy/unmodified-since-that-holds")

    def source_conditions_hold(self, original: Any, asked: Conditions, stored: StoredObject) -> bool:
        since, unmodified = asked.unmodified_since, asked.modified_since
        held: bool = original(replace(asked, modified_since=since, unmodified_since=unmodified), stored)
        return held


class CopySourceNotDecoded(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: the value is URL-encoded."""

    surface = "storage"
    noticed_by = (
        "storage/copy/source-is-decoded-once#blank",
        "storage/copy/source-is-decoded-once#encoded-whole",
        "storage/copy/source-is-decoded-once#percent",
        "storage/copy/source-is-decoded-once#plus",
        "storage/copy/source-is-decoded-once#question",
        "storage/copy/source-is-decoded-once#unicode",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        found: tuple[str, str] = original(with_source(call, quote(call.headers[SOURCE], safe="/")))
        return found


class EmptyCopySourceIsNone(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: an empty one names no object, and does not make an empty one."""

    surface = "storage"
    noticed_by = ("storage/copy/broken-source-is-refused#empty",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        made = original if call.headers[SOURCE] else gateway(original).put_object
        answer: Answer = await made(call, bucket)
        return answer


class CopyForgetsTheChecksum(Defect):
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: that of the source is copied where none is asked."""

    surface = "storage"
    noticed_by = ("storage/checksum/goes-along-with-a-copy",)

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        return dict(original(stored, asked)) if asked else {}


class CopySharesItsTags(Defect):
    """S3 API Reference, PutObjectTagging: it tags the object that it names, and not the source of that."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy", "storage/tagging/go-along-with-a-copy#and-are-its-own")

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        body = bucket.objects[key].body
        for name in [name for name, stored in bucket.objects.items() if stored.body is body]:
            await original(bucket, name, tags)
