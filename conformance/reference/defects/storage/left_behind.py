"""Defects of what is left behind or left out: parts of what is overwritten, fields of copies, one case of several."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import server_error
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

# Parts.


class PartsOutliveTheirObject(Defect):
    """S3 API Reference, PutObject: it replaces the whole object, and with it what was known of its parts."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything#its-parts",)

    def __init__(self) -> None:
        self.sizes: dict[tuple[str, str], int] = {}

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        self.sizes[call.bucket, call.key] = len(parts[0].body)
        stored: StoredObject = original(call, upload, parts)
        return stored

    async def on_object(self, original: Any, call: Call) -> Answer:
        size = self.sizes.get((call.bucket, call.key))
        if call.request.method == "GET" and call.query.get("partNumber") == "1" and size:
            headers = call.request.headers.mutablecopy()
            headers["Range"] = f"bytes=0-{size - 1}"
            call = replace(call, query={}, request=replace(call.request, headers=headers))
        answer: Answer = await original(call)
        return answer


class ChecksumOfThePartBefore(Defect):
    """S3 API Reference, UploadPart: a part that is sent anew replaces the one before, and its checksum."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-parts-is-of-its-type#composite-crc32",
        "storage/checksum/of-parts-is-of-its-type#full-crc64nvme",
    )

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        before = upload.parts.get(part.number)
        await original(upload, replace(part, checksums=before.checksums) if before else part)


class CopiedPartListedWithItsSourcesSize(Defect):
    """S3 API Reference, ListParts, Size: that of the part, which may be a range of its source."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range",)

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, source)
        self.sizes[len(body)] = source.size
        return body

    def listed_part(self, original: Any, part: Part) -> str:
        told: str = original(part)
        return told.replace(xml.element("Size", len(part.body)), xml.element("Size", self.sizes[len(part.body)]))


class CompletionRepeatedForAnyKey(Defect):
    """S3 API Reference, NoSuchUpload: an upload that was completed is none of another key's, whatever is told again."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-key", "storage/multipart/upload-is-of-its-bucket")

    def __init__(self) -> None:
        self.told: dict[str, Answer] = {}

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        upload = call.query["uploadId"]
        if upload not in self.told:
            self.told[upload] = await original(call, bucket)
        return self.told[upload]


# Copies.


class SlashBeforeASourceLost(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: behind the bucket's slash stands the key, whatever begins it."""

    surface = "storage"
    noticed_by = (
        "storage/key/leading-slash-is-kept#of-a-source",
        "storage/key/leading-slash-is-kept#of-the-source-of-a-part",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return bucket, key.lstrip("/") or key


class ReplacedTagsOfNoneKept(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging: where tags are replaced and none are given the set is empty."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        return stored if "x-amz-tagging" in call.headers else replace(stored, tags=source.tags)


class EmptyTagOfACopyLost(Defect):
    """S3 User Guide, "Object tagging": a tag's value may be empty, also where it is given with a copy."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        tags: dict[str, str] = original(call)
        return {name: value for name, value in tags.items() if value or SOURCE not in call.headers}


# Reads, deletions, chunks.


class PartOfAnotherCoding(Defect):
    """RFC 9110 section 15.3.7: 206 has the representation fields that 200 would have, Content-Encoding among them."""

    surface = "storage"
    noticed_by = ("storage/range/part-is-described-as-the-whole",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if answer.status == 206 and "content-encoding" in answer.headers:
            del answer.headers["content-encoding"]
        return answer


class HeadNotModifiedWithoutEtag(Defect):
    """RFC 9110 section 15.4.5: 304 carries the ETag that 200 would, that of HEAD as well."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-keeps-etag",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method == "HEAD" and answer.status == 304:
            del answer.headers["etag"]
        return answer


class TagsInDeletionsFail(Defect):
    """API Reference, Error Handling: a deletion that names an ETag is made or refused, and is no failure's cause."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        if entry.get("ETag") is not None:
            raise server_error()
        return str(await original(bucket, entry, quiet))


class AnyTagTakenForAnAsterisk(Defect):
    """RFC 9110 section 13.1.2: If-None-Match of a tag that the object has not is true, and the request performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-has-the-tag",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        original(replace(asked, none_match="*") if asked.none_match else asked, found)


class ListedWithTheDateOfTheFirst(Defect):
    """S3 API Reference, Object, LastModified: the date when the object was last modified, in listings too."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def __init__(self) -> None:
        self.first: dict[str, int] = {}

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        stored: StoredObject | None = original(bucket, key)
        first = self.first.setdefault(f"{bucket.name}/{key}", stored.modified) if stored else 0
        return replace(stored, modified=first) if stored else None
