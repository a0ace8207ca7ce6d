"""Defects of promises that are kept for one operation and forgotten for another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import without_fields
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket

SIMILAR = ("storage/key/similar-names-are-different",)


def _in_chunks(call: Call) -> bool:
    return call.signer.payload_hash.startswith("STREAMING")


# Keys, decoded once and once more.


class DecodedTwiceToBeDeleted(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is deleted as well."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#to-every-operation",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


class DecodedTwiceForHead(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, by HEAD as by GET."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#to-every-operation",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        key = unquote(call.key) if call.request.method == "HEAD" else call.key
        answer: Answer = await original(replace(call, key=key), bucket)
        return answer


class DecodedTwiceToBeTagged(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is tagged as well."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back", "storage/tagging/tags-come-back#of-similar-names")

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


# Payloads in chunks.


class ChunksLoseTheirMetadata(Defect):
    """S3 API Reference, PutObject, x-amz-meta-: metadata is the object's, though its payload came in chunks."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/fields-are-kept#signed-chunks",
        "storage/streaming/fields-are-kept#unsigned-chunks",
    )

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {} if _in_chunks(call) else dict(original(call))


class ChunksOverwriteUnasked(Defect):
    """S3 User Guide, "Conditional writes": If-None-Match: * holds for payloads in chunks as for others."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-is-there#signed-chunks",
        "storage/conditional-write/keeps-what-is-there#unsigned-chunks",
    )

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(without_fields(call, "if-none-match") if _in_chunks(call) else call, bucket)
        return answer


# Signatures and URLs.


class DeletionsByUrlRefused(Defect):
    """SigV4, "Using Query Parameters": a request is expressed entirely in a URL, a deletion too."""

    surface = "storage"
    noticed_by = ("storage/presigned/other-operations-are-served",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(403) if request.method == "DELETE" and "X-Amz-Signature" in request.query_string else None


class ListsByUrlRefused(Defect):
    """SigV4, "Using Query Parameters": a request is expressed entirely in a URL, a listing too."""

    surface = "storage"
    noticed_by = ("storage/presigned/other-operations-are-served",)

    def intercept(self, request: Request) -> Answer | None:
        listed = "list-type=2" in request.query_string and "X-Amz-Signature" in request.query_string
        return Answer(403) if listed else None


class UsedUrlsOutliveTheirTime(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Expires: a URL ends with its time, that of which an answer is kept too."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused#used-before",)

    def __init__(self) -> None:
        self.served: set[str] = set()
        self.kept = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.kept = request.query_string in self.served
        signer: Signer = original(request)
        self.served.add(request.query_string)
        return signer

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if not self.kept:
            original(age, expires)


# Tags and metadata.


class TagsToldOfUnknownVersions(Defect):
    """S3 API Reference, GetObjectTagging, versionId: the tags of that version, and not of the present object."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-version-is-not-tagged",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        asked = {name: value for name, value in call.query.items() if name != "versionId"}
        reads = call.request.method == "GET" and "tagging" in call.query
        answer: Answer = await original(replace(call, query=asked) if reads else call)
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
