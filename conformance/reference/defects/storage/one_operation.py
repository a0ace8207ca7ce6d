"""Defects of promises that are kept for one operation and forgotten for another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, without_fields
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket

SIMILAR = ("storage/key/similar-names-are-different",)
ENCRYPTION_KEY = tuple(f"x-amz-server-side-encryption-customer-{part}" for part in ("algorithm", "key", "key-md5"))
LOCK = ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date")
EXPECTED_OWNER = "x-amz-expected-bucket-owner"


def _in_chunks(call: Call) -> bool:
    return call.signer.payload_hash.startswith("STREAMING")


# Whose bucket it is.


class CopiedIntoForeignBuckets(Defect):
    """Provisioning Storage: an access key writes to its organization's buckets, by copies of what it has too."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-refused",)

    def __init__(self) -> None:
        self.target = ""

    async def on_object(self, original: Any, call: Call) -> Answer:
        self.target = call.bucket if SOURCE in call.headers else ""
        answer: Answer = await original(call)
        return answer

    def bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        target, self.target = self.target, ""
        known = gateway(original).buckets
        bucket: Bucket = known[name] if name == target and name in known else original(organization, name)
        return bucket


class ExpectedOwnerOfListsIgnored(Defect):
    """S3 API Reference, ListObjectsV2, x-amz-expected-bucket-owner: 403 where the bucket is another account's."""

    surface = "storage"
    noticed_by = ("storage/subresource/expected-owner-is-heeded",)

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(without_fields(call, EXPECTED_OWNER) if call.request.method == "GET" else call)
        return answer


class ExpectedOwnerOfUploadsIgnored(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-expected-bucket-owner: 403 where it is another account."""

    surface = "storage"
    noticed_by = ("storage/subresource/expected-owner-is-heeded",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(without_fields(call, EXPECTED_OWNER) if "uploads" in call.query else call)
        return answer


# Keys, decoded once and once more.


class DecodedTwiceToBeDeleted(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is deleted as well."""

    surface = "storage"
    noticed_by = SIMILAR

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


class DecodedTwiceToBeCopiedTo(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is the target of a copy as well."""

    surface = "storage"
    noticed_by = SIMILAR

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


class DecodedTwiceForHead(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, by HEAD as by GET."""

    surface = "storage"
    noticed_by = SIMILAR

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        key = unquote(call.key) if call.request.method == "HEAD" else call.key
        answer: Answer = await original(replace(call, key=key), bucket)
        return answer


class DecodedTwiceToBeTagged(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, where it is tagged as well."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=unquote(call.key)), bucket)
        return answer


# Protection.


class EncryptionKeyOfCopiesIgnored(Defect):
    """S3 User Guide, "Using server-side encryption with customer-provided keys": copies are encrypted, or refused."""

    surface = "storage"
    noticed_by = ("storage/subresource/encryption-key-is-used-or-refused",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        original(without_fields(call, *(ENCRYPTION_KEY if SOURCE in call.headers else ())))


class LockOfCopiesPassedOver(Defect):
    """S3 API Reference, CopyObject, x-amz-object-lock-mode: what is not locked is not taken as if it were."""

    surface = "storage"
    noticed_by = ("storage/subresource/lock-is-kept-or-refused",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        original(without_fields(call, *(LOCK if SOURCE in call.headers else ())))


# Payloads in chunks.


class ChunksLoseTheirMetadata(Defect):
    """S3 API Reference, PutObject, x-amz-meta-: metadata is the object's, though its payload came in chunks."""

    surface = "storage"
    noticed_by = ("storage/streaming/fields-are-kept",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {} if _in_chunks(call) else dict(original(call))


class ChunksLoseTheirType(Defect):
    """S3 API Reference, PutObject, Content-Type: the type is the object's, though its payload came in chunks."""

    surface = "storage"
    noticed_by = ("storage/streaming/fields-are-kept",)

    def content_type(self, original: Any, call: Call) -> str:
        return "application/octet-stream" if _in_chunks(call) else str(original(call))


class ChunksLoseTheirTags(Defect):
    """S3 API Reference, PutObject, x-amz-tagging: tags are the object's, though its payload came in chunks."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-the-object",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        return {} if _in_chunks(call) else dict(original(call))


class ChunksOverwriteUnasked(Defect):
    """S3 User Guide, "Conditional writes": If-None-Match: * holds for payloads in chunks as for others."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-is-there",)

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


class SkewOfReadsIgnored(Defect):
    """S3 API Reference, RequestTimeTooSkewed: a signature is good for a quarter of an hour, that of a read too."""

    surface = "storage"
    noticed_by = ("storage/signature/skewed-clock-is-refused",)

    def __init__(self) -> None:
        self.reads = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.reads = request.method == "GET"
        signer: Signer = original(request)
        return signer

    def check_skew(self, original: Any, age: float) -> None:
        if not self.reads:
            original(age)


class ExpiryOfDeletionsIgnored(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Expires: a URL ends with its time, one that deletes too."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused",)

    def __init__(self) -> None:
        self.deletes = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.deletes = request.method == "DELETE"
        signer: Signer = original(request)
        return signer

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if not self.deletes:
            original(age, expires)


class UsedUrlsOutliveTheirTime(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Expires: a URL ends with its time, that of which an answer is kept too."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused",)

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


class QuotesAroundMetadataLost(Defect):
    """S3 User Guide, "Working with object metadata": a value is given back as it was sent, quotes around it too."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value.strip('"') for name, value in original(call).items()}


class MetadataEndsAtAColon(Defect):
    """S3 User Guide, "Working with object metadata": a field ends its name at the first colon, and has others in it."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value.partition(":")[0] for name, value in original(call).items()}
