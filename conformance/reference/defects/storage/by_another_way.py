"""Defects of one way that a request may come, or of one kind of object, by which less is done than was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject


def _by_url(call: Call) -> bool:
    return "X-Amz-Signature" in call.query


# By URL.


class UrlsForgetTheirFields(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: fields that were signed with a URL are sent and obeyed."""

    surface = "storage"
    noticed_by = ("storage/presigned/signed-fields-are-served",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, metadata={}, headers={"content-type": "text/plain"}) if _by_url(call) else stored


class UnsignedBodiesLost(Defect):
    """SigV4, "Using Query Parameters": the payload of a URL is not signed; it is stored all the same."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/put-is-served",
        "storage/presigned/put-is-served#of-a-hard-key",
        "storage/presigned/part-is-served",
    )

    def read_payload(self, original: Any, call: Call) -> None:
        original(call)
        call.body = b"" if _by_url(call) else call.body


class DeletionsByUrlIdle(Defect):
    """S3 User Guide, "Download and upload objects with presigned URLs": what is signed so is done as otherwise."""

    surface = "storage"
    noticed_by = ("storage/presigned/other-operations-are-served",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = Answer(204) if _by_url(call) else await original(call, bucket)
        return answer


class RangesOfUrlsCutTwice(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are named, which a proxy does not cut out of themselves."""

    surface = "storage"
    noticed_by = ("storage/presigned/range-is-served",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        where = gateway(original).asked_span(call, found) if _by_url(call) else None
        if where:
            answer.body = answer.body[slice(*where)]
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class ChosenFieldsOfHeadRefused(Defect):
    """S3 API Reference, HeadObject, response-content-type: a parameter of HeadObject as of GetObject."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-of-parts-and-heads#head",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        if found and call.request.method == "HEAD":
            raise Fault("InvalidRequest")
        return found


# By fields, forms and codings.


class FieldsWithUnderscoresDropped(Defect):
    """RFC 9110 section 5.1: an underscore is a letter of a name as others are; without the field no signature holds."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        left = [pair for pair in request.headers.raw if b"_" not in pair[0]]
        signer: Signer = original(replace(request, headers=Headers(raw=left)))
        return signer


class RepeatedMetadataRefused(Defect):
    """RFC 9110 section 5.3: a field that is sent twice is one with both values; a sender may combine them or not."""

    surface = "storage"
    noticed_by = ("storage/object/repeated-metadata-is-joined",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        if any(len(call.headers.getlist(f"x-amz-meta-{name}")) > 1 for name in found):
            raise Fault("InvalidArgument")
        return found


class FormsRefused(Defect):
    """S3 API Reference, PutObject, Content-Type: it describes the contents, and asks for nothing to be done."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back#1KiB", "storage/object/bytes-come-back#64KiB-and-one")

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "form" in call.headers.get("content-type", ""):
            raise Fault("InvalidRequest")
        answer: Answer = await original(call, bucket)
        return answer


class LargeBodiesRefused(Defect):
    """S3 User Guide, "Uploading objects": up to 5 GB in a single operation; proxies take a megabyte unless told."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back#5MiB", "storage/object/large-object-comes-back")

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if len(call.body) > 4 * 1024 * 1024:
            fault = Fault("InvalidRequest", "Your proposed upload exceeds the maximum allowed size")
            fault.code = "EntityTooLarge"
            raise fault
        answer: Answer = await original(call, bucket)
        return answer


class UntoldLengthCutOff(Defect):
    """RFC 9112 section 7.1: a chunked body ends with its last chunk, not with the first that is read."""

    surface = "storage"
    noticed_by = ("storage/object/chunked-transfer-is-whole-or-refused",)

    def require_length(self, original: Any, call: Call) -> None:
        if "content-length" in call.headers or "x-amz-decoded-content-length" in call.headers:
            original(call)
        else:
            call.body = call.body[:6]


class NoChunksKeepTheirFraming(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": the closing chunk carries no bytes."""

    surface = "storage"
    noticed_by = ("storage/streaming/chunks-are-joined#of-nothing",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        unframed = stored.body or call.signer.payload_hash not in STREAMING
        return stored if unframed else replace(stored, body=call.request.body)


class OtherUnitsGetNothing(Defect):
    """RFC 9110 section 14.2: a Range in a unit that is not known is ignored: 200 is the answer with all of it."""

    surface = "storage"
    noticed_by = ("storage/range/unknown-unit-is-ignored", "storage/range/any-field-is-answered")

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if not call.headers.get("range", "bytes=").startswith("bytes="):
            answer.body, answer.headers["Content-Length"] = b"", "0"
        return answer


class SeveralRangesJoined(Defect):
    """RFC 9110 section 15.3.7: in a single part all bytes are of the range that Content-Range describes."""

    surface = "storage"
    noticed_by = ("storage/range/several-are-told-apart",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if call.headers.get("range") == "bytes=0-9,1000-1009":
            answer.status, answer.body = 206, found.body[:10] + found.body[1000:1010]
            answer.headers.update({"Content-Range": f"bytes 0-9/{found.size}", "Content-Length": "20"})
        return answer


class ChunksInTransferCodingLost(Defect):
    """RFC 9112 section 7.1: the coding of the transfer is taken away, and the payload's chunks stay."""

    surface = "storage"
    noticed_by = ("storage/streaming/in-transfer-coding-too",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        both = call.signer.payload_hash in STREAMING and "transfer-encoding" in call.headers
        return replace(stored, body=b"") if both else stored


class UntoldFramingStoredAndRefused(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": of chunks that are refused nothing is stored, framed or not."""

    surface = "storage"
    noticed_by = ("storage/streaming/framing-is-never-stored",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        untold = "aws-chunked" not in call.headers.get("content-encoding", "")
        answer: Answer = await original(call, bucket)
        if untold and call.signer.payload_hash in STREAMING:
            raise Fault("InvalidRequest")
        return answer


class LargeNumbersOfRangesRefused(Defect):
    """RFC 9110 section 14.1.2: a last position beyond the end is the end, however long the number."""

    surface = "storage"
    noticed_by = (
        "storage/range/large-numbers-are-read#end-over-32-bits",
        "storage/range/large-numbers-are-read#end-over-64-bits",
        "storage/range/large-numbers-are-read#suffix-over-64-bits",
    )

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        asked: tuple[int | None, int | None] | None = original(value)
        if asked and max(each or 0 for each in asked) >= 2**32:
            raise Fault("InvalidRange")
        return asked


class PatchIsARead(Defect):
    """RFC 9110 section 15.5.6: a method that an object has not is refused, and not taken for another."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-method-is-refused#patch",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        read = replace(call.request, method="GET")
        answer: Answer = await original(replace(call, request=read) if call.request.method == "PATCH" else call)
        return answer


class PatchWritesAndIsRefused(Defect):
    """RFC 9110 section 15.5.6: a method that is refused as unknown has changed nothing."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-method-is-refused#patch",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        held = gateway(original).buckets[call.bucket].objects
        if call.request.method == "PATCH" and call.key in held:
            held[call.key] = replace(held[call.key], body=call.body)
        answer: Answer = await original(call)
        return answer


# To keys of one kind.


class NeedlessEscapesKept(Defect):
    """RFC 3986 section 6.2.2.2: an unreserved character is the same, percent-encoded or not."""

    surface = "storage"
    noticed_by = ("storage/signature/encoding-on-the-wire-does-not-matter#more",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(replace(request, raw_path=request.raw_path.replace("%2D", "%252D")))
        return bucket, key


class WritesMergeSlashes(Defect):
    """S3 User Guide, "Creating object key names": two slashes are two letters of a key, to a write as to a read."""

    surface = "storage"
    noticed_by = ("storage/signature/path-is-not-normalised",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return bucket, key.replace("//", "/") if request.method == "PUT" else key


class EscapedNamesNotDeleted(Defect):
    """S3 API Reference, DeleteObject: the object that is named is removed, whatever letters it is named with."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#to-every-operation",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if "%" not in key:
            await original(bucket, key, asked)


class FoldersCopiedEmpty(Defect):
    """S3 User Guide, "Organizing objects using folders": a key that ends in a slash is an object's, with its bytes."""

    surface = "storage"
    noticed_by = ("storage/copy/source-is-decoded-once#slash-at-its-end",)

    async def source(self, original: Any, call: Call) -> Source:
        found: Source = await original(call)
        return replace(found, stored=replace(found.stored, body=b"")) if found.key.endswith("/") else found


class ShorterWritesKeepTheTail(Defect):
    """S3 API Reference, PutObject: the whole object is written anew; of a longer one nothing stays behind its end."""

    surface = "storage"
    noticed_by = (
        "storage/object/overwriting-replaces-everything",
        "storage/object/overwriting-replaces-everything#by-chunks",
        "storage/object/overwriting-replaces-everything#by-nothing",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        stood = bucket.objects.get(key)
        tail = stood.body[stored.size :] if stood else b""
        await original(bucket, key, replace(stored, body=stored.body + tail), asked)
