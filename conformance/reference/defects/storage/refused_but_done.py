"""Defects of requests that are refused, and done all the same: what is verified last was obeyed before."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

CHUNK = re.compile(rb"([0-9a-f]{1,8})(?:;chunk-signature=[0-9a-f]{64})?\r\n")
FORGED, INCOMPLETE = "SignatureDoesNotMatch", "IncompleteBody"


def _by_url(request: Request) -> bool:
    return "X-Amz-Credential" in request.query_string


def _in_chunks(request: Request) -> bool:
    return request.headers.get("x-amz-content-sha256") in STREAMING


def _joined(body: bytes) -> bytes:
    """What chunks carry, as far as they can be read."""
    joined, place = b"", 0
    while head := CHUNK.match(body, place):
        place = head.end() + int(head[1], 16)
        joined += body[head.end() : place]
        place += 2
    return joined


async def _obey(surface: Storage, request: Request) -> None:
    """Does what is asked of an object or by a document, whoever asks it."""
    name, key = surface.target(request)
    bucket = surface.buckets.get(name)
    if bucket is None:
        return
    call = Call(request, Signer(bucket.organization, b"", "", "", "", ""), name, key, query_of(request))
    call.body = _joined(request.body) if _in_chunks(request) else request.body
    if request.method in ("PUT", "DELETE") and key and not surface.subresources(call):
        await _write(surface, bucket, call)
        return
    with suppress(Fault):
        if key:
            await surface.object_operation(call)(call, bucket)
        elif request.method == "POST":
            await surface.bucket_operation(call)(call, bucket)


async def _write(surface: Storage, bucket: Bucket, call: Call) -> None:
    """Stores the bytes and nothing that is said of them; or removes what is there."""
    if call.request.method == "DELETE":
        bucket.remove(call.key)
    else:
        bucket.put(call.key, StoredObject(call.body, surface.new_request_id().lower(), surface.seconds()))


class _DoneAllTheSame(Defect):
    """A request that is refused by one of these codes, when it has been done."""

    surface = "storage"
    codes: ClassVar[tuple[str, ...]] = ()

    def _such(self, surface: Storage, request: Request) -> bool:
        """Whether it is such a request."""
        return True

    async def answered(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Fault as fault:
            if fault.code in self.codes and self._such(gateway(original), request):
                await _obey(gateway(original), request)
            raise
        return answer


# Whose signature it is.


class ForgedWritesDone(_DoneAllTheSame):
    """SigV4, "Signature Calculations": what is refused for its signature is not done while that was computed."""

    codes = (FORGED,)
    noticed_by = (
        "storage/signature/wrong-secret-is-refused#delete",
        "storage/signature/wrong-secret-is-refused#put",
        "storage/signature/altered-request-is-refused#content-type-changed",
        "storage/signature/altered-request-is-refused#date",
        "storage/signature/altered-request-is-refused#method",
        "storage/signature/altered-request-is-refused#path",
        "storage/signature/altered-request-is-refused#payload-declared-unsigned",
        "storage/signature/altered-request-is-refused#query-added",
        "storage/signature/altered-request-is-refused#signature",
        "storage/signature/altered-request-is-refused#signature-cut",
        "storage/signature/altered-request-is-refused#signed-header-changed",
        "storage/signature/altered-request-is-refused#signed-header-removed",
        "storage/signature/altered-request-is-refused#signed-header-repeated",
        "storage/signature/any-altered-component-is-refused",
        "storage/signature/signature-is-not-reusable-for-another-body",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return not _by_url(request) and not _in_chunks(request) and request.method in ("PUT", "DELETE")


class ForgedChunksStored(_DoneAllTheSame):
    """SigV4, "Transferring Payload in Multiple Chunks": a chunk is verified before it is written, and so the head."""

    codes = (FORGED,)
    noticed_by = (
        "storage/streaming/altered-chunks-are-refused#chunk-lost",
        "storage/streaming/altered-chunks-are-refused#first-chunk-bytes",
        "storage/streaming/altered-chunks-are-refused#last-chunk-signature",
        "storage/streaming/altered-chunks-are-refused#of-a-part",
        "storage/streaming/altered-chunks-are-refused#trailer-signature-lost",
        "storage/signature/altered-request-is-refused#unsigned-chunks-to-another-key",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return _in_chunks(request)


class ForgedUrlsObeyed(_DoneAllTheSame):
    """SigV4, "Using Query Parameters": what is refused for the signature of its URL is not done."""

    codes = (FORGED,)
    noticed_by = (
        "storage/presigned/altered-is-refused#download-deleted",
        "storage/presigned/altered-is-refused#key",
        "storage/presigned/altered-is-refused#later-date",
        "storage/presigned/altered-is-refused#longer-life",
        "storage/presigned/altered-is-refused#parameter-behind",
        "storage/presigned/altered-is-refused#signature",
        "storage/presigned/altered-is-refused#signature-cut",
        "storage/presigned/signed-fields-are-checked#metadata-changed",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return _by_url(request) and request.method in ("PUT", "DELETE")


class UnknownKeysObeyed(_DoneAllTheSame):
    """S3 API Reference, InvalidAccessKeyId: who is not known writes and deletes nothing, whatever he is told."""

    codes = ("InvalidAccessKeyId",)
    noticed_by = ("storage/signature/unknown-key-is-refused#delete", "storage/signature/unknown-key-is-refused#put")


class StrangersObeyed(_DoneAllTheSame):
    """Provisioning Storage: without the organization's access key nothing is written or deleted, whatever is told."""

    codes = ("AccessDenied",)
    noticed_by = (
        "storage/signature/anonymous-is-refused#delete",
        "storage/signature/anonymous-is-refused#put",
        "storage/signature/altered-request-is-refused#unsigned-chunks-of-nobody",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return "authorization" not in request.headers and not _by_url(request)


# What it is good for.


class SkewedWritesDone(_DoneAllTheSame):
    """S3 API Reference, RequestTimeTooSkewed: what comes too late is not done, a deletion neither."""

    codes = ("RequestTimeTooSkewed",)
    noticed_by = (
        "storage/signature/skewed-clock-is-refused#a-day-ago",
        "storage/signature/skewed-clock-is-refused#behind",
        "storage/signature/skewed-clock-is-refused#chunks-behind",
        "storage/signature/skewed-clock-is-refused#read-behind",
    )


class OtherScopesObeyed(_DoneAllTheSame):
    """SigV4, "Authorization header", Credential: what was signed for another service or day is not done here."""

    codes = ("AuthorizationHeaderMalformed", "AuthorizationQueryParametersError")
    noticed_by = (
        "storage/signature/wrong-scope-is-refused#service",
        "storage/signature/wrong-scope-is-refused#terminator",
        "storage/presigned/wrong-scope-is-refused#date",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        with suppress(Fault):
            return bool(surface.presented(request))
        return False


class MalformedAuthorizationsObeyed(_DoneAllTheSame):
    """S3 API Reference, AuthorizationHeaderMalformed: what cannot be read opens nothing, whatever is told of it."""

    codes = ("AuthorizationHeaderMalformed", "InvalidRequest", "InvalidArgument", "AccessDenied")
    noticed_by = (
        "storage/signature/malformed-authorization-is-refused#asymmetric",
        "storage/signature/malformed-authorization-is-refused#basic",
        "storage/signature/malformed-authorization-is-refused#bearer",
        "storage/signature/malformed-authorization-is-refused#empty",
        "storage/signature/malformed-authorization-is-refused#empty-signature",
        "storage/signature/malformed-authorization-is-refused#no-credential",
        "storage/signature/malformed-authorization-is-refused#no-date",
        "storage/signature/malformed-authorization-is-refused#no-signature",
        "storage/signature/malformed-authorization-is-refused#no-signed-headers",
        "storage/signature/malformed-authorization-is-refused#other-scheme",
        "storage/signature/malformed-authorization-is-refused#scheme-only",
        "storage/signature/malformed-authorization-is-refused#short-scope",
        "storage/signature/malformed-authorization-is-refused#version-2",
        "storage/signature/malformed-authorization-is-refused#version-2-in-query",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        if "authorization" not in request.headers and "AWSAccessKeyId" not in request.query_string:
            return False
        with suppress(Fault):
            return not surface.presented(request)
        return True


class ExpiredUrlsObeyed(_DoneAllTheSame):
    """SigV4, "Using Query Parameters", X-Amz-Expires: what comes after its time is not done."""

    codes = ("AccessDenied",)
    noticed_by = ("storage/presigned/expired-is-refused#delete", "storage/presigned/expired-is-refused#put")

    def _such(self, surface: Storage, request: Request) -> bool:
        if not _by_url(request) or request.method not in ("PUT", "DELETE"):
            return False
        with suppress(Fault):
            surface.check_time(surface.presented(request))
            return False
        return True


class UnsignedFieldsObeyed(_DoneAllTheSame):
    """SigV4, "Task 1": with an x-amz- field that was not signed nothing is written, or it is left out of account."""

    codes = ("AccessDenied",)
    noticed_by = (
        "storage/signature/amz-headers-must-be-signed",
        "storage/presigned/unsigned-fields-are-not-obeyed#copy-source",
        "storage/presigned/unsigned-fields-are-not-obeyed#metadata",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        with suppress(Fault):
            presented = surface.presented(request)
            return bool({name for name in request.headers if name.startswith("x-amz-")} - {*presented.signed_headers})
        return False


# What came.


class PayloadsOfNoHashStored(_DoneAllTheSame):
    """SigV4, "x-amz-content-sha256": what is neither a hash nor one of the words for none is no way past it."""

    codes = ("InvalidArgument",)
    noticed_by = (
        "storage/signature/payload-hash-is-checked#no-hash",
        "storage/signature/payload-hash-is-checked#of-unknown-kind",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        with suppress(Fault):
            surface.payload_hash(request.headers.get("x-amz-content-sha256"))
            return False
        return True


class CutOffChunksStored(_DoneAllTheSame):
    """S3 API Reference, IncompleteBody: of a payload that did not come whole nothing is stored."""

    codes = (INCOMPLETE,)
    noticed_by = (
        "storage/streaming/altered-chunks-are-refused#ended-behind-a-chunk",
        "storage/streaming/altered-chunks-are-refused#last-chunk-lost",
        "storage/streaming/altered-chunks-are-refused#never-framed",
        "storage/streaming/altered-chunks-are-refused#unsigned-chunk-lost",
        "storage/streaming/altered-chunks-are-refused#without-signatures",
        "storage/streaming/decoded-length-is-checked#one-less",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return _in_chunks(request)


class StoredBeforeTheTrailer(_DoneAllTheSame):
    """S3 User Guide, "Checking object integrity", trailing checksums: what they do not match is not stored."""

    codes = ("BadDigest", "MalformedTrailerError")
    noticed_by = (
        "storage/streaming/trailing-checksum-is-checked#signed",
        "storage/streaming/trailing-checksum-is-checked#unsigned-crc32c",
        "storage/streaming/trailing-checksum-is-checked#unsigned-sha1",
        "storage/streaming/announced-trailer-must-come",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return _in_chunks(request)


# What is said of it.


class StoredBeforeItsMetadata(_DoneAllTheSame):
    """S3 API Reference, MetadataTooLarge: an object that is refused for its metadata is not there without it."""

    codes = ("MetadataTooLarge",)
    noticed_by = (
        "storage/object/large-metadata-is-whole-or-refused",
        "storage/object/large-metadata-is-whole-or-refused#over-an-object",
    )


class StoredBeforeItsTags(_DoneAllTheSame):
    """S3 API Reference, InvalidTag: an object that is refused for its tags is not there without them."""

    codes = ("InvalidTag", "InvalidArgument")
    noticed_by = (
        "storage/tagging/limits-of-the-field-are-kept#eleven",
        "storage/tagging/limits-of-the-field-are-kept#key-twice",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return "x-amz-tagging" in request.headers


class DoneBeforeItsOwnerIsKnown(_DoneAllTheSame):
    """S3 User Guide, "Verifying bucket ownership": where the owner is another the request is not done."""

    codes = ("AccessDenied",)
    noticed_by = (
        "storage/subresource/expected-owner-is-heeded#abortion",
        "storage/subresource/expected-owner-is-heeded#completion",
        "storage/subresource/expected-owner-is-heeded#delete",
        "storage/subresource/expected-owner-is-heeded#delete-many",
        "storage/subresource/expected-owner-is-heeded#part",
        "storage/subresource/expected-owner-is-heeded#put",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return "x-amz-expected-bucket-owner" in request.headers
