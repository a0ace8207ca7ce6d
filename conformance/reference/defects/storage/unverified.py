"""Defects of signatures, chunks and names that are not looked at, or end a request in a server error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.open_doors import under_any_secret
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import AccessKey
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

# Signatures.


class KeptAnswersGivenToAnyone(Defect):
    """RFC 9111 section 3.5: what was answered to a signed request is not kept for those that are not signed."""

    surface = "storage"
    noticed_by = ("storage/signature/anonymous-is-refused",)

    def __init__(self) -> None:
        self.kept: dict[str, Answer] = {}

    def intercept(self, request: Request) -> Answer | None:
        kept = self.kept.get(request.raw_path)
        if kept is None or request.method != "GET" or "authorization" in request.headers or request.query_string:
            return None
        return Answer(kept.status, kept.body, kept.headers.mutablecopy())

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "GET" and answer.status == 200 and not request.query_string:
            self.kept[request.raw_path] = Answer(answer.status, answer.body, answer.headers.mutablecopy())
        return answer


class UnknownKeyHasNoSecret(Defect):
    """S3 API Reference, InvalidAccessKeyId: a key that is not found is refused, and not one with an empty secret."""

    surface = "storage"
    noticed_by = ("storage/signature/unknown-key-is-refused",)

    def known_key(self, original: Any, access_key: str) -> AccessKey | None:
        anyone = next(iter(gateway(original).access_keys.values()))
        found: AccessKey = original(access_key) or replace(anyone, secret_key="")
        return found


class HostOfUrlsUnsigned(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: Host is always among them, so that a URL has a place."""

    surface = "storage"
    noticed_by = ("storage/signature/host-must-be-signed",)

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        if presented.expires is not None and "host" not in presented.signed_headers:
            presented = replace(presented, signed_headers=("host", *presented.signed_headers))
        original(request, presented)


class PartsByUrlUnverified(Defect):
    """SigV4, "Using Query Parameters": the URL of a part is good for that part, as its signature says."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        named = query_of(request)
        return under_any_secret(original, request, {"uploadId", "X-Amz-Signature"} <= set(named))


class EarlierVersionNotVerified(Defect):
    """SigV4, "Authorization header": a signature of the version before is verified or refused, never believed."""

    surface = "storage"
    noticed_by = ("storage/signature/malformed-authorization-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        named = re.match("AWS ([^:]+):", request.headers.get("authorization", ""))
        return believed(original, request, named[1] if named else "")


class EarlierVersionInUrlsNotVerified(Defect):
    """SigV4, "Using Query Parameters": a URL signed in the way of the version before is verified or refused."""

    surface = "storage"
    noticed_by = ("storage/signature/malformed-authorization-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return believed(original, request, request.parameter("AWSAccessKeyId") or "")


def believed(original: Any, request: Request, access_key: str) -> Signer:
    """Takes the caller for the owner of that access key, if there is one."""
    found = gateway(original).known_key(access_key)
    if found is not None:
        return Signer(found.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
    signer: Signer = original(request)
    return signer


# Payloads in chunks.


class ChunksLeaveTheirRequestUnverified(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": the request that chunks come with is verified, as they are."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        stated = request.headers.get("x-amz-content-sha256", "")
        return under_any_secret(original, request, stated.startswith("STREAMING-AWS4-HMAC-SHA256"))


class UnsignedChunksLeaveTheirRequestUnverified(Defect):
    """SigV4, "Signature calculations for trailing headers": unsigned chunks do not excuse their request."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        stated = request.headers.get("x-amz-content-sha256")
        return under_any_secret(original, request, stated == "STREAMING-UNSIGNED-PAYLOAD-TRAILER")


class UnsignedChunksOfAnyone(Defect):
    """SigV4, "Signature calculations for trailing headers": chunks that are not signed are not anonymous."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        stated = request.headers.get("x-amz-content-sha256", "")
        if stated == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" and "authorization" not in request.headers:
            key = next(iter(gateway(original).access_keys.values()))
            return Signer(key.organization, b"", "", "", "", stated)
        signer: Signer = original(request)
        return signer


class UnreadableChunkIsServerError(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": what begins with no size is no chunk, by the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/streaming/altered-chunks-are-refused",)

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        if not re.match(rb"[0-9A-Fa-f]+[;\r]", call.request.body):
            raise server_error()
        original(call, stated)


class UnframedTakenAsItIs(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": a payload said to come in chunks that does not was altered."""

    surface = "storage"
    noticed_by = ("storage/streaming/altered-chunks-are-refused",)

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        if re.match(rb"[0-9A-Fa-f]+[;\r]", call.request.body):
            original(call, stated)
        else:
            call.body = call.request.body


class UntoldDecodedLengthIsServerError(Defect):
    """S3 API Reference, MissingContentLength: a length that was left out is the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/streaming/decoded-length-is-checked",)

    def check_decoded_length(self, original: Any, call: Call) -> None:
        if "x-amz-decoded-content-length" not in call.headers:
            raise server_error()
        original(call)


# Fields that say what there is not.


class UnknownAlgorithmIsServerError(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-checksum-algorithm: an unknown one is the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error",)

    def asked_algorithm(self, original: Any, call: Call) -> str | None:
        asked: str | None = _crashing(lambda: original(call))
        return asked


class UnknownStorageClassIsServerError(Defect):
    """S3 API Reference, InvalidStorageClass: 400 for one that there is not."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error",)

    def storage_class(self, original: Any, call: Call) -> str:
        return str(_crashing(lambda: original(call)))


class UnreadableTagsOfTheFieldAreServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for an x-amz-tagging that is not written as a query is."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        return dict(_crashing(lambda: original(call)))


def _crashing(reading: Callable[[], Any]) -> Any:
    """What is read, or in place of a refusal a crash."""
    try:
        return reading()
    except Fault:
        raise server_error() from None


# Names.


class KeyEndsAtNought(Defect):
    """S3 User Guide, "Creating object key names": a key is its characters, and no string that ends at U+0000."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different",)

    def object_key(self, original: Any, key: str) -> str:
        return str(original(key)).partition("\0")[0]


class BucketCutOutOfTheKey(Defect):
    """S3 User Guide, "Creating object key names": a key may have a segment that is called as its bucket is."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return bucket, f"/{key}".replace(f"/{bucket}/", "/")[1:]


class DotsWithinANameRefused(Defect):
    """S3 User Guide, "Creating object key names": two dots within a name are no step out of anything."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept",)

    def check_key(self, original: Any, key: str) -> None:
        if re.search(r"[^/]\.\.|\.\.[^/]", key):
            raise Fault("InvalidArgument")
        original(key)


# What is told.


class ContentTypeLowered(Defect):
    """RFC 9110 section 8.3.1: a parameter's value may be case-sensitive; a type is given back as it was given."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def content_type(self, original: Any, call: Call) -> str:
        return str(original(call)).lower()


class ModifiedWheneverOneAsks(Defect):
    """S3 API Reference, HeadObject, Last-Modified: when the object was last modified, and not when it was asked for."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        return dict(original(replace(found, modified=gateway(original).seconds())))


class ListedAsModifiedWheneverOneAsks(Defect):
    """S3 API Reference, Object, LastModified: when the object was last modified, and not when it is listed."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key)
        return found and replace(found, modified=gateway(original).seconds())
