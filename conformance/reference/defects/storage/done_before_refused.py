"""Defects of what is looked at too late or too early: refused and done all the same, compared and spent by it."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

SOURCE_CONDITIONS = tuple(
    f"{SOURCE}-if-{name}" for name in ("match", "none-match", "modified-since", "unmodified-since")
)


# What is compared with the body only when the body is written.


class _StoredWhereRefused(Defect):
    """S3 User Guide, "Checking object integrity": what is refused for a digest is not stored."""

    codes: ClassVar[tuple[str, ...]] = ()
    by_md5 = False

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code in self.codes and ("content-md5" in call.headers) == self.by_md5:
                md5 = hashlib.md5(call.body).hexdigest()
                bucket.put(call.key, gateway(original).new_object(call, md5, {}))
            raise
        return answer


class RefusedForItsMd5ButStored(_StoredWhereRefused):
    """S3 API Reference, InvalidDigest: a body that is refused for its Content-MD5 does not take the object's place."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/broken-md5-stores-nothing#hex",
        "storage/checksum/md5-that-differs-stores-nothing",
        "storage/checksum/md5-that-differs-stores-nothing#by-url",
        "storage/checksum/md5-that-differs-stores-nothing#of-nothing",
    )
    codes, by_md5 = ("InvalidDigest", "BadDigest"), True


class RefusedForItsChecksumButStored(_StoredWhereRefused):
    """S3 User Guide, "Checking object integrity": a body that is refused for its checksum is not stored."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/that-differs-stores-nothing#crc32",
        "storage/checksum/broken-value-stores-nothing#crc32",
        "storage/checksum/announced-must-come",
        "storage/checksum/every-one-is-compared#beside-chunks",
        "storage/checksum/every-one-is-compared#right-crc-wrong-sha",
        "storage/checksum/every-one-is-compared#unsigned",
        "storage/checksum/every-one-is-compared#wrong-crc-of-a-large-body",
        "storage/checksum/every-one-is-compared#wrong-crc-of-nothing",
        "storage/checksum/every-one-is-compared#wrong-crc-right-sha",
    )
    codes = ("BadDigest", "InvalidRequest")


class ComparedBodyIsSpent(Defect):
    """S3 User Guide, "Checking object integrity": what was compared with its digest is stored, and not what is left."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/md5-that-matches-is-stored",
        "storage/checksum/that-matches-is-stored#crc64nvme",
        "storage/checksum/that-matches-is-stored#sha1",
        "storage/checksum/that-matches-is-stored#sha256",
    )

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=b"") if checksums or "content-md5" in call.headers else stored


# Conditions that are looked at behind the write.


class WrittenBeforeItsCondition(Defect):
    """S3 User Guide, "Conditional writes": where a condition fails, nothing is written, by whichever operation."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-has-the-tag",
        "storage/conditional-write/if-match-any-needs-an-object",
        "storage/conditional-write/keeps-what-changed#never-seen",
        "storage/conditional-write/if-match-needs-an-object",
        "storage/conditional-write/copy-keeps-what-changed",
        "storage/conditional-write/copy-keeps-what-is-there",
        "storage/conditional-write/completion-keeps-what-changed",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        found = bucket.objects.get(key)
        bucket.put(key, stored)
        gateway(original).check_write(asked, found)


class DeletedBeforeItsCondition(Defect):
    """S3 User Guide, "Conditional deletes": where a condition fails, nothing is deleted."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/deletion-keeps-what-changed",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        found = bucket.objects.get(key)
        bucket.remove(key)
        gateway(original).check_write(asked, found)


# Copies.


class RefusedCopyMadeAllTheSame(Defect):
    """S3 API Reference, CopyObject: a copy that is refused, for its source's conditions or itself, is not made."""

    surface = "storage"
    noticed_by = (
        "storage/copy/if-match-that-fails",
        "storage/copy/if-none-match-that-fails",
        "storage/copy/modified-since-that-fails",
        "storage/copy/unmodified-since-that-fails",
        "storage/copy/missing-version-is-refused",
        "storage/copy/bad-directive-is-refused",
    )

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            with contextlib.suppress(Fault):
                await original(_with_nothing_asked(call), bucket)
            raise
        return answer


def _with_nothing_asked(call: Call) -> Call:
    """A copy without conditions, directives and versions."""
    headers = call.headers.mutablecopy()
    for name in (*SOURCE_CONDITIONS, "x-amz-metadata-directive"):
        del headers[name]
    headers[SOURCE] = headers[SOURCE].partition("?")[0]
    return replace(call, request=replace(call.request, headers=headers))


class CopyOfNothingLeavesAnObject(Defect):
    """S3 API Reference, CopyObject: where the source is missing no object is made, nor one without bytes."""

    surface = "storage"
    noticed_by = (
        "storage/copy/missing-source-is-404",
        "storage/copy/missing-source-bucket-is-refused",
        "storage/copy/broken-source-is-refused#blank",
        "storage/copy/broken-source-is-refused#escape",
        "storage/copy/broken-source-is-refused#no-key",
        "storage/copy/broken-source-is-refused#slash",
    )

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if call.key not in bucket.objects:
                bucket.put(call.key, gateway(original).new_object(call, hashlib.md5(b"").hexdigest(), {}))
            raise
        return answer


class _CopyOntoItselfLoses(Defect):
    """S3 API Reference, CopyObject: a copy of an object onto itself is refused where it changes nothing."""

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if gateway(original).copy_source(call) == (bucket.name, call.key) and call.key in bucket.objects:
                bucket.put(call.key, self._left(bucket.objects[call.key]))
            raise
        return answer

    def _left(self, stored: StoredObject) -> StoredObject:
        return stored


class CopyOntoItselfTruncates(_CopyOntoItselfLoses):
    """S3 API Reference, CopyObject: what cannot be copied onto itself keeps its bytes, opened to write as it was."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-without-change-is-refused",)

    def _left(self, stored: StoredObject) -> StoredObject:
        return replace(stored, body=b"")


class CopyOntoItselfForgetsMetadata(_CopyOntoItselfLoses):
    """S3 API Reference, CopyObject: what cannot be copied onto itself keeps the metadata that it has."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-loses-nothing",)

    def _left(self, stored: StoredObject) -> StoredObject:
        return replace(stored, metadata={})


# DeleteObjects, whose document is acted on while it is read.


class RefusedDocumentDeletes(Defect):
    """S3 API Reference, DeleteObjects: a document that is refused, at its end or for its digest, deletes nothing."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/wrong-md5-deletes-nothing",
        "storage/multi-delete/wrong-checksum-deletes-nothing",
        "storage/multi-delete/more-than-a-thousand-is-refused",
    )

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            with contextlib.suppress(Fault):
                for entry in xml.parse(call.body, "Delete").all("Object"):
                    bucket.remove(entry.require("Key"))
            raise
        return answer


# Requests whose signature or payload is looked at when they are done.


class _DoneBeforeItIsRefused(Defect):
    """SigV4: a request that is not the one that was signed has no effect."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def answered(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Fault as fault:
            if fault.code in self.codes:
                with contextlib.suppress(Fault):
                    await self._done(original, request)
            raise
        return answer

    async def _done(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        bucket = surface.buckets.get(name)
        if bucket is not None:
            signer = Signer(bucket.organization, b"", "", "", "", "")
            call = Call(request, signer, name, key, query_of(request), request.body)
            await (surface.on_object(call) if key else surface.on_bucket(call))


class DoneBeforeItsSignatureIsSeen(_DoneBeforeItIsRefused):
    """SigV4, "Authenticating requests": what a stranger asks for is refused before it is done, and not behind it."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#copy",
        "storage/signature/every-operation-is-closed#delete-many",
        "storage/signature/every-upload-is-closed#abort",
        "storage/signature/every-upload-is-closed#complete",
        "storage/signature/every-upload-is-closed#copy-part",
        "storage/signature/every-upload-is-closed#put-part",
        "storage/signature/every-upload-is-closed#unsigned-chunks",
    )
    codes = ("AccessDenied", "SignatureDoesNotMatch")


class DoneBeforeItsPayloadIsSeen(_DoneBeforeItIsRefused):
    """S3 API Reference, XAmzContentSHA256Mismatch: a payload other than the one that was signed has no effect."""

    surface = "storage"
    noticed_by = (
        "storage/signature/payload-hash-is-checked",
        "storage/signature/payload-hash-is-checked#completion",
        "storage/signature/payload-hash-is-checked#deletion",
        "storage/signature/payload-hash-is-checked#nothing-came",
        "storage/signature/payload-hash-is-checked#of-nothing",
    )
    codes = ("XAmzContentSHA256Mismatch",)


class StoredBehindItsContinue(DoneBeforeItsSignatureIsSeen):
    """RFC 9110 section 10.1.1: who may not write is refused before the body, and the body is not stored."""

    surface = "storage"
    noticed_by = (
        "storage/object/refusal-comes-before-the-body#unknown-key",
        "storage/object/refusal-comes-before-the-body#wrong-secret",
    )

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        return None


# Uploads.


class RefusedCompletionMakesTheObject(Defect):
    """S3 API Reference, CompleteMultipartUpload: a completion that is refused makes no object, of whatever parts."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-a-completion-is-compared#no-checksum-of-a-part",
        "storage/checksum/of-a-completion-is-compared#part",
        "storage/multipart/small-part-in-the-middle-is-refused",
        "storage/multipart/small-part-in-the-middle-is-refused#of-copies",
        "storage/multipart/invalid-part-is-refused#etag-before-it-was-sent-anew",
        "storage/multipart/invalid-part-is-refused#never-sent",
        "storage/multipart/order-of-parts-is-checked#twice",
        "storage/multipart/broken-completion-is-refused#cut",
        "storage/multipart/wrong-object-size-is-refused#less",
    )

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            upload = bucket.uploads.get(call.query["uploadId"])
            if upload is not None:
                bucket.put(call.key, _joined(original, upload))
            raise
        return answer


def _joined(original: Any, upload: Upload) -> StoredObject:
    """The object of all parts that came, in whatever way they should not be one."""
    surface = gateway(original)
    parts: list[Part] = [part for _, part in sorted(upload.parts.items())]
    return StoredObject(surface.joined(parts), surface.multipart_etag(parts), surface.seconds(), upload.headers)


class PartOfNoUploadMadeTheObject(Defect):
    """S3 API Reference, NoSuchUpload: what is told so is no part, and not the object of that key either."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/unknown-upload-is-404#like-a-path",
        "storage/multipart/unknown-upload-is-404#of-quotes",
        "storage/multipart/unknown-upload-is-404#upload-part",
        "storage/multipart/upload-is-of-its-key",
    )

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code == "NoSuchUpload":
                bucket.put(call.key, gateway(original).new_object(call, hashlib.md5(call.body).hexdigest(), {}))
            raise
        return answer


class LongKeyRefusedButCut(Defect):
    """S3 User Guide, "Object key naming guidelines": a key that is too long is refused, and not stored cut either."""

    surface = "storage"
    noticed_by = (
        "storage/key/over-1024-bytes-is-refused#copied",
        "storage/key/over-1024-bytes-is-refused#one-more",
        "storage/key/over-1024-bytes-is-refused#two-byte-letters",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        try:
            answer: Answer = await original(call)
        except Fault as fault:
            if fault.code == "KeyTooLongError":
                cut = call.key.encode()[:1024].decode(errors="ignore")
                with contextlib.suppress(Fault):
                    await original(replace(call, key=cut, query={}))
            raise
        return answer
