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
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import LONGEST_TAG_VALUE
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import done_though_refused, leaving_an_object, refused, refusing, with_field

_VALUE = 257

ROWS = (
    row(
        "tags-of-header-ignored",
        "S3 API Reference, PutObject, x-amz-tagging: it is ignored.",
        "storage/tagging/given-with-the-object",
        "storage/tagging/given-with-the-object#in-chunks",
        "storage/tagging/broken-document-is-refused#empty,other-root",
        header_tags=lambda original, call: {},
    ),
    row(
        "empty-elements-are-no-markup",
        "W3C XML 1.0 section 3.1: an empty-element tag is refused.",
        "storage/tagging/tags-come-back#empty-element",
        request_document=refusing("MalformedXML", lambda body, root: b"/>" in body),
    ),
    row(
        "stored-before-its-tags",
        "S3 API Reference, InvalidTag: an object with invalid tags is refused, but stored.",
        "storage/tagging/limits-of-the-field-are-enforced#eleven,key-twice",
        answered=done_though_refused(
            "InvalidTag", "InvalidArgument", when=lambda surface, request: "x-amz-tagging" in request.headers
        ),
    ),
)


@defect("storage/tagging/any-set-comes-back", shortest=3)
def tag_name_cut_to_its_last_step(checked_tags: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """S3 User Guide, "Categorizing your objects using tags": a tag key is cut at its last slash."""
    tags: dict[str, str] = checked_tags(pairs)
    return {name.rpartition("/")[2] or name: value for name, value in tags.items()}


@defect("storage/tagging/given-with-an-upload", "storage/tagging/copied-with-the-object")
async def overwritten_tags_stay(commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Any) -> None:
    """S3 API Reference, CreateMultipartUpload, x-amz-tagging: the tags of the overwritten object stay."""
    there = bucket.objects.get(key)
    tags = (there.tags if there else {}) | stored.tags
    await commit(bucket, key, replace(stored, tags=tags) if stored.tags else stored, conditions)


@defect("storage/tagging/copied-with-the-object")
async def copy_shares_its_tags(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging: tagging a copy tags its source too."""
    body = bucket.objects[key].body
    for name in [name for name, stored in bucket.objects.items() if stored.body is body]:
        await replace_tags(bucket, name, tags)


@defect("storage/tagging/copied-with-the-object")
def other_tags_replace_metadata(copied: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: a copy with other tags loses its metadata."""
    stored: StoredObject = copied(call, source, replaced)
    lost = not replaced and call.headers.get("x-amz-tagging-directive") == "REPLACE"
    return replace(stored, metadata={}) if lost else stored


@defect("storage/tagging/copied-with-the-object")
def source_tags_survive_an_empty_replacement(
    copied: Any, call: Call, source: StoredObject, replaced: bool
) -> StoredObject:
    """S3 API Reference, CopyObject, x-amz-tagging: replacing the tags by none keeps the source's tags."""
    stored: StoredObject = copied(call, source, replaced)
    return stored if "x-amz-tagging" in call.headers else replace(stored, tags=source.tags)


@defect("storage/tagging/copied-with-the-object")
def empty_tag_of_a_copy_lost(header_tags: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "Object tagging": a copy loses tags with an empty value."""
    tags: dict[str, str] = header_tags(call)
    return {name: value for name, value in tags.items() if value or SOURCE not in call.headers}


@defect("storage/tagging/missing-object-is-404")
async def refused_tags_leave_an_object(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, PutObjectTagging: tagging a missing object creates an empty object."""
    return await leaving_an_object(put_tags, call, bucket)


@defect("storage/tagging/untagged-object-has-an-empty-set")
def empty_tag_set_is_missing(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, GetObjectTagging: an object without tags is answered with 404."""
    reads_tags = request.method == "GET" and request.query_string.startswith("tagging")
    return refused(404, "NoSuchTagSet") if reads_tags and b"<Tag>" not in answer.body else answer


@defect("storage/tagging/overwriting-drops-tags#by-a-put,by-a-copy,by-an-upload")
async def tags_outlive_overwrite(commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Any) -> None:
    """S3 API Reference, PutObject: an overwritten object keeps its tags."""
    earlier = bucket.objects.get(key)
    kept = earlier.tags if earlier else {}
    await commit(bucket, key, replace(stored, tags={**kept, **stored.tags}), conditions)


@defect("storage/tagging/set-is-replaced")
async def empty_tag_set_passed_over(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, PutObjectTagging: an empty tag set does not replace the existing one."""
    kept = bucket.objects.get(call.key)
    answer: Answer = await put_tags(call, bucket)
    if kept is not None and b"<Tag>" not in call.body:
        bucket.put(call.key, kept)
    return answer


@defect("storage/tagging/set-is-replaced")
async def empty_objects_untagged(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging: an empty object cannot be tagged."""
    await replace_tags(bucket, key, tags if (await gateway(replace_tags).require(bucket, key)).size else {})


@defect("storage/tagging/set-is-replaced")
def largest_tags_refused(checked_tags: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """S3 User Guide, "Categorizing your storage using tags": tags of the maximum size are refused."""
    if any(len(key) == 128 or len(value) == 256 for key, value in pairs):
        raise Fault("InvalidTag")
    return checked_tags(pairs)


@defect("storage/tagging/set-is-replaced")
async def no_tags_are_server_error(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging: an empty tag set is answered with a 5xx."""
    stood = gateway(replace_tags).buckets[bucket.name].objects.get(key)
    if not tags and stood is not None and stood.tags:
        raise server_error()
    await replace_tags(bucket, key, tags)


class NumberOfTagsStored(Defect):
    """S3 API Reference, HeadObject, x-amz-tagging-count: it is not updated when the tags are replaced."""

    noticed_by = ("storage/tagging/set-is-replaced",)
    first: dict[str, str] = {}

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


@defect("storage/tagging/tags-are-deleted")
async def no_tags_to_delete(delete_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, DeleteObjectTagging: deleting an empty tag set is refused."""
    found = bucket.objects.get(call.key)
    if found is not None and not found.tags:
        raise Fault("NoSuchKey", "The TagSet does not exist")
    return await delete_tags(call, bucket)


@defect("storage/tagging/tags-are-deleted")
async def deleted_tags_take_metadata_along(delete_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, DeleteObjectTagging: deleting the tags deletes the metadata."""
    answer: Answer = await delete_tags(call, bucket)
    bucket.put(call.key, replace(bucket.objects[call.key], metadata={}))
    return answer


@defect("storage/tagging/tags-are-deleted")
async def tags_counted_as_they_were_put(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, GetObject, x-amz-tagging-count: it counts the tags that were put with the object."""
    before = bucket.objects.get(key)
    await replace_tags(bucket, key, tags)
    if before is not None and before.tags and not tags:
        counted = {**before.headers, "x-amz-tagging-count": str(len(before.tags))}
        bucket.put(key, replace(bucket.objects[key], headers=counted))


@defect(
    "storage/tagging/tags-come-back#unusual-values,of-one-key-in-two-buckets,of-a-long-key,empty-element",
    "storage/tagging/tags-come-back#similar-keys",
    "storage/tagging/tags-come-back",
    "storage/tagging/tags-are-deleted",
)
async def tags_lost(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging: the tags are lost."""
    await gateway(replace_tags).require(bucket, key)


@defect("storage/tagging/tags-come-back#unusual-values")
async def tagging_loses_metadata(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging: tagging removes the object's metadata."""
    await replace_tags(bucket, key, tags)
    bucket.put(key, replace(bucket.objects[key], metadata={}))


@defect("storage/tagging/tags-come-back#unusual-values")
async def tags_cost_the_checksum(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, PutObjectTagging: tagging removes the object's checksum."""
    answer: Answer = await put_tags(call, bucket)
    bucket.put(call.key, replace(bucket.objects[call.key], checksums={}))
    return answer


@defect("storage/tagging/tags-come-back#unusual-values", "storage/tagging/tags-are-deleted")
async def tagging_empties_the_object(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging, DeleteObjectTagging: tagging empties the object."""
    await replace_tags(bucket, key, tags)
    bucket.put(key, replace(bucket.objects[key], body=b""))


@defect("storage/tagging/tags-come-back#unusual-values,similar-keys")
async def decoded_twice_to_be_tagged(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 3986 section 2.4: tagging percent-decodes the key twice."""
    return await put_tags(replace(call, key=unquote(call.key)), bucket)


@defect("storage/tagging/tags-come-back#unusual-values")
def tags_counted_with_one_more(object_headers: Any, found: StoredObject) -> dict[str, str]:
    """S3 API Reference, GetObject, x-amz-tagging-count: it is one too high."""
    headers: dict[str, str] = object_headers(found)
    return headers | ({"x-amz-tagging-count": str(len(found.tags) + 1)} if found.tags else {})


@defect(
    "storage/tagging/broken-document-is-refused#cut,no-xml",
    "storage/tagging/differing-md5-keeps-the-tags",
    "storage/tagging/limits-are-enforced#eleven,long-value",
)
async def refused_tags_empty_the_set(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, PutObjectTagging: a refused tag set removes the existing tags."""
    try:
        return await put_tags(call, bucket)
    except Fault:
        if call.key in bucket.objects:
            bucket.put(call.key, replace(bucket.objects[call.key], tags={}))
        raise


class TagsCutToTheirBytes(Defect):
    """S3 User Guide, "Categorizing your storage using tags": tags are cut to 128 and 256 bytes."""

    noticed_by = ("storage/tagging/limits-are-in-characters",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        tags: dict[str, str] = original(pairs)
        return {self._cut(name, 128): self._cut(value, 256) for name, value in tags.items()}

    def _cut(self, text: str, size: int) -> str:
        return text.encode()[:size].decode(errors="ignore")


@defect("storage/tagging/limits-are-in-characters")
def tags_counted_in_bytes(checked_tags: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """S3 User Guide, "Categorizing your storage using tags": the limits are applied to bytes."""
    if any(len(each.encode()) > LONGEST_TAG_VALUE for pair in pairs for each in pair):
        raise Fault("InvalidTag")
    return checked_tags(pairs)


@defect("storage/tagging/limits-of-the-field-are-enforced#long-value")
def long_tag_values_in_the_field(header_tags: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "Categorizing your storage using tags": values in x-amz-tagging have no limit."""
    tags = call.headers.get("x-amz-tagging", "").replace("v" * _VALUE, "v")
    return header_tags(with_field(call, "x-amz-tagging", tags))
