"""Defects of signatures, chunks and names that are not looked at, or end a request in a server error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.open_doors import under_any_secret
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Request
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

# Signatures.


class PartsByUrlUnverified(Defect):
    """SigV4, "Using Query Parameters": the URL of a part is good for that part, as its signature says."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        named = query_of(request)
        return under_any_secret(original, request, {"uploadId", "X-Amz-Signature"} <= set(named))


# Payloads in chunks.


class ChunksLeaveTheirRequestUnverified(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": the request that chunks come with is verified, as they are."""

    surface = "storage"
    noticed_by = (
        "storage/signature/altered-request-is-refused#chunks-to-another-key",
        "storage/signature/altered-request-is-refused#chunks-with-trailer-to-another-key",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        stated = request.headers.get("x-amz-content-sha256", "")
        return under_any_secret(original, request, stated.startswith("STREAMING-AWS4-HMAC-SHA256"))


class UnframedTakenAsItIs(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": a payload said to come in chunks that does not was altered."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/altered-chunks-are-refused#never-framed",
        "storage/streaming/altered-chunks-are-refused#size-unreadable",
    )

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        if re.match(rb"[0-9A-Fa-f]+[;\r]", call.request.body):
            original(call, stated)
        else:
            call.body = call.request.body


class UntoldDecodedLengthIsServerError(Defect):
    """S3 API Reference, MissingContentLength: a length that was left out is the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/streaming/decoded-length-is-checked#left-out",)

    def check_decoded_length(self, original: Any, call: Call) -> None:
        if "x-amz-decoded-content-length" not in call.headers:
            raise server_error()
        original(call)


# Fields that say what there is not.


class UnknownAlgorithmIsServerError(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-checksum-algorithm: an unknown one is the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error#x-amz-checksum-algorithm",)

    def asked_algorithm(self, original: Any, call: Call) -> str | None:
        asked: str | None = _crashing(lambda: original(call))
        return asked


class UnknownStorageClassIsServerError(Defect):
    """S3 API Reference, InvalidStorageClass: 400 for one that there is not."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error#x-amz-storage-class",)

    def storage_class(self, original: Any, call: Call) -> str:
        return str(_crashing(lambda: original(call)))


class UnreadableTagsOfTheFieldAreServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for an x-amz-tagging that is not written as a query is."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error#x-amz-tagging",)

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
    noticed_by = ("storage/key/similar-names-are-different#end-of-a-string",)

    def object_key(self, original: Any, key: str) -> str:
        return str(original(key)).partition("\0")[0]


class BucketCutOutOfTheKey(Defect):
    """S3 User Guide, "Creating object key names": a key may have a segment that is called as its bucket is."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#name-of-the-bucket",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return bucket, f"/{key}".replace(f"/{bucket}/", "/")[1:]


class DotsWithinANameRefused(Defect):
    """S3 User Guide, "Creating object key names": two dots within a name are no step out of anything."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#dots-within",)

    def check_key(self, original: Any, key: str) -> None:
        if re.search(r"[^/]\.\.|\.\.[^/]", key):
            raise Fault("InvalidArgument")
        original(key)


# What is told.


class ListedAsModifiedWheneverOneAsks(Defect):
    """S3 API Reference, Object, LastModified: when the object was last modified, and not when it is listed."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key)
        return found and replace(found, modified=gateway(original).seconds())
