"""Variants of copies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import late_failure

CONDITIONS = ("if-match", "if-none-match")


class CopyOfPartsKeepsItsTag(Variant):
    """S3 API Reference, Object, ETag: it may or may not be an MD5; here a copy of parts has the tag of its source."""

    surface = "storage"

    def copied_etag(self, original: Any, stored: StoredObject) -> str:
        return stored.etag


class CopyOfPartsKeepsItsChecksum(Variant):
    """S3 API Reference, CopyObjectResult, ChecksumType: here a copy keeps a composite checksum, told as such."""

    surface = "storage"

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, checksums=stored.checksums, checksum_type=stored.checksum_type)


class TimesInDocumentsRounded(Variant):
    """RFC 9110 section 8.8.2.1, S3 API Reference, Object, LastModified: neither says what becomes of half a second.

    Here fields are cut to the second, and documents rounded to the next one.
    """

    surface = "storage"

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        return str(original(key, replace(stored, modified=stored.modified + 1), encoded, owner))

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        return list(original(etag, modified + 1, checksums))


class CopyFailsWithin200(Variant):
    """CopyObject: "If the error occurs during the copy operation, the error response is embedded in the 200 OK".

    So does one that is made under a condition on what stands at its key, which is known when it is written.
    """

    surface = "storage"

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as failure:
            await gateway(original).source(call)
            if failure.code != "PreconditionFailed" or not any(name in call.headers for name in CONDITIONS):
                raise
            answer = late_failure(original, call, failure)
        return answer
