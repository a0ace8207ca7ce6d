"""Variants of copies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer
from conformance.reference.one_method import variant
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import late_failure

CONDITIONS = ("if-match", "if-none-match")


@variant()
def copy_of_parts_keeps_its_tag(copied_etag: Any, stored: StoredObject) -> str:
    """S3 API Reference, Object, ETag: an ETag may not be an MD5; a copy of a multipart object has its source's ETag."""
    return stored.etag


@variant()
def copy_of_parts_keeps_its_checksum(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObjectResult, ChecksumType: a copy keeps a composite checksum, and reports it as such."""
    copy: StoredObject = copied(call, stored, replaced)
    return replace(copy, checksums=stored.checksums, checksum_type=stored.checksum_type)


class TimesInDocumentsRounded(Variant):
    """RFC 9110 section 8.8.2.1, S3 API Reference, Object, LastModified: neither defines the rounding of times."""

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        return str(original(key, replace(stored, modified=stored.modified + 1), encoded, owner))

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        return list(original(etag, modified + 1, checksums))


@variant()
async def copy_fails_within200(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """CopyObject: "If the error occurs during the copy operation, the error response is embedded in the 200 OK".

    A failed condition on the destination is such an error, because it is evaluated at the write.
    """
    try:
        answer: Answer = await copy_object(call, bucket)
    except Fault as failure:
        await gateway(copy_object).source(call)
        if failure.code != "PreconditionFailed" or not any(name in call.headers for name in CONDITIONS):
            raise
        answer = late_failure(copy_object, call, failure)
    return answer
