"""Defects of what is left behind or left out: parts of what is overwritten, fields of copies, one case of several."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import server_error
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

_SMALL_SIZE = re.compile(rb"[0-9a-f]+[;\r]")
_LAST_MODIFIED = re.compile(rb"(?<=<LastModified>)[^<]*")


# Parts.


class PartsOutliveTheirObject(Defect):
    """S3 API Reference, PutObject: it replaces the whole object, and with it what was known of its parts."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

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
    noticed_by = ("storage/checksum/of-parts-is-of-its-type",)

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        before = upload.parts.get(part.number)
        await original(upload, replace(part, checksums=before.checksums) if before else part)


class CopiedPartListedWithItsSourcesSize(Defect):
    """S3 API Reference, ListParts, Size: that of the part, which may be a range of its source."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, source)
        self.sizes[len(body)] = source.size
        return body

    def listed_part(self, original: Any, part: Part) -> str:
        told: str = original(part)
        return told.replace(xml.element("Size", len(part.body)), xml.element("Size", self.sizes[len(part.body)]))


class CopiedPartOfTheYearOne(Defect):
    """S3 API Reference, CopyPartResult, LastModified: when the part was uploaded."""

    surface = "storage"
    noticed_by = ("storage/multipart/times-are-told",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = _LAST_MODIFIED.sub(b"0001-01-01T00:00:00Z", answer.body)
        return answer


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
    noticed_by = ("storage/key/leading-slash-is-kept",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return bucket, key.lstrip("/") or key


class SlashBeforeASourceOfPartsLost(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: behind the bucket's slash stands the key, with its own."""

    surface = "storage"
    noticed_by = ("storage/key/leading-slash-is-kept",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return bucket, (key.lstrip("/") or key) if "partNumber" in call.query else key


class ReplacedCopyOfNoLanguage(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: REPLACE takes all from the request, its language too."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-is-replaced",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        kept = {name: value for name, value in stored.headers.items() if not replaced or name != "content-language"}
        return replace(stored, headers=kept)


class ReplacedTagsOfNoneKept(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging: where tags are replaced and none are given the set is empty."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        return stored if "x-amz-tagging" in call.headers else replace(stored, tags=source.tags)


class CopiedPartsHeedHalfTheConditions(Defect):
    """S3 API Reference, UploadPartCopy: all four conditions on its source are heeded, that of another tag too."""

    surface = "storage"
    noticed_by = ("storage/multipart/copied-part-heeds-conditions",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        for name in ("x-amz-copy-source-if-none-match", "x-amz-copy-source-if-modified-since"):
            del headers[name]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class UntaggedLosesItsFields(Defect):
    """S3 API Reference, DeleteObjectTagging: it removes the tags of an object, and nothing else of it."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def delete_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        stored = bucket.objects[call.key]
        bucket.put(call.key, replace(stored, headers={k: v for k, v in stored.headers.items() if k == "content-type"}))
        return answer


class EmptyTagOfACopyLost(Defect):
    """S3 User Guide, "Object tagging": a tag's value may be empty, also where it is given with a copy."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        tags: dict[str, str] = original(call)
        return {name: value for name, value in tags.items() if value or SOURCE not in call.headers}


class EmptyTagOfAnUploadLost(Defect):
    """S3 User Guide, "Object tagging": a tag's value may be empty, also where it is given as an upload is opened."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-an-upload",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        for upload in bucket.uploads.values():
            upload.tags = {name: value for name, value in upload.tags.items() if value}
        return answer


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


class AnyTagDeletesNothing(Defect):
    """S3 API Reference, DeleteObject, If-Match: an asterisk matches any ETag."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/deletion-keeps-what-changed",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if asked.match == "*":
            raise Fault("PreconditionFailed")
        await original(bucket, key, asked)


class TagOfPartsDeletesNothing(Defect):
    """S3 API Reference, DeleteObject, If-Match: the object is deleted that has the tag, one in parts as well."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/deletion-keeps-what-changed",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if asked.match and "-" in asked.match:
            raise Fault("PreconditionFailed")
        await original(bucket, key, asked)


class TagOfPartsIsNoneToWrite(Defect):
    """RFC 9110 section 13.1.1: If-Match of the object's tag holds, that of an object in parts as well."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/replaces-what-matches",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if asked.match and "-" in asked.match:
            raise Fault("PreconditionFailed")
        original(asked, found)


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


class CapitalsInSizesOfChunksRefused(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": the size of a chunk is in hex; that may be in capitals."""

    surface = "storage"
    noticed_by = ("storage/streaming/chunks-are-joined",)

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        if not _SMALL_SIZE.match(call.request.body):
            raise Fault("IncompleteBody")
        original(call, stated)


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
