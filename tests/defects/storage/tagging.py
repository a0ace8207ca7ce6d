"""Defects of tagging.

They break these promises:

- Tags are returned as stored.
- Tags beyond the documented limits are rejected.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import LONGEST_TAG_VALUE
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import _DoneAllTheSame, empty, refused, with_field

_VALUE = 257

ROWS = (
    row(
        "tags-of-header-ignored",
        "S3 API Reference, PutObject, x-amz-tagging: the tags of the header are the object's.",
        "storage/tagging/given-with-the-object",
        "storage/tagging/given-with-the-object#in-chunks",
        "storage/tagging/broken-document-is-refused#empty",
        "storage/tagging/broken-document-is-refused#other-root",
        header_tags=lambda original, call: {},
    ),
)


class TagNameCutToItsLastStep(Defect):
    """S3 User Guide, "Categorizing your objects using tags": ``/`` is a letter of a tag's name like any other."""

    surface = "storage"
    noticed_by = ("storage/tagging/any-set-comes-back",)
    shortest = 3

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        tags: dict[str, str] = original(pairs)
        return {name.rpartition("/")[2] or name: value for name, value in tags.items()}


class OverwrittenTagsStay(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-tagging: the tags are the upload's, not the old object's too."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-an-upload", "storage/tagging/copied-with-the-object")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        there = bucket.objects.get(key)
        tags = (there.tags if there else {}) | stored.tags
        await original(bucket, key, replace(stored, tags=tags) if stored.tags else stored, asked)


class CopySharesItsTags(Defect):
    """S3 API Reference, PutObjectTagging: it tags the object that it names, and not the source of that."""

    surface = "storage"
    noticed_by = ("storage/tagging/copied-with-the-object",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        body = bucket.objects[key].body
        for name in [name for name, stored in bucket.objects.items() if stored.body is body]:
            await original(bucket, name, tags)


class OtherTagsReplaceMetadata(Defect):
    """S3 API Reference, CopyObject: other tags leave a copy the metadata of its source, unless that is replaced too."""

    surface = "storage"
    noticed_by = ("storage/tagging/copied-with-the-object",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        lost = not replaced and call.headers.get("x-amz-tagging-directive") == "REPLACE"
        return replace(stored, metadata={}) if lost else stored


class ReplacedTagsOfNoneKept(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging: where tags are replaced and none are given the set is empty."""

    surface = "storage"
    noticed_by = ("storage/tagging/copied-with-the-object",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        return stored if "x-amz-tagging" in call.headers else replace(stored, tags=source.tags)


class EmptyTagOfACopyLost(Defect):
    """S3 User Guide, "Object tagging": a tag's value may be empty, also where it is given with a copy."""

    surface = "storage"
    noticed_by = ("storage/tagging/copied-with-the-object",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        tags: dict[str, str] = original(call)
        return {name: value for name, value in tags.items() if value or SOURCE not in call.headers}


class TagsOfNothingTaken(Defect):
    """S3 API Reference, PutObjectTagging: what does not exist takes no tags (NoSuchKey)."""

    surface = "storage"
    noticed_by = ("storage/tagging/missing-object-is-404",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket) if call.key in bucket.objects else Answer(200)
        return answer


class RefusedTagsLeaveAnObject(Defect):
    """S3 API Reference, PutObjectTagging: what does not exist is not made by tags that are refused for that."""

    surface = "storage"
    noticed_by = ("storage/tagging/missing-object-is-404",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if call.key not in bucket.objects:
                bucket.put(call.key, empty(original))
            raise
        return answer


class EmptyTagSetIsMissing(Defect):
    """S3 API Reference, GetObjectTagging: an object without tags has an empty set of them."""

    surface = "storage"
    noticed_by = ("storage/tagging/untagged-object-has-an-empty-set",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        asked = request.method == "GET" and request.query_string.startswith("tagging")
        return refused(404, "NoSuchTagSet") if asked and b"<Tag>" not in answer.body else answer


class TagsOutliveOverwrite(Defect):
    """S3 API Reference, PutObject: it replaces the whole object, tags included."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/overwriting-drops-tags#by-a-put",
        "storage/tagging/overwriting-drops-tags#by-a-copy",
        "storage/tagging/overwriting-drops-tags#by-an-upload",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = earlier.tags if earlier else {}
        await original(bucket, key, replace(stored, tags={**kept, **stored.tags}), asked)


class EmptyTagSetPassedOver(Defect):
    """S3 API Reference, PutObjectTagging: the set that is sent takes the place of the present one, one of none too."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        kept = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        if kept is not None and b"<Tag>" not in call.body:
            bucket.put(call.key, kept)
        return answer


class EmptyObjectsUntagged(Defect):
    """S3 API Reference, PutObjectTagging: an object of no bytes has tags like any other."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags if (await gateway(original).require(bucket, key)).size else {})


class LargestTagsRefused(Defect):
    """S3 User Guide, "Categorizing your storage using tags": keys of 128 and values of 256 characters are taken."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        if any(len(key) == 128 or len(value) == 256 for key, value in pairs):
            raise Fault("InvalidTag")
        tags: dict[str, str] = original(pairs)
        return tags


class NoTagsAreServerError(Defect):
    """S3 API Reference, PutObjectTagging: a set of no tags is one, or refused for DeleteObjectTagging is there."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        stood = gateway(original).buckets[bucket.name].objects.get(key)
        if not tags and stood is not None and stood.tags:
            raise server_error()
        await original(bucket, key, tags)


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


class NoTagsToDelete(Defect):
    """S3 API Reference, DeleteObjectTagging: it removes the entire tag set, also one that is empty."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def delete_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        found = bucket.objects.get(call.key)
        if found is not None and not found.tags:
            raise Fault("NoSuchKey", "The TagSet does not exist")
        answer: Answer = await original(call, bucket)
        return answer


class DeletedTagsTakeMetadataAlong(Defect):
    """S3 API Reference, DeleteObjectTagging: the tags are removed, and nothing else of the object."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def delete_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        bucket.put(call.key, replace(bucket.objects[call.key], metadata={}))
        return answer


class TagsCountedAsTheyWerePut(Defect):
    """S3 API Reference, GetObject, x-amz-tagging-count: the number of tags on the object, and not of those it had."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, tags)
        if before is not None and before.tags and not tags:
            counted = {**before.headers, "x-amz-tagging-count": str(len(before.tags))}
            bucket.put(key, replace(bucket.objects[key], headers=counted))


class EmptyElementsAreNoMarkup(Defect):
    """W3C XML 1.0 section 3.1: an element without content may be one tag."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#empty-element",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"/>" in body:
            raise Fault("MalformedXML")
        found: xml.Node = original(body, root)
        return found


class TagsForgotten(Defect):
    """S3 API Reference, PutObjectTagging: the tags are given back."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/tags-come-back#unusual-values",
        "storage/tagging/tags-come-back",
        "storage/tagging/tags-come-back#of-one-key-in-two-buckets",
        "storage/tagging/tags-come-back#of-a-long-key",
        "storage/tagging/tags-come-back#empty-element",
        "storage/tagging/tags-come-back#similar-keys",
        "storage/tagging/tags-are-deleted",
    )

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await gateway(original).require(bucket, key)


class TaggingForgetsMetadata(Defect):
    """S3 API Reference, PutObjectTagging: it changes the tags and nothing else."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#unusual-values",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], metadata={}))


class TagsCostTheChecksum(Defect):
    """S3 API Reference, PutObjectTagging: it sets the tags of an object, and nothing else of it."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#unusual-values",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        bucket.put(call.key, replace(bucket.objects[call.key], checksums={}))
        return answer


class TaggingEmptiesTheObject(Defect):
    """S3 API Reference, PutObjectTagging, DeleteObjectTagging: tags are of an object, whose bytes stay."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#unusual-values", "storage/tagging/tags-are-deleted")

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], body=b""))


class DecodedTwiceToBeTagged(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is tagged as well."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#unusual-values", "storage/tagging/tags-come-back#similar-keys")

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


class TagsCountedWithOneMore(Defect):
    """S3 API Reference, GetObject, x-amz-tagging-count: the number of tags on the object."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#unusual-values",)

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        headers: dict[str, str] = original(found)
        return headers | ({"x-amz-tagging-count": str(len(found.tags) + 1)} if found.tags else {})


class RefusedTagsEmptyTheSet(Defect):
    """S3 API Reference, PutObjectTagging: a set that is refused does not cost the one that there was."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/broken-document-is-refused#cut",
        "storage/tagging/broken-document-is-refused#no-xml",
        "storage/tagging/differing-md5-keeps-the-tags",
        "storage/tagging/limits-are-enforced#eleven",
        "storage/tagging/limits-are-enforced#long-value",
    )

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if call.key in bucket.objects:
                bucket.put(call.key, replace(bucket.objects[call.key], tags={}))
            raise
        return answer


class TagsCutToTheirBytes(Defect):
    """S3 User Guide, "Categorizing your storage using tags": keys of 128 and values of 256 Unicode characters."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-are-in-characters",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        tags: dict[str, str] = original(pairs)
        return {self._cut(name, 128): self._cut(value, 256) for name, value in tags.items()}

    def _cut(self, text: str, size: int) -> str:
        return text.encode()[:size].decode(errors="ignore")


class TagsCountedInBytes(Defect):
    """S3 User Guide, "Categorizing your storage using tags": the limits are of Unicode characters."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-are-in-characters",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        if any(len(each.encode()) > LONGEST_TAG_VALUE for pair in pairs for each in pair):
            raise Fault("InvalidTag")
        tags: dict[str, str] = original(pairs)
        return tags


class LongTagValuesInTheField(Defect):
    """S3 User Guide, "Categorizing your storage using tags": a value has 256 characters at most, however it comes."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-of-the-field-are-enforced#long-value",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        tags = call.headers.get("x-amz-tagging", "").replace("v" * _VALUE, "v")
        found: dict[str, str] = original(with_field(call, "x-amz-tagging", tags))
        return found


class StoredBeforeItsTags(_DoneAllTheSame):
    """S3 API Reference, InvalidTag: an object that is refused for its tags is not there without them."""

    codes = ("InvalidTag", "InvalidArgument")
    noticed_by = (
        "storage/tagging/limits-of-the-field-are-enforced#eleven",
        "storage/tagging/limits-of-the-field-are-enforced#key-twice",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return "x-amz-tagging" in request.headers
