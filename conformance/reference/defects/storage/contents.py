"""Defects of what is stored: bytes, digests, entity tags, metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, without_fields
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject


class WrongMd5Stored(Defect):
    """RFC 1864, and S3 API Reference, BadDigest: bytes whose Content-MD5 is another are not stored."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/wrong-md5-deletes-nothing", "storage/multipart/differing-md5-refuses-the-part")

    def md5_matches(self, original: Any, stated: bytes, computed: bytes) -> bool:
        return True


class InvalidMd5Ignored(Defect):
    """S3 API Reference, InvalidDigest: a Content-MD5 that is none is refused."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/broken-md5-stores-nothing#hex",
        "storage/checksum/broken-md5-stores-nothing#no-base64",
        "storage/checksum/broken-md5-stores-nothing#short",
    )

    def check_digests(self, original: Any, call: Call) -> str:
        try:
            md5: str = original(call)
        except Fault as fault:
            if fault.code != "InvalidDigest":
                raise
            md5 = original(without_fields(call, "content-md5"))
        return md5


class BrokenChecksumIgnored(Defect):
    """S3 User Guide, "Checking object integrity": a value that can be no checksum is refused, not passed over."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/broken-value-stores-nothing#crc32",
        "storage/checksum/broken-value-stores-nothing#crc32c",
        "storage/checksum/broken-value-stores-nothing#crc64nvme",
        "storage/checksum/broken-value-stores-nothing#sha1",
        "storage/checksum/broken-value-stores-nothing#sha256",
    )

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        try:
            found: dict[str, str] = original(call)
        except Fault as fault:
            if fault.code != "InvalidRequest":
                raise
            found = {}
        return found


class OnlyCrc32Verified(Defect):
    """S3 User Guide, "Checking object integrity": each of the five algorithms is verified."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/that-differs-stores-nothing#crc32c",
        "storage/checksum/that-differs-stores-nothing#crc64nvme",
        "storage/checksum/that-differs-stores-nothing#sha1",
        "storage/checksum/that-differs-stores-nothing#sha256",
    )

    def checksum_matches(self, original: Any, algorithm: str, value: str, body: bytes) -> bool:
        return algorithm != "crc32" or bool(original(algorithm, value, body))


class CutOffUploadStored(Defect):
    """S3 API Reference, IncompleteBody: an upload that breaks off stores nothing."""

    surface = "storage"
    noticed_by = (
        "storage/object/cut-off-upload-stores-nothing#between-signed-chunks",
        "storage/object/cut-off-upload-stores-nothing#unsigned",
    )

    async def broken_off(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        if request.method == "PUT":
            call = Call(request, surface.authenticate(request), name, key, {}, request.body)
            surface.buckets[name].put(key, surface.new_object(call, "0" * 32, {}))


class EtagUnquoted(Defect):
    """RFC 9110 section 8.8.3: an entity tag is a quoted string."""

    surface = "storage"
    noticed_by = ("storage/object/etag-is-one-and-quoted", "storage/object/etag-is-one-and-quoted#of-the-whole-run")

    def quoted(self, original: Any, etag: str) -> str:
        return etag


class EtagOfPutIsAnother(Defect):
    """S3 API Reference, PutObject: the entity tag that it answers is the object's."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/metadata-is-of-the-opening",
        "storage/multipart/metadata-is-of-the-opening#of-its-own",
        "storage/multipart/one-small-part-is-enough",
        "storage/multipart/parts-are-listed",
    )

    def stored_answer(self, original: Any, etag: str, checksums: dict[str, str]) -> Answer:
        answer: Answer = original(etag[::-1], checksums)
        return answer


class EtagKeptOnOverwrite(Defect):
    """RFC 9110 section 8.8.1: a validator changes whenever the content does."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-changed#overwritten-since",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        await original(bucket, key, replace(stored, etag=earlier.etag) if earlier else stored, asked)


class HeadLengthZero(Defect):
    """RFC 9110 section 9.3.2: HEAD tells the length that GET would send."""

    surface = "storage"
    noticed_by = ("storage/object/head-equals-get",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200:
            answer.headers["Content-Length"] = "0"
        return answer


class MetadataForgotten(Defect):
    """S3 User Guide, "Working with object metadata": user metadata is given back."""

    surface = "storage"
    noticed_by = (
        "storage/object/metadata-comes-back",
        "storage/object/metadata-comes-back#nearly-two-kb",
        "storage/object/metadata-comes-back#of-a-folder",
        "storage/object/metadata-comes-back#of-a-long-name",
        "storage/sdk/put-and-get#base",
    )

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {}


class MetadataMergedOnOverwrite(Defect):
    """S3 API Reference, PutObject: it replaces the whole object, metadata included."""

    surface = "storage"
    noticed_by = (
        "storage/object/overwriting-replaces-everything",
        "storage/object/overwriting-replaces-everything#but-the-bytes",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = earlier.metadata if earlier else {}
        await original(bucket, key, replace(stored, metadata={**kept, **stored.metadata}), asked)


class MetadataCutShort(Defect):
    """S3 User Guide, "User-defined object metadata": what is too large is refused, not cut."""

    surface = "storage"
    noticed_by = ("storage/object/large-metadata-is-whole-or-refused",)

    def metadata_too_large(self, original: Any, size: int) -> bool:
        return False

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value[:1024] for name, value in original(call).items()}


class ContentTypeForgotten(Defect):
    """S3 API Reference, PutObject: the Content-Type is given back."""

    surface = "storage"
    noticed_by = (
        "storage/object/system-headers-come-back#content-type",
        "storage/object/system-headers-come-back#html-without-charset",
        "storage/object/system-headers-come-back#plain-without-charset",
    )

    def content_type(self, original: Any, call: Call) -> str:
        return "application/octet-stream"


class SystemHeadersForgotten(Defect):
    """S3 User Guide, "System-defined object metadata": Cache-Control and its like are given back."""

    surface = "storage"
    noticed_by = (
        "storage/object/system-headers-come-back#cache-control",
        "storage/object/system-headers-come-back#content-disposition",
        "storage/object/system-headers-come-back#content-language",
        "storage/object/system-headers-come-back#expires",
        "storage/object/content-encoding-comes-back",
    )

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        return {"content-type": gateway(original).content_type(call)}


class AwsChunkedKept(Defect):
    """S3 API Reference, PutObject: ``aws-chunked`` is of the transfer and does not stay in Content-Encoding."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/chunks-are-joined#signed",
        "storage/streaming/chunks-are-joined#unsigned-with-trailer",
    )

    def content_encoding(self, original: Any, call: Call) -> str:
        return call.headers.get("content-encoding", "")


class LineEndsTranslated(Defect):
    """S3 API Reference, GetObject: the bytes that were put, every one."""

    surface = "storage"
    noticed_by = (
        "storage/object/bytes-come-back#128KiB-and-one",
        "storage/object/bytes-come-back#16MiB",
        "storage/object/bytes-come-back#64KiB",
        "interoperability/storage/aws-s3-cp-round-trip",
        "interoperability/storage/aws-s3-cp-from-standard-input",
    )

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=stored.body.replace(b"\r\n", b"\n"))


class EmptyObjectNotFound(Defect):
    """S3 API Reference, PutObject: an object may have no bytes."""

    surface = "storage"
    noticed_by = ("storage/range/of-nothing-is-not-partial",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        return found if found is not None and found.size else None


class DeleteMissingIs404(Defect):
    """S3 API Reference, DeleteObject: 204 whether there was an object or not."""

    surface = "storage"
    noticed_by = ("storage/object/delete-is-idempotent",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        await gateway(original).require(bucket, call.key)
        answer: Answer = await original(call, bucket)
        return answer


class DeleteKeepsObject(Defect):
    """S3 API Reference, DeleteObject: the object is removed."""

    surface = "storage"
    noticed_by = (
        "storage/object/delete-removes#from-every-operation",
        "storage/object/delete-removes#of-two-at-once",
        "storage/at-once/created-is-seen-at-once",
        "storage/key/any-key-reaches-itself",
        "interoperability/storage/aws-s3-mv",
        "interoperability/storage/recursive-removal-keeps-to-its-prefix",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        return None


class LastModifiedInLocalTime(Defect):
    """RFC 9110 section 8.8.2.1: Last-Modified is never later than the answer, and in GMT."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, modified=stored.modified + 7200)
