"""Defects of requests that are only unusual, or wrong, and end in a server error: an exception that nobody caught."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.conditions import http_date
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.gateway import Operation
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.properties import LONGEST_KEY
from conformance.reference.storage.state import Bucket, StoredObject


class UnknownSubresourcesAreServerErrors(Defect):
    """S3 API Reference, NotImplemented: what is not offered is told as that, and is no reason to crash."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/of-a-bucket-is-no-listing#accelerate",
        "storage/subresource/of-a-bucket-is-no-listing#notification",
        "storage/subresource/of-a-bucket-is-no-listing#ownershipControls",
        "storage/subresource/of-a-bucket-is-no-listing#policyStatus",
        "storage/subresource/of-a-bucket-is-no-listing#replication",
        "storage/subresource/of-a-bucket-is-no-listing#tagging",
        "storage/subresource/of-a-bucket-is-no-listing#versions",
        "storage/subresource/of-an-object-is-not-the-object#acl",
        "storage/subresource/write-never-overwrites-the-object#acl",
        "storage/subresource/delete-never-deletes-the-object#acl",
        "storage/subresource/delete-never-deletes-the-object#retention",
    )

    def from_table(
        self, original: Any, table: dict[tuple[str, str], Operation], call: Call, asked: set[str]
    ) -> Operation:
        try:
            operation: Operation = original(table, call, asked)
        except Fault as fault:
            raise server_error() if fault.code == "NotImplemented" and asked else fault from None
        return operation


class ProtectionsAreServerErrors(Defect):
    """S3 API Reference, PutObject, CopyObject: protection that is not offered is refused, and no reason to crash."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/encryption-key-is-used-or-refused",
        "storage/subresource/encryption-key-is-used-or-refused#of-a-copy",
        "storage/subresource/encryption-is-used-or-refused",
        "storage/subresource/lock-is-kept-or-refused",
        "storage/subresource/lock-is-kept-or-refused#of-a-copy",
    )

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault:
            raise server_error() from None


class UnknownVersionsAreServerErrors(Defect):
    """S3 API Reference, versionId: an id of no version is the caller's mistake (NoSuchVersion, InvalidArgument)."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/versions-of-the-null-version",
        "storage/subresource/unknown-version-deletes-nothing#of-no-form",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.query.get("versionId", "null") != "null":
            raise server_error()
        answer: Answer = await original(call)
        return answer


class PartNumbersAreServerErrors(Defect):
    """S3 API Reference, GetObject, partNumber: a part is read, or the request refused (416 InvalidPartNumber, 501)."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/part-number-is-not-passed-over",
        "storage/multipart/part-that-is-read-is-described",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method in ("GET", "HEAD") and "partNumber" in call.query:
            raise server_error()
        answer: Answer = await original(call)
        return answer


class HeadsOfPartsAreServerErrors(Defect):
    """S3 API Reference, HeadObject, partNumber: the head of a part is told, or the request refused."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-that-is-read-is-described",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method == "HEAD" and "partNumber" in call.query:
            raise server_error()
        answer: Answer = await original(call)
        return answer


class DotsAreServerErrors(Defect):
    """API Reference, Error Handling: a name with dots is a key, or the caller's mistake; never the server's."""

    surface = "storage"
    noticed_by = (
        "storage/key/traversal-reaches-no-other-bucket#copied",
        "storage/key/traversal-reaches-no-other-bucket#deleted",
        "storage/key/traversal-reaches-no-other-bucket#listed",
        "storage/key/traversal-reaches-no-other-bucket#overwritten",
        "storage/multipart/traversal-is-no-source-of-a-part#encoded",
    )

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        self._within(key)
        return bucket, key

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        self._within(key)
        return bucket, key

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        self._within(call.query.get("prefix", ""))
        answer: Answer = await original(call)
        return answer

    def _within(self, name: str) -> None:
        if ".." in name.split("/"):
            raise server_error()


class DocumentTypesAreServerErrors(Defect):
    """S3 API Reference, MalformedXML: a document that is not to be read is the caller's mistake."""

    surface = "storage"
    noticed_by = (
        "storage/xml/attacks-do-no-harm#expansion",
        "storage/xml/attacks-do-no-harm#internal-entity",
        "storage/xml/attacks-do-no-harm#parameter-entity",
        "storage/xml/attacks-do-no-harm#self-reference",
    )

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"<!DOCTYPE" in body:
            raise server_error()
        node: xml.Node = original(body, root)
        return node


class LargeDocumentsAreServerErrors(Defect):
    """S3 API Reference, MalformedXML: a document that is too large is the caller's mistake."""

    surface = "storage"
    noticed_by = ("storage/xml/oversized-body-does-no-harm",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if len(body) > 1024 * 1024:
            raise server_error()
        node: xml.Node = original(body, root)
        return node


class LargeDocumentsStopTheWorker(Defect):
    """API Reference, Error Handling: one bad request does not cost the next good one its answer."""

    surface = "storage"
    noticed_by = ("storage/xml/attacks-do-no-harm#depth", "storage/xml/oversized-body-does-no-harm")

    def __init__(self) -> None:
        self.stopped = False

    async def answered(self, original: Any, request: Request) -> Answer:
        if self.stopped:
            self.stopped = False
            raise server_error()
        self.stopped = len(request.body) > 64 * 1024 and "delete" in request.query_string
        answer: Answer = await original(request)
        return answer


class LargeMetadataIsServerError(Defect):
    """S3 API Reference, MetadataTooLarge: more metadata than there may be is the caller's mistake."""

    surface = "storage"
    noticed_by = ("storage/object/large-metadata-is-whole-or-refused",)

    def metadata_too_large(self, original: Any, size: int) -> bool:
        if original(size):
            raise server_error()
        return False


class ChosenLineEndsAreServerErrors(Defect):
    """RFC 9110 section 5.5: a line end within the value of a field is refused, or a blank is put in its place."""

    surface = "storage"
    noticed_by = ("storage/presigned/chosen-fields-add-no-others",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        try:
            found: dict[str, str] = original(call)
        except Fault:
            raise server_error() from None
        return found


class UntoldLengthIsServerError(Defect):
    """S3 API Reference, MissingContentLength: a payload of unknown length is refused as such, or taken."""

    surface = "storage"
    noticed_by = ("storage/object/chunked-transfer-is-whole-or-refused",)

    def require_length(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault:
            raise server_error() from None


class NoTagsAreServerError(Defect):
    """S3 API Reference, PutObjectTagging: a set of no tags is one, or refused for DeleteObjectTagging is there."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        stood = gateway(original).buckets[bucket.name].objects.get(key)
        if not tags and stood is not None and stood.tags:
            raise server_error()
        await original(bucket, key, tags)


class NewBucketsAreServerErrors(Defect):
    """Provisioning Storage: buckets are provisioned in the portal; CreateBucket is refused, as the caller's mistake."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-not-self-service", "storage/service/create-bucket-harms-nothing")

    def create_bucket(self, original: Any, call: Call) -> Answer:
        raise server_error()


class RepetitionsAreServerErrors(Defect):
    """RFC 9110 section 15.5: a field or parameter that is sent twice is the sender's, and the refusal one of 4xx."""

    surface = "storage"
    noticed_by = (
        "storage/signature/altered-request-is-refused#signed-header-repeated",
        "storage/signature/altered-query-is-refused#repeated-behind",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        names = [*request.headers.keys()], [name for name, _ in request.query]
        try:
            signer: Signer = original(request)
        except Fault as fault:
            raise server_error() if any(len(each) > len({*each}) for each in names) else fault from None
        return signer


class UnsignedPayloadsNotImplemented(Defect):
    """SigV4, "x-amz-content-sha256": UNSIGNED-PAYLOAD is one of its words; only without TLS may it be refused."""

    surface = "storage"
    noticed_by = ("storage/signature/unsigned-payload-is-served",)

    def payload_hash(self, original: Any, given: str | None) -> str:
        if given == "UNSIGNED-PAYLOAD":
            raise Fault("NotImplemented")
        stated: str = original(given)
        return stated


class DateOfNothingIsServerError(Defect):
    """RFC 9110 section 13.1.4: If-Unmodified-Since is ignored where there is no date, and no reason to crash."""

    surface = "storage"
    noticed_by = ("storage/condition/any-tag-is-no-server-error",)

    def unmodified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        if found is None:
            raise server_error()
        return bool(original(date, found))


class OtherLettersInMetadataCannotBeRead(Defect):
    """API Reference, Error Handling: what was taken with an object is told, or left out, and breaks no read of it."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error#x-amz-meta-odd",)

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        if not all(value.isascii() for value in found.metadata.values()):
            raise server_error()
        headers: dict[str, str] = original(found)
        return headers


class BadNumbersOfPartsAreServerErrors(Defect):
    """S3 API Reference, InvalidArgument: 400 for a max-parts or a part-number-marker that is no number."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#marker-of-parts-word",
        "storage/listing/bad-parameters-are-no-server-error#max-parts-word",
    )

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        numbers = [call.query.get(name, "0") for name in ("max-parts", "part-number-marker")]
        if not all(number.isdigit() for number in numbers):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class MarkerOfNoUploadIsServerError(Defect):
    """API Reference, Error Handling: a list that is to go on behind an upload which is gone by now goes on there."""

    surface = "storage"
    noticed_by = ("storage/listing/bad-parameters-are-no-server-error#marker-of-no-upload",)

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("upload-id-marker") and call.query["upload-id-marker"] not in bucket.uploads:
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class OddRangeConditionIsServerError(Defect):
    """RFC 9110 section 13.1.5: an If-Range that is neither tag nor date does not match, and is no reason to crash."""

    surface = "storage"
    noticed_by = ("storage/condition/any-tag-is-no-server-error",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        if value is not None and '"' not in value and http_date(value) is None:
            raise server_error()
        return bool(original(value, found))


class UnheardOfPrefixIsServerError(Defect):
    """S3 API Reference, ListObjectsV2, prefix: no key begins with one that is longer than a key, or holds U+0000."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#prefix-long",
        "storage/listing/bad-parameters-are-no-server-error#prefix-with-nought",
    )

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        prefix = call.query.get("prefix", "")
        if len(prefix) > LONGEST_KEY or "\0" in prefix:
            raise server_error()
        asked: Wanted = original(call, after)
        return asked
